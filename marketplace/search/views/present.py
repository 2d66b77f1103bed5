"""How a page of hits is said: tabs, facets, chips, states, in the visitor's language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext

from marketplace.awards.rules import NOTICE_LABELS, NoticeKind
from marketplace.catalogs.rules import FUND_LABELS, PROGRESS_LABELS, Progress
from marketplace.core.searching import Sort
from marketplace.core.text import N_
from marketplace.organizations.rules import BUYER_LABELS, KIND_LABELS, VERIFICATION_LABELS
from marketplace.projects.rules import BAND_LABELS, PUBLIC_STATUSES, STATUS_LABELS, STATUS_LOOKS
from marketplace.search.queries.cards import Card
from marketplace.search.queries.finding import Understood
from marketplace.search.queries.pages import KIND, Results
from marketplace.search.queries.places import Names
from marketplace.search.rules.question import KINDS, Question
from marketplace.web.facets import Chip, Option

TABS: Mapping[str, str] = {
    "project": N_("项目"), "organization": N_("组织"), "catalog_item": N_("目录"), "purchase_list_item": N_("采购清单"),
    "notice": N_("公告与结果"), "pool": N_("配套资金"), "help": N_("帮助"),
}
SORTS: Mapping[Sort, str] = {
    Sort.RELEVANCE: N_("最相关"), Sort.NEWEST: N_("最新发布"), Sort.CLOSING: N_("最近截止"),
    Sort.BUDGET_HIGH: N_("金额从高到低"), Sort.BUDGET_LOW: N_("金额从低到高"),
}
FACET_WORDS: Mapping[str, str] = {
    "status": N_("状态"), "category": N_("服务类别"), "area": N_("镇街"), "budget": N_("预算"), "buyer": N_("购买主体"),
    "fund": N_("资金来源"), "due": N_("截止"), "amount": N_("金额"), "q": N_("关键词"), KIND: N_("类型"), "wider": N_("地区"),
}
WORDS: Mapping[str, Mapping[str, str]] = {      # of the facets that are short lists
    "budget": {str(band): word for band, word in BAND_LABELS.items()},
    "buyer": {str(kind): word for kind, word in BUYER_LABELS.items()},
    "fund": {str(kind): word for kind, word in FUND_LABELS.items()}, KIND: TABS,
}
STATUSES: Mapping[str, Mapping[str, str]] = {
    "project": {str(status): STATUS_LABELS[status] for status in PUBLIC_STATUSES},
    "organization": {str(state): word for state, word in VERIFICATION_LABELS.items()},
    "purchase_list_item": {      # drafts that grow from lines are not for visitors
        str(state): word for state, word in PROGRESS_LABELS.items() if state != Progress.DRAFTED},
    "notice": {str(kind): word for kind, word in NOTICE_LABELS.items()},
}
LOOKS: Mapping[str, Mapping[str, str]] = {
    "project": {str(status): look for status, look in STATUS_LOOKS.items()}, "organization": {"verified": "ok"},
    "purchase_list_item": {"posted": "info", "contracted": "ok"},
    "notice": dict.fromkeys(map(str, NoticeKind), "notice"),
}
VIEWS = ("table", "cards", "map")
CATEGORY_HEAD, TOWN = 3, 9         # characters of a code: heads of the catalogue, towns
STEPS = 5                          # shades of the tiles
GRID = 6                           # columns and rows of the grid of towns; a town beyond flows behind the others
MOST_OPTIONS = 60


@dataclass(frozen=True)
class Facet:
    """One facet as the page shows it."""

    name: str
    word: str
    options: Sequence[Option]


@dataclass(frozen=True)
class TileView:
    """A town on the grid: its count, its shade, where it leads."""

    name: str
    count: int
    look: str
    x: int
    y: int
    url: str
    is_chosen: bool


def address(question: Question, view: str = "", **more: str) -> str:
    """Return the address of the search page for a question."""
    pairs = question.arguments() + ([("view", view)] if view in VIEWS[1:] else []) + list(more.items())
    return url_for("search.page") + (f"?{urlencode(pairs)}" if pairs else "")


def tabs(asked: Question, found: Results, view: str) -> list[tuple[str, str, bool, int]]:
    """Return (word, address, is it this one, count): everything, then each kind that has hits or is chosen."""
    counts = found.facets.get(KIND, {})
    kept = replace(asked, filters={name: values for name, values in asked.filters.items() if name != "status"})
    every = sum(counts.get(kind, 0) for kind in KINDS)
    return [(gettext("全部"), address(replace(kept, kinds=()), view), not asked.kinds, every), *(
        (gettext(word), address(replace(kept, kinds=(kind,)), view), kind in asked.kinds, counts.get(kind, 0))
        for kind, word in TABS.items() if counts.get(kind) or kind in asked.kinds)]


def facets(asked: Question, found: Results, names: Names) -> list[Facet]:
    """Return the facets that have something to choose, in the order of the page."""
    made = {
        "status": list(_plain(asked, found, "status", _states(asked))),
        "category": list(_categories(asked, found, names)), "area": list(_areas(asked, found, names)),
        "budget": list(_plain(asked, found, "budget", WORDS["budget"])),
        "buyer": list(_plain(asked, found, "buyer", WORDS["buyer"])),
        "fund": list(_plain(asked, found, "fund", WORDS["fund"])),
    }
    return [Facet(name, gettext(FACET_WORDS[name]), options[:MOST_OPTIONS]) for name, options in made.items()
            if any(option.count or option.is_chosen for option in options)]


def _states(asked: Question) -> Mapping[str, str]:
    """Return the states that can be chosen: those of the one kind that is looked at."""
    return STATUSES.get(asked.kinds[0], {}) if len(asked.kinds) == 1 else {}


def _plain(asked: Question, found: Results, facet: str, words: Mapping[str, str]) -> Iterator[Option]:
    """Yield the values of a facet that is a short list."""
    counts, chosen = found.facets.get(facet, {}), asked.filters.get(facet, ())
    for value, word in words.items():
        yield Option(str(value), gettext(word), counts.get(value, 0), value in chosen)


def _categories(asked: Question, found: Results, names: Names) -> Iterator[Option]:
    """Yield the heads of the catalogue, and below a chosen branch its parts."""
    counts, chosen = found.facets.get("category", {}), asked.filters.get("category", ())
    for code in sorted({*(code for code in counts if code in names.categories), *chosen}):
        is_open = len(code) == CATEGORY_HEAD or any(one.startswith(code[:-2]) for one in chosen)
        if code in chosen or (len(code) >= CATEGORY_HEAD and is_open):
            yield Option(code, names.categories.get(code, code), counts.get(code, 0), code in chosen,
                         depth=max(len(code) - CATEGORY_HEAD, 0) // 2)


def _areas(asked: Question, found: Results, names: Names) -> Iterator[Option]:
    """Yield the towns, and below a chosen one its communities."""
    counts, chosen = found.facets.get("area", {}), asked.filters.get("area", ())
    for code in sorted({*(code for code in counts if code in names.areas), *chosen}):
        is_open = len(code) == TOWN or any(one[:TOWN] == code[:TOWN] for one in chosen)
        if code in chosen or (len(code) >= TOWN and is_open):
            yield Option(code, names.areas.get(code, code), counts.get(code, 0), code in chosen,
                         depth=int(len(code) > TOWN))


def tiles(asked: Question, found: Results, names: Names, view: str) -> list[TileView]:
    """Return the towns as tiles; choosing one narrows the search to it, choosing it again widens it."""
    counts, chosen = found.facets.get("area", {}), asked.filters.get("area", ())
    most = max((counts.get(tile.code, 0) for tile in names.tiles), default=0)
    return [TileView(
        tile.name, count := counts.get(tile.code, 0), f"t{-(-count * STEPS // most)}" if count else "t0",
        _on_grid(tile.x), _on_grid(tile.y),
        address(asked.without("area", tile.code) if tile.code in chosen else
                replace(asked, filters={**asked.filters, "area": (tile.code,)}), view), tile.code in chosen)
        for tile in names.tiles]


def _on_grid(place: int) -> int:
    """Return a column or row of the grid, 0 for none."""
    return place if place <= GRID else 0


def value_word(facet: str, value: str, asked: Question, names: Names) -> str:
    """Return what a chosen value is called."""
    words = {**STATUSES["project"], **_states(asked)} if facet == "status" else WORDS.get(facet)
    if words is not None:
        return gettext(words[value]) if value in words else value
    if facet == "due":
        return gettext("%(days)s 天内", days=value)
    return {"category": names.categories, "area": names.areas, "wider": names.areas}.get(facet, {}).get(value, value)


def amounts(asked: Question) -> str:
    """Return the bounds of the amount in words."""
    low, high = asked.amount_from, asked.amount_to
    if low is not None and high is not None:
        return gettext("%(low)s–%(high)s 元", low=f"{low:,}", high=f"{high:,}")
    if low is not None:
        return gettext("≥ %(low)s 元", low=f"{low:,}")
    return gettext("≤ %(high)s 元", high=f"{high or 0:,}")


def understood_chips(asked: Question, understood: Understood | None, view: str) -> list[Chip]:
    """Return what was understood from the text, each removable."""
    return [Chip(gettext(chip.facet_word), chip.word, address(replace(asked, text=chip.text_without.strip()), view))
            for chip in (understood.chips if understood else ())]


def chosen_chips(asked: Question, names: Names, view: str) -> list[Chip]:
    """Return the filters that were chosen, each removable."""
    found = [Chip(gettext(FACET_WORDS[facet]), value_word(facet, value, asked, names),
                  address(asked.without(facet, value), view))
             for facet, values in asked.filters.items() for value in values]
    if asked.amount_from is not None or asked.amount_to is not None:
        found.append(Chip(gettext("金额"), amounts(asked),
                          address(replace(asked, amount_from=None, amount_to=None), view)))
    if asked.due_days is not None:
        found.append(Chip(gettext("截止"), value_word("due", str(asked.due_days), asked, names),
                          address(replace(asked, due_days=None), view)))
    return found


def category_words(card: Card, names: Names) -> str:
    """Return the names of the categories of a hit; an organization has several."""
    codes = card.categories or ((card.category,) if card.category else ())
    return gettext("、").join(names.categories.get(code, code) for code in codes)


def status_word(card: Card) -> str:
    """Return what the state of a hit is called; empty where it has none."""
    word = STATUSES.get(card.kind, {}).get(card.status, "")
    return gettext(word) if word else ""


def status_look(card: Card) -> str:
    """Return the look of the state of a hit."""
    return LOOKS.get(card.kind, {}).get(card.status, "plain")


def sub_line(card: Card, names: Names, *, with_kind: bool) -> str:
    """Return the line below a title: kind, buyer, category or place, people."""
    parts = [gettext(TABS[card.kind])] if with_kind and card.kind in TABS else []
    if card.kind == "organization":
        kind = {str(one): word for one, word in KIND_LABELS.items()}.get(card.detail, "")
        parts += [gettext(kind) if kind else "", names.areas.get(card.area, "")]
    elif card.kind == "catalog_item":
        parts += [gettext("编码 %(code)s", code=card.number), names.categories.get(card.category, "")]
    else:
        year = gettext("%(year)s 年清单", year=card.number) if card.kind == "purchase_list_item" else ""
        parts += [card.buyer, year, names.categories.get(card.category, "")]
        parts += [gettext("约 %(n)s 人", n=card.people) if card.people else ""]
    return " · ".join(part for part in parts if part)
