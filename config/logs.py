"""Log to the console, keep warnings in a file, and let no secret into either."""

import json
import logging
import time
from pathlib import Path

from channels.log_redaction import redact
from config import private
from orchestration.core import at_work


class RedactingFormatter(logging.Formatter):
    """Write one line a record, redacted after formatting, so that tracebacks are covered too."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted line; it ends with the job that the thread was at, where it was at one."""
        job = at_work.job_id()
        return redact(super().format(record)) + (f" [job {job}]" if job else "")


class JsonFormatter(RedactingFormatter):
    """Write one JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted record as JSON."""
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            **({"job": at_work.job_id()} if at_work.job_id() else {}),
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
        private.folder(data_dir / "logs")
        handlers["file"] = {
            "class": "config.private.PrivateFileHandler",
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
