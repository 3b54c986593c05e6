"""Authlib's view of a request: parameters from the form only, the URI from the configured issuer.

So neither the query string nor the Host header can speak for the caller (RFC 6749 §2.3.1)."""

from typing import Any

from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Request
from flask import Request


class FormPayload(FlaskOAuth2Payload):
    """The parameters of a POST are those of its body; of a GET, those of its query."""

    @property
    def data(self) -> Any:
        return self._request.form if self._request.method == "POST" else self._request.args


class IssuerRequest(FlaskOAuth2Request):
    """A request to the issuer, whatever host name or scheme it came in under behind a proxy."""

    def __init__(self, request: Request, issuer: str) -> None:
        # Authlib refuses http URIs; whether the issuer may be http was decided when the settings were read.
        address = "https://" + issuer.partition("://")[2]
        OAuth2Request.__init__(self, method=request.method, uri=address + request.path)
        self.headers = request.headers  # given to __init__, they would be counted one by one
        self._request = request
        self.payload = FormPayload(request)
