"""A name is imported from the module that owns it, and each wing of the engine says in a sentence what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestration

ROOT = Path(orchestration.__file__).parent.parent
APPS = ("config", "dashboard", "orchestration", "channels")
PACKAGES_THAT_COLLECT = {
    "orchestration.models": "models are found there by Django",
    "orchestration.media": "loads what is heavy on first use",
    "config": "Celery looks for its app there",
}
WINGS = sorted(
    path.parent.name
    for path in (ROOT / "orchestration").glob("*/__init__.py")
    if path.parent.name not in {"migrations", "management"}
)


def files() -> Iterator[tuple[str, ast.Module]]:
    for app in (*APPS, "tests"):
        for path in sorted((ROOT / app).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if "migrations" not in path.parts and "template" not in path.parts:
                yield module, ast.parse(path.read_text(encoding="utf-8"))


def imports_of(tree: ast.AST) -> Iterator[ast.ImportFrom]:
    """Return each import of names, wherever a statement may stand."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from imports_of(node)


def owned_by(tree: ast.Module) -> set[str]:
    """Return the names that a module binds at its top by more than an import."""
    own = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return own


def test_no_name_is_imported_through_a_third_module():
    trees = dict(files())
    own: dict[str, set[str]] = {}
    through = []
    for module, tree in trees.items():
        for node in imports_of(tree):
            if node.module not in trees or node.level:
                continue
            if node.module in PACKAGES_THAT_COLLECT:
                continue
            for alias in node.names:
                if f"{node.module}.{alias.name}" in trees:
                    continue
                if node.module not in own:
                    own[node.module] = owned_by(trees[node.module])
                if alias.name not in own[node.module]:
                    through.append(f"{module} imports {alias.name} through {node.module}")
    assert through == []


@pytest.mark.parametrize("wing", WINGS)
def test_each_wing_says_what_it_is_for(wing):
    words = ast.get_docstring(ast.parse((ROOT / "orchestration" / wing / "__init__.py").read_text()))
    assert words, f"orchestration/{wing}/__init__.py has no docstring"
