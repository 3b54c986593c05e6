"""Who may call an endpoint: the access classes, each a decorator. Every view of the JSON API declares one.

The one place that reads ``Authorization`` and ``X-API-Key`` for the JSON API; what a class asks for is described in the
OpenAPI document by the class itself."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, request

from oidc_server.access.permissions import Permission, permissions_of, roles_of
from oidc_server.api.blueprint import CODES
from oidc_server.api.codes import Code
from oidc_server.api.problems import Problem
from oidc_server.clients.api_keys import ApiKeyRefused, current_api_keys
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core import clock
from oidc_server.core.errors import Reason
from oidc_server.core.http import client_address, name_client
from oidc_server.core.identity import parse_id
from oidc_server.protocol import challenges
from oidc_server.protocol.access_descriptions import (
    ACCESS_CLASS,
    BY_PERSON,
    CALLERS,
    CODES_FOR_PERSONS,
    CODES_FOR_SERVICES,
    CODES_FOR_SOME,
    INTERNAL,
    ITSELF,
    LATELY,
    PERSON_OR_NOBODY,
    PUBLIC,
    RECENTLY,
    RECENTLY_VERIFIED,
    USER,
    VERIFIED,
    AccessClass,
)
from oidc_server.protocol.access_token import AccessToken, TokenRefused
from oidc_server.protocol.callers import Caller, Person, person_behind
from oidc_server.protocol.second_factors import factor_to_prove, policy_of
from oidc_server.protocol.server import AuthorizationServer, current_server
from oidc_server.protocol.token_state import live_access_token
from oidc_server.sessions.assurance import ACR_MFA, acr_of, reaches

RECENT = timedelta(minutes=10)
View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Everybody."""
    return _declare(view, PUBLIC, lambda: None)


def user(view: View) -> View:
    """A person, by an access token of a first-party client."""
    return _declare(view, USER, _be_person)


def person_or_nobody(view: View) -> View:
    """A person when an access token was sent; otherwise the view looks for itself who asks."""

    def check() -> None:
        if "Authorization" in request.headers:
            _be_person()

    return _declare(view, PERSON_OR_NOBODY, check)


def verified(view: View) -> View:
    """A person whose email address is confirmed."""
    return _declare(view, VERIFIED, _be_verified)


def recent(view: View) -> View:
    """A person who has signed in lately, with the second factor if they have one (RFC 9470 §3)."""
    return _declare(view, RECENTLY, demand_recent)


def recent_and_verified(view: View) -> View:
    """Both."""

    def check() -> None:
        demand_recent()
        _be_verified()

    return _declare(view, RECENTLY_VERIFIED, check)


def permission(needed: Permission, *, lately: bool = False) -> Callable[[View], View]:
    """A person whose roles hold the permission, and who, if ``lately``, has signed in lately as for :func:`recent`."""
    who = f"a person with the permission `{needed}`"
    words = f"{who}{f' who {LATELY}' if lately else ''}, by an access token"
    name = f"{'recent and ' if lately else ''}permission({needed})"

    def check() -> None:
        _be_person()
        if not holds(needed):
            raise Problem(Code.FORBIDDEN, Reason.PERMISSION_MISSING, needed)
        if lately:
            demand_recent()

    codes = (*CODES_FOR_PERSONS, Code.FORBIDDEN, *([Code.INSUFFICIENT_USER_AUTHENTICATION] if lately else []))
    return lambda view: _declare(view, AccessClass(name, words, BY_PERSON, codes), check)


def self_or(needed: Permission) -> Callable[[View], View]:
    """The person whose id the address names, or one whose roles hold the permission. To everybody else the address
    tells the same, whether there is such an account or not."""
    words = f"this person, and people with the permission `{needed}`, by an access token"

    def check() -> None:
        _be_person()
        if not _is_named() and not holds(needed):
            raise Problem(Code.FORBIDDEN, Reason.PERMISSION_MISSING, needed)

    described = AccessClass(f"self or permission({needed})", words, BY_PERSON, CODES_FOR_SOME)
    return lambda view: _declare(view, described, check)


def itself(view: View) -> View:
    """The person whose id the address names, and nobody else, whatever their roles."""

    def check() -> None:
        _be_person()
        if not _is_named():
            raise Problem(Code.FORBIDDEN, Reason.PERMISSION_MISSING, "itself")

    return _declare(view, ITSELF, check)


def service(scope: str) -> Callable[[View], View]:
    """A service, by a token that it got for itself or by an API key, with the scope."""
    words = f"services, by their own access token or an API key with the scope `{scope}`"
    security: tuple[dict[str, list[str]], ...] = ({"accessToken": [scope]}, {"apiKey": []})

    def check() -> None:
        if "X-API-Key" in request.headers:
            return _be_internal(scope)
        token = _bearer_token()
        if not _is_for_us(current_server(), token):
            raise challenges.unauthorized(Reason.TOKEN_CLAIMS_INVALID, "aud")
        if token.authorization_id is not None or scope not in str(token.claims["scope"]).split():
            raise challenges.insufficient_scope(scope)
        return None

    return lambda view: _declare(view, AccessClass(f"service({scope})", words, security, CODES_FOR_SERVICES), check)


