"""The port Mailer: one suite on the fake, on the folder, and on SMTP spoken to a small sink on loopback."""

import email
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from marketplace.config import Config, ConfigError
from marketplace.core.ports import Mailer
from marketplace.integrations.smtp import FolderMailer, SmtpMailer, make_mailer
from tests.fakes import MemoryMailer

MESSAGE = {"to": "he@example.invalid", "subject": "审核项目“长者助餐”", "text": "何静，您好：\n请在 2026-12-07 前办理。\n",
           "message_id": "<abc123@example.invalid>"}


@dataclass
class Mailbox:
    """A mailer, and what arrived through it: (to, subject, text, message id)."""

    mailer: Mailer
    arrived: Callable[[], list[tuple[str, str, str, str]]]


def seen(raw: bytes) -> tuple[str, str, str, str]:
    """What a mail program shows of a message."""
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    body = message.get_body()
    assert body is not None
    return message["To"], message["Subject"], body.get_content().replace("\r\n", "\n"), message["Message-ID"]


@dataclass
class Sink:
    """A mail server that keeps what it gets; `refuses` makes it answer 451."""

    messages: list[bytes] = field(default_factory=list)
    refuses: bool = False


def handler_of(sink: Sink) -> type[socketserver.StreamRequestHandler]:
    """The talk of a plain SMTP server."""

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline():
                word = line.decode().strip().upper()
                if word.startswith("DATA"):
                    self.say("354 go on")
                    self.keep()
                elif word.startswith("QUIT"):
                    self.say("221 bye")
                    return
                elif word.startswith("MAIL") and sink.refuses:
                    self.say("451 try later")
                else:
                    self.say("250 ok")

        def keep(self) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line[1:] if line.startswith(b"..") else line)
            sink.messages.append(b"".join(lines))
            self.say("250 kept")

        def say(self, words: str) -> None:
            self.wfile.write(words.encode() + b"\r\n")

    return Talk


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    """A running sink and its port."""
    kept = Sink()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler_of(kept)) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield kept, server.server_address[1]
        server.shutdown()
        thread.join(5)


@pytest.fixture(params=["memory", "folder", "smtp"])
def mailbox(request: pytest.FixtureRequest, tmp_path: Path, sink: tuple[Sink, int]) -> Mailbox:
    """Each implementation of the port."""
    if request.param == "memory":
        fake = MemoryMailer()
        return Mailbox(fake, lambda: [(m["to"], m["subject"], m["text"], m["message_id"]) for m in fake.sent])
    if request.param == "folder":
        return Mailbox(FolderMailer(tmp_path / "mail", "noreply@example.invalid"),
                       lambda: [seen(path.read_bytes()) for path in sorted((tmp_path / "mail").glob("*.eml"))])
    kept, port = sink
    return Mailbox(SmtpMailer(f"smtp://127.0.0.1:{port}", "noreply@example.invalid"), lambda: [seen(m) for m in kept.messages])


def test_chinese_arrives_as_it_was_written(mailbox):
    mailbox.mailer.send(**MESSAGE)
    assert mailbox.arrived() == [tuple(MESSAGE.values())]


def test_a_line_that_is_a_dot_does_not_end_the_message(mailbox):
    text = "第一行\n.\n第三行\n"
    mailbox.mailer.send(**{**MESSAGE, "text": text})
    assert mailbox.arrived()[0][2] == text


@pytest.mark.parametrize("way", ["folder", "smtp"])
def test_more_headers_go_out_as_they_are_and_a_line_break_in_them_is_refused(tmp_path, sink, way):
    kept, port = sink
    mailer = (FolderMailer(tmp_path, "noreply@example.invalid") if way == "folder"
              else SmtpMailer(f"smtp://127.0.0.1:{port}", "noreply@example.invalid"))
    off = "<https://gongyi.a-city-with-a-long-name.gov.cn/my/searches/off/" + "t" * 32 + "/all>"   # over 78 letters
    mailer.send(**MESSAGE, headers={"List-Unsubscribe": off, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})
    [raw] = [path.read_bytes() for path in tmp_path.glob("*.eml")] or kept.messages
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=policy.default)
    assert message["List-Unsubscribe"] == off
    assert f"List-Unsubscribe: {off}\r\n".encode() in raw, "neither cut nor encoded: programs read it"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        mailer.send(**MESSAGE, headers={"List-Unsubscribe": "<x>\nBcc: other@example.invalid"})


@pytest.mark.parametrize("name", ["to", "subject"])
def test_a_line_break_cannot_smuggle_a_header(tmp_path, name):
    mailer = FolderMailer(tmp_path, "noreply@example.invalid")
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        mailer.send(**{**MESSAGE, name: "he@example.invalid\nBcc: other@example.invalid"})
    assert list(tmp_path.glob("*.eml")) == []


def test_the_same_message_sent_twice_is_one_file(tmp_path):
    mailer = FolderMailer(tmp_path, "noreply@example.invalid")
    mailer.send(**MESSAGE)
    mailer.send(**MESSAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["abc123@example.invalid.eml"]


def test_a_server_that_refuses_or_is_away_raises_so_that_the_job_tries_again(sink):
    kept, port = sink
    kept.refuses = True
    with pytest.raises(OSError, match="451"):
        SmtpMailer(f"smtp://127.0.0.1:{port}", "noreply@example.invalid").send(**MESSAGE)
    with pytest.raises(OSError):
        SmtpMailer("smtp://127.0.0.1:9", "noreply@example.invalid").send(**MESSAGE)
    assert kept.messages == []


def test_the_address_in_the_settings_chooses_the_mailer(tmp_path):
    assert isinstance(make_mailer(Config(instance=tmp_path)), FolderMailer)
    assert isinstance(make_mailer(Config(instance=tmp_path, mail_url="smtps://user:p%40ss@mail.invalid")), SmtpMailer)
    with pytest.raises(ConfigError, match="MAIL_URL"):
        make_mailer(Config(instance=tmp_path, mail_url="pigeon://roof"))
