"""Every setting, address, command, reason, event, table, limit, metric and log line is in the documentation."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click
import pytest
from flask import Flask
from prometheus_client import Counter, Gauge, Histogram

from oidc_server.audit.catalogue import Event
from oidc_server.authorizations import codes, interactions
from oidc_server.clients.metadata import (
    CLIENT_TYPES,
    GRANT_TYPES_OF_TYPE,
    OPENID_SCOPES,
    TOKEN_ENDPOINT_AUTH_METHODS,
)
from oidc_server.commands import main
from oidc_server.commands.clients import create
from oidc_server.commands.reference import commands
from oidc_server.core import limit_rules, metrics
from oidc_server.core.database import Base
from oidc_server.core.errors import Reason
from oidc_server.core.settings import Settings, variables
from oidc_server.documentation.authorization_paths import PAGES
from oidc_server.documentation.error_codes import AUTHORIZATION_CODES, BEARER_CODES
from oidc_server.keys.ring import make_policy
from oidc_server.protocol.id_token import ID_TOKEN_CLAIMS
from oidc_server.sessions import devices
from oidc_server.users.claims import CLAIMS
from tests.documentation.prose import ROOT, page, pages

NOT_DESCRIBED = ("/docs", "/static/", "/api/v1/", "/dev/")  # the JSON API once more, and what only `dev` has

RULES = [
    rule
    for value in vars(limit_rules).values()
    for rule in (value if isinstance(value, tuple) else (value,))
    if isinstance(rule, limit_rules.Rule)
]


PACKAGE = ROOT / "oidc_server"


def test_every_slice_is_in_the_architecture_and_every_module_of_the_core_in_its_decision() -> None:
    slices = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert [name for name in slices if f"| `{name}` |" not in page("architecture.md").text] == []
    core = {path.stem for path in (PACKAGE / "core").glob("*.py")} - {"__init__"}
    planned = {"settings", "database", "clock", "crypto", "errors", "http", "identity", "limits"}
    assert [name for name in core - planned if f"`{name}`" not in page("decisions/0004-core.md").text] == []


def test_every_setting_is_documented() -> None:
    text = page("settings.md").text
    assert [name for name in variables() if f"`{name}`" not in text] == []


def test_every_variable_that_the_documentation_names_is_a_setting() -> None:
    known = variables() | {"OIDC_TEST_DATABASE_URL", "OIDC_TEST_CHROMIUM"}
    named = {(name, one.name) for one in pages() for name in re.findall(r"\bOIDC_[A-Z_]+[A-Z]\b", one.text)}
    assert {pair for pair in named if pair[0] not in known} == set()


def test_every_address_is_documented(app: Flask) -> None:
    text = page("api.md").text
    rules = {rule.rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(NOT_DESCRIBED)}
    served = {re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", path) for path in rules}
    assert [path for path in served - set(PAGES) if f" {path}\n" not in text] == []
    assert [path for path in PAGES if f"`{path}`" not in text] == []


def test_every_command_and_every_option_is_documented() -> None:
    text = page("cli.md").text
    for name, command in commands(main):
        _, _, section = text.partition(f"\n## {name}\n")
        section = section.partition("\n## ")[0]
        assert section, name
        if not isinstance(command, click.Group):
            options = [option for one in command.params if isinstance(one, click.Option) for option in one.opts]
            assert [option for option in options if option not in section] == []


def test_every_reason_and_every_audit_event_is_documented() -> None:
    reasons, events = page("reasons.md"), page("audit-events.md").text
    assert [reason for reason in Reason if f"## `{reason.value}`" not in reasons.text] == []
    assert [event for event in Event if f"| `{event.value}` |" not in events] == []


@pytest.mark.usefixtures("app")  # making the application imports every model
def test_the_data_model_in_the_documentation_is_that_of_the_database() -> None:
    (diagram,) = [block for block in page("architecture.md").blocks("mermaid") if block.startswith("erDiagram")]
    drawn = {
        table: [line.split()[1] for line in body.strip().splitlines()]
        for table, body in re.findall(r"^    (\w+) \{\n(.*?)^    \}", diagram, re.MULTILINE | re.DOTALL)
    }
    assert drawn == {table.name: [column.name for column in table.columns] for table in Base.metadata.sorted_tables}


def test_client_types_methods_and_grants_are_documented() -> None:
    text = page("clients.md").text
    grants = {grant for of_type in GRANT_TYPES_OF_TYPE.values() for grant in of_type}
    for word in (*CLIENT_TYPES, *TOKEN_ENDPOINT_AUTH_METHODS, *grants):
        assert f"`{word}`" in text


def test_every_option_of_a_client_is_documented() -> None:
    text = page("clients.md").text
    for option in create.params:
        if option.name not in {"as_json", "data"}:
            assert any(name in text for name in (*option.opts, *option.secondary_opts)), option.name


def test_an_app_developer_finds_every_error_and_every_scope_and_claim() -> None:
    text = page("login.md").text
    words = (*AUTHORIZATION_CODES, *BEARER_CODES.values(), *OPENID_SCOPES, *CLAIMS, *ID_TOKEN_CLAIMS)
    assert [word for word in words if f"`{word}`" not in text] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_limit_is_documented_with_its_amount(rule: limit_rules.Rule) -> None:
    assert f"| `{rule.name}` | {rule.amount} in {rule.seconds} s |" in page("limits.md").text


def test_no_limit_is_documented_that_there_is_not() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", page("limits.md").text, re.MULTILINE)
    assert sorted(documented) == sorted(rule.name for rule in RULES)
    assert sorted(documented) == sorted(limit_rules.RULES)  # each can be set


def test_every_metric_is_documented() -> None:
    families = [value for value in vars(metrics).values() if isinstance(value, Counter | Gauge | Histogram)]
    assert len(families) >= 5
    text = page("monitoring.md").text
    for family in families:
        (described,) = family.describe()
        suffix = "_total" if isinstance(family, Counter) else ""
        assert f"`{described.name}{suffix}`" in text


def test_every_kind_of_log_line_is_documented() -> None:
    call = re.compile(r"""\b(?:log|get_logger\(\))\.(?:info|warning|error|exception)\(\s*"(\w+)"|"event": "(\w+)\"""")
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    events = {one or other for source in sources for one, other in call.findall(source)}
    assert {"request", "refused", "fault"} <= events
    text = page("monitoring.md").text
    assert [event for event in sorted(events) if f"| `{event}` |" not in text] == []


