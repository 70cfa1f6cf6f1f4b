"""Every factory makes a valid row, with every trait it names."""

import pytest

from tests import factories

FACTORIES = [
    value
    for name, value in vars(factories).items()
    if name.endswith("Factory") and name != "DjangoModelFactory"
]
CASES = [
    (factory, trait)
    for factory in FACTORIES
    for trait in (None, *(name for name in factory._meta.parameters if name != "subject"))
]


@pytest.mark.django_db
@pytest.mark.parametrize(("factory", "trait"), CASES, ids=[f"{f.__name__}-{t or 'plain'}" for f, t in CASES])
def test_a_factory_makes_a_row_that_its_model_takes(factory, trait):
    row = factory(**({trait: True} if trait else {}))
    row.refresh_from_db()
    # What a form would ask for and the system leaves empty, or fills in itself.
    row.full_clean(exclude=["password", "changes", "serialized_data", "body"])
