"""Saved searches of a person (O3): save, list, change, pause, mute; a door that switches off without signing in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.accounts.models import Person
from marketplace.core.access import Actor, require
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.money import Money
from marketplace.core.publishing import PublicDocument
from marketplace.core.text import N_
from marketplace.search.forms.saved import SaveForm, WishForm
from marketplace.search.models.saved import SavedSearch, SavedSearchHit
from marketplace.search.operations import saved as operations
from marketplace.search.policy import saved as policy
from marketplace.search.queries import saved as queries
from marketplace.search.queries.languages import finder_of
from marketplace.search.queries.upkeep import documents_of
from marketplace.search.rules import saved as rules
from marketplace.search.rules.question import Question
from marketplace.search.views import present
from marketplace.search.views.shared import asked_now, names_now
from marketplace.web.access import public, signed_in
from marketplace.web.actor import current_actor
from marketplace.web.errors import say
from marketplace.web.formats import fill
from marketplace.web.paging import page_number, paginate
from marketplace.web.security import SEARCH_LIMIT, csrf, limiter
from marketplace.web.services import public_sources, services

blueprint = Blueprint("saved", __name__)
REFUSED = 422
MOST_SHOWN = 100                    # of what would have been told


@dataclass(frozen=True)
class Line:
    """What happened to one document, as a page shows it. `document` is None when it is public no more."""

    kind: str
    ref: str
    document: PublicDocument | None
    at: datetime
    words: Sequence[str]
    is_update: bool
    told_at: datetime | None = None
    is_muted: bool = False
    search: SavedSearch | None = None

    @property
    def amount(self) -> Money | None:
        """Return what it costs, where it says so."""
        fen = self.document.amount_fen if self.document else None
        return None if fen is None else Money(fen)


def news_words(keys: Iterable[str]) -> list[str]:
    """Return what happened, in the reader's language."""
    return [fill(*rules.news_sentence(key)) for key in keys]


def in_words(question: Question, now: datetime) -> list[str]:
    """Return what a question asks, a phrase for each condition."""
    names = names_now(now)
    found = [gettext("“%(text)s”", text=question.text)] if question.text else []
    chosen: list[tuple[str, Sequence[str]]] = [("kind", question.kinds), *question.filters.items()]
    for facet, values in chosen:
        if values:
            words = "、".join(present.value_word(facet, value, question, names) for value in values)
            found.append(gettext("%(facet)s：%(words)s", facet=gettext(present.FACET_WORDS[facet]), words=words))
    if question.amount_from is not None or question.amount_to is not None:
        found.append(gettext("%(facet)s：%(words)s", facet=gettext("金额"), words=present.amounts(question)))
    return found


def suggested_name(question: Question, now: datetime) -> str:
    """Return a name that says what the question asks."""
    words = [question.text] if question.text else []
    words += [phrase.split("：", 1)[-1] for phrase in in_words(replace(question, text=""), now)]
    return " · ".join(words)[:rules.MAX_NAME]


def _own(session: Session, ref: str) -> SavedSearch:
    """Return the person's own search; to others it does not exist."""
    search = queries.by_ref(session, ref)
    if search is None:
        raise Denied(N_("没有这个保存的搜索"), hidden=True)
    require(policy.may_keep(current_actor(), search))
    return search


def _email() -> str:
    """Return the address that mails would go to."""
    person = db.session.get(Person, current_actor().person_id)
    return (person.email or "") if person else ""


@blueprint.get("/my/searches")
@signed_in
def index() -> str:
    """List the searches of this person."""
    now = utc_now()
    kept = queries.mine(db.session(), current_actor(), now)
    words = {one.search.ref: in_words(rules.question_at(one.search.question), now) for one in kept}
    return render_template("search/saved.html", kept=kept, words=words, rules=rules, email=_email())


@blueprint.get("/my/searches/new")
@signed_in
@limiter.limit(SEARCH_LIMIT)
def new() -> str:
    """Show what saving means, before it is done: name, how often, by which way, what it would have told."""
    now, asked = utc_now(), _asked(asked_now())
    question = rules.kept(asked)
    if question.is_empty:
        return render_template("search/saved_nothing.html")
    form = SaveForm(data={"question": question.address(), "name": suggested_name(question, now)})
    return _dialog(form, question, now, lost=asked.due_days is not None)


def _asked(question: Question) -> Question:
    """Return the question as it was answered: with the word that was taken instead of a mistyped one."""
    if not question.text or question.plain:
        return question
    try:
        understood = finder_of(db.session(), services()).understand(question, utc_now())
    except OSError:
        return question
    mended = understood.did_you_mean if understood.corrected else None
    return replace(question, text=mended) if mended else question


