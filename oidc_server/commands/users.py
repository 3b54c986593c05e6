"""``oidc-server users``: accounts; the only way to make an administrator."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.instants import Instant, utc
from oidc_server.commands.options import Output, Refused, on_database, refusing
from oidc_server.commands.profiles import profile_facts, profile_options, values_of
from oidc_server.commands.users_import import import_users
from oidc_server.commands.users_mfa import mfa, mfa_reset

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.users.models import User

_PASSWORD_BYTES = 4096
_NOTE_CHARACTERS = 500
_PAGE = 500


@click.group()
def users() -> None:
    """Make, import, change, suspend and activate accounts."""


users.add_command(import_users)
users.add_command(mfa)
users.add_command(mfa_reset)


@users.command()
@click.option("--email", required=True)
@click.option("--username")
@click.option("--verified", is_flag=True, help="The email address is known to be theirs.")
@click.option("--admin", is_flag=True, help="The account may use the admin API.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@on_database
def create(output: Output, email: str, username: str | None, verified: bool, admin: bool, password_stdin: bool) -> None:
    """Make an account. The password is asked for, or read from standard input; it is never an argument."""
    from sqlalchemy.exc import IntegrityError

    from oidc_server.audit.service import operator
    from oidc_server.core.database import reading, transaction
    from oidc_server.users.new_passwords import check_new_password
    from oidc_server.users.password_policy import PasswordRefused
    from oidc_server.users.passwords import current_passwords
    from oidc_server.users.service import check_new_identity, create_user

    with identity_refused(), reading() as session:
        check_new_identity(session, email, username)
    password = _password_from_stdin() if password_stdin else _password_from_prompt()
    with refusing(PasswordRefused):
        check_new_password(password, email, *([username] if username else []))
    password_hash = current_passwords().hash(password)
    try:
        with identity_refused(), transaction() as session:
            user = create_user(
                session, actor=operator(), email=email, username=username, password_hash=password_hash,
                verified=verified, superuser=admin,
            )  # fmt: skip
    except IntegrityError as error:
        raise Refused("Another account with this email address or username was made at this moment.") from error
    output.facts(describe(user))


@users.command("list")
@on_database
def list_users(output: Output) -> None:
    """Show every account, oldest first."""
    from oidc_server.core.database import reading
    from oidc_server.users import service

    found: list[User] = []
    with reading() as session:
        while page := service.list_users(session, limit=_PAGE, after=found[-1].id if found else None):
            found += page
    columns = ("id", "email", "username", "state", "admin", "created")
    rows = [(u.id, u.email, u.username, state(u), u.superuser_since is not None, u.created_at) for u in found]
    output.table(columns, rows, [describe(user) for user in found])


@users.command()
@click.argument("user")
@on_database
def show(output: Output, user: str) -> None:
    """Show one account with its profile, by its id, email address or username."""
    from oidc_server.authorizations.service import count_alive
    from oidc_server.core.database import reading
    from oidc_server.sessions.service import count_running

    with reading() as session:
        found = find(session, user)
        counts = {
            "sessions": count_running(session, user_id=found.id),
            "authorizations": count_alive(session, user_id=found.id),
        }
        profile = profile_facts(output, session, found)
    output.facts(describe(found) | counts | profile)


@users.command()
@click.argument("user")
@profile_options
@on_database
def update(output: Output, user: str, **given: Any) -> None:
    """Change what the profile of an account tells, and leave the rest.

    An option that is given and empty removes its member. Apps read the profile as claims (OpenID Connect)."""
    from oidc_server.audit.service import operator
    from oidc_server.core.database import transaction
    from oidc_server.users.profile import set_profile
    from oidc_server.users.profile_values import ProfileInvalid

    values = values_of(**given)
    if not values:
        raise Refused("There is nothing to change: give at least one member of the profile.")
    with refusing(ProfileInvalid), transaction() as session:
        found = find(session, user)
        changed = set_profile(session, found, values, operator())
        profile = profile_facts(output, session, found)
    words = f"Changed: {', '.join(changed)}." if changed else "It was so already; nothing was changed."
    output.facts(describe(found) | profile, words)


@users.command()
@click.argument("user")
@click.option("--until", type=Instant(), help="Lock the account until then (ISO 8601, UTC) instead of suspending it.")
@click.option("--note", default="", metavar="TEXT", help="Why; kept in the audit log.")
@on_database
def suspend(output: Output, user: str, until: datetime | None, note: str) -> None:
    """Suspend an account: its sessions end, and every authorization that it gave is revoked."""
    from oidc_server.accounts.suspension import suspend_account
    from oidc_server.audit.service import operator
    from oidc_server.core import clock
    from oidc_server.core.database import transaction

    if until is not None and until <= clock.now():
        raise Refused(f"{utc(until)} is over.")
    if len(note) > _NOTE_CHARACTERS or not note.isprintable():
        raise Refused(f"A note is one line of at most {_NOTE_CHARACTERS} characters.")
    with transaction() as session:
        found = find(session, user, for_change=True)
        ended = suspend_account(session, found, actor=operator(), until=until, note=note)
    counts = {"sessions_ended": ended.sessions, "authorizations_revoked": ended.authorizations}
    output.facts(describe(found) | counts, f"`oidc-server users activate {found.id}` ends this.")


@users.command()
@click.argument("user")
@on_database
def activate(output: Output, user: str) -> None:
    """End an account's suspension or lock. Sessions and authorizations that ended with it stay ended."""
    from oidc_server.accounts.suspension import activate_account
    from oidc_server.audit.service import operator
    from oidc_server.core.database import transaction

    with transaction() as session:
        found = find(session, user, for_change=True)
        was_active = not activate_account(session, found, actor=operator())
    output.facts(describe(found), "It was active already; nothing was changed." if was_active else "It is active.")


