"""The operations of the JSON API, finished: what flask-smorest knows of a view, with every refusal that it may answer.

A view says by ``refuses`` which codes are its own; those of its access class and of reading what was sent follow from
how it is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oidc_server.api.blueprint import CODES
from oidc_server.api.codes import Code
from oidc_server.documentation.responses import answer, problem
from oidc_server.protocol.access_descriptions import ACCESS_CLASS, CALLERS

_METHODS = ("get", "put", "post", "delete", "patch")
_OF_BODY = (Code.INVALID_JSON, Code.CONTENT_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.VALIDATION_FAILED)
_RETRIED = {429, 503}


def finish(document: dict[str, Any]) -> None:
    """Give every operation of the JSON API its own name, its refusals, and the headers of its answers."""
    for methods in document["paths"].values():
        of_path = methods.pop("parameters", [])
        for parameter in of_path:
            parameter.setdefault("description", "The id, as answers give it.")
        for method in _METHODS:
            if of_path and method in methods:
                methods[method]["parameters"] = [*of_path, *methods[method].get("parameters", [])]
    document["components"].pop("responses", None)  # each is written where it is answered
    names = {operation["operationId"] for _, operation in _operations(document) if ACCESS_CLASS not in operation}
    for path, operation in _operations(document):
        if ACCESS_CLASS not in operation:
            continue
        operation["operationId"] = _name_for(operation["operationId"], path, names)
        said = operation.get("description", "")
        operation["description"] = f"{said}\n\nFor {operation[CALLERS]}.".strip()
        operation["responses"] = dict(sorted(_responses(path, operation).items()))
        operation.pop(CODES, None)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield path, methods[method]


def _name_for(name: str, path: str, names: set[str]) -> str:
    """A name that no other operation has; an alias is named after its address."""
    if name in names:
        name = "_".join([name, *(part for part in path.replace("-", "_").split("/") if part and "{" not in part)])
    names.add(name)
    return name


def _responses(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    found = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
    for one in found.values():
        one["headers"] = {**answer("")["headers"], **one.get("headers", {})}
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys(_codes(path, operation)):
        by_status.setdefault(code.status, []).append(code)
    for status, codes in by_status.items():
        words = " ".join(f"`{code}`: {code.detail}" for code in codes)
        found[str(status)] = problem(words, retry=status in _RETRIED, challenge=status == 401)
    return found


def _codes(path: str, operation: dict[str, Any]) -> Iterator[Code]:
    named = set(operation.get(CODES, ()))
    yield from (code for code in Code if code.value in named)
    if "requestBody" in operation:
        yield from _OF_BODY
    if any(parameter.get("in") == "query" for parameter in operation.get("parameters", ())):
        yield Code.INVALID_QUERY
    if "{" in path:
        yield Code.NOT_FOUND
    if {} in operation["security"]:
        yield Code.TOO_MANY_REQUESTS
    yield Code.SERVICE_UNAVAILABLE
