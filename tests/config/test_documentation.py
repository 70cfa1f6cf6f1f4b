"""What the pages for developers name is there: files, functions and classes that moved or were renamed are found here."""

import re
from functools import cache
from pathlib import Path

import pytest

from config.env import BASE_DIR

FOR_DEVELOPERS = ("docs/developing.md", "docs/glossary.md", "docs/decisions/0006-ten-wings.md")
CODE = ("config", "dashboard", "orchestration", "channels", "tests")
FILE = re.compile(r"`((?:config|dashboard|orchestration|channels|templates|tests|docs)/[\w./-]*)`")
FUNCTION = re.compile(r"`(\w+)\(\)`")
CLASS = re.compile(r"`([A-Z][a-z]+[A-Za-z]*)(?:\.\w+)?`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@cache
def names() -> tuple[set[str], set[str]]:
    """Return the names of all functions, and of all classes and their unions."""
    functions, classes = set(), set()
    for folder in CODE:
        for path in (BASE_DIR / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            functions |= set(re.findall(r"^\s*def (\w+)", text, re.MULTILINE))
            classes |= set(re.findall(r"^(?:\s*class )?([A-Z]\w+)(?= = |\(|:)", text, re.MULTILINE))
    return functions, classes


def text_of(page: str) -> str:
    return (BASE_DIR / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", FOR_DEVELOPERS)
def test_a_file_that_a_page_names_is_there(page: str) -> None:
    named = set(FILE.findall(text_of(page)))
    assert named
    # As it was before a decision, it says in words and not as a path.
    assert {name for name in named if not (BASE_DIR / name).exists()} == set()


@pytest.mark.parametrize("page", FOR_DEVELOPERS)
def test_a_function_or_class_that_a_page_names_is_there(page: str) -> None:
    functions, classes = names()
    text = text_of(page)
    assert set(FUNCTION.findall(text)) - functions == set()
    assert set(CLASS.findall(text)) - classes == set()


@pytest.mark.parametrize(
    "page", sorted(str(p.relative_to(BASE_DIR)) for p in Path(BASE_DIR, "docs").rglob("*.md"))
)
def test_a_link_to_another_page_leads_somewhere(page: str) -> None:
    folder = (BASE_DIR / page).parent
    linked = set(LINK.findall(text_of(page)))
    assert {link for link in linked if not (folder / link).exists()} == set()
