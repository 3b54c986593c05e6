"""Prometheus metrics, correct across worker processes when ``PROMETHEUS_MULTIPROC_DIR`` is set before start."""

import os
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY

_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

REQUEST_SECONDS = Histogram(
    "oidc_http_request_seconds", "Time to answer, by route, method and status.", ("route", "method", "status"),
    buckets=_LATENCY_BUCKETS,
)  # fmt: skip
REFUSALS = Counter("oidc_refusals", "Refused requests, by reason.", ("reason",))
TOKENS_ISSUED = Counter("oidc_tokens_issued", "Token responses, by grant type.", ("grant_type",))
PASSWORDS_WAITING = Gauge(
    "oidc_passwords_waiting", "Password checks waiting for their turn.", multiprocess_mode="livesum"
)
KEY_STORE_FAILURES = Counter("oidc_key_store_failures", "Reads of the key store that failed.")
BREACH_SERVICE_FAILURES = Counter("oidc_breach_service_failures", "Questions that the breach service did not answer.")
MESSAGES_WAITING = Gauge(
    "oidc_messages_waiting", "Mail and text messages that wait to be sent, by kind.", ("kind",),
    multiprocess_mode="mostrecent",
)  # fmt: skip
MESSAGES_SENT = Counter("oidc_messages_sent", "Messages that were handed over, by kind.", ("kind",))
MESSAGES_DROPPED = Counter(
    "oidc_messages_dropped", "Messages that were not sent, by kind and cause.", ("kind", "cause")
)
MESSAGE_FAILURES = Counter("oidc_message_failures", "Attempts to send a message that failed, by kind.", ("kind",))

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST


@cache
def _request_series(route: str, method: str, status: int) -> Histogram:
    return REQUEST_SECONDS.labels(route, method, str(status))


@cache
def _tokens_series(grant_type: str) -> Counter:
    return TOKENS_ISSUED.labels(grant_type)


def observe_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request. ``route`` is a URL rule, never a raw path, so the series stay few."""
    _request_series(route, method, status).observe(seconds)


def count_token(grant_type: str) -> None:
    """Count one token response."""
    _tokens_series(grant_type).inc()


def count_refusal(reason: str) -> None:
    """Count one refusal."""
    REFUSALS.labels(reason).inc()


def exposition() -> bytes:
    """All metrics in Prometheus' text format, summed over the worker processes."""
    if MULTIPROCESS_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
