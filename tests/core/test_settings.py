"""Settings: read from the environment, every problem told at once, and production's stricter rules."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from oidc_server.core.settings import Settings, SettingsError, variable, variables
from oidc_server.core.settings_checks import check
from oidc_server.core.settings_reading import read_settings

RANDOM = "4fJc0l0uWb9yTq7RkZs2xVhN8mPdGe3a"
GOOD = Settings(issuer="https://login.example.com", database_url="sqlite:////tmp/x.sqlite3", secret_key=RANDOM)


def problems(settings: Settings, *, production: bool = False) -> set[str]:
    """The variables that are refused."""
    try:
        check(settings, production=production)
    except SettingsError as error:
        return {problem.variable for problem in error.problems if problem.wrong and problem.mend}
    return set()


def test_good_settings_pass_in_production() -> None:
    assert problems(GOOD, production=True) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ""},
        {"issuer": "login.example.com"},
        {"issuer": "https://login.example.com/"},
        {"issuer": "https://login.example.com?a=b"},
        {"issuer": "https://user@login.example.com"},
        {"database_url": ""},
        {"database_url": "mysql://localhost/x"},
        {"redis_url": "http://localhost"},
        {"smtp_url": "smtp://"},
        {"key_store": "vault"},
        {"signing_alg": "HS256"},
        {"signing_alg": "none"},
        {"rsa_key_size": 1024},
        {"jwks_max_age": 0},
        {"access_token_lifetime": -1},
        {"refresh_grace": -1},
        {"password_hash_rounds": 3},
        {"hash_waiters": 16},
        {"trusted_proxies": ("nonsense",)},
        {"trusted_proxies": ("10.0.0.1/8",)},
        {"log_level": "loud"},
        {"registration": "invitation"},
        {"ca_bundle": "/nonexistent/bundle.pem"},
        {"threads": 0},
    ],
)
def test_an_impossible_value_is_named_x44(changes: dict[str, Any]) -> None:
    assert problems(replace(GOOD, **changes)) == {variable(name) for name in changes}


@pytest.mark.parametrize(
    "secret", ["", "short", "a" * 64, "changeme-changeme-changeme-changeme", "my-secret-key-0123456789-0123456789"]
)
def test_a_missing_short_or_guessable_secret_is_refused_in_production_e25(secret: str) -> None:
    assert problems(replace(GOOD, secret_key=secret), production=True) == {"OIDC_SECRET_KEY"}


def test_production_refuses_http_cheap_hashes_and_debug_switches_w18_w19(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    settings = replace(GOOD, issuer="http://login.example.com", password_hash_rounds=10)
    expected = {"OIDC_ISSUER", "OIDC_PASSWORD_HASH_ROUNDS", "FLASK_DEBUG", "AUTHLIB_INSECURE_TRANSPORT"}
    assert problems(settings, production=True) == expected
    assert problems(settings) == set()


def test_the_database_key_store_needs_a_master_key() -> None:
    assert problems(replace(GOOD, key_store="database")) == {"OIDC_MASTER_KEY"}
    assert problems(replace(GOOD, key_store="database", master_key=RANDOM), production=True) == set()


def test_every_problem_is_told_at_once_x44() -> None:
    wrong = replace(GOOD, issuer="x", database_url="y", signing_alg="z", workers=0)
    assert problems(wrong) == {"OIDC_ISSUER", "OIDC_DATABASE_URL", "OIDC_SIGNING_ALG", "OIDC_WORKERS"}


def test_values_that_cannot_be_read_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_WORKERS", "many")
    monkeypatch.setenv("OIDC_JWKS_MAX_AGE", "5 minutes")
    monkeypatch.setenv("OIDC_REGISTRATION_REVEALS_TAKEN_EMAIL", "perhaps")
    with pytest.raises(SettingsError) as raised:
        read_settings()
    named = {problem.variable for problem in raised.value.problems}
    assert named == {"OIDC_WORKERS", "OIDC_JWKS_MAX_AGE", "OIDC_REGISTRATION_REVEALS_TAKEN_EMAIL"}
    assert "whole number" in str(raised.value)
    assert "true or false" in str(raised.value)


def test_the_environment_is_read_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_TRUSTED_PROXIES", "10.0.0.0/8, ,::1")
    monkeypatch.setenv("OIDC_KEY_DIRECTORY", "/srv/keys")
    monkeypatch.setenv("OIDC_THREADS", "4")
    monkeypatch.setenv("OIDC_SECRET_KEY_PREVIOUS", "")
    monkeypatch.setenv("OIDC_REGISTRATION_REVEALS_TAKEN_EMAIL", "true")
    settings = read_settings()
    assert settings.registration_reveals_taken_email is True
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.key_directory == Path("/srv/keys")
    assert settings.threads == 4
    assert settings.secret_key_previous == ()


def test_secrets_stay_out_of_the_representation() -> None:
    text = repr(replace(GOOD, master_key=RANDOM, key_passphrase=RANDOM, redis_url=f"redis://:{RANDOM}@localhost"))
    assert RANDOM not in text


def test_the_names_of_all_settings_are_known() -> None:
    assert {"OIDC_ISSUER", "OIDC_DATABASE_URL", "OIDC_SECRET_KEY", "OIDC_KAFKA_BROKERS"} <= variables()
    assert len(variables()) == len(fields(Settings))


def test_the_audience_is_the_issuer_unless_set_and_the_pool_leaves_threads_free() -> None:
    assert GOOD.audience == GOOD.issuer
    assert replace(GOOD, default_audience="https://api.example.com").audience == "https://api.example.com"
    assert replace(GOOD, threads=4).pool_size == 2
    assert replace(GOOD, threads=1).pool_size == 1
