"""Settings as a whole: an embedded installation needs none, production fails by name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import keys
from config.env import BASE_DIR

SHOW = """
import json
from django.conf import settings
names = ("DEBUG", "ALLOWED_HOSTS", "CELERY_BROKER_URL", "GITHUB_API_URL", "SESSION_COOKIE_SECURE",
         "SESSION_COOKIE_NAME", "CSRF_TRUSTED_ORIGINS",
         "FORCE_SCRIPT_NAME", "STATIC_URL", "SESSION_COOKIE_PATH", "HEADEND_WATCH_SECONDS", "SECURE_PROXY_SSL_HEADER")
shown = {name: getattr(settings, name) for name in names}
shown["ENGINE"] = settings.DATABASES["default"]["ENGINE"]
shown["OPTIONS"] = settings.DATABASES["default"].get("OPTIONS")
shown["NO_CURSORS"] = settings.DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS")
print(json.dumps(shown))
"""


def production(**changes: str | None) -> dict[str, str]:
    """Return the least that production needs, with changes; None takes a variable out."""
    values = {
        "HEADEND_ENV": "production",
        "SECRET_KEY": "q7Jw0mN-eR5vXz1bYk9uHs3dLf8gTc2aPi6oVn4xWm0jZr-E-of-a-test",
        "ALLOWED_HOSTS": "headend.example",
        "HEADEND_ENCRYPTION_KEYS": keys.make_encryption_key(),
    } | changes
    return {name: value for name, value in values.items() if value is not None}


def run(data_dir: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment of its own."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PATH", "HOME", "COV"))}
    kept |= {"HEADEND_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=BASE_DIR,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def show(data_dir: Path, **environment: str) -> dict:
    """Return some of the settings that this environment gives."""
    done = run(data_dir, "-c", SHOW, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_any_variable_everything_lies_under_the_data_folder(tmp_path: Path) -> None:
    shown = show(tmp_path / "new")
    assert shown["ENGINE"].endswith("sqlite3")
    assert shown["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in shown["OPTIONS"]["init_command"]
    assert "journal_mode=WAL" in shown["OPTIONS"]["init_command"]
    assert shown["CELERY_BROKER_URL"].startswith("redis+socket://")
    assert shown["GITHUB_API_URL"] == "https://api.github.com"
    assert shown["DEBUG"] is False
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert not {path.name for path in tmp_path.iterdir()} - {"new"}


def test_two_installations_on_one_machine_have_cookies_of_their_own(tmp_path: Path) -> None:
    names = {show(tmp_path / name)["SESSION_COOKIE_NAME"] for name in ("one", "two", "one")}
    assert len(names) == 2


def test_a_long_data_folder_puts_the_socket_elsewhere(tmp_path: Path) -> None:
    url = show(tmp_path / ("long" * 30))["CELERY_BROKER_URL"]
    assert len(url.removeprefix("redis+socket://")) <= 100
    assert "longlong" not in url


def test_the_files_broker_is_used_where_no_server_is_to_be_had(tmp_path: Path) -> None:
    (tmp_path / "installation.env").write_text("HEADEND_EMBEDDED_BROKER=files\n")
    assert show(tmp_path)["CELERY_BROKER_URL"] == "filesystem://"


def test_a_database_and_a_broker_are_taken_from_the_environment(tmp_path: Path) -> None:
    shown = show(
        tmp_path,
        DATABASE_URL="postgres://headend@db.example:5432/headend",
        CELERY_BROKER_URL="amqp://headend@mq.example//",
        HEADEND_PUBLIC_URL="https://headend.example:8443/",
        HEADEND_TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert shown["ENGINE"].endswith("postgresql")
    assert shown["CELERY_BROKER_URL"] == "amqp://headend@mq.example//"
    assert "headend.example" in shown["ALLOWED_HOSTS"]
    assert shown["CSRF_TRUSTED_ORIGINS"] == ["https://headend.example:8443"]
    assert shown["SECURE_PROXY_SSL_HEADER"]
    assert (shown["FORCE_SCRIPT_NAME"], shown["STATIC_URL"], shown["SESSION_COOKIE_PATH"]) == (
        None,
        "/static/",
        "/",
    )


def test_a_machine_that_vanishes_is_found_dead_at_either_end_and_a_pooler_is_asked_for_nothing_that_it_refuses(
    tmp_path,
):
    url = "postgres://headend@db.example:5432/headend?sslmode=require&keepalives_idle=60"
    given = show(tmp_path, DATABASE_URL=url)["OPTIONS"]
    assert "tcp_keepalives_idle=15" in given["options"] and "tcp_user_timeout=30000" in given["options"]
    assert (given["tcp_user_timeout"], given["sslmode"], str(given["keepalives_idle"])) == (
        30000,
        "require",
        "60",
    )
    pooled = show(tmp_path, DATABASE_URL=url, HEADEND_DATABASE_DIRECT_URL=url)
    assert "options" not in pooled["OPTIONS"]
    assert (pooled["NO_CURSORS"], show(tmp_path, DATABASE_URL=url)["NO_CURSORS"]) == (True, False)


def test_the_public_address_may_be_a_folder_of_a_host(tmp_path: Path) -> None:
    shown = show(tmp_path, HEADEND_PUBLIC_URL="https://example.org:8443/headend/")
    assert shown["FORCE_SCRIPT_NAME"] == "/headend"
    assert (shown["STATIC_URL"], shown["SESSION_COOKIE_PATH"]) == ("/headend/static/", "/headend/")
    assert shown["CSRF_TRUSTED_ORIGINS"] == ["https://example.org:8443"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://root@localhost/headend", "DATABASE_URL must start with postgres://"),
        ("DATABASE_URL", "postgres://root@localhost", "DATABASE_URL names no database"),
        (
            "HEADEND_DATABASE_DIRECT_URL",
            "db.example",
            "HEADEND_DATABASE_DIRECT_URL must start with postgres://",
        ),
        ("CELERY_BROKER_URL", "sqs://somewhere", "CELERY_BROKER_URL must start with redis://"),
        ("HEADEND_TICK_SECONDS", "soon", "HEADEND_TICK_SECONDS must be a whole number"),
        ("HEADEND_ENCRYPTION_KEYS", "short", "HEADEND_ENCRYPTION_KEYS: key 1 is not 32 bytes"),
        ("HEADEND_SOURCE_NETWORKS", "home", "HEADEND_SOURCE_NETWORKS must list networks"),
    ],
)
def test_a_wrong_value_ends_the_command_with_one_sentence(tmp_path, name, value, said) -> None:
    done = run(tmp_path, "manage.py", "check", **{name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"Headend cannot start: {said}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY must be set."),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS must be set"),
        ({"HEADEND_ENCRYPTION_KEYS": None}, "HEADEND_ENCRYPTION_KEYS must hold at least one key."),
        ({"HEADEND_DEBUG": "yes"}, "HEADEND_DEBUG must not be on in production"),
    ],
)
def test_production_makes_up_no_secret_and_names_what_is_missing(tmp_path, changes, said) -> None:
    done = run(tmp_path, "manage.py", "check", **production(**changes))
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "keys" / "secret_key").exists()


def test_production_does_not_run_on_a_demo(tmp_path: Path) -> None:
    (tmp_path / "installation.env").write_text("HEADEND_DEMO=yes\n")
    done = run(tmp_path, "manage.py", "check", **production())
    assert "data folder that holds a demo" in done.stderr


@pytest.mark.slow
def test_production_settings_pass_the_deployment_checks(tmp_path: Path) -> None:
    done = run(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **production())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"ALLOWED_HOSTS": "*"}, "headend.E001"),
        ({"HEADEND_PUBLIC_URL": "http://headend.example"}, "headend.E002"),
        ({"HEADEND_SOURCE_NETWORKS": "10.0.0.0/8"}, "headend.W002"),
        ({"DATABASE_URL": "postgres://headend@db.example/headend"}, "headend.W003"),
        ({"HEADEND_ENV": "development"}, "headend.W001"),
        ({"GITHUB_TOKEN": "github_pat_x", "HEADEND_PUBLIC_URL": ""}, "headend.W004"),
        ({"GITHUB_APP_ID": "1"}, "headend.E003"),
        ({"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "-----BEGIN nonsense"}, "headend.E003"),
        ({"GITHUB_APP_INSTALLATION_ID": "1"}, "headend.E003"),
    ],
)
@pytest.mark.slow
def test_the_deployment_checks_say_what_production_should_not_do(tmp_path, changes, check) -> None:
    done = run(
        tmp_path,
        "manage.py",
        "check",
        "--deploy",
        "--tag",
        "security",
        "--fail-level",
        "WARNING",
        **production(**changes),
    )
    assert done.returncode == 1
    assert check in done.stderr


def test_every_variable_is_described_in_the_settings_page() -> None:
    read = set()
    for path in (BASE_DIR / "config").rglob("*.py"):
        read |= set(
            re.findall(r'env\.(?:text|integer|url|flag|one_of|words|networks)\(\s*"(\w+)"', path.read_text())
        )
    page = (BASE_DIR / "docs" / "settings.md").read_text()
    assert not {name for name in read if f"`{name}`" not in page}
