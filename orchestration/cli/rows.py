"""List the commands that act on single rows."""

import argparse
from collections.abc import Callable
from typing import Any

from orchestration.api.schemas import library, plan, register, requests, work
from orchestration.cli import arguments, text
from orchestration.cli.command import Command, Options, Service, decision, given, reason
from orchestration.pipeline.settling import WAYS
from orchestration.scheduling.reviews import OUTCOMES
from orchestration.states import RightsBasis, ScheduleState


def _on_row(name: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help=f"id of the {name}")
        arguments.add_reason(parser)

    return add


def _on_id(name: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help=f"id of the {name}")

    return add


def _on_seen_row(name: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help=f"id of the {name}")
        arguments.add_decision(parser)

    return add


def _verbs(
    noun: str, verbs: tuple[str, ...], schema: Any, show: text.Text, *, prefix: str
) -> tuple[Command, ...]:
    """Return the commands `<prefix><verb> ID` that call `<verb>_<noun>`."""

    def run(verb: str) -> Callable[[Service, Options], Any]:
        return lambda s, o: getattr(s, f"{verb}_{noun}")(**{f"{noun}_id": o.id}, **decision(o))

    on_row = _on_seen_row if "version" in schema.model_fields else _on_row
    return tuple(
        Command(f"{prefix}{verb}", f"{verb} a {noun}", run(verb), schema, show, on_row(noun))
        for verb in verbs
    )


def _channel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")
    arguments.add_decision(parser)


def _channel_verb(verb: str) -> Command:
    return Command(
        f"channel-{verb}",
        f"{verb} a channel",
        lambda s, o: getattr(s, f"{verb}_channel")(channel_id=arguments.channel(o.channel), **decision(o)),
        register.ChannelOut,
        text.channel,
        _channel_options,
    )


def _pool_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pool", help="name or id")
    arguments.add_reason(parser)


def _pool_verb(verb: str) -> Command:
    def run(service: Service, options: Options) -> Any:
        pool_id = arguments.pool(options.pool)
        getattr(service, f"{verb}_pool")(pool_id=pool_id, reason=reason(options))
        return next(report for report in service.get_pools() if report.id == pool_id)

    return Command(
        f"pool-{verb}", f"{verb} a pool", run, work.PoolOut, lambda row: text.pools([row]), _pool_options
    )


def _move_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the schedule, or of the wave")
    parser.add_argument("to", type=arguments.instant, metavar="INSTANT", help="ISO 8601 with an offset")
    arguments.add_decision(parser)


def _again_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the schedule")
    parser.add_argument(
        "--at",
        type=arguments.instant,
        metavar="INSTANT",
        help="another time, ISO 8601 with an offset; without it its own",
    )
    arguments.add_decision(parser)


def _review_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the schedule")
    outcomes = (
        ScheduleState.PUBLISHED,
        ScheduleState.STAGED,
        ScheduleState.PLANNED,
        ScheduleState.FAILED,
        ScheduleState.CANCELLED,
    )
    parser.add_argument("--outcome", required=True, choices=[state.value for state in outcomes])
    parser.add_argument("--youtube-video-id", default="", metavar="ID", help="what was found on YouTube")
    arguments.add_decision(parser)


def _review(service: Service, options: Options) -> Any:
    body = requests.ReviewSchedule(**given(options, "outcome", "youtube_video_id", "reason", "version"))
    return service.review_schedule(schedule_id=options.id, **body.model_dump())


def _settle_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the distribution")
    parser.add_argument(
        "--way",
        required=True,
        choices=list(WAYS),
        help="take_theirs records what YouTube shows, put_ours_back sets ours again",
    )
    arguments.add_decision(parser)


def _settle(service: Service, options: Options) -> Any:
    body = requests.SettleChange(**given(options, "way", "reason", "version"))
    return service.settle_change(distribution_id=options.id, **body.model_dump())


def _review_job_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the job")
    parser.add_argument("--outcome", required=True, choices=list(OUTCOMES))
    parser.add_argument("--youtube-video-id", default="", metavar="ID", help="what was found on YouTube")
    arguments.add_decision(parser)


def _review_job(service: Service, options: Options) -> Any:
    body = requests.ReviewJob(**given(options, "outcome", "youtube_video_id", "reason", "version"))
    return service.review_job(job_id=options.id, **body.model_dump())


