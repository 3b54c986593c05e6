"""``/health/live``: the process answers. ``/health/ready``: it can work and is not draining. ``/health``: each part."""

from flask import Blueprint, Response, current_app

from oidc_server.core.http import JsonResponse
from oidc_server.operation.readiness import EXTENSION, UNKNOWN, Readiness

health = Blueprint("health", __name__)
_RETRY_AFTER = ("Retry-After", "5")


def _readiness() -> Readiness:
    readiness: Readiness = current_app.extensions[EXTENSION]
    return readiness


def _answer(body: dict[str, object], *, healthy: bool) -> Response:
    response = JsonResponse(body, 200 if healthy else 503)
    if not healthy:
        response.headers.add(*_RETRY_AFTER)
    return response


@health.get("/health/live")
def live() -> Response:
    """The process runs; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@health.get("/health/ready")
def ready() -> Response:
    """Whether requests should be sent here. What is wrong is named, not described: the details are in the log."""
    names = [check.name for check in _readiness().problems()]
    return _answer({"status": "unready" if names else "ready", "failing": names}, healthy=not names)


@health.get("/health")
def overview() -> Response:
    """The state of each dependency. Without mail the server works, if not as well: that is no failure."""
    checks = _readiness().checks()
    healthy = all(check.problem is None for check in checks)
    parts = {check.name: "ok" if check.problem is None else "failing" for check in checks}
    mail = _readiness().mail() if parts["database"] == "ok" else UNKNOWN
    working = "degraded" if mail.late else "ok"
    return _answer({"status": working if healthy else "failing", "checks": parts, "mail": mail.status}, healthy=healthy)
