"""The search index: one suite for the reference in plain Python and for every engine behind the port."""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from marketplace import integrations
from marketplace.config import ROOT, Config, ConfigError
from marketplace.core.errors import Unavailable
from marketplace.core.ports import SearchIndex
from marketplace.core.searching import (
    Alternative,
    Clause,
    IndexRow,
    Role,
    SearchRequest,
    Sort,
    Zone,
    order_of,
)
from marketplace.integrations.generations import Generations
from marketplace.integrations.memory_index import MemoryIndex
from marketplace.integrations.tantivy import TantivyIndex
from marketplace.integrations.whoosh import MOST_SEGMENTS, WhooshIndex

ON_DISK: dict[str, Callable[[Path], SearchIndex]] = {"whoosh": WhooshIndex, "tantivy": TantivyIndex}
ENGINES: dict[str, Callable[[Path], SearchIndex]] = {"memory": lambda _: MemoryIndex(), **ON_DISK}


def row(ref: str, text: str, *, title: str = "", lead: str = "", kind: str = "project", amount: int | None = None,
        stamp: str = "1", prior: float = 1.0, **values: tuple[str, ...]) -> IndexRow:
    """A row of words parted by spaces; each zone holds the one before."""
    in_title, in_lead = set(title.split()), set(title.split()) | set(lead.split())
    key = f"{kind}:{ref}"
    return IndexRow(
        kind=kind, ref=ref, stamp=stamp, prior=prior, values=values, numbers={} if amount is None else {"amount": amount},
        tokens={Zone.TITLE: frozenset(in_title), Zone.LEAD: frozenset(in_lead), Zone.TEXT: frozenset(in_lead | set(text.split())),
                Zone.HEAD: frozenset(title[:1])},
        orders={Sort.BUDGET_LOW: order_of(amount, key), Sort.NEWEST: order_of(len(text), key)})


def asked(*words: str, least: int | None = None, **more: object) -> SearchRequest:
    clauses = tuple(Clause((Alternative((word,)),)) for word in words)
    return SearchRequest(clauses=clauses, least=len(words) if least is None else least, **more)


LUNCH = row("lunch", "社区 午餐 送餐", title="长者 助餐", lead="桐浦", amount=300, area=("4406", "440601"), status=("open",))
VISIT = row("visit", "上门 送餐", title="高龄 探访", lead="白鹭", amount=500, area=("4406", "440602"), status=("open",))
LAW = row("law", "民法典 社区", title="普法 讲座", lead="司法局", status=("sealed",))


@pytest.fixture(params=list(ENGINES))
def searching(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchIndex]:
    made = ENGINES[request.param](tmp_path / "index")
    made.index([LUNCH, VISIT, LAW])
    yield made
    del made
    gc.collect()  # an index that leaves files open would warn here, and warnings are errors


@pytest.fixture(params=list(ON_DISK))
def make(request: pytest.FixtureRequest) -> Callable[[Path], SearchIndex]:
    return ON_DISK[request.param]


def refs(searching: SearchIndex, request: SearchRequest) -> list[str]:
    return [hit.ref for hit in searching.search(request).hits]


@pytest.mark.parametrize(("words", "expected"), [
    (("助餐",), ["lunch"]), (("送餐",), ["lunch", "visit"]), (("社区", "送餐"), ["lunch"]), (("潜水",), []), ((), ["law", "lunch", "visit"]),
    (("送餐", "潜水"), []), (("桐浦",), ["lunch"]),
])
def test_every_clause_counted_must_be_there(searching: SearchIndex, words: tuple[str, ...], expected: list[str]) -> None:
    found = searching.search(asked(*words))
    assert sorted(hit.ref for hit in found.hits) == expected
    assert found.total == len(expected)


def test_most_of_the_clauses_are_enough_when_less_is_asked(searching: SearchIndex) -> None:
    assert refs(searching, asked("送餐", "社区", "助餐", least=2)) == ["lunch"]
    assert refs(searching, asked("送餐", "社区", least=1)) == ["lunch", "law", "visit"]
    assert refs(searching, asked("送餐", least=2)) == []


def test_a_clause_is_worth_its_best_alternative_in_its_best_zone(searching: SearchIndex) -> None:
    clause = Clause((Alternative(("送餐",), 0.5), Alternative(("探访",)), Alternative(("高龄", "送餐"), 1.2)), weight=3.0)
    places = {hit.ref: -hit.place for hit in searching.search(SearchRequest((clause,), least=1)).hits}
    assert places == pytest.approx({"visit": 6.0, "lunch": 1.5})


