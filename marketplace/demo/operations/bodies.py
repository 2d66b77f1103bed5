"""Registers the 1,663 organizations and 30 foundations; a few dozen get people who bid."""

from datetime import date, timedelta

from sqlalchemy.orm import Session

from marketplace.accounts import operations as accounts
from marketplace.core.access import SYSTEM, Role
from marketplace.core.clock import beijing_date
from marketplace.core.money import Money
from marketplace.demo.operations.people import FOUNDED, actor_of
from marketplace.demo.operations.world import Bidder, World
from marketplace.demo.rules import names, texts
from marketplace.demo.rules.domain import Domain
from marketplace.demo.rules.plan import AGENCIES, ASSOCIATIONS, BIDDERS, FILED, FOUNDATIONS
from marketplace.demo.rules.texts import Place
from marketplace.demo.rules.weave import weave
from marketplace.organizations import operations as organizations
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import STANDING_OF_KIND, OrganizationKind

KINDS = (
    (OrganizationKind.SERVICE_AGENCY, AGENCIES), (OrganizationKind.ASSOCIATION, ASSOCIATIONS),
    (OrganizationKind.FILED_GROUP, FILED), (OrganizationKind.FOUNDATION, FOUNDATIONS),
)
RATED_YEARS = 5
WITH_RECORD = 0.15
UNVERIFIED, SUBMITTED, RETURNED, LISTED = 0.03, 0.015, 0.01, 0.012


def register_bodies(session: Session, world: World, kind: OrganizationKind, count: int) -> None:
    """Register `count` bodies of one kind, most of them verified; the first agencies and associations bid."""
    made = names.organization_names(world.rng, kind, world.communities)
    for number in range(count):
        bids = kind is OrganizationKind.SERVICE_AGENCY and number < BIDDERS
        body, fields = _register(session, world, kind, next(made), is_sound=bids)
        if bids:
            world.bidders.append(_bidder(session, world, body, fields))
        if kind is not OrganizationKind.FOUNDATION:
            world.organizations += 1


def _register(session: Session, world: World, kind: OrganizationKind, name: str, *,
              is_sound: bool) -> tuple[Organization, list[Domain]]:
    """Register one body with its profile; a sound one is verified and in no list."""
    rng, now = world.rng, world.now - FOUNDED + timedelta(days=rng_day(world))
    fields = names.fields_of(rng, name)
    profile = _profile(world, name, fields)
    if kind in (OrganizationKind.SERVICE_AGENCY, OrganizationKind.ASSOCIATION):
        profile |= _capacity(world)
        if (grade := names.rating_of(rng)) is not None:
            profile["ratings"] = [_rating(world, grade)]
    if not is_sound and kind is OrganizationKind.SERVICE_AGENCY and rng.random() < LISTED:
        profile["listings"] = [_listing(world)]
    if is_sound or (kind is OrganizationKind.SERVICE_AGENCY and rng.random() < WITH_RECORD):
        profile["past_projects"] = _record(world, fields)
    if kind is OrganizationKind.FOUNDATION:
        profile |= {"is_charity": True, "may_fundraise": rng.random() < 0.3}  # noqa: PLR2004
    code = None if kind is OrganizationKind.FILED_GROUP else names.credit_code(kind, world.next_code())
    body = organizations.register(session, actor=SYSTEM, name=name, kind=kind, standing=STANDING_OF_KIND[kind],
                                  credit_code=code, now=now, **profile)
    _check(session, world, body, is_sound=is_sound)
    return body, fields


def rng_day(world: World) -> int:
    """Return on which day of the world's past a body came."""
    return world.rng.randrange(0, 30)


