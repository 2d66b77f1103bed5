"""Large imports, applied by the outbox a chunk at a time, so that the page can show how far they are."""

from flask import current_app

from marketplace.accounts.queries import load_actor
from marketplace.core.access import SYSTEM
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import DomainError
from marketplace.core.text import N_
from marketplace.imports import operations, rules
from marketplace.imports.models import ImportBatch
from marketplace.imports.operations import import_organizations
from marketplace.imports.rules import ImportState, ImportTarget, map_from_json
from marketplace.organizations.policy import may_take_over
from marketplace.web.services import services


def apply_import(batch_ref: str) -> None:
    """Apply one import to its end; repeated after a crash, it goes on where it stopped, or takes everything back."""
    session = db.session()
    batch = session.query(ImportBatch).filter_by(ref=batch_ref).one()
    if batch.state != ImportState.APPLYING:
        return
    targets: dict[str, ImportTarget] = current_app.extensions["marketplace.import_targets"]
    target, file, batch_id = targets[batch.target], batch.file, batch.id
    try:
        sheets = services().workbook_reader.read(services().files.get(file.sha256), filename=file.name)
        checked = operations.check_sheets(session, target=target, sheets=sheets, options=batch.options, now=utc_now(),
                                          tables=map_from_json(batch.mapping))
        actor = load_actor(session, batch.created_by)
        rows = operations.rows_to_apply(checked)
        for first in range(0, len(rows), rules.CHUNK):
            with transaction() as writing:
                operations.apply_chunk(writing, actor=actor, batch=writing.get_one(ImportBatch, batch_id),
                                       target=target, rows=rows[first:first + rules.CHUNK], now=utc_now())
        with transaction() as writing:
            operations.finish_import(writing, actor=actor, batch=writing.get_one(ImportBatch, batch_id), now=utc_now())
    except DomainError as error:
        with transaction() as writing:
            operations.fail_import(writing, actor=SYSTEM, batch=writing.get_one(ImportBatch, batch_id), target=target,
                                   message=str(error), now=utc_now())


HANDLERS = {rules.JOB_APPLY_IMPORT: apply_import}

IMPORT_TARGETS = {"organizations": ImportTarget(
    name="organizations", title=N_("组织"), fields=import_organizations.FIELDS, may_import=may_take_over,
    begin=import_organizations.begin, plan=import_organizations.plan, apply=import_organizations.apply,
    undo=import_organizations.undo, hint=N_("导入为未核验的组织，不需要统一社会信用代码；来源没有写的内容留空"),
    result_url=lambda _options: "/organizations",
)}
