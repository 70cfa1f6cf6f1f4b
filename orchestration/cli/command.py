"""Define what a command is."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestration.api.schemas import requests
from orchestration.cli import text
from orchestration.service import CentralOrchestrationService

Service = CentralOrchestrationService
Options = argparse.Namespace


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `run` calls the service, `schema` is what the API answers, `show` lays it out for people."""

    name: str
    help: str
    run: Callable[[Service, Options], Any]
    schema: Any
    show: text.Text
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None


def given(options: Options, *names: str, **more: Any) -> dict[str, Any]:
    """Return these options by name, and more."""
    return {name: getattr(options, name) for name in names} | more


def decision(options: Options) -> dict[str, Any]:
    """Return the reason that was given, and the version that it was decided by if one was; checked as by the API."""
    if "version" not in options:  # of what has none
        return {"reason": reason(options)}
    return requests.Decision(reason=options.reason, version=options.version).model_dump()


def reason(options: Options) -> str:
    """Return the reason that was given, checked as the API checks it."""
    return requests.Because(reason=options.reason).reason
