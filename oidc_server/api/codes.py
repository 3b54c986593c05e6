"""Every ``code`` of the JSON API's refusals (RFC 9457 §3.2), with its status and what it says to the caller.

Codes are stable: programs may rely on them. ``docs/error-codes.md`` is generated from this list."""

from __future__ import annotations

from enum import StrEnum

from oidc_server.core.errors import Reason


class Code(StrEnum):
    """What kind of refusal it is; ``status`` is the HTTP status, ``detail`` the sentence that is sent along."""

    status: int
    detail: str

    def __new__(cls, name: str, status: int, detail: str) -> Code:
        member = str.__new__(cls, name)
        member._value_ = name
        member.status = status
        member.detail = detail
        return member

    # The request
    BAD_REQUEST = ("bad_request", 400, "The request is not one that the server can read.")
    INVALID_JSON = ("invalid_json", 400, "The body is not one JSON text in UTF-8, or an object names a member twice.")
    INVALID_QUERY = ("invalid_query", 400, "Parameters of the query are not as documented; `errors` names each.")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported_media_type", 415, "The body has to be `application/json`.")
    CONTENT_TOO_LARGE = ("content_too_large", 413, "The body is larger than the server takes.")
    VALIDATION_FAILED = ("validation_failed", 422, "Members of the body are not as documented; `errors` names each.")
    NOT_FOUND = ("not_found", 404, "There is nothing here, or nothing that this caller may know of.")
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        405,
        "This address does not take the method; `Allow` names those it does.",
    )
    TOO_MANY_REQUESTS = (
        "too_many_requests",
        429,
        "There were too many attempts. `Retry-After` says when to try again.",
    )

    # Who asks
    UNAUTHORIZED = ("unauthorized", 401, "An access token is needed, and none that is good was sent.")
    INSUFFICIENT_USER_AUTHENTICATION = (
        "insufficient_user_authentication", 401,
        "This needs a person who has signed in within the last ten minutes, with the second factor if they have one:"
        " sign in again, or give the factor at `/mfa/verify` (RFC 9470).",
    )  # fmt: skip
    CREDENTIALS_WRONG = ("credentials_wrong", 401, "The name or the password is wrong.")
    REFRESH_TOKEN_INVALID = ("refresh_token_invalid", 401, "The refresh token is not good any more: sign in again.")
    MFA_REQUIRED = (
        "mfa_required", 403, "A second factor is needed; `mfa_token` is for `/mfa/challenge` and `/mfa/verify`."
    )  # fmt: skip
    MFA_ENROLMENT_REQUIRED = (
        "mfa_enrolment_required", 403,
        "The person has to set up a second factor first; `enrol_at` is the page on which they can.",
    )  # fmt: skip
    MFA_TOKEN_INVALID = ("mfa_token_invalid", 401, "The `mfa_token` is not good any more: sign in again.")
    EMAIL_NOT_VERIFIED = ("email_not_verified", 403, "The email address has to be confirmed first.")
    NOT_FIRST_PARTY = ("not_first_party", 403, "The token was issued to an app that may not manage accounts.")
    INSUFFICIENT_SCOPE = ("insufficient_scope", 403, "The token or key does not have the scope that this needs.")
    FORBIDDEN = ("forbidden", 403, "The caller does not have the permission that this needs.")

    # Accounts
    REGISTRATION_CLOSED = ("registration_closed", 403, "Nobody can register here.")
    USERNAME_TAKEN = ("username_taken", 409, "Another account has this username.")
    EMAIL_TAKEN = ("email_taken", 409, "Another account has this email address.")
    OWN_ACCOUNT = ("own_account", 409, "An admin cannot do this to their own account; another one can.")
    LAST_ADMIN = ("last_admin", 409, "This would leave nobody who may administer accounts.")
    PASSWORD_WRONG = ("password_wrong", 422, "The current password is wrong.")
    PASSWORD_REFUSED = ("password_refused", 422, "This password may not be used; `errors` says why.")
    API_KEY_ENDED = ("api_key_ended", 409, "The key was revoked, or has expired and was given no new end.")
    SECOND_FACTOR_WRONG = (
        "second_factor_wrong", 422,
        "It is not right, too old, or used, or there were too many attempts. Wait a while, then use a new code.",
    )  # fmt: skip
    SECOND_FACTOR_LAST = ("second_factor_last", 409, "A second factor is demanded here, and this is the last one.")
    SECOND_FACTOR_NOT_ALLOWED = ("second_factor_not_allowed", 422, "Second factors of this kind are not used here.")
    SECOND_FACTORS_TOO_MANY = ("second_factors_too_many", 409, "There are as many second factors as there can be.")
    PHONE_NUMBER_REFUSED = ("phone_number_refused", 422, "No text message can be sent to this number.")
    LINK_INVALID = ("link_invalid", 400, "The link is not good: it was used, is too old, or a newer one was sent.")

    # The server
    INTERNAL_SERVER_ERROR = ("internal_server_error", 500, "The server met a fault. Tell its operator the `error_id`.")
    SERVICE_UNAVAILABLE = ("service_unavailable", 503, "The server cannot do this now; `Retry-After` says when.")


