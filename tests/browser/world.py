"""A small world around the present moment: one unit under a district, people in every role, projects in every state.

Every state is reached through the operations; the outbox is worked, so messages, notices and the contract are there.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards import operations as awards
from marketplace.awards import queries as award_queries
from marketplace.awards.models import Award, Notice, Panel, PanelSeat
from marketplace.bids import operations as bids
from marketplace.bids.models import SealedBid
from marketplace.catalogs import operations as catalogs
from marketplace.catalogs.models import Area, Catalog
from marketplace.catalogs.queries import work_calendar
from marketplace.catalogs.rules import LineFacts
from marketplace.contracts.models import Contract
from marketplace.contracts.operations import draw_up_contract
from marketplace.core.access import SYSTEM, Actor, Role
from marketplace.core.clock import beijing_date
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.files.operations import store
from marketplace.imports import operations as imports
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import JOB_OPENING_DUE, earliest_deadline
from marketplace.search.models import SavedSearchHit
from marketplace.search.operations import saved
from marketplace.search.queries.saved import by_ref, hits_of
from marketplace.search.rules.question import question_of
from marketplace.search.rules.saved import Frequency, Wish
from marketplace.web.services import services
from marketplace.web.worker import run_until_idle
from tests.browser.evening import build_evening
from tests.browser.fairs import build_fairs
from tests.browser.fundplans import build_fundplans
from tests.browser.interests import build_interests
from tests.browser.matching import build_market, build_runs
from tests.browser.portfolio import build_agreement, build_portfolio
from tests.browser.sides import build_sides
from tests.browser.treasury import build_treasury
from tests.factories.accounts import actor_of, make_person, with_password
from tests.factories.bids import Bidding, an_offer
from tests.factories.organizations import make_organization
from tests.factories.organizations import make_unit as register_unit
from tests.factories.projects import AREA, Desk, facts, make_places

SHEET = Path(__file__).resolve().parents[1] / "data/sheets/town-lists.xlsx"
TITLES = {
    "draft": "桐浦街道青少年暑期营", "in_review": "桐浦街道困难家庭探访", "open": "桐浦街道长者助餐服务", "soon": "桐浦街道残疾人居家助浴服务",
    "sealed": "桐浦街道认知症家庭送餐支持", "opened": "桐浦街道社区矫正对象社会适应支持", "scoring": "桐浦街道新就业群体友好驿站运营",
    "ranked": "桐浦街道儿童议事会", "awarded": "桐浦街道失独家庭关怀服务", "contracted": "桐浦街道留守老人探访", "failed": "桐浦街道社区花园共建",
}


@dataclass
class World:
    """Public references by name, and the ids of the people."""

    refs: dict[str, str] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    bidders: list[Bidding] = field(default_factory=list)

    def path(self, template: str) -> str:
        """Fill the references into an address."""
        return template.format(**self.refs)


def build(app: Flask, now: datetime) -> World:
    """Build the world; transactions are the operations' own size, the outbox runs between them."""
    world = World()
    with app.app_context():
        with transaction() as session:
            desk = _people(session, world, now)
            _list(session, world, desk, now)
            _imports(session, app, world, desk, now)
            _searches(session, world, now)
        for name in TITLES:
            with transaction() as session:
                _project(session, world, desk, name, now)
        run_until_idle()
        with transaction() as session:
            _judge(session, world, desk, now)
        run_until_idle()
        with transaction() as session:
            _evening(session, world, now)
            _treasury(session, world, now)
            _portfolio(session, world, now)
            unit = session.scalars(select(Organization).where(Organization.ref == world.refs["unit"])).one()
            world.refs.update(build_interests(session, unit=unit, people=world.people, now=now))
        with transaction() as session:
            _sides(session, world, now)
        run_until_idle()
        _mute(world, now)
        _note_papers(world)
        _matching(world, now)
        run_until_idle()
        with transaction() as session:
            _fairs(session, world, now)
        run_until_idle()
    return world


