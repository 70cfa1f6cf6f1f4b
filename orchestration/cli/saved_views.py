"""List the commands about saved views: whoever sits at the machine saves them for a person of the console."""

import argparse
from collections.abc import Sequence

from orchestration.api.schemas import saved_views as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given
from orchestration.cli.layout import table
from orchestration.models import SavedView
from orchestration.register.saved_views import PAGES


def _views(rows: Sequence[SavedView]) -> list[str]:
    return table(
        ["id", "page", "name", "filters", "owner"],
        [[row.pk, row.page, row.name, row.query, row.owner] for row in rows],
        empty="no view is shared",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--page", default="", help="only of this list, such as jobs")


def _view(row: SavedView) -> list[str]:
    return _views([row])


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", choices=PAGES, metavar="PAGE", help="the list that it is of, such as jobs")
    parser.add_argument("name", help="what it is called")
    parser.add_argument("--query", default="", help="the filters, as the page's address has them")
    parser.add_argument("--shared", action="store_true", help="everyone sees it")
    parser.add_argument("--owner", required=True, metavar="USER", help="whose it is")


def _add(service: Service, options: Options) -> SavedView:
    body = schemas.NewView(**given(options, "page", "name", "query", "shared"))
    return service.add_saved_view(**body.model_dump(), owner=options.owner)


def _change_options(parser: argparse.ArgumentParser) -> None:
    _one_options(parser)
    parser.add_argument("--name", help="another name")
    parser.add_argument("--query", help="other filters")
    parser.add_argument("--shared", choices=("yes", "no"), help="whether everyone sees it")


def _change(service: Service, options: Options) -> SavedView:
    shared = None if options.shared is None else options.shared == "yes"
    body = schemas.ChangedView(**given(options, "name", "query"), shared=shared)
    return service.change_saved_view(view_id=options.view, **body.model_dump())


def _one_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("view", type=arguments.row_id, help="id of the view")


SAVED_VIEWS = (
    Command(
        "views",
        "list the saved views that are shared",
        lambda s, o: s.get_saved_views(page=o.page),
        list[schemas.ViewOut],
        _views,
        _options,
    ),
    Command("view-add", "save the filters of a list", _add, schemas.ViewOut, _view, _add_options),
    Command(
        "view-change",
        "give a saved view another name or other filters, share it or keep it",
        _change,
        schemas.ViewOut,
        _view,
        _change_options,
    ),
    Command(
        "view-remove",
        "remove a saved view",
        lambda s, o: s.remove_saved_view(view_id=o.view),
        None,
        lambda _: ["It is removed."],
        _one_options,
    ),
)
