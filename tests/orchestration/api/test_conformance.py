"""Whatever the document allows, and much that it does not: answered as it says, for every role, and never with an error."""

import logging
import os

import pytest

from tests.register_helpers import lead_to_sandbox

ASKED = "HEADEND_TEST_EXAMPLES" in os.environ


@pytest.mark.skipif(not ASKED, reason="takes minutes: tests/drills/conformance.py runs it")
def test_every_operation_does_as_the_document_says(db, settings, sandbox, capsys):
    from tests.contracts import api_world, conformance  # Schemathesis brings much with it

    lead_to_sandbox(settings, sandbox)
    settings.HEADEND_PUBLIC_URL = "https://headend.example"
    logging.getLogger("django.request").setLevel(logging.CRITICAL)  # thousands of refusals are no news
    ids, callers = api_world.build()
    run = conformance.Run(
        ids,
        callers,
        seed=int(os.environ.get("HEADEND_TEST_SEED", "10")),
        examples=int(os.environ["HEADEND_TEST_EXAMPLES"]),
        share=float(os.environ.get("HEADEND_TEST_SHARE", "1")),
        chains=int(os.environ.get("HEADEND_TEST_CHAINS", "100")),
    )
    outcome = run.everything()
    with capsys.disabled():
        print(f"\n{outcome.report()}")

    assert not outcome.findings
    assert len(outcome.succeeded()) >= 0.8 * len(outcome.statuses)
