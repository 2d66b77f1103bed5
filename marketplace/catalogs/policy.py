"""Who may keep the catalogue and the purchase lists. Pure."""

from marketplace.catalogs.models import Catalog, PurchaseList, PurchaseListVersion
from marketplace.catalogs.rules import CATALOG_STEPS, VERSION_STEPS, CatalogState, VersionState
from marketplace.core.access import ALLOWED, Actor, Decision, Role, denied
from marketplace.core.text import N_
from marketplace.organizations.models import Organization

ROOT_DEPTH = 2       # "/1/" has two slashes: the root of the tree of units


def may_keep_catalog(actor: Actor) -> Decision:
    """Let the operator, and handlers and approvers of the district bureau (the tree's root), keep the catalogue."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    if actor.has(Role.HANDLER, Role.APPROVER) and actor.unit_path.count("/") == ROOT_DEPTH:
        return ALLOWED
    return denied(N_("指导性目录由区级主管单位或系统管理员维护"))


def may_publish_catalog(actor: Actor) -> Decision:
    """Let the operator or the district bureau's approver publish an edition."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return ALLOWED
    if actor.has(Role.APPROVER) and actor.unit_path.count("/") == ROOT_DEPTH:
        return ALLOWED
    return denied(N_("指导性目录由区级主管单位的审核人或系统管理员公布"))


def may_edit_catalog(actor: Actor, catalog: Catalog) -> Decision:
    """Only a draft edition is edited: a published one is replaced by a new one."""
    if catalog.state != CatalogState.DRAFT:
        return denied(N_("已公布的目录不能直接修改。请建立新一版，公布后替代这一版"))
    return may_keep_catalog(actor)


def may_replace_catalog(actor: Actor, catalog: Catalog) -> Decision:
    """Say whether the actor may begin the edition after this one."""
    if not CATALOG_STEPS.allows(CatalogState(catalog.state), "replace"):
        return denied(N_("只有现行目录可以建立新一版"))
    return may_keep_catalog(actor)


def may_keep_list(actor: Actor, unit: Organization) -> Decision:
    """Let a unit's handler or approver keep its list; a unit above may do it for one below."""
    if not unit.is_buyer:
        return denied(N_("只有购买主体可以编制年度清单"))
    if actor.is_system:
        return ALLOWED
    if actor.has(Role.HANDLER, Role.APPROVER) and (actor.organization_id == unit.id or actor.oversees(unit.path)):
        return ALLOWED
    return denied(N_("只有本单位的经办人或审核人可以编制这个单位的年度清单"))


def may_import_lists(actor: Actor) -> Decision:
    """Handlers and approvers of units import lists; for which unit is checked with may_keep_list."""
    if actor.is_system or (actor.has(Role.HANDLER, Role.APPROVER) and actor.organization_id is not None):
        return ALLOWED
    return denied(N_("年度清单由购买单位的经办人或审核人导入"))


def may_edit_version(actor: Actor, version: PurchaseListVersion) -> Decision:
    """Only a draft is edited."""
    state = VersionState(version.state)
    if state is VersionState.SUBMITTED:
        return denied(N_("这一版正在审核。需要修改请让审核人退回"))
    if not VERSION_STEPS.allows(state, "edit"):
        return denied(N_("已公布的清单不能直接修改。请先“变更清单”，写明原因，再修改新的一版"))
    return may_keep_list(actor, version.purchase_list.unit)


def may_submit(actor: Actor, version: PurchaseListVersion) -> Decision:
    """Hand a draft to the approver."""
    if not VERSION_STEPS.allows(VersionState(version.state), "submit"):
        return denied(N_("只有草稿可以提交审核"))
    return may_keep_list(actor, version.purchase_list.unit)


def may_decide(actor: Actor, version: PurchaseListVersion) -> Decision:
    """Publish or return what was submitted: the unit's approver, or one above it; not who submitted it."""
    if VersionState(version.state) is not VersionState.SUBMITTED:
        return denied(N_("这一版还没有提交审核"))
    if actor.is_system:
        return ALLOWED
    unit = version.purchase_list.unit
    if not actor.has(Role.APPROVER) or not (actor.organization_id == unit.id or actor.oversees(unit.path)):
        return denied(N_("只有本单位的审核人可以公布或退回"))
    if version.submitted_by is not None and version.submitted_by == actor.person_id:
        return denied(N_("提交的人不能自己公布，请由另一位审核人办理"))
    return ALLOWED


def may_amend(actor: Actor, purchase_list: PurchaseList) -> Decision:
    """Begin the next version of a published list; one at a time."""
    if any(v.state in (VersionState.DRAFT, VersionState.SUBMITTED) for v in purchase_list.versions):
        return denied(N_("已有一版正在修改或审核，请在那一版上继续"))
    return may_keep_list(actor, purchase_list.unit)


def may_see_version(actor: Actor, version: PurchaseListVersion) -> Decision:
    """Show published and superseded versions to all, drafts to their unit, submitted ones above too; else 404."""
    if version.published_at is not None or actor.is_system:
        return ALLOWED
    unit = version.purchase_list.unit
    inside = actor.has(Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN)
    if inside and (actor.organization_id == unit.id
                   or (actor.oversees(unit.path) and version.state == VersionState.SUBMITTED)):
        return ALLOWED
    if actor.has(Role.AUDITOR):
        return ALLOWED
    return denied(N_("没有这个清单，或还没有公布"), hidden=True)
