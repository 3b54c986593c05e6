"""How the answers of an endpoint are written down in OpenAPI; every one carries ``X-Request-Id``."""

from __future__ import annotations

from typing import Any

_EVERY = ("X-Request-Id",)


def answer(
    description: str,
    schema: str | None = None,
    *,
    media_type: str = "application/json",
    headers: tuple[str, ...] = (),
) -> dict[str, Any]:
    """An answer with a body of a named schema, or without any body."""
    described: dict[str, Any] = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in (*_EVERY, *headers)},
    }
    if schema is not None:
        described["content"] = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return described


def refusal(description: str, codes: list[str], *, retry: bool = False, challenge: bool = False) -> dict[str, Any]:
    """A refusal of a protocol endpoint: which ``error`` codes come with the status."""
    said = f"{description} `error` is {' or '.join(f'`{code}`' for code in codes)}."
    described = answer(said, "OAuthError", headers=("Retry-After",) if retry else ())
    if challenge:
        described["headers"]["WWW-Authenticate"] = {
            "description": "How a client may authenticate (RFC 7617 §2).",
            "schema": {"type": "string"},
        }
    return described


def bearer_refusal(description: str, code: str) -> dict[str, Any]:
    """A refusal of an access token (RFC 6750 §3)."""
    described = answer(f"{description} `error` is `{code}`.", "BearerError")
    described["headers"]["WWW-Authenticate"] = {
        "description": "The scheme `Bearer`, and the `error`.",
        "schema": {"type": "string"},
    }
    return described


def page(description: str, *, headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """A page for a person."""
    return answer(description, headers=headers) | {"content": {"text/html": {"schema": {"type": "string"}}}}


def redirect(description: str) -> dict[str, Any]:
    """A browser is sent on."""
    described = answer(description)
    described["headers"]["Location"] = {
        "description": "Where to.",
        "schema": {"type": "string", "format": "uri-reference"},
    }
    return described


def problem(description: str, *, retry: bool = False, challenge: bool = False) -> dict[str, Any]:
    """A refusal outside of the protocol's endpoints."""
    headers = ("Retry-After",) if retry else ()
    described = answer(description, "Problem", media_type="application/problem+json", headers=headers)
    if challenge:
        described["headers"]["WWW-Authenticate"] = {
            "description": "The scheme `Bearer`, and what is wrong (RFC 6750 §3, RFC 9470 §3).",
            "schema": {"type": "string"},
        }
    return described


def document_answer(description: str, schema: str | None) -> dict[str, Any]:
    """A public document that may be kept, and asked for by its ``ETag``; without ``schema`` it is any object."""
    found = answer(description, schema, headers=("ETag",))
    if schema is None:
        found["content"] = {"application/json": {"schema": {"type": "object"}}}
    unchanged = answer("The caller has this version already (`If-None-Match`).", headers=("ETag",))
    return {"200": found, "304": unchanged}
