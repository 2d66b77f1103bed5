"""Pages of the guiding catalogue: the tree, one code, editions, the draft that will replace the one in force."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.catalogs import operations, policy, queries, rules
from marketplace.catalogs.forms import CatalogItemForm, EditionForm, PublishCatalogForm
from marketplace.catalogs.models import Catalog
from marketplace.catalogs.views.blueprint import blueprint, csv_download, xlsx
from marketplace.core.access import require
from marketplace.core.clock import beijing, utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, DomainError
from marketplace.core.text import N_
from marketplace.web.access import public, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.security import EXPORT_LIMIT, limiter


@blueprint.get("/catalogs")
@public
def index() -> str:
    """Show the catalogue in force as a tree."""
    session, actor = db.session(), current_actor()
    catalog = queries.published_catalog(session)
    tree = queries.catalog_tree(session, catalog) if catalog else []
    return render_template("catalogs/index.html", catalog=catalog, tree=tree, rules=rules, wanted=_wanted(catalog),
                           may_keep=policy.may_keep_catalog(actor), draft=queries.draft_catalog(session))


def _wanted(catalog: Catalog | None) -> tuple[str, list[object]]:
    """Return the words asked for and the lines that hold them."""
    words = request.args.get("q", "").strip()[:40]
    if not words or catalog is None:
        return words, []
    low = words.casefold()
    return words, [i for i in catalog.items if low in i.name_zh.casefold() or low in i.name_en.casefold()
                   or i.code.casefold().startswith(low)]


@blueprint.get("/catalogs/export.<kind>")
@public
@limiter.limit(EXPORT_LIMIT)
def export(kind: str) -> Response:
    """Hand out an edition as Excel or CSV; importing it again changes nothing."""
    session = db.session()
    ref = request.args.get("edition", "")
    catalog = _edition(ref) if ref else queries.published_catalog(session)
    if catalog is None or kind not in {"xlsx", "csv"}:
        raise Denied(N_("没有可以导出的目录"), hidden=True)
    rows = queries.catalog_rows(catalog)
    name = f"{catalog.name}-{catalog.year}"
    is_public = catalog.state != rules.CatalogState.DRAFT
    return xlsx(rows, name=name, sheet=str(catalog.year), is_public=is_public) if kind == "xlsx" else csv_download(
        rows, name=name, is_public=is_public)


def _edition(ref: str) -> Catalog:
    """Return an edition; a draft only for those who keep the catalogue."""
    catalog = queries.catalog_by_ref(db.session(), ref)
    if catalog.state == rules.CatalogState.DRAFT and not policy.may_keep_catalog(current_actor()):
        raise Denied(N_("没有这一版目录"), hidden=True)
    return catalog


@blueprint.route("/catalogs/editions", methods=["GET", "POST"])
@public
def editions() -> str | Response | tuple[str, int]:
    """Show every edition; those who keep the catalogue begin the next one here."""
    actor, session = current_actor(), db.session()
    may = policy.may_keep_catalog(actor)
    current = queries.published_catalog(session)
    form = EditionForm(year=beijing(utc_now()).year)
    if request.method == "POST":
        require(may)
        if form.validate_on_submit():
            try:
                with transaction() as writing:
                    source = queries.published_catalog(writing) if form.is_copy.data else None
                    made = operations.draft_edition(writing, actor=actor, year=form.year.data, source=source,
                                                    name=form.name.data or "", now=utc_now())
                    ref = made.ref
            except DomainError as error:
                form.year.errors = [*form.year.errors, say(error)]
            else:
                return redirect(url_for("catalogs.edition", ref=ref), 303)
    body = render_template("catalogs/editions.html", editions=queries.editions(db.session(), with_drafts=bool(may)),
                           rules=rules, may_keep=may, form=form, current=current)
    return (body, 422) if form.errors else body


@blueprint.route("/catalogs/editions/<ref>", methods=["GET", "POST"])
@public
def edition(ref: str) -> str | Response | tuple[str, int]:
    """Show one edition; a draft can be published here."""
    actor, catalog = current_actor(), _edition(ref)
    form = PublishCatalogForm()
    if request.method == "POST":
        require(policy.may_publish_catalog(actor))
        if form.validate_on_submit():
            with transaction() as session:
                operations.publish_catalog(session, actor=actor, catalog=queries.catalog_by_ref(session, ref),
                                           effective_from=form.effective_from.data, now=utc_now())
            flash(gettext("目录已公布，从生效日期起替代旧版"), "ok")
            return redirect(url_for("catalogs.index"), 303)
    body = render_template(
        "catalogs/edition.html", catalog=catalog, tree=queries.catalog_tree(db.session(), catalog), rules=rules,
        may_edit=policy.may_edit_catalog(actor, catalog), may_publish=policy.may_publish_catalog(actor), form=form)
    return (body, 422) if form.errors else body


@blueprint.route("/catalogs/editions/<ref>/items", methods=["GET", "POST"])
@signed_in
def edit_item(ref: str) -> str | Response | tuple[str, int]:
    """Add a line to a draft edition, or change one (?code=)."""
    actor, catalog = current_actor(), _edition(ref)
    require(policy.may_edit_catalog(actor, catalog))
    code = request.args.get("code", "")
    item = next((i for i in catalog.items if i.code == code), None)
    form = CatalogItemForm(obj=item)
    if request.method == "POST" and form.validate_on_submit():
        try:
            with transaction() as session:
                operations.save_item(session, actor=actor, catalog=queries.catalog_by_ref(session, ref),
                                     code=form.code.data, now=utc_now(), **form.facts())
        except DomainError as error:
            field = form[getattr(error, "field", None) or "code"]
            field.errors = [*field.errors, say(error)]
        else:
            return redirect(url_for("catalogs.edition", ref=ref, _anchor=form.code.data), 303)
    body = render_template("catalogs/edit_item.html", catalog=catalog, item=item, form=form)
    return (body, 422) if form.errors else body


@blueprint.post("/catalogs/editions/<ref>/items/<code>/remove")
@signed_in
def remove_item(ref: str, code: str) -> Response:
    """Take a line out of a draft edition."""
    with transaction() as session:
        operations.remove_item(session, actor=current_actor(), catalog=queries.catalog_by_ref(session, ref), code=code,
                               now=utc_now())
    return redirect(url_for("catalogs.edition", ref=ref), 303)


@blueprint.get("/catalogs/<code>")
@public
def item(code: str) -> str:
    """Show one code: where it stands, what is below it, which published list lines point to it."""
    session = db.session()
    catalog = queries.published_catalog(session)
    if catalog is None:
        raise Denied(N_("还没有公布的目录"), hidden=True)
    return render_template("catalogs/item.html", catalog=catalog, rules=rules,
                           page=queries.item_page(session, catalog, code.upper()), progress_of=queries.progress_of)
