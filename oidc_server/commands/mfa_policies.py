"""A policy for second factors on the command line, of a client or of an account: in options, JSON and words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.options import Refused

if TYPE_CHECKING:
    from oidc_server.clients.service import Registration

_OPTIONS = (
    click.option(
        "--mfa", "level", metavar="off|optional|required",
        help="Who needs a second factor here. It can make OIDC_MFA stricter, and not laxer.",
    ),
    click.option(
        "--mfa-method", "methods", multiple=True, metavar="KIND",
        help="A kind of second factor that counts here: webauthn, totp, sms or email.",
    ),
    click.option(
        "--trusted-devices/--no-trusted-devices", "trusted_devices", default=None,
        help="Whether a browser that the person trusts stands in for the second factor here.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class PolicyOptions:
    """What the options say: None, or no methods, leave a member as it is, and what is given empty is taken away."""

    level: str | None
    methods: tuple[str, ...]
    trusted_devices: bool | None

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return self != PolicyOptions(None, (), None)

    def changed(self, stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """The policy that was stored, with what the options say; None when it says nothing any more."""
        from oidc_server.mfa.kinds import KINDS
        from oidc_server.mfa.policy import Level, stored_policy

        stored = stored or {}
        level = stored.get("level") if self.level is None else self.level or None
        methods = [kind for kind in self.methods if kind] if self.methods else stored.get("methods", ())
        trusted = stored.get("trusted_devices", True) if self.trusted_devices is None else self.trusted_devices
        if level is not None and level not in tuple(Level):
            raise Refused(f"A policy is one of {', '.join(Level)}, not {level!a}.")
        if unknown := [kind for kind in methods if kind not in KINDS]:
            raise Refused(f"Second factors are {', '.join(KINDS)}, not {unknown[0]!a}.")
        return stored_policy(level, methods, trusted)

    def onto(self, registration: Registration, stored: Mapping[str, Any] | None = None) -> Registration:
        """The registration of a client, of which ``stored`` is the policy so far, with what the options say."""
        policy = self.changed(stored) if self.given else None
        if policy is None and stored and self.given:
            return replace(registration, removed=registration.removed | {"mfa_policy"})
        return registration if policy is None else replace(registration, mfa_policy=policy)


def policy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for a policy; the command gets them as ``policy``."""

    @functools.wraps(function)
    def wrapper(
        *args: Any, level: str | None, methods: tuple[str, ...], trusted_devices: bool | None, **kwargs: Any
    ) -> Any:
        return function(*args, policy=PolicyOptions(level, methods, trusted_devices), **kwargs)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def words_about(policy: Mapping[str, Any] | None) -> list[str]:
    """What an operator should know about a policy that is not in it: that it cannot be kept as it is written."""
    from oidc_server.mfa.factors import current_second_factors
    from oidc_server.mfa.kinds import kinds_of
    from oidc_server.mfa.policy import Level

    here, policy = current_second_factors().policy, policy or {}
    sentences = []
    if policy.get("methods") and not kinds_of(policy["methods"]) & here.kinds:
        sentences.append("None of these kinds is used here, so all of OIDC_MFA_METHODS count.")
    if here.with_stored(policy).level != (level := Level(policy.get("level", here.level))):
        sentences.append(f"OIDC_MFA is {here.level}, which is stricter than {level} and counts.")
    return sentences
