"""People of an installation: its owner registers them past the server that runs, and they sign in at it."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.history import Attempt, Caller
from tests.faults.installation import Installation, basic
from tests.relying_party import TestUser


class People:
    """``registered`` are those whose account was acknowledged."""

    def __init__(self, site: Installation) -> None:
        self.owner = site.owner
        self.app = site.owner.first_party()
        self.registered: list[TestUser] = []

    def register(self, _caller: Caller) -> None:
        """A job: register somebody. An error of the database leaves unknown whether it was done."""
        with suppress(SQLAlchemyError):
            self.registered.append(self.owner.user())

    def sign_in(self, caller: Caller, person: TestUser, **parameters: str) -> Attempt:
        """Sign in once by password. A session begins, and a grant with its first refresh token."""
        data = {"grant_type": "password", "username": person.email, "password": person.password} | parameters
        return caller.ask("sign_in", "POST", "/oauth/token", data=data, auth=basic(self.app))
