"""What is taken for which purpose, by name, first bytes and structure; names and pictures made safe."""

import io
import struct
import zipfile
import zlib

import pytest

from marketplace.core.errors import IllegalStep, Invalid
from marketplace.files import rules
from marketplace.files.rules import SCANNING, Purpose, ScanState, accept, kinds
from tests.factories.bids import PDF

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def chunk(name, data):
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def png(width=2, height=2, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + extra
            + chunk(b"IDAT", zlib.compress(bytes(height * (1 + 3 * width)) if width < 100 else b"")) + chunk(b"IEND", b""))


def segment(marker, data):
    return bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2, "big") + data


def exif(orientation):
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0) + b"GPS 23.1,113.2 IPHONE"
    return segment(0xE1, b"Exif\0\0" + tiff)


def jpeg(width=4, height=4, extra=b""):
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + extra + frame + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"data\xff\xd9"


def office(part, size=10, **more):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {"[Content_Types].xml": b"<x/>", part: b" " * size, **more}.items():
            archive.writestr(name, data)
    return made.getvalue()


GOOD = {
    "a.pdf": PDF, "a.png": png(), "a.jpg": jpeg(), "a.JPEG": jpeg(), "a.docx": office("word/document.xml"),
    "a.xlsx": office("xl/workbook.xml"), "a.xls": OLE + "Workbook".encode("utf-16-le"), "a.csv": "名称,金额\n甲,1".encode(),
    "b.csv": "名称,金额\n甲,1".encode("gb18030"), "c.csv": "名称,金额".encode("utf-16"),
}
WHERE = {"pdf": Purpose.CREDENTIAL, "png": Purpose.CREDENTIAL, "jpg": Purpose.EVIDENCE, "JPEG": Purpose.EVIDENCE,
         "docx": Purpose.PROJECT_ATTACHMENT, "xlsx": Purpose.IMPORT_SHEET, "xls": Purpose.IMPORT_SHEET,
         "csv": Purpose.IMPORT_SHEET}


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_is_taken_where_it_is_allowed(name):
    taken = accept(name, GOOD[name], WHERE[name.rpartition(".")[2]])
    assert taken.media_type == rules.MEDIA_TYPES[kinds.extension(name)]


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("name", GOOD)
def test_a_kind_that_a_purpose_does_not_list_is_refused_naming_the_kinds_it_takes(name, purpose):
    if kinds.extension(name) in rules.ALLOWED[purpose]:
        accept(name, GOOD[name], purpose)
        return
    with pytest.raises(Invalid, match=rules.ALLOWED[purpose][0].upper()):
        accept(name, GOOD[name], purpose)


LIES = [
    ("a.pdf", png()), ("a.pdf", b"MZ\x90\x00"), ("a.pdf", b"<html>%PDF-1.4"), ("a.png", PDF), ("a.jpg", png()),
    ("a.docx", GOOD["a.xlsx"]), ("a.xlsx", PDF), ("a.xlsx", b"a,b"), ("a.xls", GOOD["a.xlsx"]), ("a.csv", b"\x00\x01\x02" * 9),
    ("a.csv", b"\xff\xff\xff\x81"), ("a.xls", OLE + bytes(100)), ("a.csv", b"\xff\xfe\x00"),
]


@pytest.mark.parametrize(("name", "data"), LIES)
def test_an_upload_that_lies_about_its_type_gets_a_sentence_with_the_type(name, data):
    purpose = WHERE[name.rpartition(".")[2]]
    with pytest.raises(Invalid, match="不要只改扩展名"):
        accept(name, data, purpose)


def entry_count(count):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("[Content_Types].xml", b"")
        archive.writestr("xl/workbook.xml", b"")
        for number in range(count):
            archive.writestr(f"x{number}", b"")
    return made.getvalue()


