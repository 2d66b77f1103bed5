"""Two processes that both want to write the index, and a reader beside them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from marketplace.config import ROOT
from marketplace.core.searching import SearchRequest
from tests.ports.test_search_index import ON_DISK, asked

pytestmark = pytest.mark.race
BATCHES = 15
WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    from tests.ports.test_search_index import ON_DISK, row
    engine, folder, name, batches = sys.argv[1:5]
    made = ON_DISK[engine](Path(folder))
    for number in range(int(batches)):
        made.index([row(f"{name}{number}", "义诊"), row("shared", f"{name}{number}")])
""")


@pytest.mark.parametrize("search", list(ON_DISK))
def test_two_processes_that_both_write_are_both_written(search: str, tmp_path: Path) -> None:
    reader = ON_DISK[search](tmp_path / "index")
    reader.index([])
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, search, str(tmp_path / "index"), name, str(BATCHES)], cwd=ROOT)
               for name in ("a", "b")]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        now = reader.search(asked("义诊")).total
        assert now >= seen, "what was found once stays"
        seen = now
    assert [writer.wait() for writer in writers] == [0, 0]
    assert reader.search(asked("义诊")).total == 2 * BATCHES
    assert reader.search(SearchRequest()).total == 2 * BATCHES + 1
    last = [reader.search(asked(f"{name}{BATCHES - 1}")).total for name in ("a", "b")]
    assert sorted(last) == [0, 1], "of a document that both wrote one form is left"
