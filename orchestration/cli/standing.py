"""List the commands about what is planned by itself."""

import argparse
from collections.abc import Sequence

from orchestration.api.schemas import standing as schemas
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service, given, reason
from orchestration.cli.layout import table
from orchestration.core.scope import words_of
from orchestration.models import StandingRule
from orchestration.results.plans import StandingRun
from orchestration.scheduling.standing import read_times, write_times

# ----------------------------------------------------------------------------------------------------------------- text


def rules(rows: Sequence[StandingRule]) -> list[str]:
    """Describe the standing rules."""
    return table(
        ["id", "name", "kind", "source", "channels", "how often", "next run", "last run"],
        [
            [
                row.pk,
                row.name if row.enabled else f"{row.name} (off)",
                row.kind,
                row.source or "all",
                ", ".join(words_of(row)[:5]) or "all",
                _how_often(row),
                row.next_run_at if row.enabled else "",
                row.last_problem or row.last_summary,
            ]
            for row in rows
        ],
        empty="nothing is planned by itself",
    )


def _how_often(row: StandingRule) -> str:
    often = f"daily {row.daily_at:%H:%M} {row.zone}" if row.daily_at else f"every {row.every_minutes} min"
    return f"{often}; {write_times(row.times)}" if row.times else often


def rule(row: StandingRule) -> list[str]:
    """Describe one standing rule."""
    return rules([row])


def run(made: StandingRun) -> list[str]:
    """Describe what a run planned, or would."""
    head = "It would plan:" if made.dry_run else "Planned:"
    lines = [f"{made.difference.sentence}.", ""]
    lines += [head, *(f"  {line}" for line in made.placed)] if made.placed else ["Nothing new to plan."]
    lines += [made.summary] if made.summary else []
    lines += [f"It waits: {made.problem}"] if made.problem else []
    return lines + ([f"Below the floor: {', '.join(made.low)}"] if made.low else [])


# ------------------------------------------------------------------------------------------------------------- commands


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("--source", dest="source_id", type=arguments.row_id, metavar="ID")
    arguments.add_channels(parser)
    parser.add_argument("--every-minutes", type=arguments.whole, default=60, metavar="N")
    parser.add_argument("--daily-at", metavar="HH:MM", help="once a day, on the clock of --zone")
    parser.add_argument("--zone", default="UTC", help="such as Europe/Berlin")
    parser.add_argument("--horizon-days", type=arguments.whole, default=14, metavar="N")
    parser.add_argument(
        "--backlog-floor", type=arguments.whole, default=0, metavar="N", help="warn below it; 0: never"
    )
    parser.add_argument("--times", default="", help="makes it a series, such as 'tue 18:00, fri 12:30'")
    parser.add_argument("--since", type=arguments.instant, metavar="INSTANT", help="episodes from then on")
    parser.add_argument("--priority", type=int, choices=range(11), metavar="0..10")
    parser.add_argument("--off", action="store_true", help="enter it switched off")


def _body(options: Options) -> schemas.StandingRuleBody:
    times = [schemas.SeriesTime(weekday=day, at=at) for day, at in read_times(options.times)]
    plain = ("name", "source_id", "every_minutes", "daily_at", "zone", "horizon_days", "backlog_floor")
    return schemas.StandingRuleBody(
        kind=StandingRule.Kind.SERIES if times else StandingRule.Kind.DISTRIBUTE,
        times=times,
        enabled=not options.off,
        channels=options.channels or [],
        **given(options, *plain, "since", "priority"),
    )


def _add(service: Service, options: Options) -> StandingRule:
    return service.add_standing_rule(values=_body(options).values())


def _change(service: Service, options: Options) -> StandingRule:
    return service.change_standing_rule(rule_id=options.id, values=_body(options).values())


def _change_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the rule; all its values are given anew")
    _options(parser)


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the rule")


def _run_options(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")


def _run(service: Service, options: Options) -> StandingRun:
    call = service.preview_standing_rule if options.dry_run else service.run_standing_rule
    return call(rule_id=options.id)


def _remove_options(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    arguments.add_reason(parser)


def _episode_options(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("video_id", type=arguments.row_id, metavar="VIDEO", help="id of the episode's video")
    parser.add_argument("--take-in", action="store_true", help="take it in again instead")
    arguments.add_reason(parser)


def _episode(service: Service, options: Options) -> StandingRule:
    return service.skip_episode(
        rule_id=options.id, video_id=options.video_id, skip=not options.take_in, reason=reason(options)
    )


STANDING = (
    Command(
        "standing",
        "list what is planned by itself",
        lambda s, o: s.get_standing_rules(),
        list[schemas.StandingRuleOut],
        rules,
    ),
    Command(
        "standing-add",
        "have the clock distribute videos, or let a series go on",
        _add,
        schemas.StandingRuleOut,
        rule,
        _options,
    ),
    Command(
        "standing-change",
        "give a standing rule all its values anew",
        _change,
        schemas.StandingRuleOut,
        rule,
        _change_options,
    ),
    Command(
        "standing-run",
        "run a standing rule now, or show what it would plan",
        _run,
        schemas.StandingRunOut,
        run,
        _run_options,
    ),
    Command(
        "standing-remove",
        "remove a standing rule; what it planned stays",
        lambda s, o: s.remove_standing_rule(rule_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The standing rule is removed; what it planned stays."],
        _remove_options,
    ),
    Command(
        "series-skip",
        "let a series pass over an episode",
        _episode,
        schemas.StandingRuleOut,
        rule,
        _episode_options,
    ),
)
