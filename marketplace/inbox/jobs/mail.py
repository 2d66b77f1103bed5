"""The e-mail copy of a message: in the reader's language, with a link, sent once."""

from flask_babel import force_locale, gettext
from sqlalchemy import select

from marketplace.accounts.models import Person
from marketplace.core.clock import utc_now
from marketplace.core.db import db, transaction
from marketplace.inbox import queries
from marketplace.inbox.jobs.alerts import mail_lines
from marketplace.inbox.models import Message
from marketplace.inbox.operations import note_mailed
from marketplace.inbox.rules import Kind
from marketplace.web.formats import fill, moment
from marketplace.web.services import config, services


def mail_copy(message_ref: str) -> None:
    """Send the copy outside any transaction, then note it. Run twice, it bears the same Message-ID."""
    message = queries.by_ref(db.session(), message_ref)
    if message is None or message.mailed_at is not None:
        return
    person = db.session.scalar(select(Person).where(Person.id == message.person_id, Person.is_active))
    if person is None or not person.email:
        return
    to, (subject, text, headers) = person.email, compose(message, person)
    db.session.rollback()
    host = config().mail_from.rpartition("@")[2]
    services().mailer.send(to=to, subject=subject, text=text, message_id=f"<{message_ref}@{host}>", headers=headers)
    with transaction() as session:
        sent = queries.by_ref(session, message_ref)
        if sent is not None:
            note_mailed(session, message=sent, now=utc_now())


def compose(message: Message, person: Person) -> tuple[str, str, dict[str, str]]:
    """Return subject, text and headers beside the usual ones.

    No secret, no price of an offer, no link that signs in: the page asks for that. An alert's links only switch off.
    """
    site = config()
    with force_locale("en" if person.locale == "en" else "zh_Hans_CN"):
        subject = fill(message.subject, message.facts)
        lines = [gettext("%(name)s，您好：", name=person.name), "", subject]
        listed, headers = mail_lines(db.session(), message) if message.kind == Kind.ALERT else ([], {})
        lines += listed
        if message.body and not listed:
            lines.append(fill(message.body, message.facts))
        if message.due_at is not None:
            lines.append(gettext("请在 %(at)s（北京时间）前办理。", at=moment(message.due_at)))
        if message.url:
            address = site.base_url + message.url
            lines += ["", gettext("在平台上看这些内容：%(url)s", url=address) if listed else address]
        lines += ["", gettext("此邮件由系统自动发出，请勿回复。%(site)s，电话 %(phone)s",
                              site=site.region_name, phone=site.host_phone)]
    text = "\n".join(lines)
    if person.locale == "zh_Hant":
        convert = services().converter.to_traditional
        return convert(subject), convert(text), headers
    return subject, text, headers
