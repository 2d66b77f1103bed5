"""What of the run in force is carried into a new one: confirmed pairs, unless something stands against them now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from marketplace.core.text import N_
from marketplace.matching.queries.orders import Confirmed, Note, Order
from marketplace.matching.rules import together
from marketplace.matching.rules.edits import Pair
from marketplace.matching.rules.hard import HardRule
from marketplace.matching.rules.together import Tied


def carried(order: Order, ids: Sequence[int], bars: Mapping[int, Mapping[int, int]]) -> tuple[
        dict[Pair, Confirmed], tuple[Note, ...]]:
    """Return the confirmed pairs that stay frozen: those whose project takes part and against which no rule stands."""
    taking_part, kept, barred = set(ids), {}, 0
    for pair, one in order.confirmed.items():
        if pair[0] not in taking_part:
            continue
        if bars.get(pair[0], {}).get(pair[1], 0) & int(HardRule.CONFLICT):
            barred += 1
        else:
            kept[pair] = one
    notes = [Note(N_("{count} 个已确认的配对因为利益冲突没有沿用"), {"count": barred})] if barred else []
    if order.dropped:
        notes.append(Note(N_("第 {number} 号方案的 {count} 条指定和排除没有沿用；仍需要的，请在新方案里重新填写"),
                          {"number": order.live_number, "count": order.dropped}))
    return kept, tuple(notes)


def apart(order: Order, tied: Tied) -> tuple[Order, tuple[Note, ...]]:
    """Return the order without confirmed pairs that are tied to one of the same project confirmed before them."""
    gone: set[Pair] = set()
    for project, one, other in together.clashes(order.confirmed, tied):
        pairs = [(project, one), (project, other)]
        if not gone & set(pairs):
            gone.add(max(pairs, key=lambda pair: (order.confirmed[pair].at, pair)))
    if not gone:
        return order, ()
    kept = {pair: one for pair, one in order.confirmed.items() if pair not in gone}
    return replace(order, confirmed=kept), (Note(
        N_("{count} 个已确认的配对没有沿用：同一项目先确认的组织与它有关联，不能同时承接同一合同（政府采购法实施条例第十八条）"),
        {"count": len(gone)}),)
