"""One new project against 10,000 saved searches: CPU of matching, against one naive pass over all of them in the same run."""

import gc
import random
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

SEARCHES, PEOPLE = 10_000, 2_500
BOUND_MS = 200.0
PLACES = ("狮山镇", "桐浦街道", "白鹭街道", "西樵", "丹灶镇", "大沥")
VERBS = ("助餐", "探访", "调解", "普法", "托管", "康复", "心理疏导", "志愿者", "巡访", "就业帮扶", "社区治理", "日间照料", "防诈骗", "入户")
GROUPS = ("长者", "老年人", "青少年", "残疾人", "困难家庭", "新市民", "妇女", "退役军人", "儿童", "居民")
FILTERS = ("", "&kind=project", "&kind=project&status=open", "&category=A04", "&area=440605", "&area=440605011",
           "&kind=project&max={amount}", "&min={amount}", "&budget=20-50")


def run(quick: bool = False) -> list[dict[str, object]]:
    """Return the figures: medians of CPU time over documents that no search has seen; hits equal the naive pass."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from marketplace import create_app
    from marketplace.config import Config
    from marketplace.core.db import db
    from marketplace.web import migrate

    searches, rounds = (1_000, 4) if quick else (SEARCHES, 15)
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Config(instance=Path(folder), secret_key="b" * 40, jobs="none", rate_limits=False))
        with app.app_context():
            migrate.upgrade(db.engine)
            refs, now = _stage(searches, rounds)
            figures = _measure(refs, now)
            db.session.remove()
            db.engine.dispose()
    found, matching, naive, whole, saved = figures
    return [
        {"name": f"{searches:,} saved searches, one new project ({found:.0f} found it)", "value": round(matching, 1),
         "unit": "ms CPU", "ratio": round(matching / naive, 3), "to": f"one naive pass over all ({naive:.0f} ms CPU)",
         "bound": f"{BOUND_MS:.0f} ms CPU", "met": matching <= BOUND_MS},
        {"name": "the same with hits and jobs written and committed", "value": round(whole, 1), "unit": "ms CPU",
         "bound": None, "met": None},
        {"name": "the same after one more search was saved", "value": round(saved, 1), "unit": "ms CPU",
         "bound": f"{BOUND_MS:.0f} ms CPU", "met": saved <= BOUND_MS},
    ]


def _stage(searches: int, rounds: int):
    """Save the searches as a table, publish the projects afterwards; return their references and the moment."""
    from marketplace.core.db import transaction
    from marketplace.search.models import SavedSearch
    from marketplace.search.rules.saved import new_token
    from tests.factories import NOW
    from tests.factories.projects import make_desk, make_published
    from tests.factories.saved import make_reader

    chance = random.Random(7)
    with transaction() as session:
        people = [make_reader(session, name=f"读者{number}").id for number in range(PEOPLE * searches // SEARCHES)]
        questions = list({_question(chance): None for _ in range(searches * 3)})
        session.execute(sa.insert(SavedSearch), [
            {"ref": f"s{number:011}", "person_id": people[number % len(people)], "name": "名", "token": new_token(),
             "question": questions[(number // len(people) + number * 7) % len(questions)], "frequency": "daily",
             "channel": "email", "version": 1, "created_at": NOW - timedelta(hours=1), "since": NOW - timedelta(hours=1)}
            for number in range(searches)])
    with transaction() as session:
        desk = make_desk(session)
        refs = [make_published(session, desk, title=f"桐浦街道{chance.choice(GROUPS)}{chance.choice(VERBS)}服务{number}").ref
                for number in range(rounds)]
    return refs, NOW


def _question(chance: random.Random) -> str:
    """Return a question as somebody may save it."""
    from marketplace.search.rules.saved import question_at

    words = chance.choice((f"{chance.choice(VERBS)}", f"{chance.choice(GROUPS)} {chance.choice(VERBS)}",
                           f"{chance.choice(PLACES)} {chance.choice(VERBS)}", f"{chance.choice(GROUPS)}",
                           f"{chance.choice(PLACES)} {chance.choice(GROUPS)} {chance.choice(VERBS)}", ""))
    filters = chance.choice(FILTERS if words else FILTERS[1:]).format(amount=chance.randrange(1, 100) * 10_000)
    return question_at(f"q={words}{filters}&plain={chance.choice('00001')}").address()


def _cpu(work):
    """Return the CPU milliseconds of a call, and its result."""
    gc.disable()
    begun = time.process_time()
    result = work()
    taken = (time.process_time() - begun) * 1000
    gc.enable()
    return taken, result


def _measure(refs, now):
    """Return hits a document, then medians: matching, the naive pass, the whole job, matching after a change."""
    from flask import current_app

    from marketplace.core.db import db, transaction
    from marketplace.core.searching import holds
    from marketplace.search.jobs import alerts
    from marketplace.search.models import SavedSearch
    from marketplace.search.queries.upkeep import documents_of
    from marketplace.search.rules.rows import row_of
    from marketplace.search.rules.saved import question_at, watched
    from marketplace.web.services import public_sources

    session = db.session()
    keys = [("project", ref) for ref in refs]
    documents = documents_of(session, public_sources(), keys)
    language = alerts.language_now(session)
    naive_requests = {row.id: watched(question_at(row.question), language, now)
                      for row in session.execute(sa.select(SavedSearch.id, SavedSearch.question))}
    watch = alerts.watch_now()
    compiled, _ = _cpu(lambda: _refresh(watch, session, language, now))
    print(f"# compiling {len(watch):,} searches once a process: {compiled:.0f} ms CPU", file=sys.stderr)
    assert current_app.extensions["marketplace.watch"] is watch
    times: dict[str, list[float]] = {"match": [], "naive": [], "whole": [], "saved": []}
    found = []

    def look(document):
        _refresh(watch, session, language, now)
        return watch.match(row_of(document, language, now), document)

    for number, key in enumerate(keys):
        taken, matched = _cpu(lambda key=key: look(documents[key]))
        times["match"].append(taken)
        row = row_of(documents[key], language, now)
        taken, slow = _cpu(lambda row=row: {i for i, request in naive_requests.items() if holds(row, request)})
        times["naive"].append(taken)
        assert set(matched) == slow, "percolation and the naive pass agree"
        found.append(len(matched))
        times["whole"].append(_cpu(lambda key=key: alerts.raise_alerts(*key))[0])
        with transaction() as writing:
            writing.execute(sa.update(SavedSearch).where(SavedSearch.ref == f"s{number:011}").values(
                name="另一个名", version=SavedSearch.version + 1))
        session = db.session()
        times["saved"].append(_cpu(lambda key=key: look(documents[key]))[0])
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    return statistics.mean(found), middle["match"], middle["naive"], middle["whole"], middle["saved"]


def _refresh(watch, session, language, now):
    from marketplace.search.rules.saved import watched

    watch.refresh(session, lambda asked: watched(asked, language, now), language=language, now=now)


if __name__ == "__main__":
    for line in run(quick="--quick" in sys.argv):
        print(line)
