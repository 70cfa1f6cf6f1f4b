"""Whatever statement of a request fails, the answer says so and nothing is written: of every operation that changes."""

import itertools
import logging
import os

import pytest
from django.db import transaction

from tests.contracts import api_world
from tests.orchestration.api_client import ApiClient, document
from tests.orchestration.nth_statement import changed, digest, failing_at
from tests.register_helpers import lead_to_sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
EVERY = int(os.environ.get("HEADEND_TEST_EVERY_STATEMENT_OF_THE_API", "9"))
MOST = 2000
MOST_ROWS = 12
CHANGES = ("post", "put", "patch", "delete")
APART = {
    "blockers_probe": "it says that it could not be asked",
    "notifications_addresses_test": "what was sent is written down",
    "webhooks_change": "the address is looked up; the same change again comes to the same",
    "webhooks_create": "the address is looked up; a second one of the name is refused",
    "webhooks_patch": "the address is looked up; the same change again comes to the same",
    "webhooks_test": "what was sent is written down",
}
"""What asks another machine and so does not lie in one transaction, and why what it did may stay."""


def send(api, method, path, given):
    headers = {**api.headers, **given.get("headers", {})}
    return getattr(api.client, method)(
        path,
        given.get("body", ""),
        query_params=given.get("query", {}),
        content_type="application/offset+octet-stream"
        if isinstance(given.get("body"), bytes)
        else "application/json",
        headers=headers,
    )


def undone(call):
    """Do something and take it back."""
    with transaction.atomic():
        result = call()
        transaction.set_rollback(True)
    return result


def succeeding(api, ids):
    """Yield each operation that changes anything, with a request that succeeds."""
    for path, methods in document()["paths"].items():
        for method in CHANGES:
            raw = methods.get(method)
            if raw is None:
                continue
            name = raw["operationId"]
            keys = [each["name"] for each in raw.get("parameters", ()) if each["in"] == "path"]
            rows = itertools.product(
                *(ids.get(api_world.ANYWHERE.get((name, key), key), [1]) for key in keys)
            )
            for given, row in itertools.product(
                api_world.requests(name, raw, ids), itertools.islice(rows, MOST_ROWS)
            ):
                address = path
                for key, value in zip(keys, row, strict=True):
                    address = address.replace(f"{{{key}}}", str(value))
                if undone(lambda a=address, m=method, g=given: send(api, m, a, g)).status_code < 300:
                    yield name, lambda a=address, m=method, g=given: send(api, m, a, g)
                    break


def test_whatever_statement_of_a_request_fails_nothing_of_it_is_written(settings, sandbox):
    lead_to_sandbox(settings, sandbox)
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    settings.HEADEND_API_PER_MINUTE = 0
    ids, callers = api_world.build()
    api = ApiClient(callers["own"], held=False)
    api.get("me")  # from now on the token is known to be in use
    amiss, tried, operations = [], 0, 0
    for place, (name, call) in enumerate(succeeding(api, ids)):
        operations += 1
        for number in range(place % EVERY + 1, MOST, EVERY):
            with transaction.atomic():
                with failing_at(number) as hit:
                    status = call().status_code
                after = digest() if hit.stands else {}
                transaction.set_rollback(True)
            if not hit.sql:
                break
            tried += 1
            if name in APART:
                continue
            if status < 500 and not (
                name.endswith(("preview", "configuration_apply")) and not hit.stands
            ):  # it takes back what it tried
                amiss.append(f"{name} answered {status} though statement {number} failed: {hit.sql}")
            elif after and (written := changed(after)):
                amiss.append(f"{name} wrote {written} though statement {number} failed: {hit.sql}")
    assert not amiss, "\n".join(amiss)
    assert operations > 100
    assert tried > operations
