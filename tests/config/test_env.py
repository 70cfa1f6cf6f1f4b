"""Settings from the environment: typed, and wrong ones named."""

import ipaddress
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data folder that no installation uses yet."""
    monkeypatch.setenv("HEADEND_DATA_DIR", str(tmp_path))
    env.reset_installation()
    yield tmp_path
    env.reset_installation()


def write_installation(folder: Path, content: str) -> None:
    (folder / "installation.env").write_text(content)
    env.reset_installation()


def test_a_required_variable_that_is_unset_is_named(folder) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^THING must be set\.$"):
        env.text("THING")


def test_an_empty_variable_counts_as_unset(folder, monkeypatch) -> None:
    monkeypatch.setenv("THING", "  ")
    assert env.text("THING", "default") == "default"


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        ("many", "must be a whole number"),
        ("0", "must be at least 1; it is 0"),
        ("61", "must be at most 60; it is 61"),
    ],
)
def test_a_wrong_number_is_refused_with_the_fact(folder, monkeypatch, value, fact) -> None:
    monkeypatch.setenv("HEADEND_TICK_SECONDS", value)
    with pytest.raises(ImproperlyConfigured, match=f"HEADEND_TICK_SECONDS {fact}"):
        env.integer("HEADEND_TICK_SECONDS", 2, minimum=1, maximum=60)


@pytest.mark.parametrize(("value", "meaning"), [("yes", True), ("TRUE", True), ("0", False), ("off", False)])
def test_a_flag_understands_yes_and_no(folder, monkeypatch, value, meaning) -> None:
    monkeypatch.setenv("THING", value)
    assert env.flag("THING", not meaning) is meaning


def test_a_flag_that_is_neither_is_refused(folder, monkeypatch) -> None:
    monkeypatch.setenv("THING", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="THING must be yes or no"):
        env.flag("THING", False)


def test_an_address_loses_its_last_slash(folder, monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example/api/v3/")
    assert env.url("GITHUB_API_URL") == "https://github.example/api/v3"


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        ("github.example", "must start with https:// or http://"),
        ("ftp://github.example", "must start with"),
        ("https://", "names no host"),
        ("https://host:port", "is not a valid address"),
    ],
)
def test_a_wrong_address_is_refused_without_being_shown(folder, monkeypatch, value, fact) -> None:
    monkeypatch.setenv("GITHUB_API_URL", value)
    with pytest.raises(ImproperlyConfigured, match=f"GITHUB_API_URL {fact}"):
        env.url("GITHUB_API_URL")


def test_a_word_that_is_not_on_the_list_is_refused(folder, monkeypatch) -> None:
    monkeypatch.setenv("HEADEND_ENV", "staging")
    with pytest.raises(ImproperlyConfigured, match="HEADEND_ENV must be development or production"):
        env.one_of("HEADEND_ENV", ("development", "production"), "development")


def test_networks_are_read_as_a_list(folder, monkeypatch) -> None:
    monkeypatch.setenv("THING", "10.0.0.0/8, fd00::/8")
    assert env.networks("THING") == [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


def test_a_part_that_is_no_network_is_named(folder, monkeypatch) -> None:
    monkeypatch.setenv("THING", "10.0.0.0/8,intranet")
    with pytest.raises(ImproperlyConfigured, match="intranet is none"):
        env.networks("THING")


def test_the_installation_file_fills_in_what_the_environment_lacks(folder, monkeypatch) -> None:
    write_installation(folder, "# a comment\n\nTHING=kept\nOTHER=also kept\n")
    monkeypatch.setenv("OTHER", "from the shell")
    assert (env.text("THING"), env.text("OTHER")) == ("kept", "from the shell")


def test_in_a_demo_the_installation_file_wins_so_that_no_call_leaves_the_sandbox(folder, monkeypatch) -> None:
    write_installation(folder, "HEADEND_DEMO=yes\nGITHUB_API_URL=http://127.0.0.1:20000/github\n")
    monkeypatch.setenv("GITHUB_API_URL", "https://api.github.com")
    assert env.url("GITHUB_API_URL") == "http://127.0.0.1:20000/github"


def test_a_damaged_installation_file_is_named_with_its_line(folder) -> None:
    write_installation(folder, "THING=1\nno assignment\n")
    with pytest.raises(ImproperlyConfigured, match=r"installation\.env, line 2"):
        env.text("THING")


def test_a_relative_data_folder_is_taken_from_where_the_command_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADEND_DATA_DIR", "here")
    assert env.data_dir() == tmp_path / "here"


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEADEND_DATA_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(ImproperlyConfigured, match=r"HEADEND_DATA_DIR .* cannot be made"):
        env.make_data_dir()
