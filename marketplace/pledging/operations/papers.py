"""Signing on paper after the evening: commitments for everybody who raised a paddle, and the copies signed by hand."""

from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.funding import operations as funding
from marketplace.funding.models import Commitment
from marketplace.payments.models import ReceivingAccount
from marketplace.pledging import policy
from marketplace.pledging.models import PledgingEvent
from marketplace.pledging.queries.ageing import unsigned
from marketplace.pledging.queries.papers import papers_of


def prepare_papers(session: Session, *, actor: Actor, event: PledgingEvent, now: datetime,
                   missing_glyphs: Callable[[str], str] | None = None) -> int:
    """Prepare the paper commitment of every verbal pledge that has none waiting; return how many are new.

    A council's line stays with the funder: such a pledge is left to its own people, and to the message they have.
    """
    require(policy.may_work(actor, event))
    waiting = {str(paper.facts["verbal"]) for paper in papers_of(session, event) if paper.state == "prepared"}
    account = session.get_one(ReceivingAccount, event.account_id)
    made = 0
    for pledge in unsigned(session, event):
        line = pledge.funder.council_above
        if pledge.ref in waiting or (line is not None and pledge.open >= line):
            continue
        funding.prepare_commitment(
            session, actor=actor, funder=pledge.funder, project=pledge.project, receiver=pledge.receiver,
            account=account, amount=pledge.open, pledge=pledge, is_on_paper=True, now=now,
            missing_glyphs=missing_glyphs)
        made += 1
    return made


def register_copies(session: Session, *, actor: Actor, event: PledgingEvent, refs: Sequence[str], scan: StoredFile,
                    signed_on: date, now: datetime) -> list[Commitment]:
    """Register one scan for the commitments it shows, all or none; another person than who prepared them."""
    require(policy.may_work(actor, event))
    papers = {paper.ref: paper for paper in papers_of(session, event)}
    if not refs or any(ref not in papers for ref in refs):
        raise Invalid(N_("请勾选扫描件里的认捐书"), field="papers")
    for ref in dict.fromkeys(refs):
        funding.register_signed_copy(session, actor=actor, commitment=papers[ref], scan=scan, signed_on=signed_on,
                                     now=now)
    return [papers[ref] for ref in dict.fromkeys(refs)]
