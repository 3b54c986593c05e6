"""Refusals: what the caller may know, and the reason that only the admin sees.

A service raises an exception named for the fact; it carries a :class:`Reason`. The reason is logged with the
``error_id`` (the request id) and never sent; what is sent is rendered in one place per kind of endpoint."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something was refused. ``meaning`` and ``mend`` are the text of ``docs/reasons.md``."""

    meaning: str
    mend: str

    def __new__(cls, code: str, meaning: str, mend: str) -> Reason:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.mend = mend
        return member

    # The request itself
    MALFORMED_REQUEST = (
        "malformed_request",
        "A parameter is missing, or holds characters or a shape that the specification does not allow.",
        "Compare the request with the endpoint's page in the API reference; the log line names the parameter.",
    )
    REPEATED_PARAMETER = (
        "repeated_parameter",
        "A parameter was sent more than once (RFC 6749 §3.2).",
        "Send each parameter once.",
    )
    PARAMETER_IN_QUERY = (
        "parameter_in_query",
        "Parameters of a protocol endpoint were sent in the URL, where they end up in logs and histories.",
        "Send them in the form body.",
    )
    WRONG_CONTENT_TYPE = (
        "wrong_content_type",
        "The body is not of the content type that the endpoint reads.",
        "OAuth endpoints read application/x-www-form-urlencoded in UTF-8.",
    )
    BODY_TOO_LARGE = (
        "body_too_large",
        "The body is larger than the server accepts.",
        "Send less, or raise OIDC_BODY_LIMIT.",
    )
    NOT_FOUND = ("not_found", "Nothing is served at this address.", "Compare the address with the API reference.")
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        "The endpoint does not answer this HTTP method.",
        "Use a method that the Allow header lists.",
    )
    BAD_HTTP_REQUEST = (
        "bad_http_request",
        "The HTTP request was refused before any endpoint saw it.",
        "The log line carries the HTTP status and its description.",
    )

    # The client
    CLIENT_AUTHENTICATION_MISSING = (
        "client_authentication_missing",
        "The request names no client.",
        "Authenticate with the client's registered method.",
    )
    CLIENT_AUTHENTICATION_AMBIGUOUS = (
        "client_authentication_ambiguous",
        "The request authenticates the client in more than one way, or names two clients (RFC 6749 §2.3).",
        "Use one method, and send client_id only with the same value.",
    )
    CLIENT_UNKNOWN = (
        "client_unknown",
        "No client has this client_id. The caller sees the same answer as for a wrong secret.",
        "Look for a typing error, or for a client of another deployment: `oidc-server clients list`.",
    )
    CLIENT_DISABLED = (
        "client_disabled",
        "The client was disabled.",
        "Enable it with `oidc-server clients update CLIENT_ID --enable` if that is wanted.",
    )
    CLIENT_SECRET_WRONG = (
        "client_secret_wrong",
        "The secret is not one of the client's unexpired secrets.",
        "Compare with `oidc-server clients show CLIENT_ID`; make a new one with `clients rotate-secret`.",
    )
    CLIENT_METHOD_NOT_REGISTERED = (
        "client_method_not_registered",
        "The client authenticated by another method than its token_endpoint_auth_method.",
        "Change the caller, or the client: `oidc-server clients update CLIENT_ID --auth-method METHOD`.",
    )
    CLIENT_ASSERTION_INVALID = (
        "client_assertion_invalid",
        "The private_key_jwt assertion is not valid: signature, claims, or lifetime (RFC 7523 §3).",
        "The log line's detail names the check that failed. The audience must be exactly the issuer.",
    )
    CLIENT_ASSERTION_REPLAYED = (
        "client_assertion_replayed",
        "The assertion's jti was used before.",
        "Make a new assertion for every request.",
    )
    CLIENT_THROTTLED = (
        "client_throttled",
        "Too many failed authentications for this client from this address.",
        "Wait as long as Retry-After says, and mend the credentials.",
    )
    TOKEN_SCAN_THROTTLED = (
        "token_scan_throttled",
        "The client asked for more inactive tokens than its limit: it scans, or its API is sent dead tokens.",
        "Look at what is sent to it; active tokens are answered at any rate.",
    )
    GRANT_NOT_ALLOWED = (
        "grant_not_allowed",
        "The client is not registered for this grant type.",
        "Add it: `oidc-server clients update CLIENT_ID --grant GRANT`.",
    )
    GRANT_UNKNOWN = (
        "grant_unknown",
        "The server has no such grant type.",
        "See grant_types_supported in the discovery document.",
    )
    SCOPE_NOT_ALLOWED = (
        "scope_not_allowed",
        "A scope was asked for that the client is not registered for, or that was not granted before.",
        "Add it to the client's scope, or ask for less.",
    )
    RESOURCE_UNKNOWN = (
        "resource_unknown",
        "A resource was asked for that the client is not registered for (RFC 8707).",
        "Add it: `oidc-server clients update CLIENT_ID --resource URI`.",
    )

    # The person
    CREDENTIALS_WRONG = (
        "credentials_wrong",
        "No such account, or the password is wrong. The caller sees one answer for both.",
        "Reset the password if the person asks for it.",
    )
    USER_SUSPENDED = (
        "user_suspended",
        "The account is suspended.",
        "Activate it with `oidc-server users activate USER` if that is wanted.",
    )
    USER_LOCKED = (
        "user_locked",
        "The account is locked for a time.",
        "Wait, or end the lock with `oidc-server users activate USER`.",
    )
    USER_GONE = ("user_gone", "The account does not exist any more.", "Nothing: its grants died with it.")
    PASSWORD_CHANGED = (
        "password_changed",
        "The password changed while it was being checked.",
        "Sign in again with the new one.",
    )
    LOGIN_THROTTLED = (
        "login_throttled",
        "Too many failed sign-ins for this account from this address, or from this address altogether.",
        "Wait as long as Retry-After says; other addresses are not affected.",
    )
    SECOND_FACTOR_REQUIRED = (
        "second_factor_required",
        "The account needs a second factor, which this grant cannot ask for.",
        "Sign in where the second factor can be asked for.",
    )
    HASHING_BUSY = (
        "hashing_busy",
        "More passwords arrived than the server can check at once.",
        "Wait as long as Retry-After says; add workers, or look for an attack in the log.",
    )

    # Tokens
    TOKEN_MALFORMED = ("token_malformed", "The text is not a token of this server.", "Send the token unaltered.")
    TOKEN_SIGNATURE_INVALID = (
        "token_signature_invalid",
        "The signature, the algorithm or the type of the token is not right.",
        "Look at where the token comes from: `oidc-server token inspect`.",
    )
    TOKEN_KEY_UNKNOWN = (
        "token_key_unknown",
        "The token names a key that is not published: it was removed, revoked, or never ours.",
        "Get a new token. `oidc-server keys list` shows the keys.",
    )
    TOKEN_CLAIMS_INVALID = (
        "token_claims_invalid",
        "A claim is missing, of the wrong type, or not ours (issuer, audience, time).",
        "`oidc-server token inspect` names the claim.",
    )
    TOKEN_EXPIRED = ("token_expired", "The token's time is over.", "Get a new token.")
    TOKEN_REVOKED = ("token_revoked", "The token itself was revoked.", "Get a new token.")
    TOKEN_OF_ANOTHER_CLIENT = (
        "token_of_another_client",
        "The token was issued to another client.",
        "Use the client that the token was issued to. A client with the scope tokens:read may introspect every access "
        "token.",
    )
    AUTHORIZATION_REVOKED = (
        "authorization_revoked",
        "The authorization behind the token was revoked: logout, replay, suspension or withdrawal.",
        "The person signs in again. The audit log says who ended it and why.",
    )
    AUTHORIZATION_EXPIRED = (
        "authorization_expired",
        "The authorization reached its absolute end.",
        "The person signs in again.",
    )
    EPOCH_OVER = (
        "epoch_over",
        "It was issued before the present epoch began, by `oidc-server db begin-epoch`.",
        "The person signs in again; a client gets a new token.",
    )
    REFRESH_TOKEN_UNKNOWN = (
        "refresh_token_unknown",
        "No refresh token has this value.",
        "It may have been swept after its end, altered on the way, or belong to another deployment.",
    )
    REFRESH_TOKEN_EXPIRED = (
        "refresh_token_expired",
        "The refresh token was not used for longer than OIDC_REFRESH_TOKEN_IDLE_LIFETIME.",
        "The person signs in again.",
    )
    REFRESH_TOKEN_SUPERSEDED = (
        "refresh_token_superseded",
        "An older refresh token came back inside the grace window after its successor was used, or asked for another "
        "scope or resource than the first time. Nothing was revoked.",
        "Let one process of the client refresh at a time; keep the newest token.",
    )
    REFRESH_TOKEN_REPLAYED = (
        "refresh_token_replayed",
        "A used refresh token came back after the grace window: two parties hold it. The authorization was revoked.",
        "Find out where the token leaked. The person signs in again.",
    )

    # The server
    NO_SIGNING_KEY = (
        "no_signing_key",
        "No key may sign at this moment: the signer was revoked and its successor is being published.",
        "Wait a few seconds. If it lasts: `oidc-server doctor`.",
    )
    KEY_STORE_UNREADABLE = (
        "key_store_unreadable",
        "The key store could not be read for so long that signing would no longer be safe.",
        "Mend the store; `oidc-server doctor` names what is wrong.",
    )
    DATABASE_UNAVAILABLE = (
        "database_unavailable",
        "The database did not answer, or not in time.",
        "Look at the database; the server recovers by itself.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        "A fault of the server. The log line with this error_id carries the traceback.",
        "Report it.",
    )


class Refusal(Exception):
    """Something was refused, for a :class:`Reason` that is logged and a ``status`` that is sent.

    ``detail`` goes to the log only. ``retry_after`` is in seconds."""

    status = 400

    def __init__(self, reason: Reason, detail: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(reason.value if detail is None else f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


class Unavailable(Refusal):
    """The server cannot do this now, and says when to try again (RFC 9110 §15.6.4)."""

    status = 503

    def __init__(self, reason: Reason, detail: str | None = None, *, retry_after: int = 2) -> None:
        super().__init__(reason, detail, retry_after=retry_after)


class Throttled(Refusal):
    """Too many attempts (RFC 6585 §4)."""

    status = 429
