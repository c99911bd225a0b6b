"""The wire schemas in the words that viewers of recordings know: every node has one type, no lists in lists."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

WIRE = resources.files("realtime.wire")  # the schemas lie beside what they describe
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_SCALARS = frozenset(_TYPES.values())
Schema = dict[str, Any]


def take_schema(kind: str) -> bytes:
    """The schema that a recording of `kind` carries. It describes less than the wire schema and nothing else."""
    schema = json.loads(WIRE.joinpath(f"{kind}.schema.json").read_bytes())
    reduced = _reduced(schema, schema.pop("$defs", {}))
    return json.dumps(reduced).encode()


def _reduced(schema: Schema, definitions: dict[str, Schema]) -> Schema | None:
    """Foxglove drops a topic for one node it does not know: references are put in, types said. None: to be left out."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    kind = schema.get("type") or (_TYPES[type(values[0])] if values else None)
    if kind == "object":
        members = {name: _reduced(node, definitions) for name, node in schema.get("properties", {}).items()}
        known = {name: node for name, node in members.items() if node is not None}
        required = [name for name in schema.get("required", ()) if name in known]
        return {**schema, "properties": known, "required": required}
    if kind == "array":
        items = _reduced(schema["items"], definitions)
        return None if items is None or items["type"] == "array" else {**schema, "items": items}
    return {**schema, "type": kind} if kind in _SCALARS else None
