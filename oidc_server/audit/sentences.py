"""Every event about a person, in a sentence for people: for themselves and for whoever looks after accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oidc_server.audit.catalogue import Event
from oidc_server.pages.languages import lazy_gettext

# A text for each event that a person can be concerned in; the language is that of the request.
SENTENCES: Mapping[Event, Any] = {
    Event.USER_CREATED: lazy_gettext("The account was made by an admin."),
    Event.USER_IMPORTED: lazy_gettext("The account was brought over from another system."),
    Event.USER_REGISTERED: lazy_gettext("The account was registered."),
    Event.USER_REGISTRATION_REFUSED: lazy_gettext("Somebody tried to register again with this email address."),
    Event.USER_SUSPENDED: lazy_gettext("The account was suspended or locked, and all sessions ended."),
    Event.USER_ACTIVATED: lazy_gettext("The account was activated again."),
    Event.USER_UNLOCKED: lazy_gettext("A lock on the account was ended early."),
    Event.USER_SIGNED_OUT_EVERYWHERE: lazy_gettext("An admin ended all sessions and the access of all apps."),
    Event.USER_INVITED: lazy_gettext("An invitation to the account was sent."),
    Event.USER_INVITATION_ACCEPTED: lazy_gettext("The invitation was accepted, and a password was set."),
    Event.USER_PROFILE_UPDATED: lazy_gettext("The profile was changed."),
    Event.USER_SIGNED_IN: lazy_gettext("Somebody signed in with the right credentials."),
    Event.USER_SIGNED_OUT: lazy_gettext("A session was ended by signing out."),
    Event.USER_SIGN_IN_FAILED: lazy_gettext("An attempt to sign in failed."),
    Event.USER_SIGN_IN_THROTTLED: lazy_gettext(
        "After too many attempts to sign in, further ones were refused for a while."
    ),
    Event.USER_PASSWORD_UPGRADED: lazy_gettext("The password is now stored in a newer form. It stayed the same."),
    Event.USER_EMAIL_VERIFIED: lazy_gettext("The email address was confirmed."),
    Event.USER_MAIL_REQUESTED: lazy_gettext("Somebody asked for a mail with a link for this account."),
    Event.USER_PASSWORD_CHANGED: lazy_gettext("The password was changed, and other sessions ended."),
    Event.USER_PASSWORD_RESET: lazy_gettext("A new password was set by a link, and all sessions ended."),
    Event.USER_EMAIL_CHANGE_REQUESTED: lazy_gettext("Another email address was asked for."),
    Event.USER_EMAIL_CHANGED: lazy_gettext("The email address was changed."),
    Event.USER_EMAIL_CHANGE_UNDONE: lazy_gettext(
        "A change of the email address was taken back, and all sessions ended."
    ),
    Event.USER_UPDATED: lazy_gettext("The account was changed."),
    Event.USER_SESSION_ENDED: lazy_gettext("A session was ended from the list of sessions."),
    Event.USER_CONSENT_WITHDRAWN: lazy_gettext("An app's access was taken back."),
    Event.USER_EXPORTED: lazy_gettext("Everything that is held about the account was downloaded."),
    Event.USER_CLOSED: lazy_gettext("The account was closed and waits to be erased."),
    Event.USER_REOPENED: lazy_gettext("Signing in opened the closed account again."),
    Event.USER_ERASED: lazy_gettext("The account was erased."),
    Event.MFA_METHOD_ADDED: lazy_gettext("A second factor was set up."),
    Event.MFA_METHOD_REMOVED: lazy_gettext("A second factor was removed, and no browser is trusted any more."),
    Event.MFA_RECOVERY_CODES_MADE: lazy_gettext("New recovery codes were made; those from before are void."),
    Event.MFA_RECOVERY_CODE_USED: lazy_gettext("A recovery code was used in place of a second factor."),
    Event.MFA_FAILED: lazy_gettext("The second factor that somebody gave was not right."),
    Event.MFA_THROTTLED: lazy_gettext("After too many wrong second factors, further ones were refused for a while."),
    Event.MFA_CODE_SENT: lazy_gettext("A code for signing in was sent."),
    Event.MFA_STEPPED_UP: lazy_gettext("The second factor was given once more in a session."),
    Event.MFA_RESET: lazy_gettext("An admin removed all second factors."),
    Event.MFA_POLICY_CHANGED: lazy_gettext("An admin changed which second factors are asked for."),
    Event.MFA_DEVICE_TRUSTED: lazy_gettext("A browser was trusted: for a while it needs no second factor."),
    Event.MFA_DEVICE_COPIED: lazy_gettext(
        "The trust in a browser ended, because what it keeps was used elsewhere too."
    ),
    Event.MFA_COUNTER_WENT_BACK: lazy_gettext("A security key was refused: it may have been copied."),
    Event.AUTHORIZATION_REVOKED: lazy_gettext("An app's access ended."),
    Event.CODE_REPLAYED: lazy_gettext("A sign-in code was used twice, so the access it gave was ended."),
    Event.CONSENT_GRANTED: lazy_gettext("An app was given access."),
    Event.REFRESH_TOKEN_REPLAYED: lazy_gettext("An app's access may have been stolen, so it was ended."),
    Event.ACCESS_TOKEN_REVOKED: lazy_gettext("One access token of an app was ended."),
}
_BY_NAME = {event.value: event for event in Event}


def sentence_of(event: str) -> str:
    """What happened, in the language of the request; for an event that is no person's, what the catalogue says of it.
    An event of another version of this server is told by its name."""
    known = _BY_NAME.get(event)
    return event if known is None else str(SENTENCES.get(known, known.meaning))
