"""Hold what is strict to being strict: nothing of it may be written into the baseline of mypy's errors."""

import tomllib
from fnmatch import fnmatch

from config import env


def test_the_baseline_excuses_nothing_of_the_strict_modules() -> None:
    settings = tomllib.loads((env.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    strict = next(each for each in settings["mypy"]["overrides"] if "disallow_untyped_defs" in each)["module"]
    baseline = (env.BASE_DIR / settings["mypy_baseline"]["baseline_path"]).read_text(encoding="utf-8")
    modules = {
        line.partition(":")[0].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for line in baseline.splitlines()
    }
    excused = {
        module
        for module in modules
        if any(fnmatch(f"{module}.", pattern.rstrip("*") + "*") for pattern in strict)
    }
    assert len(strict) >= 7
    assert excused == set()
