"""Logs that hold no secret."""

import json
import logging
import sys

import pytest

from channels import log_redaction
from config import logs

SECRET = "s3cr3t-value-0123456789"


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'token {SECRET}'}}",
        f"headers: authorization={SECRET}",
        f'{{"refresh_token": "{SECRET}", "scope": "upload"}}',
        f"POST /token?client_secret={SECRET}&grant_type=refresh_token",
        f"access_token={SECRET}",
        f"PUT /upload/youtube/v3/videos?uploadType=resumable&upload_id={SECRET}",
        f"password: {SECRET}",
        f"X-Hub-Signature-256: sha256={SECRET}",
        f"redis://user:{SECRET}@broker.example:6379/0",
        f"amqp://headend:{SECRET}@broker.example//",
        "remote said: bad credentials ghp_0123456789abcdefABCDEF0123456789abcd",
        "github_pat_11ABCDEFG0123456789_abcdefghijklmnopqrstuvwxyz",
        "token ya29.a0AfH6SMBx-0123456789",
        "refresh 1//0gAbCdEfGhIjKlMnOp",
        "client GOCSPX-0123456789abcdef",
        "the API token hd_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str) -> None:
    hidden = log_redaction.redact(line)
    assert log_redaction.HIDDEN in hidden
    for part in (SECRET, "0123456789", "AbCdEfGhIjKl"):
        assert part not in hidden


@pytest.mark.parametrize(
    "line",
    [
        "wave 12 was published on 6 channels",
        "GET http://127.0.0.1:8000/api/orchestration/status 200",
        "job 7 holds 1 of 2 upload slots until 12:30:00",
    ],
)
def test_what_holds_no_secret_stays_as_it_is(line: str) -> None:
    assert log_redaction.redact(line) == line


def test_a_known_secret_is_hidden_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_redaction, "_known", set())
    log_redaction.protect(SECRET, "", "abc")
    assert log_redaction.redact(f"x{SECRET}y abc") == f"x{log_redaction.HIDDEN}y abc"


def a_record(message: str, *args: object, exc_info=None) -> logging.LogRecord:
    return logging.LogRecord("headend", logging.WARNING, __file__, 1, message, args, exc_info)


def test_arguments_and_tracebacks_are_redacted_too() -> None:
    try:
        raise ValueError(f"refresh_token={SECRET}")
    except ValueError:
        record = a_record("refused: %s", f"access_token={SECRET}", exc_info=sys.exc_info())
    line = logs.RedactingFormatter("%(levelname)s %(message)s").format(record)
    assert "ValueError" in line
    assert SECRET not in line


def test_a_json_line_holds_time_level_message_and_no_secret() -> None:
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError:
        record = a_record("refused: token=%s", SECRET, exc_info=sys.exc_info())
    line = logs.JsonFormatter().format(record)
    entry = json.loads(line)
    assert SECRET not in line
    assert entry["level"] == "WARNING"
    assert entry["at"].endswith("Z")
    assert "ValueError" in entry["exception"]


def test_warnings_go_to_a_file_of_the_installation_as_well(tmp_path) -> None:
    settings = logs.settings_for(tmp_path, json_lines=True, debug=False)
    assert settings["handlers"]["file"]["filename"] == str(tmp_path / "logs" / "headend.log")
    assert settings["handlers"]["file"]["formatter"] == "json"
    assert set(settings["root"]["handlers"]) == {"console", "file"}
