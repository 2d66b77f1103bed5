"""The public list: CPU a request against a bare Flask page in the same run, at 416 and at 100,000 projects."""

import csv
import gc
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

FAIR, CITY = 416, 100_000
BARE_BOUND, GROWTH_BOUND = 30.0, 1.5
BATCH = 5_000
UNITS = 40
NOW = datetime.now(tz=UTC)
VERBS = ("助餐", "探访", "调解", "普法", "托管", "康复", "心理疏导", "志愿者培力", "巡访", "文化活动", "就业帮扶", "社区治理")
GROUPS = ("长者", "青少年", "残障人士", "困难家庭", "新市民", "妇女", "退役军人", "社区居民")
BODY = "辖区服务对象较多，现有服务点不足，行动不便的居民用不上。本项目提供{group}{verb}服务，按月公布人次和满意度，不公布个人信息。"
STATES = (("published", 30), ("opened", 6), ("awarded", 4), ("contracted", 50), ("failed", 6), ("terminated", 4))


def run(quick: bool = False) -> list[dict[str, object]]:
    """Return both figures: medians of CPU time over a mix of addresses, the three sides in turn."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    rounds, large = (4, 5_000) if quick else (25, CITY)
    with tempfile.TemporaryDirectory() as folder:
        small_app = _site(Path(folder) / "small", FAIR)
        large_app = _site(Path(folder) / "large", large)
        clients = {"bare": _bare().test_client(), "small": small_app.test_client(), "large": large_app.test_client()}
        paths = _paths(small_app)
        times: dict[str, list[float]] = {name: [] for name in clients}
        for number in range(rounds + 2):
            for path in paths:
                for name, client in clients.items():
                    taken = _cpu(client, "/" if name == "bare" else path)
                    if number >= 2:  # the first rounds warm templates and statements
                        times[name].append(taken)
        for app in (small_app, large_app):
            _close(app)
    bare, small, big = (statistics.median(times[name]) * 1000 for name in ("bare", "small", "large"))
    return [
        {"name": f"browse page at {FAIR} projects", "value": round(small, 3), "unit": "ms CPU",
         "ratio": round(small / bare, 2), "to": f"a bare Flask page ({bare:.3f} ms CPU)", "bound": BARE_BOUND,
         "met": small / bare <= BARE_BOUND},
        {"name": f"browse page at {large:,} projects", "value": round(big, 3), "unit": "ms CPU",
         "ratio": round(big / small, 2), "to": f"the same page at {FAIR} projects", "bound": GROWTH_BOUND,
         "met": big / small <= GROWTH_BOUND},
    ]


def _cpu(client, path: str) -> float:
    """Return the CPU seconds of one request."""
    gc.disable()
    begin = time.process_time()
    response = client.get(path)
    taken = time.process_time() - begin
    gc.enable()
    assert response.status_code == 200, (path, response.status_code)
    return taken


def _bare() -> Flask:
    """Return the yardstick: one route, one short text."""
    app = Flask("bare")

    @app.get("/")
    def page() -> str:
        return "ok"

    return app


def _paths(app: Flask) -> list[str]:
    """Return the addresses of the mix: nothing asked, each facet, combinations, orders, later pages."""
    from marketplace.catalogs.models import Area, CatalogItem
    from marketplace.core.db import db

    with app.app_context():
        towns = sorted(db.session.scalars(sa.select(Area.code).where(Area.level == 2)))
        codes = sorted(db.session.scalars(sa.select(CatalogItem.code).where(CatalogItem.code.like("A____"))))[:3]
        db.session.remove()
    return [
        "/projects", "/projects?page=5", "/projects?sort=closing", "/projects?sort=-budget",
        *(f"/projects?area={town}" for town in towns[:3]), *(f"/projects?category={code[:3]}" for code in codes),
        "/projects?status=open", "/projects?status=open&sort=closing", "/projects?budget=20-50",
        f"/projects?area={towns[0]}&area={towns[1]}&budget=20-50&budget=0-20&status=contracted",
        "/projects?status=open&due=7", f"/projects?category={codes[0][:3]}&status=contracted&sort=budget",
    ]


def _site(folder: Path, projects: int) -> Flask:
    """Make a site with so many projects, as it runs in production: kept counts, sessions, headers, limits."""
    from marketplace import create_app
    from marketplace.config import Config
    from marketplace.core.db import db
    from marketplace.web import migrate

    folder.mkdir()
    app = create_app(Config(instance=folder, secret_key="b" * 40, jobs="none"))
    app.config["RATELIMIT_ENABLED"] = False
    with app.app_context():
        migrate.upgrade(db.engine)
        with db.engine.connect().execution_options(writing=True) as connection, connection.begin():
            _places(connection)
            _fill(connection, projects)
        with db.engine.connect().execution_options(writing=True) as connection:
            connection.exec_driver_sql("ANALYZE")
    return app


def _close(app: Flask) -> None:
    """Let the database go."""
    from marketplace.core.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _places(connection: sa.Connection) -> None:
    """Write areas, the catalogue and the units."""
    from marketplace.catalogs.models import Area, Catalog, CatalogItem
    from marketplace.organizations.models import Organization

    data = Path(__file__).parents[1] / "marketplace/catalogs/data"
    with (data / "areas.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["level"]))
        for row in rows:
            connection.execute(sa.insert(Area).values(code=row["code"], name=row["name"], level=int(row["level"]),
                                                      parent_code=row["parent_code"] or None))
    connection.execute(sa.insert(Catalog).values(id=1, ref="catalog", name="指导性目录", year=2026, state="published",
                                                 published_at=NOW, created_at=NOW))
    with (data / "catalog.csv").open(encoding="utf-8") as file:
        connection.execute(sa.insert(CatalogItem), [
            {"catalog_id": 1, "code": row["code"], "name_zh": row["name_zh"], "parent_code": row["parent"] or None,
             "level": (len(row["code"]) + 1) // 2, "is_official": len(row["code"]) < 7} for row in csv.DictReader(file)])
    connection.execute(sa.insert(Organization), [
        {"id": n, "ref": f"unit{n:08}", "name": f"第{n}街道办事处", "name_key": f"unit{n}", "kind": "unit",
         "standing": "government", "is_buyer": True, "path": f"/{n}/", "created_at": NOW, "version_id": 1}
        for n in range(1, UNITS + 1)])


def _fill(connection: sa.Connection, projects: int) -> None:
    """Write projects of six years in realistic proportions, by bulk insert."""
    from marketplace.catalogs.models import Area, CatalogItem
    from marketplace.projects.models import Project

    dice = random.Random(20161116)
    towns = list(connection.scalars(sa.select(Area.code).where(Area.level <= 2)))
    codes = [code for code in connection.scalars(sa.select(CatalogItem.code)) if len(code) >= 5]
    shares = [1 / (rank + 1) for rank in range(len(codes))]
    for start in range(0, projects, BATCH):
        connection.execute(sa.insert(Project), [
            _project(dice, number, towns, dice.choices(codes, shares)[0])
            for number in range(start + 1, min(start + BATCH, projects) + 1)])


def _project(dice: random.Random, number: int, towns: list[str], code: str) -> dict[str, object]:
    """Return the columns of one public project."""
    from marketplace.core.money import Money

    verb, group = dice.choice(VERBS), dice.choice(GROUPS)
    published = NOW - timedelta(minutes=dice.randrange(1, 6 * 365 * 24 * 60))
    state = dice.choices([s for s, _ in STATES], [w for _, w in STATES])[0]
    if state == "published":
        published = NOW - timedelta(minutes=dice.randrange(1, 20 * 24 * 60))
    closes = published + timedelta(days=15)
    later = closes + timedelta(days=3)
    budget = Money.yuan(round(min(dice.lognormvariate(12.6, 0.7), 5_000_000) / 100) * 100)
    return {
        "id": number, "ref": f"p{number:011}", "number": f"LC-{published.year}-{number:06}",
        "buyer_id": number % UNITS + 1, "buyer_path": f"/{number % UNITS + 1}/",
        "title": f"第{number % UNITS + 1}街道{group}{verb}服务", "summary": f"为{group}提供{verb}服务",
        "body": BODY.format(group=group, verb=verb) * 6, "category_code": code, "area_code": dice.choice(towns),
        "beneficiaries": dice.randrange(20, 900), "budget": budget, "ceiling": budget, "state": state,
        "published_at": published, "closes_at": closes, "created_at": published, "changed_at": published,
        "opened_at": later if state in {"opened", "awarded", "contracted"} else None,
        "awarded_at": later if state in {"awarded", "contracted"} else None,
        "contracted_at": later if state == "contracted" else None,
        "ended_at": later if state in {"failed", "terminated"} else None,
        "service_from": date(2027, 1, 1), "service_to": date(2027, 12, 31), "version_id": 1, "rules_snapshot": {},
    }
