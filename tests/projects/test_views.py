"""Pages of projects through HTTP."""

from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.projects import operations
from tests.factories.accounts import sign_in
from tests.factories.projects import make_desk, make_draft, make_published, make_submitted


def test_pages_open(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), transaction() as session:
        desk = make_desk(session)
        draft, waiting, published = make_draft(session, desk), make_submitted(session, desk), make_published(session, desk)
        refs = draft.ref, waiting.ref, published.ref
        handler, approver = desk.handler.person_id, desk.approver.person_id
    draft_ref, waiting_ref, published_ref = refs
    for path in ("/projects", "/projects?q=助餐", f"/projects/{published_ref}", f"/projects/{published_ref}.ics", "/projects.csv", "/projects.xlsx"):
        assert client.get(path).status_code == 200, path
    assert client.get(f"/projects/{draft_ref}").status_code == 404
    sign_in(client, handler)
    for path in ("/desk/projects", "/desk/projects/new", f"/projects/{draft_ref}", f"/desk/projects/{draft_ref}/edit",
                 f"/desk/projects/{draft_ref}/preview", f"/desk/projects/{waiting_ref}/review",
                 f"/desk/projects/{published_ref}/questions", f"/desk/projects/{published_ref}/addendum",
                 f"/desk/projects/{draft_ref}/terminate",
                 *(f"/desk/projects/{draft_ref}/edit/{s}" for s in ("basics", "requirement", "indicators", "scoring", "payment", "time", "files"))):
        assert client.get(path).status_code == 200, path
