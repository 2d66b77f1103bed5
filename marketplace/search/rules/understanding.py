"""What a question means: clauses, filters, ranges, and what a visitor is told about it. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from marketplace.core.searching import Alternative, Clause, Role, SearchRequest, Sort
from marketplace.core.text import N_
from marketplace.search.rules import amounts
from marketplace.search.rules.analysis import Language, normal, pairs, runs
from marketplace.search.rules.ideas import Form, Idea, Reading, Sense, merged, quoted_forms, read
from marketplace.search.rules.question import MOST_TEXT, Question
from marketplace.search.rules.slips import best, slips

Frequencies = Callable[[Iterable[str]], Mapping[str, int]]
_STEP = 0.25                       # rarity in coarse steps, so that pages fit together while the index changes
_EVERYWHERE = 0.85                 # of the documents
_MOST_IDEAS = 24
_MOST_PAIRS = 40
_LONGEST = 2 * MOST_TEXT           # some characters are several in normal width

CHIP_AREA, CHIP_PLACE, CHIP_AMOUNT, CHIP_DEADLINE = N_("地区"), N_("地点"), N_("预算"), N_("截止")
CHIP_PUBLISHED, CHIP_YEAR, CHIP_TOPIC, CHIP_WORD = N_("发布"), N_("年份"), N_("主题"), N_("词语")
CHIP_QUOTED, CHIP_EXCLUDED = N_("原文"), N_("不含")
_CHIP_OF = {Sense.CONCEPT: CHIP_TOPIC, Sense.WORD: CHIP_WORD, Sense.LATIN: CHIP_WORD, Sense.QUOTED: CHIP_QUOTED,
            Sense.EXCLUDED: CHIP_EXCLUDED, Sense.YEAR: CHIP_YEAR, Sense.PLACE: CHIP_PLACE}


@dataclass(frozen=True)
class Chip:
    """A piece that was understood: the kind of thing, what it is, and the text without it."""

    facet_word: str
    word: str
    text_without: str


@dataclass(frozen=True)
class Understood:
    """What is asked of an engine, strictly and loosely, and what a visitor is told.

    `also`: other words looked for; `marks`: forms to highlight, in Simplified characters.
    """

    request: SearchRequest
    loose: tuple[SearchRequest, ...] = ()      # most of it, or what comes near; then any of it
    anywhere: SearchRequest | None = None      # the same without the place that was named; for when nothing is there
    trace: SearchRequest | None = None         # any pair of its characters; for when there is little else
    chips: tuple[Chip, ...] = ()
    also: tuple[str, ...] = ()
    did_you_mean: str | None = None
    corrected: bool = False
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """How much the kinds of ideas count beside each other, and how many of them are most."""

    generic: float = 0.15
    word: float = 1.0              # words that the dictionary does not know
    pair: float = 0.12             # each pair of characters as typed: whoever writes the same words comes first
    trace: float = 0.1             # some pair of characters, when nothing else is there
    year: float = 0.6
    most: float = 0.5              # the share of ideas that a loose search demands


WEIGHTS = Weights()


@dataclass
class _Told:
    """Frequencies that were asked for, and how rare a token is."""

    counts: Mapping[str, int]
    size: int

    def count(self, form: Form) -> int:
        """Return in how many documents a form can stand at most."""
        return min((self.counts.get(token, 0) for token in form.tokens), default=0)

    def is_everywhere(self, form: Form) -> bool:
        """Say whether a form stands in so many documents that it tells none from another."""
        return self.count(form) >= self.size * _EVERYWHERE

    def rarity(self, forms: Iterable[Form]) -> float:
        """Return how much it says that a document holds one of these forms: 0.1 to about 10."""
        there = min(max(map(self.count, forms), default=0), self.size)
        exact = math.log(1 + (self.size - there + 0.5) / (there + 0.5))
        return max(round(exact / _STEP) * _STEP, 0.1)


def understand(question: Question, language: Language, now: datetime, frequencies: Frequencies,
               size: int) -> Understood:
    """Return what a question means in an index of `size` documents."""
    typed = normal(question.text[:MOST_TEXT])[:_LONGEST]
    if question.plain:
        return _plain(question, language.simple(typed), now)
    reading = _read(typed, language, now)
    told = _Told(frequencies(_tokens(reading)), size)
    slip, is_unheard = best(slips(reading.text, reading.ideas, language), frequencies)
    if slip is None:
        return _Builder(question, language, now, told, reading, typed).understood()
    meant = reading.text[:slip.start] + slip.meant + reading.text[slip.end:]
    if is_unheard:
        typed, reading = meant, _read(meant, language, now)
        told = _Told(frequencies(_tokens(reading)), size)
    built = _Builder(question, language, now, told, reading, typed).understood()
    return replace(built, did_you_mean=meant, corrected=is_unheard)


def _read(typed: str, language: Language, now: datetime) -> Reading:
    """Return the reading of a typed text; a Traditional text that can be read in two ways gets the forms of both."""
    ways = [read(text[:_LONGEST], language, now) for text in language.readings(typed)]
    return merged(ways[-1], ways[0]) if len(ways) > 1 else ways[-1]


def _tokens(reading: Reading) -> set[str]:
    """Return every token whose frequency matters."""
    found = {token for idea in reading.ideas for form in (*idea.forms, *idea.near) for token in form.tokens}
    return found | set(_typed_pairs(reading.ideas))


def _says_little(idea: Idea) -> bool:
    """Say whether an idea is a generic word or a lone character, which count little beside others."""
    return idea.sense == Sense.GENERIC or (idea.sense == Sense.WORD and len(idea.text) == 1)


def _typed_pairs(ideas: Iterable[Idea]) -> list[str]:
    """Return the pairs of characters as typed, each once."""
    skipped = {Sense.EXCLUDED, Sense.YEAR, Sense.GENERIC}
    texts = (idea.text for idea in ideas if idea.sense not in skipped)
    return list(dict.fromkeys(pair for text in texts for run in runs(text) if run.is_han
                              for pair in pairs(run.text)))[:_MOST_PAIRS]


def _plain(question: Question, text: str, now: datetime) -> Understood:
    """Return a question that is taken by the letter."""
    parts = [part for part in text.split() if quoted_forms(part)][:_MOST_IDEAS]
    clauses = tuple(Clause(_alternatives(quoted_forms(part)), role=Role.MUST) for part in parts)
    return Understood(_asked(question, now, clauses), marks=tuple(parts))


def _alternatives(forms: Iterable[Form], share: float = 1.0) -> tuple[Alternative, ...]:
    """Return forms as an engine takes them. Where a document has a concept's name it has what lies above it, too."""
    given = tuple(forms)
    above = {form.tokens[0][1:] for form in given if len(form.tokens) == 1 and form.tokens[0].startswith("~")
             and form.factor * share > 0}
    return tuple(Alternative(form.tokens, round(form.factor * share, 4), form.tokens[0][1:] in above and
                             len(form.tokens) == 1 and form.tokens[0].startswith("=")) for form in given)