def internal(view: View) -> View:
    """An internal service, by an API key."""
    return _declare(view, INTERNAL, _be_internal)


def current_caller() -> Caller:
    """The person who calls; only in views of the classes for people."""
    caller: Caller = g.caller
    return caller


def caller_if_any() -> Caller | None:
    """The person who calls, when an access token said so."""
    caller: Caller | None = g.get("caller")
    return caller


def calling_client() -> ClientSnapshot:
    """The app by which the person calls."""
    client: ClientSnapshot = g.calling_client
    return client


def current_person() -> Person:
    """What the database knows of the person who calls, read once in a request."""
    if "person" not in g:
        g.person = person_behind(current_server().database, current_caller().user_id)
    if g.person is None:
        raise challenges.unauthorized(Reason.USER_GONE)
    return cast("Person", g.person)


def holds(needed: Permission) -> bool:
    """Whether the person who calls holds a permission."""
    return needed in permissions_of(roles_of(superuser=current_person().superuser))


def _declare(view: View, access_class: AccessClass, check: Callable[[], None]) -> View:
    """The view behind the check, with its class written on it: to describe it, and for the test that asks for one."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        check()
        return view(*args, **kwargs)

    described = deepcopy(getattr(view, "_apidoc", {}))
    manual = described.setdefault("manual_doc", {})
    manual["security"] = list(access_class.security)
    manual[ACCESS_CLASS] = access_class.name
    manual[CALLERS] = access_class.words
    manual[CODES] = [*manual.get(CODES, ()), *access_class.codes]
    manual.setdefault("operationId", getattr(view, "__name__", ""))
    guarded._apidoc = described  # type: ignore[attr-defined]
    guarded.access_class = access_class  # type: ignore[attr-defined]
    return cast("View", guarded)


def _is_named() -> bool:
    """Whether the ``user_id`` of the address is that of the person who calls."""
    return parse_id(str((request.view_args or {}).get("user_id", ""))) == current_caller().user_id


def _be_person() -> None:
    server = current_server()
    token = _bearer_token()
    caller = _person_of(server, token)
    client = server.clients.find(token.client_id)
    if client is None or not client.first_party or not _is_for_us(server, token):
        raise Problem(Code.NOT_FIRST_PARTY, Reason.CLIENT_NOT_FIRST_PARTY, token.client_id)
    g.caller, g.calling_client = caller, client


def _person_of(server: AuthorizationServer, token: AccessToken) -> Caller:
    user_id = None if token.authorization_id is None else parse_id(str(token.claims["sub"]))
    if user_id is None:
        raise Problem(Code.NOT_FIRST_PARTY, Reason.CLIENT_NOT_FIRST_PARTY, "the token is not a person's")
    auth_time = token.claims.get("auth_time")
    return Caller(
        user_id=user_id,
        session_id=parse_id(str(token.claims.get("sid", ""))),
        authorization_id=parse_id(str(token.authorization_id)),
        auth_time=None if auth_time is None else datetime.fromtimestamp(auth_time, tz=clock.now().tzinfo),
        client_id=token.client_id,
        scope=str(token.claims["scope"]),
        amr=tuple(token.claims.get("amr") or ()),
        audiences=tuple(token.audiences),
    )


def _is_for_us(server: AuthorizationServer, token: AccessToken) -> bool:
    """A resource server that was sent a token must not be able to use it here (RFC 9700 §2.3): so it is for nobody else
    besides."""
    return set(token.audiences) <= {server.settings.issuer, server.settings.audience}


def _be_verified() -> None:
    if "caller" not in g:
        _be_person()
    if not current_person().verified:
        raise Problem(Code.EMAIL_NOT_VERIFIED, Reason.EMAIL_NOT_VERIFIED)


def demand_recent() -> None:
    """Refuse unless the person who calls has signed in lately, with the second factor if they have one; also for views
    in which only some members need it."""
    if "caller" not in g:
        _be_person()
    server, caller = current_server(), current_caller()
    is_sure = reaches(acr_of(caller.amr), ACR_MFA)
    acr = ACR_MFA if is_sure or factor_to_prove(policy_of(server, calling_client()), current_person()) else None
    if caller.auth_time is None or caller.auth_time + RECENT < clock.now():
        raise challenges.not_lately(RECENT, acr)
    if acr is not None and not is_sure:
        raise challenges.too_weak(RECENT, acr)


def _be_internal(scope: str | None = None) -> None:
    try:
        key = current_api_keys().prove(request.headers.get("X-API-Key", ""), client_address())
    except ApiKeyRefused as refusal:
        if refusal.retry_after is not None:
            raise
        raise Problem(Code.UNAUTHORIZED, refusal.reason, refusal.detail) from refusal
    name_client(f"api-key {key.prefix}")
    if scope is not None and scope not in key.scopes:
        raise challenges.insufficient_scope(scope)


def _bearer_token() -> AccessToken:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials:
        raise challenges.unauthorized(Reason.TOKEN_MISSING, error=False)
    server = current_server()
    try:
        token = live_access_token(
            server.database, server.ring, server.clients, server.settings.issuer, credentials.strip(" ")
        )
    except TokenRefused as refusal:
        raise challenges.unauthorized(refusal.reason, refusal.detail) from refusal
    name_client(token.client_id)
    return token
