"""Headend as an installed package: the same tree as in a checkout, below this folder, and `headend` for its `manage.py`.

Its parts are called `config`, `channels` and so on, which other packages might be called as well: so they are not put
beside these, but found first by a process of Headend only.
"""

import sys
from pathlib import Path


def main() -> None:
    """Hand the command line to Headend: `headend up`, `headend orchestration status`."""
    sys.path.insert(0, str(Path(__file__).parent))
    import manage

    manage.main()
