"""Pages of the catalogue and the purchase lists through HTTP."""

import io

import pytest
from openpyxl import load_workbook

from marketplace.catalogs import operations
from marketplace.catalogs.models import PurchaseList
from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import db, transaction
from tests.factories import NOW
from tests.factories.accounts import make_person, sign_in
from tests.factories.catalogs import line_facts, make_catalog, make_list
from tests.factories.organizations import make_unit


@pytest.fixture
def town(app):
    """A town with a published list of three lines (not posted, posted, contracted) and a catalogue; names and refs."""
    with app.app_context(), transaction() as session:
        operations.load_areas(session, actor=SYSTEM, now=NOW)
        make_catalog(session)
        unit = make_unit(session, name="云岭镇人民政府", area_code="990106101")
        made = make_list(session, unit=unit, is_published=True, facts=[
            line_facts(title="探访服务", catalog_code="A0402"), line_facts(title="助餐服务"), line_facts(title="托管服务")])
        items = made.versions[0].items
        for item in items[1:]:
            operations.mark_line_posted(session, line=item.line, project_ref="p" + item.title[:1], now=NOW)
        operations.mark_line_contracted(session, line=items[2].line, now=NOW)
        handler = make_person(session, role=Role.HANDLER, organization_id=unit.id)
        approver = make_person(session, name="刘建平", role=Role.APPROVER, organization_id=unit.id)
        return {"unit": unit.id, "unit_ref": unit.ref, "list": made.ref, "line": items[0].line.ref, "handler": handler.id,
                "approver": approver.id}


def enter(app, client, person_id):
    from marketplace.accounts.models import Person

    with app.app_context():
        person = db.session.get(Person, person_id)
        sign_in(client, person)


@pytest.mark.parametrize("path", ["/catalogs", "/catalogs?q=助餐", "/catalogs?q=没有", "/catalogs/editions", "/catalogs/A04", "/catalogs/a040203",
                                  "/purchase-lists", "/purchase-lists?year=2026", "/purchase-lists?year=1990",
                                  "/purchase-lists/merged", "/purchase-lists/merged?progress=posted&place=990106101&q=助"])
def test_the_public_pages_open_without_signing_in(client, town, path):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/catalogs/Z99", "/catalogs/editions/none", "/catalogs/export.pdf", "/purchase-lists/none",
                                  "/purchase-lists/none/export.xlsx"])
def test_what_does_not_exist_is_a_404(client, town, path):
    assert client.get(path).status_code == 404


def test_pages_open_on_an_empty_database_too(client):
    for path in ("/catalogs", "/purchase-lists", "/purchase-lists/merged", "/catalogs/editions"):
        assert client.get(path).status_code == 200
    assert client.get("/catalogs/A04").status_code == 404


def test_the_tree_shows_codes_and_the_code_page_its_lines(client, town):
    assert "A040203" in client.get("/catalogs").text
    page = client.get("/catalogs/A04").text
    assert "探访服务" in page
    assert "养老服务" in page


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_the_catalogue_is_handed_out(client, town, kind):
    answer = client.get(f"/catalogs/export.{kind}")
    assert answer.status_code == 200
    if kind == "csv":
        assert answer.data.startswith(b"\xef\xbb\xbfcode,name_zh")
    else:
        assert load_workbook(io.BytesIO(answer.data)).active["A2"].value == "A"


def test_the_list_shows_what_became_of_each_line(client, town):
    page = client.get(f"/purchase-lists/{town['list']}").text
    for word in ("未发布", "已发布", "已签约", "探访服务", "110.40"):
        assert word in page
    assert 'type="checkbox"' not in page


def test_the_list_is_handed_out_in_the_usual_columns(client, town):
    sheet = load_workbook(io.BytesIO(client.get(f"/purchase-lists/{town['list']}/export.xlsx").data)).active
    assert [cell.value for cell in sheet[1]][:4] == ["序号", "项目名称", "购买主体", "目录编码"]
    assert (sheet["B2"].value, sheet["G2"].value) == ("探访服务", 368_000)
    merged = load_workbook(io.BytesIO(client.get("/purchase-lists/merged.xlsx?year=2026").data)).active
    assert merged.max_row == 4
    assert merged["B1"].value == "清单单位"


def test_the_units_clerk_chooses_lines_for_project_drafts(app, client, town):
    enter(app, client, town["handler"])
    page = client.get(f"/purchase-lists/{town['list']}").text
    assert 'action="/projects/drafts-from-lines"' in page
    assert page.count('name="line"') == 1
    assert client.post("/projects/drafts-from-lines", data={"line": town["line"]}).status_code == 303
    assert "已起草" in client.get(f"/purchase-lists/{town['list']}").text


