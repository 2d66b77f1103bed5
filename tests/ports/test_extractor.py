"""The text extractor: every format, every limit; nothing that is in a file makes it raise."""

import io
import struct
import zipfile
import zlib

import docx
import openpyxl
import pikepdf
import pytest

from marketplace.core.ports import Extraction
from marketplace.integrations.extraction import CUTS, NO_TEXT, REFUSALS, LimitedExtractor

WORDS = "长者饭堂助餐服务需求书"


@pytest.fixture
def extractor() -> LimitedExtractor:
    return LimitedExtractor()


def pdf(*pages: bytes, **encryption: str) -> bytes:
    """A PDF whose pages say these Latin words in a standard font."""
    made = pikepdf.new()
    font = made.make_indirect(pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica))
    for words in pages:
        page = made.add_blank_page(page_size=(300, 300))
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = made.make_stream(b"BT /F1 12 Tf 20 200 Td (" + words + b") Tj ET")
    out = io.BytesIO()
    made.save(out, encryption=pikepdf.Encryption(**encryption) if encryption else None)
    return out.getvalue()


def word(*paragraphs: str, cell: str = "", footer: str = "") -> bytes:
    made = docx.Document()
    for text in paragraphs:
        made.add_paragraph(text)
    if cell:
        made.add_table(rows=1, cols=1).rows[0].cells[0].text = cell
    if footer:
        made.sections[0].footer.paragraphs[0].text = footer
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def excel(rows: list[list[object]], hidden: str = "") -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    if hidden:
        sheet = made.create_sheet("内部")
        sheet.append([hidden])
        sheet.sheet_state = "hidden"
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return out.getvalue()


def test_a_pdf_gives_the_text_of_all_its_pages(extractor):
    found = extractor.extract(pdf(b"meal service for elders", b"second page"), filename="需求书.pdf")
    assert (found.outcome, found.reason) == (Extraction.WHOLE, "")
    assert "meal service for elders" in found.text
    assert "second page" in found.text


def test_chinese_lines_of_a_pdf_are_joined_to_words_again(extractor):
    from marketplace.integrations import extraction_child as child

    class Page:
        def extract_text(self) -> str:
            return "为社区长者提供助\n餐服务\n1. 人数"

    assert child.page_text(Page()) == "为社区长者提供助餐服务\n1. 人数"


def test_a_word_file_gives_paragraphs_tables_and_footers(extractor):
    found = extractor.extract(word(WORDS, "第二段", cell="表中指标", footer="页脚单位"), filename="需求书.DOCX")
    assert found.outcome == Extraction.WHOLE
    assert found.text.splitlines() == [WORDS, "第二段", "表中指标", "页脚单位"]


def test_a_workbook_gives_the_sheets_that_are_shown(extractor):
    found = extractor.extract(excel([["项目", "预算"], [WORDS, 30000]], hidden="底价不公开"), filename="清单.xlsx")
    assert found.outcome == Extraction.WHOLE
    assert f"{WORDS} 30000" in found.text
    assert "底价不公开" not in found.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_plain_text_is_read_in_the_encodings_people_use(extractor, encoding):
    found = extractor.extract(f"名称,预算\n{WORDS},3".encode(encoding), filename="清单.csv")
    assert (found.outcome, found.text.splitlines()) == (Extraction.WHOLE, ["名称,预算", f"{WORDS},3"])


def test_a_pdf_of_two_thousand_pages_gives_the_first_ones_and_says_so(extractor):
    found = extractor.extract(pdf(*[b"page %d" % number for number in range(2_000)]), filename="a.pdf")
    assert (found.outcome, found.reason) == (Extraction.CUT, CUTS["pages"])
    assert found.text.splitlines()[-1] == "page 299"


def test_more_characters_than_wanted_are_cut_and_said(extractor):
    found = extractor.extract(("服务" * 150_000).encode(), filename="a.txt")
    assert (found.outcome, found.reason, len(found.text)) == (Extraction.CUT, CUTS["characters"], 200_000)


def test_a_locked_pdf_says_so_and_one_without_a_password_to_open_is_read(extractor):
    locked = extractor.extract(pdf(b"secret", owner="x", user="y"), filename="a.pdf")
    assert (locked.outcome, locked.text, locked.reason) == (Extraction.REFUSED, "", REFUSALS["password"])
    assert extractor.extract(pdf(b"open words", owner="x"), filename="a.pdf").text == "open words"


