"""The app as a whole: marks, handlers, templates, migrations, no side effect on import."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketplace.core.db import Model
from marketplace.web import access

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(p.relative_to(ROOT / "templates") for p in (ROOT / "templates").rglob("*") if p.suffix in {".html", ".txt"})


def test_every_route_carries_an_access_mark(app):
    access.check_marks(app)
    assert len(list(app.url_map.iter_rules())) > 50


def test_a_route_without_a_mark_stops_the_app():
    from flask import Flask

    bare = Flask("bare")
    bare.add_url_rule("/open", "open", lambda: "x")
    with pytest.raises(RuntimeError, match="/open"):
        access.check_marks(bare)


def test_every_job_kind_has_a_handler_and_a_missing_one_stops_the_app():
    from marketplace import _check_kinds

    with pytest.raises(RuntimeError, match="without a handler"):
        _check_kinds({})


@pytest.mark.parametrize("name", TEMPLATES, ids=str)
def test_every_template_compiles_and_keeps_to_the_strict_policy(name, all_sites):
    app = all_sites("sqlite")
    app.jinja_env.get_template(str(name))
    text = (ROOT / "templates" / name).read_text()
    if name.parts[0] in {"pdf", "email"}:
        return
    assert not re.search(r"\sstyle\s*=\s*[\"']", text), "inline style is blocked by the policy"
    assert not re.search(r"<style\b|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on|hx-vals=['\"]js:|data:image", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script is blocked by the policy"
    assert not re.search(r"\|\s*safe\b", text), "unescaped text needs a reason and a macro"


def test_migrations_lead_to_the_models(app, engine):
    with app.app_context():
        from marketplace.core.db import db

        context = MigrationContext.configure(db.session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Model.metadata) == []


def test_migrations_go_down_and_up_again(databases):
    from alembic import command

    from marketplace.web import migrate

    url = databases.new()
    made = sa.create_engine(url)
    settings = migrate.alembic_config()
    with made.connect().execution_options(writing=True) as connection, connection.begin():
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
    assert set(sa.inspect(made).get_table_names()) <= {"alembic_version"}
    assert migrate.upgrade(made)
    assert not migrate.upgrade(made)
    made.dispose()
    databases.drop(url)


def test_importing_the_app_has_no_side_effect(tmp_path):
    code = "import threading, app; assert threading.active_count() == 1; print(len(list(app.app.url_map.iter_rules())))"
    instance = tmp_path / "instance"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "MARKETPLACE_INSTANCE": str(instance)})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
    assert not instance.exists()


def test_lock_files_carry_hashes_and_no_addresses():
    for name in ("requirements.lock", "requirements-test.lock", "package-lock.json"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://", text)
        assert "sha256:" in text or "sha512-" in text


def test_the_tree_names_no_place_of_the_machine_it_was_made_on():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    home = str(ROOT.parent) + "/"
    for name in tracked:
        path = ROOT / name
        if name and path.is_file() and path.suffix in {".py", ".md", ".html", ".toml", ".sh", ".txt", ".json", ".js", ".css", ""}:
            assert home not in path.read_text(errors="ignore"), name
