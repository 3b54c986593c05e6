"""A resource server that reads orders for everybody who may, and pays only for who has just given a second factor."""

from challenge import Demand
from flask import Flask, Response, jsonify, request
from verify import AccessTokenVerifier, Refused

MFA, PHISHING_RESISTANT = "urn:oidc-server:acr:mfa", "urn:oidc-server:acr:phishing-resistant"
# A level is reached by every one above it. Ask for the lowest that will do, and take the others.
TO_PAY = Demand((MFA, PHISHING_RESISTANT), max_age=300)

app = Flask(__name__)
verifier = AccessTokenVerifier.from_environment()


@app.errorhandler(Refused)
def refuse(refusal: Refused) -> tuple[Response, int, dict[str, str]]:
    if refusal.error == "temporarily_unavailable":
        return jsonify(error=refusal.error), 503, {}
    status = 403 if refusal.error == "insufficient_scope" else 401
    return jsonify(error=refusal.error), status, {"WWW-Authenticate": f'Bearer error="{refusal.error}"'}


@app.get("/health")
def health() -> Response:
    return jsonify(status="ok")


@app.get("/orders")
def orders() -> Response:
    claims = verified("orders:read")
    return jsonify(orders=[], subject=claims["sub"])


@app.post("/payments")
def pay() -> Response | tuple[Response, int, dict[str, str]]:
    claims = verified("orders:read")
    if not TO_PAY.is_met(claims):
        body = jsonify(error="insufficient_user_authentication")
        return body, 401, {"WWW-Authenticate": TO_PAY.header}
    return jsonify(paid=True, subject=claims["sub"], acr=claims["acr"], amr=claims["amr"])


def verified(scope: str) -> dict:
    """The claims of the request's token, which was verified (`examples/verify`)."""
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not credentials.token:
        raise Refused("invalid_token", "no bearer token")
    return verifier.verify(credentials.token, scope)
