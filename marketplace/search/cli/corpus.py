"""An invented corpus and queries for measuring: words of the shipped dictionary in sentences of the trade.

About 580 characters a document, 15% in Traditional characters; the same seed gives the same corpus. Only speed may be
read from it: who finds what in such texts says nothing about relevance.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate

from marketplace.core.publishing import PublicDocument
from marketplace.core.searching import Sort
from marketplace.search.rules.analysis import Place
from marketplace.search.rules.dictionary import Entry, EntryKind
from marketplace.search.rules.question import Question

DISTRICTS, TOWNS = 4, 12           # towns in a district
TRADITIONAL, FILTERED, BY_DEADLINE = 0.15, 0.70, 0.25
LENGTH = 560                       # of a body; the title comes on top
OWN = 0.7                          # of the words are those the document is about
_NAMES = "石桥白鹭桐浦杏林东华南塘西樵北滘狮山里水丹灶九江沙头罗村盐步大沥平洲桂城松岗官窑金沙小塘和顺"
_SENTENCES = (
    "本项目面向辖区内的{a}，提供{b}和{c}，由{d}专业人员按周开展，逐次登记。", "以{a}为重点，建立档案，每季度评估一次，形成{b}的长效机制。",
    "承接方应有从事{a}、{b}的经验，项目负责人须持证上岗，服务人次按月公布。", "经调查，{a}的需求突出，现有{b}力量不足，拟购买{c}加以补充。",
    "全年不少于{n}场，覆盖{m}个社区，服务对象满意度不低于百分之九十。", "联合学校、医院和志愿者队伍，推动{a}与{b}相结合。",
    "经费用于人员、场地、物料和{a}培训，不得用于其他支出，结余退回。", "中标后十个工作日内提交实施方案，写明{a}的步骤、{b}的标准和应急预案。",
)
_STATES = ("published", "published", "published", "opened", "awarded", "contracted", "contracted", "failed")
_BUYERS, _FUNDS = ("district", "town", "community", "charity"), ("budget", "lottery", "giving")


@dataclass
class Corpus:
    """Documents and queries of one seed. `entries`: the dictionary the words come from."""

    entries: Sequence[Entry]
    traditional: Callable[[str], str]
    now: datetime
    seed: int = 20161116
    places: list[Place] = field(init=False)
    _words: list[str] = field(init=False)
    _shares: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.places = list(_places())
        self._words = sorted({entry.term for entry in self.entries if entry.kind == EntryKind.CONCEPT})
        random.Random(self.seed).shuffle(self._words)     # noqa: S311 - the same texts every time
        self._shares = list(accumulate(1 / (rank + 5) for rank in range(len(self._words))))   # few often, many rarely

    def document(self, number: int) -> PublicDocument:
        """Return one document."""
        dice = random.Random(self.seed * 1_000_003 + number)        # noqa: S311
        place, words = dice.choice(self.places[1:]), dice.choices(self._words, cum_weights=self._shares, k=6)
        published = self.now - timedelta(minutes=dice.randrange(1, 6 * 365 * 24 * 60))
        state = dice.choice(_STATES)
        if state == "published":
            published = self.now - timedelta(minutes=dice.randrange(1, 20 * 24 * 60))
        write = self.traditional if dice.random() < TRADITIONAL else str
        return PublicDocument(
            kind="project", ref=f"bench{number:07}", title=write(f"{place.name}{words[0]}{words[1]}项目"),
            body=write(self._body(dice, words)), url=f"/projects/bench{number:07}",
            category=f"{dice.choice('AB')}{dice.randrange(1, 16):02}{dice.randrange(1, 9):02}", area=place.code,
            status=state, buyer=f"{place.name}办事处", amount_fen=round(dice.lognormvariate(12.6, 0.7)) * 100,
            published_at=published, deadline_at=published + timedelta(days=15), words=(f"LC-{number:07}",),
            lead=(write(words[2]), place.name),
            facets={"buyer": (dice.choice(_BUYERS),), "fund": (dice.choice(_FUNDS),)})

    def _body(self, dice: random.Random, words: Sequence[str]) -> str:
        """Return sentences about a few words."""
        found, length = [], 0
        while length < LENGTH:
            others = dice.choices(self._words, cum_weights=self._shares, k=4)
            some = [dice.choice(words) if dice.random() < OWN else other for other in others]
            sentence = dice.choice(_SENTENCES).format(a=some[0], b=some[1], c=some[2], d=some[3],
                                                      n=dice.randrange(4, 90), m=dice.randrange(2, 30))
            found.append(sentence)
            length += len(sentence)
        return "".join(found)

    def questions(self, documents: int, count: int) -> Iterator[Question]:
        """Yield queries of two or three words, most of them of one document, with filters and sorts."""
        dice = random.Random(self.seed)         # noqa: S311
        for _ in range(count):
            document = self.document(dice.randrange(documents))
            words = dice.choices(self._words, cum_weights=self._shares, k=dice.randrange(1, 3))
            text = " ".join([document.lead[0], *words][:dice.randrange(2, 4)])
            ways: list[dict[str, tuple[str, ...]]] = [
                {"area": (document.area[:6],)}, {"category": (document.category[:3],)}, {"status": ("open",)},
                {"budget": ("0-20", "20-50"), "buyer": ("town",)}]
            filters = dice.choice(ways) if dice.random() < FILTERED else {}
            yield Question(text=self.traditional(text) if dice.random() < TRADITIONAL else text, filters=filters,
                           sort=Sort.CLOSING if dice.random() < BY_DEADLINE else None)


def _places() -> Iterator[Place]:
    """Yield invented districts and towns."""
    names = [_NAMES[at:at + 2] for at in range(0, len(_NAMES), 2)]
    for district in range(DISTRICTS):
        code = f"9901{district + 1:02}"
        yield Place(code, f"澜{'东南西北'[district]}区")
        for town in range(TOWNS):
            name = names[(district * TOWNS + town) % len(names)]
            yield Place(f"{code}{town + 1:03}", f"{'澜新上下'[district]}{name}街道", (name,), code)