def test_a_clause_looks_only_into_its_zones(searching: SearchIndex) -> None:
    def found(word: str, *zones: Zone) -> list[str]:
        return refs(searching, SearchRequest((Clause((Alternative((word,)),), zones=zones),), least=1))

    assert found("送餐", Zone.TITLE, Zone.LEAD) == []
    assert found("桐浦", Zone.LEAD) == ["lunch"]
    assert found("高", Zone.HEAD) == ["visit"]
    assert found("高", Zone.TITLE, Zone.LEAD, Zone.TEXT) == []


def test_demanded_excluded_and_extra_clauses(searching: SearchIndex) -> None:
    def clause(word: str, role: Role) -> Clause:
        return Clause((Alternative((word,)),), role=role)

    assert refs(searching, SearchRequest((clause("送餐", Role.MUST), clause("高龄", Role.NOT)))) == ["lunch"]
    assert refs(searching, SearchRequest((clause("社区", Role.BONUS),), kinds=("project",)))[0] in {"law", "lunch"}
    assert searching.search(SearchRequest((clause("社区", Role.BONUS),))).total == 3
    assert refs(searching, SearchRequest((clause("潜水", Role.MUST),))) == []
    assert refs(searching, SearchRequest((clause("送餐", Role.NOT),))) == ["law"]
    assert refs(searching, SearchRequest((Clause((), role=Role.MUST),))) == []
    assert searching.search(SearchRequest((Clause((), role=Role.NOT), Clause((), role=Role.BONUS)))).total == 3


def test_the_newer_of_two_equal_ones_comes_first(searching: SearchIndex) -> None:
    searching.index([row("old", "", title="义诊", prior=1.001), row("new", "", title="义诊", prior=1.002)])
    assert refs(searching, asked("义诊")) == ["new", "old"]


def test_filters_take_any_of_their_values_and_all_filters_hold(searching: SearchIndex) -> None:
    assert refs(searching, asked("送餐", filters={"area": ("440601", "440603")})) == ["lunch"]
    assert refs(searching, asked(filters={"area": ("4406",), "status": ("sealed",)})) == []
    assert refs(searching, asked("送餐", filters={"area": ()}, kinds=("project",))) == ["lunch", "visit"]
    assert refs(searching, asked(filters={"nothing": ("x",)})) == []
    assert refs(searching, asked(kinds=("organization",))) == []


def test_ranges_are_half_open_and_need_the_number(searching: SearchIndex) -> None:
    def between(start: int | None, end: int | None) -> set[str]:
        return set(refs(searching, asked(ranges={"amount": (start, end)})))

    assert between(300, 500) == {"lunch"}
    assert between(301, None) == {"visit"}
    assert between(None, 501) == {"lunch", "visit"}
    assert between(None, None) == {"lunch", "visit", "law"}
    assert refs(searching, asked(ranges={"deadline": (0, None)})) == []


def test_counts_leave_out_what_was_chosen_in_their_own_facet(searching: SearchIndex) -> None:
    found = searching.search(asked(filters={"area": ("440601",)}, facets=("area", "status", "none"), limit=0))
    assert (list(found.hits), found.total) == ([], 1)
    assert found.facets == {"area": {"4406": 2, "440601": 1, "440602": 1}, "status": {"open": 1}, "none": {}}


def test_kinds_are_kept_apart(searching: SearchIndex) -> None:
    searching.index([row("lunch", "送餐", kind="organization")])
    assert searching.search(asked("送餐", kinds=("organization",))).refs == [("organization", "lunch")]
    assert searching.search(asked("送餐")).total == 3


def test_a_document_indexed_again_replaces_the_old_one_even_within_a_batch(searching: SearchIndex) -> None:
    searching.index([row("lunch", "暑期"), row("lunch", "托管")])
    assert refs(searching, asked("助餐")) == []
    assert refs(searching, asked("暑期")) == []
    assert refs(searching, asked("托管")) == ["lunch"]
    assert searching.size() == 3


def test_what_is_deleted_is_gone_and_deleting_the_unknown_does_no_harm(searching: SearchIndex) -> None:
    searching.index([], deleted=[("project", "lunch"), ("project", "nobody")])
    assert refs(searching, asked("送餐")) == ["visit"]
    assert searching.size() == 2