def test_the_timeline_of_a_rotation_follows_from_the_default_settings() -> None:
    policy = make_policy(Settings())
    start = datetime.fromisoformat("2026-01-01T14:00:00")
    takes_over = start + policy.announce
    leaves = takes_over + policy.linger
    text = page("architecture.md").text
    for instant in (start, takes_over, leaves):
        assert f"| {instant:%H:%M:%S} |" in text


def test_the_defaults_that_the_prose_relies_on_are_the_defaults() -> None:
    settings = Settings()
    assert settings.refresh_grace == 30
    assert settings.client_cache_seconds == 3
    assert settings.access_token_lifetime == 15 * 60
    assert settings.jwks_max_age == 5 * 60
    assert settings.key_rotation_days == 90
    assert settings.body_limit == 64 * 1024
    assert settings.password_hash_rounds == 12
    assert settings.session_idle_lifetime == 8 * 3600
    assert settings.session_lifetime == 24 * 3600
    assert settings.session_remembered_lifetime == 30 * 86400
    assert settings.refresh_token_idle_lifetime == 30 * 86400
    assert settings.refresh_token_absolute_lifetime == 180 * 86400


def test_the_lifetimes_that_the_prose_relies_on_are_those_of_the_code() -> None:
    assert timedelta(seconds=60) == codes.LIFETIME
    assert timedelta(minutes=30) == interactions.LIFETIME
    assert timedelta(days=180) == devices.LIFETIME
