"""How the pages look on which a second factor is set up: the choice of its kind, the form that begins, and the one that
finishes. What begins it is shown in the answer to the form that did, and never again (attack M14)."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from oidc_server.accounts.addresses import ACCOUNT_SECURITY_ADD
from oidc_server.accounts.factor_words import KIND_HINTS, KIND_WORDS
from oidc_server.accounts.pages.account.factors import allowed_kinds
from oidc_server.accounts.pages.account.frame import account_page
from oidc_server.accounts.pages.factor_forms import BeginForm, BeginSmsForm, CodeForm, CredentialForm
from oidc_server.mfa.enrolment import Setup
from oidc_server.mfa.kinds import KINDS, FactorKind
from oidc_server.pages import forms
from oidc_server.pages.addresses import address
from oidc_server.sessions.browser import BrowserSession

SENT = frozenset({FactorKind.SMS, FactorKind.EMAIL})


def choice_page(login: BrowserSession) -> Response:
    """The kinds that the person may choose from."""
    allowed = allowed_kinds(login)
    kinds = [(kind.value, KIND_WORDS[kind], KIND_HINTS[kind]) for kind in KINDS if kind in allowed]
    return account_page("account_security_add", login, kinds=kinds)


def begin_form(kind: FactorKind | None) -> type[BeginForm]:
    """The form that begins to set one up."""
    return BeginSmsForm if kind is FactorKind.SMS else BeginForm


def begin_purpose(login: BrowserSession, kind: FactorKind | None) -> str:
    """What that form is for."""
    return f"set up {kind} {login.id}"


def begin_page(
    login: BrowserSession,
    kind: FactorKind,
    form: BeginForm | None = None,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Response:
    """The form, with what is wrong with it."""
    form = form or forms.show(begin_form(kind), begin_purpose(login, kind))
    return account_page(
        "account_security_begin", login, status=status, kind=kind.value, title=KIND_WORDS[kind], form=form,
        problem=problem,
    )  # fmt: skip


def confirm_form(kind: FactorKind) -> type[CodeForm | CredentialForm]:
    """The form that finishes it."""
    return CredentialForm if kind is FactorKind.WEBAUTHN else CodeForm


def confirm_purpose(login: BrowserSession, method_id: uuid.UUID) -> str:
    """What that form is for: this one method, in this session."""
    return f"confirm {method_id} {login.id}"


def confirm_page(
    login: BrowserSession,
    kind: FactorKind,
    method_id: uuid.UUID,
    *,
    setup: Setup | None = None,
    form: Any = None,
    status: int = 200,
    **said: str,
) -> Response:
    """The form that finishes it. Without a ``setup`` only the code is asked for once more: the secret stays hidden."""
    form = form or forms.show(confirm_form(kind), confirm_purpose(login, method_id))
    return account_page(
        "account_security_confirm", login, status=status, kind=kind.value, title=KIND_WORDS[kind], form=form,
        method_id=method_id, setup=setup, passkey_options=None if setup is None else setup.creation_options,
        sent=kind in SENT, problem=said.get("problem"), sent_again=said.get("sent_again"),
        begin_again=address(ACCOUNT_SECURITY_ADD, kind=kind.value), scripts=kind is FactorKind.WEBAUTHN,
    )  # fmt: skip
