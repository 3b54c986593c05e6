"""What the pages have in common to which the links of mails lead. To open one uses nothing up, so scanners and previews
do no harm (attack G12); and once the form is sent, no address holds the token any more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response, request

from oidc_server.accounts.pages.blueprint import SIGN_IN
from oidc_server.core.http import note_refusal
from oidc_server.pages import forms
from oidc_server.pages.addresses import address
from oidc_server.pages.rendering import render
from oidc_server.users.links import LinkRefused

View = Callable[[], Response]


class LinkForm(forms.PageForm):
    """One button; what it is about is in the token."""


def token_of_link() -> str:
    """The token: of the address that the mail leads to, or of the form that was sent from there."""
    return (request.form if request.method == "POST" else request.args).get("token", "")


def with_good_link(again: str | None) -> Callable[[View], View]:
    """A view that shows :func:`link_refused` when the link is not good."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded() -> Response:
            try:
                return view()
            except LinkRefused as refusal:
                return link_refused(refusal, again)

        return guarded

    return decorate


def link_refused(refusal: LinkRefused, again: str | None, account: str | None = None) -> Response:
    """The page for a link that is not good, whatever the reason; ``again`` is where to ask for a new mail, ``account``
    who is signed in, where that matters."""
    note_refusal(refusal)
    return render(
        "accounts/link_refused.html", status=refusal.status, account=account, sign_in=address(SIGN_IN),
        again=None if again is None else address(again),
    )  # fmt: skip
