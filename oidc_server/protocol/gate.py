"""What every form-encoded protocol endpoint checks before anything else looks at the request.

RFC 6749 §3.2: parameters in the body, none repeated; and no character that no parameter can hold."""

import re
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict

from oidc_server.core.errors import Reason
from oidc_server.core.http import request_body
from oidc_server.protocol.errors import InvalidRequest

FORM = "application/x-www-form-urlencoded"
# RFC 6749 Appendix A: VSCHAR. A person's name and password may be any text.
_VSCHAR = re.compile(r"[\x20-\x7e]*")
_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ufffd]*")
_FREE_TEXT = frozenset({"username", "password", "login_hint", "claims"})
_CHARACTERS_AT_MOST = {
    "client_assertion": 16_384, "token": 16_384, "id_token_hint": 16_384, "claims": 16_384, "credential": 16_384,
}  # fmt: skip
_OTHER_CHARACTERS_AT_MOST = 4096
MAY_REPEAT = frozenset({"resource"})  # RFC 8707 §2
_PARAMETERS_AT_MOST = 40


def browser_parameters(request: Request) -> ImmutableMultiDict[str, str]:
    """The parameters that a browser brings, in the query or in a form. Raises :class:`InvalidRequest`."""
    return clean_parameters(sent_by_browser(request))


def sent_by_browser(request: Request) -> bytes:
    """The query of a GET or the form of a POST, encoded as it came. Raises :class:`InvalidRequest`."""
    if request.method == "POST" and request.query_string:
        raise InvalidRequest(Reason.PARAMETER_IN_QUERY)
    if request.method == "POST" and request.mimetype != FORM:
        raise InvalidRequest(Reason.WRONG_CONTENT_TYPE)
    return request_body(request) if request.method == "POST" else request.query_string


def clean_parameters(encoded: bytes) -> ImmutableMultiDict[str, str]:
    """Encoded parameters, repeated ones too: of those the client is told where that is possible.

    Raises :class:`InvalidRequest` when they hold what no parameter can."""
    pairs = _parse(encoded)
    for name, value in pairs:
        _check_characters(name, value)
    return ImmutableMultiDict(pairs)


def check_form(request: Request) -> None:
    """Refuse a request that is not one clean form; from then on ``request.form`` is that form.

    Raises :class:`InvalidRequest`."""
    if request.query_string:
        raise InvalidRequest(Reason.PARAMETER_IN_QUERY)
    if request.mimetype != FORM or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise InvalidRequest(Reason.WRONG_CONTENT_TYPE)
    pairs = _parse(request_body(request))
    seen = set()
    for name, value in pairs:
        _check_characters(name, value)
        if name in seen and name not in MAY_REPEAT:
            raise InvalidRequest(Reason.REPEATED_PARAMETER, name[:64])
        seen.add(name)
    # Werkzeug's own parser is made for uploads, takes six times as long, and guesses at bytes that are not UTF-8.
    request.form = ImmutableMultiDict(pairs)


def _parse(body: bytes) -> list[tuple[str, str]]:
    """The parameters in the order in which they were sent (RFC 6749 Appendix B: UTF-8)."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_AT_MOST)
    except ValueError as error:  # also a UnicodeDecodeError
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "not UTF-8, or too many parameters") from error


def _check_characters(name: str, value: str) -> None:
    if not _VSCHAR.fullmatch(name):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "a parameter's name")
    pattern = _TEXT if name in _FREE_TEXT else _VSCHAR
    if len(value) > _CHARACTERS_AT_MOST.get(name, _OTHER_CHARACTERS_AT_MOST) or not pattern.fullmatch(value):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, name[:64])
