"""What every form-encoded protocol endpoint checks before anything else looks at the request.

RFC 6749 §3.2: parameters in the body, none repeated; and no character that no parameter can hold."""

import re

from flask import Request

from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidRequest

_FORM = "application/x-www-form-urlencoded"
# RFC 6749 Appendix A: VSCHAR. A person's name and password may be any text.
_VSCHAR = re.compile(r"[\x20-\x7e]*")
_TEXT = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffd]*")
_FREE_TEXT = frozenset({"username", "password"})
_CHARACTERS_AT_MOST = {"client_assertion": 16_384, "token": 16_384, "password": 4096}
_OTHER_CHARACTERS_AT_MOST = 4096
_MAY_REPEAT = frozenset({"resource"})  # RFC 8707 §2
_PARAMETERS_AT_MOST = 40


def check_form(request: Request) -> None:
    """Refuse a request that is not one clean form. Raises :class:`InvalidRequest`."""
    if request.query_string:
        raise InvalidRequest(Reason.PARAMETER_IN_QUERY)
    if request.mimetype != _FORM or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise InvalidRequest(Reason.WRONG_CONTENT_TYPE)
    if len(request.form) > _PARAMETERS_AT_MOST:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "too many parameters")
    for name, values in request.form.lists():
        if not _VSCHAR.fullmatch(name):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "a parameter's name")
        if len(values) > 1 and name not in _MAY_REPEAT:
            raise InvalidRequest(Reason.REPEATED_PARAMETER, name[:64])
        _check_values(name, values)


def _check_values(name: str, values: list[str]) -> None:
    pattern = _TEXT if name in _FREE_TEXT else _VSCHAR
    for value in values:
        if len(value) > _CHARACTERS_AT_MOST.get(name, _OTHER_CHARACTERS_AT_MOST) or not pattern.fullmatch(value):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, name[:64])
