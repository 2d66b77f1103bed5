"""The import wizard through HTTP, from upload to undo."""

import io

import pytest
from openpyxl import load_workbook

from marketplace.catalogs.queries import list_of
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.imports.models import ImportBatch, RememberedMapping
from marketplace.web.worker import run_until_idle
from tests.data import SHEETS
from tests.factories.accounts import make_person, sign_in
from tests.factories.organizations import make_organization, make_unit
from tests.factories.sheets import workbook

HEAD = ["项目名称", "购买主体", "预算（万元）"]


@pytest.fixture
def clerk(app, client):
    """A handler of a unit, signed in, and the unit's id and ref."""
    with app.app_context():
        with transaction() as session:
            unit = make_unit(session, name="桐浦街道办事处")
            person = make_person(session, role=Role.HANDLER, organization_id=unit.id)
            ref, unit_id = unit.ref, unit.id
        sign_in(client, person)
    return client, ref, unit_id


def upload(client, unit, data, name="清单.xlsx", target="purchase_list"):
    return client.post(f"/imports/new?target={target}", data={
        "unit": unit, "year": "2026", "file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def mapping(app, ref):
    """The fields that the mapping page would send unchanged."""
    with app.app_context():
        batch = db.session.query(ImportBatch).filter_by(ref=ref).one()
        return {f"t{n}-c{c}": name for n, t in enumerate(batch.mapping["tables"]) for c, name in t["columns"].items()}


def check(app, client, unit, data, name="清单.xlsx"):
    answer = upload(client, unit, data, name)
    assert answer.status_code == 303, answer.text
    ref = answer.headers["Location"].rpartition("/")[2]
    assert client.get(f"/imports/{ref}").status_code == 200
    answer = client.post(f"/imports/{ref}/mapping", data=mapping(app, ref))
    assert answer.status_code == 303, answer.text
    return ref


def lines(app, unit_id):
    with app.app_context():
        from marketplace.organizations.models import Organization

        found = list_of(db.session(), db.session.get(Organization, unit_id), 2026)
        return [(i.title, i.budget.fen if i.budget else None) for i in found.versions[-1].items] if found else []


def test_a_clerks_sheet_is_uploaded_matched_checked_applied_and_undone(app, clerk):
    client, unit, unit_id = clerk
    ref = check(app, client, unit, (SHEETS / "town-lists.xlsx").read_bytes(), "town-lists.xlsx")
    page = client.get(f"/imports/{ref}")
    assert "确认导入 24 行" in page.text
    assert lines(app, unit_id) == []
    assert client.post(f"/imports/{ref}/apply").status_code == 303
    assert len(lines(app, unit_id)) == 24
    assert ("“助老饭堂”", 15_500_000) in lines(app, unit_id)
    assert "撤销这次导入" in client.get(f"/imports/{ref}").text
    assert client.post(f"/imports/{ref}/undo").status_code == 303
    assert lines(app, unit_id) == []


def test_rows_with_faults_save_nothing_unless_the_good_rows_are_asked_for(app, clerk):
    client, unit, unit_id = clerk
    ref = check(app, client, unit, (SHEETS / "old-format.xls").read_bytes(), "old-format.xls")
    page = client.get(f"/imports/{ref}").text
    assert "Sheet1 C7" in page
    assert "待定" in page
    assert "Sheet1 A10" in page
    answer = client.post(f"/imports/{ref}/apply")
    assert answer.status_code == 422
    assert lines(app, unit_id) == []
    assert client.post(f"/imports/{ref}/apply", data={"good_rows": "1"}).status_code == 303
    assert len(lines(app, unit_id)) == 6


def test_the_error_workbook_marks_each_wrong_cell(app, clerk):
    client, unit, _ = clerk
    ref = check(app, client, unit, (SHEETS / "old-format.xls").read_bytes(), "old-format.xls")
    answer = client.get(f"/imports/{ref}/errors.xlsx")
    sheet = load_workbook(io.BytesIO(answer.data))["Sheet1"]
    assert "不是金额" in sheet["C7"].comment.text
    assert "没有填" in sheet["A10"].comment.text
    assert sheet["C7"].fill.fgColor.rgb == "00FBEAE9"
    assert sheet["A5"].value == "农村社区特困老人居家安全促进项目"
    assert sheet["A5"].comment is None


def test_importing_again_shows_that_nothing_would_change(app, clerk):
    client, unit, unit_id = clerk
    data = (SHEETS / "district-list-gbk.csv").read_bytes()
    ref = check(app, client, unit, data, "district-list-gbk.csv")
    client.post(f"/imports/{ref}/apply")
    again = check(app, client, unit, data, "district-list-gbk.csv")
    assert "不用导入" in client.get(f"/imports/{again}").text
    assert client.post(f"/imports/{again}/apply").status_code == 422
    assert len(lines(app, unit_id)) == 12


def test_a_changed_amount_is_shown_before_and_after(app, clerk):
    client, unit, unit_id = clerk
    first = check(app, client, unit, workbook({"表": [HEAD, ["甲", "民政办", 1]]}))
    client.post(f"/imports/{first}/apply")
    second = check(app, client, unit, workbook({"表": [HEAD, ["甲", "民政办", 2], ["乙", "民政办", 3]]}))
    page = client.get(f"/imports/{second}").text
    assert "10,000.00" in page
    assert "20,000.00" in page
    client.post(f"/imports/{second}/apply")
    assert lines(app, unit_id) == [("甲", 2_000_000), ("乙", 3_000_000)]
    client.post(f"/imports/{second}/undo")
    assert lines(app, unit_id) == [("甲", 1_000_000)]


def test_columns_nobody_mapped_are_named_and_a_required_one_is_asked_for(app, clerk):
    client, unit, _ = clerk
    answer = upload(client, unit, workbook({"表": [[*HEAD, "领导批示"], ["甲", "民政办", 1, "同意"]]}))
    ref = answer.headers["Location"].rpartition("/")[2]
    fields = mapping(app, ref)
    refused = client.post(f"/imports/{ref}/mapping", data={k: v for k, v in fields.items() if v != "title"})
    assert refused.status_code == 422
    assert "没有一列对应“项目名称”" in refused.text
    twice = client.post(f"/imports/{ref}/mapping", data={**fields, "t0-c3": "title"})
    assert "有两列都对应“项目名称”" in twice.text
    client.post(f"/imports/{ref}/mapping", data=fields)
    assert "领导批示" in client.get(f"/imports/{ref}").text


def test_a_mapping_that_a_person_corrected_is_remembered_for_the_unit(app, clerk):
    client, unit, _ = clerk
    data = workbook({"表": [[*HEAD, "牵头领导意见"], ["甲", "民政办", 1, "尽快"]]})
    ref = upload(client, unit, data).headers["Location"].rpartition("/")[2]
    client.post(f"/imports/{ref}/mapping", data={**mapping(app, ref), "t0-c3": "remark"})
    again = upload(client, unit, data).headers["Location"].rpartition("/")[2]
    assert mapping(app, again)["t0-c3"] == "remark"
    with app.app_context():
        assert db.session.query(RememberedMapping).count() == 1


def test_another_heading_row_is_guessed_anew(app, clerk):
    client, unit, _ = clerk
    data = workbook({"表": [["项目名称", "预算（万元）"], ["事由", "款项", "附记"], ["甲", 1, "无"]]})
    ref = upload(client, unit, data).headers["Location"].rpartition("/")[2]
    assert client.post(f"/imports/{ref}/mapping", data={"t0-head": "2"}).headers["Location"].endswith("?map=1")
    client.post(f"/imports/{ref}/mapping", data={"t0-c0": "title", "t0-c1": "budget", "t0-unit": "万元", "t0-head": "2"})
    assert "确认导入 1 行" in client.get(f"/imports/{ref}").text


@pytest.mark.parametrize(("name", "data", "sentence"), [
    ("清单.xlsx", b"", "空"), ("清单.xlsx", b"not a workbook", "xlsx"), ("清单.exe", b"MZ", "表格"),
    ("清单.xlsx", workbook({"表": [["甲", "乙"], [1, 2]]}), "没有找到表头"),
])
def test_a_file_that_cannot_be_read_says_why(clerk, name, data, sentence):
    client, unit, _ = clerk
    answer = upload(client, unit, data, name)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_large_sheet_goes_through_the_outbox_and_shows_how_far_it_is(app, clerk):
    client, unit, unit_id = clerk
    data = workbook({"表": [HEAD, *([f"项目{n}", "民政办", n] for n in range(1, 252))]})
    ref = check(app, client, unit, data)
    client.post(f"/imports/{ref}/apply")
    page = client.get(f"/imports/{ref}")
    assert '<progress max="251" value="0">' in page.text
    assert page.headers["Refresh"] == "2"
    with app.app_context():
        run_until_idle()
    assert len(lines(app, unit_id)) == 251
    assert "已导入 251 行" in client.get(f"/imports/{ref}").text


def test_an_import_of_another_unit_does_not_exist(app, clerk, client):
    _, unit, _ = clerk
    ref = upload(client, unit, workbook({"表": [HEAD, ["甲", "民政办", 1]]})).headers["Location"].rpartition("/")[2]
    with app.app_context():
        with transaction() as session:
            other = make_unit(session, name="白鹭街道办事处")
            person = make_person(session, role=Role.HANDLER, organization_id=other.id)
        sign_in(client, person)
    assert client.get(f"/imports/{ref}").status_code == 404
    assert client.post(f"/imports/{ref}/apply").status_code == 404


def test_a_provider_may_not_import(app, client):
    with app.app_context():
        with transaction() as session:
            person = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=make_organization(session).id)
        sign_in(client, person)
    assert client.get("/imports/new?target=purchase_list").status_code == 403
    assert client.get("/imports/new?target=nothing").status_code == 404
    assert client.get("/imports").status_code == 200
