"""Importing organizations from a public source: unverified, without a code; what it does not say stays empty."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.core.access import Actor, require
from marketplace.core.audit import record
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.publishing import public_changed
from marketplace.core.sheets import Fault, Field, Kind, SheetRow
from marketplace.core.text import N_
from marketplace.imports.rules import Outcome, Plan, Planned
from marketplace.organizations import policy, rules
from marketplace.organizations.models import Organization
from marketplace.organizations.operations import register, update_profile
from marketplace.organizations.rules import STANDING_OF_KIND, OrganizationKind, Verification

FIELDS: tuple[Field, ...] = (
    Field("source_ref", N_("来源编号"), ("org_id", "来源编号", "编号", "组织编号"), Kind.CODE),
    Field("name", N_("组织名称"), ("name", "组织名称", "单位名称", "机构名称", "名称", "社会组织名称"), required=True),
    Field("kind", N_("登记类型"), ("registration_type", "登记类型", "组织类型", "类型", "社会组织类型"), never=("basis",)),
    Field("credit_code", N_("统一社会信用代码"), ("credit_code", "统一社会信用代码", "信用代码"), Kind.CODE),
    Field("business_scope", N_("服务领域"), ("service_areas", "服务领域", "业务范围", "服务类别"), Kind.TEXT, never=("basis",)),
    Field("province", N_("省"), ("province", "省", "省份")),
    Field("city", N_("市"), ("city", "市", "地市")),
    Field("district", N_("区县"), ("district", "区县", "县区", "区")),
    Field("grade", N_("评估等级"), ("grade", "评估等级", "等级")),
    Field("evidence", N_("承接情况"), ("evidence", "承接情况", "承接项目", "业绩"), Kind.TEXT),
    Field("source_url", N_("来源网址"), ("source_url", "来源网址", "网址", "链接")),
    Field("note", N_("备注"), ("note", "备注", "说明"), Kind.TEXT),
)
KINDS: tuple[tuple[str, OrganizationKind], ...] = (
    ("民办非企业", OrganizationKind.SERVICE_AGENCY), ("社会服务机构", OrganizationKind.SERVICE_AGENCY),
    ("社会团体", OrganizationKind.ASSOCIATION), ("基金会", OrganizationKind.FOUNDATION),
    ("慈善会", OrganizationKind.CHARITY_FEDERATION), ("备案", OrganizationKind.FILED_GROUP),
    ("香港", OrganizationKind.OTHER), ("澳门", OrganizationKind.OTHER), ("台湾", OrganizationKind.OTHER),
    ("事业单位", OrganizationKind.INSTITUTION), ("公司", OrganizationKind.ENTERPRISE),
    ("企业", OrganizationKind.ENTERPRISE),
)
Options = Mapping[str, Any]


def begin(session: Session, *, actor: Actor, options: Options, now: datetime) -> dict[str, Any]:  # noqa: ARG001
    """Check that the actor may take organizations over."""
    require(policy.may_take_over(actor))
    return dict(options)


def _find(session: Session, facts: Mapping[str, Any]) -> Organization | None:
    """Return the organization imported before: by source, else credit code, else an unverified one of that name."""
    if facts.get("source_ref"):
        return session.scalar(select(Organization).where(Organization.source_ref == facts["source_ref"]))
    if facts.get("credit_code"):
        return session.scalar(select(Organization).where(Organization.credit_code == facts["credit_code"]))
    return session.scalar(select(Organization).where(
        Organization.name == facts["name"], Organization.verification == Verification.UNVERIFIED).limit(1))


def plan(session: Session, *, rows: Sequence[SheetRow], options: Options, now: datetime) -> Plan:  # noqa: ARG001
    """Compare rows with the registry."""
    planned: list[Planned] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for row in rows:
        try:
            facts = _facts(row)
            key = facts["source_ref"] or facts.get("credit_code") or facts["name"]
            _refuse_twice(key, seen)
            known = _find(session, facts)
            before = None if known is None else to_json(known, facts)
            if known is not None and before != facts:
                _refuse_verified(known)
        except Invalid as wrong:
            field = wrong.field or "name"
            faults.append(Fault(row.sheet, row.row, row.columns.get(field, "A"), row.values.get(field, ""),
                                wrong.sentence, wrong.facts))
            continue
        outcome = Outcome.NEW if before is None else Outcome.UNCHANGED if before == facts else Outcome.CHANGED
        planned.append(Planned(row, outcome, key, facts["name"], facts, before))
    return Plan(planned, faults)


def _refuse_twice(key: str, seen: set[str]) -> None:
    """Refuse a second row about the same organization."""
    if key in seen:
        raise Invalid(N_("“{key}”在表里出现了两次"), field="name", key=key)
    seen.add(key)


def _refuse_verified(known: Organization) -> None:
    """Refuse to overwrite what an operator has checked."""
    if known.verification != Verification.UNVERIFIED:
        raise Invalid(N_("“{name}”已提交或通过核验，不能由导入修改"), field="name", name=known.name)


def _facts(row: SheetRow) -> dict[str, Any]:
    """Return what a row says, as JSON; raises Invalid naming the field."""
    values = row.values
    name = rules.check_name(values["name"])
    kind = _kind(values.get("kind", ""), name)
    place = "".join(values.get(part, "") for part in ("province", "city", "district"))
    about = [("工作地域", place), ("来源记载的评估等级（未核实）", values.get("grade", "")),
             ("来源记载", values.get("evidence", "")), ("备注", values.get("note", "")), ("来源", values.get("source_url", ""))]
    return {
        "source_ref": values.get("source_ref") or None, "name": name, "kind": kind.value,
        "credit_code": rules.check_credit_code(values.get("credit_code") or None),
        "business_scope": values.get("business_scope", ""),
        "about": "\n".join(f"{label}：{text}" for label, text in about if text),
    }


def _kind(written: str, name: str) -> OrganizationKind:
    """Return the kind that the source, else the name's ending, says; other where neither does."""
    for word, kind in KINDS:
        if word in written:
            return kind
    if not written and name.endswith("基金会"):
        return OrganizationKind.FOUNDATION
    return OrganizationKind.OTHER


