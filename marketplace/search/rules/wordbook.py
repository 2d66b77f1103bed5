"""The dictionary as operators keep it: concepts with their words, checked, compared, read from CSV. Pure.

A book is a sequence of entries in the order in which people see it. The entry whose term is the concept is its head
and alone says what is wider; every other entry is one more word for the same thing.
"""

import csv
import hashlib
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from marketplace.core.errors import Invalid
from marketplace.core.text import N_
from marketplace.search.rules.dictionary import COLUMNS, Entry, EntryKind

JOB_DICTIONARY = "search.dictionary_published"      # number
SHIPPED = "shipped"                                 # what an index is labelled that was made with version 0
MIN_TERM, MAX_TERM = 2, 30
MOST_BROADER = 8
MOST_ENTRIES = 50_000
MOST_BYTES = 8 * 1024 * 1024
MOST_FAULTS = 200
MAX_NOTE = 200
TYPED_MARKS = "、，,;；\n"                             # between names that a person types
SEPARATOR = "|"
KIND_LABELS: Mapping[EntryKind, str] = {
    EntryKind.CONCEPT: N_("概念"), EntryKind.GENERIC: N_("泛词"), EntryKind.PLACE: N_("地名"),
}
COLUMN_LABELS: Mapping[str, str] = {
    "term": N_("词"), "concept": N_("概念"), "kind": N_("类别"), "broader": N_("上级概念"),
}
_HEADINGS: Mapping[str, str] = {
    **{name: name for name in COLUMNS}, "词": "term", "词语": "term", "词条": "term", "概念": "concept", "主词": "concept",
    "类别": "kind", "类型": "kind", "上级": "broader", "上级概念": "broader",
}
_KINDS: Mapping[str, EntryKind] = {
    "": EntryKind.CONCEPT, **{str(kind): kind for kind in EntryKind},
    **{word: kind for kind, word in KIND_LABELS.items()},
}
_FORBIDDEN = frozenset("|/\\,，;；\"'“”<>=?#%&@`\t\r\n ")
_FIRST_HAN, _LAST_HAN = "\u4e00", "\u9fff"
_WHITE, _GREY, _BLACK = 0, 1, 2

Simplify = Callable[[str], str]


@dataclass(frozen=True)
class Fault:
    """What is wrong at a row (from 1, the heading included; 0: in the dictionary itself) and column, as a sentence."""

    row: int
    column: str
    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """An entry and the row of the file where it stands; 0 for one that the dictionary holds already."""

    entry: Entry
    number: int = 0


@dataclass(frozen=True)
class Concept:
    """A concept as a person edits it: its name, what lies above, and the other words for it."""

    name: str
    kind: EntryKind = EntryKind.CONCEPT
    broader: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()

    def entries(self) -> list[Entry]:
        """Return its head and its other words."""
        return [Entry(self.name, self.name, self.kind, self.broader),
                *(Entry(term, self.name, self.kind) for term in self.terms if term != self.name)]


