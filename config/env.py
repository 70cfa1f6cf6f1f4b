"""Read settings from the environment, and say by name which one is wrong and why.

Values come from the real environment first, then from `installation.env` in the data folder, which
`manage.py up` writes so that every process of one installation agrees. In a demo it is the other way round:
a GITHUB_API_URL that happens to be set in the shell must not point half of a demo at the real GitHub.
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import private

T = TypeVar("T")
BASE_DIR = Path(__file__).resolve().parent.parent
INSTALLATION_FILE = "installation.env"
DEMO_FLAG = "HEADEND_DEMO"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})

SECRETS = frozenset(
    {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "HEADEND_ENCRYPTION_KEYS",
        "HEADEND_MCP_TOKEN",
        "HEADEND_METRICS_TOKEN",
        "HEADEND_HEARTBEAT_URL",
        "HEADEND_AUDIT_ANCHOR_URL",
        "GITHUB_TOKEN",
        "GITHUB_APP_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
        "GITHUB_WEBHOOK_SECRET_FALLBACKS",
        "GOOGLE_CLIENT_SECRET",
        "HEADEND_OIDC_CLIENT_SECRET",
    }
)
"""Whose values are shown to nobody."""
GIVEN_BY_UP = "HEADEND_GIVEN_BY_UP"
"""Names what `manage.py up` has put into its children's environment by itself, where the installer had set nothing."""

_cache: dict[Path, Mapping[str, str]] = {}
_read_names: dict[str, bool] = {}
"""Each variable that was read, and whether Headend made its value for want of one."""


def data_dir() -> Path:
    """Return the folder under which this installation keeps everything."""
    _read_names.setdefault("HEADEND_DATA_DIR", False)
    given = os.environ.get("HEADEND_DATA_DIR", "").strip()
    path = Path(given).expanduser() if given else _usual_data_dir()
    return path if path.is_absolute() else Path.cwd() / path


def _usual_data_dir() -> Path:
    """Return `var` beside the code of a checkout; of an installed package, which is replaced whole, one of the user's."""
    if (BASE_DIR / "pyproject.toml").is_file():
        return BASE_DIR / "var"
    given = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(given) if given else Path.home() / ".local" / "share") / "headend"


