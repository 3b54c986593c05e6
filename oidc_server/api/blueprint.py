"""The blueprint of a noun of the JSON API: flask-smorest's, with strict bodies and answers that nobody keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

from flask import Flask, Response
from flask_smorest import Blueprint
from marshmallow import Schema

from oidc_server.api.bodies import JSON, OPTIONAL_JSON, StrictParser
from oidc_server.api.codes import Code

VERSIONED = "/api/v1"
CODES = "x-codes"  # of an operation: the codes of the refusals that are its own
View = TypeVar("View", bound=Callable[..., Any])


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """Declares addresses of the JSON API; each of its views also declares an access class."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING | {OPTIONAL_JSON: JSON}

    def __init__(self, name: str, import_name: str, **options: Any) -> None:
        super().__init__(name, import_name, **options)
        self.after_request(_keep_nowhere)

    # The library's own decorators are untyped; each gives back a view that is called as before, or with what was read.

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Serve a view at an address."""
        return cast("Callable[[View], View]", super().route(rule, **options))

    def arguments(self, schema: type[Schema], **options: Any) -> Callable[[View], View]:
        """Read the body (or ``location``) by a schema for the view; it may be left out when it is not ``required``."""
        if not options.get("required", True):
            options.setdefault("location", OPTIONAL_JSON)
        return cast("Callable[[View], View]", super().arguments(schema, **options))

    def response(self, status: int, schema: type[Schema] | None = None, **options: Any) -> Callable[[View], View]:
        """Answer what the view returns by a schema."""
        return cast("Callable[[View], View]", super().response(status, schema, **options))


class ApiSchema(Schema):
    """A schema of the JSON API. ``further`` is what JSON Schema can say of it beyond its members."""

    further: ClassVar[dict[str, Any]] = {}


def refuses(*codes: Code) -> Callable[[View], View]:
    """Write on a view which codes it refuses by, beside those of its access class and of reading what was sent."""
    return cast("Callable[[View], View]", Blueprint.doc(**{CODES: [code.value for code in codes]}))


def _keep_nowhere(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def serve(app: Flask, blueprints: tuple[ApiBlueprint, ...]) -> None:
    """Put the blueprints at the root, and below ``/api/v1`` the same once more."""
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
        app.register_blueprint(blueprint, name=f"v1-{blueprint.name}", url_prefix=VERSIONED)
