"""Nothing sealed, draft, private or unpublished reaches a document, the index on disk, a page, a feed or a suggestion.

Every secret place gets a word of its own that begins with NEEDLE. A word planted in public must be found by the same
looking, so that a look that sees nothing cannot pass.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.awards import operations as awards
from marketplace.awards import queries as award_queries
from marketplace.bids import operations as bids
from marketplace.catalogs import operations as catalogs
from marketplace.catalogs import queries as catalog_queries
from marketplace.core.access import SYSTEM, Role
from marketplace.core.db import Model, db, transaction
from marketplace.core.money import Money
from marketplace.core.searching import Zone
from marketplace.inbox import operations as inbox
from marketplace.inbox.rules import Kind, Letter
from marketplace.integrations import search_index
from marketplace.organizations import operations as organizations
from marketplace.projects import operations as projects
from marketplace.search import operations as search
from marketplace.search import queries
from marketplace.search.jobs import extract_text
from marketplace.search.queries.languages import language_of
from marketplace.search.rules import JOB_EXTRACT
from marketplace.web.services import config, public_sources, services
from tests.factories import NOW
from tests.factories import awards as award_factory
from tests.factories.accounts import actor_of, make_person
from tests.factories.attachments import make_file, make_project_with, word
from tests.factories.bids import PDF, an_offer, make_bid, make_bidder
from tests.factories.catalogs import line_facts, make_list
from tests.factories.contracts import make_contract
from tests.factories.organizations import make_organization
from tests.factories.projects import (
    CLOSES,
    make_actor,
    make_desk,
    make_draft,
    make_places,
    make_published,
    make_submitted,
)
from tests.factories.saved import make_search
from tests.search.test_extracts import jobs

NEEDLE = "zqxsecret"                # long enough not to stand in random bytes
PUBLIC = "kqwpublic"
PHONE = "13987650001"
PRICE = Money(31_298_765)
SEALED = ("bidsummary", "bidplan", "bidteam", "bidrecord", "bidnotes", "bidcontact", "bidfile", "biddraft", "draftfile")


def secret(place: str) -> str:
    """The word of a secret place."""
    assert place.isascii()
    assert place.isalpha()
    return NEEDLE + place


def plant_drafts(session: Session, desk) -> None:
    """A draft, one that was returned, one in review, one discarded."""
    texts = {name: f"服务 {secret('draft' + name.replace('_', ''))}" for name in (
        "title", "summary", "body", "target_group", "place", "funding_source", "special_conditions", "term_reason")}
    draft = make_draft(session, desk, **texts, contact_name=secret("draftperson"), contact_phone=PHONE,
                       indicators=[{"name": secret("draftindicator"), "target": "1"}],
                       criteria=[{"name": secret("draftcriterion"), "weight": 80}])
    projects.submit_for_review(session, actor=desk.handler, project=make_draft(
        session, desk, title=f"审核中 {secret('inreview')}"), now=NOW)
    returned = make_submitted(session, desk)
    projects.return_draft(session, actor=desk.approver, project=returned, reason=secret("internalcomment"), now=NOW)
    gone = make_draft(session, desk, title=f"作废 {secret('discarded')}")
    projects.terminate(session, actor=desk.handler, project=gone, reason=secret("discardreason"), now=NOW)
    make_project_with(session, services().files, word(secret("draftattachment")), desk=desk, is_published=False)
    assert draft.published_at is None


def plant_published(session: Session, desk) -> None:
    """What is not for all about a project that is public: people, waiting questions, sealed bids, files of others."""
    project = make_published(session, desk, title=f"桐浦街道长者助餐服务 {PUBLIC}title", contact_name=secret("buyerperson"),
                             contact_phone=PHONE, source_note=secret("sourcenote"))
    bidder = make_bidder(session, name=f"响应机构{secret('biddername')}", is_verified=True)
    bidder.organization.public_since = None      # who bids is secret; so that its own page does not name it
    asker = make_actor(session, make_organization(session), Role.PROVIDER_MEMBER, secret("asker"))
    projects.ask(session, actor=asker, project=project, question=secret("waitingquestion"), now=NOW)
    offer = an_offer(price=PRICE, summary=secret("bidsummary"), plan=secret("bidplan"), team=secret("bidteam"),
                     track_record=secret("bidrecord"), budget_notes=secret("bidnotes"), contact_name=secret("bidcontact"),
                     contact_phone=PHONE)
    bids.attach_file(session, actor=bidder.actor, project=project, name="方案.pdf", verdict="clean", now=NOW,
                     data=PDF + f"%{secret('bidfile')}\n%%EOF\n".encode(), sealer=services().sealer, store=services().files)
    make_bid(session, project, services().sealer, bidder, offer=offer)
    writer = make_bidder(session)
    bids.save_draft(session, actor=writer.actor, project=project, fields={"plan": secret("biddraft")},
                    sealer=services().sealer, now=NOW)


def plant_opened(session: Session) -> None:
    """What is said and written while offers are judged, and after the result."""
    case = award_factory.make_case(session, services().sealer)
    panel = award_factory.draw(session, case)
    award_factory.seat_all(session, panel)
    seat = next(seat for seat in panel.seats if seat.state == "seated")
    awards.declare(session, actor=award_factory.member(session, seat), seat=seat, has_conflict=True,
                   reason=secret("recusal"), now=award_factory.OPENED)
    scored = next(seat for seat in panel.seats if seat.state == "seated")
    offers = award_queries.opened_bids(session, case.project, valid_only=True)
    criterion = case.project.criteria[0]
    awards.save_scores(session, actor=award_factory.member(session, scored), seat=scored, bid=offers[0],
                       points={}, comments={criterion.id: secret("scorecomment")}, now=award_factory.OPENED)
    awards.set_validity(session, actor=case.desk.handler, offer=offers[1].offer, is_valid=False,
                        reason=secret("invalidreason"), now=award_factory.OPENED)
    ended = award_factory.make_ranked(session, services().sealer)
    award = award_factory.make_award(session, ended)
    loser = next(row.bid for row in award_queries.ranking_of(session, ended.project) if row.bid_id != award.bid_id)
    awards.raise_objection(session, actor=award_factory.bidder_of(session, loser), project=ended.project,
                           text=secret("objection"), now=award_factory.LATER)


def plant_organizations(session: Session) -> None:
    """Private fields of a public body, and all of one that nobody checked."""
    body = make_organization(
        session, name=f"晨光社工服务中心{PUBLIC}body", contact_name=secret("contactperson"), contact_phone=PHONE,
        contact_email=f"{secret('contactmail')}@example.invalid", legal_representative=secret("representative"),
        bank_name=secret("bankname"), bank_account=secret("bankaccount"), address=secret("address"),
        related_parties=[{"name": secret("relatedparty"), "relation": "controls"}])
    organizations.return_profile(session, actor=SYSTEM, organization=body, reason=secret("checknote"), now=NOW)
    make_organization(session, name=f"{secret('hiddenbody')}社工站", is_verified=False, about=secret("hiddenabout"),
                      categories=["A040203"])
    deal, contract = make_contract(session, services().sealer, provider_profile={
        "bank_account": secret("contractaccount"), "bank_name": secret("contractbank")})
    assert contract.published_at is None
    assert deal.project.contracted_at is not None or deal.project.awarded_at is not None


def plant_lists(session: Session, desk) -> None:
    """Lists and editions that are being written; contacts of published lines."""
    make_list(session, unit=desk.unit, year=2027, facts=[line_facts(
        title=secret("listtitle"), content=secret("listcontent"), office=secret("listoffice"))])
    handed_in = make_list(session, unit=desk.unit, year=2028, facts=[line_facts(title=secret("listsubmitted"))])
    catalogs.submit_version(session, actor=SYSTEM, version=handed_in.versions[0], now=NOW)
    made = make_list(session, unit=desk.unit, year=2026, is_published=True, facts=[line_facts(
        title=f"长者助餐 {PUBLIC}line", contact=f"{secret('linecontact')} {PHONE}", remark=secret("lineremark"))])
    amended = catalogs.amend(session, actor=SYSTEM, purchase_list=made, reason=secret("amendreason"), now=NOW)
    catalogs.add_line(session, actor=SYSTEM, version=amended, facts=line_facts(title=secret("amendedline")), now=NOW)
    draft = catalogs.draft_edition(session, actor=SYSTEM, year=2027, now=NOW, source=catalog_queries.published_catalog(session))
    catalogs.save_item(session, actor=SYSTEM, catalog=draft, code="A0409", name_zh=secret("catalogitem"), now=NOW)


def plant_people(session: Session) -> None:
    """People, what they are sent, what they search for; experts and their employers."""
    person = make_person(session, name=secret("person"), role=Role.OPERATOR)
    person.phone, person.email, person.title = PHONE, f"{secret('personmail')}@example.invalid", secret("persontitle")
    session.flush()
    assert actor_of(session, person).name == secret("person")
    inbox.send(session, person=person, now=NOW, letter=Letter(
        kind=next(iter(Kind)), subject=secret("messagesubject"), body=secret("messagebody")))
    make_search(session, person, f"q={secret('savedquery')}", name=secret("savedname"))
    award_factory.make_expert(session, name=secret("expert"), employer=secret("employer"))


def plant_files(session: Session, desk) -> None:
    """Files that are nobody's business, and one for all."""
    make_file(session, services().files, data=word(secret("privatefile")), name=f"{secret('privatename')}.docx", owner=desk.unit)
    for verdict in ("pending", "Win.X", None):
        make_file(session, services().files, data=word(secret("uncheckedfile"), str(verdict)), owner=desk.unit,
                  verdict=verdict, is_public=True)
    make_project_with(session, services().files, word(f"公开的需求书 {PUBLIC}file"), desk=desk)


