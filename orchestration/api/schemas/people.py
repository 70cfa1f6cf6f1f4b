"""People and tokens as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from orchestration.fields import Body, Instant, Reason, Secret, Text, Value, Word
from orchestration.models import ApiToken
from orchestration.models.factors import FactorKind
from orchestration.states import AccountState, TokenState

Level = Annotated[
    Literal["read", "schedule", "operate", "admin", "own"],
    Field(
        description="read: a viewer, schedule: a scheduler, operate: an operator, admin: an administrator, own: an owner"
    ),
]
Password = Annotated[Secret, Field(min_length=1, max_length=200)]


LimitedTo = Annotated[
    list[Word],
    Field(
        max_length=50,
        description="slugs of groups: only their channels, and what belongs to them, are seen and changed; empty: no limit",
    ),
]


class NewUser(Body):
    """A person who may log in; without a password they set one by a link."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"username": "olga", "level": "operate"}]})

    username: Annotated[Text, Field(min_length=1, max_length=150)]
    level: Level = "read"
    full_name: Annotated[Text, Field(max_length=300)] = ""
    email: Annotated[Text, Field(max_length=254)] = ""
    password: Annotated[Secret, Field(max_length=200)] = ""
    limited_to: LimitedTo = []
    reason: Reason = ""


class UserChange(Body):
    """What of a person becomes another; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"level": "admin"}]})

    level: Level | None = None
    username: Annotated[Text, Field(min_length=1, max_length=150)] | None = None
    full_name: Annotated[Text, Field(max_length=300)] | None = None
    email: Annotated[Text, Field(max_length=254)] | None = None
    limited_to: LimitedTo | None = None
    reason: Reason = ""


class NewPassword(Body):
    """Another password; write only."""

    password: Password
    reason: Reason = ""


class UserOut(Value):
    """A person who may log in, or could."""

    id: int
    username: str
    full_name: str
    email: str
    level: Level
    limited_to: list[str] | None = Field(
        description="slugs of the groups that they are limited to; null: no limit"
    )
    state: AccountState
    has_password: bool
    joined_at: datetime
    last_login_at: datetime | None
    timezone: str = Field(description="whose clock they are told times by; empty: each channel's")
    tokens: int = Field(description="of those they made; these stay valid until they are revoked")
    second_factors: list[FactorKind] = Field(
        description="what they show besides their password, each kind once"
    )
    sessions: int | None = Field(description="browsers they are logged in with; null in a list")
    actions: list[str]
    why_kept: str = Field(description="why they cannot be deactivated or given less; empty if they can")


class PasswordLinkOut(Value):
    """A link that opens once; it is shown this once."""

    username: str
    path: str
    expires_at: datetime


class SessionsEndedOut(Value):
    """Of how many browsers somebody was logged out."""

    ended: int


class LockoutOut(Value):
    """What is refused for a while: a name from an address; without a name all of them from there; without an address the
    name from wherever.
    """

    username: str
    address: str
    failures: int
    since: datetime
    until: datetime | None


class LiftLockout(Body):
    """Who may try again: a name, or every name from an address; one of the two is given."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"username": "olga"}, {"address": "198.51.100.7"}]}
    )

    username: Annotated[Text, Field(max_length=150)] = ""
    address: Annotated[Text, Field(max_length=64)] = ""
    reason: Reason = ""


class LiftedOut(Value):
    """How many refusals that ended: of a name, from how many addresses it may try again."""

    addresses: int


class NewToken(Body):
    """A token to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "deploy", "scope": "operate", "expires_at": "2027-11-23T18:00:00+01:00"}]
        }
    )

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    scope: ApiToken.Scope = ApiToken.Scope.READ
    expires_at: Instant | None = Field(None, description="from when on it opens nothing; null: never")
    limited_to: LimitedTo = []
    networks: Annotated[
        list[Text],
        Field(max_length=50, description="from where it opens anything, as CIDR; empty: from everywhere"),
    ] = []
    for_assistant: bool = Field(
        False, strict=True, description="it looks and proposes; what it changes, a person has confirmed"
    )
    reason: Reason = ""


class TokenName(Body):
    """What a token is to be called."""

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    reason: Reason = ""


class TokenRotation(Body):
    """How long the text before it opens yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[
        float, Field(ge=0, le=720, description="hours that the text before it opens yet")
    ] = 24
    reason: Reason = ""


class TokenOut(Value):
    """A bearer token, without its text."""

    id: int
    name: str
    scope: ApiToken.Scope
    state: TokenState
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    limited_to: list[str] | None = Field(
        description="slugs of the groups that it is limited to; null: no limit"
    )
    networks: list[str]
    for_assistant: bool = Field(description="it looks and proposes; what it changes, a person has confirmed")
    old_until: datetime | None = Field(description="until when the text before the last rotation opens")


class TokenMadeOut(Value):
    """A token with its text, which is shown this once."""

    token: TokenOut
    text: str


class MeOut(Value):
    """Who asks, and how they want to see things."""

    label: str
    user_id: int | None = Field(description="null for a token")
    level: Level
    timezone: str
    has_calendar: bool
    sessions: int
    proposes: bool = Field(description="whether it is an assistant's token, whose changes a person confirms")


class OwnPassword(Body):
    """A password of one's own, with the present one; write only."""

    current: Password
    password: Password


class OwnTimezone(Body):
    """By whose clock one wants to be told times."""

    timezone: Annotated[
        Text, Field(max_length=64, description="such as Europe/Berlin; empty: each channel's")
    ]