@dataclass(frozen=True)
class Changes:
    """What differs between two books: entries that came, went, or say something else (before, after)."""

    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    changed: tuple[tuple[Entry, Entry], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __len__(self) -> int:
        return len(self.added) + len(self.removed) + len(self.changed)


def key_of(term: str) -> str:
    """Return what makes two terms the same."""
    return term.lower()


def clean(text: str, simplify: Simplify) -> str:
    """Return a term in normal width and Simplified characters; rare characters without a common form stay."""
    plain = "".join(unicodedata.normalize("NFKC", text).replace("\u200b", "").split())
    simple = simplify(plain)
    if len(simple) != len(plain):
        return simple
    return "".join(new if old == new or _FIRST_HAN <= new <= _LAST_HAN else old
                   for old, new in zip(plain, simple, strict=True))


def term_fault(term: str) -> tuple[str, Mapping[str, object]] | None:
    """Return what is wrong with a clean term, or None."""
    if len(term) < MIN_TERM:
        return N_("“{term}”太短：一个字的词意思太多，至少写 {least} 个字"), {"term": term, "least": MIN_TERM}
    if len(term) > MAX_TERM:
        return N_("“{term}…”太长：最多 {most} 个字"), {"term": term[:MAX_TERM], "most": MAX_TERM}
    strange = next((letter for letter in term if letter in _FORBIDDEN or not letter.isprintable()), "")
    if strange or not term[0].isalnum():
        return N_("“{term}”里有不能用的符号：只用汉字、字母、数字和中间的“、（）·+.-”"), {"term": term}
    return None


def check(rows: Sequence[Row]) -> list[Fault]:
    """Return everything that keeps rows from being a dictionary, in the order of the file."""
    heads = {row.entry.concept: row.entry for row in rows if row.entry.term == row.entry.concept}
    faults: list[Fault] = []
    first: dict[str, Row] = {}
    for row in rows:
        before = first.setdefault(key_of(row.entry.term), row)
        if before is not row:
            faults.append(_twice(row, before))
        elif found := _row_fault(row, heads):
            faults.append(found)
    return faults or list(_cycles(rows, {name: head.broader for name, head in heads.items()}))


def _twice(row: Row, before: Row) -> Fault:
    """Return the fault of a term that stands in the book twice."""
    facts = {"term": row.entry.term, "concept": before.entry.concept, "row": before.number}
    if row.entry.concept == before.entry.concept:
        return Fault(row.number, "term", N_("“{term}”写了两次，已在概念“{concept}”里"), facts)
    return Fault(row.number, "term", N_("“{term}”已属于概念“{concept}”。一个词只能属于一个概念"), facts)


def _row_fault(row: Row, heads: Mapping[str, Entry]) -> Fault | None:
    """Return what is wrong with one row beside its concept."""
    entry = row.entry
    head = heads.get(entry.concept)
    if found := term_fault(entry.term):
        return Fault(row.number, "term", *found)
    if head is None:
        return Fault(row.number, "concept", N_("没有概念“{concept}”。请加上一行，词和概念都写“{concept}”"),
                     {"concept": entry.concept})
    if entry.kind != head.kind:
        return Fault(row.number, "kind", N_("“{term}”的类别与概念“{concept}”不同"),
                     {"term": entry.term, "concept": entry.concept})
    if entry.broader and entry is not head:
        return Fault(row.number, "broader", N_("上级概念只写在“{concept}”自己那一行"), {"concept": entry.concept})
    return _broader_fault(row, heads)


def _broader_fault(row: Row, heads: Mapping[str, Entry]) -> Fault | None:
    """Return what is wrong with what a row calls wider."""
    entry = row.entry
    if len(entry.broader) > MOST_BROADER:
        return Fault(row.number, "broader", N_("“{term}”的上级概念最多 {most} 个"),
                     {"term": entry.term, "most": MOST_BROADER})
    for over in entry.broader:
        if over not in heads:
            return Fault(row.number, "broader", N_("没有概念“{over}”，不能作“{term}”的上级"),
                         {"over": over, "term": entry.term})
    return None


def _cycles(rows: Sequence[Row], direct: Mapping[str, Sequence[str]]) -> Iterator[Fault]:
    """Yield a fault for each ring of concepts that lie above each other."""
    numbers = {row.entry.term: row.number for row in rows}
    colors = dict.fromkeys(direct, _WHITE)
    for start in direct:
        if colors[start] != _WHITE:
            continue
        path, waiting = [start], [iter(direct[start])]
        colors[start] = _GREY
        while path:
            over = next(waiting[-1], None)
            if over is None:
                colors[path.pop()] = _BLACK
                waiting.pop()
            elif colors[over] == _GREY:
                ring = [*path[path.index(over):], over]
                yield Fault(numbers[over], "broader", N_("上级关系绕成了一圈：{chain}"), {"chain": " → ".join(ring)})
            elif colors[over] == _WHITE:
                colors[over] = _GREY
                path.append(over)
                waiting.append(iter(direct[over]))


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the first fault, if there is one."""
    if faults:
        raise Invalid(faults[0].sentence, field=faults[0].column, **faults[0].facts)


def read_file(data: bytes, simplify: Simplify) -> tuple[list[Row], list[Fault]]:
    """Read a CSV file, UTF-8 or GBK: its rows, and what cannot be read. Raises Invalid when it is no such file."""
    if len(data) > MOST_BYTES:
        raise Invalid(N_("文件太大，词典文件不超过 {most} MB"), field="file", most=MOST_BYTES // 1024 // 1024)
    lines = csv.reader(io.StringIO(_decoded(data), newline=""))
    try:
        columns = _columns(next(lines, []))
        table = list(islice(lines, MOST_ENTRIES + 1))
    except csv.Error:
        raise Invalid(N_("这个文件不是 CSV 表格。请从电子表格软件另存为 CSV"), field="file") from None
    if len(table) > MOST_ENTRIES:
        raise Invalid(N_("词典最多 {most} 行，这个文件更多"), field="file", most=MOST_ENTRIES)
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, cells in enumerate(table, start=2):
        if any(cell.strip() for cell in cells):
            named = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
            read = _read_row(named, number, simplify)
            (rows if isinstance(read, Row) else faults).append(read)    # type: ignore[arg-type]
    if not rows and not faults:
        raise Invalid(N_("文件里没有词"), field="file")
    return rows, faults


def _decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8 or in GBK, as older spreadsheets write it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Invalid(N_("文件不是 UTF-8 或 GBK 编码的文字。请从电子表格软件另存为 CSV（UTF-8）"), field="file")


def _columns(heading: Sequence[str]) -> dict[str, int]:
    """Return where each column stands."""
    found = {_HEADINGS[name.strip().lower()]: at for at, name in enumerate(heading)
             if name.strip().lower() in _HEADINGS}
    if missing := [name for name in ("term", "concept") if name not in found]:
        raise Invalid(N_("第一行缺少列：{columns}。列名写 term,concept,kind,broader，或者 词,概念,类别,上级"), field="file",
                      columns="、".join(missing))
    return found


def _read_row(cells: Mapping[str, str], number: int, simplify: Simplify) -> Row | Fault:
    """Return the entry of one row."""
    term = clean(cells["term"].removeprefix("'"), simplify)
    concept = clean(cells["concept"].removeprefix("'"), simplify) or term
    kind = _KINDS.get(cells.get("kind", "").strip().lower())
    if kind is None:
        return Fault(number, "kind", N_("没有类别“{kind}”。请写 concept、generic、place，或者 概念、泛词、地名"),
                     {"kind": cells["kind"].strip()[:MAX_TERM]})
    return Row(Entry(term, concept, kind, split_names(cells.get("broader", ""), simplify)), number)


def split_names(text: str, simplify: Simplify, marks: str = "") -> tuple[str, ...]:
    """Return the names in a text, separated by | or one of `marks`, each once."""
    for mark in marks:
        text = text.replace(mark, SEPARATOR)
    names = (clean(one, simplify) for one in text.split(SEPARATOR))
    return tuple(dict.fromkeys(name for name in names if name))


def merged(book: Sequence[Entry], rows: Sequence[Row]) -> list[Row]:
    """Return a book into which rows were put: one that is there already is replaced in its place."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(key_of(row.entry.term), []).append(row)
    found: list[Row] = []
    for entry in book:
        found += by_key.pop(key_of(entry.term), [Row(entry)])
    return [*found, *(row for left in by_key.values() for row in left)]


def compare(before: Iterable[Entry], after: Iterable[Entry]) -> Changes:
    """Return what differs between two books."""
    old, new = {entry.term: entry for entry in before}, {entry.term: entry for entry in after}
    return Changes(
        added=tuple(entry for term, entry in new.items() if term not in old),
        removed=tuple(entry for term, entry in old.items() if term not in new),
        changed=tuple((old[term], entry) for term, entry in new.items() if term in old and old[term] != entry))


def concepts_of(book: Iterable[Entry]) -> list[Concept]:
    """Return the concepts of a book in its order."""
    heads: dict[str, Entry] = {}
    terms: dict[str, list[str]] = {}
    for entry in book:
        if entry.term == entry.concept:
            heads[entry.concept] = entry
        terms.setdefault(entry.concept, []).append(entry.term)
    return [Concept(name, head.kind, head.broader, tuple(term for term in terms[name] if term != name))
            for name, head in heads.items()]


def digest_of(book: Iterable[Entry]) -> str:
    """Return a digest of all entries, whatever their order."""
    lines = sorted("\t".join(cells) for cells in cells_of(book))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def cells_of(book: Iterable[Entry]) -> list[list[str]]:
    """Return a book as the cells of a CSV file, without the heading."""
    return [[entry.term, entry.concept, str(entry.kind), SEPARATOR.join(entry.broader)] for entry in book]
