"""How sure a sign-in is: the ``acr`` and ``amr`` of a session (OpenID Connect Core §2, RFC 8176, RFC 9470).

The levels stand one above the other, so what reaches a higher one reaches all below it."""

from __future__ import annotations

from collections.abc import Sequence

ACR_PASSWORD = "urn:oidc-server:acr:password"  # noqa: S105 - the name of an assurance level
# The password, in a browser where the second factor was given before and which the person trusts.
ACR_TRUSTED_DEVICE = "urn:oidc-server:acr:trusted-device"
ACR_MFA = "urn:oidc-server:acr:mfa"
# Two factors of which one cannot be passed on to a forged site: a passkey or a security key.
ACR_PHISHING_RESISTANT = "urn:oidc-server:acr:phishing-resistant"
ACR_VALUES = (ACR_PASSWORD, ACR_TRUSTED_DEVICE, ACR_MFA, ACR_PHISHING_RESISTANT)
_LEVELS = {acr: level for level, acr in enumerate(ACR_VALUES, start=1)}

AMR_PASSWORD = "pwd"  # noqa: S105 - a name of RFC 8176
AMR_SEVERAL_FACTORS = "mfa"
AMR_POSSESSION = "pop"
AMR_TRUSTED_DEVICE = "trusted_device"  # ours: RFC 8176 has no name for it


def level_of(acr: str | None) -> int:
    """The place of a level among the levels; 0 for what is none of ours."""
    return _LEVELS.get(acr or "", 0)


def reaches(acr: str | None, wanted: str) -> bool:
    """Whether a sign-in at ``acr`` is at least as sure as ``wanted``, which has to be a level of ours."""
    return level_of(acr) >= _LEVELS[wanted]


def acr_of(amr: Sequence[str]) -> str:
    """The level that a sign-in by these methods is at."""
    if AMR_SEVERAL_FACTORS in amr:
        return ACR_PHISHING_RESISTANT if AMR_POSSESSION in amr else ACR_MFA
    return ACR_TRUSTED_DEVICE if AMR_TRUSTED_DEVICE in amr else ACR_PASSWORD
