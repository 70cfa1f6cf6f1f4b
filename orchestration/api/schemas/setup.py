"""Setting up, as the API shows it."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.fields import BodyId


class StepOut(Schema):
    """One step; `detail` says how far it is, `page` is the name of the console's page for it."""

    key: str
    title: str
    sentence: str
    page: str
    is_done: bool
    detail: str
    is_optional: bool


class SetUpOut(Schema):
    """All steps in their order."""

    is_done: bool
    steps: list[StepOut]


class CheckOut(Schema):
    """One step that was looked at; `ok` is null where nothing tells."""

    key: str
    title: str
    ok: bool | None
    sentence: str
    remedy: str


class ConnectionReportOut(Schema):
    """What was found of Google or GitHub."""

    subject: str
    channel: str
    checked_at: datetime
    ok: bool
    checks: list[CheckOut]


class CheckGoogleBody(Schema):
    """What is to be checked of Google; without a channel only the client."""

    model_config = ConfigDict(extra="forbid")

    redirect_uri: Annotated[
        str, Field(min_length=1, max_length=500, description="where Google is to send browsers back to")
    ]
    channel_id: BodyId | None = None


class CheckGitHubBody(Schema):
    """Which channel's set-up at GitHub is to be checked."""

    model_config = ConfigDict(extra="forbid")

    channel_id: BodyId
