"""Signing on paper after the evening: prepared by one, registered by another with the scan."""

import io
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from marketplace.core.clock import beijing_date
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.core.money import Money
from marketplace.funding.models import Commitment, Pledge
from marketplace.pledging import operations
from marketplace.pledging.queries.papers import papers_of
from marketplace.web.worker import run_until_idle
from tests.factories import NOW
from tests.factories.accounts import sign_in
from tests.factories.bids import PDF
from tests.factories.payments import make_proof
from tests.factories.pledging import key_in, make_live


def evening_of(session: Session, **options: object):
    """A running evening on which two paddles were raised."""
    evening = make_live(session, **options)
    for guest in evening.guests[:2]:
        key_in(session, evening, guest.paddle, now=options.get("now", NOW))
    return evening


def test_every_verbal_pledge_gets_one_paper_and_no_second(session: Session) -> None:
    evening = evening_of(session)
    assert operations.prepare_papers(session, actor=evening.host, event=evening.event, now=NOW) == 2
    assert operations.prepare_papers(session, actor=evening.host, event=evening.event, now=NOW) == 0
    papers = papers_of(session, evening.event)
    assert [(paper.state, paper.is_on_paper, paper.amount) for paper in papers] == [("prepared", True, Money.yuan(20_000))] * 2


def test_what_needs_the_council_is_left_to_the_funders_own_people(session: Session) -> None:
    evening = evening_of(session)
    evening.guests[0].funder.council_above = Money.yuan(20_000)
    session.flush()
    assert operations.prepare_papers(session, actor=evening.host, event=evening.event, now=NOW) == 1


def test_a_copy_is_registered_for_what_it_shows_by_another_person(session: Session) -> None:
    evening = evening_of(session)
    operations.prepare_papers(session, actor=evening.host, event=evening.event, now=NOW)
    papers = papers_of(session, evening.event)
    for paper in papers:                                   # printed
        paper.document_id = _printed(session, evening, paper)
    scan, today = make_proof(session, evening.world.receiver), beijing_date(NOW)
    refs = [paper.ref for paper in papers]
    with pytest.raises(Invalid, match="请勾选"):
        operations.register_copies(session, actor=evening.second, event=evening.event, refs=["nothing22222"], scan=scan, signed_on=today, now=NOW)
    with pytest.raises(Denied):
        operations.register_copies(session, actor=evening.host, event=evening.event, refs=refs, scan=scan, signed_on=today, now=NOW)
    operations.register_copies(session, actor=evening.second, event=evening.event, refs=refs, scan=scan, signed_on=today, now=NOW)
    pledges = session.scalars(sa.select(Pledge).where(Pledge.round_ref == evening.event.ref, Pledge.kind == "own")).all()
    assert {(pledge.state, pledge.is_verbal) for pledge in pledges} == {("pledged", False)}
    assert {(paper.state, paper.signed_copy_id) for paper in papers} == {("issued", scan.id)}


def _printed(session: Session, evening, paper: Commitment) -> int:
    """The id of a paper as if it had been printed."""
    from marketplace.documents.models import Document

    made = Document(kind="commitment", number=paper.number, verify_code=paper.verify_code, sha256=paper.facts_sha256, pages=2,
                    data_sha256="b" * 64, issued_at=NOW, file=make_proof(session, evening.world.receiver))
    session.add(made)
    session.flush()
    return made.id


def test_through_the_pages_from_the_list_to_the_registered_scan(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        evening = evening_of(session, now=NOW - timedelta(days=400))
        ref, host, second = evening.event.ref, evening.host.person_id or 0, evening.second.person_id or 0
    sign_in(client, host)
    assert "准备认捐书" in client.get(f"/pledging/{ref}/papers").text
    assert client.get(f"/pledging/{ref}/papers.zip").status_code == 404
    assert client.post(f"/pledging/{ref}/papers").status_code == 303
    with app.app_context():
        run_until_idle()
        refs = list(db.session.scalars(sa.select(Commitment.ref).order_by(Commitment.id)))
    page = client.get(f"/pledging/{ref}/papers").text
    assert "下载全部 PDF" in page
    with zipfile.ZipFile(io.BytesIO(client.get(f"/pledging/{ref}/papers.zip").data)) as packed:
        assert len(packed.namelist()) == 2
        assert all(packed.read(name).startswith(b"%PDF") for name in packed.namelist())
    from marketplace.core.clock import utc_now

    today = beijing_date(utc_now()).isoformat()
    sign_in(client, second)
    empty = client.post(f"/pledging/{ref}/papers/signed", data={"signed_on": today, "scan": (io.BytesIO(PDF), "a.pdf")})
    assert empty.status_code == 422
    assert "请勾选" in empty.text
    late = client.post(f"/pledging/{ref}/papers/signed", data={"papers": refs, "signed_on": "2099-01-01", "scan": (io.BytesIO(PDF), "a.pdf")})
    assert late.status_code == 422
    assert "签字日期应在" in late.text
    done = client.post(f"/pledging/{ref}/papers/signed", data={"papers": refs, "signed_on": today, "scan": (io.BytesIO(PDF), "a.pdf")})
    assert done.status_code == 303
    assert "已登记签字" in client.get(f"/pledging/{ref}/papers").text
