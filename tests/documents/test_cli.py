"""Commands of papers, and the limit on guessing codes."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from marketplace import create_app
from marketplace.core.db import db, transaction
from marketplace.core.errors import Unavailable
from marketplace.documents import queries
from marketplace.web.services import services
from tests.documents.test_operations import an_issued


def test_a_paper_is_voided_by_its_number_with_a_reason(app: Flask) -> None:
    with app.app_context(), transaction() as session:
        number, code = (made := an_issued(session)).number, made.verify_code
    run = app.test_cli_runner()
    assert run.invoke(args=["documents", "void", number]).exit_code == 2
    assert run.invoke(args=["documents", "void", "LC-HT-1999-0001", "--reason", "x"]).exit_code == 2
    done = run.invoke(args=["documents", "void", number, "--reason", "双方同意重签"])
    assert (done.exit_code, "已作废" in done.stdout) == (0, True)
    with app.app_context():
        document = queries.by_code(db.session(), code)
        assert document is not None
        assert document.void_reason == "双方同意重签"
    again = run.invoke(args=["documents", "void", number, "--reason", "x"])
    assert (again.exit_code, "已经作废" in again.stderr) == (1, True)


def test_the_printer_check_says_what_is_missing_and_exits_with_three(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    run = app.test_cli_runner()
    with app.app_context():
        printer = services().pdf
    assert run.invoke(args=["documents", "check-printer"]).exit_code == 0
    assert '"toolchain"' in run.invoke(args=["documents", "check-printer", "--json"]).stdout

    def broken() -> None:
        raise Unavailable("libharfbuzz-subset is missing")

    monkeypatch.setattr(printer, "self_check", broken)
    refused = run.invoke(args=["documents", "check-printer"])
    assert (refused.exit_code, "libharfbuzz-subset" in refused.stderr) == (3, True)


def test_guessing_codes_is_slowed_down(app: Flask, tmp_path: Path) -> None:
    config = replace(app.extensions["marketplace.config"], rate_limits=True, instance=tmp_path)
    limited = create_app(config, app.extensions["marketplace.services"])
    with limited.app_context():
        visitor = limited.test_client()
        answers = [visitor.get("/v").status_code for _ in range(31)]
        db.engine.dispose()
    assert answers == [200] * 30 + [429]
