"""Scopes and claims as people read them. A scope that is not here is shown by its name: an API's owner chose it."""

from __future__ import annotations

from oidc_server.pages.languages import gettext, lazy_gettext

_SCOPES = {
    "openid": lazy_gettext("know that it is you"),
    "profile": lazy_gettext("see your profile: name, picture, birthday, language and the like"),
    "email": lazy_gettext("see your email address"),
    "address": lazy_gettext("see your postal address"),
    "phone": lazy_gettext("see your phone number"),
    "offline_access": lazy_gettext("keep this access while you are not there"),
}
_CLAIMS = {
    "name": lazy_gettext("see your name"),
    "given_name": lazy_gettext("see your first name"),
    "family_name": lazy_gettext("see your last name"),
    "middle_name": lazy_gettext("see your middle name"),
    "nickname": lazy_gettext("see your nickname"),
    "preferred_username": lazy_gettext("see your username"),
    "profile": lazy_gettext("see the address of your profile page"),
    "picture": lazy_gettext("see your picture"),
    "website": lazy_gettext("see the address of your website"),
    "gender": lazy_gettext("see your gender"),
    "birthdate": lazy_gettext("see your birthday"),
    "zoneinfo": lazy_gettext("see your time zone"),
    "locale": lazy_gettext("see your language"),
    "email": lazy_gettext("see your email address"),
    "email_verified": lazy_gettext("see whether your email address is verified"),
    "phone_number": lazy_gettext("see your phone number"),
    "phone_number_verified": lazy_gettext("see whether your phone number is verified"),
    "address": lazy_gettext("see your postal address"),
    "updated_at": lazy_gettext("see when your profile last changed"),
}


def scope_words(scope: str) -> str:
    """What a scope lets an app do."""
    return str(_SCOPES[scope]) if scope in _SCOPES else gettext("use: %(scope)s", scope=scope)


def claim_words(claim: str) -> str:
    """What a claim tells an app."""
    return str(_CLAIMS[claim]) if claim in _CLAIMS else gettext("see: %(claim)s", claim=claim)
