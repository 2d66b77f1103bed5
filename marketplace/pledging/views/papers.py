"""Commitments on paper after the evening: prepare all, hand them out for printing, register the signed copies."""

import io
import zipfile

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, Denied, Invalid
from marketplace.core.text import N_
from marketplace.files import operations as files
from marketplace.files.rules import Purpose
from marketplace.pledging import operations, policy
from marketplace.pledging.forms import SignedCopiesForm
from marketplace.pledging.queries import ageing
from marketplace.pledging.queries.papers import papers_of
from marketplace.pledging.views.blueprint import READERS, UNPROCESSABLE, WORKERS, Answer, blueprint, event_of
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.downloads import attachment
from marketplace.web.errors import blame, say
from marketplace.web.security import EXPORT_LIMIT, UPLOAD_LIMIT, limiter
from marketplace.web.services import services


@blueprint.get("/pledging/<ref>/papers")
@for_roles(*READERS)
def papers(ref: str) -> Answer:
    """Show the commitments that are to be signed by hand, and those that are."""
    return _page(ref)


def _page(ref: str, form: SignedCopiesForm | None = None, *, failed: str = "") -> Answer:
    """Fill the page; a form that was refused comes back as it was."""
    event, session = event_of(ref), db.session()
    found = papers_of(session, event)
    waiting = [paper for paper in found if paper.state == "prepared"]
    covered = {str(paper.facts["verbal"]) for paper in waiting}
    body = render_template(
        "pledging/papers.html", event=event, waiting=waiting,
        done=[paper for paper in found if paper.state != "prepared"],
        without=[pledge for pledge in ageing.unsigned(session, event) if pledge.ref not in covered],
        form=(form or SignedCopiesForm()).offer(waiting), failed=failed,
        may_work=policy.may_work(current_actor(), event),
        printed=sum(paper.document_id is not None for paper in waiting))
    return body, UNPROCESSABLE if failed or (form is not None and (form.errors or form.form_errors)) else 200


@blueprint.post("/pledging/<ref>/papers")
@for_roles(*WORKERS)
def prepare_papers(ref: str) -> Answer:
    """Prepare a paper for every verbal pledge that has none."""
    missing_glyphs = services().pdf.missing_glyphs
    missing_glyphs("")  # loads the fonts' tables before the transaction, not inside
    try:
        with transaction() as session:
            made = operations.prepare_papers(session, actor=current_actor(), event=event_of(ref), now=utc_now(),
                                             missing_glyphs=missing_glyphs)
    except Invalid as refused:
        return _page(ref, failed=say(refused))
    flash(gettext("已准备 %(n)s 份认捐书，正在生成 PDF", n=made), "ok")
    return redirect(url_for("pledging.papers", ref=ref), 303)


@blueprint.get("/pledging/<ref>/papers.zip")
@for_roles(*WORKERS)
@limiter.limit(EXPORT_LIMIT)
def papers_zip(ref: str) -> Response:
    """Hand out every printed paper that waits for a signature, to be printed in one go."""
    event = event_of(ref)
    papers = [paper for paper in papers_of(db.session(), event) if paper.state == "prepared" and paper.document]
    if not papers:
        raise Denied(N_("还没有可以打印的认捐书，请稍后再来"), hidden=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for paper in papers:
            assert paper.document is not None
            archive.writestr(f"{paper.number} {paper.funder.name}.pdf", services().files.get(paper.document.sha256))
    return attachment(packed.getvalue(), name=f"{event.title}认捐书.zip", media_type="application/zip")


@blueprint.post("/pledging/<ref>/papers/signed")
@for_roles(*WORKERS)
@limiter.limit(UPLOAD_LIMIT)
def register_copies(ref: str) -> Answer:
    """Register a scan for the commitments that were signed by hand."""
    form, actor, now = SignedCopiesForm(), current_actor(), utc_now()
    event = event_of(ref)
    form.offer([paper for paper in papers_of(db.session(), event) if paper.state == "prepared"])
    if not form.validate_on_submit():
        return _page(ref, form)
    upload = form.scan.data
    data = upload.read()
    try:
        with transaction() as session:
            scan = files.store(session, actor=actor, store=services().files, name=upload.filename or "", data=data,
                               purpose=Purpose.SIGNED_PAPER, organization_id=actor.organization_id, now=now)
            session.flush()
            done = operations.register_copies(
                session, actor=actor, event=event_of(ref), refs=request.form.getlist("papers"), scan=scan,
                signed_on=form.day, now=now)
            count = len(done)
    except (Invalid, Conflict) as refused:
        blame(form, refused)
        return _page(ref, form)
    flash(gettext("已登记 %(n)s 份已签认捐书", n=count), "ok")
    return redirect(url_for("pledging.papers", ref=ref), 303)
