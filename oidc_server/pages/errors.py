"""The error page: what happened, what to do about it, and the number under which the reason is in the log."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from flask import Response

from oidc_server.core import logs
from oidc_server.core.errors import Reason, Refusal
from oidc_server.core.http import request_id
from oidc_server.pages.languages import gettext, lazy_gettext
from oidc_server.pages.rendering import render

log = logs.get_logger()


class Words(NamedTuple):
    """What a page says of a refusal; each is translated when it is shown."""

    title: object
    explanation: object
    mend: object


_BEGIN_AGAIN = lazy_gettext("Go back to the app and begin again.")
_APP = Words(
    lazy_gettext("The app cannot be used"),
    lazy_gettext("The app that sent you here is not registered with this service, or has been switched off."),
    lazy_gettext("Tell the people who run the app. There is nothing that you can do here."),
)
_BY_REASON = {
    Reason.CLIENT_UNKNOWN: _APP,
    Reason.CLIENT_DISABLED: _APP,  # the same, so that nobody learns which it was
    Reason.REDIRECT_URI_UNKNOWN: Words(
        lazy_gettext("The app gave a wrong address"),
        lazy_gettext("The address to which the app wants you to be sent is not registered for it."),
        lazy_gettext("You were not sent there, for your safety. Tell the people who run the app."),
    ),
    Reason.COOKIES_MISSING: Words(
        lazy_gettext("This page needs cookies"),
        lazy_gettext("Your browser did not keep the cookie by which this service recognises it."),
        lazy_gettext("Allow cookies for this address. Then go back to the app and begin again."),
    ),
    Reason.INTERACTION_GONE: Words(
        lazy_gettext("This sign-in is over"),
        lazy_gettext("It was completed, took too long, or was begun in another browser."),
        _BEGIN_AGAIN,
    ),
    Reason.CSRF_TOKEN_WRONG: Words(
        lazy_gettext("This page was open for too long"),
        lazy_gettext("What you sent did not come from a current page of this service, so nothing was done."),
        lazy_gettext("Go back, load the page again, and send it once more."),
    ),
    Reason.REGISTRATION_CLOSED: Words(
        lazy_gettext("Nobody can register here"),
        lazy_gettext("Accounts are made by the people who run this service."),
        lazy_gettext("Ask them for one, or sign in if you have one."),
    ),
    Reason.ID_TOKEN_HINT_INVALID: Words(
        lazy_gettext("The app sent a wrong hint"),
        lazy_gettext("What the app sent along does not come from this service, or was not made for this app."),
        lazy_gettext("Tell the people who run the app."),
    ),
}
_WAIT = Words(
    lazy_gettext("Please wait a moment"),
    lazy_gettext("The service cannot do this right now."),
    lazy_gettext("Wait a minute, then load the page again."),
)
_BY_STATUS = {
    404: Words(
        lazy_gettext("There is no such page"),
        lazy_gettext("The address leads to nothing here."),
        lazy_gettext("Check the address, or go back."),
    ),
    413: Words(
        lazy_gettext("That was too much"),
        lazy_gettext("What was sent is larger than this service accepts."),
        lazy_gettext("Go back and send less."),
    ),
    429: _WAIT,
    503: _WAIT,
}
_FAULT = Words(
    lazy_gettext("Something went wrong"),
    lazy_gettext("The service met a fault. It has been written down."),
    lazy_gettext("Load the page again in a minute."),
)
_BAD_REQUEST = Words(
    lazy_gettext("The request cannot be answered"),
    lazy_gettext("The app, or your browser, sent something that this service does not understand."),
    _BEGIN_AGAIN,
)


def words_for(refusal: Refusal) -> Words:
    """What is said of a refusal: by its reason where a person can do something about it, otherwise by its status."""
    usual = _FAULT if refusal.status >= 500 else _BAD_REQUEST
    return _BY_REASON.get(refusal.reason) or _BY_STATUS.get(refusal.status) or usual


def render_error(refusal: Refusal) -> Response:
    """The page for a refusal. When a template of the deployment is broken it is ours, so that there is always one."""
    words = words_for(refusal)
    page = partial(
        render, "pages/error.html", status=refusal.status, title=words.title, explanation=words.explanation,
        mend=words.mend, tell=gettext("If it happens again, tell whoever runs this service this number:"),
    )  # fmt: skip
    try:
        return page()
    except Exception:  # whatever a template can raise
        log.exception("fault", error_id=request_id())
        return page(ours=True)
