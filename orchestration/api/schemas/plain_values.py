"""Turn what errors and results carry into what JSON can say."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from django.db import models

from orchestration.api.schemas.plan import DifferencesOut, PlanOut
from orchestration.planning.difference_values import Differences
from orchestration.planning.types import Plan


def plain(value: Any) -> Any:
    """Return `value` as JSON can say it: a row as its id, a plan in full, an instant as it is for the encoder."""
    if value is None or isinstance(value, str | int | float | bool):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, datetime | date | time):
        return value
    if isinstance(value, Plan):
        return PlanOut.model_validate(value).model_dump()
    if isinstance(value, Differences):
        return DifferencesOut.model_validate(value).model_dump()
    if isinstance(value, models.Model):
        return value.pk
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
