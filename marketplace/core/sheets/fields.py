"""What a column can mean: the fields of a target, and the guess from a heading to a field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from marketplace.core.sheets.text import heading_key

_YEAR = re.compile(r"(20\d\d)年?度?|本年度?")
_MONEY_UNIT = re.compile(r"(?:单位)?(?:人民币)?(?:百万元|万元|千元|亿元|元)$")

EXACT = 100
STRONG = 80
ENOUGH = 60
SHORT = 2          # words this short count only when they are the whole heading
LONGEST = 24       # a longer cell is a sentence, not a heading
LAST_YEAR = 2100
TOTAL_WORDS = ("合计", "总计", "总额", "小计", "总金额", "总数", "总预算", "总价", "计")
IGNORED = "-"      # a column that a person chose to leave out


class Kind(StrEnum):
    """How a column's cells are read."""

    TEXT = "text"        # may have line breaks
    LINE = "line"        # one line
    UNIT = "unit"        # a unit's name: filled down, completed with the town
    TOWN = "town"        # a town in front of the unit's name
    AMOUNT = "amount"
    DATE = "date"        # kept as written; a serial number becomes a date
    CODE = "code"
    SERIAL = "serial"    # known, and never imported


@dataclass(frozen=True)
class Field:
    """One field of a target. `headings`: how clerks call it; `never`: words that speak against it."""

    name: str
    label: str
    headings: tuple[str, ...] = ()
    kind: Kind = Kind.LINE
    required: bool = False
    many: bool = False                  # several columns are joined: 联系人 and 联系电话
    never: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def _keys(headings: tuple[str, ...]) -> frozenset[str]:
    """Return the keys of a field's known headings."""
    return frozenset(heading_key(heading) for heading in headings)


def score(key: str, field: Field) -> int:
    """Return 0 to 100: how surely a heading (its key) means `field`."""
    if not key or len(key) > LONGEST or any(word in key for word in field.never):
        return 0
    known_keys = _keys(field.headings)
    if key in known_keys:
        return EXACT
    plain = _YEAR.sub("", key, count=1)
    plain = _MONEY_UNIT.sub("", plain) if field.kind is Kind.AMOUNT else plain
    if plain in known_keys:
        return EXACT - 2
    best = 0
    for known in known_keys:
        if len(known) > SHORT and known in key:
            end = 10 if key.endswith(known) or key.startswith(known) else 0
            best = max(best, 50 + 38 * len(known) // len(key) + end)
    return best


def column_scores(parts: Sequence[str], fields: Sequence[Field]) -> dict[str, int]:
    """Return the score of each field for a column whose heading has one part, or an upper and a lower part."""
    keys = [heading_key(part) for part in parts if heading_key(part)]
    if not keys:
        return {}
    made = {}
    for field in fields:
        points = score(keys[-1], field)
        if len(keys) > 1:
            joined = score("".join(keys), field)
            blocked = any(word in keys[-1] for word in field.never)
            upper = 0 if blocked else max(score(key, field) for key in keys[:-1]) * 85 // 100
            points = max(points, joined, upper)
        if points >= ENOUGH:
            made[field.name] = points
    return made


def best_fields(headings: Sequence[Sequence[str]], fields: Sequence[Field]) -> dict[int, str]:
    """Guess column -> field name from each column's heading parts; the surest guess is placed first.

    A field gets one column, unless it joins several; amounts under one common heading without a total are added.
    """
    by_name = {field.name: field for field in fields}
    offers = sorted(
        (-points, _rank(parts, by_name[name]), column, name)
        for column, parts in enumerate(headings) for name, points in column_scores(parts, fields).items()
    )
    made: dict[int, str] = {}
    for _, _, column, name in offers:
        if column not in made and (by_name[name].many or name not in made.values()):
            made[column] = name
    _add_parts_of_amounts(made, headings, by_name)
    return made


def _rank(parts: Sequence[str], field: Field) -> int:
    """Return 0 for the total among several amounts under one heading; else a number that is less for a later year."""
    if field.kind is not Kind.AMOUNT:
        return 1
    if len(parts) > 1 and heading_key(parts[-1]) in TOTAL_WORDS:
        return 0
    year = _YEAR.search("".join(parts))
    return LAST_YEAR - int(year.group(1)) if year and year.group(1) else LAST_YEAR


def _add_parts_of_amounts(made: dict[int, str], headings: Sequence[Sequence[str]], fields: Mapping[str, Field]) -> None:
    """Add to an amount found in parts (市级, 区级 under 预算) its sisters, which make up the whole together."""
    for column, name in list(made.items()):
        parts = headings[column]
        if fields[name].kind is not Kind.AMOUNT or len(parts) < 2 or _rank(parts, fields[name]) == 0:  # noqa: PLR2004
            continue
        if score(heading_key(parts[-1]), fields[name]) >= ENOUGH:
            continue
        for sister, other in enumerate(headings):
            if sister not in made and len(other) > 1 and other[:-1] == parts[:-1] and not any(
                word in heading_key(other[-1]) for word in fields[name].never
            ):
                made[sister] = name
