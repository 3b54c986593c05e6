"""``/account/security/add``: setting up a second factor. Nothing of the account changes before it has been used once:
what is given up half-way leaves everything as it was (attack M14)."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request

from oidc_server.accounts.addresses import ACCOUNT_SECURITY
from oidc_server.accounts.pages.account.factors import allowed_kinds, bound_to, user_of
from oidc_server.accounts.pages.account.frame import own_page
from oidc_server.accounts.pages.account.notices import Notice, done
from oidc_server.accounts.pages.account.security_codes import new_codes_page
from oidc_server.accounts.pages.account.security_set_up import (
    SENT,
    begin_form,
    begin_page,
    begin_purpose,
    choice_page,
    confirm_form,
    confirm_page,
    confirm_purpose,
)
from oidc_server.accounts.pages.browser_login import raise_login
from oidc_server.accounts.pages.form_fields import told_to_wait
from oidc_server.accounts.pages.letting_in import known_device
from oidc_server.accounts.pages.own_pages import SECURITY_ADD
from oidc_server.core.database import reading, transaction
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.core.identity import parse_id
from oidc_server.mfa.enrolment import Enrolled, TooManyMethods, begin_enrolment, confirm_enrolment
from oidc_server.mfa.factors import current_second_factors
from oidc_server.mfa.kinds import FactorKind, amr_with, kind_given
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.phone_numbers import PhoneNumberRefused
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.sent_codes import send_code
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext
from oidc_server.sessions.assurance import ACR_MFA, AMR_PASSWORD, acr_of, level_of, reaches
from oidc_server.sessions.browser import BrowserSession


@own_page(SECURITY_ADD, "GET")
def show_set_up(login: BrowserSession) -> Response:
    """The kinds to choose from, or the form that begins with one of them."""
    kind = _asked_kind(login)
    return choice_page(login) if kind is None else begin_page(login, kind)


@own_page(SECURITY_ADD, "POST")
def set_up(login: BrowserSession) -> Response:
    """Begin or finish. A page that is loaded again begins anew."""
    kind = _asked_kind(login)
    if kind is not None and "method" in request.form:
        return _finish(login, kind, parse_id(request.form["method"]))
    form = forms.read(begin_form(kind), begin_purpose(login, kind), request.form)
    if kind is None:
        raise forms.FormRefused(Reason.SECOND_FACTOR_KIND_NOT_ALLOWED)
    if not form.validate():
        return begin_page(login, kind, form, status=422)
    return _begin(login, kind, form)


def _asked_kind(login: BrowserSession) -> FactorKind | None:
    """The kind that the address names, where it is one that may be set up."""
    return next((kind for kind in allowed_kinds(login) if kind.value == request.args.get("kind")), None)


def _begin(login: BrowserSession, kind: FactorKind, form: Any) -> Response:
    try:
        setup = begin_enrolment(
            current_second_factors(), login.user_id, kind, name=form.name.data,
            phone_number=form.phone_number.data if kind is FactorKind.SMS else None, bound_to=bound_to(login),
            address=client_address(), kinds=allowed_kinds(login),
        )  # fmt: skip
    except TooManyMethods as refusal:
        note_refusal(refusal)
        return begin_page(login, kind, form, status=refusal.status, problem=_too_many(kind))
    except PhoneNumberRefused as refusal:
        note_refusal(refusal)
        form.phone_number.errors = [gettext("No code can be sent to this number. Enter that of a mobile phone.")]
        return begin_page(login, kind, form, status=422)
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: begin_page(login, kind, form, status=429, problem=problem))
    return confirm_page(login, kind, setup.method_id, setup=setup)


def _finish(login: BrowserSession, kind: FactorKind, method_id: uuid.UUID | None) -> Response:
    """Try what was given, or send another code."""
    if method_id is None:
        raise forms.FormRefused(Reason.MALFORMED_REQUEST, "method")
    form: Any = forms.read(confirm_form(kind), confirm_purpose(login, method_id), request.form)
    try:
        if kind in SENT and "again" in request.form:
            return _send_again(login, kind, method_id)
        if not form.validate():
            return confirm_page(login, kind, method_id, form=form, status=422)
        return _done(login, _confirm(login, method_id, form))
    except FactorWrong as refusal:
        note_refusal(refusal)
        return _not_good(login, kind, method_id, form)
    except TooManyMethods as refusal:
        note_refusal(refusal)
        return begin_page(login, kind, status=refusal.status, problem=_too_many(kind))
    except (MethodUnknown, PhoneNumberRefused) as refusal:
        note_refusal(refusal)
        problem = gettext("That took too long, or was begun once more elsewhere. Begin again.")
        return begin_page(login, kind, status=422, problem=problem)


def _confirm(login: BrowserSession, method_id: uuid.UUID, form: Any) -> Enrolled:
    with reading() as session:
        device = known_device(user_of(session, login.user_id))
    given = Given(method_id, **{field.name: field.data or "" for field in form if field.name != "csrf_token"})
    return confirm_enrolment(
        current_second_factors(), login.user_id, method_id, given, amr=login.amr, bound_to=bound_to(login),
        address=client_address(), known_device=device,
    )  # fmt: skip


def _not_good(login: BrowserSession, kind: FactorKind, method_id: uuid.UUID, form: Any) -> Response:
    """Another try. An authenticator needs another challenge for it, so there it begins again."""
    if kind is FactorKind.WEBAUTHN:
        problem = gettext("That did not work. Try it once more.")
        return begin_page(login, kind, status=422, problem=problem)
    form.code.errors = [gettext("The code is wrong or too old. Wait for the next one, and enter that.")]
    form.code.data = ""
    return confirm_page(login, kind, method_id, form=form, status=422)


def _too_many(kind: FactorKind) -> str:
    if kind is FactorKind.EMAIL:
        return gettext("Codes go to your email address already.")
    return gettext("You have this one already, or as many as you can have. Remove one first.")


def _send_again(login: BrowserSession, kind: FactorKind, method_id: uuid.UUID) -> Response:
    """The code that was sent before is good for nothing from now on."""
    try:
        send_code(
            current_second_factors(), login.user_id, method_id, bound_to=bound_to(login), address=client_address()
        )
    except Throttled as refusal:
        return told_to_wait(
            refusal, lambda problem: confirm_page(login, kind, method_id, status=429, problem=problem)
        )  # fmt: skip
    said = gettext("Another code is on its way. The one before is void.")
    return confirm_page(login, kind, method_id, sent_again=said)


def _done(login: BrowserSession, enrolled: Enrolled) -> Response:
    """The session is worth more now, under a new secret (attack F01), so nobody is asked again for what they have just
    given."""
    with transaction() as session:
        renewed = raise_login(session, user_of(session, login.user_id), login, _amr_with(login, enrolled))
    if enrolled.recovery_codes:
        response = new_codes_page(login, enrolled.recovery_codes, added=True)
    else:
        response = done(ACCOUNT_SECURITY, Notice.FACTOR_ADDED)
    renewed.keep(response)
    return response


def _amr_with(login: BrowserSession, enrolled: Enrolled) -> list[str]:
    """What the session is worth now: what it was, where a factor that may be used here was given in it before that is
    as good as the new one."""
    raised = amr_with([value for value in login.amr if value == AMR_PASSWORD], enrolled.amr)
    good = reaches(login.acr, ACR_MFA) and kind_given(login.amr) in allowed_kinds(login)
    return login.amr if good and level_of(acr_of(raised)) <= level_of(login.acr) else raised
