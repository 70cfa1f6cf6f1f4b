"""Define the kinds of values that API and command line take: ids, instants with an offset, text that a database can hold."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
)

from channels.text import control_in
from orchestration.text import unturned

LARGEST_ID = 2**63 - 1
EXAMPLE_INSTANT = "2026-11-23T18:00:00+01:00"


def parse_instant(value: Any) -> datetime:
    """Read an ISO 8601 instant and return it in UTC. Raises: ValueError, if it is none or has no offset."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            hint = " (in a query write + as %2B)" if " " in value.strip()[11:] else ""
            raise ValueError(f"not an ISO 8601 instant such as {EXAMPLE_INSTANT}{hint}") from None
    if not isinstance(value, datetime):
        raise ValueError(f"not an ISO 8601 instant such as {EXAMPLE_INSTANT}")
    if value.utcoffset() is None:
        raise ValueError(f"has no offset from UTC; write for example {EXAMPLE_INSTANT}, or end it with Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def check_text(value: str) -> str:
    """Refuse what no line of text holds: control characters, line ends, lone surrogates; drop what turns the writing.

    A line end at either end is what a file or a pipe leaves there: it is dropped.
    """
    return _checked(value.strip(), lines=False)


def check_passage(value: str) -> str:
    """Refuse the same in a text of several lines, but for line ends and tabs."""
    return _checked(value, lines=True)


def _checked(value: str, *, lines: bool) -> str:
    if control := control_in(value, lines=lines):
        raise ValueError(f"contains {control}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair") from None
    return unturned(value).strip()


def check_whole(value: str) -> str:
    """Refuse what no passage holds; what is a secret, or a file, is kept as it is, its spaces included."""
    check_passage(value)
    return value


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE_INSTANT]}),
]
# JSON Schema's own formats `time` and `date-time` want an offset, which a clock on a wall does not have.
WallTime = Annotated[
    time,
    WithJsonSchema({"type": "string", "pattern": r"^\d{2}:\d{2}(:\d{2}(\.\d+)?)?$", "examples": ["18:00"]}),
]


def _date_text(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("not a date such as 2026-12-24")
    if not isinstance(value, str | date) or isinstance(value, datetime):
        raise ValueError("not a date such as 2026-12-24")
    return value


WallDate = Annotated[date, BeforeValidator(_date_text)]
WallDateTime = Annotated[
    datetime,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$",
            "examples": ["2026-11-23T18:00:00"],
        }
    ),
]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
BodyId = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
Text = Annotated[str, AfterValidator(check_text)]
Passage = Annotated[str, AfterValidator(check_passage)]
Secret = Annotated[str, AfterValidator(check_whole)]
FileText = Annotated[str, AfterValidator(check_whole)]
Word = Annotated[Text, Field(min_length=1, max_length=200)]
Reason = Annotated[Text, Field(max_length=300, description="why, for the activity log")]
Priority = Annotated[int, Field(strict=True, ge=0, le=10, description="0 to 10; 10 goes first")]
Count = Annotated[int, Field(strict=True, ge=0, le=31_536_000)]


def parse_own_time(value: Any) -> tuple[int, int, datetime]:
    """Read `VIDEO_ID,CHANNEL_ID,INSTANT`. Raises: ValueError."""
    ids, parts = TypeAdapter(Id), str(value).split(",", 2)
    if len(parts) != 3:
        raise ValueError(f"not VIDEO_ID,CHANNEL_ID,INSTANT, such as 8,3,{EXAMPLE_INSTANT}")
    return ids.validate_python(parts[0]), ids.validate_python(parts[1]), parse_instant(parts[2])


OwnTime = Annotated[str, AfterValidator(parse_own_time)]


class Body(BaseModel):
    """A request's body: a field that is not named here is refused."""

    model_config = ConfigDict(extra="forbid")


class Value(BaseModel):
    """A value of ours, read from its attributes."""

    model_config = ConfigDict(from_attributes=True)
