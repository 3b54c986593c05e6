"""All that a new password has to pass, wherever it is chosen: the policy, and the breach service if there is one."""

from flask import current_app

from oidc_server.core.settings import Settings
from oidc_server.users.breaches import BreachService
from oidc_server.users.password_policy import BREACHED, PasswordRefused, check_password

EXTENSION = "oidc_server.new_passwords"


class NewPasswords:
    """What this deployment asks of a new password: ``site`` is what the service is called."""

    def __init__(self, site: str, breaches: BreachService) -> None:
        self._site = site
        self._breaches = breaches

    def check(self, password: str, *about_the_person: str) -> None:
        """Accept a new password, or raise :class:`PasswordRefused`. ``about_the_person`` are their email address,
        username and names.

        It may ask another server and take a second: call it outside of any transaction."""
        check_password(password, *about_the_person, site=self._site)
        if self._breaches.knows(password):
            raise PasswordRefused("breached", BREACHED)


def make_new_passwords(settings: Settings) -> NewPasswords:
    """The checks that the settings want."""
    return NewPasswords(settings.theme_name, BreachService(settings.breach_url, settings.ca_bundle))


def check_new_password(password: str, *about_the_person: str) -> None:
    """:meth:`NewPasswords.check` of the current application."""
    checks: NewPasswords = current_app.extensions[EXTENSION]
    checks.check(password, *about_the_person)