def _asked(question: Question, now: datetime, clauses: tuple[Clause, ...],
           filters: Mapping[str, tuple[str, ...]] | None = None,
           ranges: Mapping[str, tuple[int | None, int | None]] | None = None) -> SearchRequest:
    """Return a request with what was chosen on the page and what was read from the text: both hold."""
    bounds = dict(ranges or {})
    if question.amount_from is not None or question.amount_to is not None:
        low = None if question.amount_from is None else question.amount_from * 100
        high = None if question.amount_to is None else question.amount_to * 100 + 1
        bounds["amount"] = _both(bounds.get("amount", (None, None)), (low, high))
    if question.due_days is not None:
        due = (int(now.timestamp()), int((now + timedelta(days=question.due_days)).timestamp()))
        bounds["deadline"] = _both(bounds.get("deadline", (None, None)), due)
    least = sum(clause.role == Role.COUNTED for clause in clauses)
    chosen = {"kind": question.kinds} if question.kinds else {}
    is_ranked = any(clause.role != Role.NOT for clause in clauses)
    return SearchRequest(
        clauses=clauses, least=least, ranges=bounds, filters={**(filters or {}), **question.filters, **chosen},
        sort=question.order if is_ranked or question.order != Sort.RELEVANCE else Sort.NEWEST)


