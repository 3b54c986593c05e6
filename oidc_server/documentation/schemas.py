"""The building blocks of the JSON Schemas of the description (JSON Schema 2020-12, as OpenAPI 3.1 uses it)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
SECONDS: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
URI: Schema = {"type": "string", "format": "uri"}


def said(schema: Schema, description: str) -> Schema:
    """The schema with what the value means."""
    return {**schema, "description": description}


def some_of(values: Iterable[str]) -> Schema:
    """A list whose items are among these."""
    return {"type": "array", "items": {"enum": list(values)}}


def object_of(description: str, properties: Schema, *required: str) -> Schema:
    """An object; without ``required``, every property is always there."""
    return {
        "type": "object",
        "description": description,
        "required": list(required or properties),
        "properties": properties,
    }
