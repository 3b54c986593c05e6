"""What an authorization request must be like, check by check. A failed one is told to the client by a redirect; whether
there is somewhere to redirect to was settled before (RFC 6749 §4.1.2.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from oidc_server.clients.metadata import AUTHORIZATION_CODE, OPENID, REFRESH_TOKEN
from oidc_server.core.errors import Reason
from oidc_server.protocol.authorization_request import (
    FORM_POST,
    NO_PROMPT,
    QUERY,
    RESPONSE_TYPES,
    AuthorizationRequest,
    Submitted,
)
from oidc_server.protocol.claims_parameter import parse_claims
from oidc_server.protocol.errors import (
    InvalidRequest,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from oidc_server.protocol.gate import MAY_REPEAT
from oidc_server.protocol.scope import allowed_resources, allowed_scope

Check = Callable[[Submitted], None]

S256 = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2: the SHA-256 of a verifier, in base64url
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
OFFLINE_ACCESS = "offline_access"


def nothing_is_sent_twice(submitted: Submitted) -> None:
    """RFC 6749 §3.1."""
    for name, values in submitted.parameters.lists():
        if len(values) > 1 and name not in MAY_REPEAT:
            raise InvalidRequest(Reason.REPEATED_PARAMETER, name[:64])


def it_is_sent_as_parameters(submitted: Submitted) -> None:
    """OpenID Connect Core §6 and §7.2.1: request objects are not supported, and so must not be ignored."""
    for name, kind in (
        ("request", RequestNotSupported),
        ("request_uri", RequestUriNotSupported),
        ("registration", RegistrationNotSupported),
    ):
        if submitted.get(name) is not None:
            raise kind(Reason.REQUEST_OBJECT_UNSUPPORTED, name)


def the_response_type_is_code(submitted: Submitted) -> None:
    """RFC 9700 §2.1.2: no token is given out by way of the browser."""
    response_type = submitted.get("response_type")
    if response_type is None:
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "response_type")
    if response_type not in RESPONSE_TYPES:
        raise UnsupportedResponseType(Reason.RESPONSE_TYPE_UNSUPPORTED, response_type[:64])


def the_response_mode_is_one_of_ours(submitted: Submitted) -> None:
    """OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode."""
    mode = response_mode_of(submitted)
    if not may_answer_by(mode, submitted.parameters["redirect_uri"]):
        raise InvalidRequest(Reason.RESPONSE_MODE_UNSUPPORTED, mode[:64])


def the_client_may_use_codes(submitted: Submitted) -> None:
    """RFC 6749 §4.1.2.1 ``unauthorized_client``."""
    if not submitted.client.check_grant_type(AUTHORIZATION_CODE):
        raise UnauthorizedClient(Reason.GRANT_NOT_ALLOWED)


def the_scope_is_the_client_s(submitted: Submitted) -> None:
    """RFC 6749 §3.3."""
    allowed_scope(submitted.get("scope"), submitted.client)


def the_resource_is_the_client_s(submitted: Submitted) -> None:
    """RFC 8707 §2."""
    allowed_resources(submitted.parameters, submitted.client)


def the_challenge_is_s256(submitted: Submitted) -> None:
    """RFC 7636 §4.3, RFC 9700 §2.1.1: ``plain`` protects nothing here, and no method means ``plain``."""
    challenge, method = submitted.parameters.get("code_challenge"), submitted.parameters.get("code_challenge_method")
    if challenge is None and method is None:
        if submitted.client.require_pkce:
            raise InvalidRequest(Reason.PKCE_MISSING)
        return
    if method != S256:
        raise InvalidRequest(Reason.PKCE_METHOD_UNSUPPORTED, (method or "plain")[:64])
    if not _CHALLENGE.fullmatch(challenge or ""):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "code_challenge")


def the_prompt_makes_sense(submitted: Submitted) -> None:
    """OpenID Connect Core §3.1.2.1: ``none`` stands alone."""
    values = words_of(submitted, "prompt")
    if not set(values) <= set(submitted.prompt_values) or (NO_PROMPT in values and len(values) > 1):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "prompt")


def the_max_age_is_a_number(submitted: Submitted) -> None:
    """OpenID Connect Core §3.1.2.1."""
    max_age = submitted.get("max_age")
    if max_age is not None and not _WHOLE_NUMBER.fullmatch(max_age):
        raise InvalidRequest(Reason.MALFORMED_REQUEST, "max_age")


def the_claims_can_be_read(submitted: Submitted) -> None:
    """OpenID Connect Core §5.5."""
    parse_claims(submitted.get("claims"))


CHECKS: tuple[Check, ...] = (
    nothing_is_sent_twice,
    it_is_sent_as_parameters,
    the_response_type_is_code,
    the_response_mode_is_one_of_ours,
    the_client_may_use_codes,
    the_scope_is_the_client_s,
    the_resource_is_the_client_s,
    the_challenge_is_s256,
    the_prompt_makes_sense,
    the_max_age_is_a_number,
    the_claims_can_be_read,
)


def checked(submitted: Submitted, *, hinted_sub: str | None) -> AuthorizationRequest:
    """The request, when every check lets it pass. Raises :class:`~oidc_server.protocol.errors.OAuthRefusal`."""
    for check in CHECKS:
        check(submitted)
    client, max_age = submitted.client, submitted.get("max_age")
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=submitted.parameters["redirect_uri"],
        response_mode=response_mode_of(submitted),
        scope=_without_what_gives_nothing(allowed_scope(submitted.get("scope"), client), client.grant_types),
        resource=allowed_resources(submitted.parameters, client),
        state=submitted.get("state"),
        nonce=submitted.get("nonce"),
        code_challenge=submitted.get("code_challenge"),
        prompt=words_of(submitted, "prompt"),
        max_age=client.default_max_age if max_age is None else int(max_age),
        login_hint=submitted.get("login_hint"),
        hinted_sub=hinted_sub,
        acr_values=words_of(submitted, "acr_values"),
        ui_locales=submitted.get("ui_locales"),
        claims=parse_claims(submitted.get("claims")),
    )


def response_mode_of(submitted: Submitted) -> str:
    """The response mode; that of ``code`` is ``query`` unless another one was asked for."""
    return submitted.get("response_mode") or QUERY


def may_answer_by(mode: str, redirect_uri: str) -> bool:
    """Whether an answer may go to the address in this mode. An app has no page to post to (attack A08)."""
    return mode == QUERY or (mode == FORM_POST and urlsplit(redirect_uri).scheme in {"http", "https"})


def words_of(submitted: Submitted, name: str) -> list[str]:
    """The words of a parameter that is a list, each once."""
    return list(dict.fromkeys((submitted.get(name) or "").split()))


def _without_what_gives_nothing(scope: str, grant_types: frozenset[str]) -> str:
    """OpenID Connect Core §11: without a right to refresh tokens, and outside of OpenID Connect, ``offline_access`` is
    ignored."""
    words = scope.split()
    if OFFLINE_ACCESS in words and (REFRESH_TOKEN not in grant_types or OPENID not in words):
        words.remove(OFFLINE_ACCESS)
    return " ".join(words)
