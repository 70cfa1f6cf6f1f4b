"""Hold docs/settings.md and the code together: what is read is described, and what is described is read."""

import re

import pytest

from config import env

PAGE = (env.BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
# A helper's first argument, an assignment whose value is handed to one (`KIND = "…"`), and the one that finds the others.
READ = re.compile(
    r"""env\.(?:text|integer|url|flag|one_of|words|networks|raw)\(\s*"([A-Z][A-Z0-9_]+)"|"(HEADEND_[A-Z_]+)\""""
)
# The first cell of a table's row.
DESCRIBED = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|", re.MULTILINE)
DEFAULT = re.compile(
    r"""env\.(?:integer|url)\(\s*"([A-Z][A-Z0-9_]+)", (\d+|"https://[^"]+")[,)]""",
)
BOUNDS = re.compile(r"""env\.integer\(\s*"(\w+)", .*?minimum=(\d+)(?:, maximum=([\d_]+))?\)""")


def sources() -> str:
    """Return all of config's code, and who hands settings over to processes."""
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((env.BASE_DIR / "config").rglob("*.py"))
    )


def described() -> set[str]:
    """Return the variables that have a row."""
    return set(DESCRIBED.findall(PAGE))


def test_every_variable_that_is_read_has_a_row() -> None:
    read = {name for pair in READ.findall(sources()) for name in pair if name}
    assert len(read) > 30
    assert read - described() == set()


def test_every_row_names_a_variable_that_is_read() -> None:
    code = sources()
    assert {name for name in described() if f'"{name}"' not in code} == set()


def test_no_variable_has_two_rows() -> None:
    rows = DESCRIBED.findall(PAGE)
    assert sorted(rows) == sorted(set(rows))


@pytest.mark.parametrize(("name", "default"), DEFAULT.findall(sources()))
def test_a_default_in_the_code_stands_in_its_row(name: str, default: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    assert f"`{default.strip(chr(34))}`" in row


@pytest.mark.parametrize(("name", "minimum", "maximum"), BOUNDS.findall(sources()))
def test_bounds_in_the_code_stand_in_their_row(name: str, minimum: str, maximum: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    bounds = f"{minimum} to {maximum.replace('_', '')}" if maximum else f"{minimum} and more"
    assert bounds in row or name == "HEADEND_MAX_SOURCE_BYTES"


def test_what_up_writes_for_a_demo_is_described() -> None:
    from config.supervisor.installation import KIND, SANDBOX_PORT, demo_values

    written = {KIND, SANDBOX_PORT, *demo_values({}, host="127.0.0.1", port=8000)}
    assert written - described() == set()
