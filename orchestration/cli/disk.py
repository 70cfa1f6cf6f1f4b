"""`disk`, `clean` and `source-retention`: what lies on the disk, and for how long."""

import argparse

from orchestration.api.schemas import disk, library
from orchestration.cli import arguments
from orchestration.cli import text as texts
from orchestration.cli.command import Command, Options, Service, decision
from orchestration.results.pools import CleanResult, DiskReport


def _size(count: int) -> str:
    return f"{count / 1e9:,.2f} GB"


def _disk(report: DiskReport) -> list[str]:
    left = "nothing grows" if report.days_left is None else f"full in about {report.days_left} days"
    left = "not full within ten years" if (report.days_left or 0) > 3650 else left
    return [
        f"{_size(report.free_bytes)} of {_size(report.total_bytes)} free, {_size(report.floor_bytes)} kept free",
        f"originals {_size(report.originals_bytes)}, kept {report.keep_originals}; "
        f"prepared {_size(report.prepared_bytes)}, kept {report.keep_prepared}; "
        f"uploads {_size(report.uploads_bytes)}",
        f"grows by {_size(report.grows_bytes_a_day)} a day: {left}",
        f"kept no longer: {_size(report.deletable_bytes)} of {report.deletable_videos} videos",
    ]


def _clean(result: CleanResult) -> list[str]:
    would = "would be freed" if result.dry_run else "freed"
    lines = [
        f"video {item.video_id} {item.title}: "
        + " and ".join(word for word in ("original" * item.original, "prepared" * item.prepared) if word)
        for item in result.items
    ]
    return [*lines, f"{_size(result.freed_bytes)} {would}"]


def _clean_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")


def _retention_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=arguments.row_id, help="id of the source")
    for name in ("originals", "prepared"):
        parser.add_argument(
            f"--{name}",
            default="",
            help="forever, published, or a number of days; empty: as the installation",
        )
    arguments.add_decision(parser)


def _set_retention(service: Service, options: Options):
    return service.set_source_retention(
        source_id=options.source,
        keep_originals=options.originals,
        keep_prepared=options.prepared,
        **decision(options),
    )


DISK = (
    Command("disk", "show what lies on the disk", lambda s, o: s.get_disk(), disk.DiskOut, _disk),
    Command(
        "clean",
        "delete files that are kept no longer",
        lambda s, o: s.preview_cleaning() if o.dry_run else s.clean_disk(),
        disk.CleanOut,
        _clean,
        _clean_options,
    ),
    Command(
        "source-retention",
        "say for how long files of a source are kept",
        _set_retention,
        library.SourceOut,
        texts.source,
        _retention_options,
    ),
)
