"""What several pages of funding share: whose desk it is, a rule said in the reader's language, refusals in forms."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import request
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.core.access import Role
from marketplace.core.db import db
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.files.models import StoredFile
from marketplace.files.rules import ScanState
from marketplace.funding.models import Funder, MatchingRule
from marketplace.funding.queries.estimates import terms_of
from marketplace.funding.queries.portfolio import funders_of
from marketplace.funding.rules.explain import sentence, worked_example
from marketplace.funding.rules.figures import FIGURE_LABELS, FIGURE_NOTES
from marketplace.funding.rules.terms import RuleTerms
from marketplace.funding.views.blueprints import funding
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import say
from marketplace.web.names import area_names, category_names
from marketplace.web.services import services

OFFICERS = (Role.FUNDER, Role.PROVIDER_ADMIN, Role.HANDLER, Role.APPROVER)   # the fine rule: funding.policy.is_officer
REFUSED = 422
FIGURES = {"labels": FIGURE_LABELS, "notes": FIGURE_NOTES}


def my_funder() -> Funder | None:
    """Return the funder of this desk: the one that ?fund= names among the organization's own, else the first."""
    own = funders_of(db.session(), current_actor())
    return next((one for one in own if one.ref == request.args.get("fund")), own[0] if own else None)


@funding.context_processor
def _menu() -> dict[str, Callable[[], bool]]:
    """Let the side menu ask whether this desk belongs to a funder."""
    return {"has_fund": lambda: my_funder() is not None}


def needed_funder() -> Funder:
    """Return the funder of this desk; raises Denied with what to do while the organization is none."""
    found = my_funder()
    if found is None:
        raise Denied(N_("您的单位还没有登记为资助方。请先在“资助方资料”里登记"))
    return found


def code_names() -> Mapping[str, str]:
    """Return the names of categories and areas by code."""
    return {**category_names(), **area_names()}


def with_names(facts: Mapping[str, object]) -> dict[str, object]:
    """Return the facts of a refusal with the names of categories and areas where it holds their codes."""
    codes, names = str(facts.get("codes", "")), code_names()
    return {**facts, "codes": gettext("、").join(names.get(code, code) for code in codes.split("、"))}


def sentence_of(rule: MatchingRule | RuleTerms) -> str:
    """Return a rule as one sentence in the reader's language."""
    return sentence(rule if isinstance(rule, RuleTerms) else terms_of(rule), gettext, code_names())


def example_of(rule: MatchingRule | RuleTerms) -> list[str]:
    """Return the worked example of a rule, line by line, in the reader's language."""
    return worked_example(rule if isinstance(rule, RuleTerms) else terms_of(rule), gettext)


def hand_out(stored: StoredFile | None) -> Response:
    """Hand out a file that belongs to a page the actor may see; the page's view has asked the policy."""
    if stored is None:
        raise Denied(N_("没有这个文件，或您不能查看"), hidden=True)
    if stored.scan_state != ScanState.CLEAN:
        raise Denied(N_("文件还在做安全检查。请稍后再下载"))
    return attachment(services().files.get(stored.sha256), name=stored.name, media_type=stored.media_type)


def blame(form: FlaskForm, refused: DomainError, *, otherwise: str = "") -> None:
    """Put a refusal beside its field, or beside `otherwise`, or above the form."""
    name = getattr(refused, "field", None) or otherwise
    field: Any = next((form[one] for one in (name, otherwise) if one in form), None)
    if field is None or field.type == "FieldList":
        form.form_errors = [*form.form_errors, say(refused)]
    else:
        field.errors = [*field.errors, say(refused)]
