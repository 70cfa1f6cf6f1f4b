"""Call every operation of the API with what Schemathesis makes of the document, as every role, and collect what is amiss.

Each call is undone at once (a savepoint), so every one finds the same world, and whoever succeeds once succeeds again: the
first request of an operation that an owner succeeds with is sent again by every other role, and by nobody. Then chains of
calls along the document's links, undone after each chain.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import hypothesis
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case

from orchestration.api import facts
from orchestration.api.auth import READING
from orchestration.core.permissions import LEVELS, NEEDS, SCOPES, Actor
from orchestration.fields import FIRST_DATE, LAST_DATE
from tests.contracts.api_world import ANYWHERE, Ids, requests
from tests.orchestration.api_client import document


@schemathesis.deserializer("text/yaml")
def as_text(_context: object, response: schemathesis.Response) -> str:
    """Take a configuration file as the text that the document says it is; its lines are read elsewhere."""
    return response.content.decode()


ALLOWED = [
    "2xx",
    "304",
    "401",
    "403",
    "404",
    "405",
    "406",
    "409",
    "410",
    "412",
    "413",
    "415",
    "422",
    "423",
    "460",
    "503",
]
"""What valid data may be answered with. 422 judges by what stands in the database; by shape, that is counted apart."""
REJECTED = ["400", "401", "403", "404", "405", "406", "409", "410", "412", "413", "415", "422", "429", "5xx"]
"""What invalid data has to be answered with; 412 is tus's word for a version that is missing."""
GENERATING: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "derandomize": False,
    "phases": [hypothesis.Phase.generate],
    "suppress_health_check": list(hypothesis.HealthCheck),
}
AMONG_PEOPLE = frozenset(
    {
        "plan_calendar_address",
        "uploads_abandon",
        "users_change",
        "users_patch",
        "users_deactivate",
        "users_reactivate",
        "users_set_password",
        "users_password_link",
    }
)
"""Where nobody reaches above their own role, or what others send, whatever the method needs."""
ENDLESS = frozenset({"orchestration_events_stream"})
"""What answers with a stream that does not end, and reads on connections of its own."""
MOST_ROWS, OTHER_METHODS = 12, 0.1
PLAIN = {"Accept-Encoding": "identity"}
RUNS = "/api/runs/{correlation_id}/"


# What Hypothesis makes by these formats is spread over ten thousand years, most of which the patterns beside them refuse.
schemathesis.openapi.format("date", st.dates(FIRST_DATE, LAST_DATE).map(str))
schemathesis.openapi.format(
    "date-time",
    st.dates(FIRST_DATE, LAST_DATE).map(lambda day: f"{day}T18:30:00Z"),
)


@schemathesis.serializer("application/offset+octet-stream")
def _bytes(context: Any, value: Any) -> bytes:
    """Return the bytes of a piece of an upload."""
    return value if isinstance(value, bytes) else str(getattr(value, "data", value)).encode()


