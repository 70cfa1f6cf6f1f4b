"""Read what GitHub and Google publish of their APIs, and tell where a call or an answer departs from it.

GitHub: its OpenAPI description and its webhook schemas, as the npm packages `@octokit/openapi` and
`@octokit/webhooks-schemas`. YouTube: the discovery document inside google-api-python-client. Nothing of them lies in this
repository: they are fetched once, by `npm pack`, into a folder that several test processes share.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from googleapiclient.discovery_cache import get_static_doc
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

from tests.contracts import npm

REST = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
WEBHOOKS = ("@octokit/webhooks-schemas@7.6.1", "package/schema.json")
BY_ID = re.compile(r"^/repositories/\d+(?=/|$)")
"""Where GitHub's redirects of renamed repositories lead; it answers there as under the name, and describes it nowhere."""


def published(package: str, member: str) -> dict[str, Any]:
    """Return one file of an npm package, fetched once. Raises: npm.Unavailable."""
    kept = npm.KEPT_IN / _kept_as(package)
    with npm.alone():
        if not kept.exists():
            _fetch(package, member, kept)
    return json.loads(kept.read_text("utf-8"))


def _fetch(package: str, member: str, to: Path) -> None:
    with tempfile.TemporaryDirectory(dir=npm.KEPT_IN) as folder:
        npm.run("pack", package, "--silent", "--pack-destination", folder, folder=folder)
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as packed_files, packed_files.extractfile(member) as content:
            part = Path(folder) / "part"
            part.write_bytes(content.read())
        part.replace(to)


@cache
def missing() -> str:
    """Return why the descriptions cannot be had; empty where they can."""
    try:
        for package, member in (REST, WEBHOOKS):
            published(package, member)
    except npm.Unavailable as error:
        return f"the official descriptions were not compared: {error}"
    return ""


def _kept_as(package: str) -> str:
    return f"{package.replace('/', '_')}.json"


@dataclass(frozen=True)
class Violation:
    """One place where a message is not as described: of which call, on which side, where in it, and what is wrong."""

    call: str
    side: str
    place: str
    fact: str

    def __str__(self) -> str:
        return f"{self.call}, {self.side} {self.place}: {self.fact}"


class GitHub:
    """GitHub's REST API as its OpenAPI description says it is."""

    def __init__(self) -> None:
        self.document = published(*REST)
        self._validators: dict[str, Draft202012Validator] = {}
        resource = Resource.from_contents(_readable(self.document), default_specification=DRAFT202012)
        self.registry = Registry().with_resource("urn:github", resource)
        self.templates = sorted(
            ((_pattern(path), path) for path in self.document["paths"]), key=lambda pair: pair[1].count("{")
        )

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any], dict[str, str]] | None:
        """Return template, operation and the values in the path; None where nothing is described."""
        path = BY_ID.sub("/repos/owner/repository", path)
        for pattern, template in self.templates:
            found = pattern.fullmatch(path)
            if found and method.lower() in self.document["paths"][template]:
                return template, self.document["paths"][template][method.lower()], found.groupdict()
        return None

    def of_request(self, method: str, path: str, query: str, body: Any) -> Iterator[Violation]:
        """Yield what is wrong with a request: its query and its body; unknown names are wrong, too."""
        found = self.operation(method, path)
        if found is None:
            yield Violation(f"{method} {path}", "request", "path", "is described nowhere")
            return
        template, operation, _ = found
        call = f"{method} {template}"
        parameters = [self._resolved(one) for one in operation.get("parameters", [])]
        described = {one["name"]: one for one in parameters if one["in"] == "query"}
        yield from (
            Violation(call, "request", f"?{one}", "is missing")
            for one, rule in described.items()
            if rule.get("required") and f"{one}=" not in query
        )
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in described:
                yield Violation(call, "request", f"?{name}", "is not described")
                continue
            wanted = self._resolved(described[name]["schema"])
            value = int(values[-1]) if wanted.get("type") == "integer" else values[-1]
            yield from self._against(call, "request", described[name]["schema"], value, f"?{name}")
        schema = _json_schema(operation.get("requestBody"))
        if body is None:
            if (operation.get("requestBody") or {}).get("required") and schema is not None:
                yield Violation(call, "request", "body", "is missing")
        elif schema is None:
            yield Violation(call, "request", "body", "is not described")
        else:
            yield from self._against(call, "request", schema, body)
            yield from self._unknown(call, schema, body, "body")

    def of_answer(self, method: str, path: str, status: int, body: Any) -> Iterator[Violation]:
        """Yield what is wrong with an answer of this status."""
        found = self.operation(method, path)
        if found is None:
            return
        template, operation, _ = found
        call = f"{method} {template}"
        answer = operation["responses"].get(str(status))
        if answer is None:
            if status < 300:
                yield Violation(call, f"answer {status}", "status", "is not described")
            schema = {"$ref": "#/components/schemas/basic-error"}
        else:
            schema = _json_schema(self._resolved(answer))
        if schema is not None and body is not None:
            yield from self._against(call, f"answer {status}", schema, body)

    def _unknown(self, call: str, schema: Mapping[str, Any], body: Any, place: str) -> Iterator[Violation]:
        schema = self._resolved(schema)
        described = schema.get("properties")
        if not described or not isinstance(body, dict) or schema.get("additionalProperties"):
            return
        for name, value in body.items():
            if name not in described:
                yield Violation(call, "request", f"{place}.{name}", "is not described")
            else:
                yield from self._unknown(call, described[name], value, f"{place}.{name}")

    def _resolved(self, value: Any) -> Any:
        while isinstance(value, dict) and "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def _against(
        self, call: str, side: str, schema: Any, value: Any, place: str = "body"
    ) -> Iterator[Violation]:
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            wanted = json.loads(json.dumps(_readable(schema)).replace('"$ref": "#/', '"$ref": "urn:github#/'))
            self._validators[key] = Draft202012Validator(wanted, registry=self.registry)
        yield from _violations(self._validators[key].iter_errors(value), call, side, place)


