"""Refusals: what the caller may know, and the reason that only the admin sees.

A service raises an exception named for the fact; it carries a :class:`Reason`. The reason is logged with the
``error_id`` (the request id) and never sent; what is sent is rendered in one place per kind of endpoint."""

from __future__ import annotations

import tomllib
from enum import StrEnum, auto
from functools import cache
from pathlib import Path

_WORDS = Path(__file__).with_name("reasons.toml")


@cache
def _words() -> dict[str, dict[str, str]]:
    """What is said of each reason, read when somebody asks."""
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


class Reason(StrEnum):
    """Why something was refused. ``docs/reasons.md`` says what each means; the words are in ``reasons.toml``."""

    # The request itself
    MALFORMED_REQUEST = auto()
    REPEATED_PARAMETER = auto()
    PARAMETER_IN_QUERY = auto()
    WRONG_CONTENT_TYPE = auto()
    BODY_TOO_LARGE = auto()
    NOT_FOUND = auto()
    METHOD_NOT_ALLOWED = auto()
    BAD_HTTP_REQUEST = auto()

    # The authorization request
    REDIRECT_URI_UNKNOWN = auto()
    RESPONSE_TYPE_UNSUPPORTED = auto()
    RESPONSE_MODE_UNSUPPORTED = auto()
    REQUEST_OBJECT_UNSUPPORTED = auto()
    PKCE_MISSING = auto()
    PKCE_METHOD_UNSUPPORTED = auto()
    CHALLENGE_NOT_FRESH = auto()
    ID_TOKEN_HINT_INVALID = auto()
    PROMPT_OWED = auto()
    ACR_UNMET = auto()
    ACCESS_DENIED = auto()
    INTERACTION_GONE = auto()
    CSRF_TOKEN_WRONG = auto()
    COOKIES_MISSING = auto()

    # The client
    CLIENT_AUTHENTICATION_MISSING = auto()
    CLIENT_AUTHENTICATION_AMBIGUOUS = auto()
    CLIENT_UNKNOWN = auto()
    CLIENT_DISABLED = auto()
    SUBJECT_TYPE_CHANGED = auto()
    CLIENT_SECRET_WRONG = auto()
    CLIENT_METHOD_NOT_REGISTERED = auto()
    CLIENT_ASSERTION_INVALID = auto()
    CLIENT_ASSERTION_REPLAYED = auto()
    CLIENT_THROTTLED = auto()
    TOKEN_SCAN_THROTTLED = auto()
    GRANT_NOT_ALLOWED = auto()
    GRANT_UNKNOWN = auto()
    SCOPE_NOT_ALLOWED = auto()
    RESOURCE_UNKNOWN = auto()

    # The person
    CREDENTIALS_WRONG = auto()
    USER_SUSPENDED = auto()
    USER_LOCKED = auto()
    USER_GONE = auto()
    PASSWORD_CHANGED = auto()
    LOGIN_THROTTLED = auto()
    SECOND_FACTOR_REQUIRED = auto()
    SECOND_FACTOR_ENROLMENT_REQUIRED = auto()
    SECOND_FACTOR_WRONG = auto()
    SECOND_FACTOR_THROTTLED = auto()
    SECOND_FACTOR_UNKNOWN = auto()
    SECOND_FACTOR_KIND_NOT_ALLOWED = auto()
    SECOND_FACTOR_LAST = auto()
    SECOND_FACTORS_TOO_MANY = auto()
    PENDING_LOGIN_GONE = auto()
    PHONE_NUMBER_REFUSED = auto()
    CODE_SENDING_THROTTLED = auto()
    PASSKEY_REFUSED = auto()
    AUTHENTICATION_TOO_WEAK = auto()
    HASHING_BUSY = auto()
    PASSWORD_WRONG = auto()
    PASSWORD_REFUSED = auto()
    USERNAME_TAKEN = auto()
    EMAIL_TAKEN = auto()
    EMAIL_NOT_VERIFIED = auto()
    AUTHENTICATION_NOT_RECENT = auto()
    PERMISSION_MISSING = auto()
    OWN_ACCOUNT = auto()
    LAST_ADMIN = auto()
    REGISTRATION_CLOSED = auto()
    REGISTRATION_THROTTLED = auto()
    REGISTRANT_UNKNOWN = auto()
    MAIL_THROTTLED = auto()
    EMAIL_CHANGE_UNDONE = auto()
    ACCOUNT_CLOSED = auto()
    LINK_UNKNOWN = auto()
    LINK_SPENT = auto()
    LINK_EXPIRED = auto()
    LINK_CANCELLED = auto()

    # The caller of the JSON API
    CLIENT_NOT_FIRST_PARTY = auto()
    SCOPE_MISSING = auto()
    API_KEY_MISSING = auto()
    API_KEY_UNKNOWN = auto()
    API_KEY_EXPIRED = auto()
    API_KEY_REVOKED = auto()
    API_KEY_NETWORK = auto()
    API_KEY_THROTTLED = auto()

    # Tokens
    TOKEN_MALFORMED = auto()
    TOKEN_SIGNATURE_INVALID = auto()
    TOKEN_KEY_UNKNOWN = auto()
    TOKEN_CLAIMS_INVALID = auto()
    TOKEN_MISSING = auto()
    TOKEN_EXPIRED = auto()
    TOKEN_REVOKED = auto()
    TOKEN_OF_ANOTHER_CLIENT = auto()
    AUTHORIZATION_REVOKED = auto()
    AUTHORIZATION_EXPIRED = auto()
    EPOCH_OVER = auto()
    CODE_UNKNOWN = auto()
    CODE_EXPIRED = auto()
    CODE_REPLAYED = auto()
    REDIRECT_URI_MISMATCH = auto()
    CODE_VERIFIER_WRONG = auto()
    REFRESH_TOKEN_UNKNOWN = auto()
    REFRESH_TOKEN_EXPIRED = auto()
    REFRESH_TOKEN_SUPERSEDED = auto()
    REFRESH_TOKEN_REPLAYED = auto()

    # The server
    NO_SIGNING_KEY = auto()
    KEY_STORE_UNREADABLE = auto()
    DATABASE_UNAVAILABLE = auto()
    INTERNAL_ERROR = auto()

    @property
    def meaning(self) -> str:
        """What it says about the request."""
        return _words()[self.value]["meaning"]

    @property
    def mend(self) -> str:
        """What to do about it."""
        return _words()[self.value]["mend"]


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
