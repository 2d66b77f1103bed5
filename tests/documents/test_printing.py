"""The printer itself: real WeasyPrint, real child processes, real limits."""

import contextlib
import http.server
import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from marketplace.core.errors import Invalid
from marketplace.integrations.weasyprint import RenderFailed, WeasyPrintRenderer

PAGE = ('<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>纸</title>'
        '<meta name="dcterms.created" content="2026-12-15T09:00:00+08:00">'
        '<meta name="dcterms.modified" content="2026-12-15T09:00:00+08:00"><body><p>{}</p></body></html>')


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fontcache")


@pytest.fixture(scope="module")
def printer(cache: Path) -> Iterator[WeasyPrintRenderer]:
    """One warm printer for the whole file."""
    made = WeasyPrintRenderer(cache)
    yield made
    made.close()


def text_of(data: bytes, tmp_path: Path) -> str:
    """What an independent reader finds in the PDF."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(data)
    return subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True).stdout


def test_the_self_check_names_what_it_runs_on(printer: WeasyPrintRenderer) -> None:
    facts = printer.self_check()
    assert facts["fast_subset"] is True
    assert facts["toolchain"].startswith("weasyprint 70.0, pango 1.")


def test_chinese_text_comes_out_as_it_went_in(printer: WeasyPrintRenderer, tmp_path: Path) -> None:
    paper = printer.render(PAGE.format("人民币叁拾伍万陆仟元整（¥356,000.00）㛃䶮"))
    assert paper.pages == 1
    assert "人民币叁拾伍万陆仟元整（¥356,000.00）㛃䶮" in text_of(paper.data, tmp_path)


def test_it_is_a_pdf_a_3u_with_the_facts_inside_and_the_number_in_the_clear(printer: WeasyPrintRenderer,
                                                                            tmp_path: Path) -> None:
    paper = printer.render(PAGE.format("合同"), attachments={"contract.json": b'{"a":1}'}, identifier="LC-HT-2026-0143")
    (tmp_path / "p.pdf").write_bytes(paper.data)
    with pikepdf.open(tmp_path / "p.pdf") as pdf:
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "U")
        assert dict(pdf.attachments)["contract.json"].get_file().read_bytes() == b'{"a":1}'
        assert pdf.Root.AF[0].AFRelationship == "/Source"
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261215090000+08")
    assert b"/FAIR_Number (LC-HT-2026-0143)" in paper.data[:1000]


def test_the_same_page_makes_the_same_bytes_in_another_process(printer: WeasyPrintRenderer, tmp_path: Path) -> None:
    page = PAGE.format("同一份合同，同一串字节。")
    first = printer.render(page, attachments={"contract.json": b"{}"}, identifier="N-1")
    other = WeasyPrintRenderer(tmp_path / "elsewhere")
    try:
        assert other.render(page, attachments={"contract.json": b"{}"}, identifier="N-1").data == first.data
    finally:
        other.close()
    assert printer.render(page, attachments={"contract.json": b"{ }"}, identifier="N-1").data != first.data


def test_characters_without_a_glyph_are_named_before_printing(printer: WeasyPrintRenderer) -> None:
    assert printer.missing_glyphs("张𣇉明😀和𣇉　\n\u00a0ok㛃䶮𠅤") == "𣇉😀"
    assert printer.missing_glyphs("人民币叁拾万元整。《》“”—…①№℃㎡") == ""


def test_a_page_with_such_characters_is_refused_with_exactly_those(printer: WeasyPrintRenderer) -> None:
    with pytest.raises(Invalid) as refusal:
        printer.render(PAGE.format("张𣇉明😀"))
    named = str(refusal.value.facts["characters"])
    assert "“𣇉”（U+231C9）" in named
    assert "“😀”（U+1F600）" in named
    assert "明" not in named
    assert printer.render(PAGE.format("张明")).pages == 1


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that counts who comes."""
    visits: list[str] = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", visits
    server.shutdown()
    thread.join()
    server.server_close()


HOSTILE = (
    '<img src="{u}/img">', '<link rel="stylesheet" href="{u}/css">', "<style>@import url('{u}/import');</style>",
    '<object data="{u}/object"></object>', '<embed src="{u}/embed">', '<svg><image href="{u}/svg"/></svg>',
    "<style>body{{background:url('{u}/bg')}}</style>", '<link rel="attachment" href="{u}/attachment">',
    "<style>@font-face{{font-family:x;src:url('{u}/font')}} p{{font-family:x}}</style>",
    "<style>p{{content:url('{u}/content')}}</style>", '<a rel="attachment" href="{u}/anchor">x</a>',
)


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("target", ["http", "file", "asset"])
def test_a_hostile_page_fetches_nothing_and_takes_nothing_along(
        printer: WeasyPrintRenderer, listener: tuple[str, list[str]], tmp_path: Path, attack: str, target: str) -> None:
    address, visits = listener
    secret = tmp_path / "img"
    secret.write_text("do-not-leak-4711")
    base = {"http": address, "file": tmp_path.as_uri(), "asset": f"asset:{tmp_path}"}[target]
    paper, said = b"", ""
    try:
        paper = printer.render(PAGE.format(attack.format(u=base))).data
    except RenderFailed as refusal:
        said = str(refusal.facts["detail"])
    assert visits == []
    assert paper or "refused to fetch" in said or "attachments" in said
    if paper:
        with pikepdf.open(io.BytesIO(paper)) as pdf:
            assert len(pdf.attachments) == 0
        assert b"do-not-leak" not in paper


