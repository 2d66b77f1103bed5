"""AesGcmSealer: data keys wrapped by one key that lies outside the database (docs/sealing.md says against whom)."""

import hashlib
import logging
import os
import secrets
import struct
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from marketplace.core.errors import KeyMissing, SealBroken
from marketplace.core.text import N_

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 8
WRAPPED_MAGIC = b"MKW1"
SEALED_MAGIC = b"MKS1"
CACHED_KEYS = 256
_HEADER = struct.Struct(f">4s{KEY_ID_BYTES}sH")   # magic, id of the outside key, length of the purpose

FIRST_LINES = (
    "# 密封钥匙 / outside key of sealed bids and drafts.\n"
    "# 请立即另存一份到保险柜。没有它，任何人都不能启封已提交的响应文件；数据库备份里没有它，也不应有它。\n"
    "# Copy this file to a safe now. Without it nobody can open what was sealed. Keep it apart from database backups.\n"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class _KeyRing:
    """The outside keys in the file: the last one wraps, all of them unwrap (that is how a key is changed)."""

    keys: dict[bytes, AESGCM]
    active: bytes


class AesGcmSealer:
    """Envelope encryption with AES-256-GCM; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._ring: tuple[tuple[int, int, int], _KeyRing] | None = None
        self._data_keys: OrderedDict[bytes, AESGCM] = OrderedDict()

    def prepare(self) -> bool:
        """Make the outside key if its file does not exist; return whether one was made.

        Only `./run` on an empty database and the very first seal may call this: a new key never opens old seals.
        """
        if self.path.exists():
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(KEY_BYTES)
        temporary = self.path.with_name(f".{self.path.name}-{secrets.token_hex(6)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{FIRST_LINES}{_key_id(key).hex()} {key.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self.path)   # fails when another process was first: its key stands
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        log.warning("a new sealing key was made at %s - copy it to a safe, away from the database backups", self.path)
        return True

    def key_id(self) -> str:
        """Return the public id of the key that wraps now; raises KeyMissing."""
        return self._load().active.hex()

    def new_key(self, purpose: str, *, is_first: bool = False) -> bytes:
        """Return a fresh data key, wrapped by the outside key; `purpose` is bound to it.

        `is_first`: nothing was ever sealed here, so a missing outside key may be made. Otherwise raises KeyMissing.
        """
        if is_first:
            self.prepare()
        ring = self._load()
        bound = purpose.encode()
        header = _HEADER.pack(WRAPPED_MAGIC, ring.active, len(bound)) + bound
        data_key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
        return header + nonce + ring.keys[ring.active].encrypt(nonce, data_key, header)

    def seal(self, wrapped_key: bytes, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt with authenticated context; raises KeyMissing when the outside key is not there."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return SEALED_MAGIC + nonce + self._data_key(wrapped_key).encrypt(nonce, plaintext, SEALED_MAGIC + context)

    def unseal(self, wrapped_key: bytes, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; raises SealBroken when a bit of it, or the context, differs."""
        key = self._data_key(wrapped_key)
        start = len(SEALED_MAGIC)
        try:
            nonce, body = sealed[start:start + NONCE_BYTES], sealed[start + NONCE_BYTES:]
            return key.decrypt(nonce, body, sealed[:start] + context)
        except (InvalidTag, ValueError):
            raise _broken() from None

    def _data_key(self, wrapped_key: bytes) -> AESGCM:
        """Return the data key, unwrapped at most once while the outside key stays in place."""
        ring = self._load()
        with self._lock:
            if (known := self._data_keys.get(wrapped_key)) is not None:
                self._data_keys.move_to_end(wrapped_key)
                return known
        made = AESGCM(_unwrap(ring, wrapped_key, self.path))
        with self._lock:
            self._data_keys[wrapped_key] = made
            while len(self._data_keys) > CACHED_KEYS:
                self._data_keys.popitem(last=False)
        return made

    def _load(self) -> _KeyRing:
        """Return the outside keys; the file is looked at each time, so that taking it away stops the sealing."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise KeyMissing(
                N_("密封钥匙文件不在：{path}。请联系平台把保险柜里的那一份放回原处。已密封的内容都还在，放回后即可继续"),
                path=str(self.path),
            ) from None
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._lock:
            if self._ring is None or self._ring[0] != mark:
                self._ring = (mark, _read_ring(self.path))
                self._data_keys.clear()
            return self._ring[1]


def _key_id(key: bytes) -> bytes:
    """Return the public name of an outside key: it tells keys apart and reveals nothing of them."""
    return hashlib.sha256(b"marketplace outside key" + key).digest()[:KEY_ID_BYTES]


def _read_ring(path: Path) -> _KeyRing:
    """Read the key file: one 'id key' a line in hex, comments with #; the last line is the active key."""
    keys: dict[bytes, AESGCM] = {}
    active = b""
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                named, key = (bytes.fromhex(part) for part in line.split())
                active = _key_id(key)
                if active != named:
                    raise ValueError  # noqa: TRY301 - a line that does not fit is the same as an unreadable one
                keys[active] = AESGCM(key)
    except ValueError:
        keys = {}
    if not keys:
        raise KeyMissing(N_("密封钥匙文件读不出钥匙：{path}。请联系平台用保险柜里的那一份替换。已密封的内容都还在"),
                         path=str(path))
    return _KeyRing(keys, active)


def _unwrap(ring: _KeyRing, wrapped: bytes, path: Path) -> bytes:
    """Return the data key inside; its header (key id and purpose) is authenticated."""
    try:
        magic, key_id, length = _HEADER.unpack_from(wrapped)
    except struct.error:
        raise _broken() from None
    if magic != WRAPPED_MAGIC:
        raise _broken()
    if key_id not in ring.keys:
        raise KeyMissing(
            N_("密封钥匙文件不是当初用的那一把：{path}（需要 {key_id}）。请联系平台放回原来的钥匙。已密封的内容都还在"),
            path=str(path), key_id=key_id.hex(),
        )
    end = _HEADER.size + length
    try:
        return ring.keys[key_id].decrypt(wrapped[end:end + NONCE_BYTES], wrapped[end + NONCE_BYTES:], wrapped[:end])
    except (InvalidTag, ValueError):
        raise _broken() from None


def _broken() -> SealBroken:
    """Return the refusal of content that is not what was sealed."""
    return SealBroken(N_("密封的内容与当初不一致，无法解开。请联系平台查看审计记录"))
