"""Tell this installation's database from a copy of it, and from a backup that was restored in its place.

The name of an installation lies in its data folder (or in HEADEND_INSTALLATION_ID), and the database carries the name of
the one it belongs to; how far it has come is marked in the data folder (`high_water`). Where the two names differ, or the
database is behind the mark, nothing is dispatched, published or taken back until a person has looked.
"""

from datetime import UTC, datetime

from django.conf import settings

from orchestration.core import high_water
from orchestration.core.high_water import Mark, Standing
from orchestration.models import SystemState


def is_ours(name: str) -> bool:
    """Return whether a database that carries this name is this installation's; a new one carries none yet."""
    return name in {"", settings.HEADEND_INSTALLATION_ID}


def why_not_up_to_date(mark: Mark | None, standing: Standing | None) -> str:
    """Return what was found and what to do about it, where the database is a copy or behind; empty where it is neither.

    Fits the reason of the system's state.
    """
    if standing is None:
        return ""
    if not is_ours(standing.installation):
        return _of_a_copy(standing.installation)
    if high_water.is_behind(mark, standing):
        return _of_one_behind(mark, standing)
    return ""


def is_up_to_date(mark: Mark | None, standing: Standing | None) -> bool:
    """Return whether the database may be worked from: this installation's, and not waiting to be taken over."""
    if standing is None:
        return True
    return standing.behind_since is None and not why_not_up_to_date(mark, standing)


def is_copy() -> bool:
    """Return whether the database belongs to another installation."""
    name = SystemState.objects.filter(pk=1).values_list("installation_id", flat=True).first()
    return not is_ours(name or "")


def is_waiting_to_be_taken_over() -> bool:
    """Return whether the database is a copy or a restored backup that nobody has resumed yet."""
    mark = high_water.read()
    return not is_up_to_date(mark, high_water.stand(mark))


def taken_over_at() -> datetime | None:
    """Return when this database was last taken over after a restore: the outside may hold what it does not know of since."""
    return SystemState.objects.filter(pk=1).values_list("restored_at", flat=True).first()


def restored_from() -> datetime | None:
    """Return the newest entry of the backup that was last taken over: what happened outside since, is not known here."""
    return SystemState.objects.filter(pk=1).values_list("restored_from", flat=True).first()


def _of_a_copy(name: str) -> str:
    return (
        f"This database belongs to another installation ({name[:8]}…): it is a copy or a restored backup. Look at what "
        "is overdue, then resume to make it this one's. Machines that serve one installation need the same "
        "HEADEND_INSTALLATION_ID."
    )


def _of_one_behind(mark: Mark | None, standing: Standing) -> str:
    newest = f"its newest entry is of {_told(standing.entry_at)}"
    if mark is not None and mark.damaged:
        found = f"Nobody can tell whether this database is up to date (high_water.json: {mark.damaged[:60]}); {newest}"
    elif mark is not None and mark.restored:
        found = f"This database was restored from {mark.restored[:60]}; {newest}"
    else:
        was = f"the installation was at {_told(mark.entry_at if mark else None)}"
        found = f"This database is older than its installation, a restored backup: {newest}, {was}"
    to_do = "Look at what is overdue, then resume: what it does not know of is looked for before anything is uploaded"
    return f"{found}. {to_do}."


def _told(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "no known time"
