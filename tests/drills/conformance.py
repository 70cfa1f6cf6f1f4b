"""Call every operation of the API with what Schemathesis makes of the document, as every role, on SQLite and on PostgreSQL.

    .venv/bin/python tests/drills/conformance.py --share 1 --examples 20 --seed 10
    DATABASE_URL=postgres://… .venv/bin/python tests/drills/conformance.py

Prints how often each status was answered, which operations never succeeded and every finding; exits with 1 on a finding, or
if fewer than four in five operations succeeded. It goes to no server: the application is called in this process.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the test that does it, with these figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the operations, also called by chance")
    parser.add_argument("--examples", type=int, default=5, help="for each of these")
    parser.add_argument("--chains", type=int, default=100, help="of calls along the links; 0: none")
    parser.add_argument("--seed", type=int, default=10)
    options = parser.parse_args()
    given = {f"HEADEND_TEST_{name.upper()}": str(value) for name, value in vars(options).items()}
    test = "tests/orchestration/api/test_conformance.py"
    asked = (sys.executable, "-m", "pytest", "-q", "--no-header", "--show-capture=no", test)
    return subprocess.run(asked, cwd=ROOT, env={**os.environ, **given}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
