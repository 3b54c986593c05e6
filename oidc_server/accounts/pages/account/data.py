"""``/account/data``: everything that is held about a person, as a file for them to take along (GDPR Art. 15 and 20)."""

from __future__ import annotations

from flask import Response, request

from oidc_server.accounts.export import export_account
from oidc_server.accounts.pages.account.frame import account_page, own_page
from oidc_server.accounts.pages.own_pages import DATA
from oidc_server.api.answers import json_answer
from oidc_server.core import clock
from oidc_server.pages import forms
from oidc_server.sessions.browser import BrowserSession


class DataForm(forms.PageForm):
    """One button. It is a form, because it is recorded that the data were given out."""


@own_page(DATA, "GET")
def show_data(login: BrowserSession) -> Response:
    """What it is, and the button."""
    return account_page("account_data", login, form=forms.show(DataForm, _purpose(login)))


@own_page(DATA, "POST")
def download_data(login: BrowserSession) -> Response:
    """The same document as the JSON API gives."""
    forms.read(DataForm, _purpose(login), request.form)
    name = f"account-{clock.now():%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return json_answer(export_account(login.user_id), headers=headers)


def _purpose(login: BrowserSession) -> str:
    return f"data {login.id}"
