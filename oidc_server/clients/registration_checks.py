"""A client's metadata as a whole: each value by its rule, and those that must fit each other (RFC 7591 §2,
OpenID Connect Registration §2, RP-Initiated Logout §3.1)."""

from collections.abc import Mapping
from typing import Any

from oidc_server.clients.metadata import (
    AUTHORIZATION_CODE,
    PAIRWISE,
    PRIVATE_KEY_JWT,
    PUBLIC,
    MetadataInvalid,
    check_auth_method,
    check_default_max_age,
    check_grant_types,
    check_jwks,
    check_require_pkce,
    check_signing_alg,
    check_subject_type,
    parse_scope,
)
from oidc_server.clients.models import Client
from oidc_server.clients.presentation import check_client_name, check_link
from oidc_server.clients.redirect_uris import check_redirect_uri
from oidc_server.clients.resources import check_resource
from oidc_server.clients.sectors import check_sector_stays, sector_of

LINKS = ("client_uri", "policy_uri", "tos_uri")
# What only a client has through which people sign in, and what it is when it is not there.
_OF_LOGIN = {
    "redirect_uris": ([], "redirect URIs"),
    "post_logout_redirect_uris": ([], "post-logout redirect URIs"),
    "subject_type": (PUBLIC, "pairwise subjects"),
    "userinfo_signed_response_alg": (None, "userinfo_signed_response_alg"),
    "default_max_age": (None, "default_max_age"),
    "client_uri": (None, "client_uri"),
    "policy_uri": (None, "policy_uri"),
    "tos_uri": (None, "tos_uri"),
    "logo": (None, "logo"),
    "mfa_policy": (None, "policy for second factors"),
}


def checked(client: Client, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every column of the client's metadata: what is given, and what stands for the rest. Raises
    :class:`MetadataInvalid`."""
    kind = client.client_type
    if kind == "service":
        _check_nobody_signs_in(given)
    values = _of_the_protocol(client, given) | _of_login(client, given)
    values["client_name"] = check_client_name(given.get("client_name", client.client_name))
    values |= {name: check_link(name, given.get(name, getattr(client, name))) for name in LINKS}
    if values["token_endpoint_auth_method"] == PRIVATE_KEY_JWT and not values["jwks"]:
        raise MetadataInvalid("private_key_jwt needs the client's public keys: give its JWK Set.")
    values["response_types"] = ["code"] if AUTHORIZATION_CODE in values["grant_types"] else []
    return values


def _check_nobody_signs_in(given: Mapping[str, Any]) -> None:
    for name, (nothing, words) in _OF_LOGIN.items():
        if given.get(name) not in (None, nothing, ()):
            raise MetadataInvalid(f"A service client has no {words}: nobody signs in through it.")


def _of_the_protocol(client: Client, given: Mapping[str, Any]) -> dict[str, Any]:
    kind, first_party = client.client_type, given.get("first_party", client.first_party)
    return {
        "token_endpoint_auth_method": check_auth_method(
            kind, given.get("token_endpoint_auth_method", client.token_endpoint_auth_method)
        ),
        "grant_types": check_grant_types(kind, given.get("grant_types", client.grant_types), first_party=first_party),
        "resources": [check_resource(uri) for uri in given.get("resources", client.resources)],
        "scope": " ".join(parse_scope(given.get("scope", client.scope))),
        "jwks": check_jwks(given["jwks"]) if "jwks" in given else client.jwks,
        "first_party": first_party,
        "require_pkce": check_require_pkce(kind, require_pkce=given.get("require_pkce", client.require_pkce)),
        "id_token_signed_response_alg": check_signing_alg(
            given.get("id_token_signed_response_alg", client.id_token_signed_response_alg)
        ),
        "userinfo_signed_response_alg": check_signing_alg(
            given.get("userinfo_signed_response_alg", client.userinfo_signed_response_alg), what="A UserInfo response"
        ),
    }


def _of_login(client: Client, given: Mapping[str, Any]) -> dict[str, Any]:
    kind = client.client_type
    redirect_uris = [
        check_redirect_uri(uri, client_type=kind) for uri in given.get("redirect_uris", client.redirect_uris)
    ]
    subject_type = check_subject_type(given.get("subject_type", client.subject_type))
    sector_identifier = sector_of(redirect_uris) if subject_type == PAIRWISE else None
    check_sector_stays(client.sector_identifier, sector_identifier)
    return {
        "redirect_uris": redirect_uris,
        "post_logout_redirect_uris": [
            check_redirect_uri(uri, client_type=kind, what="A post-logout redirect URI")
            for uri in given.get("post_logout_redirect_uris", client.post_logout_redirect_uris)
        ],
        "subject_type": subject_type,
        "sector_identifier": sector_identifier,
        "default_max_age": check_default_max_age(given.get("default_max_age", client.default_max_age)),
        "mfa_policy": given.get("mfa_policy", client.mfa_policy),
    }
