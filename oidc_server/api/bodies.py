"""Reading what a caller of the JSON API sends: one JSON text, nothing twice, nothing unknown (RFC 8259, RFC 7493)."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser

from oidc_server.api.codes import Code
from oidc_server.api.problems import Problem
from oidc_server.core.errors import Reason
from oidc_server.core.http import request_body

JSON = "application/json"
OPTIONAL_JSON = "optional_json"  # as a location: a body that may be left out


class StrictParser(FlaskParser):
    """webargs, which reads JSON leniently, made strict."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012
        "json": RAISE, OPTIONAL_JSON: RAISE, "query": RAISE, "path": RAISE,
    }  # fmt: skip
    __location_map__ = FlaskParser.__location_map__ | {OPTIONAL_JSON: "load_optional_json"}

    def load_optional_json(self, req: Request, schema: Schema) -> Any:
        """The body; none at all is an empty object."""
        return self.load_json(req, schema) if req.mimetype or req.content_length else {}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body."""
        body = request_body(req)
        if not body and not req.mimetype:
            errors = {"_schema": ["A body is required."]}
            raise Problem(Code.VALIDATION_FAILED, Reason.MALFORMED_REQUEST, "no body", errors=errors)
        if req.mimetype != JSON or req.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
            raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, Reason.WRONG_CONTENT_TYPE)
        return read_json(body)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query, in which no parameter stands twice."""
        pairs = list(req.args.items(multi=True))
        repeated = sorted({name for name, _ in pairs if len(req.args.getlist(name)) > 1})
        if repeated:
            errors = {name: ["Sent more than once."] for name in repeated}
            raise Problem(Code.INVALID_QUERY, Reason.REPEATED_PARAMETER, errors=errors)
        return dict(pairs)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_options: Any) -> NoReturn:
        """Name every member that is wrong; what was sent stays out of the log."""
        by_location = error.messages if isinstance(error.messages, dict) else {}
        location, messages = next(iter(by_location.items()), ("json", {}))
        code = Code.INVALID_QUERY if location in {"query", "querystring"} else Code.VALIDATION_FAILED
        errors = messages if isinstance(messages, dict) else {"_schema": messages}
        raise Problem(code, Reason.MALFORMED_REQUEST, ", ".join(map(str, errors))[:200], errors=errors) from error


def read_json(body: bytes) -> Any:
    """The value of a JSON text. Raises :class:`Problem` for what is not one, or is one in which parsers may disagree:
    a member that stands twice, ``NaN`` (RFC 7493 §2)."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # also a UnicodeDecodeError, and a number of thousands of digits
        raise Problem(Code.INVALID_JSON, Reason.MALFORMED_REQUEST, type(error).__name__) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    for name in found:
        name.encode()  # raises for half a character (RFC 7493 §2.1), which no refusal could repeat
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
