"""Founds the tree of units, opens accounts, fills the pool of experts. Through the operations of the site."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Person
from marketplace.accounts.queries import load_actor
from marketplace.accounts.rules import check_password, hash_password
from marketplace.awards import operations as awards
from marketplace.catalogs import operations as catalogs
from marketplace.catalogs.models import Area
from marketplace.core.access import ROLE_LABELS, SYSTEM, Actor, Role
from marketplace.core.audit import record
from marketplace.demo.operations.world import Unit, World
from marketplace.demo.rules import names
from marketplace.demo.rules.plan import EXPERTS
from marketplace.demo.rules.texts import DOMAINS
from marketplace.organizations import operations as organizations
from marketplace.organizations.models import Organization
from marketplace.organizations.rules import OrganizationKind, Standing, Verification

PASSWORD = "lanchuan-2026-demo"  # noqa: S105 - printed for everybody; only on a site that says it is a demo
BUREAUS = ("残疾人联合会", "妇女联合会", "司法局", "教育局", "卫生健康局", "应急管理局", "文化广电旅游体育局", "团区委", "人力资源和社会保障局")
SECTIONS = ("养老服务科", "社会救助科", "儿童福利科", "社会组织管理科")
TOWN_OFFICES = ("社会事务办公室", "公共服务办公室")
FOUNDED = timedelta(days=330)
DISTRICT_LEVEL, TOWN_LEVEL, COMMUNITY_LEVEL = 1, 2, 3
SIGN_IN_UNIT = 0    # the first town has the accounts that are printed


def found_units(session: Session, world: World) -> None:
    """Found the district bureau, its sections, other bureaus, seven towns with offices and communities."""
    began = world.now - FOUNDED
    catalogs.load_areas(session, actor=SYSTEM, now=began)
    areas = list(session.scalars(select(Area).order_by(Area.code)))
    district = next(area for area in areas if area.level == DISTRICT_LEVEL)
    towns = [area for area in areas if area.level == TOWN_LEVEL]
    below = {town.code: [a.name for a in areas if a.parent_code == town.code] for town in towns}
    world.communities = [name for one in below.values() for name in one]
    root = _unit(session, world, f"{district.name}民政局", None, area=district.code, now=began)
    for section in SECTIONS:
        organizations.register_unit(session, actor=SYSTEM, name=f"{root.name}{section}", parent=root,
                                    area_code=district.code, now=began, is_buyer=False)
    for town in towns:
        kind = "办事处" if town.name.endswith("街道") else "人民政府"
        unit = _unit(session, world, town.name + kind, root, area=town.code, now=began)
        for office in TOWN_OFFICES:
            organizations.register_unit(session, actor=SYSTEM, name=f"{unit.name}{office}", parent=unit,
                                        area_code=town.code, now=began, is_buyer=False)
        for name in below[town.code]:
            organizations.register_unit(
                session, actor=SYSTEM, name=f"{town.name}{name}居民委员会", parent=unit, area_code=town.code, now=began,
                is_buyer=False, kind=OrganizationKind.SELF_GOV, standing=Standing.SELF_GOV,
                credit_code=names.credit_code(OrganizationKind.SELF_GOV, world.next_code()))
        world.units.append(_staffed(
            session, world, unit, town=town.name, communities=tuple(below[town.code]), now=began))
    everywhere = tuple(world.communities)
    world.units.append(_staffed(session, world, root, town=district.name, communities=everywhere, now=began))
    for bureau in BUREAUS:
        unit = _unit(session, world, f"{district.name}{bureau}" if bureau != "团区委" else f"共青团{district.name}委员会",
                     root, area=district.code, now=began)
        world.units.append(_staffed(session, world, unit, town=district.name, communities=everywhere,
                                    now=began))


def _unit(session: Session, world: World, name: str, parent: Organization | None, *, area: str,
          now: datetime) -> Organization:
    """Register one buying unit with what a contract prints about it."""
    bank_name, account = names.bank(world.rng)
    return organizations.register_unit(
        session, actor=SYSTEM, name=name, parent=parent, area_code=area, now=now,
        credit_code=names.credit_code(OrganizationKind.UNIT, world.next_code()),
        legal_representative=names.person_name(world.rng), bank_name=bank_name, bank_account=account,
        address=f"澜川区{world.rng.choice(('河滨', '文明', '建设', '人民', '兴业'))}路 {world.rng.randrange(2, 188)} 号",
        contact_name=names.person_name(world.rng), contact_phone=f"0000-86{world.rng.randrange(100000, 999999)}")


def _staffed(session: Session, world: World, unit: Organization, *, town: str, communities: tuple[str, ...],
             now: datetime) -> Unit:
    """Give a unit a handler and an approver."""
    handler = _person(session, world, unit, Role.HANDLER, now=now)
    approver = _person(session, world, unit, Role.APPROVER, now=now)
    return Unit(organization_id=unit.id, name=unit.name, area_code=unit.area_code or "", town=town,
                communities=communities, handler=handler, approver=approver)


def _person(session: Session, world: World, organization: Organization | None, role: Role, *, now: datetime,
            login: str = "") -> Actor:
    """Open an account in one role and return who acts with it."""
    person = accounts.open_account(session, actor=SYSTEM, name=names.person_name(world.rng), now=now,
                                   login=login or names.mobile(world.next_phone()))
    accounts.grant(session, actor=SYSTEM, person=person, role=role, now=now,
                   organization_id=organization.id if organization else None)
    return actor_of(person, organization, role)


def actor_of(person: Person, organization: Organization | None, role: Role) -> Actor:
    """Return the actor that the site makes of this person in this role."""
    return Actor(person_id=person.id, name=person.name, roles=frozenset({role}),
                 organization_id=organization.id if organization else None,
                 unit_path=organization.path if organization else "")


def open_expert_pool(session: Session, world: World) -> None:
    """Enrol the experts of the pool, each with fields and an employer."""
    now = world.now - FOUNDED
    for number in range(EXPERTS):
        actor = _person(session, world, None, Role.EXPERT, now=now,
                        login="expert@demo.example" if number == 0 else "")
        person = session.get_one(Person, actor.person_id)
        person.title = world.rng.choice(names.EXPERT_TITLES)
        fields = sorted({domain.code[:3] for domain in world.rng.sample(DOMAINS, 4)})
        awards.enrol_expert(session, actor=SYSTEM, person=person, now=now, fields=fields,
                            employer=world.rng.choice(names.EMPLOYERS))
        assert actor.person_id is not None
        world.experts[actor.person_id] = actor


def hand_out_sign_ins(session: Session, world: World) -> None:
    """Give one account of each role the printed password.

    The password's hash is computed once and written for all of them, instead of one activation each: a dozen
    argon2id hashes would cost more than the whole tree of units. The audit says so.
    """
    town, first = world.units[SIGN_IN_UNIT], world.bidders[0]
    unit = session.get_one(Organization, town.organization_id)
    provider = session.get_one(Organization, first.organization_id)
    fund = session.scalars(select(Organization).where(
        Organization.kind == OrganizationKind.FOUNDATION, Organization.verification == Verification.VERIFIED)
        .order_by(Organization.id).limit(1)).one()
    now = world.now - FOUNDED
    people = [(Role.HANDLER, town.handler.person_id, unit), (Role.APPROVER, town.approver.person_id, unit),
              (Role.PROVIDER_ADMIN, first.actor.person_id, provider),
              (Role.EXPERT, next(iter(world.experts)), None)]
    people += [(role, _person(session, world, place, role, now=now).person_id, place) for role, place in (
        (Role.UNIT_ADMIN, unit), (Role.PROVIDER_MEMBER, provider), (Role.FUNDER, fund), (Role.OPERATOR, None),
        (Role.SECURITY_OFFICER, None), (Role.AUDITOR, None))]
    hashed = ""
    for role, person_id, place in sorted(people, key=lambda one: list(ROLE_LABELS).index(one[0])):
        person = session.get_one(Person, person_id)
        if role.value in names.ADMINISTRATORS:
            person.name = names.ADMINISTRATORS[role.value]
        person.login = person.email = login_of(role)
        hashed = hashed or hash_password(check_password(PASSWORD, login=person.login))
        person.password_hash, person.activated_at = hashed, world.now
        record(session, actor=SYSTEM, action="demo.sign_in", subject=("person", person.ref), now=world.now, role=role)
        world.sign_ins.append((ROLE_LABELS[role], person.login, place.name if place else "平台"))
    session.flush()


def login_of(role: Role) -> str:
    """Return the account name under which the sign-in of a role is printed."""
    return f"{role.value.replace('_', '-')}@demo.example"


def signed_in(session: Session, role: Role) -> Actor:
    """Return who acts when the printed account of a role signs in."""
    return load_actor(session, session.scalars(select(Person.id).where(Person.login == login_of(role))).one())
