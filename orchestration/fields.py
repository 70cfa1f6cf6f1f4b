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
    GetJsonSchemaHandler,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import core_schema

from channels.text import control_in
from orchestration.text import unturned

LARGEST_ID = 2**63 - 1
FIRST_DATE, LAST_DATE = date(2000, 1, 1), date(2199, 12, 31)
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Of instants: what is added to one, or an offset, leads out of what a calendar knows nowhere near."""
LINE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
PASSAGE_PATTERN = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]*$"
"""What `check_text` and `check_passage` take, as JSON Schema says it; both take line ends behind a line, and drop them."""
INSTANT_PATTERN = (
    r"^(19|2\d)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)
CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"
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
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    if value.utcoffset() is None:
        raise ValueError(f"has no offset from UTC; write for example {EXAMPLE_INSTANT}, or end it with Z")
    return value.astimezone(UTC)


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
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": INSTANT_PATTERN, "examples": [EXAMPLE_INSTANT]}
    ),
]


def _clock_text(value: Any) -> Any:
    """Let a wall clock's time be text alone: a number would be seconds since midnight, with an offset."""
    if not isinstance(value, time) and not (isinstance(value, str) and re.search(CLOCK_PATTERN, value)):
        raise ValueError("not a time such as 18:00")
    return value


# JSON Schema's own formats `time` and `date-time` want an offset, which a clock on a wall does not have.
WallTime = Annotated[
    time,
    BeforeValidator(_clock_text),
    WithJsonSchema({"type": "string", "pattern": CLOCK_PATTERN, "examples": ["18:00"]}),
]


def _date_text(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise ValueError("not a date such as 2026-12-24")
    if not isinstance(value, str | date) or isinstance(value, datetime):
        raise ValueError("not a date such as 2026-12-24")
    return value


def _date_in_bounds(value: date) -> date:
    if not FIRST_DATE <= value <= LAST_DATE:
        raise ValueError(f"lies outside {FIRST_DATE} to {LAST_DATE}")
    return value


class Says:
    """Say more of a type in its JSON schema than its validators do."""

    def __init__(self, **more: Any) -> None:
        self.more = more

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the type's JSON schema with that."""
        return {**handler(schema), **self.more}


WallDate = Annotated[
    date,
    BeforeValidator(_date_text),
    AfterValidator(_date_in_bounds),
    Says(pattern=r"^2[01]\d\d-\d\d-\d\d$"),
]
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
Text = Annotated[str, AfterValidator(check_text), Says(pattern=LINE_PATTERN)]
Passage = Annotated[str, AfterValidator(check_passage), Says(pattern=PASSAGE_PATTERN)]
Secret = Annotated[str, AfterValidator(check_whole), Says(pattern=PASSAGE_PATTERN)]
FileText = Annotated[str, AfterValidator(check_whole), Says(pattern=PASSAGE_PATTERN)]
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

    @model_validator(mode="before")
    @classmethod
    def whole_numbers(cls, data: Any) -> Any:
        """Read 7.0 as 7: JSON has one kind of number, and its schemas call both integers."""
        if not isinstance(data, dict):
            return data
        return {
            name: [_whole(each) for each in value] if isinstance(value, list) else _whole(value)
            for name, value in data.items()
        }


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Value(BaseModel):
    """A value of ours, read from its attributes."""

    model_config = ConfigDict(from_attributes=True)
