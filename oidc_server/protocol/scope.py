"""What a token request may ask for: one decision for scope, one for resource, the same for every grant."""

from werkzeug.datastructures import MultiDict

from oidc_server.clients.metadata import MetadataInvalid, parse_scope
from oidc_server.clients.registry import ClientSnapshot
from oidc_server.clients.resources import RESOURCES_AT_MOST, is_resource
from oidc_server.core.errors import Reason
from oidc_server.protocol.errors import InvalidScope, InvalidTarget


def requested_words(scope: str | None) -> str | None:
    """The scope parameter with each word once, or None when it was not sent. Raises :class:`InvalidScope`."""
    if scope is None:
        return None
    try:
        return " ".join(parse_scope(scope))
    except MetadataInvalid as error:
        raise InvalidScope(Reason.MALFORMED_REQUEST, "scope") from error


def allowed_scope(scope: str | None, client: ClientSnapshot) -> str:
    """The scope to grant: what was asked for when the client is registered for all of it, and everything it is
    registered for when nothing was asked for (RFC 6749 §3.3). Raises :class:`InvalidScope`."""
    words = requested_words(scope)
    if not words:
        return client.scope
    if not client.scopes.issuperset(words.split()):
        raise InvalidScope(Reason.SCOPE_NOT_ALLOWED)
    return words


def requested_resources(form: MultiDict[str, str]) -> list[str]:
    """The resource parameters (RFC 8707 §2), each once. Raises :class:`InvalidTarget`."""
    resources = list(dict.fromkeys(form.getlist("resource")))
    if len(resources) > RESOURCES_AT_MOST or not all(is_resource(resource) for resource in resources):
        raise InvalidTarget(Reason.RESOURCE_UNKNOWN)
    return resources


def allowed_resources(form: MultiDict[str, str], client: ClientSnapshot) -> list[str]:
    """The audiences to grant; none asked for means the default audience. Raises :class:`InvalidTarget`."""
    resources = requested_resources(form)
    if not set(resources) <= set(client.resources):
        raise InvalidTarget(Reason.RESOURCE_UNKNOWN)
    return resources
