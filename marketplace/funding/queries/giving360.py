"""A funder's grants in the 360Giving Data Standard, version 1.4: commitments and what reached the recipient.

Identifiers are honest: a body with a unified social credit code is CN-USCC-<code>; every other body and every grant is
named by this site's own host name, because neither this site nor CN-USCC is in a register of 360Giving prefixes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import beijing, beijing_date
from marketplace.core.money import Money
from marketplace.core.money import total as add_up
from marketplace.funding.models import Allocation, Funder, Pledge
from marketplace.funding.queries.flows import Flow, flows
from marketplace.organizations.models import Organization

VERSION = "1.4"
TITLE_LENGTH = 139
_TYPES = {"own": "资助", "matched": "配套资助"}


@dataclass(frozen=True)
class Publisher:
    """Whose site this is: its address and host name, its name, its currency."""

    base_url: str
    host: str
    name: str
    currency: str


Json = dict[str, object]


def package(session: Session, funder: Funder, *, publisher: Publisher, now: datetime) -> Json:
    """Return all signed grants of a funder as one data package."""
    pledges = session.scalars(
        select(Pledge).where(Pledge.funder_id == funder.id, Pledge.is_verbal.is_(False), Pledge.amount > Money(0))
        .options(joinedload(Pledge.project), joinedload(Pledge.receiver), joinedload(Pledge.account))
        .order_by(Pledge.id)).all()
    moved: dict[str, list[Flow]] = {}
    for flow in flows(session, [one.ref for one in pledges]):
        if flow.kind != "spent":
            moved.setdefault(flow.pledge_ref, []).append(flow)
    captured = _captured(session, [one for one in pledges if one.kind == "matched"])
    return {
        "version": VERSION, "title": f"{funder.name}资助数据", "issued": beijing_date(now).isoformat(),
        "publisher": {"name": publisher.name, "website": publisher.base_url},
        "grants": [_grant(one, funder, moved.get(one.ref, []), captured.get(one.id, []), publisher)
                   for one in pledges]}


def _captured(session: Session, matched: Sequence[Pledge]) -> dict[int, list[Allocation]]:
    """Return by matched pledge the confirmed allocations that it grew from, oldest first."""
    found: dict[int, list[Allocation]] = {}
    for pledge in matched:
        found[pledge.id] = list(session.scalars(
            select(Allocation).join(Pledge, Pledge.id == Allocation.pledge_id)
            .where(Allocation.pool_id == pledge.pool_id, Pledge.project_id == pledge.project_id,
                   Allocation.captured_at.is_not(None)).order_by(Allocation.id)))
    return found


def _grant(pledge: Pledge, funder: Funder, moved: Sequence[Flow], captured: Sequence[Allocation],
           publisher: Publisher) -> Json:
    """Return one pledge as a grant from its funder to its receiving body."""
    project, ref = pledge.project, f"{publisher.host}-{pledge.ref}"
    commitments = _commitments(pledge, captured, ref, publisher)
    disbursed = add_up([flow.amount * (-1 if flow.kind == "returned" else 1) for flow in moved])
    grant: Json = {
        "id": ref, "title": project.title[:TITLE_LENGTH], "currency": publisher.currency,
        "description": pledge.purpose or project.summary or project.title,
        "amountAwarded": _number(pledge.amount - pledge.dropped - pledge.refunded),
        "amountDisbursed": _number(disbursed),
        "awardDate": beijing_date(pledge.signed_at or pledge.pledged_at).isoformat(),
        "url": f"{publisher.base_url}/projects/{project.ref}/money",
        "recipientOrganization": [organization(pledge.receiver, publisher)],
        "fundingOrganization": [_funding(funder, publisher)],
        "fundingType": [{"title": _TYPES[pledge.kind]}], "fromOpenCall": "No",
        "commitmentTransaction": commitments,
        "disbursementTransaction": [
            _transaction(f"{ref}-d{number}", flow.on.isoformat(), flow.amount * (-1 if flow.kind == "returned" else 1),
                         publisher) for number, flow in enumerate(moved, 1)],
        "dateModified": beijing(pledge.changed_at).isoformat(timespec="seconds"),
        "dataSource": f"{publisher.base_url}/pools"}
    if project.service_from and project.service_to:
        grant["plannedDates"] = [
            {"startDate": project.service_from.isoformat(), "endDate": project.service_to.isoformat()}]
    return grant


def _commitments(pledge: Pledge, captured: Sequence[Allocation], ref: str, publisher: Publisher) -> list[Json]:
    """Return what was promised when: the signed paper, or each confirmed allocation; what fell away is negative."""
    made: list[tuple[str, Money]] = []
    if pledge.kind == "own":
        made.append((beijing_date(pledge.signed_at or pledge.pledged_at).isoformat(), pledge.amount))
        gone = pledge.dropped + pledge.refunded
        if gone.fen:
            made.append((beijing_date(pledge.changed_at).isoformat(), gone * -1))
    for one in captured:
        made.append((beijing_date(one.captured_at or one.reserved_at).isoformat(), one.amount))
        if one.returned.fen:
            made.append((beijing_date(one.returned_at or pledge.changed_at).isoformat(), one.returned * -1))
    return [_transaction(f"{ref}-c{number}", day, amount, publisher) for number, (day, amount) in enumerate(made, 1)]


def _transaction(ref: str, day: str, amount: Money, publisher: Publisher) -> Json:
    """Return one transaction."""
    return {"id": ref, "transactionDate": day, "currency": publisher.currency, "value": _number(amount)}


def organization(body: Organization, publisher: Publisher) -> Json:
    """Return a body with its identifier and public address."""
    given = f"CN-USCC-{body.credit_code}" if body.credit_code else f"{publisher.host}-{body.ref}"
    return {"id": given, "name": body.name, "addressCountry": "CN",
            "url": f"{publisher.base_url}/organizations/{body.ref}"}


def _funding(funder: Funder, publisher: Publisher) -> Json:
    """Return the funder: its organization, with the named fund as department; a person by name."""
    if funder.organization is None:
        return {"id": f"{publisher.host}-{funder.ref}", "name": funder.name}
    made = organization(funder.organization, publisher)
    return {**made, "department": funder.fund_name} if funder.fund_name else made


def _number(amount: Money) -> int | Decimal:
    """Return yuan as an exact number; whole yuan without decimals."""
    yuan, fen = divmod(abs(amount.fen), 100)
    sign = -1 if amount.fen < 0 else 1
    return sign * yuan if fen == 0 else sign * (Decimal(yuan) + Decimal(fen) / 100)


def plain(value: object) -> object:
    """Return a package with numbers that a JSON writer takes: exact to the fen below ten trillion yuan."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value
