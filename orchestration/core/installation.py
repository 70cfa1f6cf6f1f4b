"""Tell this installation from a copy of its database: a restored backup, or a clone that was made to try something.

The name of an installation lies in its data folder (or in HEADEND_INSTALLATION_ID), and the database carries the name of
the one it belongs to. Where the two differ, nothing is dispatched, published or taken back until a person has looked.
"""

from datetime import datetime

from django.conf import settings

from orchestration.models import Activity, SystemState


def is_ours(name: str) -> bool:
    """Return whether a database that carries this name is this installation's; a new one carries none yet."""
    return name in {"", settings.HEADEND_INSTALLATION_ID}


def is_copy() -> bool:
    """Return whether the database belongs to another installation."""
    name = SystemState.objects.filter(pk=1).values_list("installation_id", flat=True).first()
    return not is_ours(name or "")


def taken_over_at() -> datetime | None:
    """Return when this database last became another installation's: YouTube may hold what it does not know of since."""
    resumed = Activity.objects.filter(verb="system_resumed", before__has_key="installation_id")
    taken = resumed.exclude(before__installation_id="").order_by("-timestamp")
    return taken.values_list("timestamp", flat=True).first()


def sentence(name: str) -> str:
    """Return what was found, and what to do about it; fits the reason of the system's state."""
    return (
        f"This database belongs to another installation ({name[:8]}…): it is a copy or a restored backup. Look at what "
        "is overdue, then resume to make it this one's. Machines that serve one installation need the same "
        "HEADEND_INSTALLATION_ID."
    )
