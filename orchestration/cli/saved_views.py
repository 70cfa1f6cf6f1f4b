"""List the command about saved views."""

import argparse
from collections.abc import Sequence

from orchestration.api.schemas import saved_views as schemas
from orchestration.cli.command import Command
from orchestration.cli.layout import table
from orchestration.models import SavedView


def _views(rows: Sequence[SavedView]) -> list[str]:
    return table(
        ["id", "page", "name", "filters", "owner"],
        [[row.pk, row.page, row.name, row.query, row.owner] for row in rows],
        empty="no view is shared",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--page", default="", help="only of this list, such as jobs")


SAVED_VIEWS = (
    Command(
        "views",
        "list the saved views that are shared",
        lambda s, o: s.get_saved_views(page=o.page),
        list[schemas.ViewOut],
        _views,
        _options,
    ),
)