def make_data_dir() -> Path:
    """Make the data folder, closed to others whatever the umask, and check that it can be written.

    Raises:
        ImproperlyConfigured: it cannot be made or written.
    """
    folder = data_dir()
    try:
        private.folder(folder)
    except OSError as error:
        raise fault("HEADEND_DATA_DIR", f"({folder}) cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise fault("HEADEND_DATA_DIR", f"({folder}) cannot be written by this user.")
    return folder


def parse_lines(content: str, origin: str = INSTALLATION_FILE) -> dict[str, str]:
    """Return the NAME=value lines of a file; blank lines and lines with a leading # are skipped.

    Raises:
        ImproperlyConfigured: a line is not of the form NAME=value.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{origin}, line {number}: expected NAME=value.")
        values[name.strip()] = value.strip()
    return values


def installation() -> Mapping[str, str]:
    """Return what `manage.py up` wrote down for every process of this installation."""
    folder = data_dir()
    if folder not in _cache:
        path = folder / INSTALLATION_FILE
        try:
            _cache[folder] = parse_lines(path.read_text(encoding="utf-8"), str(path))
        except FileNotFoundError:
            _cache[folder] = {}
        except OSError as error:
            raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}.") from error
    return _cache[folder]


def reset_installation() -> None:
    """Read the installation file anew next time; the supervisor calls this after writing it."""
    _cache.clear()


def made(name: str) -> None:
    """Note that Headend has made a value for want of one."""
    _read_names[name] = True


@dataclass(frozen=True, slots=True)
class Reading:
    """One variable that was read: where its value comes from, and what was given, which of a secret nobody is told."""

    origin: str
    """environment, file (installation.env), up (in the environment of its processes), made (in `keys/`) or default."""
    given: str | None
    is_secret: bool
    is_set: bool


def readings() -> dict[str, Reading]:
    """Return every variable that was read until now."""
    found = {}
    for name, was_made in list(_read_names.items()):
        value = raw(name)
        secret = name in SECRETS
        origin = "made" if was_made and value is None else _origin(name)
        found[name] = Reading(origin, None if secret else value, secret, value is not None or was_made)
    return found


def _origin(name: str) -> str:
    kept = installation()
    if kept.get(name) and (DEMO_FLAG in kept or not os.environ.get(name, "").strip()):
        return "file"
    if not os.environ.get(name, "").strip() or (DEMO_FLAG in kept and name in kept):
        return "default"
    return "up" if name in os.environ.get(GIVEN_BY_UP, "").split(",") else "environment"


def raw(name: str) -> str | None:
    """Return the value of `name`, or None where it is unset or empty."""
    _read_names.setdefault(name, False)
    kept = installation()
    if DEMO_FLAG in kept and name in kept:
        return kept[name] or None
    return os.environ.get(name, "").strip() or kept.get(name) or None


def fault(name: str, fact: str) -> ImproperlyConfigured:
    """Make the error that names the variable and the fact, and never shows its value."""
    return ImproperlyConfigured(f"{name} {fact}")


@overload
def text(name: str) -> str: ...
@overload
def text(name: str, default: T, /) -> str | T: ...
def text(name: str, *default: Any) -> Any:
    """Return a text; without a default the variable must be set."""
    return _read(name, str, default)


@overload
def integer(name: str, *, minimum: int | None = None, maximum: int | None = None) -> int: ...
@overload
def integer(
    name: str, default: T, /, *, minimum: int | None = None, maximum: int | None = None
) -> int | T: ...
def integer(name: str, *default: Any, minimum: int | None = None, maximum: int | None = None) -> Any:
    """Return a whole number within the bounds."""

    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise fault(name, "must be a whole number.") from None
        if minimum is not None and number < minimum:
            raise fault(name, f"must be at least {minimum}; it is {number}.")
        if maximum is not None and number > maximum:
            raise fault(name, f"must be at most {maximum}; it is {number}.")
        return number

    return _read(name, parse, default)


@overload
def flag(name: str) -> bool: ...
@overload
def flag(name: str, default: T, /) -> bool | T: ...
def flag(name: str, *default: Any) -> Any:
    """Return a yes or no."""

    def parse(value: str) -> bool:
        if value.lower() in TRUE_WORDS:
            return True
        if value.lower() in FALSE_WORDS:
            return False
        raise fault(name, "must be yes or no (also: true, false, on, off, 1, 0).")

    return _read(name, parse, default)


@overload
def url(name: str, *, schemes: tuple[str, ...] = ("https", "http")) -> str: ...
@overload
def url(name: str, default: T, /, *, schemes: tuple[str, ...] = ("https", "http")) -> str | T: ...
def url(name: str, *default: Any, schemes: tuple[str, ...] = ("https", "http")) -> Any:
    """Return an address with one of the schemes; one for HTTP comes without a slash at its end."""

    def parse(value: str) -> str:
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise fault(name, "is not a valid address.") from None
        if parts.scheme not in schemes:
            raise fault(name, f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
        if parts.scheme != "memory" and not parts.netloc and not parts.path:
            raise fault(name, "names no host.")
        if parts.scheme not in ("http", "https"):
            return value  # amqp://host// names the virtual host "/"
        if not parts.hostname:
            raise fault(name, "names no host.")
        return value.rstrip("/")

    return _read(name, parse, default)


def pairs(name: str, values: tuple[str, ...]) -> dict[str, str]:
    """Return `a=x, b=y` as a mapping; each value is one of the listed words."""

    def parse(value: str) -> dict[str, str]:
        found = {}
        for part in filter(None, (each.strip() for each in value.split(","))):
            key, _, word = part.rpartition("=")
            if not key.strip() or word.strip() not in values:
                raise fault(name, f"has {part!r}, which is no NAME={'|'.join(values)}.")
            found[key.strip()] = word.strip()
        return found

    return _read(name, parse, ({},))


def one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    """Return one of the listed words."""

    def parse(value: str) -> str:
        if value not in choices:
            raise fault(name, f"must be {' or '.join(choices)}.")
        return value

    return _read(name, parse, (default,))


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return the parts of a list that is separated by commas."""
    return _read(
        name, lambda value: [part.strip() for part in value.split(",") if part.strip()], (list(default),)
    )


def folders(name: str) -> list[Path]:
    """Return the folders of a list that is separated by commas, each from the root on; empty where unset."""
    found = []
    for part in words(name):
        path = Path(part)
        if not path.is_absolute() or path == Path(path.anchor):
            raise fault(name, f"must list whole paths of folders such as /srv/films; {part} is none.")
        found.append(path)
    return found


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks (CIDR) of a list that is separated by commas; empty where unset."""
    found = []
    for part in words(name):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError:
            raise fault(name, f"must list networks such as 10.0.0.0/8; {part} is none.") from None
    return found


def _read(name: str, parse: Callable[[str], T], default: tuple[T, ...]) -> T:
    value = raw(name)
    if value is not None:
        return parse(value)
    if default:
        return default[0]
    raise fault(name, "must be set.")
