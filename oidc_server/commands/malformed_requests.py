"""Refusals of what is no HTTP request, in our form. gunicorn by itself would log and send back what it could not read,
and that can be a secret."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock

from oidc_server.core import logs, metrics
from oidc_server.core.envelope import common_headers, new_request_id
from oidc_server.core.errors import Reason
from oidc_server.core.http import problem

if TYPE_CHECKING:
    from oidc_server.core.settings import Settings

_STATUS = {
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
}
_OUR_FAULT = (InvalidResponseHeader, InvalidResponseHeaderName)

log = logs.get_logger()


def refuse_connection(settings: Settings, connection: Any, address: str, error: Exception) -> None:
    """Answer on a connection whose request could not be read, and log the kind of the error without its text."""
    status, reason = HTTPStatus.INTERNAL_SERVER_ERROR, Reason.INTERNAL_ERROR
    if isinstance(error, ParseException) and not isinstance(error, _OUR_FAULT):
        status, reason = _STATUS.get(type(error), HTTPStatus.BAD_REQUEST), Reason.BAD_HTTP_REQUEST
    error_id = new_request_id()
    metrics.count_refusal(reason.value)
    log.warning(
        "refused", error_id=error_id, reason=reason.value, detail=type(error).__name__, status=status.value,
        client_id=None, address=address,
    )  # fmt: skip
    with suppress(OSError):  # the caller may have gone
        write_nonblock(connection, _answer(settings, status, error_id))


def _answer(settings: Settings, status: HTTPStatus, error_id: str) -> bytes:
    body = problem(status.value, error_id)
    headers = [
        ("Connection", "close"),
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
        ("X-Request-Id", error_id),
        *common_headers(settings),
    ]
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body
