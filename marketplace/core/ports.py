"""Ports: what the house needs from vendors, in 1-3 methods each. `integrations/` implements them, one file a vendor."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marketplace.core.money import Money
from marketplace.core.searching import IndexRow, PackedRow, SearchHits, SearchRequest

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RenderedPdf:
    """The bytes of a PDF, how many pages they make, and the versions of what made them."""

    data: bytes
    pages: int
    toolchain: str = ""


class PdfRenderer(Protocol):
    """Turns a trusted template filled with plain frozen data into a PDF."""

    def self_check(self) -> Mapping[str, object]:
        """Print one line and return what the printer runs on; raises Unavailable naming what is missing."""

    def missing_glyphs(self, text: str) -> str:
        """Return the characters of `text` that no font on hand can print, each once, in order."""

    def render(self, html: str, *, attachments: Mapping[str, bytes] | None = None, identifier: str = "") -> RenderedPdf:
        """Render in a child process with limits; raises Invalid naming characters that cannot be printed."""


class Sealer(Protocol):
    """Seals bytes for a purpose so that the database alone does not reveal them."""

    def new_key(self, purpose: str, *, is_first: bool = False) -> bytes:
        """Return a fresh data key, wrapped by the outside key; `purpose` is bound to it.

        `is_first`: nothing was ever sealed here, so a missing outside key may be made; otherwise raises KeyMissing.
        """

    def seal(self, wrapped_key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt with authenticated context; raises KeyMissing when the outside key is not there."""

    def unseal(self, wrapped_key: bytes, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; raises SealBroken when a bit of it, or the context, differs."""


class Mailer(Protocol):
    """Hands one message to the mail system."""

    def send(self, *, to: str, subject: str, text: str, message_id: str,
             headers: Mapping[str, str] | None = None) -> None:
        """Send, with `headers` beside the usual ones; raises OSError when the mail system cannot be reached."""


class FileStore(Protocol):
    """Keeps bytes under their SHA-256."""

    def put(self, data: bytes) -> str:
        """Store durably and return the SHA-256 in hex; the same bytes are stored once."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes; raises FileNotFoundError, or OSError when they do not match their name."""


class VirusScanner(Protocol):
    """Says whether bytes are safe to hand on."""

    def scan(self, data: bytes) -> str:
        """Return 'clean', or the name of what was found; raises OSError when the scanner cannot be reached."""


@dataclass(frozen=True)
class SheetCell:
    """One cell as a person sees it: shown text, and the number if it holds one. `error` names #REF! and its kind."""

    text: str
    number: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class SheetTable:
    """One sheet: its name, its rows (row 1 first, as numbered in the sheet) and merged areas (1-based, inclusive).

    `formulas`: (row, column), 1-based, of cells whose value was computed and not typed.
    """

    name: str
    rows: Sequence[Sequence[SheetCell]]
    merged: Sequence[tuple[int, int, int, int]] = ()
    hidden: bool = False
    formulas: Sequence[tuple[int, int]] = ()


class WorkbookReader(Protocol):
    """Reads XLSX, XLS and CSV bytes within limits."""

    def read(self, data: bytes, *, filename: str) -> list[SheetTable]:
        """Return the sheets; raises Invalid with a sentence for a bomb, a wrong type, or too many rows."""


class WorkbookWriter(Protocol):
    """Writes a table as XLSX."""

    def write(self, sheets: Mapping[str, Sequence[Sequence[object]]], *, title: str = "",
              comments: Mapping[tuple[str, int, int], str] | None = None) -> bytes:
        """Return an XLSX whose text cells can never run as formulas.

        `comments`: (sheet, row, column), both from 1 -> words in a note on a red cell.
        """


class Extraction(StrEnum):
    """What became of the text of a file: all of it is there, a part was left out, or nothing could be read."""

    WHOLE = "whole"
    CUT = "cut"
    REFUSED = "refused"


@dataclass(frozen=True)
class ExtractedText:
    """The text of a file. `reason`: a sentence (message id) that says what is not there and why; empty when whole."""

    text: str
    outcome: Extraction
    reason: str = ""


class TextExtractor(Protocol):
    """Takes the text out of files of visitors' formats, within limits."""

    def extract(self, data: bytes, *, filename: str) -> ExtractedText:
        """Return the text and what became of it; nothing that is in a file makes this raise."""


LateChanges = Callable[[], tuple[Iterable[IndexRow], Iterable[tuple[str, str]]]]


class SearchIndex(Protocol):
    """A throw-away full-text index that can be rebuilt from the database.

    Every reading method raises OSError when there is no index, or none that can be read; every writing method when
    another process keeps it too long, or the disk is full.
    """

    def writing(self) -> AbstractContextManager[object]:
        """Keep other writers out: what is read from the database inside is newer than all that others have written."""

    def index(self, rows: Iterable[IndexRow], *, deleted: Iterable[tuple[str, str]] = ()) -> None:
        """Write one batch; another writer is waited for. Makes the index where there is none."""

    def search(self, request: SearchRequest) -> SearchHits:
        """Return one page of hits (ids only), the exact total, the exact counts."""

    def frequencies(self, tokens: Iterable[str]) -> Mapping[str, int]:
        """Return in how many documents each token stands (in zone TEXT); 0 where it stands in none."""

    def size(self) -> int:
        """Return how many documents the index holds."""

    def packed(self, row: IndexRow) -> IndexRow | PackedRow:
        """Return a row in the form in which `rebuild` takes it with the least work; needs no index.

        For rows that other processes make.
        """

    def rebuild(self, rows: Iterable[IndexRow | PackedRow], *, label: str = "", late: LateChanges | None = None) -> int:
        """Build anew beside the old index while it serves, then take its place; return how many documents it holds.

        Keys must differ. `late` is asked just before the switch, when no other writer writes: (rows, deleted) of what
        changed since the first row was read.
        """

    def label(self) -> str:
        """Return what the rows in use were made with, as given to rebuild (the version of the dictionary)."""

    def clear(self) -> None:
        """Start again, empty."""

    def stamps(self, keys: Iterable[tuple[str, str]] | None = None) -> Mapping[tuple[str, str], str]:
        """Return the fingerprints of the documents held, by (kind, ref); only those of `keys` where they are given."""


class Converter(Protocol):
    """Converts Chinese script."""

    def to_traditional(self, text: str) -> str:
        """Return `text` in Traditional characters."""

    def to_simplified(self, text: str) -> str:
        """Return `text` in Simplified characters, words of Taiwan and Hong Kong as on the mainland."""

    def readings(self, text: str) -> tuple[str, ...]:
        """Return `text` in Simplified characters, then, where they differ, with its words as on the mainland."""


class Segmenter(Protocol):
    """Cuts Simplified Chinese into words."""

    def words(self, text: str) -> list[str]:
        """Return the words of a text for searching, longer ones with the shorter ones inside; any order."""

    def cut(self, text: str) -> list[str]:
        """Return the words of a text in order, one after the other: joined they are the text."""

    def is_word(self, text: str) -> bool:
        """Say whether a text is one word of the language."""


class Romanizer(Protocol):
    """Says how Chinese is spoken."""

    def syllables(self, word: str) -> tuple[str, ...]:
        """Return the syllables of a word without tones, one a character."""


@dataclass(frozen=True)
class PaymentRequest:
    """One payment to ask for. `ref` is the idempotency key; the payer comes back to `return_url`.

    Without a `return_url` no page is wanted: the payment is prepared for instruments that are known already.
    """

    ref: str
    amount: Money
    currency: str
    description: str
    return_url: str = ""
    cancel_url: str = ""


@dataclass(frozen=True)
class PaymentPage:
    """What the payment house opened: its ids, the page to send the payer to, and whether real money moves."""

    page_id: str | None
    intent_id: str | None
    url: str
    is_live: bool


@dataclass(frozen=True)
class RefundAnswer:
    """What the payment house said of a refund: its id there and its state (pending, succeeded, failed)."""

    refund_id: str
    state: str


@dataclass(frozen=True)
class Movement:
    """One movement on a balance at the payment house; amounts in fen, signed: `net` = `amount` - `fee`."""

    movement_id: str
    kind: str
    source_id: str
    amount: int
    fee: int
    net: int
    currency: str
    at: datetime


class PaymentGateway(Protocol):
    """Takes card and wallet payments for receiving bodies, each on an account of its own named by a label.

    Every method but `read_event` uses the network: never inside a transaction. Raises Unavailable when the house cannot
    be reached (nothing is known: ask again with the same ref) and PaymentRefused when it said no.
    """

    def open_payment(self, label: str, wanted: PaymentRequest) -> PaymentPage:
        """Open a payment; the same request again returns the same payment."""

    def close_payment(self, label: str, page_id: str) -> None:
        """Close a page on which nobody has paid; one that is closed already is left alone."""

    def refund(self, label: str, *, ref: str, intent_id: str, amount: Money, charge_ref: str) -> RefundAnswer:
        """Ask for money to be returned to the payer; `ref` is the idempotency key."""

    def read_event(self, label: str, *, body: bytes, signature: str, now: datetime) -> Mapping[str, object]:
        """Return the event in a signed message; raises Denied when it is forged, too old, or no event."""

    def events(self, label: str, *, since: datetime, until: datetime) -> Iterable[Mapping[str, object]]:
        """Return what happened in [since, until), newest first: what messages may have failed to tell."""

    def movements(self, label: str, *, since: datetime, until: datetime) -> Iterable[Movement]:
        """Return the movements on the balance in [since, until)."""


class FlowSolver(Protocol):
    """Finds flows of least cost in a network."""

    def min_cost_flow(self, *, tails: Ints, heads: Ints, capacities: Ints, costs: Ints, supplies: Ints) -> Ints:
        """Return the flow on each arc that serves `supplies` (positive: gives, negative: takes) at the least cost.

        All arrays are of 64-bit integers, arcs in the order given; the same arrays give the same flow. Raises Invalid
        when the supplies do not add up to 0 or no flow serves them.
        """


@dataclass(frozen=True)
class Program:
    """Maximize gains·x, with low <= A x <= high and 0 <= x <= most; A has entries[k] at (rows[k], columns[k]).

    `whole`: 1 where x must be an integer. All bounds may be +-inf.
    """

    gains: Floats
    rows: Ints
    columns: Ints
    entries: Floats
    low: Floats
    high: Floats
    most: Floats
    whole: Ints | None = None


@dataclass(frozen=True)
class Solved:
    """What was found: x, its value, the proven bound; of a linear program the price of each row (>= 0 at `high`)."""

    x: Floats
    value: float
    bound: float
    prices: Floats
    is_proven: bool


class ProgramSolver(Protocol):
    """Solves linear and mixed-integer programs."""

    def solve(self, program: Program, *, seconds: float | None = None, gap: float = 0.0) -> Solved:
        """Return the best that is found within `seconds` or the relative `gap`; raises Invalid when nothing fits."""


@dataclass
class Services:
    """The real things behind the ports, made once by create_app."""

    pdf: PdfRenderer
    sealer: Sealer
    mailer: Mailer
    files: FileStore
    workbook_reader: WorkbookReader
    workbook_writer: WorkbookWriter
    search_index: SearchIndex
    converter: Converter
    segmenter: Segmenter
    romanizer: Romanizer
    scanner: VirusScanner
    extractor: TextExtractor
    payments: PaymentGateway
    flows: FlowSolver
    programs: ProgramSolver
