"""A small site with an index: projects of every state, an organization, a published list, the catalogue."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from marketplace.catalogs.models import Area
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.organizations.models import Organization, ServiceCategory
from marketplace.organizations.queries import by_ref
from marketplace.projects.models import Project
from marketplace.search import operations
from marketplace.web.services import public_sources, services
from tests.factories.catalogs import line_facts, make_catalog, make_list
from tests.factories.organizations import make_organization, make_unit

TOWN, WHITE = "990106001", "990106002"
AREAS = (("990106", "澜川区", 1, None, "", None, None), (TOWN, "桐浦街道", 2, "990106", "桐浦", 2, 2),
         (WHITE, "白鹭街道", 2, "990106", "白鹭", 3, 2), ("990106001001", "石桥社区", 3, TOWN, "石桥", None, None))


@dataclass
class SearchSite:
    """The site, a visitor, and what stands in it."""

    app: Flask
    client: FlaskClient
    refs: dict[str, str] = field(default_factory=dict)

    def page(self, address: str) -> str:
        """What a visitor sees."""
        response = self.client.get(address)
        assert response.status_code == 200, (address, response.status_code)
        return response.get_data(as_text=True)


def put_project(session: Session, unit: Organization, title: str, **changes: object) -> Project:
    """A public project, written straight into the table."""
    now = utc_now()
    number = changes.pop("n", 1)
    made = Project(**{
        "title": title, "buyer": unit, "buyer_path": unit.path, "number": f"LC-2026-{number:04}", "summary": "",
        "category_code": "A040203", "area_code": TOWN, "budget": Money.yuan(368_000), "state": "published",
        "funding_source": "街道财政预算", "published_at": now - timedelta(days=20, minutes=int(number)),  # type: ignore[call-overload]
        "closes_at": now + timedelta(days=5), "created_at": now, "changed_at": now, "rules_snapshot": {}, **changes})
    session.add(made)
    session.flush()
    return made


def make_search_site(app: Flask, client: FlaskClient) -> SearchSite:
    """A town with three projects, a draft, an organization, a list, the catalogue - and their index."""
    site, now = SearchSite(app, client), utc_now()
    with app.app_context():
        with transaction() as session:
            for code, name, level, parent, aliases, x, y in AREAS:
                session.add(Area(code=code, name=name, level=level, parent_code=parent, aliases=aliases, tile_x=x, tile_y=y))
                session.flush()
            make_catalog(session)
            unit = make_unit(session, area_code=TOWN)
            put = {
                "meals": put_project(session, unit, "桐浦街道长者助餐服务", n=1, body="在六个社区提供午餐，由中央厨房配送。"),
                "visits": put_project(session, unit, "白鹭街道独居老人探访", n=2, area_code=WHITE, budget=Money.yuan(90_000),
                                      category_code="A0402", closes_at=now + timedelta(days=2)),
                "sealed": put_project(session, unit, "桐浦街道青少年心理辅导", n=3, closes_at=now - timedelta(hours=1),
                                      category_code="A05", budget=Money.yuan(1_200_000)),
                "draft": put_project(session, unit, "桐浦街道长者助餐服务（草稿）", n=4, state="draft", published_at=None),
            }
            provider = make_organization(session, name="澜川区晨光长者助餐服务中心", area_code=WHITE)
            make_list(session, unit=unit, is_published=True, facts=[line_facts(title="助餐点运营与送餐上门")])
            site.refs = {**{name: project.ref for name, project in put.items()}, "provider": provider.ref, "unit": unit.ref}
        reindex(app)
    return site


def serve(site: SearchSite, *codes: str) -> None:
    """Let the organization of the site say that it serves these categories."""
    with site.app.app_context(), transaction() as session:
        by_ref(session, site.refs["provider"]).categories += [ServiceCategory(code=code) for code in codes]
    reindex(site.app)


def reindex(app: Flask, now: datetime | None = None) -> None:
    """Build the index anew from the database."""
    with app.app_context():
        operations.rebuild(db.session(), services=services(), sources=public_sources(), now=now or utc_now())
