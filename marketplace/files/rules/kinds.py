"""Types of files, known by extension, first bytes and structure; never by what the browser says. Pure."""

import io
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto

MAX_PIXELS = 50_000_000
MAX_UNPACKED = 200 * 1024 * 1024
MAX_ENTRIES = 2_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_FORBIDDEN = '<>:"/\\|?*'
_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn"}
_SAME = {"jpeg": "jpg"}
_TAIL = 2048


class Fault(Enum):
    """Why a file is not taken."""

    LIES = auto()      # the content is of another type
    LOCKED = auto()    # a password protects it
    BROKEN = auto()    # cut off or damaged
    HUGE = auto()      # small on disk, too large when opened


def safe_name(name: str, *, limit: int) -> str:
    """Return a name fit for lists and downloads: no path, no hidden or direction-changing characters."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    plain = "".join(c for c in plain if unicodedata.category(c) not in _HIDDEN)
    plain = "".join("_" if c in _FORBIDDEN else c for c in plain).rstrip(" .")
    stem, dot, end = plain.rpartition(".")
    if not dot:
        return (plain.strip() or "文件")[:limit]
    return f"{(stem.strip(' .') or '文件')[:limit - len(end) - 1]}.{end}"[:limit]


def extension(name: str) -> str:
    """Return the extension in lower case, full-width letters folded; jpeg counts as jpg."""
    found = unicodedata.normalize("NFKC", name.rpartition(".")[2] if "." in name else "").casefold()
    return _SAME.get(found, found)


def fault(kind: str, data: bytes) -> Fault | None:
    """Return what is wrong with bytes that claim to be of `kind`, or None."""
    return _CHECKS[kind](data)


def without_metadata(kind: str, data: bytes) -> bytes:
    """Return a picture without place, time, device and comments (EXIF, XMP, IPTC); other kinds unchanged."""
    if kind == "jpg":
        return _strip_jpeg(data)
    if kind == "png":
        keep = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"bKGD"}
        return _PNG + b"".join(raw for name, raw in _png_chunks(data) if name in keep)
    return data


def _check_pdf(data: bytes) -> Fault | None:
    if not data.startswith(b"%PDF-"):
        return Fault.LIES
    tail = data[-_TAIL:]
    if b"%%EOF" not in tail or b"startxref" not in tail:
        return Fault.BROKEN
    return Fault.LOCKED if b"/Encrypt" in data else None


def _check_png(data: bytes) -> Fault | None:
    if not data.startswith(_PNG):
        return Fault.LIES
    chunks = list(_png_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND":
        return Fault.BROKEN
    width, height = struct.unpack_from(">II", chunks[0][1], 8)
    return Fault.HUGE if width * height > MAX_PIXELS else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, raw chunk) up to IEND; what follows IEND, or is cut off, is not part of the picture."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        name, end = data[at + 4:at + 8], at + 12 + length
        if end > len(data):
            return
        yield name, data[at:end]
        if name == b"IEND":
            return
        at = end


def _check_jpeg(data: bytes) -> Fault | None:
    if not data.startswith(_JPEG):
        return Fault.LIES
    size = None
    for marker, raw in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC} and len(raw) >= 9:  # noqa: PLR2004 - SOFn
            height, width = struct.unpack_from(">HH", raw, 5)
            size = width * height
    if not size or b"\xff\xd9" not in data[-_TAIL:]:
        return Fault.BROKEN
    return Fault.HUGE if size > MAX_PIXELS else None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (marker, raw segment) from the start up to and including the compressed picture."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - every marker begins so
        marker = data[at + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
            continue
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: the rest is the picture
            yield marker, data[at:]
            return
        end = at + 2 + int.from_bytes(data[at + 2:at + 4], "big")
        yield marker, data[at:end]
        at = end


def _strip_jpeg(data: bytes) -> bytes:
    """Drop APP1 and APP3-APP15 (but Adobe's APP14, which tells the colours) and comments; keep the rotation."""
    kept, rotation = [], b""
    for marker, raw in _jpeg_segments(data):
        if marker == 0xE1 and raw[4:10] == b"Exif\0\0":  # noqa: PLR2004
            rotation = rotation or _rotation_only(raw[10:])
        elif marker not in {0xE1, 0xFE, 0xED} and not 0xE3 <= marker <= 0xEC and marker != 0xEF:  # noqa: PLR2004
            kept.append(raw)
    return b"\xff\xd8" + rotation + b"".join(kept)


def _rotation_only(tiff: bytes) -> bytes:
    """Return an EXIF segment that holds the rotation alone, or nothing when there is none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:  # noqa: PLR2004
        return b""
    start = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack_from(order + "H", tiff, start)[0] if start + 2 <= len(tiff) else 0
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _kind, _length, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == 0x0112 and 1 < value <= 8:  # noqa: PLR2004 - Orientation; 1 is upright
            body = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
            return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return b""


def _check_office(part: str) -> Callable[[bytes], Fault | None]:
    """Return the check of a zipped Office file that must hold `part`."""
    def check(data: bytes) -> Fault | None:
        if data.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in data:
            return Fault.LOCKED
        if not data.startswith(b"PK\x03\x04"):
            return Fault.LIES
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, ValueError, RuntimeError):
            return Fault.BROKEN
        if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            return Fault.HUGE
        names = {entry.filename for entry in entries}
        return None if {"[Content_Types].xml", part} <= names else Fault.LIES
    return check


def _check_xls(data: bytes) -> Fault | None:
    if not data.startswith(_OLE):
        return Fault.LIES
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Fault.LOCKED
    return None if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")) else Fault.LIES


def _check_csv(data: bytes) -> Fault | None:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return Fault.LIES if any(unicodedata.category(c) == "Cc" and c not in "\t\r\n\x1a" for c in text) else None
    return Fault.LIES


_CHECKS: Mapping[str, Callable[[bytes], Fault | None]] = {
    "pdf": _check_pdf, "png": _check_png, "jpg": _check_jpeg, "xls": _check_xls, "csv": _check_csv,
    "docx": _check_office("word/document.xml"), "xlsx": _check_office("xl/workbook.xml"),
}
