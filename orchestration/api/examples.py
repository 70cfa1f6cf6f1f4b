"""Give every body and every answer of the document an example that fits its schema, from one table of values.

What a schema says of itself (`examples`) comes first, then the value for the field's name, then the plainest that fits. A
body is told with what it has to have, an answer with all its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from orchestration.api.example_values import BEFORE, EVENING, REFUSALS, VALUES

DEEPEST = 7
FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "uuid": re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"),
}
PLAIN_TEXTS = {
    "date-time": BEFORE,
    "date": EVENING[:10],
    "uuid": "9b2f6c1e-6a53-4a58-9d0b-6f2a3c1d4e5f",
    "binary": "(bytes)",
}
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
TRIED = ("as it is", "aurora", "2026-11-24", "18:00", "7", "de", "a", "")
Schema = dict[str, Any]


class Examples:
    """Examples of one document; each of its schemas has one, to which bodies and answers refer."""

    def __init__(self, components: dict[str, Any]) -> None:
        self.schemas: dict[str, Schema] = components["schemas"]
        self.told: dict[str, Any] = components.setdefault("examples", {})

    def give(self, media: dict[str, Any], name: str, *, given: bool) -> None:
        """Give a body (`given`) or an answer its example."""
        schema = media.get("schema")
        if schema is None:
            return
        name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else name
        if name not in self.told:
            self.told[name] = {"value": self.of(schema, given=given)}
        media["examples"] = {"example": {"$ref": f"#/components/examples/{name}"}}

    def of(self, schema: Schema, *, given: bool, name: str = "", within: str = "", depth: int = 0) -> Any:
        """Return an example of a schema, of a field of that name within another."""
        if "$ref" in schema:
            within = schema["$ref"].rpartition("/")[2]
            schema = self.schemas[within]
            if given and schema.get("examples"):
                return schema["examples"][0]
        if "const" in schema:
            return schema["const"]
        for value in self._known(schema, name, within):
            return value
        if "enum" in schema:
            return schema["enum"][0]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._of_one(schema[several], given, name, within, depth)
        return self._plain(schema, given, name, within, depth)

    def _known(self, schema: Schema, name: str, within: str) -> Iterator[Any]:
        if "properties" in schema:
            return  # a thing of ours is told by its fields
        tried = [VALUES[key] for key in (f"{within}.{name}", name) if key in VALUES]
        tried += schema.get("examples", [])
        for value in tried:
            several = isinstance(value, list) and "array" not in self._types(schema)
            yield from (each for each in (value if several else [value]) if self.fits(each, schema))

    def _types(self, schema: Schema) -> set[str]:
        if "$ref" in schema:
            return self._types(self.schemas[schema["$ref"].rpartition("/")[2]])
        kind = schema.get("type")
        found = {kind} if isinstance(kind, str) else set(kind or ())
        return found.union(*(self._types(one) for one in schema.get("anyOf", ())))

    def _of_one(self, choices: list[Schema], given: bool, name: str, within: str, depth: int) -> Any:
        real = [one for one in choices if one.get("type") != "null"]
        if not real or (depth > DEEPEST and len(real) < len(choices)):
            return None
        return self.of(real[0], given=given, name=name, within=within, depth=depth)

    def _plain(self, schema: Schema, given: bool, name: str, within: str, depth: int) -> Any:
        kinds = self._types(schema) - {"null"}
        kind = min(kinds) if kinds else ""
        if kind == "object" or "properties" in schema:
            return self._thing(schema, given, within, depth)
        if kind == "array":
            if depth > DEEPEST and not schema.get("minItems"):
                return []
            singular = name.removesuffix("s") if name.endswith("_ids") else ""
            item = self.of(
                schema.get("items", {}), given=given, name=singular, within=within, depth=depth + 1
            )
            return [item]
        if kind == "boolean":
            return bool(schema.get("default", False))
        if kind in ("integer", "number"):
            lowest, most = schema.get("minimum"), schema.get("maximum")
            value = schema.get("default")
            if value is None:
                value = max(1, lowest or 1) if most is None else max(lowest or 0, min(1, most))
            return value
        if kind == "string":
            return self._text(schema)
        return None

    def _text(self, schema: Schema) -> str:
        if schema.get("format") in PLAIN_TEXTS:
            return PLAIN_TEXTS[schema["format"]]
        tried = (*([schema["default"]] if schema.get("default") else ()), *TRIED)
        return next((text for text in tried if self.fits(text, schema)), "")

    def _thing(self, schema: Schema, given: bool, within: str, depth: int) -> dict[str, Any]:
        fields: dict[str, Schema] = schema.get("properties", {})
        needed = set(schema.get("required", ()))
        wanted = needed if given else set(fields)
        if given and len(wanted) < 2:  # what may all be left out is told by what it is for
            spare = [name for name in fields if name not in wanted and name not in ("reason", "version")]
            wanted = wanted | set((spare or list(fields))[: 2 - len(wanted)])
        made = {
            name: self.of(fields[name], given=given, name=name, within=within, depth=depth + 1)
            for name in fields
            if name in wanted
        }
        more = schema.get("additionalProperties")
        if not fields and isinstance(more, dict) and more:
            made["aurora"] = self.of(more, given=given, within=within, depth=depth + 1)
        return made

    def fits(self, value: Any, schema: Schema) -> bool:
        """Return whether a value fits a schema, as far as the values of the table need to know."""
        if "$ref" in schema:
            return self.fits(value, self.schemas[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return any(self.fits(value, one) for one in schema["anyOf"])
        if "properties" in schema or "allOf" in schema:
            return False
        if "const" in schema or "enum" in schema:
            return value in schema.get("enum", [schema.get("const")])
        kinds = self._types(schema)
        if kinds and not any(
            isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
            for kind in kinds
        ):
            return False
        if isinstance(value, str):
            pattern, form = schema.get("pattern"), FORMATS.get(schema.get("format", ""))
            return (
                schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
                and (pattern is None or re.search(pattern, value) is not None)
                and (form is None or form.fullmatch(value) is not None)
            )
        if isinstance(value, list):
            return schema.get("minItems", 0) <= len(value) and all(
                self.fits(each, schema.get("items", {})) for each in value
            )
        if isinstance(value, int | float):
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        if isinstance(value, dict):
            more = schema.get("additionalProperties", True)
            return more is True or (
                isinstance(more, dict) and all(self.fits(each, more) for each in value.values())
            )
        return True


def refusal_of(status: str) -> dict[str, Any]:
    """Return the example of a refusal with a status."""
    code, detail = REFUSALS[status]
    return {
        "type": f"urn:headend:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status) if status.isdigit() else 503,
        "detail": detail,
        "code": code,
        "again": "again" if status in ("429", "5XX", "423") else "never",
    }
