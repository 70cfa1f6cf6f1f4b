"""A version of Headend that is newer by one migration, for a roll over to it while it runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VERSION = "0.1.1.dev0"
MIGRATION = '''"""Keep what nobody asks for yet: a former version goes on beside it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels", "{last}")]
    operations = [
        migrations.AddField(
            "channel", "rolled", models.CharField(blank=True, null=True, max_length=20)
        )
    ]
'''


def make(folder: Path) -> Path:
    """Copy what git knows of this checkout, as it lies here, and add a migration that expands; returns the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    migrations = folder / "channels" / "migrations"
    last = sorted(migrations.glob("[0-9]*.py"))[-1].stem
    (migrations / f"{int(last[:4]) + 1:04}_rolled.py").write_text(MIGRATION.format(last=last))
    before = "    objects = ChannelQuerySet.as_manager()\n"
    field = "    rolled = models.CharField(blank=True, null=True, max_length=20)\n"
    _replace(folder / "channels/models.py", before, f"{field}\n{before}")
    version = folder / "config/version.py"
    version.write_text(f'"""A version of a drill."""\n\nVERSION = "{VERSION}"\n')
    return folder


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise SystemExit(f"{file} has {old!r} {text.count(old)} times; tell this drill where a field goes")
    file.write_text(text.replace(old, new))
