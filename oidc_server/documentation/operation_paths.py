"""The endpoints of those who run the server, described, and the description itself."""

from __future__ import annotations

from typing import Any

from oidc_server.core.metrics import CONTENT_TYPE
from oidc_server.documentation.responses import answer, document_answer, problem
from oidc_server.operation.metrics import METRICS_SCOPE

OPENAPI = "/openapi.json"
DOCS = "/docs"


def operation_paths() -> dict[str, dict[str, Any]]:
    """The operations of health, metrics and the description itself, by path."""
    return {
        "/health": {"get": _health("health", "The state of each part", "Health")},
        "/health/live": {"get": _live()},
        "/health/ready": {"get": _health("ready", "Whether requests should be sent here", "Ready")},
        "/metrics": {"get": _metrics()},
        OPENAPI: {"get": _openapi()},
    }


def _health(name: str, summary: str, schema: str) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": ["Operation"],
        "summary": summary,
        "description": "What is wrong is named, not described: the details are in the log and in `oidc-server doctor`.",
        "security": [],
        "responses": {
            "200": answer("All is well.", schema),
            "503": answer("Something is wrong.", schema, headers=("Retry-After",)),
        },
    }


def _live() -> dict[str, Any]:
    return {
        "operationId": "live",
        "tags": ["Operation"],
        "summary": "Whether the process answers",
        "description": "Nothing else is asked, not even the database: restart the process when this fails.",
        "security": [],
        "responses": {"200": answer("It does.", "Live")},
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "metrics",
        "tags": ["Operation"],
        "summary": "Metrics for Prometheus",
        "description": f"For callers on loopback, for API keys with the scope `{METRICS_SCOPE}`, and for access tokens "
        "with it and the server's default audience. Summed over the worker processes.",
        "security": [{"accessToken": [METRICS_SCOPE]}, {"apiKey": []}, {}],
        "responses": {
            "200": {
                **answer("The metrics."),
                "content": {CONTENT_TYPE: {"schema": {"type": "string"}}},
            },
            "404": problem("The caller may not see them: the same as where nothing is."),
        },
    }


def _openapi() -> dict[str, Any]:
    return {
        "operationId": "openapi",
        "tags": ["Operation"],
        "summary": "This description, for programs",
        "description": f"OpenAPI 3.1. For people it is at `{DOCS}`.",
        "security": [],
        "responses": document_answer("The document.", None),
    }
