"""Every audit event, named ``noun.verb``; ``docs/audit-events.md`` is generated from this list."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """A security fact worth keeping. ``meaning`` says what happened, ``subject`` what kind of thing it happened to."""

    subject: str
    meaning: str

    def __new__(cls, name: str, subject: str, meaning: str) -> Event:
        member = str.__new__(cls, name)
        member._value_ = name
        member.subject = subject
        member.meaning = meaning
        return member

    KEY_GENERATED = ("key.generated", "key", "A signing key was made and announced.")
    KEY_ROTATED = ("key.rotated", "key", "A successor was scheduled to take over from the signing key.")
    KEY_ACTIVATED = ("key.activated", "key", "A key was told to take over signing.")
    KEY_REVOKED = ("key.revoked", "key", "A key left the JWKS at once; what it signed is refused.")
    KEY_PRUNED = ("key.pruned", "key", "A key whose last token has expired was deleted.")
    KEY_EXPORTED = ("key.exported", "key", "A private key was written out.")
    KEY_RESEALED = ("key.resealed", "key", "A key was sealed anew under the current master key.")

    CLIENT_CREATED = ("client.created", "client", "A client was registered.")
    CLIENT_UPDATED = ("client.updated", "client", "A client's metadata changed.")
    CLIENT_SECRET_ROTATED = ("client.secret_rotated", "client", "A client got a new secret; older ones got an end.")
    CLIENT_DISABLED = ("client.disabled", "client", "A client was disabled and its authorizations were revoked.")
    CLIENT_ENABLED = ("client.enabled", "client", "A disabled client was enabled again.")
    CLIENT_DELETED = ("client.deleted", "client", "A client was deleted with all that hung off it.")
    CLIENT_AUTHENTICATION_THROTTLED = (
        "client.authentication_throttled", "client", "Failed client authentications reached their limit."
    )  # fmt: skip
    CLIENT_ASSERTION_REPLAYED = ("client.assertion_replayed", "client", "A client assertion was used a second time.")

    USER_CREATED = ("user.created", "user", "An account was made.")
    USER_IMPORTED = ("user.imported", "user", "An account was brought over from another system, in a file.")
    USER_SUSPENDED = ("user.suspended", "user", "An account was suspended or locked; its sessions ended.")
    USER_ACTIVATED = ("user.activated", "user", "A suspended or locked account was activated.")
    USER_UNLOCKED = ("user.unlocked", "user", "A lock was ended before its time.")
    USER_SIGNED_OUT_EVERYWHERE = (
        "user.signed_out_everywhere", "user", "An admin ended every session of a person and all that apps were granted."
    )  # fmt: skip
    USER_INVITED = ("user.invited", "user", "A mail was sent whose link sets the first password of an account.")
    USER_INVITATION_ACCEPTED = (
        "user.invitation_accepted", "user", "A person set the first password of their account by the link of a mail."
    )  # fmt: skip
    USER_PROFILE_UPDATED = ("user.profile_updated", "user", "Members of a profile changed; no values are kept here.")
    USER_SIGNED_IN = ("user.signed_in", "user", "A person proved who they are, and a session began.")
    USER_SIGNED_OUT = ("user.signed_out", "user", "A person signed out, or an app did so for them; a session ended.")
    USER_SIGN_IN_FAILED = (
        "user.sign_in_failed",
        "user",
        "A sign-in failed; the subject is `unknown` when there is no such account.",
    )
    USER_SIGN_IN_THROTTLED = ("user.sign_in_throttled", "user", "Failed sign-ins reached their limit.")
    USER_PASSWORD_UPGRADED = ("user.password_upgraded", "user", "A password was hashed anew under the current scheme.")

    USER_REGISTERED = ("user.registered", "user", "A person made an account for themselves.")
    USER_REGISTRATION_REFUSED = (
        "user.registration_refused",
        "user",
        "Somebody tried to register an address that has an account; its owner was told.",
    )
    USER_EMAIL_VERIFIED = ("user.email_verified", "user", "A person proved that an email address is theirs.")
    USER_MAIL_REQUESTED = ("user.mail_requested", "user", "Somebody asked for a mail with a link, for this account.")
    USER_PASSWORD_CHANGED = ("user.password_changed", "user", "A person changed their password; other sessions ended.")
    USER_PASSWORD_RESET = (
        "user.password_reset",
        "user",
        "A password was set by a link; every session and grant ended.",
    )
    USER_EMAIL_CHANGE_REQUESTED = ("user.email_change_requested", "user", "A person asked for another email address.")
    USER_EMAIL_CHANGED = ("user.email_changed", "user", "An account's email address changed.")
    USER_EMAIL_CHANGE_UNDONE = (
        "user.email_change_undone", "user", "The owner of the address before took it back; every session ended."
    )  # fmt: skip
    USER_UPDATED = ("user.updated", "user", "An admin changed an account; the names of what changed are kept.")
    USER_SESSION_ENDED = ("user.session_ended", "user", "A session was ended from a list of sessions.")
    USER_CONSENT_WITHDRAWN = ("user.consent_withdrawn", "user", "A person took an app's access back.")
    USER_EXPORTED = ("user.exported", "user", "Everything that is held about a person was given out to them.")
    USER_CLOSED = ("user.closed", "user", "A person closed their account; it waits for its erasure.")
    USER_REOPENED = ("user.reopened", "user", "A person signed in to their closed account: it is open again.")
    USER_ERASED = ("user.erased", "user", "An account was erased. Its id remains here as a pseudonym.")

    MFA_METHOD_ADDED = ("mfa.method_added", "user", "A person set up a second factor; its kind and id are kept.")
    MFA_METHOD_REMOVED = ("mfa.method_removed", "user", "A second factor was removed; browsers are trusted no more.")
    MFA_RECOVERY_CODES_MADE = ("mfa.recovery_codes_made", "user", "Ten new recovery codes; those before are void.")
    MFA_RECOVERY_CODE_USED = ("mfa.recovery_code_used", "user", "A recovery code stood in for a second factor.")
    MFA_FAILED = ("mfa.failed", "user", "A second factor that was given was wrong, too old, or used before.")
    MFA_THROTTLED = ("mfa.throttled", "user", "Wrong second factors reached their limit; right ones are refused too.")
    MFA_CODE_SENT = ("mfa.code_sent", "user", "A code was asked for, by mail or SMS; the kind is kept.")
    MFA_STEPPED_UP = ("mfa.stepped_up", "user", "A second factor was given in a session that had begun without it.")
    MFA_RESET = ("mfa.reset", "user", "An admin removed all second factors; the person has to enrol one anew.")
    MFA_POLICY_CHANGED = ("mfa.policy_changed", "user", "An admin changed what is asked of this account.")
    MFA_DEVICE_TRUSTED = ("mfa.device_trusted", "user", "A browser needs no second factor for a while.")
    MFA_DEVICE_COPIED = (
        "mfa.device_copied", "user", "The cookie of a trusted browser came back after it was replaced: trust ended."
    )  # fmt: skip
    MFA_COUNTER_WENT_BACK = (
        "mfa.counter_went_back", "user", "The counter of a security key went back: it may have been copied."
    )  # fmt: skip

    API_KEY_CREATED = ("api_key.created", "api_key", "An API key was made.")
    API_KEY_ROTATED = ("api_key.rotated", "api_key", "An API key got a new secret; the one before got an end.")
    API_KEY_REVOKED = ("api_key.revoked", "api_key", "An API key was revoked.")

    EPOCH_BEGUN = ("epoch.begun", "epoch", "Every session, authorization and token from before was ended.")

    AUTHORIZATION_REVOKED = ("authorization.revoked", "authorization", "An authorization ended before its time.")
    CODE_REPLAYED = ("code.replayed", "authorization", "A used authorization code came back; its grant was ended.")
    CONSENT_GRANTED = ("consent.granted", "consent", "A person allowed a client something, and it is remembered.")
    REFRESH_TOKEN_REPLAYED = (
        "refresh_token.replayed", "authorization", "A used refresh token came back late: two parties hold it."
    )  # fmt: skip
    ACCESS_TOKEN_REVOKED = ("access_token.revoked", "access_token", "One access token was put on the deny list.")
