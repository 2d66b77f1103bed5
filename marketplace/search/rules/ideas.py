"""The pieces of a question's text: what each stands for, in which forms it may stand in a document. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from marketplace.search.rules.amounts import AmountSpan, amounts
from marketplace.search.rules.analysis import Language, Run, pairs, runs, word_tokens
from marketplace.search.rules.dates import YEAR, DateSpan, dates
from marketplace.search.rules.dictionary import EntryKind
from marketplace.search.rules.terms import Found

_FUNCTION_WORDS = (
    "的 了 和 与 及 或 在 是 有 等 我 要 想 找 请 吗 呢 吧 哪 个 些 这 那 为 对 给 由 于 以 并 把 被 从 到 向 也 都 就 还 又 让 "
    "我们 我要 想要 需要 寻找 哪些 什么 怎么 如何 有没有 可以 以及 或者 还有 关于 有关 相关 对于 为了 请问 哪里 哪儿 哪家 谁 能 能否 帮 帮忙 求 一个 一些 各种 其他 "
    "and or not the of for in to a an")
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
_QUOTED = re.compile(r"[\"“”„«『「](?P<inside>[^\"“”„«»『』「」]{1,80})[\"“”»』」]")
_EXCLUDED = re.compile(r"(?:(?<=\s)|^)(?:[-−–—!](?=[^\s\d\W])|not\s{1,3})(?P<word>[^\s\"“”„«»『』「」]{1,40})")


_MOST_SYLLABLES = 8
_MOST_SAID = 6                     # concepts that letters may stand for
_FEW = 3                           # a word in the names of more concepts than these says nothing


class Sense(StrEnum):
    """What a piece is."""

    CONCEPT = "concept"
    GENERIC = "generic"            # says little: 服务
    PLACE = "place"
    WORD = "word"
    LATIN = "latin"
    QUOTED = "quoted"
    EXCLUDED = "excluded"
    YEAR = "year"


@dataclass(frozen=True)
class Form:
    """One way in which an idea may stand in a document: all of these tokens, worth `factor`."""

    tokens: tuple[str, ...]
    factor: float = 1.0


@dataclass(frozen=True)
class Idea:
    """A piece of the text at [start, end): the forms it may have, and forms that come near."""

    sense: Sense
    text: str
    start: int
    end: int
    forms: tuple[Form, ...]
    near: tuple[Form, ...] = ()
    concepts: tuple[str, ...] = ()
    is_spoken: bool = False        # typed by sound; the first form is that of the letters as they are


@dataclass(frozen=True)
class Reading:
    """A whole text taken apart: ideas in order, amounts of money, dates."""

    text: str
    ideas: tuple[Idea, ...]
    amounts: tuple[AmountSpan, ...] = ()
    dates: tuple[DateSpan, ...] = ()


@dataclass(frozen=True)
class Factors:
    """How much the forms of an idea are worth beside the form that was typed."""

    narrower: float = 0.9          # a document about something below what was asked
    wider: float = 0.4             # about what lies directly above
    beside: float = 0.35           # about something else below what lies directly above
    parts: float = 0.9             # about everything that the form is made of
    inside: float = 0.5            # about something that is named inside the form
    all_wider: float = 0.6         # about everything that lies directly above
    holding: float = 0.6           # about something that has the word in one of its names
    part: float = 0.5              # a word inside a word that nobody knows


FACTORS = Factors()


def read(text: str, language: Language, now: datetime) -> Reading:
    """Take a text in normal, simplified form apart."""
    left = text
    ideas = [Idea(Sense.QUOTED, match["inside"].strip(), *match.span(), forms)
             for match in _QUOTED.finditer(left) if (forms := quoted_forms(match["inside"]))]
    left = _blank(left, ideas)
    ideas += [Idea(Sense.EXCLUDED, match["word"], *match.span(), forms)
              for match in _EXCLUDED.finditer(left) if (forms := excluded_forms(match["word"], language))]
    left = _blank(left, ideas)
    when = dates(left, now)
    left = _blank(left, when)
    money = amounts(left)
    left = _blank(left, money)
    ideas += [Idea(Sense.YEAR, str(one.year), one.start, one.end, (Form((str(one.year),)), Form((f"@{one.year}",))))
              for one in when if one.what == YEAR]
    ideas += _once(words(left, language))
    return Reading(text, tuple(sorted(ideas, key=lambda idea: idea.start)), tuple(money),
                   tuple(one for one in when if one.what != YEAR))


def _once(ideas: Iterable[Idea]) -> list[Idea]:
    """Return each idea once, with the forms of all that say the same."""
    found: dict[tuple[object, ...], Idea] = {}
    for idea in ideas:
        key = idea.concepts or idea.forms
        known = found.setdefault(key, idea)
        found[key] = replace(known, forms=tuple(dict.fromkeys(known.forms + idea.forms)))
    return list(found.values())


def _blank(text: str, spans: Sequence[Idea | DateSpan | AmountSpan]) -> str:
    """Return a text with spaces where spans stand."""
    for span in spans:
        text = text[:span.start] + " " * (span.end - span.start) + text[span.end:]
    return text


def quoted_forms(text: str) -> tuple[Form, ...]:
    """Return the one form of a text that must stand as it is: every pair of neighbours, every Latin word."""
    tokens = [token for run in runs(text) for token in _literal(run)]
    return (Form(tuple(dict.fromkeys(tokens))),) if tokens else ()


def _literal(run: Run) -> list[str]:
    """Return the tokens that must all be there when a run stands in a document."""
    if not run.is_han:
        return word_tokens(run.text)
    return pairs(run.text) or [run.text]


def excluded_forms(word: str, language: Language) -> tuple[Form, ...]:
    """Return the forms of a word that must not be there: as typed, and as a concept when it is one."""
    forms = list(quoted_forms(word))
    for concept in language.terms.concepts.get(word, ()):
        forms += [Form((f"={concept}",)), Form((f"~{concept}",))]
    return tuple(forms)


def words(text: str, language: Language) -> Iterator[Idea]:
    """Yield the ideas of running text: forms of the dictionary, then the words between them."""
    covered = language.terms.cover(text)
    yield from (known_idea(found, language) for found in covered)
    left = list(runs(_blank(text, [_span(found) for found in covered])))
    for run in left:
        if run.is_han:
            yield from unknown_ideas(run, language)
    for group in _side_by_side(left, text):
        yield from latin_ideas(group, language)


def _side_by_side(found: Iterable[Run], text: str) -> Iterator[list[Run]]:
    """Yield the Latin runs, together those with nothing but space between them."""
    group: list[Run] = []
    for run in found:
        if run.is_han or run.text in FUNCTION_WORDS:
            continue
        if group and text[group[-1].end:run.start].strip():
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _span(found: Found) -> Idea:
    """Return the place of a form."""
    return Idea(Sense.WORD, found.term, found.start, found.end, ())


def known_idea(found: Found, language: Language) -> Idea:
    """Return the idea of a form of the dictionary."""
    kinds = {language.kinds[concept] for concept in found.concepts}
    sense = (Sense.PLACE if EntryKind.PLACE in kinds else Sense.CONCEPT if EntryKind.CONCEPT in kinds
             else Sense.GENERIC)
    forms = (*concept_forms(found.concepts), *part_forms(found, language))
    inside = [one for one in found.inside if language.kinds[one] == EntryKind.CONCEPT]
    near = [Form((f"~{concept}",), FACTORS.inside) for concept in inside]
    return Idea(sense, found.term, found.start, found.end, forms,
                (*near, *near_forms(found.concepts, language)), found.concepts)


def concept_forms(concepts: Sequence[str]) -> tuple[Form, ...]:
    """Return the forms of concepts: named, or something below them named."""
    return tuple(form for concept in concepts
                 for form in (Form((f"={concept}",)), Form((f"~{concept}",), FACTORS.narrower)))


def part_forms(found: Found, language: Language) -> tuple[Form, ...]:
    """Return the forms of a term whose parts stand apart: 残疾人就业培训 where 残疾人 and 就业培训 are named."""
    parts = language.terms.parts(found.term)
    weighty = [part for part in parts
               if any(language.kinds[concept] != EntryKind.GENERIC for concept in part.concepts)]
    if len(weighty) < 2:  # noqa: PLR2004 - one part alone is not the whole
        return ()
    named = dict.fromkeys(f"~{part.concepts[0]}" for part in weighty)
    typed = dict.fromkeys(pair for part in weighty for pair in pairs(part.term))
    return (Form(tuple(named), FACTORS.parts), Form(tuple(typed), FACTORS.parts))


def near_forms(concepts: Sequence[str], language: Language) -> tuple[Form, ...]:
    """Return what comes near to concepts: all that lies directly above, part of it, and what else lies below that."""
    forms: list[Form] = []
    for concept in concepts:
        over = language.direct.get(concept, ())
        if len(over) > 1:
            forms.append(Form(tuple(f"~{one}" for one in over), FACTORS.all_wider))
        for one in over:
            forms += [Form((f"={one}",), FACTORS.wider), Form((f"~{one}",), FACTORS.beside)]
    return tuple(dict.fromkeys(forms))


def latin_ideas(group: Sequence[Run], language: Language) -> Iterator[Idea]:
    """Yield the ideas of Latin words and numbers side by side: terms typed by sound (zhucan, zhu can), others."""
    i = 0
    while i < len(group):
        letters = group[i].text
        taken = next((j for j in range(min(len(group), i + _MOST_SYLLABLES), i, -1)
                      if _terms_said("".join(run.text for run in group[i:j]), language)), i)
        if taken > i:
            said = "".join(run.text for run in group[i:taken])
            literal = tuple(token for run in group[i:taken] for token in word_tokens(run.text))
            yield spoken_idea(_terms_said(said, language), literal, (group[i].start, group[taken - 1].end), language)
        elif _is_said(letters) and (parts := language.sounds.parts(letters)):
            for start, end in parts:
                place = (group[i].start + start, group[i].start + end)
                yield spoken_idea(language.sounds.full(letters[start:end]), (letters,), place, language)
        else:
            yield latin_idea(group[i])
        i = max(taken, i + 1)


def _is_said(letters: str) -> bool:
    """Say whether letters may be pinyin."""
    return letters.isascii() and letters.isalpha() and len(letters) > 1


def _terms_said(letters: str, language: Language) -> list[str]:
    """Return the terms that letters stand for: by full pinyin, else by initials when few begin like that."""
    if not _is_said(letters):
        return []
    if terms := language.sounds.full(letters):
        return terms
    terms = language.sounds.initials(letters)
    return terms if len({one for term in terms for one in language.terms.concepts[term]}) <= _MOST_SAID else []


def spoken_idea(terms: Sequence[str], literal: tuple[str, ...], place: tuple[int, int], language: Language) -> Idea:
    """Return the idea of terms typed by sound, the letters themselves being one of its forms."""
    concepts = tuple(dict.fromkeys(one for term in terms for one in language.terms.concepts[term]))[:_MOST_SAID]
    are_places = all(language.kinds[one] == EntryKind.PLACE for one in concepts)
    return Idea(Sense.PLACE if are_places else Sense.CONCEPT, terms[0], *place,
                (Form(literal), *concept_forms(concepts)), near_forms(concepts, language), concepts, is_spoken=True)


def latin_idea(run: Run) -> Idea:
    """Return the idea of a Latin word or number."""
    tokens = word_tokens(run.text)
    parts = tuple(tokens[1:])
    forms = (Form((tokens[0],)), *((Form(parts, FACTORS.parts),) if parts else ()))
    return Idea(Sense.LATIN, run.text, run.start, run.end, forms, tuple(Form((one,), FACTORS.part) for one in parts))


def unknown_ideas(run: Run, language: Language) -> Iterator[Idea]:
    """Yield the words of a run that the dictionary does not know; lone characters side by side make one."""
    start, single = run.start, ""
    for word in [*language.cut(run.text), ""]:
        if len(word) == 1 and word not in FUNCTION_WORDS:
            single, start = single + word, start + 1
            continue
        if single:
            yield word_idea(single, start - len(single), language)
            single = ""
        if word and word not in FUNCTION_WORDS:
            yield word_idea(word, start, language)
        start += len(word)


def word_idea(word: str, start: int, language: Language) -> Idea:
    """Return the idea of a word that is no form: all its pairs; near: concepts with it in a name, the words inside."""
    forms = (Form(tuple(pairs(word) or [word])),)
    held = language.terms.holding(word) if len(word) > 1 else {}
    near = [Form((f"={concept}",), FACTORS.holding) for concept in held] if len(held) <= _FEW else []
    near += [Form((part,), FACTORS.part) for part in language.inside(word) if len(part) > 1 and part != word]
    return Idea(Sense.WORD, word, start, start + len(word), forms, tuple(near))


def merged(reading: Reading, other: Reading) -> Reading:
    """Return a reading with the forms of another reading of the same text, when both have the same pieces."""
    if len(reading.ideas) != len(other.ideas):
        return reading
    pieces = []
    words_alone = {Sense.CONCEPT, Sense.GENERIC, Sense.WORD}
    for idea, twin in zip(reading.ideas, other.ideas, strict=True):
        is_twin = idea.sense == twin.sense or {idea.sense, twin.sense} <= words_alone
        more = tuple(form for form in twin.forms if form not in idea.forms) if is_twin else ()
        pieces.append(replace(idea, forms=idea.forms + more))
    return replace(reading, ideas=tuple(pieces))
