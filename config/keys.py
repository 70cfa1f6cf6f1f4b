"""Make the keys of a single-machine installation once, whoever comes first."""

import base64
import binascii
import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from channels import log_redaction
from config import env

ENCRYPTION_KEY_BYTES = 32


def read_or_make(path: Path, make: Callable[[], str], setting: str = "") -> str:
    """Return the content of a key file, which stands for a setting; make it, for its owner alone, where there is none.

    Several processes may come at once: each writes a file of its own and links it to the name, which only
    one can do; the others read what that one wrote. So no process ever sees half a key.

    Raises:
        ImproperlyConfigured: the file cannot be read or written, or is empty.
    """
    if setting:
        env.made(setting)
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
            try:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(make())
                    file.flush()
                    os.fsync(file.fileno())
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                Path(draft).unlink(missing_ok=True)
        content = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"The key file {path} cannot be used: {error.strerror}.") from error
    if not content:
        raise ImproperlyConfigured(f"The key file {path} is empty; restore it from a backup.")
    return content


class KeyFile(Sequence[str]):
    """The encryption keys of a key file, one a line, newest first: read anew when the file has changed.

    So every process learns of a new key at its next use of one, and none has to be restarted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._keys: Sequence[str] = ()

    def __getitem__(self, place: Any) -> Any:
        return self._current()[place]

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> Sequence[str]:
        try:
            now = self.path.stat()
            seen = (now.st_ino, now.st_mtime_ns, now.st_size)
            if seen != self._seen:
                self._keys = check_encryption_keys(
                    self.path.read_text(encoding="ascii").split(), str(self.path)
                )
                self._seen = seen
                log_redaction.protect(*self._keys)
        except OSError as error:
            if not self._keys:
                raise ImproperlyConfigured(
                    f"The key file {self.path} cannot be used: {error.strerror}."
                ) from error
        return self._keys


def lines_of(path: Path) -> list[str]:
    """Return the keys of a key file, newest first."""
    return path.read_text(encoding="ascii").split()


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Put keys in place of a file's, for its owner alone, all at once: nobody ever reads half of them."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def make_secret_key() -> str:
    """Return a new key for signing sessions and forms."""
    return secrets.token_urlsafe(50)


def make_installation_id() -> str:
    """Return a new name for this installation."""
    return secrets.token_hex(16)


def make_encryption_key() -> str:
    """Return a new key under which credentials are stored: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(ENCRYPTION_KEY_BYTES)).decode("ascii")


def check_encryption_keys(keys: Sequence[str], name: str = "HEADEND_ENCRYPTION_KEYS") -> Sequence[str]:
    """Return the keys if each is 32 bytes in URL-safe base64; the first encrypts, all of them decrypt.

    Raises:
        ImproperlyConfigured: there is none, or one is of another shape. The message shows no key.
    """
    if not keys:
        raise ImproperlyConfigured(f"{name} must hold at least one key.")
    for number, key in enumerate(keys, start=1):
        try:
            padded = key + "=" * (-len(key) % 4)
            size = len(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            size = -1
        if size != ENCRYPTION_KEY_BYTES:
            raise ImproperlyConfigured(
                f"{name}: key {number} is not {ENCRYPTION_KEY_BYTES} bytes in URL-safe base64. Make one: "
                'python -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
            )
    return keys


def read_private_key(given: str, path: str, name: str) -> str:
    """Return a private key in PEM: from the variable `name` (PEM, also on one line, or base64 of it), else from a file.

    Whether it is a key that signs is for `manage.py check` to say. Empty where neither is given.

    Raises:
        ImproperlyConfigured: both are given, the file cannot be read, or the text is neither PEM nor base64.
    """
    if given and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: leave one out.")
    if path:
        try:
            given = Path(path).expanduser().read_text(encoding="ascii")
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error
        except ValueError:
            raise ImproperlyConfigured(f"{name}_FILE is no PEM file.") from None
    if not given or "-----BEGIN" in given:
        return given.replace("\\n", "\n").strip()
    try:
        decoded = base64.b64decode("".join(given.split()), validate=True).decode("ascii").strip()
    except ValueError:
        decoded = ""
    if "-----BEGIN" not in decoded:
        raise ImproperlyConfigured(f"{name} is neither PEM nor base64 of PEM.")
    return decoded
