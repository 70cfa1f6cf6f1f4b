"""Keys of an installation: made once, whole, and readable by their owner alone."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import keys
from tests.app_keys import private_pem


def test_a_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret_key"
    first = keys.read_or_make(path, keys.make_secret_key)
    assert keys.read_or_make(path, keys.make_secret_key) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_many_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "encryption_key"
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: keys.read_or_make(path, keys.make_encryption_key), range(64)))
    assert len(found) == 1


def test_an_empty_key_file_is_refused_rather_than_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    path.touch()
    with pytest.raises(ImproperlyConfigured, match="is empty; restore it from a backup"):
        keys.read_or_make(path, keys.make_secret_key)


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(ImproperlyConfigured, match=r"folder cannot be used"):
        keys.read_or_make(path, keys.make_secret_key)


def test_made_encryption_keys_pass_their_own_check() -> None:
    made = [keys.make_encryption_key(), keys.make_encryption_key()]
    assert keys.check_encryption_keys(made) == made


def test_a_key_may_come_without_its_padding() -> None:
    made = keys.make_encryption_key().rstrip("=")
    assert keys.check_encryption_keys([made]) == [made]


@pytest.mark.parametrize("bad", ["password", base64.urlsafe_b64encode(b"short").decode(), "ü" * 44])
def test_a_key_of_another_shape_is_refused_without_being_shown(bad: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        keys.check_encryption_keys([keys.make_encryption_key(), bad])
    assert "key 2 is not 32 bytes" in str(refused.value)
    assert bad not in str(refused.value)


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="must hold at least one key"):
        keys.check_encryption_keys([])


def test_an_apps_key_is_read_from_pem_on_many_lines_or_one_from_base64_and_from_a_file(
    tmp_path: Path,
) -> None:
    pem = private_pem("app")
    path = tmp_path / "app.pem"
    path.write_text(pem + "\n")
    read = keys.read_private_key
    assert read(pem, "", "KEY") == pem
    assert read(pem.replace("\n", "\\n"), "", "KEY") == pem
    assert read(base64.b64encode(pem.encode()).decode(), "", "KEY") == pem
    assert read("", str(path), "KEY") == pem
    assert read("", "", "KEY") == ""


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ("nonsense!", "", "KEY is neither PEM nor base64 of PEM"),
        ("bm9uc2Vuc2U=", "", "KEY is neither PEM nor base64 of PEM"),
        ("-----BEGIN", "also/a/file", "KEY and KEY_FILE are both set"),
        ("", "/no/such/file", "KEY_FILE cannot be read: No such file"),
    ],
)
def test_what_is_no_key_is_refused_by_name(given, path, said) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        keys.read_private_key(given, path, "KEY")
