"""What saved searches found, as one message to one person: at once, or as the digest of a day or a week."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core.clock import utc_now
from marketplace.core.db import transaction
from marketplace.core.money import Money
from marketplace.core.publishing import PublicDocument
from marketplace.core.text import N_
from marketplace.inbox.models import Message
from marketplace.inbox.operations import send
from marketplace.inbox.rules import Kind, Letter
from marketplace.search.operations import alerts
from marketplace.search.operations.alerts import Delivery, Group, Item
from marketplace.search.queries import documents_of
from marketplace.search.queries.saved import tokens_of
from marketplace.search.rules.saved import NEW, Channel, kind_of_news, news_sentence
from marketplace.web.formats import deadline, fill, yuan_wan
from marketplace.web.services import config, public_sources

MOST_TITLE = 60                     # characters of a title in a subject

_SUBJECTS: Mapping[tuple[bool, bool], tuple[str, str]] = {     # (something new, something updated)
    (True, True): (N_("“{name}”：新增 {new} 条，更新 {updated} 条"), N_("您保存的搜索：新增 {new} 条，更新 {updated} 条")),
    (True, False): (N_("“{name}”：新增 {new} 条"), N_("您保存的搜索：新增 {new} 条")),
    (False, True): (N_("“{name}”：更新 {updated} 条"), N_("您保存的搜索：更新 {updated} 条")),
}


def tell_alerts(person_ref: str, due: str = "") -> None:
    """Send everything that waits for a person now in one message. Run twice, the second finds nothing waiting."""
    now, moment_due = utc_now(), datetime.fromisoformat(due) if due else None
    with transaction() as session:
        person = session.scalar(select(Person).where(Person.ref == person_ref))
        if person is None or (moment_due is None and alerts.put_off(session, person=person, now=now)):
            return
        deliver(session, person=person, due=moment_due, now=now)


def deliver(session: Session, *, person: Person, due: datetime | None, now: datetime) -> Message | None:
    """Write the message and mark what it tells, both or none."""
    def documents(keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], PublicDocument]:
        return documents_of(session, public_sources(), keys)

    delivery = alerts.gather(session, person=person, due=due, documents=documents)
    if not delivery.groups:
        return None
    message = send(session, person=person, letter=_letter(delivery), now=now)
    if message is None:
        msg = f"hits of {delivery.hit_ids[0]} are told already but not marked"
        raise RuntimeError(msg)
    message.url = f"/my/searches/told/{message.ref}"
    alerts.mark_told(session, delivery=delivery, message_ref=message.ref, now=now)
    return message


def _letter(delivery: Delivery) -> Letter:
    """Return the message: how many, which, and all the facts that the mail lists."""
    items = [item for group in delivery.groups for item in group.items]
    new = sum(not item.is_update for item in items)
    facts: dict[str, object] = {
        "name": delivery.groups[0].search.name, "title": " ".join(items[0].document.title.split())[:MOST_TITLE],
        "new": new, "updated": len(items) - new, "titles": "；".join(item.document.title for item in items),
        "groups": [_group_facts(group) for group in delivery.groups]}
    return Letter(
        kind=Kind.ALERT, subject=_subject(len(delivery.groups), len(items), new), facts=facts,
        body="{titles}" if len(items) > 1 else "", unique_key=f"alert:{delivery.hit_ids[0]}",
        by_mail=any(group.search.channel == Channel.EMAIL for group in delivery.groups))


def _subject(groups: int, items: int, new: int) -> str:
    """Return the subject that fits what is told."""
    if items == 1:
        return N_("“{name}”有新内容：{title}") if new else N_("“{name}”有更新：{title}")
    one_search, several = _SUBJECTS[new > 0, new < items]
    return several if groups > 1 else one_search


def _group_facts(group: Group) -> dict[str, object]:
    """Return what a mail says of one search; its token stays out of the message."""
    return {"ref": group.search.ref, "name": group.search.name, "by_mail": group.search.channel == Channel.EMAIL,
            "items": [_item_facts(item) for item in group.items]}


def _item_facts(item: Item) -> dict[str, object]:
    """Return what a mail says of one document, as plain values."""
    document = item.document
    return {"kind": document.kind, "ref": document.ref, "title": document.title, "buyer": document.buyer,
            "amount_fen": document.amount_fen, "url": document.url, "keys": list(item.keys), "also": list(item.also),
            "deadline": document.deadline_at.isoformat() if document.deadline_at else ""}


def mail_lines(session: Session, message: Message) -> tuple[list[str], dict[str, str]]:
    """Return the lines of the mail copy, in the reader's language, and the headers that let a mail program sign off.

    Every item stands in it: new ones first, updated ones apart, each with who buys, how much, until when and where.
    """
    groups = [group for group in _dicts(message.facts.get("groups")) if group.get("by_mail")]
    tokens = tokens_of(session, [str(group["ref"]) for group in groups])
    site, lines = config().base_url, list[str]()
    for group in groups:
        off = f"{site}/my/searches/off/{tokens[str(group['ref'])]}"
        lines += ["", f"【{group['name']}】"]
        items = _dicts(group["items"])
        for word, some in ((gettext("新增"), [item for item in items if NEW in _kinds(item)]),
                           (gettext("更新"), [item for item in items if NEW not in _kinds(item)])):
            if some:
                lines += ["", f"{word}（{len(some)}）"]
            for number, item in enumerate(some, 1):
                lines += _item_lines(item, number, site, off)
        lines += ["", gettext("关闭这个搜索的提醒：%(url)s", url=off)]
    first = tokens[str(groups[0]["ref"])] if groups else ""
    everything = f"{site}/my/searches/off/{first}" + ("/all" if len(groups) > 1 else "")
    headers = {"List-Unsubscribe": f"<{everything}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return lines, headers if first else {}


def _dicts(value: object) -> list[dict[str, object]]:
    """Return the dicts in a list kept as JSON."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    """Return the texts in a list kept as JSON."""
    return [str(one) for one in value] if isinstance(value, list) else []


def _kinds(item: Mapping[str, object]) -> list[str]:
    """Return what happened to an item."""
    return [kind_of_news(key) for key in _texts(item.get("keys"))]


def _item_lines(item: Mapping[str, object], number: int, site: str, off: str) -> list[str]:
    """Return the lines of one item."""
    amount = item.get("amount_fen")
    facts = [str(item["buyer"] or ""), yuan_wan(Money(amount)) if isinstance(amount, int) else "",
             gettext("截止 %(at)s", at=deadline(datetime.fromisoformat(str(item["deadline"])))) if item["deadline"]
             else ""]
    also = _texts(item.get("also"))
    lines = [f"{number}. {item['title']}", "   " + " · ".join(fact for fact in facts if fact)]
    lines += [f"   {fill(*news_sentence(key))}" for key in _texts(item.get("keys")) if key != NEW]
    if also:
        lines.append("   " + gettext("也符合：%(names)s", names="、".join(also)))
    return [line for line in lines if line.strip()] + [
        f"   {site}{item['url']}", "   " + gettext("不再提醒这一项：%(url)s", url=f"{off}/{item['kind']}/{item['ref']}")]
