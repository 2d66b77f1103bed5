"""How well one fact of a provider fits a project, as a level from 0 to 1 of the criterion's points. Pure.

Unknown is never zero: it is the middle, MIDDLE, or an estimate from the words. Sources of the numbers: measured on the
judged real rows and the planted worlds (docs/matching.md), not law.
"""

import re

import numpy as np
from numpy.typing import NDArray

from marketplace.matching.rules.facts import NeedFacts, ProviderFacts

Levels = NDArray[np.float32]
MIDDLE = 0.5

# ---- category ----

_CODE = re.compile(r"[A-Z]\d{2}(\d{2}){0,3}")
SAME_CODE, LINE_OF_DESCENT, SAME_PARENT, SAME_GROUP = 1.0, 0.85, 0.5, 0.0
_PARENT, _GROUP = 5, 3                   # characters of a code of the catalogue
MANY_CLAIMS = 6                          # who says that it does everything says little: more claims are worth less each
UNKNOWN_CATEGORY, GENERAL_CATEGORY = 0.2, 0.4
_GENERAL = re.compile("社会工作|社工|社会服务|综合服务")


def claim_level(offered: tuple[str, ...]) -> float:
    """Return what one of a provider's codes is worth: all of it up to MANY_CLAIMS of them."""
    return min(1.0, (MANY_CLAIMS / len(offered)) ** 0.5) if offered else 1.0


def nearness(wanted: str, code: str) -> float:
    """Return how near two codes lie in the tree; codes of another kind are the same or not."""
    if wanted == code:
        return SAME_CODE
    if not (_CODE.fullmatch(wanted) and _CODE.fullmatch(code)):
        return 0.0
    if wanted.startswith(code) or code.startswith(wanted):
        return LINE_OF_DESCENT if min(len(wanted), len(code)) > _GROUP else SAME_GROUP
    if wanted[:_PARENT] == code[:_PARENT]:
        return SAME_PARENT
    return SAME_GROUP if wanted[:_GROUP] == code[:_GROUP] else 0.0


def estimated_floor(provider: ProviderFacts) -> float:
    """Return the least category level where the codes are not known: agencies of social work do most of the trade."""
    return GENERAL_CATEGORY if _GENERAL.search(provider.name) else UNKNOWN_CATEGORY


# ---- facilities ----

_RUN_A_HOUSE = re.compile("公建民营|(?:敬老院|养老院|福利院|养老机构|老年公寓|护理院).{0,8}(?:运营|经营|托管|承包)")
_HOUSES = re.compile("养老|敬老|老年公寓|托养|护理院|福利院|康养|照护")


def is_house_to_run(need: NeedFacts) -> bool:
    """Say whether a project hands over a care home to run: that asks for an operator (民政部令第66号)."""
    return any(_RUN_A_HOUSE.search(text) for text in need.texts)


def runs_houses(provider: ProviderFacts) -> bool:
    """Say whether a provider names care among what it does."""
    return any(_HOUSES.search(text) for text in provider.texts)


# ---- text ----

TEXT_FULL = 0.30                         # a likeness (cosine) from which the words say all they can
TEXT_LINE = 0.10                         # from here on the words alone make a candidate


def text_levels(likeness: Levels) -> Levels:
    """Return the level of each likeness in [0, 1]."""
    levels: Levels = np.minimum(likeness / TEXT_FULL, 1.0, dtype=np.float32)
    return levels


# ---- area ----

OWN_AREA, ONE_ABOVE, TWO_ABOVE = 1.0, 0.95, 0.8
PART_OF_IT, SAME_CITY, SAME_PROVINCE = 0.7, 0.5, 0.35
INSIDE = (OWN_AREA, ONE_ABOVE, TWO_ABOVE)
BESIDE = (PART_OF_IT, SAME_CITY, SAME_PROVINCE)


# ---- what it has done, what it can take on ----

PRIOR_WEIGHT = 4.0                       # so many projects does the prior count for
_TOLD = 0.5                              # its own word counts half of a contract


def track_level(provider: ProviderFacts) -> float:
    """Return the track record shrunk to the middle: (prior + what is known) / (weight of the prior + how much that is).

    Reviews, where there are some, say how good the finished projects were; without them a finished one counts as good.
    """
    done = provider.finished + _TOLD * provider.told
    mark = provider.review_tenths / (provider.reviews * 50) if provider.reviews else 1.0
    return (PRIOR_WEIGHT * MIDDLE + done * mark) / (PRIOR_WEIGHT + done)


def capacity_level(provider: ProviderFacts) -> float:
    """Return how much room it has: the middle where it has not said, 1 with room for two more projects."""
    if provider.free is None:
        return MIDDLE
    return min(1.0, 0.6 + 0.2 * provider.free) if provider.free > 0 else 0.0


_FOUR_DOUBLINGS = 4.0


def budget_levels(budget_fen: int | None, typical_log2: Levels) -> Levels:
    """Return how near a budget is to what each provider usually does; 16 times as much is too far.

    `typical_log2`: NaN where nothing is known; that is the middle.
    """
    if not budget_fen:
        return np.full(len(typical_log2), MIDDLE, np.float32)
    far = np.abs(typical_log2 - np.float32(np.log2(budget_fen))) / _FOUR_DOUBLINGS
    levels: Levels = np.where(np.isnan(far), np.float32(MIDDLE), 1.0 - np.minimum(far, 1.0)).astype(np.float32)
    return levels
