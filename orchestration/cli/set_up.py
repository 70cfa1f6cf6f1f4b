"""Commands that show what is still to be set up, and check Google and GitHub."""

import argparse

from django.conf import settings
from django.urls import reverse

from orchestration.api.schemas.setup import ConnectionReportOut, SetUpOut
from orchestration.below import public, within
from orchestration.cli import arguments
from orchestration.cli.command import Command, Options, Service
from orchestration.cli.layout import when
from orchestration.monitoring.connection_checks import ConnectionReport
from orchestration.monitoring.first_steps import SetUp

MARKS = {True: "ok", False: "MISSING", None: "open"}


def _set_up(found: SetUp) -> list[str]:
    lines = []
    for number, step in enumerate(found.steps, 1):
        mark = "done" if step.is_done else "may be left" if step.is_optional else "open"
        lines.append(f"  {number}. {step.title} ({mark})" + (f": {step.detail}" if step.detail else ""))
    return [*lines, "", "All is set up." if found.is_done else "Open the console at /set-up/ to go on."]


def _report(found: ConnectionReport) -> list[str]:
    about = f" for {found.channel}" if found.channel else ""
    lines = [f"{found.subject.capitalize()}{about}, {when(found.checked_at)}:"]
    for check in found.checks:
        lines.append(f"  {MARKS[check.ok]:8}{check.title}: {check.sentence}")
        if check.remedy:
            lines.append(f"          {check.remedy}")
    return lines


def _google(service: Service, options: Options) -> ConnectionReport:
    path = reverse("dashboard:connect_google")
    base = options.address or "http://localhost:8000"
    known = public(path) if settings.HEADEND_PUBLIC_URL and not options.address else ""
    return service.check_google(
        redirect_uri=known or f"{base.rstrip('/')}{within(path)}",
        channel_id=arguments.channel(options.channel) if options.channel else None,
    )


def _google_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", nargs="?", metavar="SLUG", help="without one only the client is checked")
    parser.add_argument(
        "--address",
        default="",
        metavar="URL",
        help="where the console is opened; without it HEADEND_PUBLIC_URL, or this machine",
    )


def _github_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", metavar="SLUG")


SET_UP = (
    Command("set-up", "show what is still to be set up", lambda s, o: s.get_set_up(), SetUpOut, _set_up),
    Command(
        "check-google",
        "ask Google, step by step, whether it is set up",
        _google,
        ConnectionReportOut,
        _report,
        _google_options,
    ),
    Command(
        "check-github",
        "ask GitHub, step by step, whether it is set up for a channel",
        lambda s, o: s.check_github(channel_id=arguments.channel(o.channel)),
        ConnectionReportOut,
        _report,
        _github_options,
    ),
)
