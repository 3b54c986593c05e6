"""What the kinds of second factors are called, and what each asks of a person."""

from __future__ import annotations

from oidc_server.mfa.kinds import FactorKind
from oidc_server.pages.languages import LazyText, lazy_gettext

KIND_WORDS: dict[FactorKind, LazyText] = {
    FactorKind.WEBAUTHN: lazy_gettext("Passkey or security key"),
    FactorKind.TOTP: lazy_gettext("Authenticator app"),
    FactorKind.SMS: lazy_gettext("Text message"),
    FactorKind.EMAIL: lazy_gettext("Email"),
}
KIND_HINTS: dict[FactorKind, LazyText] = {
    FactorKind.WEBAUTHN: lazy_gettext(
        "Your fingerprint, face or PIN on this device, or a key that you plug in. The surest."
    ),
    FactorKind.TOTP: lazy_gettext("An app on your phone shows a new code every half minute."),
    FactorKind.SMS: lazy_gettext("A code is sent to your phone."),
    FactorKind.EMAIL: lazy_gettext("A code is sent to your email address."),
}