def to_json(organization: Organization, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the registry, for the keys of `like`."""
    return {name: getattr(organization, name) for name in like}


def apply(session: Session, *, actor: Actor, rows: Sequence[Planned], options: Options,  # noqa: ARG001
          now: datetime) -> list[dict[str, Any]]:
    """Register new organizations as unverified and bring known unverified ones up to date."""
    made = []
    for planned in rows:
        facts = dict(planned.facts)
        known = _find(session, facts)
        if known is None:
            kind = OrganizationKind(facts["kind"])
            known = register(session, actor=actor, kind=kind, standing=STANDING_OF_KIND[kind], now=now,
                             **{name: value for name, value in facts.items() if name != "kind"})
            before = None
        else:
            before = to_json(known, facts)
            _change(session, actor, known, facts, now)
        made.append({"ref": known.ref, "before": before, "after": to_json(known, facts)})
    return made


def _change(session: Session, actor: Actor, organization: Organization, facts: Mapping[str, Any],
            now: datetime) -> None:
    """Write facts onto an unverified organization."""
    _refuse_verified(organization)
    kind = OrganizationKind(facts["kind"])
    changes = {name: value for name, value in facts.items() if name != "source_ref"}
    update_profile(session, actor=actor, organization=organization, now=now,
                   changes={**changes, "standing": STANDING_OF_KIND[kind]})


def _untouched(session: Session, change: Mapping[str, Any]) -> Organization:
    """Return an imported organization that still is as the import left it."""
    known = session.scalar(select(Organization).where(Organization.ref == change["ref"]))
    if known is None or known.verification != Verification.UNVERIFIED or to_json(
            known, change["after"]) != dict(change["after"]):
        raise Conflict(N_("“{name}”导入之后又有变化，不能整批撤销"), name=change["after"]["name"])
    return known


def undo(session: Session, *, actor: Actor, changes: Sequence[Mapping[str, Any]], options: Options,  # noqa: ARG001
         now: datetime) -> None:
    """Take imported organizations back; raises Conflict when one was verified, edited or is used by now."""
    found = [_untouched(session, change) for change in changes]
    for change, known in reversed(list(zip(changes, found, strict=True))):
        if change["before"] is not None:
            _change(session, actor, known, change["before"], now)
            continue
        ref, name = known.ref, known.name
        try:
            with session.begin_nested():
                session.delete(known)
                session.flush()
        except IntegrityError:
            raise Conflict(N_("“{name}”已经被别的内容用到，不能整批撤销"), name=name) from None
        record(session, actor=actor, action="organizations.take_back", subject=("organization", ref), now=now,
               name=name)
        public_changed(session, kind="organization", ref=ref, now=now)
