"""The suite of the FileStore port, on the real folder and on the fake."""

import errno
import hashlib
import os

import pytest

from marketplace.integrations.filestore import FolderStore
from tests.fakes import MemoryStore


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return FolderStore(tmp_path / "files") if request.param == "folder" else MemoryStore()


def damage(store, sha256):
    if isinstance(store, MemoryStore):
        store.damage(sha256)
    else:
        path = store.root / sha256[:2] / sha256[2:4] / sha256
        path.write_bytes(path.read_bytes() + b"x")


def test_what_is_put_comes_back_under_its_sha256(store):
    for data in (b"", b"abc", os.urandom(300_000)):
        sha256 = store.put(data)
        assert sha256 == hashlib.sha256(data).hexdigest()
        assert store.get(sha256) == data


def test_the_same_bytes_have_one_name(store):
    assert store.put(b"same") == store.put(b"same")


@pytest.mark.parametrize("name", ["0" * 64, "../../etc/passwd", "", "A" * 64])
def test_a_name_that_was_never_put_is_not_found(store, name):
    with pytest.raises(FileNotFoundError):
        store.get(name)


def test_bytes_that_changed_on_the_disk_are_refused(store):
    sha256 = store.put(b"contract")
    damage(store, sha256)
    with pytest.raises(OSError, match="not those of"):
        store.get(sha256)


def test_a_damaged_file_is_mended_by_putting_the_right_bytes_again(tmp_path):
    store = FolderStore(tmp_path)
    sha256 = store.put(b"contract")
    damage(store, sha256)
    store.put(b"contract")
    assert store.get(sha256) == b"contract"


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    store = FolderStore(tmp_path / "files")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.put(b"paper")
    assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == []
    monkeypatch.undo()
    assert store.get(store.put(b"paper")) == b"paper"


def test_a_really_full_disk_leaves_nothing_behind(tmp_path):
    """RLIMIT_FSIZE makes the kernel refuse the write in the middle, as a full disk does."""
    import subprocess
    import sys
    import textwrap

    script = textwrap.dedent(f"""
        import pathlib, resource, signal
        from marketplace.integrations.filestore import FolderStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        store = FolderStore(pathlib.Path({str(tmp_path)!r}))
        try:
            store.put(b"x" * 50_000)
        except OSError:
            print("refused", [p.name for p in pathlib.Path({str(tmp_path)!r}).rglob("*") if p.is_file()])
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "refused []"


def test_files_are_readable_by_their_owner_only_and_lie_two_folders_deep(tmp_path):
    store = FolderStore(tmp_path)
    sha256 = store.put(b"secret")
    path = tmp_path / sha256[:2] / sha256[2:4] / sha256
    assert path.stat().st_mode & 0o777 == 0o600
