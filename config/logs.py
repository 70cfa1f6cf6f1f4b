"""Log to the console, keep warnings in a file, and let no secret into either."""

import json
import logging
import re
import time
from pathlib import Path

HIDDEN = "[hidden]"
SHORTEST_SECRET = 6
_NAMES = (
    r"(?:access_token|refresh_token|id_token|client_secret|api_?key|secret_key|private_key|password|passwd|"
    r"upload_id|x-hub-signature(?:-256)?|set-cookie|cookie|csrftoken|sessionid|github_token|token|secret)"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Authorization: Bearer ..., also as a dict entry
    (
        re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:(bearer|token|basic)\s+)?[^\s'\",;]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    # name=value, "name": "value"
    (re.compile(rf"(?i)(\b{_NAMES}['\"]?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s'\",;&}})\]]+)"), rf"\1{HIDDEN}"),
    # shapes of GitHub's and Google's tokens
    (re.compile(r"\b(?:gh[oprsu]_|github_pat_)[A-Za-z0-9_]{10,}"), HIDDEN),
    (re.compile(r"\bya29\.[A-Za-z0-9._-]+"), HIDDEN),
    (re.compile(r"\b1//[A-Za-z0-9_-]{10,}"), HIDDEN),
    (re.compile(r"\bhd_[A-Za-z0-9_-]{20,}"), HIDDEN),  # a token of our own API
    (re.compile(r"\bGOCSPX-[A-Za-z0-9_-]+"), HIDDEN),
    # scheme://user:password@host
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
)
_known: set[str] = set()


def protect(*secrets: str) -> None:
    """Remember secrets of this installation, so that they are hidden wherever they turn up."""
    _known.update(secret for secret in secrets if secret and len(secret) >= SHORTEST_SECRET)


def redact(text: str) -> str:
    """Return the text with everything hidden that looks like a secret or is a known one."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Write one line a record, redacted after formatting, so that tracebacks are covered too."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted line."""
        return redact(super().format(record))


class JsonFormatter(RedactingFormatter):
    """Write one JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted record as JSON."""
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False, default=str)


def settings_for(data_dir: Path | None, *, json_lines: bool, debug: bool) -> dict[str, object]:
    """Return Django's LOGGING: all to the console, warnings also to logs/headend.log of the installation.

    Without a folder there is no file. Every process opens it in append mode, and anew when it was moved away.
    """
    handlers: dict[str, dict[str, object]] = {
        "console": {"class": "logging.StreamHandler", "formatter": "json" if json_lines else "line"},
    }
    if data_dir is not None:
        (data_dir / "logs").mkdir(parents=True, exist_ok=True)
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": str(data_dir / "logs" / "headend.log"),
            "formatter": "json" if json_lines else "line",
            "level": "WARNING",
            "delay": True,
            "encoding": "utf-8",
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": RedactingFormatter, "format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
            "json": {"()": JsonFormatter},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": "DEBUG" if debug else "INFO"},
        "loggers": {
            "django": {"handlers": [], "propagate": True, "level": "INFO"},
            "django.server": {"handlers": [], "propagate": True},
            "django.db.backends": {"level": "INFO"},
            "celery.worker.strategy": {"level": "WARNING"},  # "Task ... received", twice a second
            "celery.app.trace": {"level": "WARNING"},  # "Task ... succeeded"
            "celery.beat": {"level": "WARNING"},
            "django_celery_beat": {"level": "WARNING"},
            "googleapiclient.discovery_cache": {"level": "ERROR"},
            "urllib3": {"level": "INFO"},
            "httpcore": {"level": "INFO"},
        },
    }
