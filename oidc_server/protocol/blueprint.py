"""The addresses of the protocol, in one place for routes, discovery, CORS and documentation."""

from flask import Blueprint

TOKEN = "/oauth/token"  # noqa: S105 - a path
INTROSPECTION = "/oauth/introspect"
REVOCATION = "/oauth/revoke"
AUTHORIZATION = "/oauth/authorize"
# Where pages lead back to; not for clients.
CONTINUATION = "/oauth/authorize/continue"
USERINFO = "/oauth/userinfo"
END_SESSION = "/oauth/logout"
JWKS = "/.well-known/jwks.json"
OPENID_CONFIGURATION = "/.well-known/openid-configuration"
AUTHORIZATION_SERVER_METADATA = "/.well-known/oauth-authorization-server"

# Below these, refusals are OAuth error responses.
OAUTH_PREFIX = "/oauth/"

protocol = Blueprint("protocol", __name__)
