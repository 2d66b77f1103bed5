"""Two workers, one award: one contract, one number, one paper."""

import threading

import pytest
import sqlalchemy as sa
from flask import Flask

from marketplace.contracts import jobs
from marketplace.contracts.models import Contract
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.documents.models import Document
from marketplace.web.services import services
from tests.factories.contracts import make_award, make_contract

WORKERS = 4


def at_once(app: Flask, work: object, *arguments: str) -> list[BaseException]:
    """Run the same job in several threads at the same moment; return what went wrong."""
    gate, wrong = threading.Barrier(WORKERS), []

    def run() -> None:
        with app.app_context():
            gate.wait()
            try:
                work(*arguments)  # type: ignore[operator]
            except Exception as error:  # noqa: BLE001 - collected for the assertion
                wrong.append(error)

    threads = [threading.Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


@pytest.mark.race
def test_workers_that_draw_up_at_once_make_one_contract(fresh_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_app.app_context(), transaction() as session:
        deal = make_award(session, services().sealer)
        ref, due = deal.award.ref, deal.due
    monkeypatch.setattr(jobs, "utc_now", lambda: due)
    wrong = at_once(fresh_app, jobs.draw_up, ref)
    assert not [error for error in wrong if not isinstance(error, Conflict | sa.exc.IntegrityError)]
    with fresh_app.app_context():
        jobs.draw_up(ref)  # what the outbox does with a job that lost
        assert [c.number for c in db.session.scalars(sa.select(Contract))] == ["LC-HT-2026-0001"]


@pytest.mark.race
def test_workers_that_print_at_once_issue_one_paper(fresh_app: Flask) -> None:
    with fresh_app.app_context(), transaction() as session:
        ref = make_contract(session, services().sealer)[1].ref
    wrong = at_once(fresh_app, jobs.print_paper, ref)
    assert wrong == []
    with fresh_app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Document)) == 1
        contract = db.session.scalars(sa.select(Contract)).one()
        assert (contract.state, contract.render_error) == ("issued", "")
