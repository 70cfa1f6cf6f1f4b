"""The OpenAPI document: valid, complete, true, and a change of it shows in review."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from django.urls import resolve
from ninja import Schema
from pydantic import ValidationError

from config.api import api as headend
from orchestration.fields import Body
from tests import factories
from tests.orchestration.api.test_lists import LISTS

SNAPSHOT = Path(__file__).with_name("openapi.json")
REGENERATE = "HEADEND_TEST_WRITE_OPENAPI"


@pytest.fixture(scope="module")
def document():
    """Give the document as a client reads it."""
    return json.loads(json.dumps(headend.get_openapi_schema(path_prefix="/api/")))


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_is_the_committed_one(document):
    """Run with HEADEND_TEST_WRITE_OPENAPI=1 after a wanted change, and commit the difference."""
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get(REGENERATE):
        SNAPSHOT.write_text(text)

    assert SNAPSHOT.read_text() == text, f"the API changed; run this test with {REGENERATE}=1 if it should"


@pytest.mark.django_db
def test_the_document_is_served_to_anybody(client):
    answer = client.get("/api/openapi.json")

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


def test_no_key_stands_twice(client, db):
    """Swagger's page reads the document as YAML and refuses it then; JSON readers do not notice."""

    def once(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), names
        return dict(pairs)

    json.loads(client.get("/api/openapi.json").content, object_pairs_hook=once)


def test_a_clock_on_a_wall_is_not_called_an_instant(document):
    """JSON Schema's `time` and `date-time` have an offset: whoever checks our answers by them would refuse these."""
    text = json.dumps(document)
    assert '"format": "time"' not in text
    for name, field in (("SlotOut", "local_time"), ("PlacementOut", "local_wall"), ("NewSlot", "local_time")):
        assert "pattern" in document["components"]["schemas"][name]["properties"][field], name


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_schema_is_one(document):
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_operation_has_an_id_of_its_own_that_begins_with_its_resource(document):
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(ids) == len(set(ids))
    for path, _, operation in operations(document):
        assert operation["operationId"].startswith(path.split("/")[2] + "_"), path
        assert operation["summary"] and operation["description"]


def test_an_id_ends_in_what_its_method_does_to_the_thing(document):
    """Uploads speak tus, whose PATCH appends."""
    ends = {"patch": "_patch", "put": "_replace", "delete": "_delete"}
    wrong = [
        f"{method.upper()} {path}: {operation['operationId']}"
        for path, method, operation in operations(document)
        if not path.startswith("/api/uploads/")
        and not operation["operationId"].endswith(ends.get(method, ""))
    ]
    assert not wrong, "\n".join(wrong)


def test_every_link_leads_from_what_was_made_to_an_address_that_names_it(document):
    known = {operation["operationId"]: (path, operation) for path, _, operation in operations(document)}
    made = {
        name: answer["links"]
        for name, (_, operation) in known.items()
        for answer in operation["responses"].values()
        if "links" in answer
    }
    assert {"channels_create", "sources_create", "standing_create", "users_create"} <= set(made)
    for name, links in made.items():
        for link in links.values():
            path, _ = known[link["operationId"]]
            assert path.startswith(f"{known[name][0]}/{{")
            assert {f"{{{parameter}}}" for parameter in link["parameters"]} == set(re.findall(r"{\w+}", path))


def test_every_parameter_of_an_address_is_described(document):
    for path, _, operation in operations(document):
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_every_operation_says_who_may_call_it_and_how_it_refuses(document):
    schemes = document["components"]["securitySchemes"]
    for path, _, operation in operations(document):
        assert operation["security"], path
        assert {name for way in operation["security"] for name in way} <= set(schemes)
        refusals = {status for status in operation["responses"] if status[0] in "45"}
        assert {"401", "403", "429", "5XX"} <= refusals, path
        for status in refusals - {"416"}:
            assert operation["responses"][status]["$ref"] == f"#/components/responses/Refused{status}", path
    for response in document["components"]["responses"].values():
        assert "application/problem+json" in response["content"]


def test_every_body_refuses_unknown_fields(document):
    schemas = document["components"]["schemas"]
    bodies = [op["requestBody"] for _, _, op in operations(document) if "requestBody" in op]
    names = set(re.findall(r"schemas/(\w+)", json.dumps(bodies)))

    assert len(names) > 10
    assert [name for name in names if schemas[name].get("additionalProperties") is not False] == []


