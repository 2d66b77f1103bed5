"""Mail: `file:` writes each message into the instance folder, `smtp://host:port` sends it."""

import smtplib
import ssl
from collections.abc import Mapping
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from pathlib import Path
from urllib.parse import unquote, urlsplit

from marketplace.config import Config, ConfigError
from marketplace.core.ports import Mailer

TIMEOUT_SECONDS = 20
SMTP_PORT, SMTPS_PORT = 25, 465


class _AsItIs(UnstructuredHeader):
    """A header for programs: one line however long, so that no address in it is cut or encoded."""

    name: str

    def fold(self, *, policy: EmailPolicy) -> str:
        """Return the line."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AsItIs)  # type: ignore[arg-type]  # the registry mixes BaseHeader in
_POLICY = SMTP.clone(header_factory=_HEADERS)


def compose(*, sender: str, to: str, subject: str, text: str, message_id: str,
            headers: Mapping[str, str] | None = None) -> EmailMessage:
    """Return a plain-text message; line breaks in header values are refused by the library."""
    made = EmailMessage(policy=_POLICY)
    made["From"], made["To"], made["Subject"], made["Message-ID"] = sender, to, subject, message_id
    made["Auto-Submitted"] = "auto-generated"
    for name, value in (headers or {}).items():
        made[name] = value
    made.set_content(text)
    return made


class FolderMailer:
    """Writes each message as an .eml file, named by its id: sent twice, it stays one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder, self._sender = folder, sender

    def send(self, *, to: str, subject: str, text: str, message_id: str,
             headers: Mapping[str, str] | None = None) -> None:
        """Write the message; OSError when the disk refuses."""
        made = compose(sender=self._sender, to=to, subject=subject, text=text, message_id=message_id,
                       headers=headers)
        self._folder.mkdir(parents=True, exist_ok=True)
        name = "".join(c for c in message_id if c.isalnum() or c in "-@.")
        path = self._folder / f"{name}.eml"
        temporary = path.with_suffix(".part")
        temporary.write_bytes(made.as_bytes())
        temporary.replace(path)


class SmtpMailer:
    """Hands messages to one mail server: smtp:// with STARTTLS where offered, smtps:// inside TLS."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (SMTPS_PORT if self._tls else SMTP_PORT)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender = sender

    def send(self, *, to: str, subject: str, text: str, message_id: str,
             headers: Mapping[str, str] | None = None) -> None:
        """Send; raises OSError when the server cannot be reached or refuses (SMTPException is one)."""
        made = compose(sender=self._sender, to=to, subject=subject, text=text, message_id=message_id,
                       headers=headers)
        with self._connect() as server:
            if not self._tls and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            if self._user:
                server.login(self._user, self._password)
            server.send_message(made)

    def _connect(self) -> smtplib.SMTP:
        """Open the connection and greet."""
        server: smtplib.SMTP
        if self._tls:
            server = smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT_SECONDS,
                                      context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        server.ehlo()
        return server


def make_mailer(config: Config) -> Mailer:
    """Return the mailer that MARKETPLACE_MAIL_URL names; raises ConfigError for another scheme."""
    scheme = urlsplit(config.mail_url).scheme
    if scheme == "file":
        path = urlsplit(config.mail_url).path
        return FolderMailer(Path(path) if path else config.instance / "mail", config.mail_from)
    if scheme in {"smtp", "smtps"}:
        return SmtpMailer(config.mail_url, config.mail_from)
    msg = f"MARKETPLACE_MAIL_URL must begin with file:, smtp:// or smtps://, not {scheme!r}"
    raise ConfigError(msg)
