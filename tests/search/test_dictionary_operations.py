"""The dictionary is edited as a draft, checked as a whole, published as a version that never changes."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core.access import ANONYMOUS, SYSTEM, Actor, Role
from marketplace.core.audit import AuditEvent
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Denied, IllegalStep, Invalid
from marketplace.core.outbox import Job
from marketplace.search.models import DictionaryEntry, DictionaryVersion
from marketplace.search.operations import dictionary as operations
from marketplace.search.queries import dictionary as queries
from marketplace.search.rules.dictionary import Entry, EntryKind, shipped
from marketplace.search.rules.wordbook import (
    JOB_DICTIONARY,
    MOST_ENTRIES,
    Concept,
    Row,
    check,
    clean,
    compare,
    concepts_of,
    digest_of,
    read_file,
)
from tests.factories import NOW
from tests.factories.accounts import actor_of, make_person

GLYPHS = Concept("拆字", terms=("拆字摊", "拆字书"))


@pytest.fixture
def operator(session: Session) -> Actor:
    """The actor of an operator."""
    return actor_of(session, make_person(session, name="陈工", role=Role.OPERATOR))


def _seen(session: Session, name: str) -> str:
    """The digest of a concept as somebody sees it."""
    book = queries.book_of(session, queries.draft_of(session))
    return digest_of([entry for entry in book if entry.concept == name])


def _small(session: Session, operator: Actor, *concepts: Concept) -> None:
    """Make the draft hold these concepts and nothing else."""
    rows = [Row(entry) for concept in concepts for entry in concept.entries()]
    operations.import_book(session, actor=operator, rows=rows, is_whole=True, now=NOW)


def _plain(text: str) -> str:
    return text


def test_a_draft_begins_as_a_copy_of_what_is_in_force(session: Session, operator: Actor) -> None:
    draft = operations.open_draft(session, actor=operator, now=NOW)
    assert (draft.number, draft.base, draft.is_draft) == (1, 0, True)
    assert queries.book_of(session, draft) == list(shipped())
    assert operations.open_draft(session, actor=operator, now=NOW) is draft
    assert queries.current_version(session) == 0


def test_a_concept_is_added_with_its_words(session: Session, operator: Actor) -> None:
    concept = Concept("测字", broader=("老年人",), terms=("测字先生",))
    changes = operations.add_concept(session, actor=operator, concept=concept, now=NOW)
    assert [entry.term for entry in changes.added] == ["测字", "测字先生"]
    book = queries.book_of(session, queries.draft_of(session))
    assert Entry("测字", "测字", EntryKind.CONCEPT, ("老年人",)) in book
    assert Entry("测字先生", "测字") in book
    noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "dictionary.add")).one()
    assert noted.facts["added"] == ["测字", "测字先生"]


def test_only_operators_keep_the_dictionary(session: Session) -> None:
    handler = actor_of(session, make_person(session, role=Role.SECURITY_OFFICER))
    for actor in (handler, ANONYMOUS):
        with pytest.raises(Denied, match="系统管理员"):
            operations.add_concept(session, actor=actor, concept=GLYPHS, now=NOW)
    assert queries.draft_of(session) is None


def test_a_word_of_another_concept_is_refused_and_says_whose_it_is(session: Session, operator: Actor) -> None:
    with pytest.raises(Invalid, match="“长者”已属于概念“老年人”"):
        operations.add_concept(session, actor=operator, concept=Concept("测字", terms=("长者",)), now=NOW)
    assert not queries.matching(_concepts(session), "测字")


def _concepts(session: Session) -> list[Concept]:
    return concepts_of(queries.book_of(session, queries.draft_of(session)))


def test_a_ring_of_wider_concepts_is_refused_and_named(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲"), Concept("乙乙", broader=("甲甲",)), Concept("丙丙", broader=("乙乙",)))
    with pytest.raises(Invalid, match="甲甲 → 丙丙 → 乙乙 → 甲甲"):
        operations.change_concept(session, actor=operator, name="甲甲", concept=Concept("甲甲", broader=("丙丙",)),
                                  seen=_seen(session, "甲甲"), now=NOW)
    assert not any(entry.broader for entry in queries.book_of(session, queries.draft_of(session))
                   if entry.term == "甲甲")


def test_a_concept_that_is_its_own_wider_one_is_refused(session: Session, operator: Actor) -> None:
    with pytest.raises(Invalid, match="测字 → 测字"):
        operations.add_concept(session, actor=operator, concept=Concept("测字", broader=("测字",)), now=NOW)


def test_a_changed_concept_keeps_its_place_and_loses_what_was_taken_out(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲", terms=("甲一", "甲二")), Concept("乙乙"))
    changes = operations.change_concept(session, actor=operator, name="甲甲", seen=_seen(session, "甲甲"), now=NOW,
                                        concept=Concept("甲甲", broader=("乙乙",), terms=("甲二", "甲三")))
    assert [entry.term for entry in changes.added] == ["甲三"]
    assert [entry.term for entry in changes.removed] == ["甲一"]
    assert [(old.broader, new.broader) for old, new in changes.changed] == [((), ("乙乙",))]
    assert [one.name for one in _concepts(session)] == ["甲甲", "乙乙"]


def test_who_calls_a_concept_wider_follows_its_new_name(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲"), Concept("乙乙", broader=("甲甲",)))
    operations.change_concept(session, actor=operator, name="甲甲", concept=Concept("新甲", terms=("甲甲",)),
                              seen=_seen(session, "甲甲"), now=NOW)
    assert _concepts(session) == [Concept("新甲", terms=("甲甲",)), Concept("乙乙", broader=("新甲",))]


def test_somebody_elses_change_is_not_overwritten(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲"))
    seen = _seen(session, "甲甲")
    operations.change_concept(session, actor=operator, name="甲甲", concept=Concept("甲甲", terms=("甲一",)), seen=seen,
                              now=NOW)
    with pytest.raises(Conflict, match="刚被另一位管理员改过"):
        operations.change_concept(session, actor=operator, name="甲甲", concept=Concept("甲甲", terms=("甲二",)),
                                  seen=seen, now=NOW)


def test_a_concept_goes_with_its_words_unless_something_is_narrower(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲", terms=("甲一",)), Concept("乙乙", broader=("甲甲",)))
    with pytest.raises(Invalid, match="“甲甲”是 乙乙 的上级"):
        operations.remove_concept(session, actor=operator, name="甲甲", now=NOW)
    operations.remove_concept(session, actor=operator, name="乙乙", now=NOW)
    operations.remove_concept(session, actor=operator, name="甲甲", now=NOW)
    assert queries.book_of(session, queries.draft_of(session)) == []
    with pytest.raises(Conflict, match="没有概念"):
        operations.remove_concept(session, actor=operator, name="甲甲", now=NOW)


def test_rows_of_a_file_are_put_into_the_draft_and_replace_what_is_there(session: Session, operator: Actor) -> None:
    _small(session, operator, Concept("甲甲", terms=("甲一",)), Concept("乙乙"))
    rows, faults = read_file("词,概念,类别,上级\n甲一,乙乙,,\n丙丙,丙丙,概念,甲甲\n".encode("gbk"), _plain)
    assert not faults
    operations.import_book(session, actor=operator, rows=rows, is_whole=False, now=NOW)
    assert _concepts(session) == [Concept("甲甲"), Concept("乙乙", terms=("甲一",)), Concept("丙丙", broader=("甲甲",))]


def test_publishing_puts_a_version_in_force_and_asks_for_a_new_index(session: Session, operator: Actor) -> None:
    operations.add_concept(session, actor=operator, concept=GLYPHS, now=NOW)
    version = operations.publish_draft(session, actor=operator, note="加上拆字", now=NOW)
    assert queries.current_version(session) == 1
    assert queries.current_label(session) == "1"
    assert Entry("拆字书", "拆字") in queries.entries(session, 1)
    assert queries.entries(session, 0) == shipped()
    assert queries.is_intact(session, version)
    job = session.scalars(select(Job).where(Job.kind == JOB_DICTIONARY)).one()
    assert job.payload == {"number": 1}
    noted = session.scalars(select(AuditEvent).where(AuditEvent.action == "dictionary.publish")).one()
    assert (noted.facts["added"], noted.facts["digest"]) == (3, version.digest)


def test_the_next_draft_begins_from_the_published_version_which_stays_as_it_is(
        session: Session, operator: Actor) -> None:
    operations.add_concept(session, actor=operator, concept=GLYPHS, now=NOW)
    first = operations.publish_draft(session, actor=operator, note="加上拆字", now=NOW)
    operations.remove_concept(session, actor=operator, name="拆字", now=NOW)
    draft = queries.draft_of(session)
    assert draft is not None
    assert (draft.number, draft.base) == (2, 1)
    assert Entry("拆字", "拆字") in queries.entries(session, 1)
    assert queries.is_intact(session, first)
    with pytest.raises(LookupError):
        queries.entries(session, 2)


def test_nothing_is_published_without_a_note_a_change_or_a_draft(session: Session, operator: Actor) -> None:
    with pytest.raises(IllegalStep, match="没有正在修改的草稿"):
        operations.publish_draft(session, actor=operator, note="说明", now=NOW)
    operations.open_draft(session, actor=operator, now=NOW)
    with pytest.raises(Invalid, match="没有要发布的修改"):
        operations.publish_draft(session, actor=operator, note="说明", now=NOW)
    operations.add_concept(session, actor=operator, concept=GLYPHS, now=NOW)
    for note in ("", "长" * 201):
        with pytest.raises(Invalid, match="一句话"):
            operations.publish_draft(session, actor=operator, note=note, now=NOW)


def test_a_discarded_draft_leaves_no_words_behind(session: Session, operator: Actor) -> None:
    operations.add_concept(session, actor=operator, concept=GLYPHS, now=NOW)
    operations.discard_draft(session, actor=operator, now=NOW)
    assert queries.draft_of(session) is None
    assert session.scalar(select(DictionaryEntry.id).limit(1)) is None


def test_an_index_of_an_unknown_version_gets_the_words_in_force(session: Session, operator: Actor) -> None:
    operations.add_concept(session, actor=operator, concept=GLYPHS, now=NOW)
    operations.publish_draft(session, actor=operator, note="加上拆字", now=NOW)
    assert queries.entries_of(session, "1") == queries.entries(session, 1)
    assert queries.entries_of(session, "77") == queries.entries(session, 1)
    assert queries.entries_of(session, "shipped") == shipped()


def _version(session: Session, **facts: object) -> DictionaryVersion:
    version = DictionaryVersion(**{"number": 1, "base": 0, "opened_at": NOW, **facts})
    session.add(version)
    session.flush()
    return version


@pytest.mark.parametrize("facts", [
    {"number": 0}, {"base": 1}, {"published_at": NOW}, {"published_at": NOW, "digest": "x", "entry_count": 1},
    {"indexed_at": NOW}, {"documents_done": -1}, {"note": "长" * 201},
])
def test_the_database_refuses_a_version_that_cannot_be(session: Session, facts: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), session.begin_nested():
        _version(session, **facts)


@pytest.mark.parametrize("facts", [
    {"term": "一", "term_key": "一"}, {"term": "长" * 31}, {"kind": "other"}, {"broader": "老年人", "concept": "别的"},
    {"concept": ""},
])
def test_the_database_refuses_a_word_that_cannot_be(session: Session, facts: dict[str, object]) -> None:
    version = _version(session)
    row = {"version_id": version.id, "place": 0, "term": "养生", "term_key": "养生", "concept": "养生", "kind": "concept",
           "broader": ""}
    session.execute(insert(DictionaryEntry), [row])
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(DictionaryEntry), [{**row, "term": "其他", "term_key": "其他", **facts}])


def test_the_database_refuses_a_second_draft_and_a_word_twice(session: Session) -> None:
    version = _version(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        _version(session)
    row = {"version_id": version.id, "place": 0, "term": "AED", "term_key": "aed", "concept": "AED", "kind": "concept",
           "broader": ""}
    session.execute(insert(DictionaryEntry), [row])
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(DictionaryEntry), [{**row, "term": "aed"}])


def test_the_system_may_import_for_a_command(session: Session) -> None:
    operations.import_book(session, actor=SYSTEM, rows=[Row(Entry("拆字", "拆字"))], is_whole=False, now=NOW)
    draft = queries.draft_of(session)
    assert draft is not None
    assert draft.opened_by is None
    assert session.scalar(select(Person.id).limit(1)) is None


# what a file may hold

@pytest.mark.parametrize(("data", "sentence"), [
    (b"", "缺少列"), ("词,说明\n养生,x\n".encode(), "缺少列"), (b"\xff\xff\xfe\x00\x00", "不是 UTF-8 或 GBK"),
    (b"term,concept\n", "没有词"), (b"term,concept\n" + "养生,养生\n".encode() * (MOST_ENTRIES + 1), "更多"),
    (b"term,concept\n" + b"x" * (9 * 1024 * 1024), "文件太大"), (b'term,concept\n"' + b"x" * 200_000, "不是 CSV"),
])
def test_a_file_that_is_no_dictionary_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read_file(data, _plain)


@pytest.mark.parametrize(("line", "column", "sentence"), [
    ("养,养,,", "term", "太短"), ("长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长,养生,,", "term", "太长"),
    ("养生茶,茶饮,,", "concept", "没有概念“{concept}”"), ("养生茶,养生,place,", "kind", "类别"),
    ("养生茶,养生,,养生", "broader", "只写在"), ("养生茶,养生茶,,没有的", "broader", "没有概念“{over}”"),
    ("养=生,养=生,,", "term", "不能用的符号"), ("+养生,+养生,,", "term", "不能用的符号"), ("养生,养生,,", "term", "写了两次"),
])
def test_each_wrong_row_is_told_by_row_and_column(line: str, column: str, sentence: str) -> None:
    rows, faults = read_file(f"term,concept,kind,broader\n养生,养生,,\n{line}\n".encode(), _plain)
    found = [*faults, *check(rows)]
    assert [(fault.row, fault.column) for fault in found] == [(3, column)]
    assert sentence in found[0].sentence


def test_an_unknown_kind_is_told_while_the_file_is_read() -> None:
    rows, faults = read_file("term,concept,kind\n养生,养生,颜色\n".encode(), _plain)
    assert (rows, [(one.row, one.column) for one in faults]) == ([], [(2, "kind")])


def test_a_ring_in_a_file_is_told_at_a_row() -> None:
    rows, _ = read_file("term,concept,kind,broader\n甲甲,甲甲,,乙乙\n乙乙,乙乙,,甲甲\n丙丙,丙丙,,甲甲\n".encode(), _plain)
    found = check(rows)
    assert [(one.row, one.facts["chain"]) for one in found] == [(2, "甲甲 → 乙乙 → 甲甲")]


def test_a_long_chain_is_no_ring() -> None:
    names = [f"概念{number}" for number in range(5_000)]
    rows = [Row(Entry(name, name, EntryKind.CONCEPT, (over,) if over else ())) for name, over in
            zip(names, ["", *names], strict=False)]
    assert check(rows) == []


def test_a_file_with_a_byte_order_mark_blank_lines_and_quotes_is_read() -> None:
    text = "\ufeffterm,concept,kind,broader\r\n\r\n\" 养 生 \",,泛词,\r\n'养生堂,养生,generic\r\n"
    rows, faults = read_file(text.encode(), _plain)
    assert not faults
    assert [row.entry for row in rows] == [Entry("养生", "养生", EntryKind.GENERIC), Entry("养生堂", "养生", EntryKind.GENERIC)]


def test_terms_are_kept_in_simplified_characters_and_rare_ones_as_they_are() -> None:
    exchange = {"長": "长", "劏": "㓥"}

    def simplify(text: str) -> str:
        return "".join(exchange.get(letter, letter) for letter in text)

    assert clean("長者　飯", simplify) == "长者飯"
    assert clean("劏房", simplify) == "劏房"
    assert clean("ＡＥＤ", simplify) == "AED"


def test_books_are_compared_by_their_words() -> None:
    before = [Entry("甲甲", "甲甲"), Entry("甲一", "甲甲"), Entry("乙乙", "乙乙")]
    after = [Entry("乙乙", "乙乙"), Entry("甲甲", "甲甲", EntryKind.CONCEPT, ("乙乙",)), Entry("丙丙", "丙丙")]
    changes = compare(before, after)
    assert (changes.added, changes.removed) == ((Entry("丙丙", "丙丙"),), (Entry("甲一", "甲甲"),))
    assert changes.changed == ((before[0], after[1]),)
    assert len(changes) == 3
    assert not compare(before, list(reversed(before)))
    assert digest_of(before) == digest_of(list(reversed(before)))


# by command

def _run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["search", "dictionary", *arguments])


def test_a_command_hands_out_what_it_reads_in(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "book.csv"
    assert _run(app, "export", str(file)).exit_code == 0
    again = _run(app, "import", str(file), "--whole", "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout) == {"ok": True, "added": 0, "changed": 0, "removed": 0, "faults": []}


def test_a_command_tries_out_takes_in_and_publishes(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("term,concept\n拆字,拆字\n拆字书,拆字\n", encoding="utf-8")
    assert _run(app, "import", str(file), "--dry-run").stdout == "2 added, 0 changed, 0 removed\n"
    with app.app_context():
        assert queries.draft_of(db.session()) is None
    assert _run(app, "import", str(file), "--publish", "加上拆字").exit_code == 0
    with app.app_context():
        assert Entry("拆字书", "拆字") in queries.entries(db.session(), 1)
    assert "拆字书,拆字,concept," in _run(app, "export", "--version", "1").stdout
    assert "拆字书" not in _run(app, "export", "--version", "0").stdout
    assert _run(app, "export", "--version", "9").exit_code == 2


def test_a_command_tells_every_wrong_row_and_takes_nothing(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("term,concept\n拆字,没有的\n字,字\n", encoding="utf-8")
    told = _run(app, "import", str(file), "--json")
    assert told.exit_code == 1
    assert [(one["row"], one["column"]) for one in json.loads(told.stdout)["faults"]] == [(2, "concept"), (3, "term")]
    file.write_bytes(b"\xff\xff\xfe\x00")
    assert _run(app, "import", str(file)).exit_code == 1
    with app.app_context():
        assert queries.draft_of(db.session()) is None
