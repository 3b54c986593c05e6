"""``oidc-server token``: what a token says, and whether this server takes it."""

from __future__ import annotations

import functools
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.options import EXIT_REFUSED, Output, Refused, on_database

if TYPE_CHECKING:
    from oidc_server.commands.inspection import Verdict

_STDIN = "-"
_BYTES_AT_MOST = 65_536


@click.group()
def token() -> None:
    """Look into tokens."""


# A refresh token may begin with a hyphen; as an option it would be refused in words that repeat it. So this command has
# no options of one letter: an "h" anywhere in such a token would ask for help.
@token.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("token", nargs=-1, metavar="[TOKEN]")
@on_database
def inspect(output: Output, token: tuple[str, ...]) -> None:
    """Say what an access or refresh TOKEN holds, and why it is or is not good. Exit code 0 when it is, 1 when not.

    Without TOKEN, or with -, it is read from standard input, where neither the shell's history nor other users see it.
    Nothing is used up by this, and the token itself is never printed."""
    verdict = judge(_given(token))
    output.say(_as_json(verdict), _in_words(verdict))
    if verdict.reason is not None:
        raise SystemExit(EXIT_REFUSED)


def judge(token: str) -> Verdict:
    """The verdict of the current application. A refresh token of ours has no dots, and a JWT has two."""
    from oidc_server.authorizations.refresh import current_refresh_policy
    from oidc_server.clients.registry import current_clients
    from oidc_server.commands.inspection import judge_jwt, judge_refresh_token
    from oidc_server.core.database import current_database
    from oidc_server.keys.ring import current_key_ring
    from oidc_server.protocol.server import current_server
    from oidc_server.protocol.token_state import live_access_token

    database = current_database()
    if "." not in token:
        return judge_refresh_token(token, database, current_refresh_policy().grace)
    ring, issuer = current_key_ring(), current_server().settings.issuer
    try:
        keys = [key.record for key in ring.store.load()]
        accept = functools.partial(live_access_token, database, ring, current_clients(), issuer)
        return judge_jwt(token, accept, database, keys, issuer)
    finally:
        ring.close()


def _given(parts: tuple[str, ...]) -> str:
    """The token of the command line or of standard input; a copied ``Bearer`` before it is no part of it."""
    if parts in {(), (_STDIN,)}:
        parts = tuple(_from_stdin().split())
    if len(parts) > 1 and parts[0].lower() in {"bearer", "authorization:"}:
        return _given(parts[1:])
    if len(parts) != 1 or not parts[0].strip():
        raise Refused("Give one token.")  # and repeat nothing of what was given
    return parts[0]


def _from_stdin() -> str:
    if sys.stdin.isatty():
        given: str = click.prompt("Token", hide_input=True, err=True)
        return given
    return sys.stdin.buffer.read(_BYTES_AT_MOST).decode("ascii", "replace")


def _as_json(verdict: Verdict) -> dict[str, Any]:
    reason = verdict.reason
    return {
        "good": reason is None,
        "kind": verdict.kind,
        "reason": None if reason is None else reason.value,
        "words": verdict.words,
        "mend": None if reason is None else reason.mend,
        "header": verdict.header,
        "claims": verdict.claims,
        **verdict.facts,
    }


def _in_words(verdict: Verdict) -> list[str]:
    reason = verdict.reason
    lines = ["Good." if reason is None else f"Not good: {reason.value}.", verdict.words]
    if reason is not None:
        lines.append(reason.mend)
    shown = (("header", verdict.header), ("claims", verdict.claims), ("state", verdict.facts or None))
    for name, value in shown:
        if value is not None:
            lines += ["", f"{name}:", json.dumps(value, indent=2, default=str)]  # ASCII: harmless to a terminal
    return lines
