"""``oidc-server keys``: the signing keys, and what a change of them means and when."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.options import Output, Refused, in_application
from oidc_server.core.settings_checks import RSA_KEY_SIZES, SIGNING_ALGORITHMS

if TYPE_CHECKING:
    from oidc_server.audit.service import Actor
    from oidc_server.keys.ring import KeyRing
    from oidc_server.keys.service import Outcome

alg_option = click.option(
    "--alg", type=click.Choice(SIGNING_ALGORITHMS), help="The algorithm; by default that of OIDC_SIGNING_ALG."
)


@click.group()
def keys() -> None:
    """List, rotate and revoke the keys that sign tokens."""


def with_ring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run the command in the application with its key ring as ``ring``; a refusal is one line, exit code 1."""

    @in_application
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        from sqlalchemy.exc import SQLAlchemyError

        from oidc_server.keys.planning import KeyNotFound, KeyUnusable
        from oidc_server.keys.ring import current_key_ring
        from oidc_server.keys.store import KeyStoreError

        ring = current_key_ring()
        try:
            return function(*args, ring=ring, **kwargs)
        except (KeyNotFound, KeyUnusable, KeyStoreError) as error:
            raise Refused(str(error)) from error
        except SQLAlchemyError as error:
            raise Refused(f"The database cannot be used ({type(error).__name__}): see that it runs.") from error
        finally:
            ring.close()

    return wrapper


@keys.command("list")
@with_ring
def list_keys(output: Output, ring: KeyRing) -> None:
    """Show every key, its state, and what comes next."""
    from oidc_server.keys import service

    stored, now = service.listing(ring.store)
    records = [key.record for key in stored]
    rows = [service.describe(record, records, now) for record in records]
    data = [row | {"bits": key.material.bits} for row, key in zip(rows, stored, strict=True)]
    table = [(row["kid"], row["alg"], row["bits"], row["state"], row["words"]) for row in data]
    output.table(("kid", "alg", "bits", "state", "what comes next"), table, data)


@keys.command()
@alg_option
@click.option(
    "--size", type=click.Choice([str(size) for size in RSA_KEY_SIZES]),
    help="Bits of an RSA key; by default those of OIDC_RSA_KEY_SIZE.",
)  # fmt: skip
@with_ring
def generate(output: Output, ring: KeyRing, alg: str | None, size: str | None) -> None:
    """Make a key and publish it; it signs nothing until it is rotated in or activated."""
    from oidc_server.keys import service

    tell(output, service.generate(ring.store, ring.policy, alg or ring.signing_alg, int(size) if size else None))


@keys.command()
@click.option("--now", "immediately", is_flag=True, help="Sign with the new key as soon as every process knows it.")
@alg_option
@with_ring
def rotate(output: Output, ring: KeyRing, alg: str | None, immediately: bool) -> None:
    """Announce a successor for the key that signs. Without --now no verifier can meet a key that it does not know."""
    from oidc_server.keys import service

    tell(output, service.rotate(ring.store, ring.policy, alg or ring.signing_alg, immediately=immediately))


@keys.command()
@click.argument("kid")
@with_ring
def activate(output: Output, ring: KeyRing, kid: str) -> None:
    """Let this key sign as soon as every process knows it. For the key that signs, call off its planned rotation."""
    from oidc_server.keys import service

    tell(output, service.activate(ring.store, ring.policy, kid))


@keys.command()
@click.argument("kid")
@with_ring
def revoke(output: Output, ring: KeyRing, kid: str) -> None:
    """Withdraw a stolen key at once: what it signed is refused. Another key takes over."""
    from oidc_server.authorizations.service import count_issued_between
    from oidc_server.core.database import reading
    from oidc_server.keys import service

    outcome = service.revoke(ring.store, ring.policy, kid)
    count = 0
    if outcome.signed is not None:
        with told_when_it_fails("The authorizations that this touches could not be counted"), reading() as session:
            count = count_issued_between(session, *outcome.signed)
    living = f"{count} living authorization{'s' * (count != 1)}"
    sentences = [f"{living} may hold tokens of this key; their clients get new ones by refreshing."]
    tell(output, outcome, {"authorizations": count}, *(sentences if outcome.changed else ()))


