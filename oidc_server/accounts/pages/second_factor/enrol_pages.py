"""How the pages look on which the first second factor is set up, on the way in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response

from oidc_server.accounts.addresses import ENROL
from oidc_server.accounts.factor_words import KIND_HINTS, KIND_WORDS
from oidc_server.accounts.pages.factor_forms import BeginSmsForm, CodeForm, CredentialForm
from oidc_server.accounts.pages.second_factor.visitor import Known, Visitor
from oidc_server.mfa.enrolment import Setup
from oidc_server.mfa.kinds import KINDS, FactorKind
from oidc_server.pages import forms
from oidc_server.pages.rendering import render

_SENT = frozenset({FactorKind.EMAIL, FactorKind.SMS})


class BeginForm(forms.PageForm):
    """One button for each kind."""


@dataclass(frozen=True)
class Enrolment:
    """Who sets one up, and where they go then."""

    visitor: Visitor
    known: Known

    @property
    def kinds(self) -> list[FactorKind]:
        """Those that help, the surest first."""
        return [kind for kind in KINDS if kind in self.visitor.demand.kinds]

    @property
    def begin_purpose(self) -> str:
        """That of the forms that begin."""
        return f"enrol {self.known.bound_to}"

    def confirm_purpose(self, method_id: uuid.UUID) -> str:
        """That of the form that finishes this one method."""
        return f"enrol {method_id} {self.known.bound_to}"

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page about it; in a grace it can be left for later."""
        demand, destination = self.visitor.demand, self.visitor.destination
        return render(
            f"accounts/{template}.html", status=status, client=destination.client, begin_again=self.address,
            due_at=None if demand else demand.due_at, leads_to=destination.leads_to,
            pending=self.known.pending is not None,
            form_action=destination.form_action, **values,
        )  # fmt: skip

    @property
    def address(self) -> str:
        """Where it begins."""
        return self.visitor.destination.on_the_way(ENROL)


def choice_page(page: Enrolment, *, status: int = 200, problem: str | None = None) -> Response:
    """The kinds to choose from."""
    kinds = [(kind.value, KIND_WORDS[kind], KIND_HINTS[kind]) for kind in page.kinds]
    return page.render(
        "enrol", status=status, problem=problem, kinds=kinds, form=forms.show(BeginForm, page.begin_purpose)
    )


def phone_page(page: Enrolment, form: BeginSmsForm, *, status: int = 200) -> Response:
    """The number to which text messages go."""
    return page.render("enrol_phone", status=status, form=form, title=KIND_WORDS[FactorKind.SMS])


def confirm_page(
    page: Enrolment,
    kind: FactorKind,
    method_id: uuid.UUID,
    *,
    setup: Setup | None = None,
    form: Any = None,
    status: int = 200,
    problem: str | None = None,
    said: str | None = None,
) -> Response:
    """The form that finishes it. Without a ``setup`` only the code is asked for once more: the secret stays hidden."""
    is_key = kind is FactorKind.WEBAUTHN
    if form is None:
        form = forms.show(CredentialForm if is_key else CodeForm, page.confirm_purpose(method_id))
    return page.render(
        "enrol_confirm", status=status, kind=kind.value, title=KIND_WORDS[kind], form=form, method_id=method_id,
        setup=setup, sent=kind in _SENT, problem=problem, said=said, scripts=is_key,
        passkey_options=None if setup is None else setup.creation_options,
    )  # fmt: skip


def codes_page(page: Enrolment, codes: Sequence[str]) -> Response:
    """The recovery codes, for this once."""
    return page.render("enrol_codes", codes=codes)
