"""One four-page contract: CPU of the warm printer against bare WeasyPrint on the same page and fonts; memory over 200.

Both sides run in a process of their own, warm, with fonts and style loaded once; batches alternate, so that other work
on the machine falls on both. The printer's figure counts its child and this process (frames, JSON, base64).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOUND_CPU, BOUND_MEMORY = 1.15, 1.10
ATTACHMENT = b'{"document_number":"LC-HT-2026-0143"}'
TICKS = os.sysconf("SC_CLK_TCK")


def run(quick: bool) -> list[dict[str, object]]:
    """Return the figures."""
    from marketplace.integrations.weasyprint import WeasyPrintRenderer

    rounds, batch, total = (5, 4, 40) if quick else (12, 5, 200)
    with tempfile.TemporaryDirectory() as folder:
        page = the_page(Path(folder))
        printer = WeasyPrintRenderer(Path(folder) / "cache", most_children=1, most_tasks=100_000)
        bare = Bare(Path(folder), page)
        try:
            pages = printer.render(page, attachments={"contract.json": ATTACHMENT}, identifier="LC-HT-2026-0143").pages
            [child] = printer.child_pids
            ours, theirs, memory = [], [], []
            for step in range(rounds + 1):
                spent = _ours(printer, page, child, batch)
                other = bare.spend(batch)
                if step:  # the first round warms up
                    ours.append(spent)
                    theirs.append(other)
            memory.append(_rss(child))
            for _ in range(total - batch * (rounds + 1)):
                printer.render(page, attachments={"contract.json": ATTACHMENT}, identifier="LC-HT-2026-0143")
            memory.append(_rss(child))
        finally:
            bare.close()
            printer.close()
    mine, base = statistics.median(ours), statistics.median(theirs)
    growth = memory[1] / memory[0]
    return [
        _row("contract_cpu", mine * 1000, "ms CPU a contract", ratio=mine / base, to=f"bare WeasyPrint ({base * 1000:.0f} ms)", bound=BOUND_CPU),
        _row("contract_memory", memory[1] / 1e6, f"MB resident after {total}", ratio=growth,
             to=f"after {batch * (rounds + 1)} ({memory[0] / 1e6:.0f} MB)", bound=BOUND_MEMORY),
        {"name": "contract_pages", "value": pages, "unit": "pages", "ratio": None, "to": None, "bound": 4, "met": pages == 4},
    ]


def _row(name: str, value: float, unit: str, *, ratio: float, to: str, bound: float) -> dict[str, object]:
    return {"name": name, "value": round(value, 1), "unit": unit, "ratio": round(ratio, 3), "to": to, "bound": bound,
            "met": ratio <= bound}


def the_page(folder: Path) -> str:
    """The page of a real contract, filled as the job fills it."""
    from marketplace import create_app
    from marketplace.config import Config
    from tests.documents.paper import a_contract, page_of

    app = create_app(Config(instance=folder / "site", secret_key="b" * 40, testing=True, jobs="none",
                            base_url="https://shqh.example.gov.cn"))
    return page_of(app, a_contract())


def _ours(printer: object, page: str, child: int, count: int) -> float:
    """CPU seconds a contract, of this process and of the child."""
    before = time.process_time() + _cpu(child)
    for _ in range(count):
        printer.render(page, attachments={"contract.json": ATTACHMENT}, identifier="LC-HT-2026-0143")  # type: ignore[attr-defined]
    return (time.process_time() + _cpu(child) - before) / count


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _rss(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Bare:
    """WeasyPrint in a process of its own, as its documentation shows it."""

    def __init__(self, folder: Path, page: str) -> None:
        (folder / "page.html").write_text(page, encoding="utf-8")
        (folder / "bare.conf").write_text(f"<fontconfig><cachedir>{folder / 'cache'}</cachedir></fontconfig>")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, str(folder / "page.html")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "FONTCONFIG_FILE": str(folder / "bare.conf"), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)})

    def spend(self, count: int) -> float:
        """CPU seconds a contract."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = _cpu(self.process.pid)
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"
        return (_cpu(self.process.pid) - before) / count

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def print_bare(path: Path) -> None:
    """The other side: layout and PDF, nothing else."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    from marketplace.integrations.weasyprint import FONTS, STYLES
    from marketplace.integrations.weasyprint_child import make_fetcher

    fetcher, fonts, page = make_fetcher([STYLES, FONTS]), FontConfiguration(), path.read_text(encoding="utf-8")
    style = weasyprint.CSS(url="asset:paper.css", url_fetcher=fetcher, font_config=fonts)
    for line in sys.stdin:
        for _ in range(int(line)):
            attachment = weasyprint.Attachment(string=ATTACHMENT, name="contract.json", relationship="Source")
            weasyprint.HTML(string=page, url_fetcher=fetcher).write_pdf(
                stylesheets=[style], font_config=fonts, pdf_variant="pdf/a-3u", attachments=[attachment])
        print("done", flush=True)


if __name__ == "__main__":
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).parent]
    print_bare(Path(sys.argv[1]))