@pytest.fixture
def planted(app: Flask) -> Flask:
    """A site with a secret in every place, its texts of files read."""
    with app.app_context():
        with transaction() as session:
            make_places(session)
            desk = make_desk(session)
            plant_drafts(session, desk)
            plant_published(session, desk)
            plant_opened(session)
            plant_organizations(session)
            plant_lists(session, desk)
            plant_people(session)
            plant_files(session, desk)
        with transaction() as session:
            search.want_missing_texts(session, sources=public_sources(), now=NOW)
        for payload in jobs(JOB_EXTRACT):
            extract_text(**payload)
    return app


@pytest.fixture
def inside(planted: Flask) -> Iterator[Flask]:
    """The same, to look at directly."""
    with planted.app_context():
        yield planted


def build(app: Flask) -> None:
    """Build the index."""
    with app.app_context():
        search.rebuild(db.session(), services=services(), sources=public_sources(), now=NOW)


def everything_kept() -> str:
    """Every text of every table but the index's own."""
    return "\n".join(
        repr(row) for table in Model.metadata.sorted_tables for row in db.session.execute(select(table)))


def test_the_secrets_lie_in_the_database_and_the_sealed_ones_not_even_there(inside):
    kept = everything_kept()
    places = {name.removeprefix(NEEDLE) for name in _planted_words()} - set(SEALED)
    missing = {place for place in places if secret(place) not in kept}
    assert missing == {"privatefile", "uncheckedfile", "draftattachment"}      # in the store of files only
    assert not [place for place in SEALED if secret(place) in kept]


