"""``/sign-in/enrol``: the first second factor, from whoever owes one on the way in, or will when a grace is over.
Nobody gets in by it who does not finish it (attack M14)."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request

from oidc_server.accounts.addresses import ENROL
from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.accounts.pages.factor_forms import BeginSmsForm, CodeForm, CredentialForm
from oidc_server.accounts.pages.form_fields import told_to_wait
from oidc_server.accounts.pages.second_factor.enrol_pages import (
    BeginForm,
    Enrolment,
    choice_page,
    codes_page,
    confirm_page,
    phone_page,
)
from oidc_server.accounts.pages.second_factor.finishing import finish
from oidc_server.accounts.pages.second_factor.leaving import OTHER, begin_again, lead_to, over
from oidc_server.accounts.pages.second_factor.visitor import visitor_here
from oidc_server.core.database import reading
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.core.identity import parse_id
from oidc_server.mfa.enrolment import TooManyMethods, begin_enrolment, confirm_enrolment
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.methods import MethodUnknown
from oidc_server.mfa.pending import PendingLoginGone
from oidc_server.mfa.phone_numbers import PhoneNumberRefused
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.sent_codes import send_code
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext
from oidc_server.protocol.server import current_server

SEND = "send"


@accounts.get(ENROL)
def show_enrolment() -> Response:
    """The kinds to choose from."""
    page = _opened()
    return page if isinstance(page, Response) else choice_page(page)


@accounts.post(ENROL)
def enrol() -> Response:
    """Begin with a kind, or go on with what was begun: then the form names its method."""
    page = _opened()
    if isinstance(page, Response):
        return page
    kind = next((kind for kind in page.kinds if kind.value == request.form.get("factor")), None)
    if kind is None:
        forms.read(BeginForm, page.begin_purpose, request.form)
        if request.form.get("answer") == OTHER:
            return begin_again(page.visitor)
        raise forms.FormRefused(Reason.SECOND_FACTOR_KIND_NOT_ALLOWED)
    if "method" in request.form:
        return _go_on(page, kind, parse_id(request.form["method"]))
    return _begin(page, kind)


def _opened() -> Enrolment | Response:
    with reading() as session:
        visitor = visitor_here(session)
        known, elsewhere = visitor.known, visitor.elsewhere(ENROL)
    if known is None or elsewhere is not None:
        return lead_to(visitor, elsewhere)
    return Enrolment(visitor, known)


def _begin(page: Enrolment, kind: FactorKind) -> Response:
    if kind is FactorKind.SMS:
        return _begin_by_sms(page)
    forms.read(BeginForm, page.begin_purpose, request.form)
    return _set_up(page, kind)


def _begin_by_sms(page: Enrolment) -> Response:
    form = forms.read(BeginSmsForm, page.begin_purpose, request.form)
    if "phone_number" not in request.form:  # the kind was only chosen
        return phone_page(page, forms.show(BeginSmsForm, page.begin_purpose))
    if not form.validate():
        return phone_page(page, form, status=422)
    try:
        return _set_up(page, FactorKind.SMS, form.phone_number.data)
    except PhoneNumberRefused as refusal:
        note_refusal(refusal)
        words = gettext("No text message can be sent to this number. Enter that of a mobile phone.")
        form.phone_number.errors = [words]
        return phone_page(page, form, status=422)


def _set_up(page: Enrolment, kind: FactorKind, phone_number: str | None = None) -> Response:
    """What is shown of it is shown in this answer only: a page that is loaded again begins anew."""
    try:
        setup = begin_enrolment(
            current_server().factors, page.known.user.id, kind, name=None, phone_number=phone_number,
            bound_to=page.known.bound_to, address=client_address(), kinds=page.visitor.demand.kinds,
        )  # fmt: skip
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: choice_page(page, status=429, problem=problem))
    except TooManyMethods as refusal:  # another tab was faster
        note_refusal(refusal)
        return choice_page(page, status=refusal.status, problem=gettext("You have set this up already."))
    return confirm_page(page, kind, setup.method_id, setup=setup)


def _go_on(page: Enrolment, kind: FactorKind, method_id: uuid.UUID | None) -> Response:
    if method_id is None:
        raise forms.FormRefused(Reason.MALFORMED_REQUEST, "method")
    form_of_kind: Any = CredentialForm if kind is FactorKind.WEBAUTHN else CodeForm
    form = forms.read(form_of_kind, page.confirm_purpose(method_id), request.form)
    try:
        if request.form.get("answer") == SEND:
            return _send_again(page, kind, method_id)
        if not form.validate():
            return confirm_page(page, kind, method_id, form=form, status=422)
        return _confirm(page, method_id, form)
    except FactorWrong as refusal:
        note_refusal(refusal)
        return _not_good(page, kind, method_id, form)
    except (MethodUnknown, TooManyMethods) as refusal:
        note_refusal(refusal)
        problem = gettext("That took too long, or was begun once more elsewhere. Begin again.")
        return choice_page(page, status=422, problem=problem)
    except PendingLoginGone as refusal:
        note_refusal(refusal)
        return over(page.visitor)


def _send_again(page: Enrolment, kind: FactorKind, method_id: uuid.UUID) -> Response:
    """The code that was sent before is good for nothing from now on."""
    try:
        send_code(
            current_server().factors, page.known.user.id, method_id, bound_to=page.known.bound_to,
            address=client_address(),
        )  # fmt: skip
    except Throttled as refusal:
        return told_to_wait(refusal, lambda problem: confirm_page(page, kind, method_id, status=429, problem=problem))
    said = gettext("Another code is on its way. The one before is void.")
    return confirm_page(page, kind, method_id, said=said)


def _confirm(page: Enrolment, method_id: uuid.UUID, form: Any) -> Response:
    """To use it once proves it; by that the person has given a second factor."""
    known = page.known
    given = Given(method_id, **{field.name: field.data or "" for field in form if field.name != "csrf_token"})
    enrolled = confirm_enrolment(
        current_server().factors, known.user.id, method_id, given, amr=known.amr, bound_to=known.bound_to,
        address=client_address(), known_device=known.device,
    )  # fmt: skip
    finished = finish(known, enrolled.amr)
    codes = enrolled.recovery_codes
    response = codes_page(page, codes) if codes else page.visitor.destination.go_on()
    finished.keep(response)
    return response


def _not_good(page: Enrolment, kind: FactorKind, method_id: uuid.UUID, form: Any) -> Response:
    """Another try. An authenticator needs another challenge for it, so there it begins again."""
    if kind is FactorKind.WEBAUTHN:
        return choice_page(page, status=422, problem=gettext("That did not work. Try it once more."))
    form.code.errors = [gettext("The code is wrong or too old. Wait for the next one, and enter that.")]
    return confirm_page(page, kind, method_id, form=form, status=422)
