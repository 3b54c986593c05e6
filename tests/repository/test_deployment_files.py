"""The container image, the compose file and the example environment say only what this server understands."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from oidc_server.core import settings

ROOT = Path(__file__).parents[2]
SETTING = re.compile(r"\bOIDC_[A-Z_]+\b")
OURS = ("server1", "server2", "worker", "migrate")
SECRETS = ("OIDC_SECRET_KEY", "OIDC_MASTER_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD")
BUILD_TOOLS = re.compile(r"\b(apt-get|apt|apk|gcc|g\+\+|cc|make|build-essential|[a-z0-9-]+-dev|pip|cargo|rustc)\b")


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with its arguments, continuation lines joined and comments dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile."""
    return instructions((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def final_stage(dockerfile: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The instructions of the stage that becomes the image."""
    last_from = max(number for number, (name, _) in enumerate(dockerfile) if name == "FROM")
    return dockerfile[last_from:]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file, anchors resolved."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


@pytest.mark.parametrize(
    "name", ["Dockerfile", "docker-compose.yml", ".env.example", "deploy/README.md", "deploy/nginx/nginx.conf"]
)
def test_every_variable_that_is_named_is_a_setting(name: str) -> None:
    named = set(SETTING.findall((ROOT / name).read_text()))
    assert named, f"{name} names no setting, so this test would check nothing"
    assert named <= settings.variables()


@pytest.mark.parametrize("service", OURS)
def test_every_variable_that_compose_sets_on_our_services_is_a_setting(compose: dict[str, Any], service: str) -> None:
    environment = compose["services"][service]["environment"]
    assert {"OIDC_ISSUER", "OIDC_DATABASE_URL"} <= set(environment)
    assert set(environment) <= settings.variables()


def test_every_variable_that_the_image_sets_is_a_setting(final_stage: list[tuple[str, str]]) -> None:
    set_here = {name for word, rest in final_stage if word == "ENV" for name in re.findall(r"(OIDC_\w+)=", rest)}
    assert set_here
    assert set_here <= settings.variables()


def test_every_assignment_of_the_example_environment_is_known() -> None:
    text = (ROOT / ".env.example").read_text()
    assigned = re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert len(assigned) == len(set(assigned)), "a variable is assigned twice"
    assert set(assigned) - settings.variables() == {"POSTGRES_PASSWORD", "VALKEY_PASSWORD", "TLS_DIRECTORY"}


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_value_or_a_default(secret: str) -> None:
    assert re.search(rf"^{secret}=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    uses = re.findall(rf"\$\{{{secret}(?!_)([^}}]*)\}}", (ROOT / "docker-compose.yml").read_text())
    assert uses
    assert all(use.startswith(":?") for use in uses)


def test_the_image_runs_as_a_numeric_user_without_privileges(final_stage: list[tuple[str, str]]) -> None:
    users = [rest for word, rest in final_stage if word == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])


def test_the_image_has_a_health_check_on_the_liveness_endpoint(final_stage: list[tuple[str, str]]) -> None:
    (check,) = [rest for word, rest in final_stage if word == "HEALTHCHECK"]
    assert "/health/live" in check
    assert "CMD" in check


def test_the_image_serves_on_every_address_of_its_container(final_stage: list[tuple[str, str]]) -> None:
    (command,) = [rest for word, rest in final_stage if word == "CMD"]
    assert yaml.safe_load(command) == ["oidc-server", "serve", "--bind", "0.0.0.0:8000"]


def test_the_final_stage_has_no_build_tools(final_stage: list[tuple[str, str]]) -> None:
    assert final_stage[0][1].endswith("-slim")
    for word, rest in final_stage:
        if word in {"RUN", "COPY", "ADD"}:
            assert not BUILD_TOOLS.search(rest), f"{word} {rest}"


def test_the_image_installs_only_what_is_locked_with_hashes(dockerfile: list[tuple[str, str]]) -> None:
    steps = [step for word, rest in dockerfile if word == "RUN" for step in rest.split("&&") if " install " in step]
    from_an_index = [step for step in steps if "pip" in step and "--no-index" not in step]
    assert len(from_an_index) == 2
    assert all("--require-hashes" in step and "--only-binary :all:" in step for step in from_an_index)


def test_what_the_image_copies_is_let_into_the_build_context(dockerfile: list[tuple[str, str]]) -> None:
    sources = {
        source
        for word, rest in dockerfile
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == sources


def test_compose_has_every_part(compose: dict[str, Any]) -> None:
    wanted = {*OURS, "nginx", "postgres", "valkey", "kafka", "mailpit"}
    assert set(compose["services"]) == wanted


@pytest.mark.parametrize("service", OURS)
def test_our_services_can_write_nothing_and_gain_nothing(compose: dict[str, Any], service: str) -> None:
    definition = compose["services"][service]
    assert definition["read_only"] is True
    assert definition["cap_drop"] == ["ALL"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert [mount.partition(":")[0] for mount in definition["tmpfs"]] == ["/tmp"]
    assert "volumes" not in definition
    assert "user" not in definition


@pytest.mark.parametrize("service", ["server1", "server2", "worker"])
def test_our_services_wait_for_the_migrations_and_a_healthy_database(compose: dict[str, Any], service: str) -> None:
    waits_for = compose["services"][service]["depends_on"]
    assert waits_for["migrate"] == {"condition": "service_completed_successfully"}
    assert waits_for["postgres"] == {"condition": "service_healthy"}
    assert waits_for["valkey"] == {"condition": "service_healthy"}


def test_every_dependency_that_must_be_healthy_has_a_health_check(compose: dict[str, Any]) -> None:
    services = compose["services"]
    awaited = {
        name
        for definition in services.values()
        for name, wait in definition.get("depends_on", {}).items()
        if wait["condition"] == "service_healthy"
    }
    # Ours bring the check of their image.
    assert all("test" in services[name]["healthcheck"] for name in awaited - set(OURS))
    assert "healthcheck" not in services["server1"]


def test_only_nginx_is_trusted_and_only_its_ports_are_open_to_others(compose: dict[str, Any]) -> None:
    services = compose["services"]
    address = services["nginx"]["networks"]["edge"]["ipv4_address"]
    assert services["server1"]["environment"]["OIDC_TRUSTED_PROXIES"] == address
    published = {name for name, definition in services.items() if definition.get("ports")}
    assert published == {"nginx", "mailpit"}
    assert all(port.startswith("127.0.0.1:") for port in services["mailpit"]["ports"])


def test_nginx_sets_what_it_says_about_the_caller_and_never_repeats_a_post() -> None:
    text = (ROOT / "deploy/nginx/nginx.conf").read_text()
    directives = [line.split("#")[0].strip() for line in text.splitlines()]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in directives
    assert "proxy_set_header X-Forwarded-Proto https;" in directives
    assert not any("$proxy_add_x_forwarded_for" in line for line in directives)
    (retries,) = [line for line in directives if line.startswith("proxy_next_upstream ")]
    assert retries == "proxy_next_upstream error timeout;"


@pytest.mark.parametrize("unit", ["oidc-server.service", "oidc-server-worker.service"])
def test_a_systemd_unit_runs_an_unprivileged_user_on_a_read_only_system(unit: str) -> None:
    lines = (ROOT / "deploy/systemd" / unit).read_text().splitlines()
    assert "User=oidc-server" in lines
    assert "NoNewPrivileges=yes" in lines
    assert "ProtectSystem=strict" in lines
    assert "CapabilityBoundingSet=" in lines
