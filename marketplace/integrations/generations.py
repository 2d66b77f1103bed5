"""A folder of index generations: one in use, one perhaps being built beside it, one lock for those who write.

`current` names the generation in use, so that a rebuilt index takes over in one rename and a killed writer leaves the
old one in use. Any number of processes may read; whoever writes holds `write.lock`, whoever rebuilds `build.lock`.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LOCK_SECONDS = 30.0
_POINTER, _META, _PAUSE = "current", "made-with.json", 0.02
_NAME = re.compile(r"generation-(\d+)")


class FolderLock:
    """One lock of a folder: held by one thread of one process, any number of times over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.RLock()
        self._depth = 0
        self._handle = -1

    @contextlib.contextmanager
    def held(self, seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Hold the lock, waiting for it so long; raises OSError with a sentence when another keeps it."""
        if not self._threads.acquire(timeout=seconds):
            raise self._kept(seconds)
        try:
            if not self._depth:
                with as_oserror("written"):
                    self._handle = self._take(seconds)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    os.close(self._handle)     # lets go, as the end of the process would
        finally:
            self._threads.release()

    def _take(self, seconds: float) -> int:
        """Lock the file; return its handle."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as busy:
                if time.monotonic() < until:
                    time.sleep(_PAUSE)
                    continue
                os.close(handle)
                raise self._kept(seconds) from busy
            return handle

    def _kept(self, seconds: float) -> TimeoutError:
        """Return the error of waiting in vain."""
        return TimeoutError(f"another process has kept {self._path} for {seconds:.0f} s; try again when it is done")


class Generations:
    """The generations in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writing = FolderLock(folder / "write.lock")
        self.building = FolderLock(folder / "build.lock")

    def current(self) -> Path | None:
        """Return the generation in use, if there is one."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            name = (self.folder / _POINTER).read_text(encoding="utf-8").strip()
            if _NAME.fullmatch(name) and (self.folder / name).is_dir():
                return self.folder / name
        return None

    def demand(self) -> Path:
        """Return the generation in use; raises FileNotFoundError with a sentence when there is none."""
        if (folder := self.current()) is None:
            raise FileNotFoundError(f"there is no search index in {self.folder}; `flask search rebuild` makes one")
        return folder

    def make(self, label: str) -> Path:
        """Make the folder of the next generation; what it is made with is kept inside."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.folder / f"generation-{max(self._numbers(), default=0) + 1}"
        made.mkdir()
        (made / _META).write_text(json.dumps({"label": label}), encoding="utf-8")
        return made

    def use(self, folder: Path) -> None:
        """Switch to a generation in one rename, and throw away every other one."""
        temporary = self.folder / f"{_POINTER}.{os.getpid()}"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(folder.name)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.folder / _POINTER)
        for number in self._numbers():
            if (other := self.folder / f"generation-{number}") != folder:
                self.forget(other)

    def forget(self, folder: Path) -> None:
        """Throw a generation away; who still reads it keeps its open files."""
        shutil.rmtree(folder, ignore_errors=True)

    def label(self) -> str:
        """Return what the generation in use was made with; raises OSError when that cannot be read."""
        path = self.demand() / _META
        if not path.exists():       # another generation took over just now
            path = self.demand() / _META
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["label"])
        except (ValueError, KeyError, TypeError) as broken:
            raise OSError(f"{path} cannot be read; `flask search rebuild` makes the index anew") from broken

    def known_label(self) -> str:
        """Return the label, or nothing when it cannot be read."""
        try:
            return self.label()
        except OSError:
            return ""

    def _numbers(self) -> list[int]:
        """Return the numbers of the generations there are."""
        return [int(found[1]) for path in self.folder.glob("generation-*") if (found := _NAME.fullmatch(path.name))]


@contextlib.contextmanager
def as_oserror(doing: str) -> Iterator[None]:
    """Make an OSError with a sentence of whatever an engine raises for a broken index or a full disk."""
    try:
        yield
    except OSError as away:
        if away.errno is None:      # a sentence already
            raise
        raise OSError(away.errno, f"the search index cannot be {doing} ({away.strerror})", away.filename) from away
    except Exception as broken:
        raise OSError(f"the search index cannot be {doing} ({type(broken).__name__}: {str(broken)[:200]})") from broken
