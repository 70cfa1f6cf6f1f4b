"""List the commands about how videos are prepared."""

import argparse
from collections.abc import Sequence
from typing import Any

from orchestration.api.schemas import profiles as schemas
from orchestration.api.schemas.library import SourceOut
from orchestration.api.schemas.register import ChannelOut
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, decision, given, reason
from orchestration.cli.layout import table
from orchestration.media.profiles import PRESETS
from orchestration.models import Profile
from orchestration.results.library import ProfileShown


def profiles(rows: Sequence[ProfileShown]) -> list[str]:
    """Describe the profiles."""
    return table(
        [
            "key",
            "name",
            "lines",
            "frames",
            "colour",
            "sound",
            "CRF",
            "preset",
            "channels",
            "sources",
            "files",
        ],
        [
            [
                f"{row.key} (default)" if row.is_default else row.key,
                row.name,
                row.max_height,
                row.max_fps,
                row.colour,
                f"{row.loudness}, {row.audio_kbits}k",
                row.crf,
                row.preset,
                row.channels,
                row.sources,
                row.files,
            ]
            for row in rows
        ],
    )


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", help="short name of the profile")
    arguments.add_reason(parser)


def _options(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--name", required=True)
    parser.add_argument("--max-height", type=arguments.whole, default=1080, metavar="LINES")
    parser.add_argument("--max-fps", type=arguments.whole, default=60, metavar="N")
    parser.add_argument("--colour", choices=Profile.Colour.values, default="keep")
    parser.add_argument("--crf", type=arguments.whole, default=18, metavar="N", help="less is finer")
    parser.add_argument("--preset", choices=PRESETS, default="veryfast")
    parser.add_argument("--audio-kbits", type=arguments.whole, default=384, metavar="N")
    parser.add_argument("--loudness", choices=Profile.Loudness.values, default="even")
    parser.add_argument(
        "--default", dest="is_default", action="store_true", help="for whatever has no profile"
    )


def _save(service: Service, options: Options) -> ProfileShown:
    names = (
        "name",
        "max_height",
        "max_fps",
        "colour",
        "crf",
        "preset",
        "audio_kbits",
        "loudness",
        "is_default",
    )
    body = schemas.ProfileBody(**given(options, *names))
    return service.save_profile(
        key=options.key, values=body.model_dump(exclude={"reason"}), reason=reason(options)
    )


def _for_channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", type=arguments.channel, help="slug or id of the channel")
    parser.add_argument("profile", nargs="?", default="", help="key; without it, none of its own")
    arguments.add_decision(parser)


def _for_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    parser.add_argument("profile", nargs="?", default="", help="key; without it, none of its own")
    arguments.add_decision(parser)


def _set_channel(service: Service, options: Options) -> Any:
    return service.set_channel_profile(
        channel_id=options.channel, profile=options.profile, **decision(options)
    )


def _set_source(service: Service, options: Options) -> Any:
    return service.set_source_profile(source_id=options.id, profile=options.profile, **decision(options))


PROFILES = (
    Command(
        "profiles",
        "list how videos are prepared",
        lambda s, o: s.get_profiles(),
        list[schemas.ProfileOut],
        profiles,
    ),
    Command(
        "profile-save",
        "make a profile, or give it all its values anew",
        _save,
        schemas.ProfileOut,
        lambda row: profiles([row]),
        _options,
    ),
    Command(
        "profile-remove",
        "remove a profile that nobody uses",
        lambda s, o: s.remove_profile(key=o.key, reason=reason(o)),
        None,
        lambda _: ["The profile is removed; what was made by it stays."],
        _one,
    ),
    Command(
        "channel-profile",
        "say how videos are prepared for a channel",
        _set_channel,
        ChannelOut,
        lambda row: [f"Videos for {row.name} are prepared by {row.profile or 'what their source says'}."],
        _for_channel,
    ),
    Command(
        "source-profile",
        "say how a source's videos are prepared",
        _set_source,
        SourceOut,
        text.source,
        _for_source,
    ),
)
