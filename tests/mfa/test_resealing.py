"""After the master key was changed, one command makes the earlier one unnecessary for authenticator apps too."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

from oidc_server.core.settings import Settings
from oidc_server.mfa import resealing
from oidc_server.mfa.enrolment import begin_enrolment, confirm_enrolment
from oidc_server.mfa.factors import SecondFactors
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.resealing import Resealed, reseal_secrets
from tests.commands.command_line import CommandLine, environment_of
from tests.mfa.giving import ALL, BOUND_TO, HERE, PROVEN, give
from tests.relying_party import Server, TestUser
from tests.second_factors import Totp, enrol_email, enrol_totp

NEW = "a new master key for tests, 9876543210"


def test_the_command_seals_them_under_the_new_key(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser
) -> None:
    totp, line = enrol_totp(server, user), CommandLine(environment_of(settings))
    both = line.with_variables(OIDC_MASTER_KEY=NEW, OIDC_MASTER_KEY_PREVIOUS=settings.master_key)
    only = line.with_variables(OIDC_MASTER_KEY=NEW)
    assert only.json("keys", "reseal")["authenticator_apps"] == {"done": 0, "unopened": 1}
    assert not give(replace(factors, settings=replace(settings, master_key=NEW)), user, totp.method_id, totp.code())
    assert "anew: 1." in both.run("keys", "reseal").stdout
    assert both.json("keys", "reseal")["authenticator_apps"] == {"done": 0, "unopened": 0}
    assert give(replace(factors, settings=replace(settings, master_key=NEW)), user, totp.method_id, totp.code())


def test_many_are_done_in_batches_and_what_cannot_be_opened_holds_none_up(
    server: Server, settings: Settings, factors: SecondFactors, user: TestUser
) -> None:
    lost = replace(factors, settings=replace(settings, master_key="lost, and there is no copy of it, alas"))
    enrol_email(server, user)
    apps = [enrol_totp(server, user, f"{number}") for number in range(5)]
    with patch.object(resealing, "BATCH", 2):
        assert reseal_secrets(lost) == Resealed(0, 5)
        later = replace(factors, settings=replace(settings, master_key=NEW, master_key_previous=(settings.master_key,)))
        assert reseal_secrets(later) == Resealed(5, 0)
        assert reseal_secrets(later) == Resealed(0, 0)
    assert give(later, user, apps[4].method_id, apps[4].code())


def test_where_there_is_no_master_key_the_secret_key_seals_and_it_gives_way_to_one(
    settings: Settings, factors: SecondFactors, user: TestUser
) -> None:
    without = replace(factors, settings=replace(settings, master_key=""))
    setup = begin_enrolment(
        without, user.id, FactorKind.TOTP, name=None, bound_to=BOUND_TO, address=HERE, kinds=ALL
    )  # fmt: skip
    assert setup.totp is not None
    totp = Totp(setup.method_id, setup.totp.secret)
    confirm_enrolment(without, user.id, setup.method_id, totp.given(-1), amr=PROVEN, bound_to=BOUND_TO, address=HERE)
    assert reseal_secrets(without) == Resealed(0, 0)
    assert reseal_secrets(factors) == Resealed(1, 0)
    assert not give(without, user, totp.method_id, totp.code())
    assert give(factors, user, totp.method_id, totp.code())
