"""What one field of service looks like: its words, needs, work, outputs. The fields stand beside this file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """An indicator pattern: its name, least and most target in steps, unit, and what proves it."""

    name: str
    least: int
    most: int
    step: int
    unit: str
    evidence: str


@dataclass(frozen=True)
class Domain:
    """One field of service. Patterns are for `weave`; `code` is a line of the guiding catalogue.

    `fair_types` are places in projects.rules.FAIR_TYPES where such projects are usual.
    """

    key: str
    code: str
    fair_types: tuple[int, ...]
    titles: tuple[str, ...]
    target: str
    people: tuple[int, int, int]
    needs: tuple[str, ...]
    work: tuple[str, ...]
    outputs: tuple[Output, ...]
    staff: str
    skill: str
    plan_words: tuple[str, ...]
