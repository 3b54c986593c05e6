"""The modules of the four certification plans by name: each is a test of ours, and none is skipped."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.certification.conftest import RESPONSE_MODES

BASIC = (
    "server", "response-type-missing", "idtoken-signature", "idtoken-unsigned", "userinfo-get",
    "userinfo-post-header", "userinfo-post-body", "ensure-request-without-nonce-succeeds-for-code-flow",
    "scope-profile", "scope-email", "scope-address", "scope-phone", "scope-all", "alternate-happy-flow",
    "display-page", "display-popup", "prompt-login", "prompt-none-not-logged-in", "prompt-none-logged-in",
    "max-age-1", "max-age-10000", "ensure-request-with-unknown-parameter-succeeds", "id-token-hint", "login-hint",
    "ui-locales", "claims-locales", "ensure-request-with-acr-values-succeeds", "codereuse", "codereuse-30seconds",
    "ensure-registered-redirect-uri", "ensure-post-request-succeeds", "server-client-secret-post",
    "request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "unsigned-request-object-supported-correctly-or-rejected-as-unsupported", "claims-essential",
    "ensure-request-object-with-redirect-uri", "refresh-token", "ensure-request-with-valid-pkce-succeeds",
)  # fmt: skip
PLANS = {
    "oidcc-basic-certification-test-plan": BASIC,
    "oidcc-formpost-basic-certification-test-plan": BASIC,
    "oidcc-config-certification-test-plan": ("discovery-endpoint-verification",),
    "oidcc-rp-initiated-logout-certification-test-plan": (
        "rp-initiated-logout-discovery-endpoint-verification",
        "rp-initiated-logout",
        "rp-initiated-logout-no-state",
        "rp-initiated-logout-bad-post-logout-redirect-uri",
        "rp-initiated-logout-query-added-to-post-logout-redirect-uri",
        "rp-initiated-logout-modified-id-token-hint",
        "rp-initiated-logout-bad-id-token-hint",
        "rp-initiated-logout-no-id-token-hint",
        "rp-initiated-logout-no-params",
        "rp-initiated-logout-no-post-logout-redirect-uri",
        "rp-initiated-logout-only-state",
    ),
}
SIZES = {"basic": 38, "formpost-basic": 38, "config": 1, "rp-initiated-logout": 11}


FILES = [path for path in Path(__file__).parent.glob("*.py") if path != Path(__file__)]


def functions() -> dict[str, ast.FunctionDef]:
    """The test functions of this folder."""
    found = [node for path in FILES for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {function.name: function for function in found if function.name.startswith("test_")}


def test_the_plans_have_as_many_modules_as_the_suite_lists() -> None:
    for name, size in SIZES.items():
        assert len(set(PLANS[f"oidcc-{name}-certification-test-plan"])) == size, name


@pytest.mark.parametrize("plan", PLANS)
def test_every_module_of_the_plans_is_a_test_and_none_is_skipped(plan: str) -> None:
    tests = functions()
    for module in PLANS[plan]:
        function = tests["test_" + module.replace("-", "_")]
        assert function.decorator_list == [], module
    assert not any(word in path.read_text() for path in FILES for word in ("pytest.skip", "mark.skip", "xfail"))


def test_every_module_of_the_basic_plan_runs_in_both_response_modes() -> None:
    assert set(RESPONSE_MODES) == {"query", "form_post"}
    tests = functions()
    for module in BASIC:
        arguments = {argument.arg for argument in tests["test_" + module.replace("-", "_")].args.args}
        assert "conformance" in arguments, module
