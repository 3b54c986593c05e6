"""A client's metadata on the command line, under the names of RFC 7591: in options, JSON and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import click

from oidc_server.commands.options import Refused

if TYPE_CHECKING:
    from oidc_server.clients.models import Client
    from oidc_server.clients.service import Registration

_FILE_BYTES = 65536


class OrNothing(click.ParamType[Any]):
    """A value of some type, or an empty one, which takes away what is registered."""

    def __init__(self, kind: click.ParamType[Any]) -> None:
        self._kind = kind
        self.name = kind.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; empty stays empty."""
        return value if value == "" else self._kind.convert(value, param, ctx)


_METADATA = (
    click.option("--redirect-uri", "redirect_uris", multiple=True, metavar="URI", help="Where people come back to."),
    click.option(
        "--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, metavar="URI",
        help="Where people come back to after they have signed out.",
    ),
    click.option("--scope", metavar='"A B"', help="What the client may ask for, separated by spaces."),
    click.option("--grant", "grant_types", multiple=True, metavar="GRANT", help="A grant type that it may use."),
    click.option("--resource", "resources", multiple=True, metavar="URI", help="An audience that it may ask for."),
    click.option("--auth-method", "token_endpoint_auth_method", metavar="METHOD", help="How it proves who it is."),
    click.option("--jwks", type=click.File("rb"), help="Its public keys as a JWK Set, for private_key_jwt."),
    click.option("--first-party/--no-first-party", default=None, help="Whether the client is your own."),
    click.option(
        "--require-pkce/--no-require-pkce", default=None,
        help="Whether it has to use PKCE; only a confidential client may do without.",
    ),
    click.option(
        "--subject-type", metavar="public|pairwise",
        help="Whether a person's sub is the same at every client, or another one at each host.",
    ),
    click.option(
        "--default-max-age", type=OrNothing(click.INT), metavar="SECONDS",
        help="How old a sign-in may be when the client does not say.",
    ),
    click.option("--id-token-alg", "id_token_signed_response_alg", metavar="ALG", help="What signs its ID Tokens."),
    click.option("--userinfo-signed-response-alg", metavar="ALG", help="Sign UserInfo too; without it, it is JSON."),
    click.option(
        "--logo", type=OrNothing(click.File("rb")), metavar="FILE",
        help="A PNG, WebP or JPEG image of 64 KiB at most. It is copied.",
    ),
    click.option("--client-uri", metavar="URI", help="A page about the client."),
    click.option("--policy-uri", metavar="URI", help="What it does with people's data."),
    click.option("--tos-uri", metavar="URI", help="Its terms of service."),
)  # fmt: skip


def metadata_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that ``create`` and ``update`` share; the command gets them as ``metadata``."""
    for option in reversed(_METADATA):
        function = option(function)
    return function


def registration_of(*, jwks: IO[bytes] | None, logo: IO[bytes] | str | None, **given: Any) -> Registration:
    """What the options say; what was not given stays as it is, and what was given empty is taken away."""
    from oidc_server.clients.service import REMOVABLE, Registration

    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None and value != ()}
    for name, value in values.items():
        if isinstance(value, tuple):
            values[name] = [item for item in value if item]
    removed = {name for name in REMOVABLE if values.get(name) == ""} | ({"logo"} if logo == "" else set())
    kept = {name: value for name, value in values.items() if name not in removed}
    return Registration(
        **kept,
        jwks=None if jwks is None else _read_jwks(jwks),
        logo=None if logo is None or isinstance(logo, str) else _read_logo(logo),
        removed=frozenset(removed),
    )


def _read_jwks(file: IO[bytes]) -> Any:
    try:
        content = file.read(_FILE_BYTES + 1)
        if len(content) > _FILE_BYTES:
            raise Refused("The JWK Set is too large.")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise Refused("The JWK Set cannot be read: it is a JSON object with the member keys (RFC 7517).") from error


def _read_logo(file: IO[bytes]) -> bytes:
    from oidc_server.clients.logos import LOGO_BYTES_AT_MOST

    try:
        return file.read(LOGO_BYTES_AT_MOST + 1)  # what is larger is refused with the rest of the metadata
    except OSError as error:
        raise Refused("The logo cannot be read.") from error


def describe(client: Client) -> dict[str, Any]:
    """The client's metadata: RFC 7591's names, and ours for what it has no name for. No secret and no digest."""
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        "client_name": client.client_name,
        "client_type": client.client_type,
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "grant_types": client.grant_types,
        "response_types": client.response_types,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "resources": client.resources,
        "scope": client.scope,
        "jwks": client.jwks,
        "require_pkce": client.require_pkce,
        "subject_type": client.subject_type,
        "default_max_age": client.default_max_age,
        "id_token_signed_response_alg": client.id_token_signed_response_alg,
        "userinfo_signed_response_alg": client.userinfo_signed_response_alg,
        "logo_uri": _logo_uri(client),
        "client_uri": client.client_uri,
        "policy_uri": client.policy_uri,
        "tos_uri": client.tos_uri,
        "first_party": client.first_party,
        "mfa_policy": client.mfa_policy,
        "updated_at": client.updated_at,
        "disabled_at": client.disabled_at,
    }


def _logo_uri(client: Client) -> str | None:
    """Where our copy of the logo is."""
    from oidc_server.clients.logos import logo_path
    from oidc_server.protocol.server import current_server

    return None if client.logo is None else current_server().settings.issuer + logo_path(client.client_id, client.logo)
