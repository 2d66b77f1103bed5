"""Config: one frozen dataclass, read from the environment, raising at start on a bad value."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIN_SECRET = 32
SEARCH_ENGINES = ("whoosh", "tantivy")
CURRENCIES = ("CNY", "HKD", "MOP", "SGD", "MYR", "THB", "USD", "CAD", "AUD", "NZD", "EUR", "GBP", "CHF")


_STRIPE_LABEL = re.compile(r"[a-z][a-z0-9_]{0,30}")
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9]{8,}")
_STRIPE_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{8,}")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}")


class ConfigError(ValueError):
    """A setting that the site must not start with."""


@dataclass(frozen=True)
class StripeAccount:
    """The Stripe account of one receiving body: its own keys, its own webhook."""

    label: str
    key: str = field(repr=False)
    webhook_secret: str = field(repr=False)

    @property
    def is_live(self) -> bool:
        """Say whether real money moves."""
        return "_live_" in self.key

    def check(self) -> None:
        """Refuse a key of an unknown form and a blank webhook secret, by the name of the setting."""
        name = f"MARKETPLACE_STRIPE_{self.label.upper()}"
        if not _STRIPE_KEY.fullmatch(self.key):
            msg = f"{name}_KEY must be a secret or restricted key (sk_test_, sk_live_, rk_test_, rk_live_)"
            raise ConfigError(msg)
        if not _STRIPE_SECRET.fullmatch(self.webhook_secret):
            msg = f"{name}_WEBHOOK_SECRET must be a signing secret (whsec_...): else anybody could report a payment"
            raise ConfigError(msg)


@dataclass(frozen=True)
class Config:
    """Everything that differs between one installation and the next."""

    instance: Path = ROOT / "instance"
    database_url: str = ""                  # empty: SQLite in the instance folder
    secret_key: str = ""                    # empty: made on first start, kept in the instance folder
    seal_key_file: Path | None = None       # None: instance/seal.key, made on first start with a warning
    base_url: str = "http://127.0.0.1:5000"  # printed in QR codes and mails; never taken from a request
    allowed_hosts: tuple[str, ...] = ()     # empty: the host of base_url, localhost and 127.0.0.1
    behind_proxy: int = 0                   # how many trusted proxies set X-Forwarded-For
    site_name: str = "社洽会"
    region_name: str = "澜川区公益项目供需平台"
    host_name: str = "澜川区民政局"
    host_phone: str = "0000-8612 3450"
    mail_url: str = "file:"                 # file: writes into instance/mail; smtp://host:port sends
    mail_from: str = "noreply@example.invalid"
    clamd: str = ""                         # ClamAV's socket (path or host:port); empty: the small scanner only
    search: str = "whoosh"                  # the full-text engine: whoosh, or tantivy for one large machine
    rate_limits: bool = True
    limiter_storage: str = "memory://"
    testing: bool = False
    jobs: str = "thread"                   # thread: the web process also works the outbox; none: `flask jobs work` does
    workers: int = 1
    threads: int = 8
    demo_marks: bool = False                # contracts and pages of a demo world say so
    currency: str = "CNY"                   # of the whole site; amounts have two decimals everywhere
    stripe_accounts: tuple[StripeAccount, ...] = ()   # one for each receiving body; none: no card payments here
    stripe_api: str = ""                    # a loopback address in Stripe's place, for tests and trial sites
    extra: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Config":
        """Read MARKETPLACE_* and DATABASE_URL; raises ConfigError with the name of the bad setting."""
        env = os.environ if env is None else env

        def get(name: str, default: str) -> str:
            return env.get(f"MARKETPLACE_{name}", default)

        def number(name: str, default: int) -> int:
            text = get(name, str(default))
            if not text.isdigit():
                msg = f"MARKETPLACE_{name} must be a whole number, not {text!r}"
                raise ConfigError(msg)
            return int(text)

        instance = Path(get("INSTANCE", str(ROOT / "instance"))).resolve()
        key_file = get("SEAL_KEY_FILE", "")
        port = env.get("PORT", "5000")
        made = cls(
            instance=instance,
            database_url=env.get("DATABASE_URL", ""),
            secret_key=get("SECRET_KEY", ""),
            seal_key_file=Path(key_file).resolve() if key_file else None,
            base_url=get("BASE_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            allowed_hosts=tuple(h.strip() for h in get("ALLOWED_HOSTS", "").split(",") if h.strip()),
            behind_proxy=number("BEHIND_PROXY", 0),
            site_name=get("SITE_NAME", cls.site_name), region_name=get("REGION_NAME", cls.region_name),
            host_name=get("HOST_NAME", cls.host_name), host_phone=get("HOST_PHONE", cls.host_phone),
            mail_url=get("MAIL_URL", cls.mail_url), mail_from=get("MAIL_FROM", cls.mail_from),
            clamd=get("CLAMD", ""), search=get("SEARCH", cls.search),
            rate_limits=get("RATE_LIMITS", "on") == "on", limiter_storage=get("LIMITER_STORAGE", cls.limiter_storage),
            jobs=get("JOBS", cls.jobs), workers=number("WORKERS", 1), threads=number("THREADS", 8),
            currency=get("CURRENCY", cls.currency), stripe_api=get("STRIPE_API", "").rstrip("/"),
            stripe_accounts=_stripe_accounts(env),
        )
        made.check()
        return made

    def check(self) -> None:
        """Refuse what would be unsafe or could not work."""
        if self.secret_key and len(self.secret_key) < MIN_SECRET:
            msg = f"MARKETPLACE_SECRET_KEY needs at least {MIN_SECRET} characters"
            raise ConfigError(msg)
        if "*" in self.allowed_hosts:
            msg = "MARKETPLACE_ALLOWED_HOSTS must name hosts, not *"
            raise ConfigError(msg)
        self._check_search()
        self._check_payments()
        if self.jobs not in {"thread", "none"}:
            msg = "MARKETPLACE_JOBS is thread or none"
            raise ConfigError(msg)
        if not self.base_url.startswith(("http://", "https://")):
            msg = "MARKETPLACE_BASE_URL must begin with http:// or https://"
            raise ConfigError(msg)
        scheme = self.database_url.partition(":")[0]
        if scheme not in {"", "sqlite", "postgresql", "postgresql+psycopg", "postgres"}:
            msg = f"DATABASE_URL must be sqlite or postgresql, not {scheme!r}"
            raise ConfigError(msg)

    def _check_search(self) -> None:
        """Refuse an engine that is unknown or not installed."""
        if self.search not in SEARCH_ENGINES:
            msg = f"MARKETPLACE_SEARCH is {' or '.join(SEARCH_ENGINES)}, not {self.search!r}"
            raise ConfigError(msg)
        if self.search == "tantivy" and find_spec("tantivy") is None:
            msg = "MARKETPLACE_SEARCH=tantivy needs the package tantivy: pip install 'marketplace[tantivy]'"
            raise ConfigError(msg)

    def _check_payments(self) -> None:
        """Refuse test and live side by side, an account twice, an address for Stripe that is not this machine."""
        if self.currency not in CURRENCIES:
            msg = f"MARKETPLACE_CURRENCY is one of {', '.join(CURRENCIES)}, not {self.currency!r}"
            raise ConfigError(msg)
        for account in self.stripe_accounts:
            account.check()
        if len({account.key for account in self.stripe_accounts}) < len(self.stripe_accounts):
            msg = "MARKETPLACE_STRIPE_ACCOUNTS: two labels have the same _KEY; each receiving body has its own account"
            raise ConfigError(msg)
        if len({account.is_live for account in self.stripe_accounts}) > 1:
            msg = "MARKETPLACE_STRIPE_ACCOUNTS mixes test and live keys in one site"
            raise ConfigError(msg)
        if not self.stripe_api:
            return
        if not _LOOPBACK.fullmatch(self.stripe_api) or any(account.is_live for account in self.stripe_accounts):
            msg = "MARKETPLACE_STRIPE_API may only be a loopback address such as http://127.0.0.1:12111, with test keys"
            raise ConfigError(msg)

    @property
    def sqlalchemy_url(self) -> str:
        """Return the address of the database for SQLAlchemy."""
        url = self.database_url or f"sqlite:///{self.instance / 'marketplace.sqlite3'}"
        for old in ("postgres://", "postgresql://"):
            if url.startswith(old):
                return "postgresql+psycopg://" + url.removeprefix(old)
        return url

    @property
    def holds_demo_world(self) -> bool:
        """Say whether what is made here must be marked as invented: set so, or a demo world was built here."""
        return self.demo_marks or (self.instance / "demo-sign-ins.txt").exists()

    @property
    def seal_key_path(self) -> Path:
        """Return where the outside key of sealed bids lies."""
        return self.seal_key_file or self.instance / "seal.key"

    def load_secret_key(self) -> str:
        """Return the key of sessions and tokens; make and keep one on the first start."""
        if self.secret_key:
            return self.secret_key
        path = self.instance / "secret.key"
        self.instance.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_hex(32))
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_text().strip()


def _stripe_accounts(env: Mapping[str, str]) -> tuple[StripeAccount, ...]:
    """Read MARKETPLACE_STRIPE_ACCOUNTS=label,label with each label's _KEY and _WEBHOOK_SECRET."""
    labels = [part.strip() for part in env.get("MARKETPLACE_STRIPE_ACCOUNTS", "").split(",") if part.strip()]
    if bad := [label for label in labels if not _STRIPE_LABEL.fullmatch(label)]:
        msg = f"MARKETPLACE_STRIPE_ACCOUNTS: a label is lower-case letters, digits and _, not {bad[0]!r}"
        raise ConfigError(msg)
    if len(set(labels)) < len(labels):
        msg = "MARKETPLACE_STRIPE_ACCOUNTS names an account twice"
        raise ConfigError(msg)
    return tuple(StripeAccount(label, env.get(f"MARKETPLACE_STRIPE_{label.upper()}_KEY", "").strip(),
                               env.get(f"MARKETPLACE_STRIPE_{label.upper()}_WEBHOOK_SECRET", "").strip())
                 for label in labels)