def _recall_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the wave")
    parser.add_argument(
        "--confirm",
        nargs="*",
        type=arguments.row_id,
        metavar="ID",
        help="the distributions that the preview listed; without it the preview is shown",
    )
    arguments.add_decision(parser)


def _recall(service: Service, options: Options) -> Any:
    body = requests.RecallWave(confirmed_ids=options.confirm, reason=options.reason, version=options.version)
    return service.recall_wave(wave_id=options.id, **body.model_dump())


def _source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", help="a page, a direct file or a feed")
    parser.add_argument("--name", default="")
    parser.add_argument(
        "--rights",
        dest="rights_basis",
        choices=[value for value in RightsBasis.values if value],
        default="",
        help="why its videos may be published; without it none is",
    )
    parser.add_argument("--rights-note", default="", help="contract, licence or attribution")


def _source_add(service: Service, options: Options) -> Any:
    body = requests.NewSource(**given(options, "url", "name", "rights_basis", "rights_note"))
    return service.add_source(**body.model_dump())


def _retry_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the job")
    parser.add_argument(
        "--next-free",
        action="store_true",
        help="let its publication take the next free time, where the old one is over or taken",
    )
    arguments.add_decision(parser)


def _rights_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the source")
    parser.add_argument(
        "rights_basis",
        choices=["none", *(value for value in RightsBasis.values if value)],
        help="why its videos may be published; none takes back what is armed of it",
    )
    parser.add_argument("--rights-note", help="contract, licence or attribution; without it the note stays")
    arguments.add_decision(parser)


def _source_rights(service: Service, options: Options) -> Any:
    basis = "" if options.rights_basis == "none" else options.rights_basis
    body = requests.SourceRights(rights_basis=basis, **given(options, "rights_note", "reason", "version"))
    return service.set_source_rights(source_id=options.id, **body.model_dump())


def _apply_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=arguments.row_id, help="id of the conflict")
    parser.add_argument("index", type=arguments.whole, help="which alternative; the first is 0")
    parser.add_argument(
        "--version", type=arguments.whole, metavar="N", help="the conflict's version as you saw it"
    )


def _slot_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")
    parser.add_argument("weekday", type=int, choices=range(7), metavar="0..6", help="0 is Monday")
    parser.add_argument("local_time", metavar="HH:MM", help="on the clock of the channel's zone")


def _slot_add(service: Service, options: Options) -> Any:
    body = requests.NewSlot(
        channel_id=arguments.channel(options.channel), **given(options, "weekday", "local_time")
    )
    return service.add_slot(**body.model_dump())


def _blackout_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")
    parser.add_argument("first_date", metavar="YYYY-MM-DD", help="on the calendar of the channel's zone")
    parser.add_argument("last_date", metavar="YYYY-MM-DD", help="included")
    parser.add_argument("--from-time", metavar="HH:MM", help="of the first date; without it the whole day")
    parser.add_argument("--until-time", metavar="HH:MM", help="of the last date; without it the whole day")
    arguments.add_reason(parser)


def _blackout_add(service: Service, options: Options) -> Any:
    body = requests.NewBlackout(
        channel_id=arguments.channel(options.channel),
        **given(options, "first_date", "last_date", "from_time", "until_time", "reason"),
    )
    return service.add_blackout(**body.model_dump())


