"""``oidc-server users mfa`` and ``mfa-reset``: the second factors of an account, and what is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from oidc_server.commands.mfa_policies import PolicyOptions, policy_options, words_about
from oidc_server.commands.options import Output, Refused, on_database

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from oidc_server.users.models import User

_REASON_CHARACTERS = 500


@click.command()
@click.argument("user")
@policy_options
@on_database
def mfa(output: Output, user: str, policy: PolicyOptions) -> None:
    """Show the second factors of an account, and what is asked of it; with options change that.

    What is given replaces what is asked of this account, the rest stays; empty it takes it away. Of the deployment,
    the client and the account the strictest counts."""
    from oidc_server.audit.service import operator
    from oidc_server.commands.users import find
    from oidc_server.core.database import reading, transaction
    from oidc_server.mfa.policy_setting import set_account_policy

    if not policy.given:
        with reading() as session:
            output.facts(_facts(session, find(session, user)))
        return
    with transaction() as session:
        found = find(session, user, for_change=True)
        changed = set_account_policy(session, found, policy.changed(found.mfa_policy), actor=operator())
        facts = _facts(session, found)
    sentences = words_about(facts["mfa_policy"]) if changed else ["It was so already; nothing was changed."]
    output.facts(facts, *sentences)


@click.command("mfa-reset")
@click.argument("user")
@click.option("--reason", required=True, metavar="TEXT", help="Why, and how you know who asked; kept in the audit log.")
@on_database
def mfa_reset(output: Output, user: str, reason: str) -> None:
    """Remove all second factors of a person who has lost them: they enrol one anew when they sign in next.

    Every session ends, and every authorization that the account gave is revoked. The person is told by mail."""
    from oidc_server.accounts.suspension import sign_out_everywhere
    from oidc_server.audit.service import operator
    from oidc_server.commands.users import find
    from oidc_server.core.database import transaction
    from oidc_server.mfa.reset import reset_factors

    if not reason or len(reason) > _REASON_CHARACTERS or not reason.isprintable():
        raise Refused(f"A reason is one line of at most {_REASON_CHARACTERS} characters.")
    with transaction() as session:
        found = find(session, user, for_change=True)
        reset_factors(session, found, actor=operator(), note=reason)
        ended = sign_out_everywhere(session, found, actor=operator(), note=reason)
        facts = _facts(session, found)
    counts = {"sessions_ended": ended.sessions, "authorizations_revoked": ended.authorizations}
    output.facts(facts | counts, "The person enrols a second factor when they sign in next, on the pages.")


def _facts(session: Session, user: User) -> dict[str, Any]:
    """What there is, without anything that could stand in for it."""
    from oidc_server.mfa.factors import current_second_factors
    from oidc_server.mfa.kinds import KINDS
    from oidc_server.mfa.methods import methods_of
    from oidc_server.mfa.recovery_codes import count_left
    from oidc_server.mfa.trusted_devices import trusted_devices_of

    asked = current_second_factors().policy.with_stored(user.mfa_policy)
    methods = [
        {"kind": one.kind, "name": one.name, "added_at": one.confirmed_at, "last_used_at": one.last_used_at}
        for one in methods_of(session, user.id)
    ]
    return {
        "id": user.id,
        "email": user.email,
        "mfa_policy": user.mfa_policy,
        "asked": asked.level.value,
        "methods_allowed": [kind.value for kind in KINDS if kind in asked.kinds],
        "methods": methods,
        "recovery_codes_left": count_left(session, user.id),
        "trusted_browsers": len(trusted_devices_of(session, user.id)),
        "enrolment_due_at": user.second_factor_due_at,
        "enrolment_forced_at": user.second_factor_forced_at,
    }
