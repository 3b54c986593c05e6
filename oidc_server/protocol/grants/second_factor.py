"""The grant that finishes what the password grant began, for who owes a second factor: a grant of ours (RFC 6749 §4.5).

It is for the same client, and good for nothing else: neither the password is asked for again, nor what the tokens
allow."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from oidc_server.clients.metadata import SECOND_FACTOR
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address
from oidc_server.core.identity import parse_id
from oidc_server.mfa.pending import Channel, PendingLoginGone
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest
from oidc_server.protocol.giving_factors import go_on_with_login
from oidc_server.protocol.grants.password import client_for_passwords, tokens_or_refusal
from oidc_server.sessions.service import Device


class SecondFactorGrant(BaseGrant, TokenEndpointMixin):
    """``mfa_token`` with what the person gave: for a method a ``code`` or a ``credential``, or a recovery code."""

    GRANT_TYPE = SECOND_FACTOR

    def validate_token_request(self) -> None:
        client_for_passwords(self)
        form = self.request.form
        method_id = parse_id(form["method_id"]) if form.get("method_id") else None
        if not form.get("mfa_token") or bool(form.get("code")) == bool(form.get("credential")):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "mfa_token, and one of code and credential")
        if method_id is None and (form.get("method_id") or form.get("credential")):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "method_id")
        self._given = Given(method_id, form.get("code", ""), form.get("credential", ""))

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        try:
            outcome = go_on_with_login(
                self.server, self.request.form["mfa_token"], self._given, client=self.request.client,
                channel=Channel.TOKEN, device=Device(self.request.headers.get("User-Agent", ""), client_address()),
            )  # fmt: skip
        except (PendingLoginGone, FactorWrong) as error:
            raise InvalidGrant(error.reason, error.detail) from error
        return 200, tokens_or_refusal(outcome), self.TOKEN_RESPONSE_HEADER