class Webhooks:
    """What GitHub sends to a webhook."""

    def __init__(self) -> None:
        document = published(*WEBHOOKS)
        self.document = document
        self.registry = Registry().with_resource(
            "urn:webhooks", Resource.from_contents(document, default_specification=DRAFT7)
        )

    def of_delivery(self, event: str, body: dict[str, Any]) -> Iterator[Violation]:
        """Yield what is wrong with the body of one delivery."""
        name = f"{event}${body.get('action')}"
        if name not in self.document["definitions"]:
            yield Violation(name, "delivery", "action", "is described nowhere")
            return
        validator = Draft7Validator({"$ref": f"urn:webhooks#/definitions/{name}"}, registry=self.registry)
        yield from _violations(validator.iter_errors(body), name, "delivery", "body")


class YouTube:
    """The YouTube Data API as Google's discovery document says it is."""

    def __init__(self) -> None:
        self.document = json.loads(get_static_doc("youtube", "v3"))
        schemas = {name: _of_discovery(one) for name, one in self.document["schemas"].items()}
        self.registry = Registry().with_resource(
            "urn:youtube",
            Resource.from_contents({"$defs": schemas}, default_specification=DRAFT202012),
        )
        self.methods = {
            (method["httpMethod"], path): method
            for method in _methods(self.document["resources"])
            for path in _paths_of(method)
        }

    def of_request(self, method: str, path: str, query: str, body: Any) -> Iterator[Violation]:
        """Yield what is wrong with a request: its parameters and its body; unknown names are wrong, too."""
        described = self.methods.get((method, path))
        if described is None:
            yield Violation(f"{method} {path}", "request", "path", "is described nowhere")
            return
        call = described["id"]
        parameters = {**self.document["parameters"], **described.get("parameters", {})}
        given = parse_qs(query, keep_blank_values=True)
        for name, rule in parameters.items():
            if rule.get("required") and name not in given:
                yield Violation(call, "request", f"?{name}", "is missing")
        for name, values in given.items():
            if name in {"uploadType", "upload_id"}:
                continue  # of the upload protocol
            if name not in parameters:
                yield Violation(call, "request", f"?{name}", "is not described")
                continue
            for value in values:
                yield from _of_parameter(call, name, parameters[name], value)
        if body is not None:
            if "request" not in described:
                yield Violation(call, "request", "body", "is not described")
            else:
                yield from self._against(call, "request", described["request"]["$ref"], body)

    def of_answer(self, method: str, path: str, status: int, body: Any) -> Iterator[Violation]:
        """Yield what is wrong with an answer of this status."""
        described = self.methods.get((method, path))
        if described is None or body is None or status >= 300 or "response" not in described:
            return
        yield from self._against(described["id"], f"answer {status}", described["response"]["$ref"], body)

    def _against(self, call: str, side: str, name: str, value: Any) -> Iterator[Violation]:
        validator = Draft202012Validator({"$ref": f"urn:youtube#/$defs/{name}"}, registry=self.registry)
        yield from _violations(validator.iter_errors(value), call, side, "body")


