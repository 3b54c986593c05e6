"""Modules of the Basic and Form Post OP plans that are about request objects (oidcc-…), which this server does not
support: it must say so, and must not act as if there were none (OpenID Connect Core §3.1.2.6, §6)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.app_login import CALLBACK
from tests.certification.answers import check_error_page, received_error
from tests.certification.conformance import Conformance

# What a request has to say outside of its request object too (RFC 6749 §3.1.2.3, OpenID Connect Core §6.1).
BESIDE = ("client_id", "redirect_uri", "response_type", "scope")


def unsigned(claims: Any) -> str:
    """A request object with ``alg`` none."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def test_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(conformance: Conformance) -> None:
    """``state`` and ``response_mode`` are in the request object only; the answer has to come where it can be seen."""
    assert conformance.server.metadata["request_parameter_supported"] is False
    asked = conformance.request()
    sent = {name: asked[name] for name in BESIDE} | {"request": unsigned(asked)}
    assert received_error(conformance.server, asked, conformance.send(sent)) == "request_not_supported"
    sent = asked | {"request": unsigned(asked)}
    assert received_error(conformance.server, asked, conformance.send(sent)) == "request_not_supported"


def test_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(conformance: Conformance) -> None:
    """Nothing is fetched, so that ``state`` and ``response_mode`` count only where they are sent along."""
    assert conformance.server.metadata["request_uri_parameter_supported"] is False
    asked = conformance.request(request_uri="https://app.example.com/request.jwt#k3Wq9zTn")
    assert received_error(conformance.server, asked, conformance.send(asked)) == "request_uri_not_supported"
    sent = {name: asked[name] for name in (*BESIDE, "request_uri")}
    assert received_error(conformance.server, sent, conformance.send(sent)) == "request_uri_not_supported"


def test_ensure_request_object_with_redirect_uri(conformance: Conformance) -> None:
    """The request object names the registered redirect URI, the request itself another one: neither is gone to."""
    asked = conformance.request()
    sent = asked | {"request": unsigned(asked), "redirect_uri": f"{CALLBACK}_invalid"}
    check_error_page(conformance.send(sent))


@pytest.mark.parametrize(
    "request_object",
    [
        "no request object",
        "..",
        "e30.!!!.",
        unsigned([]),
        unsigned({"state": ["a"], "response_mode": {"form_post": True}}),
        unsigned({"state": "a\r\nSet-Cookie: a=b", "response_mode": "fragment"}),
        unsigned({"state": "", "response_mode": ""}),
    ],
)
def test_a_request_object_in_which_nothing_can_be_read_is_refused_too(
    conformance: Conformance, request_object: str
) -> None:
    asked = conformance.request()
    sent = {name: asked[name] for name in BESIDE} | {"request": request_object}
    assert received_error(conformance.server, sent, conformance.send(sent)) == "request_not_supported"