# What a refusal of a service is to a caller of the JSON API; others are named by their status.
CODE_OF_REASON: dict[Reason, Code] = {
    Reason.CREDENTIALS_WRONG: Code.CREDENTIALS_WRONG,
    Reason.USER_SUSPENDED: Code.CREDENTIALS_WRONG,
    Reason.USER_LOCKED: Code.CREDENTIALS_WRONG,
    Reason.USER_GONE: Code.CREDENTIALS_WRONG,
    Reason.PASSWORD_CHANGED: Code.CREDENTIALS_WRONG,
    Reason.PENDING_LOGIN_GONE: Code.MFA_TOKEN_INVALID,
    Reason.SECOND_FACTOR_WRONG: Code.SECOND_FACTOR_WRONG,
    Reason.SECOND_FACTOR_THROTTLED: Code.SECOND_FACTOR_WRONG,
    Reason.PASSKEY_REFUSED: Code.SECOND_FACTOR_WRONG,
    Reason.SECOND_FACTOR_UNKNOWN: Code.NOT_FOUND,
    Reason.SECOND_FACTOR_KIND_NOT_ALLOWED: Code.SECOND_FACTOR_NOT_ALLOWED,
    Reason.SECOND_FACTOR_LAST: Code.SECOND_FACTOR_LAST,
    Reason.SECOND_FACTORS_TOO_MANY: Code.SECOND_FACTORS_TOO_MANY,
    Reason.PHONE_NUMBER_REFUSED: Code.PHONE_NUMBER_REFUSED,
    Reason.REFRESH_TOKEN_UNKNOWN: Code.REFRESH_TOKEN_INVALID,
    Reason.REFRESH_TOKEN_EXPIRED: Code.REFRESH_TOKEN_INVALID,
    Reason.REFRESH_TOKEN_SUPERSEDED: Code.REFRESH_TOKEN_INVALID,
    Reason.REFRESH_TOKEN_REPLAYED: Code.REFRESH_TOKEN_INVALID,
    Reason.TOKEN_OF_ANOTHER_CLIENT: Code.REFRESH_TOKEN_INVALID,
    Reason.AUTHORIZATION_REVOKED: Code.REFRESH_TOKEN_INVALID,
    Reason.AUTHORIZATION_EXPIRED: Code.REFRESH_TOKEN_INVALID,
    Reason.EPOCH_OVER: Code.REFRESH_TOKEN_INVALID,
    # A session from before a second factor was asked for; a login that owes one says so by a code of its own.
    Reason.SECOND_FACTOR_REQUIRED: Code.REFRESH_TOKEN_INVALID,
    Reason.SECOND_FACTOR_ENROLMENT_REQUIRED: Code.REFRESH_TOKEN_INVALID,
    Reason.CLIENT_DISABLED: Code.FORBIDDEN,
    Reason.SCOPE_NOT_ALLOWED: Code.INSUFFICIENT_SCOPE,
    Reason.USERNAME_TAKEN: Code.USERNAME_TAKEN,
    Reason.EMAIL_TAKEN: Code.EMAIL_TAKEN,
    Reason.PASSWORD_WRONG: Code.PASSWORD_WRONG,
    Reason.OWN_ACCOUNT: Code.OWN_ACCOUNT,
    Reason.LAST_ADMIN: Code.LAST_ADMIN,
    Reason.PASSWORD_REFUSED: Code.PASSWORD_REFUSED,
    Reason.LINK_UNKNOWN: Code.LINK_INVALID,
    Reason.LINK_SPENT: Code.LINK_INVALID,
    Reason.LINK_EXPIRED: Code.LINK_INVALID,
    Reason.LINK_CANCELLED: Code.LINK_INVALID,
    Reason.REGISTRATION_CLOSED: Code.REGISTRATION_CLOSED,
}
OF_STATUS: dict[int, Code] = {
    code.status: code
    for code in reversed(Code)
    if code in {
        Code.BAD_REQUEST, Code.UNAUTHORIZED, Code.FORBIDDEN, Code.NOT_FOUND, Code.METHOD_NOT_ALLOWED,
        Code.CONTENT_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.VALIDATION_FAILED, Code.TOO_MANY_REQUESTS,
        Code.INTERNAL_SERVER_ERROR, Code.SERVICE_UNAVAILABLE,
    }
}  # fmt: skip
