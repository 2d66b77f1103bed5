"""Cleaning of typed text: what a reader does not see goes, what the writer meant stays."""

import re
import unicodedata
from functools import lru_cache

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HAN = "\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef“”‘’"
_BREAK_IN_HAN = re.compile(rf"(?<=[{_HAN}])\s*\n\s*(?=[{_HAN}])")
_SPACE_IN_HAN = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_BRACKETS = re.compile(r"[(\[{【〔].*?[)\]}】〕]")
_MARKS = re.compile(r"[\s*:：、，。,.．/\\|_\-—“”\"'‘’★☆※#]+")
_GUARDED = re.compile(r"^'(?=['=+\-@\t\r\d])")
_EMPTY = re.compile(r"^[\s\-－—–―_/／\\.。·~〜*]*$")
LONGEST_HEADING = 200
_NOTHING = {"无", "暂无", "没有", "空", "n/a", "na", "none", "null", "nan"}


def clean_text(text: str) -> str:
    """Return `text` without control and invisible characters and outer blanks; line breaks inside stay."""
    text = _GUARDED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub("", _INVISIBLE.sub("", text)).replace("\xa0", " ")
    return "\n".join(line.strip() for line in text.strip().split("\n")).strip()


def clean_line(text: str) -> str:
    """Return `text` on one line: a break between Chinese characters was only the cell's width."""
    text = _BREAK_IN_HAN.sub("", clean_text(text))
    return re.sub(r"\s*\n\s*", " ", text).strip()


def close_up(text: str) -> str:
    """Return a name without the blanks that people put between its characters: 民 政 办."""
    return _SPACE_IN_HAN.sub("", clean_line(text))


def is_empty(text: str) -> bool:
    """Say whether a cell's text stands for nothing: blank, hyphens, a slash."""
    return bool(_EMPTY.match(text))


def means_nothing(text: str) -> bool:
    """Say whether a value says in words that there is none: 无, 暂无, N/A."""
    return is_empty(text) or text.strip().casefold() in _NOTHING


def folded(text: str) -> str:
    """Return `text` with full-width forms folded and all blanks gone, for comparing words."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", clean_text(text)))


@lru_cache(maxsize=4_096)
def heading_key(text: str) -> str:
    """Return the words of a heading for comparing: folded, brackets and marks gone, lower case."""
    plain = unicodedata.normalize("NFKC", clean_text(text[:LONGEST_HEADING])).casefold()
    return _MARKS.sub("", _BRACKETS.sub("", plain)) or _MARKS.sub("", plain).strip("()[]")