def _just_id(name: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("id", type=arguments.row_id, help=f"id of the {name}")

    return add


ROWS = (
    *(_channel_verb(verb) for verb in ("pause", "resume", "disable")),
    Command(
        "wave-show",
        "show a wave and its members",
        lambda s, o: s.get_wave(wave_id=o.id),
        plan.WaveReportOut,
        text.wave_report,
        _just_id("wave"),
    ),
    *_verbs("wave", ("pause", "resume", "cancel"), plan.WaveOut, text.wave, prefix="wave-"),
    Command(
        "wave-move",
        "move a wave's open members by the same span",
        lambda s, o: s.move_wave(wave_id=o.id, scheduled_at=o.to, **decision(o)),
        plan.WaveReportOut,
        text.wave_report,
        _move_options,
    ),
    Command(
        "wave-recall",
        "make a wave's publications private again",
        _recall,
        plan.WaveOut,
        text.wave,
        _recall_options,
    ),
    Command(
        "move",
        "give a publication another time",
        lambda s, o: s.move_schedule(schedule_id=o.id, publish_at=o.to, **decision(o)),
        plan.ScheduleOut,
        text.schedule,
        _move_options,
    ),
    Command(
        "release",
        "release a schedule",
        lambda s, o: s.release_schedule(schedule_id=o.id, publish_at=o.at, **decision(o)),
        plan.ScheduleOut,
        text.schedule,
        _again_options,
    ),
    Command(
        "reopen",
        "take up again a publication that was cancelled, missed, skipped or failed",
        lambda s, o: s.reopen_schedule(schedule_id=o.id, publish_at=o.at, **decision(o)),
        plan.ScheduleOut,
        text.schedule,
        _again_options,
    ),
    *_verbs("schedule", ("hold", "cancel", "bump"), plan.ScheduleOut, text.schedule, prefix=""),
    Command(
        "review",
        "settle a publication that needs review",
        _review,
        plan.ScheduleOut,
        text.schedule,
        _review_options,
    ),
    Command(
        "settle-change",
        "settle what somebody changed on YouTube",
        _settle,
        plan.ScheduleOut,
        text.schedule,
        _settle_options,
    ),
    Command(
        "why",
        "say why a publication is late, or not public",
        lambda s, o: s.explain_publication(schedule_id=o.id),
        plan.PublicationWhyOut,
        text.publication_why,
        _on_id("publication"),
    ),
    Command(
        "job-history",
        "show a job's attempts, its calls to the outside, and its lines of the log",
        lambda s, o: s.get_job_history(job_id=o.id),
        work.JobHistoryOut,
        text.job_history,
        _on_id("job"),
    ),
    *_verbs("job", ("cancel", "bump"), work.JobOut, text.job, prefix="job-"),
    Command(
        "job-retry",
        "queue a job once more",
        lambda s, o: s.retry_job(job_id=o.id, next_free=o.next_free, **decision(o)),
        work.JobOut,
        text.job,
        _retry_options,
    ),
    Command(
        "job-review",
        "settle a job that needs review",
        _review_job,
        work.JobOut,
        text.job,
        _review_job_options,
    ),
    Command("pools", "show shared resources", lambda s, o: s.get_pools(), list[work.PoolOut], text.pools),
    *(_pool_verb(verb) for verb in ("pause", "resume")),
    *_verbs("lease", ("release",), work.LeaseOut, text.lease, prefix="lease-"),
    Command("source-add", "register a source", _source_add, library.SourceOut, text.source, _source_options),
    Command(
        "source-scrape",
        "read a source now",
        lambda s, o: s.scrape_source(source_id=o.id),
        work.JobOut,
        text.job,
        _just_id("source"),
    ),
    Command(
        "source-set-rights",
        "say why a source's videos may be published",
        _source_rights,
        library.RightsChangeOut,
        text.rights_change,
        _rights_options,
    ),
    *_verbs("source", ("pause", "resume"), library.SourceOut, text.source, prefix="source-"),
    Command(
        "slot-add",
        "let a channel post at a weekly time",
        _slot_add,
        register.SlotOut,
        text.slot,
        _slot_options,
    ),
    Command(
        "slot-remove",
        "take a weekly time away; what is scheduled already stays",
        lambda s, o: s.remove_slot(slot_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The slot is taken away."],
        _on_row("slot"),
    ),
    Command(
        "blackout-add",
        "let a channel publish nothing in a stretch of time",
        _blackout_add,
        register.BlackoutOut,
        text.blackout,
        _blackout_options,
    ),
    Command(
        "blackout-remove",
        "take a blackout away; what is scheduled already stays",
        lambda s, o: s.remove_blackout(blackout_id=o.id, reason=reason(o)),
        None,
        lambda _: ["The blackout is taken away."],
        _on_row("blackout"),
    ),
    Command(
        "conflicts",
        "list the open conflicts with the numbers of their alternatives",
        lambda s, o: s.get_open_conflicts(),
        list[plan.ConflictOut],
        text.conflicts,
    ),
    Command(
        "conflict-apply",
        "resolve a conflict by one of its alternatives",
        lambda s, o: s.apply_alternative(conflict_id=o.id, index=o.index, version=o.version),
        plan.ConflictOut,
        text.conflict,
        _apply_options,
    ),
    *_verbs("conflict", ("dismiss",), plan.ConflictOut, text.conflict, prefix="conflict-"),
)
