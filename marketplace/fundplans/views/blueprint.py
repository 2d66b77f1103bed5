"""The blueprint, its two desks (the operator's and the foundation's), and whose desk it is."""

from collections.abc import Callable

from flask import Blueprint, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from marketplace.core.db import db
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.funding.models import Funder
from marketplace.funding.queries.portfolio import funders_of
from marketplace.fundplans import policy
from marketplace.fundplans.models import FundPlan
from marketplace.fundplans.queries import plans as queries
from marketplace.web.actor import current_actor
from marketplace.web.errors import say

blueprint = Blueprint("fundplans", __name__)
OFFICERS = policy.OFFICERS
READERS = (*policy.OVERSEERS, *OFFICERS)
UNPROCESSABLE = 422
OPS, FUND = "ops", "fund"
Answer = str | Response | tuple[str | Response, int]


@blueprint.context_processor
def _menu() -> dict[str, Callable[[], bool]]:
    """Let the side menu ask whether this desk belongs to a funder."""
    return {"has_fund": lambda: my_funder() is not None}


def own_funders() -> list[Funder]:
    """Return the funders for which the actor's organization signs."""
    return funders_of(db.session(), current_actor())


def my_funder() -> Funder | None:
    """Return the funder of this desk: the one that ?fund= names among the organization's own, else the first."""
    own = own_funders()
    return next((one for one in own if one.ref == request.args.get("fund")), own[0] if own else None)


def check_desk(desk: str) -> None:
    """Refuse the operator's desk to others, and the foundation's to whoever signs for nobody."""
    if not current_actor().has(*(policy.OVERSEERS if desk == OPS else OFFICERS)):
        raise Denied(N_("您现在的身份不能打开这一页。请在“我的账号”切换身份，或联系单位管理员"))


def plan_of(ref: str) -> FundPlan:
    """Return a plan that the visitor may see; 404 otherwise."""
    return queries.plan_by_ref(db.session(), ref, actor=current_actor())


def blame(form: FlaskForm, refused: DomainError) -> None:
    """Put the sentence of a refusal where its field stands, or above the form."""
    name = getattr(refused, "field", None)
    if name is not None and name in form:
        form[name].errors = [*form[name].errors, say(refused)]
    else:
        form.form_errors.append(say(refused))