def test_a_locked_office_file_says_so(extractor):
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    assert extractor.extract(data, filename="a.docx").reason == REFUSALS["password"]


def test_a_scanned_pdf_says_that_it_has_no_text(extractor):
    blank = extractor.extract(pdf(b""), filename="a.pdf")
    assert (blank.outcome, blank.reason) == (Extraction.REFUSED, NO_TEXT)


def bomb_by_size() -> bytes:
    return zipped(word__document_DOT_xml=b"<x>" + b" " * 70_000_000, _Content_Types__DOT_xml=b"")


def bomb_by_entries() -> bytes:
    return zipped(word__document_DOT_xml=b"<x/>", **{f"word__a{number}": b"" for number in range(2_100)})


def bomb_by_total() -> bytes:
    return zipped(word__document_DOT_xml=b"<x/>", **{f"word__media__a{number}": b"\0" * 30_000_000 for number in range(7)})


@pytest.mark.parametrize("bomb", [bomb_by_size, bomb_by_entries, bomb_by_total])
def test_a_zip_bomb_is_refused_before_it_is_opened(extractor, bomb):
    assert extractor.extract(bomb(), filename="a.docx").reason == REFUSALS["bomb"]


def test_a_part_that_lies_about_its_size_does_no_harm(extractor):
    data = zipped(word__document_DOT_xml=b"A" * 50_000_000)
    lying = data.replace(struct.pack("<L", 50_000_000), struct.pack("<L", 10))
    assert extractor.extract(lying, filename="a.docx").outcome == Extraction.REFUSED


def test_a_pdf_stream_that_swells_ends_its_own_process_only(extractor):
    stream = zlib.compress(zlib.compress(b"BT (a) Tj ET " * 30_000_000))
    head = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
            b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n")
    length = str(len(stream)).encode()
    body = (head + b"4 0 obj<</Length " + length + b"/Filter[/FlateDecode/FlateDecode]>>stream\n" + stream
            + b"\nendstream endobj\ntrailer<</Root 1 0 R>>")
    found = extractor.extract(body, filename="a.pdf")
    assert found.outcome == Extraction.REFUSED
    assert found.reason in {REFUSALS["memory"], REFUSALS["time"], REFUSALS["broken"]}


def test_entities_that_multiply_are_not_followed(extractor):
    laughs = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "&a;" * 10}">' for n in range(9)) + "]><x>&a8;</x>").encode()
    data = word(WORDS)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, laughs if entry.filename == "word/document.xml" else old.read(entry))
    assert extractor.extract(out.getvalue(), filename="a.docx").outcome == Extraction.REFUSED


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.xlsx", "a.xls", "a.csv", "../../etc/passwd", "-c", "\udce4\x00.pdf"])
@pytest.mark.parametrize("data", [
    b"", b" ", b"%PDF-1.7", b"%PDF-1.7\n" + b"\xff" * 5000, b"PK\x03\x04" + b"\0" * 100, b"PK\x05\x06" + b"\0" * 18,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096, b"\x89PNG\r\n", b"\x00\x01\x02", b"\xff\xfe\x00\xd8",
])
def test_no_broken_bytes_make_it_raise(extractor, data, name):
    found = extractor.extract(data, filename=name)
    assert found.outcome in set(Extraction)
    assert bool(found.reason) == (found.outcome != Extraction.WHOLE)


@pytest.mark.parametrize("make", [lambda: pdf(b"some words", b"more"), lambda: word(WORDS), lambda: excel([[WORDS]])])
def test_a_file_cut_off_anywhere_is_an_outcome(extractor, make):
    data = make()
    for share in (3, 5, 8):
        assert extractor.extract(data[:len(data) * share // 9], filename="a").outcome in set(Extraction)


def test_a_file_that_is_no_document_is_found_by_its_name_only(extractor):
    assert extractor.extract(zipped(photo_DOT_jpg=b"x"), filename="a.zip").reason == REFUSALS["type"]
    assert extractor.extract(b"\x89PNG\r\n\x1a\n" + b"\0" * 50, filename="a.png").reason == REFUSALS["type"]


def test_a_file_over_the_limit_is_not_read(extractor):
    assert extractor.extract(b"a" * (20 * 1024 * 1024 + 1), filename="a.txt").reason == REFUSALS["bytes"]


def test_a_child_that_hangs_is_ended(extractor, monkeypatch):
    monkeypatch.setattr("marketplace.integrations.extraction.SECONDS", 0.01)
    assert extractor.extract(b"words", filename="a.txt").reason == REFUSALS["time"]