FAULTS = [
    ("a.pdf", b"", "空文件"), ("a.pdf", PDF + bytes(rules.MAX_BYTES), "超过 20 MB"), ("a.pdf", PDF[:-20], "不完整"),
    ("a.pdf", PDF.replace(b"trailer<<", b"trailer<</Encrypt 5 0 R"), "密码"), ("a.png", png()[:-8], "不完整"),
    ("a.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "不完整"), ("a.png", png(30_000, 30_000), "展开后太大"),
    ("a.png", png()[:40], "不完整"),
    ("a.jpg", jpeg(30_000, 30_000), "展开后太大"), ("a.jpg", jpeg()[:20], "不完整"), ("a.jpg", jpeg()[:-2], "不完整"),
    ("a.docx", b"PK\x03\x04 cut", "不完整"), ("a.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "密码"),
    ("a.xls", OLE + "EncryptedPackage".encode("utf-16-le"), "密码"), ("a.xlsx", entry_count(2001), "展开后太大"),
    ("a.xlsx", office("xl/workbook.xml", size=kinds.MAX_UNPACKED), "展开后太大"),
]


@pytest.mark.parametrize(("name", "data", "words"), FAULTS, ids=[f"{n}-{w}" for n, _, w in FAULTS])
def test_each_fault_has_its_own_sentence(name, data, words):
    with pytest.raises(Invalid, match=words) as refused:
        accept(name, data, WHERE[name.rpartition(".")[2]])
    assert refused.value.field == "file"


@pytest.mark.parametrize(("typed", "safe"), [
    ("方案.pdf", "方案.pdf"), ("C:\\Users\\何\\方案.pdf", "方案.pdf"), ("../../etc/passwd.pdf", "passwd.pdf"),
    ("a\u202efdp.exe", "afdp.exe"), ("a\x00b\r\nc.pdf", "abc.pdf"), ('a"b<c>.pdf', "a_b_c_.pdf"), ("\u200b.pdf", "文件.pdf"),
    ("", "文件"), ("no-dot", "no-dot"), (" . .pdf", "文件.pdf"), ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
])
def test_names_lose_paths_hidden_characters_and_excess(typed, safe):
    assert kinds.safe_name(typed, limit=120) == safe


def test_a_full_width_extension_counts_and_no_extension_is_none():
    assert kinds.extension("a.ＰＤＦ") == "pdf"
    assert kinds.extension("pdf") == ""


def test_a_photograph_loses_place_and_device_and_keeps_its_rotation():
    photo = jpeg(extra=exif(6) + segment(0xED, b"IPTC home address") + segment(0xFE, b"comment"))
    clean = accept("a.jpg", photo, Purpose.EVIDENCE).data
    for secret in (b"GPS", b"IPHONE", b"IPTC", b"comment"):
        assert secret not in clean
    assert struct.unpack_from(">H", clean, clean.index(b"MM\0*") + 18) == (6,)
    assert kinds.fault("jpg", clean) is None


@pytest.mark.parametrize("extra", [exif(1), b"", segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), segment(0xE1, b"Exif\0\0XX"),
                                   segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"), segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0")])
def test_an_upright_photograph_or_broken_metadata_leaves_no_metadata_at_all(extra):
    clean = accept("a.jpg", jpeg(extra=extra), Purpose.EVIDENCE).data
    assert b"Exif" not in clean
    assert b"adobe" not in clean


def test_fill_bytes_before_a_marker_are_stepped_over():
    assert kinds.fault("jpg", b"\xff\xd8\xff" + jpeg()[2:]) is None


def test_a_png_loses_texts_and_what_is_hidden_behind_its_end():
    picture = png(extra=chunk(b"tEXt", b"Author\0He Jing") + chunk(b"eXIf", b"GPS")) + b"PK\x03\x04 a second file"
    clean = accept("a.png", picture, Purpose.EVIDENCE).data
    assert b"He Jing" not in clean
    assert b"GPS" not in clean
    assert b"PK" not in clean
    assert kinds.fault("png", clean) is None


@pytest.mark.parametrize("state", ScanState)
@pytest.mark.parametrize("verdict", ["clean", "infected", "failed", "pending"])
def test_the_check_ends_once_and_is_repeated_only_after_a_failure(state, verdict):
    if state in {ScanState.PENDING, ScanState.FAILED} and verdict != "pending":
        assert SCANNING.after(state, verdict) == verdict
    else:
        with pytest.raises(IllegalStep):
            SCANNING.after(state, verdict)
