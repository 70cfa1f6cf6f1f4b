"""Count how the project's files import each other: boxes, floors, arrows, circles, the longest chain, the fan-in.

    .venv/bin/python tests/drills/import_figures.py [--at FOLDER] [--wings]

Reads the files of a checkout (this one, or the one at FOLDER) without running any of them, migrations left out; what is
imported for type checking only counts too. A box is a file or folder directly under `orchestration/`, or one of the other
three top-level folders. The floors are the longest way down through the boxes. A circle is a set of boxes (or files) each of
which leads to every other; the arrows that have to go before it opens point upwards (the fewest such are counted). The
longest chain is of files, a circle taken whole. Fan-in is by how many files something is imported. `--wings` prints what
each box imports.
"""

import argparse
import itertools
import sys
from collections import defaultdict
from pathlib import Path

import grimp

ROOTS = ("config", "dashboard", "orchestration", "channels")
Graph = dict[str, set[str]]


def read(folder: Path) -> Graph:
    """Return which files each file imports, migrations left out."""
    sys.path.insert(0, str(folder))
    found = grimp.build_graph(*ROOTS, cache_dir=None)
    files = sorted(name for name in found.modules if ".migrations" not in name)
    return {name: found.find_modules_directly_imported_by(name) & set(files) for name in files}


def box_of(name: str) -> str:
    """Return the box that a file lies in."""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "orchestration" else parts[0]


def fold(files: Graph) -> Graph:
    """Return which boxes each box imports."""
    boxes: Graph = {box_of(name): set() for name in files if name != "orchestration"}
    for name, imported in files.items():
        for other in imported - {"orchestration"}:
            if box_of(other) != box_of(name):
                boxes[box_of(name)].add(box_of(other))
    return boxes


def reach(graph: Graph) -> dict[str, set[str]]:
    """Return what each node leads to, by any number of steps."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for node in graph[todo.pop()] - seen:
                seen.add(node)
                todo.append(node)
        reached[start] = seen
    return reached


def circles(graph: Graph) -> list[set[str]]:
    """Return the sets of nodes that all lead to each other."""
    reached = reach(graph)
    groups = {frozenset(b for b in reached[a] if a in reached[b]) | {a} for a in graph}
    return [set(group) for group in groups if len(group) > 1]


def upwards(graph: Graph) -> int:
    """Return the fewest arrows without which there is no circle."""
    total = 0
    for circle in circles(graph):
        inside = [(a, b) for a in circle for b in graph[a] & circle]
        for count in range(1, len(inside) + 1):
            if any(
                _is_open(circle, set(inside) - set(gone)) for gone in itertools.combinations(inside, count)
            ):
                total += count
                break
    return total


def _is_open(nodes: set[str], arrows: set[tuple[str, str]]) -> bool:
    return not circles({a: {b for x, b in arrows if x == a} for a in nodes})


def longest_chain(graph: Graph) -> list[str]:
    """Return the longest way down, each circle taken whole."""
    member_of = {name: frozenset({name}) for name in graph}
    member_of |= {name: frozenset(circle) for circle in circles(graph) for name in circle}
    best: dict[frozenset[str], list[str]] = {}

    def below(group: frozenset[str]) -> list[str]:
        if group not in best:
            others = {member_of[b] for a in group for b in graph[a]} - {group}
            best[group] = sorted(group) + max((below(other) for other in others), key=len, default=[])
        return best[group]

    return max((below(group) for group in set(member_of.values())), key=len)


def floors(graph: Graph) -> int:
    """Return how many floors the boxes stand on, those of one circle on the same."""
    group_of = {name: name for name in graph}
    group_of |= {name: min(circle) for circle in circles(graph) for name in circle}
    folded: Graph = defaultdict(set)
    for name, imported in graph.items():
        folded[group_of[name]] |= {group_of[other] for other in imported} - {group_of[name]}
    return len(longest_chain(dict(folded)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--wings", action="store_true")
    options = parser.parse_args()
    files = read(options.at)
    boxes = fold(files)
    chain = longest_chain(files)
    print(f"boxes {len(boxes)}, of them {sum('.' in box for box in boxes)} in orchestration/")
    print(f"floors {floors(boxes)}")
    print(f"arrows between boxes {sum(map(len, boxes.values()))}, upwards {upwards(boxes)}")
    print(f"circles of boxes {len(circles(boxes))}: {[sorted(circle) for circle in circles(boxes)]}")
    print(f"files {len(files)}, imports {sum(map(len, files.values()))}")
    print(f"circles of files {len(circles(files))}: {[sorted(circle) for circle in circles(files)]}")
    print(f"longest chain {len(chain)} files: {' > '.join(chain)}")
    importers: Graph = defaultdict(set)
    for name, imported in files.items():
        for other in imported:
            importers[other].add(name)
    print("imported by most files:")
    for name, by in sorted(importers.items(), key=lambda item: (-len(item[1]), item[0]))[:15]:
        print(f"  {len(by):4} {name}, from {len({box_of(other) for other in by})} boxes")
    if options.wings:
        for box, imported in sorted(boxes.items()):
            print(f"  {box}: {', '.join(sorted(imported))}")


if __name__ == "__main__":
    main()
