"""Copies every fact that the contract prints, once, out of project, award, bid and the two parties."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from marketplace.awards.models import Award
from marketplace.catalogs.queries import category_names
from marketplace.contracts.rules import months_between, payment_plan, price_facts
from marketplace.core.clock import beijing_date
from marketplace.organizations.models import Organization
from marketplace.procedures.queries import rule_set_of
from marketplace.projects.models import Project

LOTTERY_WORDS = ("福彩", "彩票", "公益金")


def collect(session: Session, *, award: Award, project: Project, number: str) -> dict[str, Any]:
    """Return the facts of one contract as plain data; nothing in it points back to a row."""
    bid, code = award.bid, project.category_code or ""
    offer = bid.offer
    assert offer is not None  # an award stands on an opened offer
    rule_set = rule_set_of(project.rule_set, project.rules_snapshot)
    return {
        "number": number,
        "project": {"ref": project.ref, "number": project.number, "title": project.title},
        "method": rule_set.title, "rule_set": rule_set.name,
        "category": {"code": code, "name": category_names(session).get(code, "")},
        "funding_source": project.funding_source,
        "is_lottery": any(word in project.funding_source for word in LOTTERY_WORDS),
        "buyer": _party(project.buyer, project.contact_name, project.contact_phone),
        "provider": _party(bid.organization, offer.contact_name, offer.contact_phone),
        "basis": {
            "award_ref": award.ref, "awarded_on": beijing_date(award.awarded_at).isoformat(),
            "objections_ended_on": _last_day(award), "receipt_number": bid.receipt_number,
            "commitment": bid.commitment,
        },
        "service": {
            "summary": project.summary, "body": project.body, "target_group": project.target_group,
            "beneficiaries": project.beneficiaries, "place": project.place, "offer_summary": offer.summary,
            "team": offer.team,
        },
        "indicators": [
            {"name": row.name, "target": row.target, "unit": row.unit, "evidence": row.evidence}
            for row in project.indicators
        ],
        "period": _period(project.service_from, project.service_to),
        "price": price_facts(award.price),
        "payments": payment_plan(award.price, [
            {"title": row.title, "percent": row.percent, "condition": row.condition, "days_after": row.days_after}
            for row in project.milestones
        ]),
    }


def _party(organization: Organization, contact_name: str, contact_phone: str) -> dict[str, str]:
    """Return one party as it is printed; what is unknown stays empty and is filled in by hand."""
    name = contact_name or organization.contact_name or ""
    phone = contact_phone or organization.contact_phone or ""
    return {
        "ref": organization.ref, "name": organization.name, "credit_code": organization.credit_code or "",
        "address": organization.address or "", "legal_representative": organization.legal_representative or "",
        "contact": "　".join(part for part in (name, phone) if part),
        "bank_name": organization.bank_name or "", "bank_account": organization.bank_account or "",
    }


def _period(start: date | None, end: date | None) -> dict[str, object]:
    """Return the service period: two ISO dates, the last one included, and whole months."""
    if start is None or end is None:
        return {"from": "", "to": "", "months": 0}
    return {"from": start.isoformat(), "to": end.isoformat(), "months": months_between(start, end)}


def _last_day(award: Award) -> str:
    """Return the last day of the objection period: its end is exclusive, at midnight."""
    return beijing_date(award.objections_until - timedelta(microseconds=1)).isoformat()
