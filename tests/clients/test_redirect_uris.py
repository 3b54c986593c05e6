"""The one redirect-URI rule: what may be registered, and what counts as the same (RFC 9700 §2.1, RFC 8252 §7)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.redirect_uris import check_redirect_uri, matches, origins

STEADY = settings(deadline=None, derandomize=True)
RP = "https://rp.example.com/cb"
TYPES = ("confidential", "public")

# A01, A02, A04: spellings of a registered https URI by which a code went astray elsewhere.
NOT_THE_SAME = (
    "https://rp.example.com/cb.evil", "https://rp.example.com/cb/", "https://rp.example.com/cb/../x",
    "https://rp.example.com/cb..;/", "https://rp.example.com/x/../cb", "https://rp.example.com/%2e%2e/cb",
    "https://rp.example.com/./cb", "https://rp.example.com/cb%2f..%2fx", "https://rp.example.com//cb",
    "https://rp.example.com.evil.example/cb", "https://evil.example/cb", "https://evilrp.example.com/cb",
    "https://rp.example.com@evil.example/cb", "https://evil.example/https://rp.example.com/cb",
    "https://sub.rp.example.com/cb", "https://example.com/cb", "https://rp.example.com", "https://rp.example.com/",
    "https://rp.example.com/cb?x=1", "https://rp.example.com/cb?", "https://rp.example.com/cb;p=1",
    "https://rp.example.com/cb#", "https://rp.example.com/cb#x", "https://rp.example.com/cb&x=1",
    "HTTPS://rp.example.com/cb", "https://RP.example.com/cb", "https://rp.example.com/CB",
    "https://rp.example.com:443/cb", "https://rp.example.com:/cb", "https://rp.example.com./cb",
    "https://rp.example.com:8443/cb", "http://rp.example.com/cb", "//rp.example.com/cb", "rp.example.com/cb",
    "https:rp.example.com/cb", "https:/rp.example.com/cb", "https:///rp.example.com/cb",
    "https://rp.example.com\\cb", "https://rp.example.com\\@evil.example/cb", "https:\\\\rp.example.com/cb",
    "https://rp.example.com/cb\t", "\thttps://rp.example.com/cb", "https://rp.exam\tple.com/cb",
    "https://rp.example.com/cb\n", "https://rp.example.com/cb\0", " https://rp.example.com/cb",
    "https://rp.example.com/cb ", "https://rp。example.com/cb", "https://rp.examplе.com/cb",
    "https://xn--rp-xyz.example.com/cb", "https://rp.example.com/%63b", "https://rp.example.com/c%62",
    "ｈttps://rp.example.com/cb", "https://rp.example.com/cb\u200b", "javascript:https://rp.example.com/cb", "",
    "*", "https://*.example.com/cb", "null",
)  # fmt: skip


@pytest.mark.parametrize("client_type", TYPES)
def test_only_the_very_same_string_matches_a01_a02_a04(client_type: str) -> None:
    assert matches(RP, [RP], client_type=client_type)
    for requested in NOT_THE_SAME:
        assert not matches(requested, [RP], client_type=client_type), requested
        assert not matches(requested, ["https://other.example.com/cb", RP], client_type=client_type), requested
    assert not matches(RP, [], client_type=client_type)


def test_a_query_matches_only_as_it_was_registered_a02() -> None:
    registered = "https://rp.example.com/cb?a=1&b=2"
    assert matches(registered, [registered], client_type="public")
    for query in ("", "?", "?a=1", "?b=2&a=1", "?a=1&b=2&c=3", "?a=1&b=2&", "?a=1&amp;b=2", "?a=1;b=2", "?A=1&b=2"):
        assert not matches(RP + query, [registered], client_type="public"), query


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_native_app_s_loopback_may_come_with_any_port_a05(host: str) -> None:
    for registered in (f"http://{host}/cb", f"http://{host}:1234/cb"):
        for requested in (
            f"http://{host}/cb",
            f"http://{host}:1234/cb",
            f"http://{host}:65535/cb",
            f"http://{host}:0/cb",
        ):
            assert matches(requested, [registered], client_type="public"), requested


# A05: what is no loopback address, or not the registered path of it.
NO_LOOPBACK = (
    "http://localhost:9/cb", "http://localhost.evil.example:9/cb", "http://127.0.0.1.evil.example:9/cb",
    "http://127.1:9/cb", "http://127.0.0.2:9/cb", "http://0x7f000001:9/cb", "http://0x7f.0.0.1:9/cb",
    "http://2130706433:9/cb", "http://0177.0.0.1:9/cb", "http://127.0.0.01:9/cb", "http://0.0.0.0:9/cb",
    "http://[::ffff:127.0.0.1]:9/cb", "http://[0:0:0:0:0:0:0:1]:9/cb", "http://[::1%25lo]:9/cb", "http://[::]:9/cb",
    "https://127.0.0.1:9/cb", "HTTP://127.0.0.1:9/cb", "http://user@127.0.0.1:9/cb", "http://127.0.0.1:9@evil/cb",
    "http://127.0.0.1:9/cb/", "http://127.0.0.1:9/", "http://127.0.0.1:9/cb?x=1", "http://127.0.0.1:9/cb#x",
    "http://127.0.0.1:9/CB", "http://127.0.0.1:9/x/../cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:-1/cb",
    "http://127.0.0.1:9a/cb", "http://127.0.0.1:/cb", "http://127.0.0.1:+9/cb", "http://127.0.0.1:09/cb",
    "http://127.0.0.1:９/cb", "http://127.0.0.1:9\\@evil.example/cb", "http://evil.example/http://127.0.0.1:9/cb",
)  # fmt: skip


def test_nothing_else_counts_as_loopback_a05() -> None:
    for requested in NO_LOOPBACK:
        assert not matches(requested, ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb"], client_type="public"), requested
    assert not matches("http://[::1]:9/cb", ["http://127.0.0.1/cb"], client_type="public")
    assert not matches("http://localhost:9/cb", ["http://localhost/cb"], client_type="public")


def test_only_a_public_client_gets_another_port_a05() -> None:
    assert not matches("http://127.0.0.1:9/cb", ["http://127.0.0.1/cb"], client_type="confidential")
    assert matches("http://127.0.0.1/cb", ["http://127.0.0.1/cb"], client_type="confidential")
    assert not matches("https://rp.example.com:9/cb", ["https://rp.example.com/cb"], client_type="public")


@STEADY
@given(st.text(max_size=80) | st.sampled_from(NOT_THE_SAME + NO_LOOPBACK), st.sampled_from(TYPES))
def test_what_is_not_registered_never_matches_and_never_crashes_a01(requested: str, client_type: str) -> None:
    registered = [RP, "http://127.0.0.1/only-here", "com.example.app:/cb"]
    if requested not in registered:
        assert not matches(requested, registered, client_type=client_type)


# A08 and its neighbours: what nobody may register.
REFUSED = (
    "javascript:alert(1)", "JavaScript:alert(1)", "javascript://rp.example.com/%0aalert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "blob:https://rp.example.com/x", "about:blank", "view-source:https://x.example",
    "ftp://rp.example.com/cb", "ws://rp.example.com/cb", "mailto:a@example.com", "urn:ietf:wg:oauth:2.0:oob", "oob",
    "intent://x#Intent;end", "http://rp.example.com/cb", "http://localhost.evil.example/cb", "http://127.1/cb",
    "http://0x7f000001/cb", "http://2130706433/cb", "http://[::ffff:127.0.0.1]/cb", "http://0.0.0.0/cb",
    "http://127.0.0.1.evil.example/cb", "http://10.0.0.1/cb", "https://user@rp.example.com/cb",
    "https://user:pw@rp.example.com/cb", "https://@rp.example.com/cb", "https://rp.example.com/cb#x",
    "https://rp.example.com/cb#", "https://rp.example.com/../cb", "https://rp.example.com/./cb",
    "https://rp.example.com/%2E%2e/cb", "https://rp.example.com/%2e/cb", "https://rp.example.com\\cb",
    "https://rp.example.com/cb\n", "https://rp.example.com/c b", "https://rp.example.com:x/cb",
    "https://rp.example.com:99999/cb", "https://rp。example.com/cb", "https://münchen.example/cb", "https://",
    "https:///cb", "https:rp.example.com/cb", "https://[::1/cb", "https://[x]/cb", "//rp.example.com/cb", "/cb", "",
    " ", "*", "https://rp.example.com/{x}", "https://rp.example.com/<script>", 'https://rp.example.com/"',
    "https://rp.example.com/|", "com.example.app://host/cb", "example:/cb", ":/cb", ".:/cb", "https://" + "a" * 2000,
)  # fmt: skip


def may_be_registered(uri: str, client_type: str) -> bool:
    try:
        taken = check_redirect_uri(uri, client_type=client_type)
    except MetadataInvalid:
        return False
    assert taken == uri
    return True


@pytest.mark.parametrize("client_type", TYPES)
def test_a_dangerous_or_unclear_uri_cannot_be_registered_a08_a01_a05(client_type: str) -> None:
    for uri in REFUSED:
        assert not may_be_registered(uri, client_type), uri


def test_what_may_be_registered() -> None:
    for uri in (RP, "https://rp.example.com", "https://rp.example.com:8443/cb?a=1", "http://127.0.0.1/cb",
                "http://127.0.0.1:8080/cb", "http://[::1]/cb", "http://localhost:3000/cb"):  # fmt: skip
        for client_type in TYPES:
            assert may_be_registered(uri, client_type)
    native = "com.example.app:/cb"  # RFC 8252 §7.1
    assert may_be_registered(native, "public")
    assert not may_be_registered(native, "confidential")


@STEADY
@given(st.text(max_size=60), st.sampled_from(TYPES))
def test_any_text_is_taken_or_refused_in_words_a08(text: str, client_type: str) -> None:
    if may_be_registered(text, client_type):
        assert text.isascii()
        assert text.isprintable()


def test_origins_are_those_of_the_web_only_w13() -> None:
    uris = [
        RP,
        "https://RP.example.com:443/other",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
        "http://[::1]:80/cb",
    ]
    assert origins(uris) == {"https://rp.example.com", "http://localhost:3000", "http://[::1]"}
    assert origins(["not a uri", "https://rp.example.com:x/"]) == set()