def _both(one: tuple[int | None, int | None], other: tuple[int | None, int | None]) -> tuple[int | None, int | None]:
    """Return the range in which both ranges hold."""
    starts = [start for start in (one[0], other[0]) if start is not None]
    ends = [end for end in (one[1], other[1]) if end is not None]
    return max(starts, default=None), min(ends, default=None)


@dataclass
class _Builder:
    """Puts a question together, piece by piece."""

    question: Question
    language: Language
    now: datetime
    told: _Told
    reading: Reading
    typed: str
    filters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    chips: list[tuple[int, Chip]] = field(default_factory=list)

    def understood(self) -> Understood:
        """Return the whole."""
        ideas = self._without_filters(map(self._as_meant, self.reading.ideas[:_MOST_IDEAS]))
        self._read_ranges()
        strict = self._clauses(ideas, loose=False)
        loose = self._clauses(ideas, loose=True)
        request = _asked(self.question, self.now, strict, self.filters, self.ranges)
        chosen = [idea for idea in ideas if idea.sense != Sense.GENERIC]
        for idea in chosen or ideas:
            self._chip(_CHIP_OF.get(idea.sense, CHIP_WORD), self._name(idea), idea.start, idea.end)
        return Understood(
            request, loose=tuple(self._loosened(request, loose)), anywhere=self._anywhere(request, loose, ideas),
            trace=self._trace(request, loose, ideas),
            chips=tuple(chip for _, chip in sorted(self.chips, key=lambda one: one[0])), also=self._also(ideas),
            marks=self._marks(ideas))

    def _as_meant(self, idea: Idea) -> Idea:
        """Return an idea typed by sound as a Latin word when documents have it as such."""
        if idea.is_spoken and self.told.count(idea.forms[0]):
            return Idea(Sense.LATIN, " ".join(idea.forms[0].tokens), idea.start, idea.end, idea.forms[:1],
                        idea.forms[1:])
        return idea

    def _without_filters(self, ideas: Iterable[Idea]) -> list[Idea]:
        """Make a filter of places of this site, the narrowest where one lies in another; return the other ideas."""
        left, named = [], dict[str, tuple[str, ...]]()
        for idea in ideas:
            codes = {one: self.language.codes[one] for one in idea.concepts if one in self.language.codes}
            if idea.sense == Sense.PLACE and codes and "area" not in self.question.filters:
                named |= codes
                self._chip(CHIP_AREA, self._name(idea), idea.start, idea.end)
            else:
                left.append(idea)
        over = {above for place in named for above in self.language.above.get(place, ())}
        if chosen := tuple(code for place, codes in named.items() if place not in over for code in codes):
            self.filters["area"] = chosen
        return left

    def _read_ranges(self) -> None:
        """Make ranges of amounts and dates."""
        for money in self.reading.amounts:
            high = None if money.high is None else money.high + 1
            self.ranges["amount"] = _both(self.ranges.get("amount", (None, None)), (money.low, high))
            self._chip(CHIP_AMOUNT, amounts.said(money.low, money.high), money.start, money.end)
        for when in self.reading.dates:
            bounds = tuple(int(one.timestamp()) if one else None for one in (when.since, when.until))
            self.ranges[when.what] = _both(self.ranges.get(when.what, (None, None)), (bounds[0], bounds[1]))
            facet = CHIP_DEADLINE if when.what == "deadline" else CHIP_PUBLISHED
            self._chip(facet, self.reading.text[when.start:when.end].strip(), when.start, when.end)

    def _chip(self, facet: str, word: str, start: int, end: int) -> None:
        """Add a chip for the piece at [start, end)."""
        text = self.typed if len(self.typed) == len(self.reading.text) else self.reading.text
        self.chips.append((start, Chip(facet, word, " ".join((text[:start] + " " + text[end:]).split()))))

    def _name(self, idea: Idea) -> str:
        """Return what a chip calls an idea: all that the letters may mean where it was typed by sound."""
        if idea.is_spoken and idea.concepts:
            return "、".join(dict.fromkeys(idea.concepts))
        return idea.concepts[0] if idea.sense in {Sense.CONCEPT, Sense.PLACE} and idea.concepts else idea.text

    def _clauses(self, ideas: list[Idea], *, loose: bool) -> tuple[Clause, ...]:
        """Return the clauses of the ideas and of the pairs as typed."""
        only_generic = all(_says_little(idea) or idea.sense == Sense.EXCLUDED for idea in ideas)
        clauses = [self._clause(idea, loose=loose, only_generic=only_generic) for idea in ideas]
        forms = [Form((pair,)) for pair in self._held_pairs(ideas)]
        bonus = [Clause(_alternatives((form,)), round(WEIGHTS.pair * self.told.rarity((form,)), 4), Role.BONUS)
                 for form in forms if not self.told.is_everywhere(form)]
        return (*clauses, *bonus)

    def _held_pairs(self, ideas: Iterable[Idea]) -> list[str]:
        """Return the pairs of characters as typed that stand in some document."""
        return [pair for pair in _typed_pairs(ideas) if self.told.counts.get(pair)]

    def _clause(self, idea: Idea, *, loose: bool, only_generic: bool) -> Clause:
        """Return the clause of one idea."""
        rarity = self.told.rarity(idea.forms)
        weight, role = {
            Sense.EXCLUDED: (1.0, Role.NOT), Sense.QUOTED: (rarity, Role.MUST),
            Sense.YEAR: (WEIGHTS.year * rarity, Role.COUNTED), Sense.PLACE: (rarity, Role.MUST),
            Sense.WORD: (WEIGHTS.word * rarity, Role.COUNTED),
        }.get(idea.sense, (rarity, Role.COUNTED))
        if _says_little(idea):
            weight, role = WEIGHTS.generic * rarity, Role.COUNTED if only_generic else Role.BONUS
        forms = list(_alternatives(idea.forms))
        if loose and role == Role.COUNTED:
            forms += _alternatives(idea.near, 1.0)
        return Clause(tuple(forms), round(weight, 4), role)

    def _loosened(self, request: SearchRequest, clauses: tuple[Clause, ...]) -> Iterator[SearchRequest]:
        """Yield requests for most of the ideas, or what comes near, then for any; ideas nobody has don't count."""
        counted = [clause for clause in clauses if clause.role == Role.COUNTED]
        alive = sum(self._is_held(clause) for clause in counted)
        most = math.ceil(alive * WEIGHTS.most)
        for least in dict.fromkeys((max(most, 1), 1)) if counted else ():
            if clauses != request.clauses or least < request.least:
                yield replace(request, clauses=clauses, least=least)

    def _trace(self, request: SearchRequest, clauses: tuple[Clause, ...], ideas: list[Idea]) -> SearchRequest | None:
        """Return the request for any idea, or any pair of characters as typed."""
        if not request.least or not (held := self._held_pairs(ideas)):
            return None
        pair = Clause(tuple(Alternative((pair,), WEIGHTS.trace) for pair in held))
        return replace(request, clauses=(*clauses, pair), least=1)

    def _is_held(self, clause: Clause) -> bool:
        """Say whether some document may hold a clause."""
        return any(min(self.told.counts.get(token, 0) for token in one.tokens) for one in clause.alternatives)

    def _anywhere(self, request: SearchRequest, clauses: tuple[Clause, ...], ideas: list[Idea]) -> SearchRequest | None:
        """Return the loose request with places as a wish."""
        if not any(idea.sense == Sense.PLACE for idea in ideas):
            return None
        wished = tuple(replace(clause, role=Role.BONUS) if idea.sense == Sense.PLACE else clause
                       for idea, clause in zip(ideas, clauses, strict=False)) + clauses[len(ideas):]
        return next(self._loosened(request, wished), None)

    def _also(self, ideas: list[Idea]) -> tuple[str, ...]:
        """Return other forms of the concepts that were typed."""
        typed = {idea.text for idea in ideas}
        forms = [form for idea in ideas if idea.sense == Sense.CONCEPT
                 for concept in idea.concepts for form in self.language.terms.forms.get(concept, ())]
        return tuple(dict.fromkeys(form for form in forms if form not in typed))[:8]

    def _marks(self, ideas: list[Idea]) -> tuple[str, ...]:
        """Return the forms to highlight: what was typed and every form of its concepts."""
        found: dict[str, None] = {}
        for idea in ideas:
            if idea.sense != Sense.EXCLUDED:
                found[idea.text] = None
                found.update(dict.fromkeys(form for concept in idea.concepts
                                           for form in self.language.terms.forms.get(concept, ())))
        return tuple(found)[:200]
