"""The pages of help as visitors and the search find them: Chinese and English texts, the words of the trade."""

import csv
import gettext
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace import catalogs
from marketplace.catalogs.models import Area
from marketplace.config import ROOT
from marketplace.core.publishing import PublicDocument
from marketplace.desks.rules.help import GLOSSARY, TOPICS

_WORDS = Path(catalogs.__file__).parent / "data" / "glossary.csv"
_TOWN = 2


@lru_cache(maxsize=1)
def glossary() -> Sequence[dict[str, str]]:
    """Return the words of the trade: Chinese, pinyin, English."""
    with _WORDS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def example_place(session: Session) -> str:
    """Return what people call the first town of this site, for examples; empty without places."""
    town = session.execute(select(Area.name, Area.aliases).where(Area.level == _TOWN).order_by(Area.code)).first()
    return (town.aliases.split() or [town.name])[0] if town else ""


def public_documents(_session: Session, refs: Sequence[str] | None = None) -> Iterator[PublicDocument]:
    """Yield the pages of help; all of them when `refs` is None. They change with the site's version only."""
    yield from (_document(key) for key in TOPICS if refs is None or key in refs)


@lru_cache(maxsize=32)
def _document(key: str) -> PublicDocument:
    """Return one page with its text in both languages."""
    topic = TOPICS[key]
    english = gettext.translation("messages", ROOT / "translations", languages=["en"], fallback=True).gettext
    sentences = list(topic.sentences())
    said = ((text, english(text)) for text in sentences)
    words = glossary() if key == GLOSSARY else ()
    return PublicDocument(
        kind="help", ref=key, title=topic.title, url=f"/help/{key}", lead=(topic.intro, english(topic.title)),
        body="\n".join((*sentences[1:], *(f"{word['zh']} {word['pinyin']}" for word in words))),
        english="\n".join((*(there for here, there in said if there != here), *(word["en"] for word in words))))
