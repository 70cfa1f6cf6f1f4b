#!/usr/bin/env python
"""Run a Headend command; `manage.py up` starts everything."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said before an import fails on syntax that an older Python lacks
    sys.exit(f"Headend needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}).")


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:] in (["version"], ["--version"]):
        from config.version import VERSION

        print(f"Headend {VERSION}")
        return
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run: .venv/bin/pip install -r requirements.txt")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Headend cannot start: {error}")


if __name__ == "__main__":
    main()