def _people(session: Session, world: World, now: datetime) -> Desk:
    """Open the accounts of every role."""
    made = now - timedelta(days=90)
    make_places(session)
    for place, (x, y) in {AREA: (2, 2), "440605121": (3, 2)}.items():
        area = session.get_one(Area, place)
        area.tile_x, area.tile_y = x, y
    district = register_unit(session, name="澜川区民政局", area_code="440605", now=made)
    unit = register_unit(session, name="桐浦街道办事处", parent=district, area_code=AREA, now=made)
    session.flush()
    provider = make_organization(session, name="澜川区暖邻社会工作服务中心", now=made)
    foundation = make_organization(session, name="澜川区社区发展基金会", kind=OrganizationKind.FOUNDATION, now=made, is_funder=True,
                                   legal_representative="岑海平")
    session.flush()
    places = {
        "handler": (Role.HANDLER, unit), "approver": (Role.APPROVER, unit), "unit_admin": (Role.UNIT_ADMIN, unit),
        "district": (Role.APPROVER, district), "provider_admin": (Role.PROVIDER_ADMIN, provider),
        "provider_member": (Role.PROVIDER_MEMBER, provider), "funder": (Role.FUNDER, foundation),
        "operator": (Role.OPERATOR, None), "security_officer": (Role.SECURITY_OFFICER, None),
        "auditor": (Role.AUDITOR, None),
    }
    names = ("何晓岚", "刘建平", "陈静", "郑国强", "周敏", "林晓", "方远", "罗文", "高洁", "蒋平")
    actors = {}
    for name, (key, (role, place)) in zip(names, places.items(), strict=True):
        person = make_person(session, name=name, role=role, organization_id=place.id if place else None, now=made)
        with_password(session, person, now=made)
        world.people[key] = person.id
        world.refs[f"person_{key}"] = person.ref
        actors[key] = actor_of(session, person)
    for number in range(7):
        expert = make_person(session, name=f"专家{'甲乙丙丁戊己庚'[number]}", role=Role.EXPERT, now=made)
        awards.enrol_expert(session, actor=SYSTEM, person=expert, fields=[], employer="", employer_organization=None, now=made)
        world.people[f"expert{number}"] = expert.id
    world.bidders.append(Bidding(provider, actors["provider_member"]))
    for number in range(2):
        rival = make_organization(session, name=f"澜川区{'晨光邻里'[number * 2:number * 2 + 2]}社会工作服务中心", now=made)
        session.flush()
        person = make_person(session, role=Role.PROVIDER_MEMBER, organization_id=rival.id, now=made)
        world.bidders.append(Bidding(rival, actor_of(session, person)))
    unverified = make_organization(session, name="澜川区萤火公益服务中心", is_verified=False, now=made)
    session.flush()
    world.refs.update(unit=unit.ref, provider=provider.ref, foundation=foundation.ref, unverified=unverified.ref,
                      year=str(beijing_date(now).year), edition=session.scalars(select(Catalog.ref)).one())
    return Desk(unit, actors["handler"], actors["approver"])


