"""Choose the message broker: Redis or RabbitMQ by CELERY_BROKER_URL, else one that comes with Headend.

See docs/decisions/0001-embedded-broker.md. No promise rests on the broker: a message says "look", no more.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from config import env

SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps", "memory")
KIND = "HEADEND_EMBEDDED_BROKER"
# A socket's address holds 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 100


def is_embedded() -> bool:
    """Return whether this installation brings its own broker."""
    return env.raw("CELERY_BROKER_URL") is None


def socket_path(data_dir: Path) -> Path:
    """Return where the embedded server listens; elsewhere if the data folder's path is long."""
    path = data_dir / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"headend-{os.getuid()}-{name}" / "broker.sock"


def settings_for(url: str | None, data_dir: Path) -> tuple[str, dict[str, object]]:
    """Return the broker's address and the options of its transport."""
    if url is not None:
        return url, _options(url)
    if env.one_of(KIND, ("server", "files"), "server") == "files":
        return "filesystem://", file_options(data_dir)
    url = f"redis+socket://{quote(str(socket_path(data_dir)))}"
    return url, _options(url)


def file_options(data_dir: Path) -> dict[str, object]:
    """Return the folders of the transport that needs no server."""
    queue, control = data_dir / "broker" / "messages", data_dir / "broker" / "control"
    for folder in (queue, control):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        "polling_interval": 0.1,
    }


def _options(url: str) -> dict[str, object]:
    if not url.startswith("redis"):
        return {}
    # A message that was not acknowledged in this time is delivered again, also while its job still runs;
    # the second one finds the job taken. Too short only wastes looks, too long delays one after a crash.
    return {"visibility_timeout": 3600, "socket_connect_timeout": 3, "socket_timeout": 30}
