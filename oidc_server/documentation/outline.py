"""An OpenAPI document as people read it: operations by tag, each with its forms and answers as flat tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One parameter, or one member of an answer."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True)
class Table:
    """The fields of one form or one kind of answer."""

    title: str
    description: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Answer:
    """One answer of an operation; ``body`` names its table, if it has one."""

    status: str
    description: str
    media_type: str
    body: str
    headers: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one path. ``sent_on`` is what the browser takes to the client."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    callers: str
    query: Table | None
    sent_on: Table | None
    forms: tuple[Table, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Outline:
    """The whole document: its tags with their operations, and the tables that answers name."""

    title: str
    version: str
    description: str
    server: str
    tags: tuple[tuple[str, str, tuple[Operation, ...]], ...]
    bodies: tuple[Table, ...]


def outline(document: Document) -> Outline:
    """The outline of a document."""
    operations = [
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "put", "post", "delete", "patch"}
    ]
    tags = tuple(
        (tag["name"], tag.get("description", ""), tuple(o for o in operations if o.tag == tag["name"]))
        for tag in document["tags"]
    )
    schemas = document["components"]["schemas"]
    named = {answer.body for operation in operations for answer in operation.answers if answer.body}
    sent = [form.title for operation in operations for form in operation.forms]
    waiting = [*named, *(name for name in sent if name in schemas)]
    while waiting:  # what is inside of what is named is named too
        inner = _named_in(schemas[waiting.pop()]) - named
        named |= inner
        waiting += inner
    bodies = tuple(_table(document, name, schemas[name]) for name in schemas if name in named)
    info = document["info"]
    return Outline(
        info["title"], info["version"], info["description"], document["servers"][0]["url"], tags, bodies
    )  # fmt: skip


def _named_in(schema: dict[str, Any]) -> set[str]:
    """The schemas that the members of an object, or the items of their lists, refer to."""
    members = [one.get("items", one) for one in schema.get("properties", {}).values()]
    members += [alternative for one in members for alternative in (*one.get("anyOf", ()), *one.get("allOf", ()))]
    return {str(member["$ref"]).rpartition("/")[2] for member in members if "$ref" in member}


def _operation(document: Document, path: str, method: str, operation: dict[str, Any]) -> Operation:
    asked = _query(document, document["paths"][path].get("get", {}))
    by_get = asked.fields if asked else None  # what POST takes as GET does need not be read twice
    return Operation(
        method=method.upper(),
        path=path,
        name=operation["operationId"],
        tag=operation["tags"][0],
        summary=operation["summary"],
        description=operation.get("description", ""),
        callers=operation.get("x-callers") or _callers(operation["security"]),
        query=_query(document, operation),
        sent_on=_sent_on(document, operation),
        forms=tuple(form for form in _forms(document, operation.get("requestBody")) if form.fields != by_get),
        answers=tuple(_answer(document, status, answer) for status, answer in operation["responses"].items()),
    )


def _callers(security: list[dict[str, list[str]]]) -> str:
    schemes = {scheme: scopes for alternative in security for scheme, scopes in alternative.items()}
    if "client" in schemes:
        return "clients, by their registered method"
    if "accessToken" in schemes:
        scopes = " ".join(f"`{scope}`" for scope in schemes["accessToken"])
        return f"access tokens with {scopes}" + (", and callers on loopback" if {} in security else "")
    return "everybody"


def _query(document: Document, operation: dict[str, Any]) -> Table | None:
    parameters = [one for one in operation.get("parameters", []) if one.get("in") != "path"]
    fields = tuple(
        Field(one["name"], _kind(document, one["schema"]), one.get("required", False), one.get("description", ""))
        for one in parameters
    )
    return Table("Query", operation.get("description", ""), fields) if fields else None


def _sent_on(document: Document, operation: dict[str, Any]) -> Table | None:
    callbacks = [on["get"] for called in operation.get("callbacks", {}).values() for on in called.values()]
    return _query(document, callbacks[0]) if callbacks else None


def _forms(document: Document, body: dict[str, Any] | None) -> tuple[Table, ...]:
    if body is None:
        return ()
    (content,) = body["content"].values()
    schema = _resolve(document, content["schema"])
    one_of = schema.get("oneOf", [])
    # What is not named says which members go together, and is no form by itself.
    alternatives = [_resolve(document, one) for one in one_of if "$ref" in one] or [schema]
    named = str(content["schema"].get("$ref", "")).rpartition("/")[2]
    return tuple(
        _table(document, alternative.get("title", named or "Body"), alternative) for alternative in alternatives
    )


def _answer(document: Document, status: str, answer: dict[str, Any]) -> Answer:
    content: dict[str, Any] = answer.get("content", {})
    media_type = next(iter(content), "")
    reference: str = content[media_type]["schema"].get("$ref", "") if media_type else ""
    return Answer(
        status=status,
        description=answer["description"],
        media_type=media_type,
        body=reference.rpartition("/")[2],
        headers=tuple(answer.get("headers", {})),
    )


def _table(document: Document, title: str, schema: dict[str, Any]) -> Table:
    required = schema.get("required", [])
    fields = tuple(
        Field(name, _kind(document, one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    )
    return Table(title, schema.get("description", ""), fields)


def _resolve(document: Document, schema: dict[str, Any]) -> dict[str, Any]:
    reference: str | None = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _kind(document: Document, schema: dict[str, Any]) -> str:
    """The type of a value, in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    alternatives = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
    if alternatives:
        return " or ".join(_kind(document, one) for one in alternatives)
    if isinstance(schema.get("type"), list):
        return " or ".join(_kind(document, schema | {"type": kind}) for kind in schema["type"])
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema['items'])}"
    return {"uri": "address"}.get(schema.get("format", ""), str(schema.get("type", "any")))
