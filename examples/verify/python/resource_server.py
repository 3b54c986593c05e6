"""A resource server with one route: `GET /orders` takes an access token with the scope `orders:read` (RFC 6750)."""

from flask import Flask, Response, jsonify, request
from verify import AccessTokenVerifier, Refused

STATUS = {"invalid_request": 401, "invalid_token": 401, "insufficient_scope": 403, "temporarily_unavailable": 503}

app = Flask(__name__)
verifier = AccessTokenVerifier.from_environment()


@app.errorhandler(Refused)
def refuse(refusal: Refused) -> Response:
    response = jsonify(error=refusal.error)
    response.status_code = STATUS[refusal.error]
    if refusal.error == "invalid_request":  # no token at all: the challenge names no error (RFC 6750 §3.1)
        response.headers["WWW-Authenticate"] = "Bearer"
    elif response.status_code != 503:
        response.headers["WWW-Authenticate"] = f'Bearer error="{refusal.error}", scope="orders:read"'
    app.logger.info("refused: %s", refusal.reason)  # the reason is for us; the caller sees only the error
    return response


@app.get("/orders")
def orders() -> Response:
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not credentials.token:
        raise Refused("invalid_request", "no bearer token")
    claims = verifier.verify(credentials.token, "orders:read")
    return jsonify(orders=[], subject=claims["sub"], client_id=claims["client_id"])
