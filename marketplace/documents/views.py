"""The public verify page: is the paper in my hand what was issued? Found by code only, kept out of search engines."""

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core.db import db
from marketplace.documents import queries, rules
from marketplace.documents.forms import CodeForm
from marketplace.documents.models import Document
from marketplace.documents.rules import Standing
from marketplace.web.access import public
from marketplace.web.security import VERIFY_LIMIT, limiter

blueprint = Blueprint("documents", __name__)
KINDS = {Standing.VALID: "ok", Standing.SUPERSEDED: "warn", Standing.VOIDED: "bad"}


@blueprint.get("/v")
@public
@limiter.limit(VERIFY_LIMIT)
def verify_form() -> BaseResponse:
    """Ask for the code; one that was typed leads to its page."""
    form = CodeForm(request.args)
    is_asked = "code" in request.args  # ?lang= and ?size= are no question
    if is_asked and form.validate():
        return redirect(url_for("documents.verify", code=rules.tidy_code(form.code.data or "") or "-"), 303)
    status = 422 if is_asked and form.errors else 200
    return _private(render_template("documents/verify_form.html", form=form), status)


@blueprint.get("/v/<code>")
@public
@limiter.limit(VERIFY_LIMIT)
def verify(code: str) -> BaseResponse:
    """Show what is registered under this code: status, public facts, hash, and the check of a local file."""
    document = queries.by_code(db.session(), code)
    if document is None:
        form = CodeForm(data={"code": code})
        form.code.errors = [gettext("没有查到这个查验码。请核对文件上的每一个字符，字母 l、o 和数字 0、1 不会出现")]
        return _private(render_template("documents/verify_form.html", form=form), 404)
    standing = queries.standing(document)
    page = render_template("documents/verify.html", document=document, standing=standing, kind=KINDS[standing],
                           label=rules.STANDING_LABELS[standing], facts=_facts(document))
    return _private(page, 200)


def _facts(document: Document) -> list[tuple[str, str]]:
    """Return the public facts in their order, with labels."""
    shown = [(gettext(label), str(document.facts[key])) for key, label in rules.PUBLIC_FACTS.items()
             if document.facts.get(key)]
    return [(gettext("编号"), document.number), *shown]


def _private(page: str, status: int) -> Response:
    """Return a page that no search engine keeps."""
    response = make_response(page, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