def test_a_column_bomb_is_stopped_by_its_cpu_limit_and_the_next_page_prints(cache: Path) -> None:
    made = WeasyPrintRenderer(cache, cpu_seconds=2)
    bomb = '<table><tr><td colspan="1000000">x</td></tr><tr>' + "<td>y</td>" * 50 + "</tr></table>"
    try:
        with pytest.raises(RenderFailed, match=r"ended|took too long"):
            made.render(PAGE.format(bomb))
        assert made.render(PAGE.format("好")).pages == 1
    finally:
        made.close()


def test_deep_nesting_is_an_error_not_a_crash(printer: WeasyPrintRenderer) -> None:
    with pytest.raises(RenderFailed):
        printer.render(PAGE.format("<div>" * 4_000 + "x" + "</div>" * 4_000))
    assert printer.render(PAGE.format("好")).pages == 1


def test_a_page_of_millions_of_characters_is_refused_at_the_door(printer: WeasyPrintRenderer) -> None:
    with pytest.raises(Invalid, match="太长"):
        printer.render("长" * 2_000_000)


def test_a_printer_that_takes_too_long_is_stopped(cache: Path) -> None:
    made = WeasyPrintRenderer(cache, wall_seconds=0.05)
    try:
        with pytest.raises(RenderFailed, match="too long"):
            made.render(PAGE.format("字" * 200_000))
        assert made.child_pids == []
    finally:
        made.close()


def test_a_child_killed_in_the_middle_is_an_error_and_the_next_paper_prints(cache: Path) -> None:
    made = WeasyPrintRenderer(cache)
    try:
        made.render(PAGE.format("热身"))
        [child] = made.child_pids
        failures: list[BaseException] = []

        def print_much() -> None:
            try:
                made.render(PAGE.format("字" * 300_000))
            except RenderFailed as error:
                failures.append(error)

        thread = threading.Thread(target=print_much)
        thread.start()
        time.sleep(0.5)
        os.kill(child, signal.SIGKILL)
        thread.join(60)
        assert [error.facts["detail"] for error in failures] == ["the printing process ended, code -9"]
        assert made.render(PAGE.format("再来")).pages == 1
    finally:
        made.close()


def test_a_child_that_died_while_idle_is_replaced_silently(cache: Path) -> None:
    made = WeasyPrintRenderer(cache)
    try:
        made.render(PAGE.format("热身"))
        [child] = made.child_pids
        os.kill(child, signal.SIGKILL)
        time.sleep(0.2)
        assert made.render(PAGE.format("再来")).pages == 1
    finally:
        made.close()


def test_a_child_is_renewed_after_its_share_and_leaves_no_folder(tmp_path: Path) -> None:
    made = WeasyPrintRenderer(tmp_path / "cache", most_tasks=2)
    try:
        made.render(PAGE.format("一"))
        before = made.child_pids
        made.render(PAGE.format("二"))
        assert made.child_pids == []
        with contextlib.suppress(ProcessLookupError):
            os.kill(before[0], 0)
            pytest.fail("the child still runs")
        made.render(PAGE.format("三"))
        assert made.child_pids != before
    finally:
        made.close()
    assert list((tmp_path / "cache").glob("work-*")) == []


def test_two_threads_print_at_once(printer: WeasyPrintRenderer) -> None:
    pages: list[int] = []
    threads = [threading.Thread(target=lambda n=n: pages.append(printer.render(PAGE.format(f"第{n}份")).pages))
               for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pages == [1] * 6
    assert 1 <= len(printer.child_pids) <= 2


def test_the_folder_of_a_site_that_died_is_cleared_away(tmp_path: Path) -> None:
    stale = tmp_path / "work-999999999-1"
    stale.mkdir()
    (stale / "font").write_bytes(b"x")
    made = WeasyPrintRenderer(tmp_path)
    try:
        made.render(PAGE.format("好"))
        assert not stale.exists()
    finally:
        made.close()


def test_only_our_fonts_are_used_whatever_the_machine_has(printer: WeasyPrintRenderer, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """The child sees no font of the machine: the fonts in the paper, and its bytes, are the same with none at all."""
    page = PAGE.format('中文 <b>bold</b> <i>italic</i> <code>mono</code> <span lang="ja">日本</span> <span lang="ar">x</span>')
    here = printer.render(page)
    bare = tmp_path / "bare.conf"
    bare.write_text("<fontconfig></fontconfig>")
    for name, value in (("FONTCONFIG_FILE", str(bare)), ("XDG_DATA_HOME", str(tmp_path)), ("HOME", str(tmp_path))):
        monkeypatch.setenv(name, value)
    elsewhere = WeasyPrintRenderer(tmp_path / "cache")
    try:
        there = elsewhere.render(page)
    finally:
        elsewhere.close()
    assert here.data == there.data
    (tmp_path / "p.pdf").write_bytes(here.data)
    listing = subprocess.run(["pdffonts", tmp_path / "p.pdf"], check=True, capture_output=True, text=True).stdout
    fonts = {line.split()[0].partition("+")[2] for line in listing.splitlines()[2:]}
    assert fonts <= {"Fair-Song-GB", "Fair-Hei-GB", "Fair-Song", "Fair-Hei"}
    assert all(" yes yes yes " in line for line in listing.splitlines()[2:])  # embedded, subset, with ToUnicode
