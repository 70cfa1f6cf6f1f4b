"""Saved views, as the API takes and shows them."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.fields import Body, Text, Word
from orchestration.models import SavedView
from orchestration.register.saved_views import PAGES

Name = Annotated[Text, Field(min_length=1, max_length=80)]
Query = Annotated[Text, Field(max_length=4000, description="the filters, as the page's address has them")]


class NewView(Body):
    """A list with its filters under a name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"page": "jobs", "name": "Failed news", "query": "state=failed"}]}
    )

    page: Word = Field(description=f"one of {', '.join(PAGES)}")
    name: Name
    query: Query = ""
    shared: bool = Field(False, strict=True, description="everyone sees it")


class ChangedView(Body):
    """What changes of a view; what is left out stays."""

    name: Name | None = None
    query: Query | None = None
    shared: bool | None = Field(None, strict=True)


class ViewOut(Schema):
    """A saved view."""

    id: int
    page: str
    name: str
    query: str
    shared: bool
    owner: str
    created_at: datetime

    @staticmethod
    def resolve_owner(row: SavedView) -> str:
        """Return whose it is."""
        return row.owner.get_username()
