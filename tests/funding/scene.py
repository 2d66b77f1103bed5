"""A scene of money for tests of pages: people on every side, a pool, pledges in several states."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask import Flask
from flask.testing import FlaskClient

from marketplace.accounts.models import Person
from marketplace.core.access import Role
from marketplace.core.db import db, transaction
from marketplace.core.money import Money
from marketplace.funding.models import Pledge
from tests.factories.accounts import make_person, sign_in, with_password
from tests.factories.funding import held, make_funder, make_pledge, make_pool, make_world, paid, proposed


@dataclass
class Scene:
    """References by name, and the ids of people."""

    refs: dict[str, str] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)


def build(app: Flask) -> Scene:
    """A pool of 100,000 yuan at 1:2, matching a held pledge of 20,000; one paid, one signed, one verbal, a release."""
    made = Scene()
    with app.app_context(), transaction() as session:
        world = make_world(session)
        funder, giver = make_funder(session, council_above=Money.yuan(50_000)), make_funder(session)
        pool = make_pool(session, funder=funder, ratio=(1, 2), cap=Money.yuan(100_000), per_project_cap=Money.yuan(60_000))
        kept = held(session, world, make_pledge(session, world, funder=giver, amount=Money.yuan(20_000)))
        coming = paid(session, world, make_pledge(session, world, funder=giver, amount=Money.yuan(8_000)), Money.yuan(3_000))
        signed = make_pledge(session, world, funder=giver, amount=Money.yuan(6_000))
        spoken = make_pledge(session, world, funder=giver, amount=Money.yuan(4_000), is_verbal=True)
        release = proposed(session, world, kept, Money.yuan(5_000))
        people = {
            "keeper": (Role.FUNDER, funder.organization_id), "giver": (Role.FUNDER, giver.organization_id),
            "second": (Role.FUNDER, giver.organization_id), "receiver": (Role.PROVIDER_ADMIN, world.receiver.id),
            "operator": (Role.OPERATOR, None), "auditor": (Role.AUDITOR, None),
        }
        for name, (role, organization_id) in people.items():
            made.people[name] = with_password(session, make_person(
                session, name=f"人员{name}", role=role, organization_id=organization_id)).id
        made.people["clerk"] = with_password(session, session.get_one(Person, world.desk.handler.person_id)).id
        made.people["approver"] = with_password(session, session.get_one(Person, world.desk.approver.person_id)).id
        session.flush()
        things = {"pool": pool, "project": world.project, "kept": kept, "coming": coming, "signed": signed,
                  "spoken": spoken, "release": release, "funder": funder, "giver": giver, "account": world.account}
        made.refs.update({name: thing.ref for name, thing in things.items()})
        made.refs["giver_name"], made.refs["funder_name"] = giver.name, funder.name
    return made


def enter(client: FlaskClient, scene: Scene, name: str) -> FlaskClient:
    """Sign one of the scene's people in; an empty name is a visitor."""
    if name:
        sign_in(client, scene.people[name])
    return client


def pledge(app: Flask, ref: str) -> Pledge:
    """Read a pledge anew."""
    with app.app_context():
        return db.session().query(Pledge).filter_by(ref=ref).one()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(html: str) -> str:
    """What a page says, without its markup."""
    parser = _Text()
    parser.feed(html)
    return " ".join(" ".join(parser.words).split())
