"""The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2): check, ask the person what is owed, answer.

A request of an unknown client or to an unknown address gets a page and never a redirect."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from oidc_server.authorizations import interactions
from oidc_server.authorizations.codes import make_code, was_sent_for_another
from oidc_server.authorizations.models import Interaction
from oidc_server.authorizations.service import Terms, grant
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.core.database import transaction
from oidc_server.core.errors import Reason
from oidc_server.core.http import name_client
from oidc_server.core.identity import parse_id
from oidc_server.mfa.grace import note_grace
from oidc_server.pages import cookies, languages
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import see_other
from oidc_server.protocol.authorization_checks import OFFLINE_ACCESS, checked, may_answer_by
from oidc_server.protocol.authorization_request import (
    CONSENT,
    NO_PROMPT,
    QUERY,
    AuthorizationRequest,
    Submitted,
    Target,
    prompt_values,
)
from oidc_server.protocol.authorization_response import code_response, error_response
from oidc_server.protocol.blueprint import AUTHORIZATION, CONTINUATION, protocol
from oidc_server.protocol.cross_site import again_with_cookies
from oidc_server.protocol.errors import (
    AccessDenied,
    InvalidRequest,
    LoginRequired,
    OAuthRefusal,
    UnmetAuthenticationRequirements,
)
from oidc_server.protocol.gate import clean_parameters, sent_by_browser
from oidc_server.protocol.id_token_hint import hinted_subject
from oidc_server.protocol.prompts import Situation, first_owed, is_somebody_else, reaches_acr
from oidc_server.protocol.request_object import response_parameters
from oidc_server.protocol.server import AuthorizationServer, current_server
from oidc_server.protocol.situations import situation_of
from oidc_server.protocol.step_up import granted_acr
from oidc_server.sessions import browser

# Where each page is; the accounts slice serves them.
PAGES = {
    "create": "/register", "login": "/sign-in", "second_factor": "/sign-in/second-factor", "consent": "/consent",
    "select_account": "/choose-account",
}  # fmt: skip


@protocol.route(AUTHORIZATION, methods=["GET", "POST"])
def authorize() -> Response:
    """Begin. A POST from another site is legitimate here (OpenID Connect Core §3.1.2.1): it changes nothing yet."""
    server, encoded = current_server(), sent_by_browser(request)
    if (again := again_with_cookies(request, AUTHORIZATION, encoded)) is not None:
        return again
    submitted = _submitted(server, clean_parameters(encoded))
    target = _target(submitted)
    try:
        asked = checked(
            submitted, hinted_sub=hinted_subject(server, submitted.get("id_token_hint"), submitted.client.client_id)
        )
    except OAuthRefusal as refusal:
        return error_response(target, server.settings.issuer, refusal)
    with transaction() as session:
        return _proceed(session, server, submitted.client, asked, None)


@protocol.get(CONTINUATION)
def go_on() -> Response:
    """Go on where a page has left off. Everything is looked up anew: the client, the person, what they allowed."""
    server = current_server()
    identifier, secret = parse_id(request.args.get("interaction", "")), cookies.browser_secret(request)
    with transaction() as session:
        interaction = interactions.find_interaction(session, identifier, secret)
        if interaction is None:
            raise InvalidRequest(Reason.INTERACTION_GONE)
        asked = AuthorizationRequest.from_json(interaction.request)
        languages.prefer(asked.ui_locales)
        client = _client(server, asked.client_id)
        if not client.check_redirect_uri(asked.redirect_uri):
            raise InvalidRequest(Reason.REDIRECT_URI_UNKNOWN)
        if interaction.denied_at is not None:
            return _refuse(session, server, asked, interaction, AccessDenied(Reason.ACCESS_DENIED))
        return _proceed(session, server, client, asked, interaction)


def _submitted(server: AuthorizationServer, parameters: MultiDict[str, str]) -> Submitted:
    """What was sent, and by which client; raises what ends in a page."""
    languages.prefer(parameters.get("ui_locales"))
    client = _client(server, _once(parameters, "client_id") or "")
    return Submitted(client, parameters, prompt_values(server.settings))


def _client(server: AuthorizationServer, client_id: str) -> ClientSnapshot:
    """An unknown and a disabled client are told alike."""
    client = server.clients.find_afresh(client_id) if client_id else None
    if client is None or client.disabled:
        raise InvalidRequest(Reason.CLIENT_UNKNOWN if client is None else Reason.CLIENT_DISABLED, client_id[:64])
    name_client(client.client_id)
    return client


def _target(submitted: Submitted) -> Target:
    """Where the answer may go. Without a registered redirect URI it may go nowhere (RFC 6749 §4.1.2.1)."""
    redirect_uri = _once(submitted.parameters, "redirect_uri")
    if redirect_uri is None or not submitted.client.check_redirect_uri(redirect_uri):
        # Its query stays out of the log: an app that sends the address of its own page has an earlier code in there.
        raise InvalidRequest(Reason.REDIRECT_URI_UNKNOWN, (redirect_uri or "none").partition("?")[0][:200])
    inside = response_parameters(submitted.get("request"))
    mode = submitted.get("response_mode") or inside.get("response_mode", QUERY)
    states = submitted.parameters.getlist("state") or list(filter(None, [inside.get("state")]))
    if not may_answer_by(mode, redirect_uri):
        mode = QUERY
    return Target(redirect_uri, mode, states[0] if len(states) == 1 else None)


def _once(parameters: MultiDict[str, str], name: str) -> str | None:
    values = parameters.getlist(name)
    if len(values) > 1:
        raise InvalidRequest(Reason.REPEATED_PARAMETER, name)
    return values[0] if values else None


def _proceed(
    session: Session,
    server: AuthorizationServer,
    client: ClientSnapshot,
    asked: AuthorizationRequest,
    interaction: Interaction | None,
) -> Response:
    """Send the person to the page that is owed, or the client its answer."""
    login = browser.resume(session, server.session_policy, cookies.session_secret(request))
    situation = situation_of(session, server, client, asked, interaction, login)
    owed = first_owed(situation)
    if owed is None and is_somebody_else(situation):
        return _refuse(
            session, server, asked, interaction, LoginRequired(Reason.PROMPT_OWED, "somebody else signed in")
        )
    if (owed is None or owed.name == CONSENT) and not reaches_acr(situation):  # nobody consents in vain
        return _refuse(session, server, asked, interaction, UnmetAuthenticationRequirements(Reason.ACR_UNMET))
    if owed is None:
        return _answer(session, server, situation)
    if NO_PROMPT in asked.prompt:
        return _refuse(session, server, asked, interaction, owed.refusal(Reason.PROMPT_OWED, owed.name))
    if interaction is not None:
        return see_other(address(PAGES[owed.name], interaction=str(interaction.id)))
    secret, is_new = cookies.browser_secret_or_new(request)
    interaction = interactions.begin_interaction(
        session, browser=secret, client_id=client.client_id, request=asked.to_json()
    )
    response = see_other(address(PAGES[owed.name], interaction=str(interaction.id)))
    if is_new:
        cookies.set_browser_secret(response, secret)
    return response


def _refuse(
    session: Session,
    server: AuthorizationServer,
    asked: AuthorizationRequest,
    interaction: Interaction | None,
    refusal: OAuthRefusal,
) -> Response:
    if interaction is not None and not interactions.finish_interaction(session, interaction):
        raise InvalidRequest(Reason.INTERACTION_GONE)
    return error_response(asked.target, server.settings.issuer, refusal)


def _answer(session: Session, server: AuthorizationServer, situation: Situation) -> Response:
    """Grant, and give the code; a client whose challenge is always the same gets none (attack A26)."""
    asked, login = situation.request, situation.login
    assert login is not None  # noqa: S101 - nobody is granted anything without: a prompt would be owed
    if was_sent_for_another(
        session, client_id=situation.client.client_id, user_id=login.user_id, code_challenge=asked.code_challenge,
        nonce=asked.nonce,
    ):  # fmt: skip
        refusal = InvalidRequest(Reason.CHALLENGE_NOT_FRESH)
        return _refuse(session, server, asked, situation.interaction, refusal)
    if situation.interaction is not None and not interactions.finish_interaction(session, situation.interaction):
        raise InvalidRequest(Reason.INTERACTION_GONE)
    browser.touch(session, login)
    note_grace(session, login.user_id, situation.second_factor)
    offline = OFFLINE_ACCESS in asked.scope.split()
    longest = timedelta(seconds=server.settings.refresh_token_absolute_lifetime)
    acr = granted_acr(asked, login.acr)
    authorization = grant(
        session, login, client_id=situation.client.client_id,
        terms=Terms(asked.scope, asked.resource, asked.claims.names, offline=offline, acr=acr),
        lifetime=longest if offline else min(longest, login.expires_at - situation.now),
    )  # fmt: skip
    code = make_code(
        session, authorization.id, redirect_uri=asked.redirect_uri, code_challenge=asked.code_challenge,
        nonce=asked.nonce,
    )  # fmt: skip
    return code_response(asked.target, server.settings.issuer, code)
