"""The password grant (RFC 6749 §4.3), for first-party clients that are allowed it, and nobody else (RFC 9700 §2.4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import grants
from sqlalchemy.orm import Session

from oidc_server.audit.catalogue import Event
from oidc_server.audit.service import Actor, record
from oidc_server.authorizations.models import Authorization
from oidc_server.authorizations.refresh import first_refresh_token
from oidc_server.authorizations.service import Terms, grant
from oidc_server.authorizations.standing import standing_of, standing_query
from oidc_server.clients.metadata import PASSWORD, REFRESH_TOKEN
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address
from oidc_server.protocol.errors import InvalidGrant, InvalidRequest, UnauthorizedClient
from oidc_server.protocol.issue import Issuance
from oidc_server.protocol.scope import allowed_resources, allowed_scope
from oidc_server.sessions.service import ACR_PASSWORD, begin_session
from oidc_server.users.models import User
from oidc_server.users.sign_in import CredentialsWrong, PasswordProof, ProofOutdated, prove_password, user_behind


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    """The password is checked outside of any transaction; what follows from it is one transaction."""

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.check_grant_type(PASSWORD) or not client.first_party:
            raise UnauthorizedClient(Reason.GRANT_NOT_ALLOWED)
        form = self.request.form
        if not form.get("username") or not form.get("password"):
            raise InvalidRequest(Reason.MALFORMED_REQUEST, "username or password")
        self._scope = allowed_scope(form.get("scope"), client)
        self._resource = allowed_resources(form, client)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        form = self.request.form
        try:
            proof = prove_password(
                self.server.limits, self.server.passwords, form["username"], form["password"], client_address()
            )
        except CredentialsWrong as error:
            raise InvalidGrant(error.reason, error.detail) from error
        with transaction() as session:
            user = _user_behind(session, proof)
            for check in self.server.second_factor_checks:
                check(session, user)
            response = self._grant(session, user)
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _grant(self, session: Session, user: User) -> dict[str, Any]:
        client, settings = self.request.client, self.server.settings
        lifetime = timedelta(seconds=settings.refresh_token_absolute_lifetime)
        login = begin_session(
            session, user_id=user.id, amr=["pwd"], acr=ACR_PASSWORD, lifetime=lifetime,
            user_agent=self.request.headers.get("User-Agent", ""), address=client_address(),
        )  # fmt: skip
        authorization = grant(
            session, login, client_id=client.client_id, terms=Terms(self._scope, self._resource), lifetime=lifetime
        )
        record(
            session, Event.USER_SIGNED_IN, actor=Actor("user", str(user.id)), subject=str(user.id),
            client_id=client.client_id, user_id=user.id, detail={"grant_type": PASSWORD, "sid": str(login.id)},
        )  # fmt: skip
        standing = standing_of(session.execute(standing_query().where(Authorization.id == authorization.id)).one())
        refresh_token = None
        if client.check_grant_type(REFRESH_TOKEN):
            refresh_token = first_refresh_token(
                session, self.server.refresh_policy, standing, scope=self._scope, resource=self._resource
            )
        issuance = Issuance(PASSWORD, client, self._scope, self._resource, standing, refresh_token)
        response: dict[str, Any] = self.server.issue(issuance)
        return response


def _user_behind(session: Session, proof: PasswordProof) -> User:
    try:
        return user_behind(session, proof)
    except ProofOutdated as error:
        raise InvalidGrant(error.reason) from error
