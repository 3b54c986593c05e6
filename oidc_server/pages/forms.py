"""Forms that only a page of ours, shown in this very browser, can have sent (OWASP ASVS 3.5.1).

The token is a MAC over the browser's secret, what the form is for, and the hour; nothing is stored for it."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from flask import current_app, request
from werkzeug.datastructures import MultiDict
from wtforms import Form
from wtforms.csrf.core import CSRF

from oidc_server.core import clock, crypto
from oidc_server.core.errors import Reason, Refusal
from oidc_server.pages import cookies, languages

EXTENSION = "oidc_server.forms"
_HOUR = 3600
_HOURS_GOOD = 2  # the running one and the one before
AnyForm = TypeVar("AnyForm", bound="PageForm")


class FormRefused(Refusal):
    """The form did not come from our page in this browser."""

    status = 403


class BrowserCsrf(CSRF):
    """WTForms' place for such a token; what WTForms brings keeps it in a session of Flask's, which there is none of."""

    def setup_form(self, form: Any) -> Any:
        self._purpose = form.meta.purpose
        return super().setup_form(form)

    def generate_csrf_token(self, csrf_token_field: Any) -> str:
        secret = form_secret()
        return _token(_keys()[0], secret, self._purpose, _hour())

    def validate_csrf_token(self, form: Any, field: Any) -> None:
        """Nothing: :func:`read` refuses the whole request, because it is no mistake that a person could mend."""


class PageForm(Form):
    """A form of a page."""

    class Meta:
        csrf = True
        csrf_class = BrowserCsrf
        purpose = ""

        def get_translations(self, form: Any) -> Any:
            return languages.current_language().translations

    @property
    def attention(self) -> str:
        """The name of the field that a person comes to first: the first one that is wrong, or else the first of all."""
        names = [name for name in self._fields if name != "csrf_token"]
        return next((name for name in names if self[name].errors), names[0] if names else "")


def show(kind: type[AnyForm], purpose: str, **values: Any) -> AnyForm:
    """An empty form for a page; ``purpose`` says what it will do, and to what."""
    return kind(meta={"purpose": purpose}, data=values)


def read(kind: type[AnyForm], purpose: str, form: MultiDict[str, str]) -> AnyForm:
    """What was sent, not yet validated. Raises :class:`FormRefused` when it was not our page that sent it."""
    secret = cookies.browser_secret(request)
    if secret is None:
        raise FormRefused(Reason.COOKIES_MISSING)
    given = form.get("csrf_token", "")
    good = (_token(key, secret, purpose, _hour() - age) for key in _keys() for age in range(_HOURS_GOOD))
    if not any(_is(given, token) for token in good):
        raise FormRefused(Reason.CSRF_TOKEN_WRONG)
    return kind(form, meta={"purpose": purpose})


def form_secret() -> str:
    """The secret of the browser that the page is for, made now when it has none; rendering sets the cookie."""
    secret: str = request.environ.setdefault(EXTENSION, cookies.browser_secret(request) or crypto.new_secret())
    return secret


def _is(given: str, right: str) -> bool:
    return crypto.same(given.encode("utf-8", "surrogatepass"), right.encode())


def _hour() -> int:
    return math.floor(clock.seconds() / _HOUR)


def _keys() -> tuple[bytes, ...]:
    keys: tuple[bytes, ...] = current_app.extensions[EXTENSION]
    return keys


def _token(key: bytes, secret: str, purpose: str, hour: int) -> str:
    return crypto.urlsafe(crypto.keyed_digest(key, f"{secret}\n{hour}\n{purpose}"))