def _planted_words() -> Iterator[str]:
    """Yield every secret word that this file plants, read from its own text."""
    import re

    source = Path(__file__).read_text()
    for place in re.findall(r"secret\(['\"]([a-z]+)['\"]\)", source):
        yield secret(place)


def test_no_secret_is_in_a_document_or_in_a_row(inside):
    documents = list(queries.all_documents(db.session(), public_sources()))
    text = repr(documents)
    assert f"{PUBLIC}title" in text
    assert f"{PUBLIC}body" in text
    assert f"{PUBLIC}line" in text
    assert NEEDLE not in text
    assert PHONE not in text
    language = language_of(db.session(), services(), "")
    rows = list(queries.rows_of(db.session(), documents, language=language, now=NOW))
    words = {token for row in rows for zone in Zone for token in row.tokens.get(zone, ())}
    assert any(f"{PUBLIC}file" in token for token in words)
    assert not [token for token in words if NEEDLE in token or PHONE in token]
    assert not [row.key for row in rows if PRICE.fen in row.numbers.values()]


@pytest.mark.parametrize("engine_name", ["whoosh", "tantivy"])
def test_no_secret_is_in_the_files_of_the_index(inside, tmp_path, engine_name):
    if engine_name == "tantivy":
        pytest.importorskip("tantivy")
    services().search_index = search_index(engine_name, tmp_path / "kept")
    search.rebuild(db.session(), services=services(), sources=public_sources(), now=NOW)
    language = language_of(db.session(), services(), services().search_index.label())
    found = services().search_index.frequencies(language.tokens(f"{PUBLIC}file"))
    assert max(found.values()) == 1
    tokens = {token for word_ in _planted_words() for token in language.tokens(word_)} | {PHONE}
    assert set(services().search_index.frequencies(tokens).values()) <= {0}
    kept = b"".join(path.read_bytes() for path in sorted((tmp_path / "kept").rglob("*")) if path.is_file())
    assert len(kept) > 0
    if engine_name == "whoosh":            # tantivy keeps its words packed: only the frequencies tell
        assert f"{PUBLIC}file".encode() in kept
    assert NEEDLE.encode() not in kept
    assert PHONE.encode() not in kept


