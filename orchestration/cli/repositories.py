"""List the commands that act on channels' repositories."""

import argparse
from typing import Any

from orchestration.api.schemas import register, repositories
from orchestration.cli import arguments, repository_text, text
from orchestration.cli.command import Command, Options, Service, given, reason


def _channel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")


def _acknowledge_options(parser: argparse.ArgumentParser) -> None:
    _channel_options(parser)
    arguments.add_reason(parser)
    parser.add_argument("--withdraw", action="store_true", help="take the acknowledgement back")


def _resolve_options(parser: argparse.ArgumentParser) -> None:
    _channel_options(parser)
    parser.add_argument(
        "way",
        choices=["overwrite", "import"],
        help="overwrite: ours is written again; import: theirs is right",
    )
    arguments.add_reason(parser)


def _failover_options(parser: argparse.ArgumentParser) -> None:
    _channel_options(parser)
    parser.add_argument("switch", choices=["on", "off"])
    arguments.add_reason(parser)


def _provision_options(parser: argparse.ArgumentParser) -> None:
    _channel_options(parser)
    parser.add_argument(
        "--repository", default="", metavar="OWNER/NAME", help="without it the one that it has"
    )
    parser.add_argument("--create", action="store_true", help="create it, private, where it does not exist")
    parser.add_argument("--dry-run", action="store_true", help="show what would be written, write nothing")
    arguments.add_reason(parser)


def _provision(service: Service, options: Options) -> Any:
    body = repositories.Provision(**given(options, "repository", "create", "dry_run", "reason"))
    return service.provision_repository(channel_id=arguments.channel(options.channel), **body.model_dump())


REPOSITORIES = (
    Command(
        "repository",
        "show what is known of a channel's repository",
        lambda s, o: s.get_repository(channel_id=arguments.channel(o.channel)),
        repositories.RepositoryOut,
        repository_text.repository,
        _channel_options,
    ),
    Command(
        "repository-acknowledge-public",
        "let runs stage in a channel's public repository, or take that back",
        lambda s, o: s.acknowledge_public_repository(
            channel_id=arguments.channel(o.channel), reason=reason(o), withdraw=o.withdraw
        ),
        repositories.RepositoryOut,
        repository_text.repository,
        _acknowledge_options,
    ),
    Command(
        "repository-resolve",
        "settle what was changed by hand in a channel's repository",
        lambda s, o: s.resolve_repository_drift(
            channel_id=arguments.channel(o.channel), way=o.way, reason=reason(o)
        ),
        repositories.RepositoryOut,
        repository_text.repository,
        _resolve_options,
    ),
    Command(
        "failover",
        "let our workers stage what GitHub will not stage in time, or not",
        lambda s, o: s.set_failover(
            channel_id=arguments.channel(o.channel), on=o.switch == "on", reason=reason(o)
        ),
        register.ChannelOut,
        text.channel,
        _failover_options,
    ),
    Command(
        "provision",
        "create or adopt a channel's repository",
        _provision,
        repositories.ProvisionOut,
        repository_text.provision,
        _provision_options,
    ),
)