def test_an_amendment_from_reason_to_publication(app, client, town):
    ref = town["list"]
    enter(app, client, town["handler"])
    assert client.get(f"/purchase-lists/{ref}/amend").status_code == 200
    assert client.post(f"/purchase-lists/{ref}/amend", data={"reason": ""}).status_code == 422
    assert client.post(f"/purchase-lists/{ref}/amend", data={"reason": "追加预算"}).status_code == 303
    editor = client.get(f"/purchase-lists/{ref}/edit")
    assert "第 2 版" in editor.text
    answer = client.post(f"/purchase-lists/{ref}/lines/{town['line']}", data={"title": "探访服务", "budget": "40万", "catalog_code": "A0402"})
    assert answer.status_code == 303, answer.text
    assert client.post(f"/purchase-lists/{ref}/lines/{town['line']}", data={"title": "", "budget": "很多"}).status_code == 422
    new = client.post(f"/purchase-lists/{ref}/lines/new", data={"title": "新增服务", "budget": "5万", "then": "1"})
    assert new.headers["Location"].endswith("/lines/new")
    assert client.post(f"/purchase-lists/{ref}/submit", data={"reason": ""}).status_code == 422
    assert client.post(f"/purchase-lists/{ref}/submit", data={"reason": "追加预算"}).status_code == 303
    assert client.post(f"/purchase-lists/{ref}/publish").status_code == 403
    assert "新增服务" not in client.get(f"/purchase-lists/{ref}").text
    enter(app, client, town["approver"])
    assert client.post(f"/purchase-lists/{ref}/return", data={"why": ""}).status_code == 422
    assert client.get(f"/purchase-lists/{ref}/edit").status_code == 200
    assert client.post(f"/purchase-lists/{ref}/publish").status_code == 303
    page = client.get(f"/purchase-lists/{ref}").text
    assert "新增服务" in page
    assert "追加预算" in page
    changes = client.get(f"/purchase-lists/{ref}/changes?version=2").text
    for word in ("新增", "修改", "400,000.00", "368,000.00"):
        assert word in changes
    assert "旧版本" in client.get(f"/purchase-lists/{ref}?version=1").text
    assert client.get(f"/purchase-lists/{ref}/changes?version=1").status_code == 404


def test_a_list_begins_line_by_line_and_a_line_is_removed(app, client, town):
    enter(app, client, town["handler"])
    assert client.get("/purchase-lists/mine").status_code == 200
    assert client.post("/purchase-lists/mine", data={"year": "1"}).status_code == 422
    answer = client.post("/purchase-lists/mine", data={"year": "2027"})
    ref = answer.headers["Location"].split("/")[-2]
    client.post(f"/purchase-lists/{ref}/lines/new", data={"title": "甲"})
    with app.app_context():
        line = db.session.query(PurchaseList).filter_by(ref=ref).one().versions[0].items[0].line.ref
    assert client.get(f"/purchase-lists/{ref}/lines/{line}").status_code == 200
    assert client.post(f"/purchase-lists/{ref}/lines/{line}/remove").status_code == 303
    assert client.post(f"/purchase-lists/{ref}/lines/{line}/remove").status_code == 404
    assert client.get(f"/purchase-lists/by-unit/{town['unit_ref']}/2027").headers["Location"].endswith("/edit")
    assert client.get(f"/purchase-lists/by-unit/{town['unit_ref']}/2026").headers["Location"].endswith(town["list"])
    assert client.get(f"/purchase-lists/by-unit/{town['unit_ref']}/2029").headers["Location"].endswith("/mine")


def test_a_draft_list_does_not_exist_for_the_public_and_for_other_units(app, client, town):
    with app.app_context(), transaction() as session:
        other = make_unit(session, name="望溪镇人民政府")
        hidden = make_list(session, unit=other).ref
        stranger = make_person(session, role=Role.HANDLER, organization_id=other.id).id
    assert client.get(f"/purchase-lists/{hidden}").status_code == 404
    enter(app, client, town["handler"])
    for path in (f"/purchase-lists/{hidden}", f"/purchase-lists/{hidden}/edit", f"/purchase-lists/{hidden}/export.xlsx"):
        assert client.get(path).status_code == 404
    assert client.post(f"/purchase-lists/{hidden}/submit").status_code == 404
    enter(app, client, stranger)
    assert client.get(f"/purchase-lists/{hidden}/edit").status_code == 200
    assert client.post(f"/purchase-lists/{town['list']}/amend", data={"reason": "乱改"}).status_code == 403


def test_the_operator_writes_and_publishes_the_next_edition(app, client, town):
    with app.app_context(), transaction() as session:
        operator = make_person(session, role=Role.OPERATOR).id
    enter(app, client, operator)
    assert client.post("/catalogs/editions", data={"year": ""}).status_code == 422
    answer = client.post("/catalogs/editions", data={"year": "2027", "is_copy": "y"})
    path = answer.headers["Location"]
    assert client.post("/catalogs/editions", data={"year": "2027", "is_copy": "y"}).status_code == 422
    assert client.get(f"{path}/items?code=A05").status_code == 200
    assert client.post(f"{path}/items", data={"code": "X", "name_zh": ""}).status_code == 422
    assert client.post(f"{path}/items", data={"code": "A0401", "name_zh": "儿童服务", "parent_code": "A04", "is_active": "y"}).status_code == 303
    assert client.post(f"{path}/items/A05/remove").status_code == 303
    assert "儿童服务" in client.get(path).text
    assert client.post(path, data={"effective_from": "2027-01-01"}).status_code == 303
    page = client.get("/catalogs").text
    assert "儿童服务" in page
    assert "2027-01-01" in page
    assert client.get(f"{path}/items").status_code == 403


def test_a_draft_edition_does_not_exist_for_the_public(app, client, town):
    with app.app_context(), transaction() as session:
        ref = make_catalog(session, year=2030, is_published=False).ref
    assert client.get(f"/catalogs/editions/{ref}").status_code == 404
    assert client.get(f"/catalogs/export.csv?edition={ref}").status_code == 404
    assert client.post("/catalogs/editions").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["/catalogs", "/purchase-lists", "/purchase-lists/merged", "/imports"])
def test_pages_carry_no_inline_script_or_style(app, client, town, path):
    enter(app, client, town["handler"])
    page = client.get(path).text
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
