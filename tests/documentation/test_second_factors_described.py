"""What the addresses below ``/mfa`` and the token endpoint answer about second factors is what the document says."""

from __future__ import annotations

from typing import Any

from openapi_schema_validator import OAS31Validator

from tests.accounts.json_client import JsonClient
from tests.mfa.json_app import GRANT, by_password_grant, log_in, owed
from tests.relying_party import Server, body_of
from tests.second_factors import enrol_email, enrol_totp, recovery_codes, set_policy

Document = dict[str, Any]


def conforms(document: Document, schema: str, answer: Any) -> None:
    """The answer fits the schema and holds nothing that it does not name."""
    described = document["components"]["schemas"][schema]
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    assert [error.message for error in OAS31Validator(root).iter_errors(answer)] == []
    assert set(answer) <= set(described["properties"]), schema


def test_the_answers_about_methods_are_as_described(server: Server, document: Document) -> None:
    user = server.user()
    totp = enrol_totp(server, user)
    enrol_email(server, user)
    mine = log_in(server, user, totp)
    methods = body_of(mine.get("/mfa/methods"))
    conforms(document, "Methods", methods)
    for method in methods["items"]:
        conforms(document, "Method", method)
    conforms(document, "SetupBegun", body_of(mine.post("/mfa/setup", type="totp")))
    conforms(document, "SetupBegun", body_of(mine.post("/mfa/setup", type="webauthn")))
    conforms(document, "BackupCodes", body_of(mine.post("/mfa/backup-codes/regenerate")))
    conforms(document, "Challenged", body_of(mine.post("/mfa/challenge", method_id=str(totp.method_id))))
    given = mine.post("/mfa/verify", method_id=str(totp.method_id), code=totp.code(1))
    conforms(document, "FactorGiven", body_of(given))


def test_what_a_login_owes_is_told_as_described(server: Server, document: Document) -> None:
    user, client, mine = server.user(), server.first_party(), JsonClient(server)
    enrol_email(server, user)
    recovery_codes(server, user)
    as_json, at_the_token_endpoint = owed(mine, user), body_of(by_password_grant(server, client, user))
    conforms(document, "Problem", as_json)
    conforms(document, "OAuthError", at_the_token_endpoint)
    for choice in (*as_json["methods"], *at_the_token_endpoint["methods"]):
        conforms(document, "FactorChoice", choice)
    newcomer = server.user()
    set_policy(server, user=newcomer, level="required")
    conforms(document, "OAuthError", body_of(by_password_grant(server, client, newcomer)))
    refused = mine.post("/auth/login", email=newcomer.email, password=newcomer.password)
    conforms(document, "Problem", body_of(refused))


def test_the_examples_of_requests_fit_their_schemas(document: Document) -> None:
    described = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content and "schema" in content:
                root = {**content["schema"], "components": document["components"]}
                errors = [error.message for error in OAS31Validator(root).iter_errors(content["example"])]
                assert errors == [], path
                described += path.startswith("/mfa/")
    assert described >= 5


def test_the_form_of_the_continuation_grant_says_which_members_go_together(document: Document) -> None:
    form = document["components"]["schemas"]["TokenRequest.mfa"]
    assert form["properties"]["grant_type"]["const"] == GRANT
    validator = OAS31Validator(form)
    whole = {"grant_type": GRANT, "mfa_token": "x", "method_id": "m"}
    assert validator.is_valid(whole | {"code": "123456"})
    assert validator.is_valid(whole | {"credential": "{}"})
    assert not validator.is_valid(whole)
    assert not validator.is_valid(whole | {"code": "123456", "credential": "{}"})
