"""Planning works without Django, so that a plan is a value that anyone can make, test and replay."""

import subprocess
import sys
from pathlib import Path

import orchestration.planning


def test_planning_imports_and_plans_where_django_cannot_be_imported():
    rooms = [
        p.stem for p in Path(orchestration.planning.__file__).parent.glob("*.py") if p.stem != "__init__"
    ]
    code = "import sys; sys.modules['django'] = None\n"
    code += "".join(f"import orchestration.planning.{room}\n" for room in sorted(rooms))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_planning_never_asks_the_clock():
    for path in Path(orchestration.planning.__file__).parent.glob("*.py"):
        text = path.read_text()
        for clock in (".now(", "utcnow(", "time.time(", "date.today("):
            assert clock not in text, f"{path.name} asks {clock}"
