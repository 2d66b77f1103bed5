"""The blueprint, and how its views find a project and say a refusal beside its field."""

from flask import Blueprint
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from marketplace.core.access import require
from marketplace.core.errors import Invalid
from marketplace.projects import policy as project_policy
from marketplace.projects import queries as projects
from marketplace.projects.models import Project
from marketplace.web.actor import current_actor
from marketplace.web.errors import say

blueprint = Blueprint("awards", __name__)
UNPROCESSABLE = 422


def visible_project(session: Session, ref: str) -> Project:
    """Return a project that the visitor may see; raises Denied (404) otherwise."""
    project = projects.by_ref(session, ref)
    if project is None:
        require(project_policy.HIDDEN)
    assert project is not None
    require(project_policy.may_view(current_actor(), project))
    return project


def blame(form: FlaskForm, refused: Invalid) -> None:
    """Put the sentence of a refusal where its field stands, or above the form."""
    sentence = say(refused)
    if refused.field in form:
        field = form[refused.field]
        field.errors = [*field.errors, sentence]
    else:
        form.form_errors.append(sentence)
