"""Writing, sealing, submitting, withdrawing and opening bids."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from marketplace.bids import operations, queries, rules
from marketplace.bids.models import (
    BidDraft,
    OpenedOffer,
    Opening,
    OrganizationKey,
    ProjectKey,
    SealedBid,
    SealedEnvelope,
)
from marketplace.bids.rules import BidState
from marketplace.core.access import ANONYMOUS, SYSTEM
from marketplace.core.audit import AuditEvent
from marketplace.core.errors import Conflict, Denied, Invalid, KeyMissing, SealBroken, Unavailable
from marketplace.core.money import Money
from marketplace.core.outbox import Job
from marketplace.organizations import queries as organizations
from marketplace.organizations.models import CreditListing, RelatedParty
from marketplace.organizations.rules import Standing
from marketplace.projects import operations as projects
from marketplace.projects.models import Project
from marketplace.projects.rules import ProjectState
from tests.factories import NOW
from tests.factories.bids import PDF, an_offer, make_bid, make_bidder, make_opening
from tests.factories.projects import CLOSES, make_desk, make_published
from tests.fakes import MemoryStore

SECOND = timedelta(seconds=1)
OPENS = CLOSES + timedelta(seconds=60)


@pytest.fixture
def sealer(app):
    return app.extensions["marketplace.services"].sealer


@pytest.fixture
def store(app):
    return app.extensions["marketplace.services"].files


@pytest.fixture
def project(session) -> Project:
    return make_published(session)


def submit(session, bidding, project, sealer, now=NOW, **changes):
    return operations.submit_bid(session, actor=bidding.actor, project=project, offer=changes.pop("offer", an_offer()),
                                 sealer=sealer, now=now, **changes)


# ---- submitting ----

def test_a_submitted_bid_gives_a_receipt_whose_commitment_the_own_copy_fulfils(session, project, sealer):
    bidder = make_bidder(session)
    bid = submit(session, bidder, project, sealer)
    assert bid.state == BidState.SEALED
    assert bid.receipt_number.startswith("R-20261123-")
    assert bid.submitted_at == NOW
    assert queries.own_offer(session, bidder.actor, bid, sealer=sealer) == an_offer()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "bids.submit")).one()
    assert event.facts == {"receipt": bid.receipt_number, "commitment": bid.commitment, "replaces": None}


def test_a_bid_at_the_closing_second_is_refused_and_one_microsecond_earlier_is_taken(session, project, sealer):
    bidder = make_bidder(session)
    with pytest.raises(Denied, match="已过截止时间"):
        submit(session, bidder, project, sealer, now=CLOSES)
    assert submit(session, bidder, project, sealer, now=CLOSES - timedelta(microseconds=1)).state == BidState.SEALED


def test_a_price_over_the_ceiling_is_refused_with_both_amounts(session, project, sealer):
    with pytest.raises(Invalid, match=r"368,000.01 元超过最高限价 368,000.00") as refused:
        submit(session, make_bidder(session), project, sealer, offer=an_offer(price=Money(36_800_001)))
    assert refused.value.field == "price"
    assert session.scalar(select(func.count()).select_from(SealedBid)) == 0


def test_a_price_of_nothing_is_refused(session, project, sealer):
    with pytest.raises(Invalid, match="大于 0"):
        submit(session, make_bidder(session), project, sealer, offer=an_offer(price=Money(0)))


def test_where_the_price_is_fixed_another_price_is_refused(session, sealer):
    fixed = make_published(session, scoring_method="fixed_price", price_weight=0,
                           criteria=[{"name": "服务方案", "weight": 60}, {"name": "团队配备", "weight": 40}])
    bidder = make_bidder(session)
    with pytest.raises(Invalid, match="固定价格"):
        submit(session, bidder, fixed, sealer)
    assert submit(session, bidder, fixed, sealer, offer=an_offer(price=Money.yuan(368_000))).state == BidState.SEALED


def test_an_offer_without_a_promise_is_refused_naming_it(session, project, sealer):
    with pytest.raises(Invalid, match="三年内，没有重大违法记录"):
        submit(session, make_bidder(session), project, sealer, offer=an_offer(answers={"promises": ["true", "no_conflict"]}))


def test_a_newer_bid_replaces_the_older_one_and_both_stay_on_record(session, project, sealer):
    bidder = make_bidder(session)
    first = submit(session, bidder, project, sealer)
    second = submit(session, bidder, project, sealer, now=NOW + SECOND, offer=an_offer(price=Money.yuan(350_000)))
    session.refresh(first)
    assert (first.state, first.ended_at, second.state) == (BidState.REPLACED, NOW + SECOND, BidState.SEALED)
    assert queries.own_bid(session, bidder.actor, project) is second
    assert [b.receipt_number for b in queries.own_versions(session, bidder.actor, project)] == [
        second.receipt_number, first.receipt_number]


def test_a_colleague_who_saw_no_bid_does_not_replace_the_one_that_came_meanwhile(session, project, sealer):
    bidder = make_bidder(session)
    first = submit(session, bidder, project, sealer)
    with pytest.raises(Conflict, match=first.receipt_number):
        submit(session, bidder, project, sealer, replaces=None)
    assert submit(session, bidder, project, sealer, replaces=first.receipt_number).state == BidState.SEALED


def test_replacing_a_bid_that_was_withdrawn_meanwhile_asks_to_check_again(session, project, sealer):
    bidder = make_bidder(session)
    first = submit(session, bidder, project, sealer)
    operations.withdraw_bid(session, actor=bidder.actor, bid=first, now=NOW)
    with pytest.raises(Conflict, match="已被撤回"):
        submit(session, bidder, project, sealer, replaces=first.receipt_number)


def test_an_unverified_organization_is_told_what_to_do_first(session, project, sealer):
    with pytest.raises(Denied, match="没有通过核验"):
        submit(session, make_bidder(session, is_verified=False), project, sealer)


def test_an_organization_on_the_serious_list_is_refused(session, project, sealer):
    bidder = make_bidder(session)
    session.add(CreditListing(organization=bidder.organization, kind="serious", listed_on=NOW.date(), reason="x", source="y",
                              removed_on=None))
    session.flush()
    with pytest.raises(Denied, match="严重违法失信名单"):
        submit(session, bidder, project, sealer)


@pytest.mark.parametrize("side", ["bidder", "buyer"])
def test_a_body_related_to_the_buyer_is_refused_whichever_side_registered_it(session, project, sealer, side):
    bidder = make_bidder(session)
    one, other = (bidder.organization, project.buyer) if side == "bidder" else (project.buyer, bidder.organization)
    one.related_parties.append(RelatedParty(name=other.name, credit_code=other.credit_code, relation="sponsor"))
    session.flush()
    with pytest.raises(Denied, match="关联关系"):
        submit(session, bidder, project, sealer)


def test_a_body_hosted_by_the_buyer_is_refused(session, project, sealer):
    bidder = make_bidder(session)
    bidder.organization.host_id = project.buyer_id
    session.flush()
    with pytest.raises(Denied, match="关联关系"):
        submit(session, bidder, project, sealer)


def test_a_server_whose_clock_is_more_than_two_seconds_off_takes_no_bids(session, project, sealer):
    bidder = make_bidder(session)
    for skew in (timedelta(seconds=2, milliseconds=1), -timedelta(seconds=3)):
        with pytest.raises(Denied, match="时钟"):
            submit(session, bidder, project, sealer, clock_skew=skew)
    assert submit(session, bidder, project, sealer, clock_skew=2 * SECOND).state == BidState.SEALED


def test_the_gates_one_statement_agrees_with_the_registrys_own_answer(session, project):
    today = NOW.date()
    for kind in ("abnormal", "serious"):
        for listed, removed in ((0, None), (0, 1), (-9, 0), (1, None), (-9, 5), (None, None)):
            bidder = make_bidder(session)
            if listed is not None:
                session.add(CreditListing(
                    organization=bidder.organization, kind=kind, listed_on=today + timedelta(days=listed), reason="x",
                    source="y", removed_on=None if removed is None else today + timedelta(days=removed)))
                session.flush()
            gate = organizations.eligibility(bidder.organization, day=today)
            assert queries.bidder(session, bidder.actor, project, day_of=NOW).bars == gate.bars
    for standing in Standing:
        bidder = make_bidder(session)
        bidder.organization.standing = standing
        session.flush()
        gate = organizations.eligibility(bidder.organization, day=today)
        assert queries.bidder(session, bidder.actor, project, day_of=NOW).bars == gate.bars


def test_nobody_but_people_of_a_provider_may_bid(session, project, sealer):
    desk = make_desk(session)
    for actor in (ANONYMOUS, desk.handler, SYSTEM):
        with pytest.raises(Denied):
            operations.submit_bid(session, actor=actor, project=project, offer=an_offer(), sealer=sealer, now=NOW)


def test_sealed_sizes_do_not_tell_a_short_plan_from_a_longer_one(session, project, sealer):
    sizes = set()
    for length in (10, 2_000, 4_500):
        bid = submit(session, make_bidder(session), project, sealer, offer=an_offer(plan="案" * length))
        sizes |= {len(bid.own_copy), len(bid.envelopes[0].sealed)}
    assert len(sizes) == 1


# ---- withdrawing ----

def test_a_bid_is_withdrawn_before_the_deadline_and_another_may_follow(session, project, sealer):
    bidder = make_bidder(session)
    bid = submit(session, bidder, project, sealer)
    operations.withdraw_bid(session, actor=bidder.actor, bid=bid, now=CLOSES - SECOND)
    assert (bid.state, bid.ended_at) == (BidState.WITHDRAWN, CLOSES - SECOND)
    assert queries.own_bid(session, bidder.actor, project) is None
    submit(session, bidder, project, sealer, replaces=None)


def test_a_bid_is_not_withdrawn_at_the_deadline_nor_twice_nor_by_another(session, project, sealer):
    bidder, other = make_bidder(session), make_bidder(session)
    bid = submit(session, bidder, project, sealer)
    with pytest.raises(Denied, match="已过截止时间"):
        operations.withdraw_bid(session, actor=bidder.actor, bid=bid, now=CLOSES)
    with pytest.raises(Denied) as refused:
        operations.withdraw_bid(session, actor=other.actor, bid=bid, now=NOW)
    assert refused.value.hidden
    operations.withdraw_bid(session, actor=bidder.actor, bid=bid, now=NOW)
    with pytest.raises(Denied, match="不在密封状态"):
        operations.withdraw_bid(session, actor=bidder.actor, bid=bid, now=NOW)


# ---- drafts ----

def test_a_draft_keeps_text_as_typed_and_lays_new_fields_over_old_ones(session, project, sealer):
    bidder = make_bidder(session)
    operations.save_draft(session, actor=bidder.actor, project=project, fields={"price": "35.6万", "plan": "甲"},
                          sealer=sealer, now=NOW)
    operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "乙"}, sealer=sealer,
                          now=NOW + SECOND)
    draft = queries.draft_of(session, bidder.actor, project, sealer=sealer)
    assert draft.fields == {"price": "35.6万", "plan": "乙"}
    assert (draft.saved_at, draft.saved_by) == (NOW + SECOND, "周敏")
    assert queries.draft_of(session, make_bidder(session).actor, project, sealer=sealer).fields == {}


def test_a_save_over_a_version_that_another_window_wrote_is_refused_and_loses_nothing(session, project, sealer):
    bidder = make_bidder(session)
    first = operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "甲"}, sealer=sealer,
                                  now=NOW, version=0)
    seen = first.version_id
    operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "乙"}, sealer=sealer, now=NOW,
                          version=seen)
    for stale in (0, seen):
        with pytest.raises(Conflict, match="另一个窗口"):
            operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "丙"}, sealer=sealer,
                                  now=NOW, version=stale)
    assert queries.draft_of(session, bidder.actor, project, sealer=sealer).fields["plan"] == "乙"


def test_a_draft_takes_no_unknown_field_and_no_novel(session, project, sealer):
    bidder = make_bidder(session)
    with pytest.raises(Invalid, match="is_valid"):
        operations.save_draft(session, actor=bidder.actor, project=project, fields={"is_valid": "1"}, sealer=sealer, now=NOW)
    with pytest.raises(Invalid, match="太长"):
        operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "长" * 400_000}, sealer=sealer,
                              now=NOW)


def test_a_draft_moved_to_another_organizations_row_does_not_open(session, project, sealer):
    one, other = make_bidder(session), make_bidder(session)
    for bidder in (one, other):
        operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "秘"}, sealer=sealer, now=NOW)
    mine = session.scalars(select(BidDraft).where(BidDraft.organization_id == one.organization.id)).one()
    session.execute(update(BidDraft).where(BidDraft.organization_id == other.organization.id).values(sealed=mine.sealed))
    session.execute(update(OrganizationKey).values(wrapped_key=session.scalar(select(OrganizationKey.wrapped_key).where(
        OrganizationKey.organization_id == one.organization.id))))
    session.expire_all()
    with pytest.raises(SealBroken):
        queries.draft_of(session, other.actor, project, sealer=sealer)


def test_an_attached_pdf_is_sealed_at_once_and_comes_back_from_the_opened_offer(session, project, sealer, store):
    bidder = make_bidder(session)
    marker = PDF + b"%MARKER-7781\n%%EOF\n"
    operations.attach_file(session, actor=bidder.actor, project=project, name="方案.pdf", data=marker, verdict="clean",
                           sealer=sealer, store=store, now=NOW)
    fields = queries.draft_of(session, bidder.actor, project, sealer=sealer).fields
    (entry,) = rules.attached(fields)
    assert (entry["name"], entry["size"]) == ("方案.pdf", len(marker))
    assert b"MARKER" not in store.get(entry["blob"])
    assert len(store.get(entry["blob"])) > rules.FILE_PAD_STEP
    assert queries.attached_bytes(entry, sealer=sealer, store=store) == marker
    submit(session, bidder, project, sealer,
           offer=an_offer(answers=rules.all_promises() | {"files": [dict(entry)]}))
    make_opening(session, project, sealer, prices=(1, 2))
    offer = session.scalars(select(OpenedOffer).join(SealedBid).where(
        SealedBid.organization_id == bidder.organization.id)).one()
    assert queries.attached_bytes(rules.attached(offer.answers)[0], sealer=sealer, store=store) == marker


def test_a_sixth_file_and_a_file_that_failed_its_check_are_refused(session, project, sealer, store):
    bidder = make_bidder(session)
    def attach(number, verdict="clean"):
        return operations.attach_file(session, actor=bidder.actor, project=project, name=f"{number}.pdf",
                                      data=PDF + b"%%%d\n%%%%EOF\n" % number, verdict=verdict, sealer=sealer, store=store, now=NOW)
    with pytest.raises(Invalid, match="EICAR"):
        attach(0, "EICAR-Test-File")
    for number in range(5):
        attach(number)
    with pytest.raises(Invalid, match="最多 5 个"):
        attach(6)
    fields = queries.draft_of(session, bidder.actor, project, sealer=sealer).fields
    operations.remove_file(session, actor=bidder.actor, project=project, sha256=rules.attached(fields)[0]["sha256"],
                           sealer=sealer, now=NOW)
    attach(6)


def test_a_full_disk_while_attaching_is_a_clear_refusal_and_leaves_the_draft_as_it_was(session, project, sealer):
    bidder, full = make_bidder(session), MemoryStore()
    operations.save_draft(session, actor=bidder.actor, project=project, fields={"plan": "甲"}, sealer=sealer, now=NOW)
    full.full = True
    with pytest.raises(Unavailable, match="存储暂时写不进去"):
        operations.attach_file(session, actor=bidder.actor, project=project, name="a.pdf", data=PDF, verdict="clean",
                               sealer=sealer, store=full, now=NOW)
    assert queries.draft_of(session, bidder.actor, project, sealer=sealer).fields == {"plan": "甲"}


# ---- opening ----

def test_the_opening_puts_every_offer_on_the_table_and_records_each_commitment(session, project, sealer):
    opening = make_opening(session, project, sealer)
    assert (opening.bids, opening.opened_at, project.state, project.opened_at) == (3, OPENS, ProjectState.OPENED, OPENS)
    offers = queries.offers_of(session, project)
    assert [o.price for o in offers] == [Money.yuan(356_000), Money.yuan(340_000), Money.yuan(361_000)]
    assert {entry["verdict"] for entry in opening.record} == {"intact"}
    assert [e["commitment"] for e in opening.record] == [o.bid.commitment for o in offers]
    job = session.scalars(select(Job).where(Job.kind == rules.JOB_BIDS_OPENED)).first()
    assert job.payload == {"project_ref": project.ref, "bids": 3, "unreadable": 0}


def test_before_a_minute_has_passed_or_after_the_deadline_moved_the_opening_does_nothing(session, project, sealer):
    for _ in range(3):
        make_bid(session, project, sealer)
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS - timedelta(microseconds=1)) is None
    project.closes_at = CLOSES + timedelta(days=3)
    session.flush()
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS) is None
    assert project.state == ProjectState.PUBLISHED
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) == 0


def test_opening_twice_changes_nothing_the_second_time(session, project, sealer):
    make_opening(session, project, sealer)
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS + SECOND) is None
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) == 3
    assert session.scalar(select(func.count()).select_from(Opening)) == 1


def test_only_the_system_opens(session, sealer):
    desk = make_desk(session)
    project = make_published(session, desk)
    for _ in range(3):
        make_bid(session, project, sealer)
    with pytest.raises(Denied, match="系统在截止后自动"):
        operations.open_bids(session, actor=desk.approver, project=project, sealer=sealer, now=OPENS)


def test_an_unreadable_bid_is_marked_and_the_others_are_opened(session, project, sealer):
    bids = [make_bid(session, project, sealer) for _ in range(4)]
    envelope = session.scalars(select(SealedEnvelope).where(SealedEnvelope.bid_id == bids[1].id)).one()
    broken = bytearray(envelope.sealed)
    broken[-1] ^= 1
    session.execute(update(SealedEnvelope).where(SealedEnvelope.id == envelope.id).values(sealed=bytes(broken)))
    session.execute(update(SealedBid).where(SealedBid.id == bids[2].id).values(commitment="0" * 64))
    opening = operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert [e["verdict"] for e in opening.record] == ["intact", "unreadable", "unreadable", "intact"]
    assert [b.state for b in bids] == [BidState.OPENED, BidState.UNREADABLE, BidState.UNREADABLE, BidState.OPENED]
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) == 2


def test_a_bid_whose_envelope_is_gone_is_unreadable_and_the_others_are_opened(session, project, sealer):
    bids = [make_bid(session, project, sealer) for _ in range(3)]
    session.execute(delete(SealedEnvelope).where(SealedEnvelope.bid_id == bids[0].id))
    opening = operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert [e["verdict"] for e in opening.record] == ["unreadable", "intact", "intact"]


def test_two_bids_that_swapped_their_envelopes_are_both_unreadable(session, project, sealer):
    bids = [make_bid(session, project, sealer) for _ in range(3)]
    one, other = (session.scalars(select(SealedEnvelope).where(SealedEnvelope.bid_id == b.id)).one() for b in bids[:2])
    first, second = one.sealed, other.sealed
    session.execute(update(SealedEnvelope).where(SealedEnvelope.id == one.id).values(sealed=second))
    session.execute(update(SealedEnvelope).where(SealedEnvelope.id == other.id).values(sealed=first))
    opening = operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert [e["verdict"] for e in opening.record] == ["unreadable", "unreadable", "intact"]


def test_with_fewer_bids_than_the_rule_set_asks_the_project_fails_and_no_price_is_revealed(session, project, sealer):
    bids = [make_bid(session, project, sealer, offer=an_offer(price=Money(31_415_926))) for _ in range(2)]
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS) is None
    assert project.state == ProjectState.FAILED
    assert "2 份" in project.end_reason
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) == 0
    assert {b.state for b in bids} == {BidState.SEALED}
    assert "314" not in project.end_reason


def test_withdrawn_and_replaced_bids_are_not_opened(session, project, sealer):
    bidder = make_bidder(session)
    submit(session, bidder, project, sealer)
    submit(session, bidder, project, sealer, offer=an_offer(price=Money.yuan(300_000)))
    gone = make_bidder(session)
    operations.withdraw_bid(session, actor=gone.actor, bid=submit(session, gone, project, sealer), now=NOW)
    opening = make_opening(session, project, sealer, prices=(1, 2))
    assert opening.bids == 3
    assert Money.yuan(300_000) in {o.price for o in queries.offers_of(session, project)}


def test_without_the_key_file_the_opening_stops_says_where_it_was_expected_and_changes_nothing(app, session, project, sealer):
    for _ in range(3):
        make_bid(session, project, sealer)
    path = app.extensions["marketplace.config"].seal_key_path
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(KeyMissing, match="放回原处") as missing:
        operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS)
    assert missing.value.facts["path"] == str(path)
    assert project.state == ProjectState.PUBLISHED
    with pytest.raises(KeyMissing):
        make_bid(session, project, sealer)
    assert not path.exists(), "a new key must never be made while something is sealed under the old one"
    path.write_bytes(kept)
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS).bids == 3


def test_one_key_per_project_and_one_per_organization(session, project, sealer):
    bidder = make_bidder(session)
    submit(session, bidder, project, sealer)
    submit(session, bidder, make_published(session), sealer)
    assert session.scalar(select(func.count()).select_from(ProjectKey)) == 2
    assert session.scalar(select(func.count()).select_from(OrganizationKey)) == 1


def test_a_terminated_project_is_never_opened(session, sealer):
    desk = make_desk(session)
    project = make_published(session, desk)
    for _ in range(3):
        make_bid(session, project, sealer)
    projects.terminate(session, actor=desk.approver, project=project, reason="预算取消，项目不再实施", now=NOW)
    assert operations.open_bids(session, actor=SYSTEM, project=project, sealer=sealer, now=OPENS) is None
    assert session.scalar(select(func.count()).select_from(OpenedOffer)) == 0