def _dialog(form: SaveForm, question: Question, now: datetime, *, lost: bool = False) -> str:
    """Return the page of the dialog."""
    return render_template(
        "search/saved_new.html", form=form, question=question, words=in_words(question, now), rules=rules, lost=lost,
        email=_email(), preview=_preview(question, now), days=rules.PREVIEW.days)


@dataclass(frozen=True)
class Shown:
    """What would have been told: how much of it, the first lines, whether more was there than was read."""

    total: int
    lines: Sequence[Line]
    is_complete: bool


def _preview(question: Question, now: datetime) -> Shown | None:
    """Return what the question would have told in the last 30 days; None without an index."""
    session = db.session()
    try:
        language = finder_of(session, services()).language
        found = queries.preview(session, engine=services().search_index, sources=public_sources(), now=now,
                                question=question, request=rules.watched(question, language, now))
    except OSError:
        return None
    lines = [Line(event.document.kind, event.document.ref, event.document, event.at, news_words(event.keys),
                  rules.is_update(event.keys)) for event in found.events[:MOST_SHOWN]]
    return Shown(len(found.events), lines, found.is_complete)


@blueprint.post("/my/searches/new")
@signed_in
def create() -> Response | tuple[str, int]:
    """Save it."""
    form, now = SaveForm(), utc_now()
    question = rules.kept(rules.question_at((form.question.data or "")[:4000]))
    if question.is_empty:
        return render_template("search/saved_nothing.html"), REFUSED
    if form.validate_on_submit():
        try:
            with transaction() as session:
                search = operations.save_search(session, actor=current_actor(), question=question,
                                                wish=form.to_wish(), now=now)
                ref, frequency, channel = search.ref, search.frequency, search.channel
        except (Invalid, Conflict) as refused:
            form.form_errors.append(say(refused))
        else:
            flash(gettext("已保存。") + _promise(frequency, channel), "ok")
            return redirect(url_for("saved.show", ref=ref), 303)
    return _dialog(form, question, now), REFUSED


def _promise(frequency: str, channel: str) -> str:
    """Return the sentence that says what follows from saving."""
    way = rules.Channel(channel) if _email() else rules.Channel.INBOX
    return str(gettext(rules.PROMISES[rules.Frequency(frequency), way]))


@blueprint.get("/my/searches/<ref>")
@signed_in
def show(ref: str) -> str:
    """Show one search: what it asks, what it found, what it is silent about."""
    session, now = db.session(), utc_now()
    search = _own(session, ref)
    page = paginate(session, queries.hits_of(search), number=page_number(request.args))
    silent = queries.mutes_of(session, search)
    question = rules.question_at(search.question)
    public_now = documents_of(session, public_sources(), {*silent, *((hit.kind, hit.ref) for hit in page.items)})
    return render_template(
        "search/saved_one.html", search=search, rules=rules, words=in_words(question, now), question=question,
        page=page, lines=[_line(search, hit, public_now, silent) for hit in page.items], email=_email(),
        muted=[(kind, item, public_now.get((kind, item))) for kind, item in sorted(silent)], now=now,
        next_at=rules.next_digest(rules.Frequency(search.frequency), now))


def _line(search: SavedSearch, hit: SavedSearchHit, documents: Mapping[tuple[str, str], PublicDocument],
          silent: Iterable[tuple[str, str]]) -> Line:
    """Return a hit as a page shows it."""
    key = (hit.kind, hit.ref)
    return Line(hit.kind, hit.ref, documents.get(key), hit.news_at, news_words([hit.news_key]),
                rules.is_update([hit.news_key]), hit.told_at, key in silent, search)


@blueprint.get("/my/searches/told/<message_ref>")
@signed_in
def told(message_ref: str) -> str:
    """Show everything that one message told."""
    session = db.session()
    found = queries.told_in(session, current_actor(), message_ref)
    if not found:
        raise Denied(N_("没有这条提醒"), hidden=True)
    public_now = documents_of(session, public_sources(), {(hit.kind, hit.ref) for _, hit in found})
    silent = {search.id: queries.mutes_of(session, search) for search, _ in found}
    groups: dict[str, tuple[SavedSearch, list[Line]]] = {}
    for search, hit in found:
        groups.setdefault(search.ref, (search, []))[1].append(_line(search, hit, public_now, silent[search.id]))
    return render_template("search/saved_told.html", groups=list(groups.values()), at=found[0][1].told_at, rules=rules)


