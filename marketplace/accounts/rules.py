"""What an account is made of: names to sign in with, passwords, one-time codes, the three separated administrators."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from marketplace.core.access import Role
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.text import N_

JOB_REFUSALS_PILED_UP = "accounts.refusals_piled_up"   # payload: person_ref, name, count

SLIP_LIFE = timedelta(days=7)
SLIP_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"   # no 0 O 1 I L: people copy it from paper
SLIP_LENGTH = 12

LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=15)          # rulebook 7.2: 5 failures, 15 minutes
IDLE_STAFF = timedelta(minutes=30)
IDLE_PROVIDER = timedelta(hours=2)
SESSION_LIFE = timedelta(hours=12)
REFUSALS_ALERT = 20
REFUSALS_WINDOW = timedelta(minutes=10)

MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_NAME = 60
MAX_TITLE = 60
TEXT_SIZES = {"normal": N_("标准"), "large": N_("大字")}
LOCALES = {"zh_Hans_CN": N_("简体中文"), "zh_Hant": N_("繁体中文"), "en": "English"}

ADMINISTRATIVE = frozenset({Role.OPERATOR, Role.SECURITY_OFFICER, Role.AUDITOR})   # 三员分立: one person, one of them
PLATFORM_ROLES = ADMINISTRATIVE | {Role.EXPERT}          # held on the platform, for no organization
UNIT_ROLES = frozenset({Role.HANDLER, Role.APPROVER, Role.UNIT_ADMIN})
PROVIDER_ROLES = frozenset({Role.PROVIDER_ADMIN, Role.PROVIDER_MEMBER})

_MOBILE = re.compile(r"1[3-9]\d{9}")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}")
_HASHER = PasswordHasher(time_cost=2, memory_cost=32 * 1024, parallelism=1)   # argon2id; OWASP asks for 19 MiB and 2
_BAD_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Cn"}


@dataclass(frozen=True)
class Place:
    """An organization as this slice needs it: whose members, and where in the tree of units ("" for a provider)."""

    id: int
    ref: str
    name: str
    path: str


@dataclass(frozen=True)
class Profile:
    """What a person may change about himself; empty text means not given."""

    name: str
    phone: str
    email: str
    title: str
    locale: str
    text_size: str


def normal_login(typed: str) -> str:
    """Return the account name as it is kept: half-width, lower case, a mobile number without gaps."""
    text = unicodedata.normalize("NFKC", typed or "").strip().lower()
    digits = re.sub(r"[\s-]", "", text).removeprefix("+86")
    return digits if digits.isdigit() else text


def check_login(typed: str) -> str:
    """Return the account name, or raise Invalid unless it is a mainland mobile number or an e-mail address."""
    login = normal_login(typed)
    if not (_MOBILE.fullmatch(login) or _EMAIL.fullmatch(login)):
        raise Invalid(N_("账号要用 11 位手机号或电子邮箱。请检查有没有多字或少字"), field="login")
    return login


def check_name(typed: str) -> str:
    """Return a person's name, NFC and trimmed; refuse emptiness, over-length and invisible characters."""
    name = " ".join(unicodedata.normalize("NFC", typed or "").split())
    if not name or len(name) > MAX_NAME:
        raise Invalid(N_("姓名要填 1 至 {most} 个字"), field="name", most=MAX_NAME)
    if any(unicodedata.category(letter) in _BAD_CATEGORIES for letter in name):
        raise Invalid(N_("姓名里有看不见的字符。请重新输入，不要从网页粘贴"), field="name")
    return name


