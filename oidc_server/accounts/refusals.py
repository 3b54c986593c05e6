"""What the services of accounts refuse, named for the fact; the JSON API and the pages each say it in their own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oidc_server.core.errors import Reason, Refusal


class AccountGone(Refusal):
    """There is no such account any more."""

    status = 404

    def __init__(self) -> None:
        super().__init__(Reason.NOT_FOUND, "no such account")


class NameTaken(Refusal):
    """Another account has this username."""

    status = 409

    def __init__(self) -> None:
        super().__init__(Reason.USERNAME_TAKEN)


class EmailTaken(Refusal):
    """Another account has this email address."""

    status = 409

    def __init__(self) -> None:
        super().__init__(Reason.EMAIL_TAKEN)


class RegistrationClosed(Refusal):
    """Nobody can make an account by themselves here."""

    status = 403

    def __init__(self) -> None:
        super().__init__(Reason.REGISTRATION_CLOSED)


class MembersWrong(Refusal):
    """Some of what was sent cannot be; ``errors`` says of each member what is wrong with it."""

    status = 422

    def __init__(self, errors: Mapping[str, Any], reason: Reason = Reason.MALFORMED_REQUEST) -> None:
        super().__init__(reason, ", ".join(errors))
        self.errors = errors


class OwnAccount(Refusal):
    """An admin may not do this to themselves: it would lock them out, and maybe everybody."""

    status = 409

    def __init__(self) -> None:
        super().__init__(Reason.OWN_ACCOUNT)


class LastAdmin(Refusal):
    """Nobody would be left who may administer accounts."""

    status = 409

    def __init__(self) -> None:
        super().__init__(Reason.LAST_ADMIN)
