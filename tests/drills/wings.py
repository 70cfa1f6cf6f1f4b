"""Draw the picture of what may import what, from the contracts of imports and each part's own first sentence.

    .venv/bin/python tests/drills/wings.py

Writes docs/images/wings.svg; `tests/test_wings.py` holds it to what it would be drawn as now.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "images" / "wings.svg"
LEFT, WIDTH, HEIGHT, STEP, BETWEEN = 40, 790, 40, 48, 8
LETTER = {"what": 7.2, "small": 6.5}
"""How wide a letter is, in pixels, generously."""
LOOKS = {
    "api": "way", "cli": "way", "admin": "way", "management": "way", "assistant": "way", "service": "door",
    "media": "pure", "planning": "pure", "words": "pure", "fields": "pure",
}  # fmt: skip
UNSAID = {"management": "Commands for people and for the clock."}
"""What has no first sentence of its own."""


def floors() -> tuple[list[str], list[list[str]]]:
    """Return the applications, and the engine's floors from above, each with its parts."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    apps, engine = (one["layers"] for one in contracts if one["type"] == "layers")
    return apps, [re.split(r" [|:] ", layer) for layer in engine]


def sentence_of(place: Path) -> str:
    """Return the first sentence of a part, to its first stop."""
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = UNSAID.get(place.name) or ast.get_docstring(ast.parse(file.read_text())) or ""
    return text.split("\n")[0].split(". ")[0].rstrip(".")


def fitting(text: str, pixels: float, look: str) -> str:
    """Return as much of a sentence as there is room for: to a comma or the like, or to a word where that says too little."""
    most = int(pixels / LETTER[look])
    if len(text) <= most:
        return text
    stops = [found.start() for found in re.finditer(r"[:;,] ", text) if found.start() <= most]
    if stops and stops[-1] > most / 2:
        return text[: stops[-1]]
    return text[: most - 1].rsplit(" ", 1)[0] + "…"


def box(name: str, place: Path, x: float, y: float, width: float, look: str) -> Iterator[str]:
    """Draw one part: its name, and what it is."""
    yield f'  <rect class="{look}" x="{x:g}" y="{y:g}" width="{width:g}" height="{HEIGHT}" rx="6"/>'
    sentence = sentence_of(place)
    if width > WIDTH / 2:
        yield f'  <text class="name" x="{x + 14:g}" y="{y + 25:g}">{escape(name)}</text>'
        said = fitting(sentence, width - 174, "what")
        yield f'  <text class="what" x="{x + 160:g}" y="{y + 25:g}">{escape(said)}</text>'
        return
    said = fitting(sentence, width - 20, "small")
    yield f'  <text class="name" x="{x + 14:g}" y="{y + 17:g}">{escape(name)}</text>'
    yield f'  <text class="small" x="{x + 14:g}" y="{y + 32:g}">{escape(said)}</text>'


def shown(place: Path) -> str:
    """Return a part's name as it lies in the tree."""
    return f"{place.name}/" if place.is_dir() else f"{place.name}.py"


def drawing() -> str:
    """Return the whole picture."""
    apps, engine = floors()
    y, parts = (
        52,
        ['  <text class="title" x="40" y="30">Imports run down: a box may use what lies below it</text>'],
    )
    for app in apps:
        if app != "orchestration":
            parts += box(shown(ROOT / app), ROOT / app, LEFT, y, WIDTH, "app")
            y += STEP
            continue
        top = y + 4
        parts += [
            f'  <rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH}" height="{34 + STEP * len(engine) + 6}" rx="8"/>',
            f'  <text class="name" x="54" y="{top + 23}">orchestration/</text>',
            f'  <text class="what" x="214" y="{top + 23}">the engine</text>',
        ]
        y = top + 34
        for floor in engine:
            width = (WIDTH - 28 - BETWEEN * (len(floor) - 1)) / len(floor)
            for number, name in enumerate(floor):
                place = ROOT / "orchestration" / name
                x = LEFT + 14 + number * (width + BETWEEN)
                usual = "wing" if place.is_dir() else "plain"
                parts += box(shown(place), place, round(x), y, round(width), LOOKS.get(name, usual))
            y += STEP
        y += 10
    parts.append(f'  <path class="arrow" d="M870 60 V{y - 14} m-7 -12 l7 14 l7 -14"/>')
    parts.append(f'  <text class="small" x="890" y="{y // 2}">imports</text>')
    told = "From the top: config, dashboard, orchestration with its floors, channels. Each may import only what is below."
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {y + 16}" width="960" height="{y + 16}" role="img" '
        'aria-labelledby="t d">\n'
        '  <title id="t">The parts of Headend and which may import which</title>\n'
        f'  <desc id="d">{told}</desc>\n'
    )
    return head + STYLE + "\n".join(parts) + "\n</svg>\n"


STYLE = """\
  <style>
    svg { background: #ffffff; }
    text { font-family: system-ui, sans-serif; fill: #1b2430; }
    .title { font-size: 15px; fill: #4a5665; }
    .name { font-size: 15px; font-weight: 600; }
    .what { font-size: 14px; }
    .small { font-size: 12px; fill: #4a5665; }
    rect { fill: #f4f6f8; stroke: #8a97a6; }
    .frame { fill: none; stroke-dasharray: 5 4; }
    .app { fill: #e6ebf1; }
    .way { fill: #fdf0dc; stroke: #b98532; }
    .door { fill: #fbdfb5; stroke: #9a6510; stroke-width: 2; }
    .wing { fill: #e2eefb; stroke: #4f83b8; }
    .pure { fill: #e2f4e7; stroke: #4b9463; }
    .arrow { fill: none; stroke: #4a5665; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      svg { background: #12171d; }
      text { fill: #e7ecf2; }
      .title, .small { fill: #aab6c4; }
      rect { fill: #1d252e; stroke: #5d6b7a; }
      .frame { fill: none; }
      .app { fill: #252f3a; }
      .way { fill: #3a2e1a; stroke: #b98532; }
      .door { fill: #57421c; stroke: #e0a84a; }
      .wing { fill: #1a2f45; stroke: #5a94cf; }
      .pure { fill: #1b3526; stroke: #58a874; }
      .arrow { stroke: #aab6c4; }
    }
  </style>
"""

if __name__ == "__main__":
    FILE.write_text(drawing(), encoding="utf-8")
    print(FILE.relative_to(ROOT))