def _profile(world: World, name: str, fields: list[Domain]) -> dict[str, object]:
    """Return what every body says about itself."""
    rng = world.rng
    leader = names.person_name(rng)
    bank_name, account = names.bank(rng)
    areas = rng.sample([unit.area_code for unit in world.units[:7]], rng.choice((1, 1, 2, 3)))
    return {
        "area_code": areas[0], "areas": areas, "legal_representative": leader, "contact_name": leader,
        "contact_phone": names.mobile(world.next_phone()), "bank_name": bank_name, "bank_account": account,
        "address": f"澜川区{rng.choice(world.communities)}{rng.choice(('东', '西', '南', '北'))}街 {rng.randrange(1, 120)} 号",
        "founded_on": date(rng.randrange(2005, 2025), rng.randrange(1, 13), rng.randrange(1, 29)),
        "about": names.about(rng, name, fields), "business_scope": names.scope(fields),
        "categories": sorted({one.code for one in fields}),
    }


def _capacity(world: World) -> dict[str, object]:
    """Return staff and how much a body can carry at once."""
    total, certified = names.staff(world.rng)
    return {"staff_total": total, "staff_certified": certified, "capacity_projects": max(1, total // 5),
            "capacity_money": Money.yuan(total * 60_000)}


def _record(world: World, fields: list[Domain]) -> list[dict[str, object]]:
    """Return one to three projects carried out in earlier years, as the body says itself."""
    rng, made = world.rng, []
    for domain in rng.choices(fields, k=rng.choice((1, 2, 3))):
        unit = rng.choice(world.units)
        year = beijing_date(world.now).year - rng.choice((1, 2, 3))
        made.append({
            "title": texts.title(rng, domain, Place(unit.town, rng.choice(unit.communities))), "buyer_name": unit.name,
            "category_code": domain.code, "area_code": unit.area_code,
            "amount": Money.yuan(rng.randrange(50, 420) * 1_000),
            "started_on": date(year, 1, 1), "ended_on": date(year, 12, 31),
            "outcome": weave(rng, "{结项|末期}评估<85-97>分，{服务|惠及}<120-2400:20>人次")})
    return made


def _rating(world: World, grade: int) -> dict[str, object]:
    """Return a grade given within the last six years: some have run out."""
    given = beijing_date(world.now) - timedelta(days=world.rng.randrange(60, 2190))
    return {"grade": grade, "issuer": "澜川区民政局", "issued_on": given,
            "expires_on": given.replace(year=given.year + RATED_YEARS, day=min(given.day, 28))}


def _listing(world: World) -> dict[str, object]:
    """Return an entry in the abnormal list, half of them removed again."""
    listed = beijing_date(world.now) - timedelta(days=world.rng.randrange(40, 500))
    days = world.rng.choice((None, None, *range(10, 39, 9)))
    removed = None if days is None else listed + timedelta(days=days)
    return {"kind": "abnormal", "listed_on": listed, "removed_on": removed, "reason": "未按规定时限报送年度工作报告",
            "source": "澜川区民政局公告"}


def _check(session: Session, world: World, body: Organization, *, is_sound: bool) -> None:
    """Verify most; leave a few unverified, waiting for the operator, or returned."""
    dice = 1.0 if is_sound else world.rng.random()
    now = world.now - FOUNDED + timedelta(days=31)
    if dice < UNVERIFIED:
        return
    if dice < UNVERIFIED + SUBMITTED + RETURNED:
        organizations.submit_for_verification(session, actor=SYSTEM, organization=body, now=now)
        if dice < UNVERIFIED + RETURNED:
            organizations.return_profile(session, actor=SYSTEM, organization=body, now=now,
                                         reason="法定代表人与登记证书不一致，请核对后重新提交")
        return
    organizations.verify(session, actor=SYSTEM, organization=body, now=now)


def _bidder(session: Session, world: World, body: Organization, fields: list[Domain]) -> Bidder:
    """Give a body an administrator who writes its bids."""
    now = world.now - FOUNDED + timedelta(days=32)
    phone = names.mobile(world.next_phone())
    person = accounts.open_account(session, actor=SYSTEM, login=phone, name=body.contact_name or "林静", now=now)
    accounts.grant(session, actor=SYSTEM, person=person, organization_id=body.id, role=Role.PROVIDER_ADMIN, now=now)
    return Bidder(organization_id=body.id, name=body.name, fields=frozenset(one.key for one in fields),
                  contact=person.name, phone=phone, actor=actor_of(person, body, Role.PROVIDER_ADMIN))
