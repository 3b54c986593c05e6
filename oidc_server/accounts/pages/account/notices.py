"""What was done, said once on the page that comes after a form: kept by the browser meanwhile, so that no link can make
a page say it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from flask import Response, request

from oidc_server.pages import cookies
from oidc_server.pages.addresses import address
from oidc_server.pages.languages import lazy_gettext
from oidc_server.pages.rendering import see_other

_KEPT_FOR = timedelta(minutes=1)


class Notice(StrEnum):
    """What can be said."""

    PROFILE_SAVED = "profile-saved"
    EMAIL_ASKED = "email-asked"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a name
    SESSION_ENDED = "session-ended"
    OTHERS_ENDED = "others-ended"
    SESSION_GONE = "session-gone"
    APP_WITHDRAWN = "app-withdrawn"
    APP_GONE = "app-gone"
    EMAIL_CONFIRMED = "email-confirmed"
    EMAIL_CHANGED = "email-changed"
    PASSWORD_SET = "password-set"  # noqa: S105 - a name
    FACTOR_ADDED = "factor-added"
    FACTOR_RENAMED = "factor-renamed"
    FACTOR_FIRST = "factor-first"
    FACTOR_REMOVED = "factor-removed"
    FACTOR_GONE = "factor-gone"
    BROWSER_FORGOTTEN = "browser-forgotten"
    BROWSERS_FORGOTTEN = "browsers-forgotten"
    PASSKEY_REFUSED = "passkey-refused"
    CODE_SENT = "code-sent"
    SIGN_IN_OVER = "sign-in-over"


_WORDS = {
    Notice.PROFILE_SAVED: lazy_gettext("Your profile is saved."),
    Notice.EMAIL_ASKED: lazy_gettext("If this address can be used, a mail with a link is on its way to it."),
    Notice.PASSWORD_CHANGED: lazy_gettext("Your password is changed. You are signed out everywhere else."),
    Notice.SESSION_ENDED: lazy_gettext("That device is signed out."),
    Notice.OTHERS_ENDED: lazy_gettext("All other devices are signed out."),
    Notice.SESSION_GONE: lazy_gettext("There is no such device any more."),
    Notice.APP_WITHDRAWN: lazy_gettext("The app has no access any more."),
    Notice.APP_GONE: lazy_gettext("There is no such app any more."),
    Notice.EMAIL_CONFIRMED: lazy_gettext("Your email address is confirmed."),
    Notice.EMAIL_CHANGED: lazy_gettext("Your email address is changed. A mail to the former one says so."),
    Notice.PASSWORD_SET: lazy_gettext("Your new password is set. Sign in with it."),
    Notice.FACTOR_ADDED: lazy_gettext("The second factor is set up."),
    Notice.FACTOR_RENAMED: lazy_gettext("The name is changed."),
    Notice.FACTOR_FIRST: lazy_gettext("This second factor is asked for first from now on."),
    Notice.FACTOR_REMOVED: lazy_gettext("The second factor is removed."),
    Notice.FACTOR_GONE: lazy_gettext("There is no such second factor any more."),
    Notice.BROWSER_FORGOTTEN: lazy_gettext("That browser is trusted no more."),
    Notice.BROWSERS_FORGOTTEN: lazy_gettext("No browser is trusted any more."),
    Notice.PASSKEY_REFUSED: lazy_gettext(
        "You could not be signed in with this passkey. Try again, or sign in with your password."
    ),
    Notice.CODE_SENT: lazy_gettext("A code is on its way. Any code before it is void."),
    Notice.SIGN_IN_OVER: lazy_gettext("That took too long, or was finished elsewhere. Sign in again."),
}


def done(path: str, notice: Notice, **query: str) -> Response:
    """Send the browser to a page of ours, which says what was done."""
    response = see_other(address(path, **query))
    cookies.current_cookies().set(response, cookies.NOTICE, notice.value, _KEPT_FOR)
    return response


def notice_to_show() -> str | None:
    """The words that the page of this request has to say, in its language."""
    kept = cookies.current_cookies().get(request, cookies.NOTICE)
    return str(_WORDS[Notice(kept)]) if kept in set(Notice) else None


def end_notice(response: Response) -> None:
    """It was said."""
    jar = cookies.current_cookies()
    if jar.get(request, cookies.NOTICE) is not None:
        jar.end(response, cookies.NOTICE)
