"""The whole configuration as a file, as the API takes and shows what it changes."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestration.as_code.yaml_text import MOST_CHARACTERS
from orchestration.fields import Body, FileText, Reason, Text, Value


class ConfigurationText(Body):
    """A configuration file, and what is to be done with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "headend: 1\nchannels:\n  north:\n    daily_cap: 3\n", "dry_run": True}]
        }
    )

    text: Annotated[FileText, Field(min_length=1, max_length=MOST_CHARACTERS, description="YAML")]
    prune: bool = Field(False, strict=True, description="take away what the file's sections do not name")
    dry_run: bool = Field(True, strict=True, description="say what it would change, and write nothing")
    digest: Annotated[Text, Field(max_length=64)] = Field(
        "",
        description="of the difference that was shown: without `dry_run` it is needed, and another one is refused",
    )
    reason: Reason = ""


class FieldChangeOut(Value):
    """One field, as it is and as the file has it."""

    field: str
    before: Any
    after: Any


class ThingChangeOut(Value):
    """One thing that the file has otherwise."""

    section: str
    key: str
    what: str = Field(description="new, changed or removed")
    fields: list[FieldChangeOut]
    line: int = Field(description="where it stands in the file; 0 for what does not")


class ConfigurationChangeOut(Value):
    """All that a file changes, or has changed."""

    changes: list[ThingChangeOut]
    notes: list[str] = Field(description="what it cannot bring: secrets, consents")
    digest: str
    dry_run: bool
    summary: str
