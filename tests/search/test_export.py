"""All hits to take along."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from marketplace.catalogs.models import PurchaseListLine
from marketplace.core.db import transaction
from marketplace.organizations.queries import by_ref
from marketplace.search.views import export
from tests.factories.searching import SearchSite, make_search_site, put_project, reindex, serve


@pytest.fixture
def site(app: Flask, client: FlaskClient) -> SearchSite:
    return make_search_site(app, client)


def rows(site: SearchSite, address: str) -> list[list[str]]:
    """The lines of a CSV."""
    response = site.client.get(address)
    assert response.status_code == 200
    assert response.data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(response.data.decode("utf-8-sig"))))


def test_both_forms_hold_all_hits_in_the_order_of_the_page(site: SearchSite) -> None:
    table = rows(site, "/search.csv?kind=project&sort=budget_low")
    assert table[0][:4] == ["类型", "编号", "名称", "单位"]
    assert [row[2] for row in table[1:]] == ["白鹭街道独居老人探访", "桐浦街道长者助餐服务", "桐浦街道青少年心理辅导"]
    assert table[2][4:8] == ["老年助餐服务", "桐浦街道", "368000.00", "公开征集"]
    assert table[2][-1] == f"http://localhost/projects/{site.refs['meals']}"
    sheet = load_workbook(io.BytesIO(site.client.get("/search.xlsx?kind=project&sort=budget_low").data)).active
    assert [[str(cell or "") for cell in row] for row in sheet.values] == table


def test_a_line_from_which_a_draft_grows_looks_like_any_other_until_the_draft_is_published(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        line = session.scalars(select(PurchaseListLine)).one()
        line.project_ref = site.refs["draft"]
    [_, line_cells] = rows(site, "/search.csv?q=助餐点运营&kind=purchase_list_item&status=not_posted")
    assert line_cells[2] == "助餐点运营与送餐上门"
    assert line_cells[7] == "未发布", "as the filter says by which it was found"
    assert "已起草" not in site.page("/search?q=助餐点运营&kind=purchase_list_item")


def test_an_organization_brings_what_it_serves(site: SearchSite) -> None:
    serve(site, "A040203")
    assert rows(site, "/search.csv?kind=organization&q=助餐")[1][4] == "老年助餐服务"


def test_every_batch_is_walked_without_a_gap_and_the_limit_holds(site: SearchSite, monkeypatch: pytest.MonkeyPatch) -> None:
    with site.app.app_context(), transaction() as session:
        unit = by_ref(session, site.refs["unit"])
        for n in range(10, 55):
            put_project(session, unit, f"助餐 {n}", n=n)
    reindex(site.app)
    monkeypatch.setattr("marketplace.search.queries.pages.BATCH", 7)
    names = [row[2] for row in rows(site, "/search.csv?q=助餐&kind=project")[1:]]
    assert len(names) == len(set(names)) == 46
    monkeypatch.setattr(export, "MOST", 10)
    assert len(rows(site, "/search.csv?q=助餐&kind=project")) == 11


def test_no_cell_is_run_as_a_formula(site: SearchSite) -> None:
    with site.app.app_context(), transaction() as session:
        unit = by_ref(session, site.refs["unit"])
        for n, title in enumerate(("=1+1", "+cmd", "-2+3", "@SUM(A1)", "-4"), start=10):
            put_project(session, unit, title, n=n)
    reindex(site.app)
    names = {row[2] for row in rows(site, "/search.csv?kind=project")}
    assert {"'=1+1", "'+cmd", "'-2+3", "'@SUM(A1)", "-4"} <= names
    book = load_workbook(io.BytesIO(site.client.get("/search.xlsx?kind=project").data))
    assert all(cell.data_type != "f" for row in book.active.rows for cell in row)


def test_nothing_found_is_a_heading_alone(site: SearchSite) -> None:
    assert len(rows(site, "/search.csv?kind=project&status=failed")) == 1
    assert site.client.get("/search.pdf").status_code == 404
