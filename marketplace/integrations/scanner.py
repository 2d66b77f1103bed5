"""SignatureScanner: refuses what no upload here needs (programs, macros, scripts in PDF); ClamdScanner asks ClamAV."""

import io
import re
import socket
import zipfile
import zlib
from collections.abc import Iterator

CLEAN = "clean"
CHUNK = 64 * 1024
TIMEOUT_SECONDS = 20.0
OBJECT_STREAM_LIMIT = 8 * 1024 * 1024   # inflated bytes looked at per PDF: more is a bomb, not an attachment
UNPACKED_LIMIT = 300 * 1024 * 1024

# In two halves, so that a scanner of this source tree does not take the source for the test file.
_EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
_PROGRAMS = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"#!")
_PDF_ACTIONS = re.compile(rb"/(JavaScript|JS|Launch|RichMedia|XFA)\b")
_PDF_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b.{0,400}?stream\r?\n", re.DOTALL)
_PDF_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_MACROS = tuple(name.encode("utf-16-le") for name in ("_VBA_PROJECT", "VBA", "Macros"))
_ZIP_MACROS = ("vbaproject.bin", "vbadata.xml", "activex")


class SignatureScanner:
    """A small scanner without a signature service: the EICAR file, programs, and active content by structure."""

    def scan(self, data: bytes) -> str:
        """Return 'clean', or the name of what was found."""
        if _EICAR in data:
            return "EICAR-Test-File"
        if data.startswith(_PROGRAMS):
            return "program"
        if data.startswith(b"%PDF-"):
            return _scan_pdf(data)
        if data.startswith(b"PK\x03\x04"):
            return _scan_zip(data)
        if data.startswith(_OLE) and any(name in data for name in _OLE_MACROS[:1]):
            return "office-macro"
        return CLEAN


class ClamdScanner:
    """Asks a ClamAV daemon over its socket, after the small scanner; no answer is no clean bill."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._first = SignatureScanner()

    def scan(self, data: bytes) -> str:
        """Return 'clean', or the name of what was found; raises OSError when the daemon cannot be reached."""
        found = self._first.scan(data)
        if found != CLEAN:
            return found
        with self._connect() as connection:
            connection.sendall(b"zINSTREAM\0")
            for start in range(0, len(data), CHUNK):
                part = data[start:start + CHUNK]
                connection.sendall(len(part).to_bytes(4, "big") + part)
            connection.sendall(b"\0\0\0\0")
            answer = _read_answer(connection)
        if answer == "stream: OK":
            return CLEAN
        if answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND")
        msg = f"the virus scanner did not answer the question: {answer[:200]!r}"
        raise OSError(msg)

    def _connect(self) -> socket.socket:
        """Connect to a socket file (a path) or to host:port."""
        if self._address.startswith("/"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(TIMEOUT_SECONDS)
            try:
                connection.connect(self._address)
            except OSError:
                connection.close()
                raise
            return connection
        host, _, port = self._address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)


def make_scanner(clamd: str) -> SignatureScanner | ClamdScanner:
    """Return the scanner for a setting: a ClamAV socket (path or host:port), or nothing for the small one."""
    return ClamdScanner(clamd) if clamd else SignatureScanner()


def _read_answer(connection: socket.socket) -> str:
    """Read one answer of the daemon, up to its zero byte."""
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < CHUNK:
        part = connection.recv(4096)
        if not part:
            break
        answer += part
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")


def _scan_pdf(data: bytes) -> str:
    """Look for actions a document has no need of, also inside compressed object streams and escaped names."""
    if (found := _pdf_action(data)) != CLEAN:
        return found
    seen = 0
    for part in _object_streams(data):
        seen += len(part)
        if seen > OBJECT_STREAM_LIMIT:
            return "pdf-bomb"
        if (found := _pdf_action(part)) != CLEAN:
            return found
    return CLEAN


def _pdf_action(data: bytes) -> str:
    """Return the name of the first refused action in plain PDF syntax."""
    plain = _PDF_NAME_ESCAPE.sub(lambda m: bytes([int(m[1], 16)]), data) if b"#" in data else data
    found = _PDF_ACTIONS.search(plain)
    return f"pdf-{found[1].decode().lower()}" if found else CLEAN


def _object_streams(data: bytes) -> Iterator[bytes]:
    """Yield the inflated object streams of a PDF, each cut at the limit."""
    for found in _PDF_OBJECT_STREAM.finditer(data):
        try:
            yield zlib.decompressobj().decompress(data[found.end():], OBJECT_STREAM_LIMIT + 1)
        except zlib.error:
            continue


def _scan_zip(data: bytes) -> str:
    """Look for macros, programs and bombs in an Office file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError):
        return "broken-archive"
    if sum(entry.file_size for entry in entries) > UNPACKED_LIMIT:
        return "archive-bomb"
    names = [entry.filename.lower() for entry in entries]
    if any(name.startswith("/") or ".." in name.split("/") for name in names):
        return "archive-path"
    if any(mark in name for name in names for mark in _ZIP_MACROS):
        return "office-macro"
    if any(name.endswith((".exe", ".dll", ".js", ".vbs", ".bat", ".scr", ".lnk")) for name in names):
        return "program"
    return CLEAN