@cache
def github() -> GitHub:
    return GitHub()


@cache
def webhooks() -> Webhooks:
    return Webhooks()


@cache
def youtube() -> YouTube:
    return YouTube()


# -- how descriptions are read -------------------------------------------------------------------------------------


def _violations(errors: Iterator[ValidationError], call: str, side: str, place: str) -> Iterator[Violation]:
    for error in errors:
        if error.validator == "oneOf" and not error.context:
            continue  # it fits more than one alternative, and which is meant the description does not tell
        inner = [deeper for deeper in error.context or () if deeper.validator != "type"]
        for one in inner or [error]:
            where = ".".join(
                [place, *("[]" if isinstance(part, int) else str(part) for part in one.absolute_path)]
            )
            yield Violation(call, side, where, one.message[:160])


def _pattern(template: str) -> re.Pattern[str]:
    # The path of a file is one parameter, and has slashes; so has a ref ("heads/main").
    parts = re.split(r"\{(\w+)\}", template)
    known = [
        re.escape(part) if number % 2 == 0 else f"(?P<{part}>{'.+' if part in ('path', 'ref') else '[^/]+'})"
        for number, part in enumerate(parts)
    ]
    return re.compile("".join(known))


def _json_schema(described: Mapping[str, Any] | None) -> dict[str, Any] | None:
    content = (described or {}).get("content", {})
    return content.get("application/json", {}).get("schema")


def _readable(schema: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: `nullable` is the one word of it that JSON Schema lacks."""
    if isinstance(schema, list):
        return [_readable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    read = {
        name: _readable(value)
        for name, value in schema.items()
        if name not in {"nullable", "example", "examples"}
    }
    return {"anyOf": [read, {"type": "null"}]} if schema.get("nullable") is True else read


def _of_discovery(schema: Any) -> Any:
    """Return a schema of a discovery document as JSON Schema; what has properties has no others."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"urn:youtube#/$defs/{schema['$ref']}"}
    read: dict[str, Any] = {}
    if schema.get("type") not in (None, "any"):
        read["type"] = schema["type"]
    if "enum" in schema:
        read["enum"] = schema["enum"]
    if "properties" in schema:
        read["properties"] = {name: _of_discovery(one) for name, one in schema["properties"].items()}
        read["additionalProperties"] = False
    elif "additionalProperties" in schema:
        read["additionalProperties"] = _of_discovery(schema["additionalProperties"])
    if "items" in schema:
        read["items"] = _of_discovery(schema["items"])
    return read


def _methods(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in resources.values():
        yield from resource.get("methods", {}).values()
        yield from _methods(resource.get("resources", {}))


def _paths_of(method: Mapping[str, Any]) -> Iterator[str]:
    yield f"/{method['path']}"
    for protocol in method.get("mediaUpload", {}).get("protocols", {}).values():
        yield (
            protocol["path"].removeprefix("/resumable")
            if "/resumable/" in protocol["path"]
            else protocol["path"]
        )


def _of_parameter(call: str, name: str, rule: Mapping[str, Any], value: str) -> Iterator[Violation]:
    kind = rule.get("type")
    wrong = (
        (kind == "boolean" and value not in {"true", "false"})
        or (kind == "integer" and not value.lstrip("-").isdigit())
        or ("enum" in rule and value not in rule["enum"])
    )
    if not wrong and kind == "integer":
        low, high = int(rule.get("minimum", value)), int(rule.get("maximum", value))
        wrong = not low <= int(value) <= high
    if wrong:
        yield Violation(call, "request", f"?{name}", f"{value!r} does not fit {dict(rule)}"[:160])