def test_every_example_of_a_body_fits_its_schema(document):
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            _validator(document, {"$ref": f"#/components/schemas/{name}"}).validate(example)


@pytest.mark.django_db
@pytest.mark.parametrize("name", LISTS)
def test_what_is_answered_fits_what_is_documented(api, document, name):
    row = LISTS[name]()

    for path, answer in (
        (f"/api/{name}", api.get(name)),
        (_alone(document, name), api.get(f"{name}/{row.pk}")),
    ):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        _validator(document, schema).validate(answer.json())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["status", "dashboard", "monitor-channels", "preview-resume", "forecast", "explain", "earliest-time"],
)
def test_what_orchestration_answers_fits_what_is_documented(api, document, path):
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    factories.ScheduleFactory(), factories.JobFactory(running=True), factories.WaveFactory()
    query = {"channel_id": channel.pk, "video_id": video.pk} if path in ("explain", "earliest-time") else {}

    answer = api.get(f"orchestration/{path}", **query)

    assert answer.status_code == 200
    described = document["paths"][f"/api/orchestration/{path}"]["get"]["responses"]["200"]
    _validator(document, described["content"]["application/json"]["schema"]).validate(answer.json())


@pytest.mark.django_db
def test_the_documentation_page_loads_nothing_from_elsewhere_and_runs_nothing_inline(client):
    answer = client.get("/api/docs")
    page = answer.content.decode()

    assert answer.status_code == 200
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert scripts
    assert all('src="' in head or 'type="application/json"' in head for head, _ in scripts)
    assert "<style" not in page and "style=" not in page and not re.search(r"\son\w+=", page)
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def _alone(document, name):
    return next(path for path in document["paths"] if re.fullmatch(rf"/api/{name}/{{\w+}}", path))


def _validator(document, schema):
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def test_no_two_schemas_share_a_name():
    """The document describes one of them for both, and the answers of the other are not as it says."""

    named = {}
    for each in set(below(Schema)):
        if each.__module__.startswith("orchestration.api"):
            named.setdefault(each.__name__, []).append(each.__module__)
    assert {name: where for name, where in named.items() if len(where) > 1} == {}


def below(kind):
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def media_of(document):
    """Return each body and each answer 2xx with where it stands, but for what is bytes."""
    for path, method, operation in operations(document):
        kinds = [("body", operation.get("requestBody", {}))]
        kinds += [(status, answer) for status, answer in operation["responses"].items() if status[0] == "2"]
        for where, said in kinds:
            for kind, media in said.get("content", {}).items():
                if "schema" in media:
                    yield f"{method} {path} {where} {kind}", media


def test_every_body_and_every_answer_has_an_example_that_fits_its_schema(document):
    seen = 0
    for where, media in media_of(document):
        assert media.get("examples"), where
        for example in media["examples"].values():
            name = example["$ref"].removeprefix("#/components/examples/")
            value = document["components"]["examples"][name]["value"]
            faults = [
                f"{where}: {fault.json_path}: {fault.message}"
                for fault in _validator(document, media["schema"]).iter_errors(value)
            ]
            assert not faults, faults[:3]
            seen += 1
    assert seen > 400


def test_every_refusal_has_an_example(document):
    for name, response in document["components"]["responses"].items():
        media = response["content"]["application/problem+json"]
        _validator(document, media["schema"]).validate(media["example"])
        assert name.endswith((str(media["example"]["status"]), "5XX"))


def test_every_example_of_a_body_is_taken(document):
    """As the operation itself reads it, not only by the schema in the document."""
    bodies = {each.__name__: each for each in below(Body) if each.__module__.startswith("orchestration.")}
    refused = {}
    for name, example in document["components"]["examples"].items():
        if name in bodies:
            try:
                bodies[name].model_validate(example["value"])
            except ValidationError as error:
                refused[name] = str(error.errors()[0]["msg"])
    assert refused == {}


def test_no_address_with_a_variable_stands_before_one_that_it_hides(document):
    """Django takes the first that matches: `labels/{label_id}` before `labels/add` would answer 405 to that."""
    for path in document["paths"]:
        if "{" not in path:
            assert resolve(path).route.endswith(path.rpartition("/api/")[2]), path
