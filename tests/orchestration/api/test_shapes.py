"""What the document allows by shape is taken by shape: no rule about form stands in the code alone."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from pydantic import ValidationError
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

import tests.contracts.conformance  # noqa: F401 - registers what dates are made of
from orchestration.fields import Body
from tests.orchestration.api.test_document import below
from tests.orchestration.api_client import document

BODIES = {each.__name__: each for each in below(Body) if each.__module__.startswith("orchestration.")}
EXAMPLES = 25


def with_bodies():
    """Return the operations that take a body of ours, each body once."""
    schema = schemathesis.openapi.from_dict(document())
    found = {}
    for result in schema.get_all_operations():
        if isinstance(result, Ok):
            operation = result.ok()
            content = operation.definition.raw.get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            if (name := reference.rpartition("/")[2]) in BODIES:
                found.setdefault(name, operation)
    return found


OPERATIONS = with_bodies()


def test_most_bodies_are_here():
    assert len(OPERATIONS) > 80


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_body_that_fits_the_document_is_taken_by_shape(name):
    @hypothesis.seed(10)
    @hypothesis.settings(
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=OPERATIONS[name].as_strategy(generation_mode=GenerationMode.POSITIVE))
    def walk(case):
        if isinstance(case.body, dict):
            try:
                BODIES[name].model_validate(case.body)
            except ValidationError as refusal:
                first = refusal.errors()[0]
                pytest.fail(f"{first['loc']}: {first['msg']}: {str(first['input'])[:200]!r}")

    walk()
