"""Gives documents the words behind their codes: names of their kinds of service and places, with all branches above."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalogs.models import Area, Catalog, CatalogItem
from marketplace.catalogs.rules import CatalogState
from marketplace.core.publishing import PublicDocument

SOURCE_OF_KIND = {
    "project": "projects", "organization": "organizations", "catalog_item": "catalogs",
    "purchase_list_item": "catalogs", "notice": "awards", "help": "desks", "pool": "funding",
}
_BATCH = 500
_CATEGORY_LENGTHS = (1, 3, 5)      # a branch above a code is a beginning of this length
_AREA_LENGTHS = (6, 9)             # district, town


def named(session: Session, documents: Iterable[PublicDocument]) -> Iterator[PublicDocument]:
    """Yield each document with the names of its categories and areas in its lead; a search then finds it by them."""
    names = _Names(session)
    stream = iter(documents)
    while batch := list(islice(stream, _BATCH)):
        names.learn(batch)
        yield from map(names.on, batch)


class _Names:
    """What codes mean, looked up as they are met."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.categories: dict[str, tuple[str, str]] = {}      # code -> Chinese, English
        self.areas: dict[str, str] = {}

    def learn(self, documents: Sequence[PublicDocument]) -> None:
        """Look up the codes of a batch that are not known yet."""
        if codes := {code for one in documents for code in categories_of(one)} - self.categories.keys():
            current = (select(Catalog.id).where(Catalog.state == CatalogState.PUBLISHED)
                       .order_by(Catalog.year.desc(), Catalog.id.desc()).limit(1).scalar_subquery())
            self.categories.update(dict.fromkeys(codes, ("", "")))
            for code, chinese, english in self.session.execute(
                    select(CatalogItem.code, CatalogItem.name_zh, CatalogItem.name_en)
                    .where(CatalogItem.catalog_id == current, CatalogItem.code.in_(codes))):
                self.categories[code] = (chinese, english)
        if places := {code for one in documents for code in areas_of(one)} - self.areas.keys():
            self.areas.update(dict.fromkeys(places, ""))
            for code, name in self.session.execute(select(Area.code, Area.name).where(Area.code.in_(places))):
                self.areas[code] = name

    def on(self, document: PublicDocument) -> PublicDocument:
        """Return a document with its names."""
        pairs = [self.categories[code] for code in categories_of(document)]
        words = [chinese for chinese, _ in pairs] + [self.areas[code] for code in areas_of(document)]
        lead = dict.fromkeys((*document.lead, *(word for word in words if word and word != document.title)))
        english = dict.fromkeys((document.english, *(english for _, english in pairs)))
        return replace(document, lead=tuple(lead), english="\n".join(filter(None, english)))


def categories_of(document: PublicDocument) -> list[str]:
    """Return the codes of a document's kinds of service and of all branches above them, the nearest first."""
    return _with_branches(document.facets.get("category") or (document.category,), _CATEGORY_LENGTHS)


def areas_of(document: PublicDocument) -> list[str]:
    """Return the codes of a document's places and of all places above them, the nearest first."""
    return _with_branches(document.facets.get("area") or (document.area,), _AREA_LENGTHS)


def _with_branches(codes: Iterable[str], lengths: tuple[int, ...]) -> list[str]:
    """Return codes, then those of the branches above, each once."""
    given = [code for code in codes if code]
    above = (code[:length] for length in reversed(lengths) for code in given if length < len(code))
    return list(dict.fromkeys((*given, *above)))
