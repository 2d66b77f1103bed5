"""The suite of the VirusScanner port, on the small scanner, on ClamAV's protocol, and on the fake."""

import socket
import threading
import zlib
from io import BytesIO
from zipfile import ZipFile

import pytest

from marketplace.integrations.scanner import ClamdScanner, SignatureScanner, make_scanner
from tests.factories.bids import PDF
from tests.fakes import ScriptedScanner

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class Clamd:
    """A ClamAV daemon for one question: reads INSTREAM as documented and answers what the test says."""

    def __init__(self, answer: bytes = b"stream: OK\0") -> None:
        self.answer, self.received = answer, b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as stream:
            assert stream.read(10) == b"zINSTREAM\0"
            while size := int.from_bytes(stream.read(4), "big"):
                self.received += stream.read(size)
            connection.sendall(self.answer)

    def close(self) -> None:
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def clamd():
    made = Clamd()
    yield made
    made.close()


@pytest.fixture(params=["small", "clamd", "fake"])
def scanner(request):
    if request.param != "clamd":
        yield SignatureScanner() if request.param == "small" else ScriptedScanner()
        return
    daemon = Clamd()
    yield ClamdScanner(daemon.address)
    if daemon.thread.is_alive():  # the small scanner found it first: nobody asked
        _hang_up(daemon)
    daemon.close()


def _hang_up(daemon):
    host, port = daemon.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"zINSTREAM\0" + bytes(4))
        connection.recv(100)


def test_an_ordinary_pdf_is_clean(scanner):
    assert scanner.scan(PDF) == "clean"


def test_the_test_virus_is_found(scanner):
    assert scanner.scan(b"text before " + EICAR) == "EICAR-Test-File"


def test_clamav_is_sent_every_byte_and_its_finding_is_passed_on():
    daemon = Clamd(b"stream: Win.Test.Local FOUND\0")
    data = PDF * 2000
    assert ClamdScanner(daemon.address).scan(data) == "Win.Test.Local"
    daemon.close()
    assert daemon.received == data


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b""])
def test_an_answer_that_is_no_verdict_is_no_clean_bill(answer):
    daemon = Clamd(answer)
    with pytest.raises(OSError, match="did not answer"):
        ClamdScanner(daemon.address).scan(PDF)
    daemon.close()


def test_a_daemon_that_is_not_there_raises(tmp_path):
    with pytest.raises(OSError):
        ClamdScanner(str(tmp_path / "clamd.sock")).scan(PDF)
    with pytest.raises(OSError):
        ClamdScanner("127.0.0.1:1").scan(PDF)


def test_the_setting_chooses_the_scanner():
    assert isinstance(make_scanner(""), SignatureScanner)
    assert isinstance(make_scanner("/run/clamav/clamd.ctl"), ClamdScanner)


def zipped(**parts):
    made = BytesIO()
    with ZipFile(made, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return made.getvalue()


def object_stream(text):
    packed = zlib.compress(text)
    return PDF + b"7 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n%%%%EOF\n" % (
        len(packed), packed)


@pytest.mark.parametrize(("data", "found"), [
    (b"MZ\x90\x00" + bytes(100), "program"), (b"\x7fELF" + bytes(100), "program"), (b"#!/bin/sh\nrm -rf /", "program"),
    (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>"), "pdf-javascript"),
    (PDF.replace(b"/Catalog", b"/Catalog/AA<</O<</S/L#61unch>>>>"), "pdf-launch"),
    (object_stream(b"1 0 <</S/JavaScript/JS(x)>>"), "pdf-javascript"),
    (object_stream(b"A" * 9_000_000), "pdf-bomb"),
    (zipped(**{"word/document.xml": b"x", "word/vbaProject.bin": b"x"}), "office-macro"),
    (zipped(**{"a/../../etc/cron.d/x": b"x"}), "archive-path"),
    (zipped(**{"readme.txt": b"x", "setup.exe": b"x"}), "program"),
    (b"PK\x03\x04 cut off", "broken-archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50) + "_VBA_PROJECT".encode("utf-16-le"), "office-macro"),
])
def test_active_content_is_refused_by_structure(data, found):
    assert SignatureScanner().scan(data) == found


def test_ordinary_office_files_and_compressed_objects_are_clean():
    assert SignatureScanner().scan(zipped(**{"word/document.xml": b"x", "[Content_Types].xml": b"x"})) == "clean"
    assert SignatureScanner().scan(object_stream(b"1 0 <</Type/Font>>")) == "clean"
    assert SignatureScanner().scan(PDF.replace(b"/Catalog", b"/Catalog/OpenAction[3 0 R/Fit]")) == "clean"