@contextmanager
def identity_refused() -> Iterator[None]:
    """A context in which an email address or username that cannot be had refuses the command."""
    from oidc_server.core.identity import NotAnEmail, NotAUsername
    from oidc_server.users.service import EmailTaken, UsernameTaken

    try:
        yield
    except NotAnEmail as error:
        raise Refused(f"That is not an email address that mail can be sent to: {error}.") from error
    except NotAUsername as error:
        raise Refused(str(error)) from error
    except EmailTaken as error:
        raise Refused("Another account has this email address.") from error
    except UsernameTaken as error:
        raise Refused("Another account has this username.") from error


def _password_from_prompt() -> str:
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return _one_line(password)


def _password_from_stdin() -> str:
    """All of standard input as UTF-8, without the newline at its end."""
    content = sys.stdin.buffer.read(_PASSWORD_BYTES + 1)
    try:
        password = content.decode()
    except UnicodeDecodeError as error:
        raise Refused("The password is not text in UTF-8.") from error
    if len(content) > _PASSWORD_BYTES:
        raise Refused("The password is too long.")
    return _one_line(password.removesuffix("\n").removesuffix("\r"))


def _one_line(password: str) -> str:
    """No sign-in form can send control characters, so nobody could sign in with such a password."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise Refused("A password is one line without control characters.")
    return password


def find(session: Session, identifier: str, *, for_change: bool = False) -> User:
    """The user with this id, email address or username, or the command's refusal; ``for_change`` under a lock."""
    from oidc_server.users.service import find_user

    user = find_user(session, identifier)
    if user is None:
        raise Refused(f"No user is {identifier[:64]!a}. `oidc-server users list` shows the users.")
    if for_change:
        session.refresh(user, with_for_update={"key_share": True})
    return user


def state(user: User) -> str:
    """``active``, ``suspended``, or ``locked`` until an instant."""
    from oidc_server.core import clock

    if user.suspended_at is not None:
        return "suspended"
    return "locked" if user.locked_until is not None and user.locked_until > clock.now() else "active"


def describe(user: User) -> dict[str, Any]:
    """The account, without anything that could help to guess its password."""
    return {
        "id": user.id,
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "username": user.username,
        "admin": user.superuser_since is not None,
        "state": state(user),
        "suspended_at": user.suspended_at,
        "locked_until": user.locked_until,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }
