"""List the commands about groups of channels and their labels."""

import argparse
from collections.abc import Sequence
from typing import Any

from channels.models import ChannelGroup, Label
from orchestration.api.schemas import groups as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table
from orchestration.errors import InvalidRequest, NotFound
from orchestration.fields import LARGEST_ID
from orchestration.register.groups import GroupChange

# ----------------------------------------------------------------------------------------------------------------- text


def _groups(rows: Sequence[ChannelGroup]) -> list[str]:
    return table(
        ["id", "slug", "name", "channels", "description"],
        [[row.pk, row.slug, row.name, row.members, row.description] for row in rows],  # type: ignore[attr-defined]
        empty="there is no group",
    )


def _group(row: ChannelGroup) -> list[str]:
    return _groups([row])


def _change(made: GroupChange) -> list[str]:
    return [*_group(made.group), f"{len(made.added)} came in, {len(made.removed)} went out."]


def _labels(rows: Sequence[Label]) -> list[str]:
    return table(
        ["id", "label", "channels"],
        [[row.pk, row.name, row.members] for row in rows],  # type: ignore[attr-defined]
        empty="there is no label",
    )


# ------------------------------------------------------------------------------------------------------------- commands


def _id_of(rows: Any, column: str, what: str, text: str) -> int:
    found = rows.filter(**{column: text}).values_list("pk", flat=True).first()
    if found is None and text.isascii() and text.isdecimal() and int(text) <= LARGEST_ID:
        found = rows.filter(pk=int(text)).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(f"There is no {what} {text}.", field=what)
    return int(found)


def _group_id(options: Options) -> int:
    return _id_of(ChannelGroup.objects.all(), "slug", "group", options.group)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--slug", default="", help="without it made of the name")
    parser.add_argument("--description", default="")
    arguments.add_channels(parser)


def _add(service: Service, options: Options) -> ChannelGroup:
    body = schemas.NewGroup(channels=options.channels or [], **given(options, "name", "slug", "description"))
    return service.add_channel_group(**body.with_chosen(enabled=False))


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", help="slug or id of the group")


def _change_options(parser: argparse.ArgumentParser) -> None:
    _which(parser)
    parser.add_argument("--name")
    parser.add_argument("--slug")
    parser.add_argument("--description")


def _change_group(service: Service, options: Options) -> ChannelGroup:
    body = schemas.ChangedGroup(**given(options, "name", "slug", "description"))
    return service.change_channel_group(group_id=_group_id(options), **body.model_dump())


def _remove_options(parser: argparse.ArgumentParser) -> None:
    _which(parser)
    arguments.add_reason(parser)


def _remove(service: Service, options: Options) -> None:
    service.remove_channel_group(group_id=_group_id(options), reason=reason(options))


_WAYS = ("add", "remove", "set")


def _ways(parser: argparse.ArgumentParser, what: str) -> None:
    for way, help_text in zip(_WAYS, (f"put {what}", f"take {what} away", f"exactly {what}"), strict=True):
        parser.add_argument(
            f"--{way}", nargs="*", metavar="WORD", help=f"{help_text}; channels as --channel takes them"
        )
    arguments.add_reason(parser)


def _way(options: Options) -> str:
    chosen = [way for way in _WAYS if getattr(options, way) is not None]
    if len(chosen) != 1:
        raise InvalidRequest("Give exactly one of --add, --remove and --set.", field="add")
    return chosen[0]


def _members_options(parser: argparse.ArgumentParser) -> None:
    _which(parser)
    _ways(parser, "these channels")


def _members(service: Service, options: Options) -> GroupChange:
    way = _way(options)
    body = schemas.MemberChannels(channels=getattr(options, way), reason=reason(options))
    return getattr(service, f"{way}_group_channels")(group_id=_group_id(options), **body.members())


def _label_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_channels(parser, required=True)
    for way, help_text in zip(_WAYS, ("put these on", "take these off", "exactly these"), strict=True):
        parser.add_argument(f"--{way}", nargs="*", metavar="LABEL", help=help_text)
    arguments.add_reason(parser)


def _label(service: Service, options: Options) -> dict[str, int]:
    way = _way(options)
    body = schemas.LabelledChannels(
        channels=options.channels, labels=getattr(options, way), reason=reason(options)
    )
    return {"changed": getattr(service, f"{way}_channel_labels")(**body.arguments())}


def _label_remove_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("label", help="the label or its id")
    arguments.add_reason(parser)


def _label_remove(service: Service, options: Options) -> None:
    label_id = _id_of(Label.objects.all(), "name", "label", options.label)
    service.remove_label(label_id=label_id, reason=reason(options))


GROUPS = (
    Command(
        "groups",
        "list the groups of channels",
        lambda s, o: s.get_channel_groups(),
        list[schemas.GroupOut],
        _groups,
    ),
    Command("group-add", "make a group of channels", _add, schemas.GroupOut, _group, _add_options),
    Command(
        "group-change",
        "give a group another name, slug or description",
        _change_group,
        schemas.GroupOut,
        _group,
        _change_options,
    ),
    Command(
        "group-channels",
        "put channels into a group, or take them out",
        _members,
        schemas.GroupChangeOut,
        _change,
        _members_options,
    ),
    Command(
        "group-remove",
        "remove a group; its channels stay",
        _remove,
        None,
        lambda _: ["The group is removed; its channels stay."],
        _remove_options,
    ),
    Command("labels", "list the labels", lambda s, o: s.get_labels(), list[schemas.LabelOut], _labels),
    Command(
        "label",
        "put labels on channels, or take them off",
        _label,
        schemas.LabelledOut,
        lambda made: [f"Something changed on {made['changed']} channels."],
        _label_options,
    ),
    Command(
        "label-remove",
        "remove a label from all channels",
        _label_remove,
        None,
        lambda _: ["The label is removed."],
        _label_remove_options,
    ),
)
