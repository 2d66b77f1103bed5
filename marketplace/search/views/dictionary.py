"""The dictionary of the search, kept by operators: concepts, CSV in and out, what would change, publish."""

from collections.abc import Sequence
from contextlib import closing

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.accounts.models import Person
from marketplace.core.access import Role
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Denied, Invalid
from marketplace.core.text import N_
from marketplace.search.forms.dictionary import ConceptForm, ImportForm, PublishForm
from marketplace.search.operations import dictionary as operations
from marketplace.search.policy import dictionary as policy
from marketplace.search.queries import dictionary as queries
from marketplace.search.queries.languages import language_of, make_language, places_of
from marketplace.search.rules import wordbook as rules
from marketplace.search.rules.dictionary import COLUMNS, Entry
from marketplace.search.rules.wordbook import Concept, Fault, Row
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import spreadsheet
from marketplace.web.errors import say
from marketplace.web.formats import fill
from marketplace.web.paging import Page, page_number, page_size
from marketplace.web.security import UPLOAD_LIMIT, limiter
from marketplace.web.services import public_sources, services

blueprint = Blueprint("dictionary", __name__)
REFUSED = 422
MOST_SHOWN = 200                   # changes that the page lists
MOST_DIGITS = 9                    # of the number of a version
PROGRESS_SECONDS = "2"
NO_CONCEPT = N_("词典里没有这个概念")


def _book(session: Session) -> list[Entry]:
    """Return what is being edited: the draft, or without one what is in force."""
    draft = queries.draft_of(session)
    if draft is not None:
        return queries.book_of(session, draft)
    return list(queries.entries(session, queries.current_version(session)))


def _simplify(text: str) -> str:
    """Return a text in Simplified characters."""
    return services().converter.to_simplified(text)


@blueprint.get("/ops/dictionary")
@for_roles(Role.OPERATOR)
def index() -> Response:
    """List the concepts with their words, those that hold what was typed."""
    session = db.session()
    typed, kind = rules.clean(request.args.get("q", "")[:rules.MAX_TERM], _simplify), request.args.get("kind", "")
    concepts = rules.concepts_of(_book(session))
    found = queries.matching(concepts, typed, kind if kind in rules.KIND_LABELS else "")
    number, size = page_number(request.args), page_size(request.args)
    page = Page(found[(number - 1) * size:number * size], len(found), number, size)
    draft, latest = queries.draft_of(session), next(iter(queries.versions(session)), None)
    response = make_response(render_template(
        "search/dictionary.html", page=page, typed=request.args.get("q", "")[:rules.MAX_TERM], kind=kind, rules=rules,
        draft=draft, latest=latest, changes=_changes(session) if draft else None, concepts=len(concepts),
        words=sum(1 + len(one.terms) for one in concepts)))
    return _refreshing(response, is_busy=latest is not None and latest.indexed_at is None)


def _refreshing(response: Response, *, is_busy: bool) -> Response:
    """Let the page come again while the index is made."""
    if is_busy:
        response.headers["Refresh"] = PROGRESS_SECONDS
    return response


def _changes(session: Session) -> rules.Changes:
    """Return what the draft changes."""
    draft = queries.draft_of(session)
    if draft is None:
        return rules.Changes()
    return rules.compare(queries.entries(session, draft.base), queries.book_of(session, draft))