def _list(session: Session, world: World, desk: Desk, now: datetime) -> None:
    """Publish the unit's list of this year."""
    made = now - timedelta(days=80)
    found = catalogs.open_list(session, actor=desk.handler, unit=desk.unit, year=beijing_date(now).year, now=made)
    for title, wan, source in (("长者助餐服务", 36, "街道部门预算"), ("青少年暑期营", 12, "街道部门预算"), ("困难家庭探访", 18, "福彩公益金")):
        catalogs.add_line(session, actor=desk.handler, version=found.versions[-1], now=made, facts=LineFacts(
            title=title, office="公共服务办", budget=Money.yuan(wan * 10_000), funding_source=source))
    catalogs.submit_version(session, actor=desk.handler, version=found.versions[-1], now=made)
    catalogs.publish_version(session, actor=desk.approver, version=found.versions[-1], now=made)
    version = catalogs.amend(session, actor=desk.handler, purchase_list=found, reason="区级资金下达，增列一项", now=made)
    catalogs.add_line(session, actor=desk.handler, version=version, now=made, facts=LineFacts(
        title="认知症家庭支持", office="公共服务办", budget=Money.yuan(95_000), funding_source="区级社会建设专项"))
    catalogs.submit_version(session, actor=desk.handler, version=version, now=made)
    catalogs.publish_version(session, actor=desk.approver, version=version, now=made)
    coming = catalogs.open_list(session, actor=desk.handler, unit=desk.unit, year=beijing_date(now).year + 1, now=made)
    line = catalogs.add_line(session, actor=desk.handler, version=coming.versions[-1], now=made, facts=LineFacts(
        title="长者助餐服务", office="公共服务办", budget=Money.yuan(380_000), funding_source="街道部门预算"))
    edition = catalogs.draft_edition(session, actor=SYSTEM, year=beijing_date(now).year + 1, now=made,
                                     source=session.scalars(select(Catalog)).one())
    world.refs.update(list=found.ref, list_draft=coming.ref, line_draft=line.line.ref, edition_draft=edition.ref)


def _imports(session: Session, app: Flask, world: World, desk: Desk, now: datetime) -> None:
    """Upload a real sheet twice: one waits for the meaning of its columns, one was checked."""
    target = app.extensions["marketplace.import_targets"]["purchase_list"]
    data = SHEET.read_bytes()
    sheets = services().workbook_reader.read(data, filename=SHEET.name)
    for name in ("import_uploaded", "import_checked"):
        file = store(session, actor=desk.handler, store=services().files, name=SHEET.name, data=data, now=now,
                     purpose="import_sheet", organization_id=desk.unit.id)
        session.flush()
        batch = imports.upload(session, actor=desk.handler, target=target, file=file, sheets=sheets, now=now,
                               options={"unit": desk.unit.ref, "year": beijing_date(now).year + 1})
        if name == "import_checked":
            imports.check_import(session, actor=desk.handler, batch=batch, target=target, sheets=sheets,
                                 mapping=batch.mapping, now=now)
        world.refs[name] = batch.ref


def _searches(session: Session, world: World, now: datetime) -> None:
    """Two saved searches of a provider's member, saved before everything was published."""
    actor, made = world.bidders[0].actor, now - timedelta(days=89)
    for name, words, how_often in (("saved", "q=桐浦街道&kind=project", Frequency.AT_ONCE),
                                   ("saved_weekly", "q=长者&area=440605&max=500000", Frequency.WEEKLY)):
        search = saved.save_search(session, actor=actor, question=question_of(parse_qsl(words)), now=made,
                                   wish=Wish("桐浦的项目" if name == "saved" else "长者服务", how_often))
        world.refs.update({name: search.ref, f"{name}_token": search.token})


def _mute(world: World, now: datetime) -> None:
    """Be silent about one of the things that were told."""
    with transaction() as session:
        search = by_ref(session, world.refs["saved"])
        hit = session.scalars(hits_of(search).where(SavedSearchHit.message_ref.is_not(None))).first()
        saved.mute(session, search=search, kind=hit.kind, ref=hit.ref, now=now)
        world.refs.update(told=hit.message_ref, told_item=hit.ref)


