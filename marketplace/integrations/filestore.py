"""FolderStore: files on a disk, each under its SHA-256, written whole or not at all."""

import hashlib
import os
import re
import secrets
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")


class FolderStore:
    """Keeps bytes in `root/ab/cd/<sha256>`; two folders deep, so that no folder grows beyond a few thousand files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Store durably and return the SHA-256 in hex; the same bytes are stored once.

        The bytes go to a temporary name, reach the disk, and only then get their name: a full disk or a killed
        process leaves nothing that could be taken for the file. Raises OSError when the disk refuses.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if path.is_file() and path.stat().st_size == len(data):
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{sha256[:8]}-{secrets.token_hex(6)}")
        try:
            _write_through(temporary, data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent, self.root):
            _sync_folder(folder)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes; raises FileNotFoundError, or OSError when they do not match their name."""
        data = self._path(sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            msg = f"the stored bytes are not those of {sha256}: the disk or a hand changed them"
            raise OSError(msg)
        return data

    def _path(self, sha256: str) -> Path:
        """Return where the bytes lie; a name that is not a SHA-256 never becomes a path."""
        if not _NAME.fullmatch(sha256):
            raise FileNotFoundError(sha256[:80])
        return self.root / sha256[:2] / sha256[2:4] / sha256


def _write_through(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Wait until a folder's own entries are on the disk, so that the new name survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