@keys.command()
@with_ring
def prune(output: Output, ring: KeyRing) -> None:
    """Delete keys that nothing needs any more, and what interrupted writes left."""
    from oidc_server.keys import service

    tell(output, service.prune(ring.store, ring.policy))


@keys.command()
@with_ring
def reseal(output: Output, ring: KeyRing) -> None:
    """Seal keys and the secrets of authenticator apps anew, after what they are sealed under was changed."""
    from oidc_server.keys import service
    from oidc_server.mfa.factors import current_second_factors
    from oidc_server.mfa.resealing import Resealed, reseal_secrets

    outcome, apps = service.reseal(ring.store), Resealed(0, 0)
    with told_when_it_fails("The keys are done, but the secrets of authenticator apps could not be sealed anew"):
        apps = reseal_secrets(current_second_factors())
    sentences = [f"Secrets of authenticator apps sealed anew: {apps.done}."] if apps.done else []
    if apps.unopened:
        sentences.append(f"No key that is set opens those of {apps.unopened}: set the one from before as previous.")
    tell(output, outcome, {"authenticator_apps": apps._asdict()}, *sentences)


@keys.command()
@click.option("--private", "kid", metavar="KID", help="Write out this private key instead, in clear.")
@click.option("--yes", is_flag=True, help="Confirm that a private key is to be written out.")
@with_ring
def export(output: Output, ring: KeyRing, kid: str | None, yes: bool) -> None:
    """Print the public keys as a JWK Set, or one private key as PEM."""
    from oidc_server.core.database import transaction
    from oidc_server.keys import service

    if kid is None:
        import json

        jwks = service.public_jwks(ring.store)
        output.say(jwks, json.dumps(jwks, indent=2))
        return
    if not yes:
        raise Refused("Whoever has a private key can sign tokens. Add --yes to write it out.")
    outcome, pem = service.export_private(ring.store, kid)
    with transaction() as session:  # not written out unless the audit says so
        service.record(session, outcome, operator())
    output.say({"kid": kid, "private_key": pem.decode()}, pem.decode().rstrip("\n"))


def tell(output: Output, outcome: Outcome, more: dict[str, Any] | None = None, *sentences: str) -> None:
    """Record what happened and say it."""
    record(outcome, operator())
    output.say(outcome.as_json() | (more or {}), [outcome.words, *sentences])


def operator() -> Actor:
    """The person at the command line."""
    from oidc_server.audit.service import operator

    return operator()


def record(outcome: Outcome, actor: Actor) -> None:
    """Write what happened into the audit.

    Keys may live outside of the database, and revoking one must work while it is down: that is told, not undone."""
    from oidc_server.core.database import transaction
    from oidc_server.keys import service

    if outcome.changed:
        with told_when_it_fails("This was done, but it could not be recorded in the audit"), transaction() as session:
            service.record(session, outcome, actor)


class told_when_it_fails:  # noqa: N801 - reads as a statement
    """A context in which a failing database is told on standard error and ends nothing."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        from sqlalchemy.exc import SQLAlchemyError

        if not isinstance(error, SQLAlchemyError):
            return False
        click.echo(f"{self.what}: the database cannot be used ({type(error).__name__}).", err=True)
        return True


def rotate_when_due() -> tuple[Outcome, ...]:
    """For the worker: rotate old keys and prune dead ones, each recorded."""
    from oidc_server.audit.service import SYSTEM
    from oidc_server.keys import service
    from oidc_server.keys.ring import current_key_ring

    ring = current_key_ring()
    outcomes = service.maintain(ring.store, ring.policy)
    for outcome in outcomes:
        record(outcome, SYSTEM)
    return outcomes
