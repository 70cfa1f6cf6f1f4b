"""Lose a machine in the middle of a transaction, and measure how long its locks keep everybody else from their work.

    .venv/bin/python tests/drills/lost_machine.py            # as Headend connects
    .venv/bin/python tests/drills/lost_machine.py --plainly  # as PostgreSQL does by itself

A process in a network namespace holds the switch's lock as every claim does; then the link is cut and stays so. Measured are
the seconds until another session gets the lock, and until the process itself learns that its question is answered by nobody.
Exit code 1, where one takes longer than --most. Needs root, iproute2 and PostgreSQL's programs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import psycopg

from config import database
from tests.drills.chaos_parts.namespace import HERE, Namespace
from tests.drills.chaos_parts.servers import Cluster
from tests.drills.chaos_parts.world import free_port

ALONE = "SELECT pg_advisory_xact_lock(1)"
FAR = """
import sys, time, json, psycopg
with psycopg.connect(**json.loads(sys.argv[1])) as connection:
    connection.execute("SELECT pg_advisory_xact_lock_shared(1)")
    print("held", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        pass
    print(f"{time.monotonic() - began:.1f}", flush=True)
    import os; os._exit(0)
"""


def options_of(url: str, *, plainly: bool) -> dict[str, object]:
    """Return by what Headend connects."""
    found = database.settings_for(url, Path("/nonexistent"))
    more = {} if plainly else found["OPTIONS"]
    return {
        "host": found["HOST"],
        "port": found["PORT"],
        "user": found["USER"],
        "dbname": found["NAME"],
        **more,
    }


def main() -> int:
    """Measure, and say so."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plainly", action="store_true", help="without what Headend adds")
    parser.add_argument("--most", type=float, default=60, help="seconds")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headend-lost-"))
    folder.chmod(0o755)
    namespace, cluster = (
        Namespace(free_port()),
        Cluster(folder / "postgres", free_port(), f"127.0.0.1,{HERE}"),
    )
    far = None
    try:
        namespace.start()
        cluster.start()
        url = f"postgres://headend@{HERE}:{cluster.port}/postgres"
        given = json.dumps(options_of(url, plainly=options.plainly))
        far = subprocess.Popen(
            namespace.within([sys.executable, "-c", FAR, given]), cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ),
        )  # fmt: skip
        assert far.stdin and far.stdout and far.stdout.readline().strip() == "held"
        namespace.cut()
        far.stdin.write("\n")
        far.stdin.flush()
        began = time.monotonic()
        with psycopg.connect(f"{cluster.url}/postgres") as connection:
            connection.execute(f"SET lock_timeout = {int(options.most * 1000)}")
            try:
                connection.execute(ALONE)
                free = f"{time.monotonic() - began:.1f} s"
            except psycopg.errors.LockNotAvailable:
                free = f"more than {options.most:.0f} s"
        left = options.most - (time.monotonic() - began)
        noticed = f"more than {options.most:.0f} s"
        try:
            noticed = f"{far.communicate(timeout=max(1.0, left))[0].strip()} s"
        except subprocess.TimeoutExpired:
            far.kill()
        print(f"another session got the lock after {free}; who was cut off noticed after {noticed}")
        return int("more" in free + noticed)
    finally:
        if far is not None:
            far.kill()
        cluster.stop()
        namespace.stop()


if __name__ == "__main__":
    sys.exit(main())
