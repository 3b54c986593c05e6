"""`/openapi.json`: a valid OpenAPI 3.1 document of every address, true to what the server really answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from oidc_server.documentation.authorization_paths import PAGES
from oidc_server.protocol.authorization_request import AuthorizationRequest
from oidc_server.protocol.errors import DESCRIPTIONS, OAuthRefusal
from oidc_server.protocol.server import GRANTS
from tests.app_login import make_app
from tests.browsing import Browser
from tests.relying_party import Server

Document = dict[str, Any]
_NOT_API = ("/docs", "/static/", "/api/v1/")  # the last is the JSON API once more


def conforms(document: Document, schema: str, answer: Any) -> None:
    """The answer fits the schema, and holds nothing that the schema does not name."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    errors = [error.message for error in OAS31Validator(root).iter_errors(answer)]
    assert errors == []
    properties = document["components"]["schemas"][schema]["properties"]
    assert set(answer) <= set(properties), f"{schema} does not name all of {sorted(answer)}"


def served(app: Flask) -> set[tuple[str, str]]:
    """Every path and method that the application answers, but for what Flask adds by itself."""
    return {
        (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(_NOT_API)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def described_parameters(operation: dict[str, Any]) -> dict[str, Any]:
    """The schemas of an operation's query parameters, by their names."""
    return {one["name"]: one["schema"] for one in operation["parameters"]}


def authorization_response(document: Document) -> dict[str, Any]:
    """What the document says that a browser takes back to the app."""
    (called,) = document["paths"]["/oauth/authorize"]["get"]["callbacks"]["authorizationResponse"].values()
    return described_parameters(called["get"])


def test_it_is_valid_openapi_3_1(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_describes_every_address_of_the_server_and_no_other(app: Flask, document: Document) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    api = {(path, method) for path, method in served(app) if path not in PAGES}
    assert described == api
    assert {path for path, _ in served(app)} >= set(PAGES)


def test_every_operation_has_its_own_name_and_says_what_it_does(document: Document) -> None:
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}


def test_the_token_endpoint_has_a_form_for_each_grant(document: Document) -> None:
    body = document["paths"]["/oauth/token"]["post"]["requestBody"]
    mapping = body["content"]["application/x-www-form-urlencoded"]["schema"]["discriminator"]["mapping"]
    assert set(mapping) == {grant.GRANT_TYPE for grant in GRANTS}


def test_every_error_code_of_the_protocol_is_named_with_its_status_where_it_occurs(document: Document) -> None:
    paths, schemas = document["paths"], document["components"]["schemas"]
    by_browser = authorization_response(document)["error"]["enum"]
    as_json = (paths["/oauth/token"]["post"]["responses"], paths["/oauth/userinfo"]["get"]["responses"])
    kinds: list[type[OAuthRefusal]] = [OAuthRefusal, *OAuthRefusal.__subclasses__()]
    for kind in kinds:
        named = [f"`{kind.error}`" in answers[str(kind.status)]["description"] for answers in as_json]
        assert kind.error in by_browser or any(named), kind
    enums = [schemas[name]["properties"]["error"]["enum"] for name in ("OAuthError", "BearerError")]
    assert {*by_browser, *enums[0], *enums[1]} == set(DESCRIPTIONS)


def test_the_errors_that_only_a_browser_brings_are_not_named_at_the_token_endpoint(document: Document) -> None:
    answers = document["paths"]["/oauth/token"]["post"]["responses"].values()
    words = " ".join(answer["description"] for answer in answers)
    for code in ("login_required", "access_denied", "invalid_token"):
        assert f"`{code}`" not in words
    assert "invalid_grant" not in authorization_response(document)["error"]["enum"]


def test_every_parameter_of_an_authorization_request_is_described_for_both_methods(document: Document) -> None:
    methods = document["paths"]["/oauth/authorize"]
    by_get = described_parameters(methods["get"])
    kept = set(AuthorizationRequest.__dataclass_fields__) - {"hinted_sub"}
    assert kept | {"response_type", "code_challenge_method", "id_token_hint"} <= set(by_get)
    form = methods["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(form["properties"]) == set(by_get)
    assert form["required"] == [one["name"] for one in methods["get"]["parameters"] if one["required"]]


@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_a_code_and_an_error_come_back_as_described(server: Server, document: Document, response_mode: str) -> None:
    app, user, browser = make_app(server), server.user(), Browser(server.app)
    names = authorization_response(document)
    refused = app.open(browser, response_mode=response_mode, prompt="none")
    assert set(refused.answer) == {"error", "error_description", "state", "iss"} == set(names) - {"code"}
    assert refused.answer["error"] in names["error"]["enum"]
    answered = app.log_in(browser, user, response_mode=response_mode)
    assert set(answered.answer) == {"code", "state", "iss"}
    conforms(document, "TokenResponse", app.tokens(answered))


def test_userinfo_and_its_refusals_are_as_described(server: Server, document: Document) -> None:
    app, user = make_app(server), server.user()
    tokens = app.tokens(app.log_in(Browser(server.app), user, scope="openid profile email"))
    conforms(document, "UserInfo", app.userinfo(tokens["access_token"]).get_json())
    described = document["paths"]["/oauth/userinfo"]["get"]["responses"]
    own = server.token(server.client()).get_json()["access_token"]
    for authorization, query in (("Bearer x", ""), ("", ""), (f"Bearer {own}", ""), ("", "?access_token=x")):
        refused = server.http.get(f"/oauth/userinfo{query}", headers={"Authorization": authorization})
        conforms(document, "BearerError", refused.get_json())
        code = refused.get_json().get("error", "invalid_token")
        assert f"`{code}`" in described[str(refused.status_code)]["description"]
        assert refused.headers["WWW-Authenticate"].startswith("Bearer ")


def test_signed_userinfo_has_the_described_type(server: Server, document: Document) -> None:
    app, user = make_app(server, userinfo_signed_response_alg="RS256"), server.user()
    tokens = app.tokens(app.log_in(Browser(server.app), user))
    content = document["paths"]["/oauth/userinfo"]["get"]["responses"]["200"]["content"]
    assert app.userinfo(tokens["access_token"]).content_type in set(content) - {"application/json"}


def test_the_metadata_schema_names_exactly_what_discovery_says(server: Server, document: Document) -> None:
    assert set(server.metadata) == set(document["components"]["schemas"]["Metadata"]["properties"])
    conforms(document, "Metadata", server.metadata)


def test_token_and_introspection_answers_are_as_described(server: Server, document: Document) -> None:
    service, app, user = server.client(scope="tokens:read"), server.first_party(), server.user()
    own = server.token(service).get_json()
    tokens = server.sign_in(app, user, scope="openid orders:read")
    conforms(document, "TokenResponse", own)
    conforms(document, "TokenResponse", tokens)
    conforms(document, "TokenResponse", server.refresh(app, tokens["refresh_token"]).get_json())
    for client, token in ((service, own["access_token"]), (service, tokens["access_token"])):
        answer = server.introspect(client, token)
        assert answer["active"]
        conforms(document, "IntrospectionResponse", answer)
    refreshed = server.sign_in(app, user)["refresh_token"]
    conforms(document, "IntrospectionResponse", server.introspect(app, refreshed))
    conforms(document, "IntrospectionResponse", server.introspect(service, "unknown"))


def test_refusals_are_as_described(server: Server, http: FlaskClient, document: Document) -> None:
    service = server.client()
    for response in (
        server.token(service, "unheard_of"),
        server.token(service, scope="not:registered"),
        server.post("token", grant_type="client_credentials", client_id="nobody"),
        http.get("/oauth/token"),
    ):
        assert response.status_code >= 400
        conforms(document, "OAuthError", response.get_json())
    conforms(document, "Problem", http.get("/nowhere").get_json())


def test_keys_and_health_are_as_described(http: FlaskClient, document: Document) -> None:
    keys = http.get("/.well-known/jwks.json").get_json()
    conforms(document, "JWKS", keys)
    conforms(document, "RelatedOrigins", http.get("/.well-known/webauthn").get_json())
    root = {"$ref": "#/components/schemas/JWK", "components": document["components"]}
    assert all(OAS31Validator(root).is_valid(key) for key in keys["keys"])
    conforms(document, "Live", http.get("/health/live").get_json())
    conforms(document, "Ready", http.get("/health/ready").get_json())
    conforms(document, "Health", http.get("/health").get_json())


def test_every_part_that_readiness_can_name_is_in_the_document(http: FlaskClient, document: Document) -> None:
    failing = document["components"]["schemas"]["Ready"]["properties"]["failing"]["items"]["enum"]
    assert {*http.get("/health").get_json()["checks"], "draining"} == set(failing)


def test_it_can_be_kept_and_asked_for_by_its_tag(http: FlaskClient) -> None:
    first = http.get("/openapi.json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = http.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize("issuer", ["https://login.example.com", "https://example.com/login"])
def test_it_names_the_issuer_whatever_the_request_says(make_server: Callable[..., Server], issuer: str) -> None:
    document = make_server(issuer=issuer).http.get("/openapi.json", headers={"Host": "localhost"}).get_json()
    assert document["servers"] == [{"url": issuer}]


def test_first_requests_at_once_get_one_document(make_server: Callable[..., Server]) -> None:
    app = make_server().app
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: app.test_client().get("/openapi.json"), range(16)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.data for response in responses}) == 1
