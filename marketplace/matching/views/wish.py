"""A wish that cannot be fulfilled: demand, supply, the rule that removes most, three things that would help."""

from flask import render_template, request
from flask_babel import gettext

from marketplace.core.db import db
from marketplace.core.errors import Denied
from marketplace.core.text import N_
from marketplace.matching.models import MatchingRun, RunNeed
from marketplace.matching.policy import runs as policy
from marketplace.matching.queries import boards
from marketplace.matching.queries.overview import edges_of
from marketplace.matching.queries.previews import shortage_of
from marketplace.matching.queries.wanting import shortage_of_project
from marketplace.matching.rules.hard import RULES
from marketplace.matching.rules.runs import NeedState
from marketplace.matching.rules.shortage import Shortage
from marketplace.matching.views.ops import READERS, blueprint, exports, run_of
from marketplace.matching.views.tables import Head, Line, Table
from marketplace.web.access import for_roles
from marketplace.web.actor import current_actor
from marketplace.web.services import services

SHORT = (NeedState.UNASSIGNED, NeedState.PARTLY)
NO_PROJECT = N_("这个项目没有参加这次匹配")


def _need(run: MatchingRun, ref: str) -> RunNeed:
    """Return what a run did with a project; 404 when it took no part."""
    found = boards.need_of(db.session(), run, ref)
    if found is None:
        raise Denied(NO_PROJECT, hidden=True)
    return found


def ruled_table(run: MatchingRun, ref: str) -> Table:
    """Return how many providers each rule removes from a project, most first."""
    need, edges = _need(run, ref), edges_of(db.session(), run)
    counts: dict[str, int] = {}
    if edges is not None:
        places = {int(key): place for place, key in enumerate(edges.need_keys)}
        row = edges.ruled_out[places[need.project_id]] if need.project_id in places else ()
        counts = {text.label: int(many) for text, many in zip(RULES.values(), row, strict=False) if many}
    top = max(counts.values(), default=0)
    sources = {text.label: text.source for text in RULES.values()}
    return Table(
        "ruled", gettext("每条规则排除多少家"),
        [Head(gettext("规则")), Head(gettext("排除家数"), is_number=True, is_bar=True)],
        [Line([gettext(label), str(many)], sub=gettext(sources[label]), bar=many / top)
         for label, many in sorted(counts.items(), key=lambda pair: -pair[1])], sub_word=gettext("依据"))


def _shortage(run: MatchingRun, need: RunNeed | None) -> Shortage | None:
    """Return what a project lacks, or the whole run where none is named."""
    session, flows = db.session(), services().flows
    if need is None:
        return shortage_of(session, run, flows=flows)
    return shortage_of_project(session, run, need.project_id, flows=flows) if need.state in SHORT else None


@blueprint.get("/ops/matching/<ref>/why")
@for_roles(*READERS)
def wish(ref: str) -> str:
    """Say why not every project, or why not this one, can have a provider, and what would help."""
    run, asked = run_of(ref), request.args.get("project", "")
    need = _need(run, asked) if asked else None
    table = ruled_table(run, asked) if need is not None else None
    return render_template(
        "matching/run_wish.html", run=run, need=need, project=need.project if need else None,
        ruled=table if table and table.rows else None, may_edit=policy.may_edit(current_actor(), run),
        shortage=_shortage(run, need),
        exports=exports(endpoint="matching_ops.export", ref=run.ref))
