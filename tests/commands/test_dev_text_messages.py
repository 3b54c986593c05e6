"""A development server shows text messages to numbers of some countries; it hands none to anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from oidc_server.commands.environment import DevData, dev_settings
from oidc_server.mfa.kinds import FactorKind
from oidc_server.mfa.phone_numbers import parse_number
from oidc_server.mfa.policy import Policy


def test_text_messages_are_offered_and_go_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("URL", "https://sms.example"), ("PROVIDER", "twilio"), ("TOKEN", "a:b"), ("FROM", "MG1")):
        monkeypatch.setenv(f"OIDC_SMS_{name}", value)
    settings = dev_settings(DevData.at(tmp_path))
    assert (settings.sms_url, settings.sms_provider) == ("", "json")
    assert FactorKind.SMS in Policy.of(settings).kinds
    for number in ("+12015550123", "+4915112345678", "+447400123456"):
        assert parse_number(number, settings.sms_countries) == number


def test_the_countries_of_the_environment_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_SMS_COUNTRIES", "SE, DK")
    assert dev_settings(DevData.at(tmp_path)).sms_countries == ("SE", "DK")