def test_frequencies_count_the_documents_that_are_still_there(searching: SearchIndex) -> None:
    searching.index([], deleted=[("project", "visit")])
    assert searching.frequencies(["送餐", "社区", "潜水"]) == {"送餐": 1, "社区": 2, "潜水": 0}


def test_stamps_name_every_document_with_its_fingerprint(searching: SearchIndex) -> None:
    searching.index([replace(LAW, stamp="2")])
    assert searching.stamps() == {("project", "lunch"): "1", ("project", "visit"): "1", ("project", "law"): "2"}


def test_rebuilding_holds_exactly_what_it_is_given_and_keeps_what_it_was_made_with(searching: SearchIndex) -> None:
    assert searching.label() == ""
    assert searching.rebuild(iter([LAW]), label="dictionary 7") == 1
    assert set(searching.stamps()) == {("project", "law")}
    assert searching.label() == "dictionary 7"
    searching.clear()
    assert (searching.stamps(), searching.label(), searching.size()) == ({}, "dictionary 7", 0)
    assert searching.search(asked("助餐")).total == 0


def test_what_changes_while_rebuilding_is_taken_in_before_the_switch(searching: SearchIndex) -> None:
    def rows() -> Iterator[IndexRow]:
        yield LUNCH
        searching.index([row("late", "送餐")])      # another process goes on writing into the index in use
        assert refs(searching, asked("送餐")) == ["late", "lunch", "visit"]
        yield LAW

    assert searching.rebuild(rows(), late=lambda: ([row("late", "送餐")], [("project", "law")])) == 2
    assert set(searching.stamps()) == {("project", "lunch"), ("project", "late")}


def test_a_rebuild_that_fails_leaves_the_index_as_it_was(searching: SearchIndex) -> None:
    def rows() -> Iterator[IndexRow]:
        yield LAW
        raise OSError("the database went away")

    with pytest.raises(OSError, match="database"):
        searching.rebuild(rows())
    assert searching.size() == 3