@dataclass
class Outcome:
    """What came of a run."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    findings: dict[tuple[str, str], str] = field(default_factory=dict)
    by_shape: Counter[str] = field(default_factory=Counter)
    needed: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    chains: int = 0

    @property
    def calls(self) -> int:
        return sum(sum(each.values()) for each in self.statuses.values())

    def succeeded(self) -> set[str]:
        """Return the operations that were answered 2xx."""
        return {name for name, seen in self.statuses.items() if any(200 <= status < 300 for status in seen)}

    def report(self) -> str:
        """Return a line for each operation that never succeeded, for each finding, and the sums."""
        total = Counter[int]()
        for seen in self.statuses.values():
            total.update(seen)
        never = sorted(set(self.statuses) - self.succeeded())
        return "\n".join(
            [
                f"{self.calls} calls of {len(self.statuses)} operations, {self.chains} chains; by status "
                + ", ".join(f"{status}: {number}" for status, number in sorted(total.items())),
                "longest: "
                + ", ".join(
                    f"{name} {seconds:.1f} s"
                    for name, seconds in sorted(self.took.items(), key=lambda item: -item[1])[:8]
                ),
                *(f"never 2xx: {name} {dict(self.statuses[name])}" for name in never),
                f"answered 2xx: {len(self.succeeded())} of {len(self.statuses)}",
                *(
                    f"valid by the document, refused by shape ({n}x): {what}"
                    for what, n in self.by_shape.most_common()
                ),
                *(
                    f"FINDING {name}: {kind}\n    {what}"
                    for (name, kind), what in sorted(self.findings.items())
                ),
                f"{len(self.findings)} findings",
            ]
        )


class Run:
    """One run over the document, from a seed."""

    def __init__(
        self, ids: Ids, callers: dict[str, str], *, seed: int, examples: int, share: float, chains: int
    ) -> None:
        self.ids, self.callers, self.seed, self.examples = ids, callers, seed, examples
        self.share, self.chains = share, chains
        self.random = random.Random(seed)
        self.outcome = Outcome()
        self.asked: list[str] = []
        self.shapes: list[Any] = []
        self.succeeding: dict[str, tuple[Case, dict[str, str]]] = {}
        load_all_checks()
        config = schemathesis.Config.from_dict(
            {
                # What it would infer besides are over a thousand links, among which Hypothesis finds none to begin with.
                "phases": {"stateful": {"inference": {"algorithms": []}}},
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": ALLOWED},
                    "negative_data_rejection": {"expected-statuses": REJECTED},
                    "missing_required_header": {"expected-statuses": REJECTED},
                },
            }
        )
        self.schema = schemathesis.openapi.from_dict(document(), config=config)
        self.schema.app = WSGIHandler()
        self.schema.location = "http://localhost/api/openapi.json"

    def everything(self) -> Outcome:
        """Call every operation, then again as every role, then along the links."""
        with outside_of_requests(), self._asking():
            operations = [each.ok() for each in self.schema.get_all_operations() if isinstance(each, Ok)]
            assert len(operations) == sum(len(methods) for methods in document()["paths"].values())
            for operation in operations:
                if operation.definition.raw["operationId"] in ENDLESS:
                    continue
                began = time.monotonic()
                self._one(operation)
                self.outcome.took[operation.definition.raw["operationId"]] = time.monotonic() - began
            for name, (case, headers) in self.succeeding.items():
                self._as_every_role(name, case, headers)
            if self.chains:
                self._chains()
        return self.outcome

    # -- one operation -----------------------------------------------------------------------------------------------

    def _one(self, operation: Any) -> None:
        name = operation.definition.raw["operationId"]
        self.outcome.statuses[name]
        self._plainly(operation, name)
        if self.random.random() >= self.share:
            return
        for case in itertools.islice(self._edges(operation), self.examples):
            if case.method == operation.method.upper() or self.random.random() < OTHER_METHODS:
                self._try(name, case, helped=self.random.random() < 0.7)
        self._generated(operation, name, GenerationMode.POSITIVE, 0.7)
        self._generated(operation, name, GenerationMode.NEGATIVE, 0.3)

    def _generated(self, operation: Any, name: str, mode: GenerationMode, share: float) -> None:
        """Send what Hypothesis makes: by the schema, or against it."""

        @hypothesis.seed(self.seed)
        @hypothesis.settings(**GENERATING, max_examples=max(1, round(self.examples * share)))
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def walk(case: Case) -> None:
            self._try(name, case, helped=mode is GenerationMode.POSITIVE and self.random.random() < 0.8)

        with suppress(hypothesis.errors.Unsatisfiable):  # nothing can be wrong about what has no values
            walk()

    def _edges(self, operation: Any) -> Iterator[Case]:
        """Return what Schemathesis makes at the edges of each schema: least, most, one too many, without, doubled."""
        found = list(
            itertools.islice(
                operation.schema.iter_coverage_cases(
                    operation,
                    generation_modes=list(GenerationMode),
                    generation_config=operation.schema.config.generation,
                    extra_data_source=None,
                    error_feedback=None,
                    session=None,
                ),
                300,
            )
        )
        self.random.shuffle(found)
        return iter(found)

    def _plainly(self, operation: Any, name: str) -> None:
        """Send the plainest request there is, about one row after the other, until an owner succeeds with it."""
        keys = [ANYWHERE.get((name, each.name), each.name) for each in operation.path_parameters]
        rows = list(itertools.product(*(self.ids.get(key, [1]) for key in keys)))
        kinds = list(operation.definition.raw.get("requestBody", {}).get("content", {}))
        raw = operation.definition.raw
        for given, row in itertools.product(requests(name, raw, self.ids), rows[:MOST_ROWS]):
            case = operation.Case(
                path_parameters=dict(
                    zip([each.name for each in operation.path_parameters], row, strict=True)
                ),
                query=given.get("query", {}),
                headers=given.get("headers", {}),
                body=given.get("body", NOT_SET),
                media_type=kinds[0] if kinds else None,
            )
            if 200 <= self._call(name, case, "own", validate=True) < 300:
                return

    def _try(self, name: str, case: Case, *, helped: bool) -> None:
        is_wrong = case.meta is not None and case.meta.generation.mode is GenerationMode.NEGATIVE
        if helped and not is_wrong:  # or what is wrong with it might be put right
            self._help_path(case)
            if isinstance(case.query, dict):
                self._lead(case.query)
            self._lead(case.body)
        self._call(name, case, self.random.choice([*LEVELS, "admin", "own", "own", "own"]), validate=True)

    def _help_path(self, case: Case, *, again: bool = True) -> None:
        for key in case.operation.path_parameters:
            known = ANYWHERE.get((case.operation.definition.raw["operationId"], key.name)) or key.name
            if self.ids.get(known) and (again or key.name not in case.path_parameters):
                case.path_parameters[key.name] = self.random.choice(self.ids[known])

    def _lead(self, value: Any) -> None:
        """Let what names rows of the world name some that are there, mostly; and let versions be, mostly."""
        if isinstance(value, list):
            for each in value:
                self._lead(each)
        if not isinstance(value, dict):
            return
        for key, given in list(value.items()):
            one = key.removesuffix("s") if key.endswith("_ids") else key
            if key.endswith("_ids") and isinstance(given, list) and self.ids.get(one):
                value[key] = self.random.sample(self.ids[one], k=self.random.randint(1, len(self.ids[one])))
            elif isinstance(given, int) and not isinstance(given, bool) and self.ids.get(key):
                value[key] = self.random.choice(self.ids[key])
            elif key in ("channels", "group", "label") and isinstance(given, list):
                value[key] = [self.random.choice(self.ids[key])]
            elif key in ("version", "seen", "fingerprint") and self.random.random() < 0.9:
                del value[key]
            else:
                self._lead(given)

    def _as_every_role(self, name: str, case: Case, headers: dict[str, str]) -> None:
        """Send what an owner succeeded with as everybody else, who have to get what the table of roles says."""
        needs = self.outcome.needed.get(name, "")
        for level in LEVELS:
            status = self._call(name, case, level, extra=headers)
            may = not needs or SCOPES[level] >= SCOPES[needs]
            if level != "own" and may != (status != 403) and not (may and name in AMONG_PEOPLE):
                self._found(name, f"as {level}", f"answered {status}; what it calls needs {needs}")
        if (
            not case.operation.path.startswith(RUNS)
            and (status := self._call(name, case, None, extra=headers)) != 401
        ):
            self._found(name, "as nobody", f"answered {status}")

    # -- chains ------------------------------------------------------------------------------------------------------

    def _chains(self) -> None:
        """Follow the links of the document: what one call made, the next one names."""
        run, owner = self, PLAIN | {"Authorization": f"Bearer {self.callers['own']}"}

        class Chain(self.schema.as_state_machine()):  # type: ignore[misc]
            def setup(self) -> None:
                self.outer = transaction.atomic()
                self.outer.__enter__()
                run.outcome.chains += 1

            def teardown(self) -> None:
                transaction.set_rollback(True)
                self.outer.__exit__(None, None, None)

            def get_call_kwargs(self, case: Case) -> dict[str, Any]:
                return {"headers": owner}

            def validate_response(self, response: Any, case: Case, **kwargs: Any) -> None:
                name = case.operation.definition.raw["operationId"]
                run.outcome.statuses[name][response.status_code] += 1
                run._judge(name, response, case, owner)

        machine = Chain
        hypothesis.seed(self.seed)(machine)
        try:
            machine.run(
                settings=hypothesis.settings(**GENERATING, max_examples=self.chains, stateful_step_count=8)
            )
        except schemathesis.core.errors.NoLinksFound:
            self._found("chains", "no links", "Schemathesis finds no links in the document")
        except hypothesis.errors.Unsatisfiable:
            self.outcome.chains = 0
            self._found("chains", "none ran", "Schemathesis found no first call that it may make")

    # -- calling and judging -----------------------------------------------------------------------------------------

    def _call(
        self,
        name: str,
        case: Case,
        level: str | None,
        *,
        validate: bool = False,
        extra: dict[str, str] | None = None,
    ) -> int:
        self.asked.clear()
        self.shapes.clear()
        headers = PLAIN if level is None else PLAIN | {"Authorization": f"Bearer {self.callers[level]}"}
        headers = headers | (extra or {})
        with transaction.atomic():
            response = case.call(headers=headers)
            called = list(self.asked)
            if validate:
                self.outcome.statuses[name][response.status_code] += 1
                self._judge(name, response, case, headers)
            transaction.set_rollback(True)
        if 200 <= response.status_code < 300:
            self._succeeded(name, case, level, called)
        return response.status_code

    def _succeeded(self, name: str, case: Case, level: str | None, called: list[str]) -> None:
        if level == "own" and name not in self.succeeding:
            self.succeeding[name] = (case, {})
            changes = [] if case.method in READING else ["schedule"]  # what a token needs to change anything
            self.outcome.needed[name] = max(
                (*(NEEDS[each] for each in called), *changes, "read"), key=list(SCOPES).index
            )
        if not called and case.method not in READING and not case.operation.path.startswith(RUNS):
            self._found(name, "past the door", "succeeded without a method of the service")

    def _judge(self, name: str, response: Any, case: Case, headers: dict[str, str]) -> None:
        by_schema = case.meta and case.meta.generation.mode is GenerationMode.POSITIVE
        if response.status_code == 422 and by_schema and self.shapes:
            self.outcome.by_shape[f"{name}: {response.json()['detail']}"] += 1
        try:
            case.validate_response(response, headers=headers, transport_kwargs={"headers": headers})
        except FailureGroup as group:
            for failure in group.exceptions:
                kind = type(failure).__name__
                asked = f"{case.method} {case.formatted_path} {case.query} {case.body!r:.300}"
                told = f"{failure.message or failure.title} {asked}"
                self._found(name, kind, f"{response.status_code} {' '.join(told.split())[:700]}")

    def _found(self, name: str, kind: str, what: str) -> None:
        self.outcome.findings.setdefault((name, kind), what)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Note each method of the service that is called."""
        require, asked = Actor.require, self.asked

        def noting(actor: Actor, level: str, what: str) -> None:
            require(actor, level, what)
            if what in NEEDS:
                asked.append(what)

        def shape(error: Any) -> str:
            self.shapes.append(error)
            return facts.fact_of(error)

        with mock.patch.object(Actor, "require", noting), mock.patch("config.api.fact_of", shape):
            yield


@contextmanager
def outside_of_requests() -> Iterator[None]:
    """Keep the connection over many requests, since what they do is undone in it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
