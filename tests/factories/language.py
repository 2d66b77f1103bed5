"""A language with a small dictionary that tests can see through, and an index of a few documents."""

from collections.abc import Iterable
from functools import cache

from marketplace.core.publishing import PublicDocument
from marketplace.integrations.memory_index import MemoryIndex
from marketplace.integrations.opencc import OpenCCConverter
from marketplace.integrations.pypinyin import PypinyinRomanizer
from marketplace.integrations.rjieba import RjiebaSegmenter
from marketplace.search.queries.finding import Finder
from marketplace.search.queries.languages import make_language
from marketplace.search.rules.analysis import Language, Place
from marketplace.search.rules.dictionary import Entry, EntryKind, shipped
from marketplace.search.rules.rows import row_of
from tests.factories import NOW

CONCEPT, GENERIC, PLACE = EntryKind


class Tools:
    """The real tools, made once; nothing here has a fake."""

    search_index = MemoryIndex()
    converter, segmenter, romanizer = OpenCCConverter(), RjiebaSegmenter(), PypinyinRomanizer()


def forms(concept: str, *others: str, kind: EntryKind = CONCEPT, broader: tuple[str, ...] = ()) -> list[Entry]:
    """One concept with its forms."""
    return [Entry(concept, concept, kind, broader), *(Entry(other, concept, kind) for other in others)]


SMALL = (
    *forms("老年人", "长者", "老人", "耆英"), *forms("空巢老人", "空巢长者", broader=("老年人",)), *forms("助餐", "送餐", "长者饭堂"),
    *forms("未成年人"), *forms("未成年人保护", broader=("未成年人",)), *forms("青少年"), *forms("心理服务", "心理健康"),
    *forms("青少年心理", "青少年心理健康", broader=("青少年", "心理服务")), *forms("艾滋病", "HIV"), *forms("社区矫正"),
    *forms("认知症", "老年痴呆", "痴呆症"), *forms("助残", broader=("残疾人",)), *forms("残疾人"),
    *forms("项目", kind=GENERIC), *forms("服务", kind=GENERIC),
    *forms("深圳市", "深圳", kind=PLACE, broader=("广东省",)), *forms("广东省", "广东", kind=PLACE),
    *forms("罗湖区", kind=PLACE, broader=("深圳市",)),
)
PLACES = (Place("990106", "澜川区", ("澜川",)), Place("990106001", "桐浦街道", ("桐浦",), "990106"),
          Place("990106001001", "石桥社区", ("石桥", "老年人"), "990106001"))


def language(entries: Iterable[Entry] = SMALL, places: Iterable[Place] = PLACES) -> Language:
    """A language of these entries and places."""
    return make_language(entries, places, Tools, label="small")  # type: ignore[arg-type]


@cache
def full_language() -> Language:
    """The language of the dictionary that comes with the product, without places of a site."""
    return make_language(shipped(), (), Tools, label="shipped")  # type: ignore[arg-type]


def document(ref: str, title: str, body: str = "", **more: object) -> PublicDocument:
    """A public document."""
    return PublicDocument(**{"kind": "project", "ref": ref, "title": title, "body": body, **more})  # type: ignore[arg-type]


def finder(documents: Iterable[PublicDocument], spoken: Language | None = None) -> Finder:
    """A finder over documents in the reference engine."""
    spoken = spoken or language()
    index = MemoryIndex()
    index.rebuild((row_of(one, spoken, NOW) for one in documents), label=spoken.label)
    return Finder(index, spoken)