@pytest.mark.parametrize("sort", [Sort.RELEVANCE, Sort.BUDGET_LOW])
def test_pages_follow_each_other_without_gap_or_repetition_while_documents_change(searching: SearchIndex, sort: Sort) -> None:
    many = [row(f"d{n:02}", "义诊", amount=n // 3, prior=1 + n % 4 / 1000) for n in range(40)]
    searching.index(many)
    seen: list[str] = []
    after = None
    while page := searching.search(asked("义诊", sort=sort, after=after, limit=7)).hits:
        seen += [hit.ref for hit in page]
        after = page[-1].cursor
        searching.index([row(f"n{len(seen)}", "别的"), replace(many[int(page[0].ref[1:])], stamp="2")])
    assert len(seen) == len(set(seen)) == 40
    assert searching.search(asked("义诊", sort=sort, after=after, limit=7)).total == 40


def test_a_document_removed_at_the_end_of_a_page_does_not_hide_the_next_one(searching: SearchIndex) -> None:
    searching.index([row(f"d{n}", "义诊", amount=n) for n in range(9)])
    page = searching.search(asked("义诊", sort=Sort.BUDGET_LOW, limit=3)).hits
    searching.index([], deleted=[(page[-1].kind, page[-1].ref)])
    following = searching.search(asked("义诊", sort=Sort.BUDGET_LOW, limit=3, after=page[-1].cursor)).hits
    assert [hit.ref for hit in following] == ["d3", "d4", "d5"]


def test_hits_with_the_same_place_come_by_key(searching: SearchIndex) -> None:
    searching.index([row(f"d{n:03}", "", title="义诊") for n in reversed(range(90))])
    first = searching.search(asked("义诊", limit=50)).hits
    then = searching.search(asked("义诊", limit=50, after=first[-1].cursor)).hits
    assert [hit.ref for hit in (*first, *then)] == [f"d{n:03}" for n in range(90)]


def test_many_small_batches_stay_searchable(searching: SearchIndex) -> None:
    for number in range(3 * MOST_SEGMENTS):
        searching.index([row(f"b{number}", "培训"), row("same", f"第{number}次")])
    assert searching.search(asked("培训")).total == 3 * MOST_SEGMENTS
    assert refs(searching, asked(f"第{3 * MOST_SEGMENTS - 1}次")) == ["same"]
    assert refs(searching, asked("第0次")) == []


@pytest.mark.parametrize("word", ["*", '"', "AND", "text:x", "\x00", "a\nb", "'; DROP TABLE", "词" * 30_000, "\u202e", "😀"])
def test_no_token_is_syntax(searching: SearchIndex, word: str) -> None:
    searching.index([row("odd", "", title="", lead="").__class__(
        "project", "odd", "1", {Zone.TEXT: frozenset({word[:1000]})}, {"area": (word[:1000],)})])
    assert refs(searching, asked(word[:1000], filters={"area": (word[:1000],)})) == ["odd"]
    assert searching.search(asked(word, "助餐")).total == 0


@pytest.mark.parametrize("count", [1, 9, 10, 11, 30])
def test_any_number_of_values_of_one_facet_is_counted(searching: SearchIndex, count: int) -> None:
    many = tuple(f"v{number}" for number in range(count))
    searching.index([IndexRow("many", "all", "1", {}, {"area": many}), IndexRow("many", "last", "1", {}, {"area": many[-1:]})])
    found = searching.search(asked(kinds=("many",), filters={"area": ("v0",)}, facets=("area",), limit=0))
    assert (found.total, found.facets) == (1 + (count == 1), {"area": {**dict.fromkeys(many, 1), many[-1]: 2}})


@pytest.mark.parametrize("value", ['a" OR "b', "\\", '"', "", "IN", "x)", "*", "5", "true", "100-", "a b", "\x00"])
def test_no_value_of_a_filter_is_syntax(searching: SearchIndex, value: str) -> None:
    searching.index([IndexRow("odd", ref, "1", {}, {"area": (area,), "status": ("open",)}) for ref, area in (("odd", value), ("b", "b"))])
    found = searching.search(asked(kinds=("odd",), filters={"area": (value,), "status": ("open", value)}, facets=("area", "status")))
    assert [hit.ref for hit in found.hits] == ["odd"]
    assert found.facets == {"area": {value: 1, "b": 1}, "status": {"open": 1}}


def test_tokens_with_spaces_are_tokens(searching: SearchIndex) -> None:
    searching.index([IndexRow("project", ref, "1", {Zone.TEXT: frozenset(tokens)}) for ref, tokens in (
        ("whole", {"=A 区", "=A\t区"}), ("parts", {"=A", "区"}))])
    assert refs(searching, asked("=A 区")) == refs(searching, asked("=A\t区")) == ["whole"]
    assert refs(searching, asked("区")) == ["parts"]
    assert searching.frequencies(["=A 区", "=A", "=A\n区"]) == {"=A 区": 1, "=A": 1, "=A\n区": 0}


def test_a_rebuild_takes_rows_that_were_packed_elsewhere(searching: SearchIndex) -> None:
    searching.rebuild([pickle.loads(pickle.dumps(searching.packed(one))) for one in (LUNCH, VISIT)])
    packed, stamps = searching.search(asked("助餐", facets=("area", "status"))), searching.stamps()
    searching.rebuild([LUNCH, VISIT])
    assert (packed, stamps) == (searching.search(asked("助餐", facets=("area", "status"))), searching.stamps())


def test_a_way_that_lies_inside_another_is_worth_what_it_is_worth(searching: SearchIndex) -> None:
    searching.index([IndexRow("project", ref, "1", {Zone.TEXT: frozenset(tokens)}) for ref, tokens in (
        ("wider", {"~助餐"}), ("same", {"=助餐", "~助餐"}))])
    clause = Clause((Alternative(("=助餐",), is_inside=True), Alternative(("~助餐",), 0.5)))
    found = searching.search(SearchRequest((clause,), least=1))
    assert [(hit.ref, -hit.place) for hit in found.hits] == [("same", pytest.approx(1.0)), ("wider", pytest.approx(0.5))]


# ---- on disk ----


def test_rows_packed_by_another_engine_are_refused(tmp_path: Path) -> None:
    packed = TantivyIndex(tmp_path / "t").packed(LUNCH)
    with pytest.raises(TypeError, match="another engine"):
        MemoryIndex().rebuild([packed])
    with pytest.raises(OSError, match="another engine"):
        WhooshIndex(tmp_path / "w").rebuild([packed])


def test_an_index_of_an_older_version_is_an_oserror_that_says_what_to_do(tmp_path: Path) -> None:
    import tantivy

    TantivyIndex(tmp_path).rebuild([LUNCH])
    folder = next(tmp_path.glob("generation-*"))
    for path in folder.iterdir():
        path.unlink()
    tantivy.Index(tantivy.SchemaBuilder().add_text_field("key").build(), path=str(folder))
    made = TantivyIndex(tmp_path)
    with pytest.raises(OSError, match=r"older version.*flask search rebuild"):
        made.search(asked("助餐"))
    with pytest.raises(OSError, match="older version"):
        made.index([VISIT])
    made.rebuild([VISIT])
    assert refs(made, asked("探访")) == ["visit"]


def test_a_missing_index_is_an_oserror_that_says_what_to_do(make: Callable[[Path], SearchIndex], tmp_path: Path) -> None:
    made = make(tmp_path / "nothing")
    for read in (lambda: made.search(asked("助餐")), made.stamps, made.size, made.label, lambda: made.frequencies(["x"])):
        with pytest.raises(OSError, match="flask search rebuild"):
            read()
    assert not (tmp_path / "nothing").exists(), "reading makes no folder"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Whoosh drops the file it could not read
@pytest.mark.parametrize("spoil", [lambda data: b"broken", lambda data: data[:len(data) // 2], lambda data: b""],
                         ids=["corrupt", "truncated", "empty"])
def test_a_broken_index_is_an_oserror_and_can_be_rebuilt(make: Callable[[Path], SearchIndex], tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    make(tmp_path / "index").rebuild([LUNCH, VISIT], label="7")
    folder = next((tmp_path / "index").glob("generation-*"))
    for path in folder.iterdir():
        if path.is_file():
            path.write_bytes(spoil(path.read_bytes()))
    made = make(tmp_path / "index")
    with pytest.raises(OSError):
        made.search(asked("助餐"))
    with pytest.raises(OSError, match="flask search rebuild"):
        made.label()
    made.rebuild([LUNCH], label="8")
    assert (refs(made, asked("助餐")), made.label()) == (["lunch"], "8")


def test_a_pointer_that_points_nowhere_is_a_missing_index(make: Callable[[Path], SearchIndex], tmp_path: Path) -> None:
    made = make(tmp_path)
    made.index([LUNCH])
    for nonsense in ("generation-99", "../generation-1", "", "\x00"):
        (tmp_path / "current").write_text(nonsense)
        with pytest.raises(OSError, match="no search index"):
            made.size()
    made.index([LAW])
    assert set(made.stamps()) == {("project", "law")}


def test_another_process_sees_batches_and_the_rebuilt_index(make: Callable[[Path], SearchIndex], tmp_path: Path) -> None:
    first, second = (make(tmp_path / "index") for _ in range(2))
    first.index([LUNCH])
    assert refs(second, asked("助餐")) == ["lunch"]
    first.index([replace(LUNCH, stamp="2")])
    assert second.stamps() == {("project", "lunch"): "2"}
    first.rebuild([VISIT], label="7")
    assert (refs(second, asked("助餐")), second.label()) == ([], "7")
    second.index([LAW])
    assert refs(first, asked("普法")) == ["law"]
    assert len(list((tmp_path / "index").glob("generation-*"))) == 1


def test_what_a_killed_rebuild_left_behind_is_cleared_by_the_next(make: Callable[[Path], SearchIndex], tmp_path: Path) -> None:
    made = make(tmp_path / "index")
    made.index([LUNCH])
    (tmp_path / "index" / "generation-7").mkdir()
    assert made.size() == 1
    made.rebuild([LAW])
    assert [path.name for path in (tmp_path / "index").glob("generation-*")] == ["generation-8"]


def test_readers_and_writers_in_threads_do_not_disturb_each_other(make: Callable[[Path], SearchIndex], tmp_path: Path) -> None:
    searching, wrong = make(tmp_path / "index"), list[object]()
    searching.index([LUNCH])

    def read() -> None:
        for _ in range(40):
            try:
                if "lunch" not in refs(searching, asked("助餐", limit=1000)):
                    wrong.append("lost")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(12):
        searching.index([row(f"t{number}", "助餐")])
        if number % 4 == 3:
            searching.rebuild([LUNCH])
    for thread in threads:
        thread.join()
    assert wrong == []


def test_while_another_process_writes_a_writer_waits_and_then_says_so(make: Callable[[Path], SearchIndex], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (make(tmp_path / "index") for _ in range(2))
    first.index([LUNCH])
    entered, leave = threading.Event(), threading.Event()

    def keep() -> None:
        with first.writing():
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=keep)
    thread.start()
    entered.wait(20)
    with pytest.raises(OSError, match="another process"), second._generations.writing.held(0.05):
        pass
    threading.Timer(0.2, leave.set).start()
    second.index([LAW])
    thread.join()
    assert first.size() == 2


CHILD = """
import sys
from pathlib import Path
from tests.ports.test_search_index import LAW, LUNCH, ON_DISK, asked, row
made = ON_DISK[sys.argv[1]](Path(sys.argv[2]))
{body}
"""


def child(name: str, folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CHILD.format(body=body), name, str(folder)], cwd=ROOT, text=True, capture_output=True,
                          check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=120)


@pytest.mark.parametrize("name", list(ON_DISK))
def test_a_full_disk_is_an_oserror_and_the_index_serves_on(name: str, tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: a write over it fails as on a full one."""
    ON_DISK[name](tmp_path / "index").rebuild([LUNCH, LAW])
    done = child(name, tmp_path / "index", """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
for work in (made.index, made.rebuild):
    try:
        work(row(f"d{n}", " ".join(f"{n}词{m}" for m in range(60))) for n in range(200))
        print("written")
    except OSError as full:
        print("OSError", "cannot be written" in str(full))
print(made.size(), made.search(asked("助餐")).refs)
""")
    assert done.stdout.splitlines() == ["OSError True", "OSError True", "2 [('project', 'lunch')]"], done.stderr
    made = ON_DISK[name](tmp_path / "index")
    made.index([row("later", "有空间")])
    assert made.size() == 3


@pytest.mark.parametrize("name", list(ON_DISK))
def test_a_read_only_index_serves_and_says_why_it_cannot_be_written(name: str, tmp_path: Path) -> None:
    ON_DISK[name](tmp_path / "index").rebuild([LUNCH])
    folders = [tmp_path, *tmp_path.parents][:4]
    before = [folder.stat().st_mode for folder in folders]
    for path in (tmp_path / "index").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (tmp_path / "index").chmod(0o555)
    for folder in folders:
        folder.chmod(folder.stat().st_mode | 0o055)
    try:
        done = child(name, tmp_path / "index", """
import os
made.size()
if os.geteuid() == 0:      # root could write anyway
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for work in (made.index, made.rebuild):
    try:
        work([LAW])
        print("written")
    except OSError as kept:
        print("OSError", "cannot be written" in str(kept))
print(made.size(), made.search(asked("助餐")).refs)
""")
    finally:
        for folder, mode in zip(folders, before, strict=True):
            folder.chmod(mode)
        (tmp_path / "index").chmod(0o755)
    assert done.stdout.splitlines() == ["OSError True", "OSError True", "1 [('project', 'lunch')]"], done.stderr




# ---- which engine ----


def test_an_engine_that_is_unknown_or_not_installed_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config.from_env({}).search == "whoosh"
    assert Config.from_env({"MARKETPLACE_SEARCH": "tantivy"}).search == "tantivy"
    with pytest.raises(ConfigError, match="MARKETPLACE_SEARCH is whoosh or tantivy, not 'lucene'"):
        Config.from_env({"MARKETPLACE_SEARCH": "lucene"})
    monkeypatch.setattr("marketplace.config.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install"):
        Config.from_env({"MARKETPLACE_SEARCH": "tantivy"})
    assert Config.from_env({"MARKETPLACE_SEARCH": "whoosh"}).search == "whoosh"


def test_each_engine_has_a_folder_of_its_own(tmp_path: Path) -> None:
    for name in ON_DISK:
        integrations.search_index(name, tmp_path).index([LUNCH])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "index-tantivy"]


def test_an_engine_asked_for_by_a_command_that_is_not_installed_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "marketplace.integrations.tantivy")
    monkeypatch.setitem(sys.modules, "tantivy", None)
    with pytest.raises(Unavailable, match="pip install"):
        integrations.search_index("tantivy", tmp_path)


@pytest.mark.parametrize("search", list(ON_DISK))
def test_a_generation_that_goes_while_it_is_being_opened_is_looked_for_again(search: str, tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reader = ON_DISK[search](tmp_path / "index"), ON_DISK[search](tmp_path / "index")
    writer.rebuild([LUNCH], label="1")
    before = tmp_path / "index" / "generation-1"
    writer.rebuild([LUNCH, VISIT], label="2")
    demand, answers = Generations.demand, [before]
    monkeypatch.setattr(Generations, "demand", lambda self: answers.pop() if answers else demand(self))
    assert reader.size() == 2
    answers.append(before)
    assert reader.label() == "2"
