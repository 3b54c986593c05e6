"""``/sign-in/second-factor``: the second factor, from who has just given the password, and from who is signed in and
owes one for what they want to do (RFC 9470)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from wtforms import BooleanField, HiddenField, StringField
from wtforms.validators import Length

from oidc_server.accounts.addresses import SECOND_FACTOR
from oidc_server.accounts.pages.account.notices import Notice, done, end_notice, notice_to_show
from oidc_server.accounts.pages.blueprint import accounts
from oidc_server.accounts.pages.form_fields import TOO_LONG, told_to_wait
from oidc_server.accounts.pages.second_factor.finishing import finish
from oidc_server.accounts.pages.second_factor.leaving import OTHER, begin_again, lead_to, over
from oidc_server.accounts.pages.second_factor.visitor import Known, Visitor, visitor_here
from oidc_server.accounts.pages.second_factor.ways import Way, chosen_way, key_options, ways_of
from oidc_server.core.database import reading
from oidc_server.core.errors import Throttled
from oidc_server.core.http import client_address, note_refusal
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.pending import PendingLoginGone
from oidc_server.mfa.proof import FactorWrong, Given
from oidc_server.mfa.proving import prove_factor
from oidc_server.mfa.sent_codes import send_code
from oidc_server.pages import forms
from oidc_server.pages.languages import gettext, lazy_gettext, length_of_time
from oidc_server.pages.rendering import render
from oidc_server.protocol.server import current_server

SEND = "send"
_CHARACTERS = 100  # of what is typed: what is a code is for the service to say


class FactorForm(forms.PageForm):
    """A code, or what an authenticator has answered; and whether this browser is trusted from now on."""

    code = StringField(lazy_gettext("Code"), [Length(max=_CHARACTERS, message=TOO_LONG)])
    credential = HiddenField()
    trust = BooleanField()


@dataclass(frozen=True)
class Page:
    """What one request shows: to whom, and in which ways they can give the factor; ``keys`` is what their browser asks
    a security key."""

    visitor: Visitor
    known: Known
    ways: list[Way]
    way: Way | None
    keys: dict[str, Any] | None

    @property
    def purpose(self) -> str:
        """That of its forms."""
        return f"second factor {self.known.bound_to}"

    def address(self, way: Way, **query: str) -> str:
        """Where a browser finds it with this way chosen."""
        return self.visitor.destination.on_the_way(SECOND_FACTOR, method=way.key, **query)


@accounts.get(SECOND_FACTOR)
def show_second_factor() -> Response:
    """One way to give it, and links to the others. Nothing is sent by opening a page."""
    page = _opened()
    return page if isinstance(page, Response) else _shown(page, forms.show(FactorForm, page.purpose))


@accounts.post(SECOND_FACTOR)
def answer_second_factor() -> Response:
    """Have a code sent, give the factor, or begin again as somebody else."""
    page = _opened()
    if isinstance(page, Response):
        return page
    form = forms.read(FactorForm, page.purpose, request.form)
    answer = request.form.get("answer")
    if answer == OTHER:
        return begin_again(page.visitor)
    if page.way is None:
        return _shown(page, form, status=422)
    if answer == SEND and page.way.is_sent:
        return _send(page, page.way)
    return _give(page, page.way, form)


def _opened() -> Page | Response:
    """The page, or the way to the one that the visitor belongs on."""
    with reading() as session:
        visitor = visitor_here(session)
        known, elsewhere = visitor.known, visitor.elsewhere(SECOND_FACTOR)
        if known is not None and elsewhere is None:
            ways = ways_of(session, visitor, known)
            way = chosen_way(ways)
            asks_key = way is not None and way.kind is FactorKind.WEBAUTHN
            return Page(visitor, known, ways, way, key_options(session, known) if asks_key else None)
    return lead_to(visitor, elsewhere)


def _send(page: Page, way: Way) -> Response:
    """The delay between two codes grows; until it is over the page says how long it is (attack M23)."""
    assert way.method_id is not None  # noqa: S101 - what is sent belongs to a method
    try:
        send_code(
            current_server().factors, page.known.user.id, way.method_id, bound_to=page.known.bound_to,
            address=client_address(),
        )  # fmt: skip
    except Throttled as refusal:
        form = forms.show(FactorForm, page.purpose)
        return told_to_wait(refusal, lambda problem: _shown(page, form, status=429, problem=problem))
    return done(SECOND_FACTOR, Notice.CODE_SENT, **page.visitor.destination.named, method=way.key, sent="yes")


def _give(page: Page, way: Way, form: FactorForm) -> Response:
    if not form.validate():
        return _shown(page, form, status=422)
    known, given = page.known, Given(way.method_id, code=form.code.data or "", credential=form.credential.data or "")
    try:
        proof = prove_factor(
            current_server().factors, known.user.id, given, bound_to=known.bound_to, kinds=page.visitor.demand.kinds,
            address=client_address(), known_device=known.device,
        )  # fmt: skip
        finished = finish(known, proof.amr, trusting=bool(form.trust.data and page.visitor.trust))
    except FactorWrong as refusal:  # too often, too old, used, wrong: told alike (attack M10)
        note_refusal(refusal)
        return _wrong(page, way, form)
    except PendingLoginGone as refusal:
        note_refusal(refusal)
        return over(page.visitor)
    response = page.visitor.destination.go_on()
    finished.keep(response)
    return response


def _wrong(page: Page, way: Way, form: FactorForm) -> Response:
    if way.kind is FactorKind.WEBAUTHN:
        problem = gettext("That did not work. Try it once more, or choose another way.")
        return _shown(page, form, status=422, problem=problem)
    form.code.errors = [
        gettext("This is not right: mistyped, too old, or used before. Take a new code; after several attempts, wait.")
    ]
    return _shown(page, form, status=422)


def _shown(page: Page, form: FactorForm, *, status: int = 200, problem: str | None = None) -> Response:
    """What was typed is not shown again: codes are good once."""
    way, destination = page.way, page.visitor.destination
    trust = page.visitor.trust
    response = render(
        "accounts/second_factor.html", status=status, form=form, problem=problem, notice=notice_to_show(),
        client=destination.client, way=way, passkey_options=page.keys, scripts=page.keys is not None,
        others=[(page.address(other), other.name) for other in page.ways if other != way],
        asks_to_send=way is not None and way.is_sent and "sent" not in request.args,
        trust_for=length_of_time(trust.total_seconds()) if trust else None, pending=page.known.pending is not None,
        form_action=destination.form_action,
    )  # fmt: skip
    end_notice(response)
    return response
