"""List the commands: their options, the service's method behind each, and how its answer is shown."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from orchestration.api.schemas import plan, requests, system, work
from orchestration.cli import arguments, rollouts, text
from orchestration.cli.administration import ADMINISTRATION
from orchestration.cli.blockers import BLOCKERS
from orchestration.cli.bulk import BULK
from orchestration.cli.calendar import CALENDAR
from orchestration.cli.channel_setup import CHANNEL_SETUP
from orchestration.cli.command import Command, Options, Service, decision, given
from orchestration.cli.configuration import CONFIGURATION
from orchestration.cli.disk import DISK
from orchestration.cli.figures import FIGURES
from orchestration.cli.groups import GROUPS
from orchestration.cli.looking import LOOKING
from orchestration.cli.notify import NOTIFY
from orchestration.cli.people import PEOPLE
from orchestration.cli.plan_file import PLAN_FILE
from orchestration.cli.profiles import PROFILES
from orchestration.cli.proposals import PROPOSALS
from orchestration.cli.record import RECORD
from orchestration.cli.repositories import REPOSITORIES
from orchestration.cli.reviews import REVIEWS
from orchestration.cli.rollouts import ROLLOUTS
from orchestration.cli.rows import ROWS
from orchestration.cli.saved_views import SAVED_VIEWS
from orchestration.cli.set_up import SET_UP
from orchestration.cli.setting_up import SETTING_UP
from orchestration.cli.sources import SOURCES
from orchestration.cli.standing import STANDING
from orchestration.cli.uploads import UPLOADS
from orchestration.cli.watching import WATCHING
from orchestration.cli.webhooks import WEBHOOKS
from orchestration.cli.words import WORDS
from orchestration.cli.words_outside import WORDS_ON_YOUTUBE
from orchestration.errors import InvalidRequest
from orchestration.results.system import SystemReport
from orchestration.scheduling import overdue_choices
from orchestration.states import Timing

# ------------------------------------------------------------------------------------------------------------- control


def _pause_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--disarm",
        action="store_true",
        help="take back what is armed on YouTube, which else goes public at its moment",
    )
    arguments.add_decision(parser)


def _stop_options(parser: argparse.ArgumentParser) -> None:
    _pause_options(parser)
    parser.add_argument(
        "--now", action="store_true", help="ask what runs to cancel instead of letting it finish"
    )


def _resume_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_decision(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask, though something is overdue")
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what would happen to what is overdue"
    )
    parser.add_argument(
        "--overdue-as",
        default="policy",
        choices=overdue_choices.CHOICES,
        help="what becomes of all that is overdue, instead of what its misfire policies say",
    )
    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="ID=WAY",
        help="what becomes of one publication, for example 7=next_slot; may be repeated",
    )


def _choices(options: Options) -> dict[int, str]:
    """Return what was chosen for single publications. Raises: InvalidRequest."""
    chosen = {}
    for given_one in options.choose:
        number, _, way = given_one.partition("=")
        if not number.isdecimal() or not way:
            raise InvalidRequest(f"{given_one!r} is not ID=WAY, for example 7=next_slot.", field="choose")
        chosen[int(number)] = way
    return chosen


def _resume(service: Service, options: Options) -> SystemReport:
    """Go on after a pause, once a person has seen what will happen to what is overdue.

    It is shown on the standard error, so that the answer of `--json` stays what it is.
    """
    chosen = _choices(options)
    preview = service.preview_resume()
    if preview.items:
        print("\n".join(text.resume_preview(preview)), file=sys.stderr)
        if not options.yes:
            _ask_whether_to_resume(len(preview.items))
    return service.resume(choices=chosen, all_as=options.overdue_as, **decision(options))


def _ask_whether_to_resume(overdue: int) -> None:
    """Raises: InvalidRequest, where the answer is no or nobody can be asked."""
    if not sys.stdin.isatty():
        raise InvalidRequest(
            f"{overdue} overdue, and nobody can be asked here: add --yes to resume, or --dry-run to only look.",
            field="yes",
        )
    print("Resume? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InvalidRequest("Not resumed: the system stays as it is.", field="yes")


CONTROL = (
    Command(
        "start",
        "start the system",
        lambda s, o: s.start(**decision(o)),
        system.StatusOut,
        text.status,
        arguments.add_decision,
    ),
    Command(
        "stop",
        "let what runs finish, then stop",
        lambda s, o: s.stop(now=o.now, disarm=o.disarm, **decision(o)),
        system.StatusOut,
        text.status,
        _stop_options,
    ),
    Command(
        "pause",
        "start nothing new; what runs finishes",
        lambda s, o: s.pause(disarm=o.disarm, **decision(o)),
        system.StatusOut,
        text.status,
        _pause_options,
    ),
    Command(
        "resume",
        "show what is overdue and what will happen to each, ask, and go on after a pause",
        _resume,
        system.StatusOut,
        text.status,
        _resume_options,
    ),
    Command(
        "preview-resume",
        "show what is overdue and what resuming would do",
        lambda s, o: s.preview_resume(),
        plan.ResumePreviewOut,
        text.resume_preview,
    ),
    Command("status", "show the system's state", lambda s, o: s.get_status(), system.StatusOut, text.status),
    Command(
        "dashboard",
        "show what the overview shows",
        lambda s, o: s.get_dashboard_data(),
        system.DashboardOut,
        text.dashboard,
    ),
    Command(
        "needs",
        "show what needs a person, in order",
        lambda s, o: s.get_needs(),
        system.NeedsOut,
        text.needs,
    ),
)

# --------------------------------------------------------------------------------------------------------- publication


def _coordinate_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=arguments.row_id, help="id of the video")
    arguments.add_channels(parser, required=True)
    arguments.add_placing(parser, span="--stagger-seconds", span_help="staggered: between channels")


def _coordinate(service: Service, options: Options) -> Any:
    body = requests.CoordinatePublication(
        video_id=options.video,
        channel_ids=arguments.channels(options.channels, enabled=True),
        **given(options, "timing", "scheduled_at", "stagger_seconds", "priority", "on_conflict"),
        **given(options, "acknowledge_policy", "dry_run", "fingerprint"),
    )
    return service.coordinate_publication(**body.arguments())


def _wave_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="what the wave is called")
    parser.add_argument(
        "--video", dest="videos", nargs="+", type=arguments.row_id, required=True, metavar="ID"
    )
    arguments.add_channels(parser, required=True)
    arguments.add_placing(parser, span="--delay-seconds", span_help="staggered: between channels")
    arguments.add_overrides(parser, "give one member a time of its own, which moving the wave keeps")


def _wave(service: Service, options: Options) -> Any:
    body = requests.ScheduleWave(
        name=options.name,
        video_ids=options.videos,
        channel_ids=arguments.channels(options.channels, enabled=True),
        wave_config=requests.WaveConfig(
            **given(options, "timing", "scheduled_at", "delay_seconds", "priority", "on_conflict"),
            acknowledge_policy=options.acknowledge_policy,
            overrides=[
                requests.Override(video_id=video, channel_id=arguments.channel(name), publish_at=at)
                for video, name, at in options.overrides
            ],
        ),
        **given(options, "dry_run", "fingerprint"),
    )
    return service.schedule_wave_publication(**body.arguments())


def _earliest_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--video", dest="videos", nargs="+", type=arguments.row_id, required=True, metavar="ID"
    )
    arguments.add_channels(parser, required=True)
    parser.add_argument("--timing", choices=Timing.values, default=Timing.SIMULTANEOUS.value)
    parser.add_argument(
        "--since",
        type=arguments.instant,
        metavar="INSTANT",
        help="ISO 8601 with an offset; without it from now on",
    )
    parser.add_argument(
        "--delay-seconds", type=arguments.whole, default=0, metavar="N", help="staggered: between channels"
    )
    arguments.add_overrides(parser, "a time of its own that one member keeps")


def _earliest(service: Service, options: Options) -> Any:
    return service.find_earliest_time(
        video_ids=options.videos,
        channel_ids=arguments.channels(options.channels, enabled=True),
        scheduled_at=options.since,
        overrides={(video, arguments.channel(name)): at for video, name, at in options.overrides},
        **given(options, "timing", "delay_seconds"),
    )


def _trigger_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", help="slug or id")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--video", type=arguments.row_id, metavar="ID", help="a video that is known")
    what.add_argument("--url", dest="source_url", metavar="URL", help="a page or file to scrape")
    parser.add_argument("--skip-upload", action="store_true", help="prepare the file only")


def _trigger(service: Service, options: Options) -> Any:
    body = requests.TriggerPipeline(
        channel_id=arguments.channel(options.channel),
        video_id=options.video,
        **given(options, "source_url", "skip_upload"),
    )
    return service.trigger_pipeline(**body.model_dump())


def _distribute_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--video",
        dest="videos",
        nargs="+",
        type=arguments.row_id,
        metavar="ID",
        help="videos by id; without it all that are ready",
    )
    arguments.add_channels(parser)
    parser.add_argument(
        "--horizon-days", type=arguments.whole, default=14, metavar="N", help="how far ahead slots are used"
    )
    parser.add_argument("--dry-run", action="store_true", help="say yes and no for each pair, write nothing")


def _distribute(service: Service, options: Options) -> Any:
    body = requests.DistributeVideos(
        video_ids=options.videos,
        channel_ids=arguments.channels(options.channels, enabled=True),
        **given(options, "horizon_days", "dry_run"),
    )
    return service.distribute_videos(**body.with_chosen())


def _monitor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="look now instead of showing what is known")
    arguments.add_channels(parser)


def _monitor(service: Service, options: Options) -> Any:
    channel_ids = arguments.channels(options.channels)
    if options.check:
        return service.check_channels(channel_ids=channel_ids)
    return service.monitor_channels(channel_ids=channel_ids)


def _sync_options(parser: argparse.ArgumentParser) -> None:
    arguments.add_channels(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would change, write nothing")
    rollouts.add_options(parser)


def _sync(service: Service, options: Options) -> Any:
    body = requests.SyncConfigs(
        channel_ids=arguments.channels(options.channels, enabled=True),
        dry_run=options.dry_run,
        canary_id=None if options.canary is None else arguments.channel(options.canary),
        cohort_size=options.cohort,
    )
    return service.sync_channel_configs(**body.with_chosen())


def _explain_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=arguments.row_id, help="id of the video")
    parser.add_argument("channel", help="slug or id")


def _days(default: int, most: int) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--days", type=int, choices=range(1, most + 1), default=default, metavar=f"1..{most}"
        )

    return add


def _statistics_options(parser: argparse.ArgumentParser) -> None:
    _days(7, 30)(parser)
    arguments.add_channels(parser)


PUBLICATION = (
    Command(
        "coordinate",
        "publish one video on several channels",
        _coordinate,
        plan.WaveResultOut,
        text.wave_result,
        _coordinate_options,
    ),
    Command(
        "wave",
        "publish videos over channels as one wave",
        _wave,
        plan.WaveResultOut,
        text.wave_result,
        _wave_options,
    ),
    Command(
        "earliest",
        "find the first time at which a wave fits and nothing has to move",
        _earliest,
        plan.EarliestOut,
        text.earliest,
        _earliest_options,
    ),
    Command(
        "trigger",
        "run a channel's pipeline now",
        _trigger,
        work.TriggerResultOut,
        text.trigger,
        _trigger_options,
    ),
    Command(
        "distribute",
        "give ready videos to channels by their filters",
        _distribute,
        plan.DistributeResultOut,
        text.distribute,
        _distribute_options,
    ),
    Command(
        "explain",
        "say rule by rule why a video may or may not go to a channel",
        lambda s, o: s.explain(video_id=o.video, channel_id=arguments.channel(o.channel)),
        plan.ExplanationOut,
        text.explanation,
        _explain_options,
    ),
    Command(
        "monitor",
        "show the health of channels",
        _monitor,
        system.MonitorResultOut,
        text.monitor,
        _monitor_options,
    ),
    Command(
        "sync",
        "write configurations to the repositories, where they changed",
        _sync,
        system.SyncResultOut,
        text.sync,
        _sync_options,
    ),
    Command(
        "forecast",
        "show what the coming days bring",
        lambda s, o: s.get_kept_forecast(days=o.days),
        system.KeptForecastOut,
        text.forecast,
        _days(7, 31),
    ),
    Command(
        "statistics",
        "show what was counted in the last days",
        lambda s, o: s.get_statistics(days=o.days, channel_ids=arguments.channels(o.channels)),
        system.StatisticsOut,
        text.statistics,
        _statistics_options,
    ),
)

RECALL_PREVIEW = Command(
    "wave-recall",
    "show what a recall would do",
    lambda s, o: s.preview_recall(wave_id=o.id),
    plan.RecallPreviewOut,
    text.recall_preview,
)

COMMANDS = {
    command.name: command
    for command in (
        *CONTROL,
        *PUBLICATION,
        *BLOCKERS,
        *REPOSITORIES,
        *ROLLOUTS,
        *GROUPS,
        *BULK,
        *SAVED_VIEWS,
        *UPLOADS,
        *DISK,
        *ROWS,
        *CHANNEL_SETUP,
        *SOURCES,
        *LOOKING,
        *NOTIFY,
        *WEBHOOKS,
        *PROFILES,
        *STANDING,
        *PLAN_FILE,
        *CALENDAR,
        *WORDS,
        *WORDS_ON_YOUTUBE,
        *WATCHING,
        *RECORD,
        *REVIEWS,
        *PEOPLE,
        *PROPOSALS,
        *CONFIGURATION,
        *FIGURES,
        *ADMINISTRATION,
        *SETTING_UP,
        *SET_UP,
    )
}


def chosen(options: Options) -> Command:
    """Return the command that was named; a recall without confirmation, or a dry run, only shows what it would do."""
    command = COMMANDS[options.command]
    if command.name == "resume" and options.dry_run:
        return COMMANDS["preview-resume"]
    if command.name == "wave-recall" and options.confirm is None:
        return RECALL_PREVIEW
    return command