def _project(session: Session, world: World, desk: Desk, name: str, now: datetime) -> None:
    """Bring one project to its state, up to the opening."""
    calendar = work_calendar(session)
    began = now - timedelta(days=1 if name in {"open", "in_review", "draft"} else 6 if name == "soon" else 40)
    closes = earliest_deadline(began, 5, calendar)
    while name in {"open", "soon"} and closes <= now + timedelta(hours=12):
        closes = earliest_deadline(closes, 1, calendar)
    project = projects.draft_project(session, actor=desk.handler, buyer=desk.unit, now=began, **facts(
        title=TITLES[name], closes_at=closes, fair_type="常规性项目"))
    world.refs[name] = project.ref
    if name == "draft":
        return
    projects.submit_for_review(session, actor=desk.handler, project=project, now=began)
    if name == "in_review":
        return
    projects.publish(session, actor=desk.approver, project=project, closes_at=closes, now=began)
    if name == "open":
        projects.ask(session, actor=world.bidders[0].actor, project=project, question="送餐是否包括周末？",
                     now=now - timedelta(hours=3))
    if name in {"open", "soon"}:
        return
    count = 1 if name == "failed" else 3
    for bidding, price in list(zip(world.bidders, (356_000, 341_500, 360_000), strict=True))[:count]:
        bids.submit_bid(session, actor=bidding.actor, project=project, offer=an_offer(price=Money.yuan(price)),
                        sealer=services().sealer, now=began + timedelta(days=2))
    if name == "sealed":
        _keep_shut(session, project, now + timedelta(days=1))
    else:
        bids.open_bids(session, actor=SYSTEM, project=project, sealer=services().sealer, now=closes + timedelta(seconds=61))


def _keep_shut(session: Session, project: Project, until: datetime) -> None:
    """Put the opening off, as if the outbox had stood still: a project is sealed for one minute only."""
    for job in session.scalars(select(Job).where(Job.kind == JOB_OPENING_DUE)):
        if job.payload["project_ref"] == project.ref:
            job.due_at = until


def _judge(session: Session, world: World, desk: Desk, now: datetime) -> None:
    """Draw, score, decide and contract what has got so far; the first bidder wins the contract."""
    mine = world.bidders[0].organization.id
    for name in ("scoring", "ranked", "awarded", "contracted"):
        project = session.scalars(select(Project).where(Project.ref == world.refs[name])).one()
        assert project.opened_at is not None
        at = project.opened_at + timedelta(days=1)
        panel = awards.draw_panel(session, actor=desk.handler, project=project, now=at)
        if name == "scoring":
            world.refs["seat"], world.refs["seat_drawn"] = _begin_scoring(session, world, panel, at)
            continue
        for seat in list(panel.seats):
            member = _member(session, seat.person_id)
            awards.declare(session, actor=member, seat=seat, has_conflict=False, now=at)
            _fill(session, seat, member, at, favourite=mine if name == "contracted" else 0)
            awards.submit_sheet(session, actor=member, seat=seat, now=at)
        awards.close_scoring(session, actor=desk.handler, project=project, now=at)
        if name == "ranked":
            continue
        decided = now - timedelta(hours=5) if name == "awarded" else at + timedelta(days=1)
        first = award_queries.ranking_of(session, project)[0].bid
        made = awards.award(session, actor=desk.approver, project=project, bid=first, reason="排名第一", now=decided)
        if name == "contracted":
            draw_up_contract(session, actor=SYSTEM, award=made, now=made.objections_until, is_demo=True)


def _member(session: Session, person_id: int) -> Actor:
    """Return the actor of an expert."""
    from marketplace.accounts.queries import load_actor

    return load_actor(session, person_id)


def _begin_scoring(session: Session, world: World, panel: Panel, at: datetime) -> tuple[str, str]:
    """Seat the first member, leave the second to declare; remember who they are."""
    first, second = panel.seats[0], panel.seats[1]
    awards.declare(session, actor=_member(session, first.person_id), seat=first, has_conflict=False, now=at)
    world.people["expert"], world.people["expert_drawn"] = first.person_id, second.person_id
    return first.ref, second.ref


def _fill(session: Session, seat: PanelSeat, member: Actor, at: datetime, *, favourite: int) -> None:
    """Score every offer, the favourite's best."""
    project = seat.panel.project
    for number, bid in enumerate(award_queries.opened_bids(session, project, valid_only=True)):
        share = Decimal("0.98") if bid.organization_id == favourite else Decimal("0.8") - Decimal("0.05") * number
        points = {c.id: (c.weight * share).quantize(Decimal("0.01")) for c in project.criteria}
        comments = {c.id: "符合要求" for c in project.criteria}
        awards.save_scores(session, actor=member, seat=seat, bid=bid, points=points, comments=comments, now=at)