@cache
def common_passwords() -> frozenset[str]:
    """Return the offline list of passwords that are tried first."""
    path = Path(__file__).with_name("common_passwords.txt")
    return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def check_password(password: str, *, login: str, name: str = "") -> str:
    """Return the password, NFC, or raise Invalid with the one thing to change. No rules on kinds of characters."""
    plain = unicodedata.normalize("NFC", password or "")
    if len(plain) < MIN_PASSWORD:
        raise Invalid(N_("密码至少 {least} 位。可以用几个词连起来，容易记也难猜"), field="password", least=MIN_PASSWORD)
    if len(plain) > MAX_PASSWORD:
        raise Invalid(N_("密码最多 {most} 位"), field="password", most=MAX_PASSWORD)
    if _is_guessable(plain.lower(), login=login, name=name):
        raise Invalid(N_("这个密码太常见，或含有账号本身，容易被猜到。请换一个"), field="password")
    return plain


def _is_guessable(plain: str, *, login: str, name: str) -> bool:
    """Say whether a password is on the list, a run, one repeated piece, or made of the account's own name."""
    if plain in common_passwords() or plain in "01234567890123456789" or plain in "98765432109876543210":
        return True
    if any(len(plain) % size == 0 and plain == plain[:size] * (len(plain) // size) for size in (1, 2, 3)):
        return True
    own = [part for part in (login.partition("@")[0], name.lower()) if len(part) > 1]
    return any(part in plain and len(plain) - len(part) < MIN_PASSWORD // 2 for part in own)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password that passed check_password (about 0.1 s)."""
    return _HASHER.hash(unicodedata.normalize("NFC", password))


@cache
def _dummy_hash() -> str:
    """Return a hash that no password fits, so that an unknown account costs the same time."""
    return _HASHER.hash(secrets.token_hex(16))


def password_fits(password: str, stored: str | None) -> bool:
    """Say whether the password fits the stored hash; takes as long when there is none."""
    try:
        fits = _HASHER.verify(stored or _dummy_hash(), unicodedata.normalize("NFC", password[:MAX_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False
    return fits and stored is not None


def new_slip_code() -> str:
    """Return a one-time code of 59 random bits, in groups of four as it is printed."""
    letters = "".join(secrets.choice(SLIP_ALPHABET) for _ in range(SLIP_LENGTH))
    return "-".join(letters[at:at + 4] for at in range(0, SLIP_LENGTH, 4))


def slip_hash(code: str) -> str:
    """Return what is kept of a one-time code; gaps, hyphens and case do not matter."""
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code or "")).upper()
    return hashlib.sha256(f"slip:{plain}".encode()).hexdigest()


def login_key(login: str) -> str:
    """Return the key under which failures of an account name are counted, known or not."""
    return hashlib.sha256(f"login:{normal_login(login)}".encode()).hexdigest()


def new_token() -> str:
    """Return a session token of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what the database keeps of a session token."""
    return hashlib.sha256(f"session:{token}".encode()).hexdigest()


def idle_limit(roles: Iterable[Role]) -> timedelta:
    """Return how long a session may rest: two hours for providers, half an hour for everybody else."""
    held = frozenset(roles)
    return IDLE_PROVIDER if held and held <= PROVIDER_ROLES else IDLE_STAFF


def check_separation(held: Iterable[Role], role: Role) -> None:
    """Raise Conflict when one person would be two of system, security and audit administrator (三员分立)."""
    if role in ADMINISTRATIVE and ADMINISTRATIVE.intersection(held) - {role}:
        raise Conflict(N_("系统管理员、安全管理员、审计管理员不能由一人兼任。请先收回他现有的管理身份"))


def check_place(role: Role, place: Place | None) -> None:
    """Raise Invalid unless a role is granted where it belongs: on the platform, in a unit, or in an organization."""
    if role in PLATFORM_ROLES:
        if place is not None:
            raise Invalid(N_("这个身份属于平台，不能授在某个单位名下"), field="role")
    elif place is None:
        raise Invalid(N_("请选择这个身份所在的单位"), field="organization")
    elif (role in UNIT_ROLES) != bool(place.path):
        raise Invalid(N_("“{name}”不能有这个身份：经办、审核属于政府单位，社会组织用自己的身份"), field="role",
                      name=place.name)
