"""The wiring as an app, so that `manage.py up` and the system checks are found."""

import sys
from pathlib import Path

from django.apps import AppConfig

COMMANDS = ("manage.py", "headend")
"""What is typed to run a command: in a checkout, and of the installed package."""


class WiringConfig(AppConfig):
    """Register the wiring: the `up` command and the system checks."""

    name = "config"
    label = "config"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Register the checks; and let a command of `manage.py` act as whoever typed it.

        Web processes, workers and the clock are started by other programs: there, each action names who does it.
        """
        from config import checks, logins  # noqa: F401
        from orchestration.core import audit

        logins.connect()
        if Path(sys.argv[0]).name in COMMANDS:
            audit.this_process_acts_as(audit.whoever_sits_here())