def _evening(session: Session, world: World, now: datetime) -> None:
    """Hold a pledging event at the foundation."""
    foundation = session.scalars(select(Organization).where(Organization.ref == world.refs["foundation"])).one()
    project = session.scalars(select(Project).where(Project.ref == world.refs["open"])).one()
    refs = build_evening(session, foundation=foundation, project=project, host_id=world.people["funder"], now=now)
    world.people["funder_second"] = int(str(refs.pop("funder_second")))
    world.refs.update({name: str(ref) for name, ref in refs.items()})


def _fairs(session: Session, world: World, now: datetime) -> None:
    """Let the unit invite organizations to short talks."""
    bodies = {name: session.scalars(select(Organization).where(Organization.ref == world.refs[name])).one()
              for name in ("unit", "provider")}
    world.refs.update(build_fairs(session, **bodies, people=world.people, now=now))


def _treasury(session: Session, world: World, now: datetime) -> None:
    """Keep the books of the foundation's account."""
    foundation = session.scalars(select(Organization).where(Organization.ref == world.refs["foundation"])).one()
    project = session.scalars(select(Project).where(Project.ref == world.refs["open"])).one()
    refs = build_treasury(session, foundation=foundation, project=project, treasurer_id=world.people["funder"], now=now)
    world.refs.update({name: str(ref) for name, ref in refs.items()})


def _portfolio(session: Session, world: World, now: datetime) -> None:
    """Let the foundation be a funder with pools and pledges."""
    foundation = session.scalars(select(Organization).where(Organization.ref == world.refs["foundation"])).one()
    project = session.scalars(select(Project).where(Project.ref == world.refs["open"])).one()
    world.refs.update(build_portfolio(session, foundation=foundation, project=project, people=world.people, now=now))
    contracted = session.scalars(select(Project).where(Project.ref == world.refs["contracted"])).one()
    world.refs.update(build_agreement(session, project=contracted, now=now))
    world.refs.update(build_fundplans(session, refs=world.refs, people=world.people, now=now))


def _sides(session: Session, world: World, now: datetime) -> None:
    """Put providers of several fits around the open projects."""
    by_name = {name: session.scalars(select(Project).where(Project.ref == world.refs[name])).one()
               for name in ("open", "soon", "failed")}
    world.refs.update(build_sides(session, project=by_name["open"], other=by_name["soon"], ended=by_name["failed"],
                                  people=world.people, now=now))


def _matching(world: World, now: datetime) -> None:
    """Let the operator match a market: runs in several states, edits, two versions of the weights."""
    with transaction() as session:
        world.refs.update(build_market(session, now=now))
    world.refs.update(build_runs(_member(db.session(), world.people["operator"]), world.refs))


def _note_papers(world: World) -> None:
    """Remember the references that came of it."""
    session = db.session()
    mine = world.bidders[0].organization.id
    by_project = {bid.project.ref: bid.ref for bid in session.scalars(
        select(SealedBid).where(SealedBid.organization_id == mine))}
    for name in ("sealed", "opened", "awarded", "contracted"):
        world.refs[f"bid_{name}"] = by_project[world.refs[name]]
    world.refs["offer"] = session.scalars(
        select(SealedBid.ref).join(Project).where(Project.ref == world.refs["ranked"])).first()
    contract = session.scalars(select(Contract)).one()
    assert contract.document is not None, contract.render_error
    world.refs.update(contract=contract.ref, code=contract.document.verify_code)
    world.refs["notice"] = session.scalars(select(Notice).where(Notice.kind == "result")).first().ref
    assert session.scalars(select(Award)).first() is not None