@blueprint.route("/my/searches/<ref>/change", methods=["GET", "POST"])
@signed_in
def change(ref: str) -> Response | str | tuple[str, int]:
    """Change name, frequency and channel."""
    search = _own(db.session(), ref)
    form = WishForm(data={"name": search.name, "frequency": search.frequency, "channel": search.channel})
    if form.validate_on_submit():
        try:
            with transaction() as session:
                operations.change_search(session, actor=current_actor(), search=_own(session, ref),
                                         wish=form.to_wish(), now=utc_now())
        except Invalid as refused:
            form.form_errors.append(say(refused))
        else:
            flash(gettext("已修改。") + _promise(form.frequency.data, form.channel.data), "ok")
            return redirect(url_for("saved.show", ref=ref), 303)
    page = render_template("search/saved_change.html", form=form, search=search, rules=rules, email=_email(),
                           words=in_words(rules.question_at(search.question), utc_now()))
    return (page, REFUSED) if form.is_submitted() else page


def _act(ref: str, verb: Callable[..., None], sentence: str) -> Response:
    """Run one verb on the person's own search and go back to it."""
    with transaction() as session:
        verb(session, actor=current_actor(), search=_own(session, ref), now=utc_now())
    flash(sentence, "ok")
    return redirect(url_for("saved.index") if verb is operations.end_search else url_for("saved.show", ref=ref), 303)


@blueprint.post("/my/searches/<ref>/pause")
@signed_in
def pause(ref: str) -> Response:
    """Stop telling."""
    return _act(ref, operations.pause_search, gettext("已关闭提醒。关闭期间的新内容以后也不补发。"))


@blueprint.post("/my/searches/<ref>/resume")
@signed_in
def resume(ref: str) -> Response:
    """Tell again."""
    return _act(ref, operations.resume_search, gettext("已恢复提醒，从现在起有新内容会告诉您。"))


@blueprint.post("/my/searches/<ref>/delete")
@signed_in
def delete(ref: str) -> Response:
    """Delete."""
    return _act(ref, operations.end_search, gettext("已删除。"))


@blueprint.post("/my/searches/<ref>/mute/<kind>/<item_ref>")
@signed_in
def silence(ref: str, kind: str, item_ref: str) -> Response:
    """Be silent about one thing from now on."""
    def verb(session: Session, *, actor: Actor, search: SavedSearch, now: datetime) -> None:
        operations.mute(session, actor=actor, search=search, kind=kind, ref=item_ref, now=now)

    return _act(ref, verb, gettext("这个搜索不再提醒这一项。"))


@blueprint.post("/my/searches/<ref>/unmute/<kind>/<item_ref>")
@signed_in
def speak(ref: str, kind: str, item_ref: str) -> Response:
    """Speak of it again."""
    def verb(session: Session, *, actor: Actor, search: SavedSearch, now: datetime) -> None:
        operations.unmute(session, actor=actor, search=search, kind=kind, ref=item_ref, now=now)

    return _act(ref, verb, gettext("这一项以后有变化会再提醒。"))


def _by_token(session: Session, token: str) -> SavedSearch:
    """Return the search that a token belongs to."""
    search = queries.by_token(session, token)
    if search is None:
        raise Denied(N_("这个链接已经失效：搜索已被删除，不会再有提醒"), hidden=True)
    return search


@blueprint.route("/my/searches/off/<token>", methods=["GET", "POST"], defaults={"scope": ""})
@blueprint.route("/my/searches/off/<token>/<any(all):scope>", methods=["GET", "POST"])
@public
@csrf.exempt
def off(token: str, scope: str) -> str:
    """Switch off without signing in (RFC 8058). Opening the page changes nothing: scanners of mail open every link."""
    is_done = request.method == "POST"
    if is_done:
        with transaction() as session:
            operations.switch_off(session, search=_by_token(session, token), all_of_person=bool(scope), now=utc_now())
    search = _by_token(db.session(), token)
    return render_template("search/saved_off.html", search=search, everything=bool(scope), is_done=is_done)


@blueprint.route("/my/searches/off/<token>/<kind>/<item_ref>", methods=["GET", "POST"])
@public
@csrf.exempt
def mute(token: str, kind: str, item_ref: str) -> str | tuple[str, int]:
    """Be silent about one thing, without signing in; the button does it, not the link."""
    session = db.session()
    search = _by_token(session, token)
    document = documents_of(session, public_sources(), [(kind, item_ref)]).get((kind, item_ref))
    if document is None:
        raise Denied(N_("这一项已不公开，不会再有提醒"), hidden=True)
    is_done = request.method == "POST"
    if is_done:
        with transaction() as writing:
            operations.mute(writing, search=_by_token(writing, token), kind=kind, ref=item_ref, now=utc_now())
        search = _by_token(db.session(), token)
    return render_template("search/saved_mute.html", search=search, document=document, is_done=is_done)
