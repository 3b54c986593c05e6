"""A person's profile on the command line, under the names of OpenID Connect Core §5.1: in options, JSON and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import click

from oidc_server.commands.options import Output, Refused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.users.models import User

_FILE_BYTES = 65536
_OPTIONS = (
    click.option(
        "--profile", "file", type=click.File("rb"), metavar="FILE|-",
        help="A JSON object of the members to change; null removes one. - is standard input.",
    ),
    click.option("--name", metavar="TEXT", help="The full name, as it is shown."),
    click.option("--given-name", metavar="TEXT"),
    click.option("--family-name", metavar="TEXT"),
    click.option("--nickname", metavar="TEXT"),
    click.option("--locale", metavar="TAG", help="The language, such as en-GB (BCP 47)."),
    click.option("--zoneinfo", metavar="ZONE", help="The time zone, such as Europe/Berlin (IANA)."),
    click.option("--phone-number", metavar="NUMBER", help="With the country code: +442079460123 (E.164)."),
    click.option(
        "--phone-verified/--no-phone-verified", "phone_number_verified", default=None,
        help="Whether the phone number is known to be theirs.",
    ),
)  # fmt: skip


def profile_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a profile tells."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def values_of(*, file: IO[bytes] | None, **given: Any) -> dict[str, Any]:
    """What the file says, and the options over it; an option that is empty removes its member."""
    values = {} if file is None else _read(file)
    return values | {name: value if value != "" else None for name, value in given.items() if value is not None}


def _read(file: IO[bytes]) -> dict[str, Any]:
    try:
        content = file.read(_FILE_BYTES + 1)
        values = json.loads(content) if len(content) <= _FILE_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise Refused("The profile cannot be read: it is a JSON object in UTF-8.") from error
    if not isinstance(values, dict):
        raise Refused(f"A profile is a JSON object of at most {_FILE_BYTES} bytes.")
    return values


def profile_facts(output: Output, session: Session, user: User) -> dict[str, Any]:
    """The profile: in JSON as ``--profile`` takes it, in words one member a line."""
    from oidc_server.users.claims import ADDRESS_MEMBERS
    from oidc_server.users.models import Profile
    from oidc_server.users.profile import members_of

    members = members_of(user, session.get(Profile, user.id))
    if output.as_json:
        return {"profile": members}
    address = members.pop("address", {})
    return members | {f"address.{name}": address.get(name) for name in ADDRESS_MEMBERS}
