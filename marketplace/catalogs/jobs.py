"""What catalogs offer to the import of sheets, and what follows from another name of a unit."""

from marketplace.catalogs import policy, queries, rules
from marketplace.catalogs.operations import import_catalogs, import_lists
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.publishing import public_changed
from marketplace.core.text import N_
from marketplace.imports.rules import ImportTarget
from marketplace.organizations.rules import JOB_BUYER_CHANGED


def follow_unit(organization_ref: str) -> None:
    """Tell the index about the published lines of a unit that has another name, kind or place now."""
    now = utc_now()
    with transaction() as session:
        for ref in queries.published_refs_of(session, organization_ref):
            public_changed(session, kind="purchase_list_item", ref=ref, now=now)


HANDLERS = {JOB_BUYER_CHANGED: follow_unit}

IMPORT_TARGETS = {target.name: target for target in (
    ImportTarget(
        name="purchase_list", title=N_("年度购买服务项目清单"), fields=rules.LIST_FIELDS, options=("unit", "year"),
        may_import=policy.may_import_lists, begin=import_lists.begin_list, plan=import_lists.plan_list,
        apply=import_lists.apply_list, undo=import_lists.undo_list,
        hint=N_("导入到本单位当年清单的草稿，提交并公布以后才公开"),
        result_url=lambda options: f"/purchase-lists/by-unit/{options['unit']}/{options['year']}",
    ),
    ImportTarget(
        name="catalog", title=N_("指导性目录"), fields=rules.CATALOG_FIELDS, options=("year",),
        may_import=policy.may_keep_catalog, begin=import_catalogs.begin_catalog, plan=import_catalogs.plan_catalog,
        apply=import_catalogs.apply_catalog, undo=import_catalogs.undo_catalog,
        hint=N_("导入到当年目录的草稿，公布以后替代现行目录"),
        result_url=lambda _options: "/catalogs/editions",
    ),
)}