ASKED = ("", "?q=长者助餐", "?q=服务", "?kind=organization", "?kind=notice", "?kind=purchase_list_item", "?kind=catalog_item",
         f"?q={PUBLIC}title")


@pytest.mark.parametrize("is_limited", [False, True])
def test_no_page_feed_or_download_tells_a_secret(planted, client, is_limited):
    if not is_limited:
        build(planted)
    seen = ""
    for path in ("/search", "/search.atom", "/search.csv", "/search.ics"):
        for asked in ASKED:
            answer = client.get(path + asked)
            assert answer.status_code in ({200, 503} if is_limited else {200}), path + asked
            text = answer.get_data(as_text=True)
            assert NEEDLE not in text, path + asked
            assert PHONE not in text, path + asked
            seen += text
    assert f"{PUBLIC}title" in seen


def test_who_asks_for_a_secret_gets_nothing(planted, client):
    build(planted)
    for word_ in sorted(set(_planted_words())):
        lines = client.get(f"/search.csv?q={word_}&plain=1").get_data(as_text=True).splitlines()
        assert len(lines) == 1, word_           # the heads
    assert len(client.get(f"/search.csv?q={PUBLIC}file&plain=1").get_data(as_text=True).splitlines()) == 2


def test_suggestions_are_made_of_public_words_only(planted, client):
    build(planted)
    for typed in (NEEDLE[:3], NEEDLE, f"{NEEDLE}d", "响应机构", "审核中", "作废", "13987650001", f"{NEEDLE}saved"):
        answer = client.get(f"/search/suggest?format=json&q={typed}")
        assert answer.status_code == 200
        assert NEEDLE not in answer.get_data(as_text=True), typed
    offered = [one["text"] for one in client.get(f"/search/suggest?format=json&q={PUBLIC}t").json]
    assert [text for text in offered if f"{PUBLIC}title" in text] != []


def test_the_instance_folder_holds_no_text_of_a_private_file_outside_the_store(inside):
    build(inside)
    outside = [path for path in config().instance.rglob("*")
               if path.is_file() and "files" not in path.relative_to(config().instance).parts]
    assert outside
    assert not [path for path in outside if NEEDLE.encode() in path.read_bytes()]
    assert NOW + timedelta(days=1) < CLOSES
