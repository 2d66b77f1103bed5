"""The reader's limits and refusals (security.md section 7), and the writer that never writes a formula."""

import io
import struct
import zipfile

import pytest
from openpyxl import Workbook, load_workbook

from marketplace.core.errors import Invalid
from marketplace.core.money import Money
from marketplace.integrations import workbook_child
from marketplace.integrations.openpyxl import OpenpyxlWriter
from marketplace.integrations.workbooks import CalamineReader
from tests.data import SHEETS
from tests.factories.sheets import workbook

GOOD = workbook({"表": [["项目名称", "预算（元）"], ["甲", 1]]})


def read(data, name="a.xlsx"):
    return CalamineReader().read(data, filename=name)


def refused(data, name="a.xlsx"):
    with pytest.raises(Invalid) as caught:
        read(data, name)
    return str(caught.value)


def changed_zip(change, data=GOOD):
    """A copy of a workbook whose entries went through `change(name, bytes) -> bytes | None`, with more entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change.get(name, old.read(name)))
        for name in change.keys() - set(old.namelist()):
            new.writestr(name, change[name])
    return stream.getvalue()


def test_a_bomb_by_declared_size_is_refused_before_it_is_unpacked():
    data = changed_zip({"xl/media/x.xml": b"0" * 61 * 1024 * 1024})
    assert len(data) < 200_000
    assert "60 MB" in refused(data)


def test_a_bomb_whose_declared_size_lies_is_stopped_while_unpacking():
    data = bytearray(changed_zip({"xl/media/x.xml": b"0" * 70 * 1024 * 1024}))
    large = struct.pack("<I", 70 * 1024 * 1024)
    small = struct.pack("<I", 10)
    while (at := data.find(large)) >= 0:
        data[at:at + 4] = small
    assert refused(bytes(data))


def test_too_many_parts_and_names_that_climb_out_are_refused():
    assert "200" in refused(changed_zip({f"xl/media/{n}.xml": b"x" for n in range(220)}))
    assert refused(changed_zip({"../../evil.xml": b"x"}))
    assert refused(changed_zip({"/etc/passwd": b"x"}))


def test_macros_links_and_entities_are_refused():
    assert "宏" in refused(changed_zip({"xl/vbaProject.bin": b"x"}))
    assert "宏" in refused(GOOD, "a.xlsm")
    assert "引用" in refused(changed_zip({"xl/externalLinks/externalLink1.xml": b"<a/>"}))
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><workbook>&b;</workbook>'
    assert refused(changed_zip({"xl/workbook.xml": laughs}))


@pytest.mark.parametrize(("data", "name", "word"), [
    (b"", "a.csv", "空"), (b"   \n", "a.csv", "空"), (b"<html><table></table>", "a.xls", "网页"),
    (b"%PDF-1.7 \x00\x01\x02\x03\x04", "a.csv", "不是表格"), (b"PK\x03\x04broken", "a.xlsx", "打不开"),
    (GOOD[: len(GOOD) // 2], "a.xlsx", "打不开"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "a.xls", "不是表格"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", "密码"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + b"\x00" * 600, "a.xls", "打不开"),
    (GOOD, "a.doc", "表格"), (b"plain text", "a.xlsx", "xlsx"), (b"x" * (5 * 1024 * 1024 + 1), "a.csv", "5 MB"),
    (b"\xff\xfe\x00\xd8", "a.csv", "编码"),
])
def test_each_fault_of_a_file_has_its_own_sentence(data, name, word):
    assert word in refused(data, name)


def test_rows_columns_and_long_cells_name_their_limit():
    assert "5000 行" in refused(("项目名称\n" + "甲\n" * 50_000).encode(), "a.csv")
    assert "60 列" in refused((",".join("abc" for _ in range(61)) + "\n").encode(), "a.csv")
    assert "5000 个字" in refused(("甲" * 5_001 + ",乙\n").encode(), "a.csv")
    assert len(read(("项目名称\n" + "甲\n" * 4_999).encode(), "a.csv")[0].rows) == 5_000


def test_a_long_workbook_is_refused_with_the_number_of_its_rows():
    book = Workbook(write_only=True)
    sheet = book.create_sheet("长")
    for number in range(30_001):
        sheet.append([number, "甲"])
    stream = io.BytesIO()
    book.save(stream)
    assert "30001" in refused(stream.getvalue())


def test_formatted_but_empty_rows_and_columns_do_not_count():
    book = Workbook()
    book.active.append(["项目名称"])
    book.active["BZ9000"].number_format = "0.00"
    stream = io.BytesIO()
    book.save(stream)
    assert len(read(stream.getvalue())[0].rows) == 1


def test_the_memory_limit_ends_the_child_and_not_the_site(monkeypatch):
    monkeypatch.setattr("marketplace.integrations.workbooks.CHILD", _child_that("x = 'a' * (1 << 40)"))
    assert "512 MB" in refused(GOOD)


def test_the_time_limit_ends_the_child(monkeypatch):
    monkeypatch.setattr("marketplace.integrations.workbooks.CHILD", _child_that("import signal; signal.raise_signal(signal.SIGXCPU)"))
    assert "20 秒" in refused(GOOD)


def _child_that(act):
    """A script in place of the reading child."""
    import tempfile
    from pathlib import Path

    path = Path(tempfile.mkdtemp()) / "child.py"
    path.write_text(f"import sys, resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\nsys.stdin.buffer.read()\n{act}\n")
    return path


def test_the_child_imports_nothing_of_ours():
    source = (SHEETS.parent.parent.parent / "marketplace" / "integrations" / "workbook_child.py").read_text(encoding="utf-8")
    assert "from marketplace" not in source
    assert "import marketplace" not in source
    assert workbook_child.MAX_ROWS == 5_000


def test_formulas_are_read_as_their_kept_values_and_never_computed():
    book = Workbook()
    book.active.append(["项目名称", "=1+1"])
    stream = io.BytesIO()
    book.save(stream)
    assert [cell.text for cell in read(stream.getvalue())[0].rows[0]] == ["项目名称"]


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "'=1", "=cmd|' /C calc'!A0", "plain"])
def test_no_text_becomes_a_formula(text):
    data = OpenpyxlWriter().write({"表": [["项目"], [text]]})
    cell = load_workbook(io.BytesIO(data))["表"]["A2"]
    assert (cell.data_type, cell.value) == ("s", text)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_money_is_written_in_yuan_and_control_characters_are_dropped():
    data = OpenpyxlWriter().write({"a/b[c]": [["预算"], [Money(12_345_678)], ["a\x0bb"], [None], [7]]}, title="清单")
    book = load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["a_b_c_"]
    assert [row[0].value for row in book.active.iter_rows()] == ["预算", 123456.78, "ab", None, 7]