@blueprint.route("/ops/dictionary/new", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def new() -> str | Response | tuple[str, int]:
    """Add a concept."""
    form = ConceptForm()
    if form.validate_on_submit():
        try:
            concept = form.to_concept(_simplify)
            with transaction() as session:
                operations.add_concept(session, actor=current_actor(), concept=concept, now=utc_now())
        except Invalid as error:
            form.blame(error)
        else:
            flash(gettext("已加到草稿里，发布后生效"), "ok")
            return redirect(url_for("dictionary.edit", name=concept.name), 303)
    body = render_template("search/dictionary_concept.html", form=form, concept=None, rules=rules)
    return (body, REFUSED) if form.errors else body


def _entries(session: Session, name: str) -> list[Entry]:
    """Return the entries of a concept; 404 when there is none."""
    found = [entry for entry in _book(session) if entry.concept == name]
    if not found:
        raise Denied(NO_CONCEPT, hidden=True)
    return found


@blueprint.route("/ops/dictionary/concepts/<name>", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
def edit(name: str) -> str | Response | tuple[str, int]:
    """Change a concept and its words."""
    entries = _entries(db.session(), name)
    concept = rules.concepts_of(entries)[0]
    form = ConceptForm(data={
        "name": concept.name, "kind": str(concept.kind), "broader": "、".join(concept.broader),
        "words": "\n".join(concept.terms), "seen": rules.digest_of(entries)})
    if form.validate_on_submit():
        try:
            wanted = form.to_concept(_simplify)
            with transaction() as session:
                changes = operations.change_concept(session, actor=current_actor(), name=name, concept=wanted,
                                                    seen=form.seen.data or "", now=utc_now())
        except Invalid as error:
            form.blame(error)
        else:
            flash(gettext("已记在草稿里，发布后生效") if changes else gettext("没有改动"), "ok")
            return redirect(url_for("dictionary.edit", name=wanted.name), 303)
    body = render_template("search/dictionary_concept.html", form=form, concept=concept, rules=rules,
                           narrower=_narrower(concept))
    return (body, REFUSED) if form.errors else body


def _narrower(concept: Concept) -> list[str]:
    """Return the concepts directly below one."""
    return [entry.concept for entry in _book(db.session()) if concept.name in entry.broader]


@blueprint.post("/ops/dictionary/concepts/<name>/remove")
@for_roles(Role.OPERATOR)
def remove(name: str) -> Response:
    """Take a concept with its words out of the draft."""
    _entries(db.session(), name)
    try:
        with transaction() as session:
            operations.remove_concept(session, actor=current_actor(), name=name, now=utc_now())
    except Invalid as error:
        flash(say(error), "bad")
        return redirect(url_for("dictionary.edit", name=name), 303)
    flash(gettext("已从草稿里删除，发布后生效"), "ok")
    return redirect(url_for("dictionary.index"), 303)


@blueprint.route("/ops/dictionary/import", methods=["GET", "POST"])
@for_roles(Role.OPERATOR)
@limiter.limit(UPLOAD_LIMIT, methods=["POST"])
def read_in() -> str | Response | tuple[str, int]:
    """Take a CSV file into the draft; when a row is wrong, nothing is taken and every fault is told."""
    form, faults = ImportForm(), list[Fault]()
    if form.validate_on_submit():
        try:
            with closing(form.file.data) as upload:
                rows, faults = rules.read_file(upload.read(), _simplify)
            faults = faults or _faults(rows, is_whole=form.is_whole)
            if not faults:
                return _take_in(rows, is_whole=form.is_whole)
        except Invalid as error:
            form.file.errors = [*form.file.errors, say(error)]
    body = render_template("search/dictionary_import.html", form=form, faults=faults[:rules.MOST_FAULTS],
                           fault_count=len(faults), rules=rules, say_fault=_say_fault, columns=COLUMNS)
    return (body, REFUSED) if form.errors or faults else body


def _faults(rows: Sequence[Row], *, is_whole: bool) -> list[Fault]:
    """Return what would be wrong with the dictionary if the rows were taken."""
    return rules.check(rows if is_whole else rules.merged(_book(db.session()), rows))


def _take_in(rows: Sequence[Row], *, is_whole: bool) -> Response:
    """Take checked rows into the draft and show what they change."""
    with transaction() as session:
        changes = operations.import_book(session, actor=current_actor(), rows=rows, is_whole=is_whole, now=utc_now())
    flash(gettext("已读入草稿：新增 %(new)s 个词，修改 %(changed)s 个，删除 %(gone)s 个", new=len(changes.added),
                  changed=len(changes.changed), gone=len(changes.removed)), "ok")
    return redirect(url_for("dictionary.changes"), 303)


def _say_fault(fault: Fault) -> str:
    """Return the sentence of a fault."""
    return fill(fault.sentence, fault.facts)


@blueprint.get("/ops/dictionary/export")
@for_roles(Role.OPERATOR)
def export() -> Response:
    """Hand out the dictionary as it is edited, or a version, as a file that can be read in again."""
    session, asked = db.session(), request.args.get("version", "")
    if not asked:
        book, name = _book(session), gettext("搜索词典")
    elif asked.isdecimal() and len(asked) <= MOST_DIGITS and int(asked) <= queries.current_version(session):
        book, name = list(queries.entries(session, int(asked))), gettext("搜索词典第%(number)s版", number=int(asked))
    else:
        raise Denied(N_("词典没有这一版"), hidden=True)
    together = [entry for concept in rules.concepts_of(book) for entry in concept.entries()]
    return spreadsheet([COLUMNS, *rules.cells_of(together)], kind="csv", name=name, sheet=name)


@blueprint.get("/ops/dictionary/changes")
@for_roles(Role.OPERATOR)
def changes() -> str:
    """Show what publishing the draft would change: words, and which public documents are found by others."""
    return _preview(PublishForm())


def _preview(form: PublishForm) -> str:
    """Return the page of changes."""
    session = db.session()
    draft, found = queries.draft_of(session), _changes(session)
    effect = None
    if draft is not None and found:
        label = queries.current_label(session)
        after = make_language(queries.book_of(session, draft), places_of(session), services(), label="draft")
        effect = queries.effect(session, public_sources(), language_of(session, services(), label), after)
    return render_template("search/dictionary_changes.html", draft=draft, changes=found, effect=effect, form=form,
                           rules=rules, most=MOST_SHOWN, may_edit=policy.may_keep_dictionary(current_actor()))


@blueprint.post("/ops/dictionary/publish")
@for_roles(Role.OPERATOR)
def publish() -> Response | tuple[str, int]:
    """Publish the draft; the index is made anew by a job."""
    form = PublishForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                number = operations.publish_draft(session, actor=current_actor(), note=form.note.data or "",
                                                  now=utc_now()).number
        except Invalid as error:
            form.note.errors = [*form.note.errors, say(error)]
        else:
            flash(gettext("第 %(number)s 版已发布。正在更新搜索索引，完成后按新词典搜索", number=number), "ok")
            return redirect(url_for("dictionary.history"), 303)
    return _preview(form), REFUSED


@blueprint.post("/ops/dictionary/discard")
@for_roles(Role.OPERATOR)
def discard() -> Response:
    """Throw the draft away."""
    with transaction() as session:
        operations.discard_draft(session, actor=current_actor(), now=utc_now())
    flash(gettext("草稿已放弃，词典保持原样"), "ok")
    return redirect(url_for("dictionary.index"), 303)


def _is_lost() -> bool:
    """Say whether there is no index that can be read."""
    try:
        services().search_index.label()
    except OSError:
        return True
    return False


@blueprint.get("/ops/dictionary/versions")
@for_roles(Role.OPERATOR)
def history() -> Response:
    """List the versions, with how far the index of the newest is."""
    session = db.session()
    found = queries.versions(session)
    names = {one.number: session.get_one(Person, one.published_by).name for one in found if one.published_by}
    is_broken = bool(found) and not queries.is_intact(session, found[0])
    response = make_response(render_template("search/dictionary_versions.html", versions=found, names=names,
                                             is_broken=is_broken, is_lost=_is_lost()))
    return _refreshing(response, is_busy=bool(found) and found[0].indexed_at is None)
