"""Every journal that funding posts has words for people."""

import re
from pathlib import Path

from marketplace.funding import operations
from marketplace.funding.rules.buckets import Move
from marketplace.funding.rules.journey import label_of

SOURCES = Path(operations.__file__).parent.glob("*.py")


def test_every_kind_of_journal_about_a_pledge_has_words() -> None:
    kinds = {kind for source in SOURCES for kind in re.findall(r'kind="((?:pledge|match)\.[a-z_]+)"', source.read_text())}
    kinds |= {f"pledge.{move}" for move in Move}
    assert {"match.reserved", "match.captured", "match.returned", "match.moved", "pledge.promise"} <= kinds
    assert [kind for kind in sorted(kinds) if label_of(kind) == kind] == []
