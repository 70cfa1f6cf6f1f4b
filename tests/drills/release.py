"""Write down what a release's migrations are, and rows of every kind as its tables hold them.

    .venv/bin/python tests/drills/release.py

Writes `tests/released/<version>.json`. From then on these migrations are never rewritten: others are added to them, and
`tests/config/test_released.py` upgrades what was written here to whatever the schema is by then.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
DATA_DIR = tempfile.mkdtemp(prefix="headend-release-")
os.environ |= {"HEADEND_DATA_DIR": DATA_DIR, "HEADEND_LOG_FILE": "no", "CELERY_BROKER_URL": "memory://"}
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.pop("DATABASE_URL", None)

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.db.models import Field, Model

from config.backup.manifest import models_of_code
from orchestration.core import append_only, sealing
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.models import Seal, SealBlock
from tests import factories
from tests.released import FOLDER, digests, nodes


def fill() -> None:
    """Make a row by every factory; what is there once only, and was made by another, stays."""
    for name, factory in sorted(vars(factories).items()):
        if name.endswith("Factory") and name != "DjangoModelFactory":
            try:
                with transaction.atomic():
                    factory()
            except IntegrityError as error:
                print(f"{name}: {error}")
    # Whoever upgrades checks the record: its seals have to be those of these entries.
    with append_only.may_take_away():
        for model in (Seal, SealBlock):
            model.objects.all().delete()
    sealing.seal()


def rows() -> dict[str, list[dict[str, object]]]:
    """Return every row, by its model, in words that both databases take."""
    return {
        model._meta.label: [
            {field.attname: _said(row, field) for field in model._meta.local_concrete_fields}
            for row in model._base_manager.order_by("pk")
        ]
        for model in models_of_code()
        if model._meta.managed
        and model._meta.label != "orchestration.ChangeCount"  # which the database keeps itself
    }


def _said(row: Model, field: Field) -> object:
    return None if getattr(row, field.attname) is None else field.value_to_string(row)


def main() -> None:
    """Write the release down."""
    call_command("migrate", verbosity=0)
    this_process_acts_as(Acting("the release"))
    fill()
    said = {"version": settings.HEADEND_VERSION, "migrations": digests(), "nodes": nodes(), "rows": rows()}
    file = FOLDER / f"{settings.HEADEND_VERSION}.json"
    file.write_text(
        json.dumps(said, cls=DjangoJSONEncoder, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(
        f"{file.relative_to(ROOT)}: {sum(map(len, said['rows'].values()))} rows of {len(said['rows'])} tables"
    )
    shutil.rmtree(DATA_DIR, ignore_errors=True)


if __name__ == "__main__":
    main()
