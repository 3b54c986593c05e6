"""Under which name a development server runs: passkeys need one that is no number."""

from __future__ import annotations

from pathlib import Path

from oidc_server.commands.environment import DevData, dev_settings
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.policy import Policy


def test_at_localhost_there_are_passkeys_and_other_commands_know_the_address(tmp_path: Path) -> None:
    data = DevData.at(tmp_path)
    settings = dev_settings(data, 8010)
    assert settings.issuer == "http://127.0.0.1:8010"
    assert FactorKind.WEBAUTHN not in Policy.of(settings).kinds
    settings = dev_settings(data, 8010, "localhost")
    assert settings.issuer == "http://localhost:8010"
    assert FactorKind.WEBAUTHN in Policy.of(settings).kinds
    assert dev_settings(data).issuer == "http://localhost:8010"
    assert dev_settings(data, 8010, "127.0.0.1").issuer == "http://127.0.0.1:8010"
