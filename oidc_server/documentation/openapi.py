"""The OpenAPI 3.1 document (`/openapi.json`), put together from the constants that the endpoints themselves use.

The root is flask-smorest's ``Api``, which reads the blueprints of the JSON API when somebody first asks."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask_smorest import Api

from oidc_server.clients.metadata import TOKEN_ENDPOINT_AUTH_METHODS
from oidc_server.documentation import answers
from oidc_server.documentation.authorization_paths import PAGES, TAG, authorization_paths
from oidc_server.documentation.forms import token_forms
from oidc_server.documentation.json_operations import finish
from oidc_server.documentation.operation_paths import operation_paths
from oidc_server.documentation.protocol_paths import protocol_paths, token_request_names
from oidc_server.protocol.blueprint import AUTHORIZATION, END_SESSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Flask

    from oidc_server.api.blueprint import ApiBlueprint

OPENAPI_VERSION = "3.1.0"
_DESCRIPTION = f"""\
An OAuth 2.0 and OpenID Connect authorization server.

Every answer carries `X-Request-Id`; a refusal repeats it as `error_id`, and the server's log says under that id why \
the request was refused. Endpoints below `/oauth/` read forms, refuse parameters in the URL or sent twice, and answer \
refusals by RFC 6749 §5.2 (userinfo by RFC 6750 §3); all others answer them by RFC 9457. `{AUTHORIZATION}` and \
`{END_SESSION}` are for browsers: they read the query too, and answer with redirects and pages.

Not part of this interface, but for people: {", ".join(f"`{path}`" for path in PAGES)}. Apps send browsers to \
`{AUTHORIZATION}` and `{END_SESSION}` and nowhere else; what is on a page, and how its form is sent, may change."""
_TAGS = {
    TAG: "Signing people in and out, and learning who they are.",
    "Tokens": "Getting tokens, asking what they stand for, and ending them.",
    "Discovery": "Where everything is, and the keys that tokens verify with.",
    "Operation": "For those who run the server.",
}


class JsonApi(Api):  # type: ignore[misc]
    """flask-smorest without its own ways to render errors and to paginate: ``core.http`` renders every fault of this
    application, as problem details."""

    ERROR_SCHEMA = {"$ref": "#/components/schemas/Problem"}  # noqa: RUF012 - the name and kind that the library reads

    def _register_error_handlers(self) -> None:
        """Install nothing."""

    def _register_pagination_header(self) -> None:
        """Describe nothing: no address answers with that header."""


class Converter(OpenAPIConverter):
    """apispec's reading of a schema, with what its class says in words and beyond its members."""

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """The JSON Schema of a marshmallow schema."""
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        kind = schema if isinstance(schema, type) else type(schema)
        described.setdefault("description", " ".join((kind.__doc__ or "").split()))
        return described | getattr(kind, "further", {})


class Plugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter


def make_api(app: Flask) -> JsonApi:
    """The root of the JSON API and of its description; it adds no address of its own."""
    return JsonApi(
        app,
        spec_kwargs={
            "title": "oidc-server",
            "version": version("oidc-server"),
            "openapi_version": OPENAPI_VERSION,
            "marshmallow_plugin": Plugin(),
        },
    )


def build_document(app: Flask, issuer: str, blueprints: Sequence[ApiBlueprint]) -> dict[str, Any]:
    """The whole document; ``blueprints`` are those of the JSON API, which the application serves.

    Raises ``KeyError`` when an address is described that the application does not serve."""
    api = make_api(app)
    spec = api.spec
    for blueprint in blueprints:
        blueprint.register_views_in_doc(api, app, spec, name=blueprint.name, parameters=None)
        spec.tag({"name": blueprint.name, "description": blueprint.description})
    spec.options["info"] = {
        "summary": "OAuth 2.0 and OpenID Connect",
        "description": _DESCRIPTION,
        "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    }
    spec.options["servers"] = [{"url": issuer}]
    for name, description in _TAGS.items():
        spec.tag({"name": name, "description": description})
    _describe_components(spec.components)
    rules = {rule.rule: rule for rule in app.url_map.iter_rules()}
    for path, operations in (authorization_paths() | protocol_paths() | operation_paths()).items():
        spec.path(rule=rules[path], operations=operations)
    document: dict[str, Any] = spec.to_dict()
    finish(document)
    return document


def _describe_components(components: Any) -> None:
    methods = ", ".join(f"`{method}`" for method in TOKEN_ENDPOINT_AUTH_METHODS)
    components.security_scheme(
        "client",
        {
            "type": "http",
            "scheme": "basic",
            "description": f"The client's authentication. Its registered method is one of {methods}; this scheme is "
            "the first of them, the others are parameters of the form (RFC 6749 §2.3).",
        },
    )
    components.security_scheme(
        "accessToken",
        {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token (RFC 6750 §2.1)."},
    )
    components.security_scheme(
        "apiKey",
        {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key of an internal service."},
    )
    components.header(
        "X-Request-Id",
        {
            "description": "The request's id. A value sent in the request is taken over when it has 8 to 64 letters, "
            "digits, dots, hyphens or underscores.",
            "schema": {"type": "string"},
        },
    )
    components.header(
        "Retry-After", {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer"}}
    )
    components.header("ETag", {"description": "Names this version of the document.", "schema": {"type": "string"}})
    forms = {token_request_names()[grant_type]: form for grant_type, form in token_forms().items()}
    for name, schema in (forms | answers.SCHEMAS).items():
        components.schema(name, schema)
