"""Normal forms of addresses and names: one person under every spelling, and no two people under one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oidc_server.audit.service import SYSTEM
from oidc_server.core.identity import NotAnEmail, NotAUsername, email_key, new_id, parse_id, username_key
from oidc_server.users.service import EmailTaken, UsernameTaken, create_user, login_key
from tests.relying_party import Server

STEADY = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+tag@example.com", "ada+tag@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
        ("ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example"),
        ("ada@XN--MNCHEN-3YA.example", "ada@xn--mnchen-3ya.example"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("JOSÉ@example.com", "josé@example.com"),
        ("J\u030c@example.com", "\u01f0@example.com"),
    ],
)
def test_spellings_of_one_address_have_one_key_g14(typed: str, key: str) -> None:
    assert email_key(typed) == key
    assert email_key(key) == key


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("m\u0131ke@example.com", "mike@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("ada@fa\u00df.example", "ada@fass.example"),
        ("\u0430da@example.com", "ada@example.com"),
        ("ada@\u0435xample.com", "ada@example.com"),
        ("a.da@example.com", "ada@example.com"),
        ("ada+x@example.com", "ada@example.com"),
        ("\u0130@example.com", "i@example.com"),
    ],
)
def test_addresses_that_only_look_alike_stay_apart_g13(one: str, another: str) -> None:
    try:
        assert email_key(one) != email_key(another)
    except NotAnEmail:
        assert email_key(another)


# G13, G14: written otherwise these would collide with somebody's address, or cannot be mailed to.
NO_ADDRESSES = (
    "mi\u212ae@example.com", "\u212a@example.com", "ada\uff20example.com", "\uff41da@example.com",
    "ada@example\u3002com", "ada@example\uff0ecom", "ada@example\uff61com", "ada@\uff45xample.com",
    "o\ufb03ce@example.com", "\u2126@example.com", " ada@example.com", "ada@example.com ", "ada @example.com",
    "ada@ example.com", "ada\t@example.com", "ada@example.com\n", "ada@example.com\r\nBcc: x@example.com",
    "ada\u200b@example.com", "ada\u200d@example.com", "\ufeffada@example.com", "ada@exam\u00adple.com",
    "\u202eada@example.com", "ada\0@example.com", "\ud800@example.com", "ada@example.com.", "ada@.example.com",
    "ada@example..com", "ada@-example.com", "ada@example", "ada@localhost", "ada@[127.0.0.1]",
    "ada@xn--zzzzzz-.example", "ada@exa_mple.com", "@example.com", "ada@", "ada", "", "@", "ada@@example.com",
    ".ada@example.com", "ada.@example.com", "a..da@example.com", '"ada"@example.com', "ada(x)@example.com",
    "Ada <ada@example.com>", "ada,eve@example.com", "ada;eve@example.com", "ada@example.com,eve@example.com",
    "a" * 65 + "@example.com", "ada@" + "a" * 64 + ".com", "ada@" + "a." * 130 + "com",
    "e\u0301" * 64 + "@" + "a." * 120 + "com",
)  # fmt: skip


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_what_could_collide_or_cannot_be_mailed_to_is_refused_g13_g14(typed: str) -> None:
    with pytest.raises(NotAnEmail):
        email_key(typed)


@pytest.mark.parametrize(
    ("typed", "key"),
    [("Ada", "ada"), ("ada.lovelace", "ada.lovelace"), ("\uff21da", "ada"), ("JOSÉ", "josé"), ("jose\u0301", "josé")],
)
def test_spellings_of_one_username_have_one_key_g14(typed: str, key: str) -> None:
    assert username_key(typed) == username_key(key) == key


@pytest.mark.parametrize(("one", "another"), [("m\u0131ke", "mike"), ("stra\u00dfe", "strasse"), ("\u0430da", "ada")])
def test_usernames_that_only_look_alike_stay_apart_g13(one: str, another: str) -> None:
    assert username_key(one) != username_key(another)


@pytest.mark.parametrize(
    "typed",
    [
        "\u212aim", "\u2126", "\u017f", "\u2163", "o\ufb03ce", "ada lovelace", " ada", "ada ", "ada\t", "ada\u200b",
        "ada\u00ad", "\ufeffada", "ada\u202e", "ada\0", "ada@example.com", "ada/eve", "ada:eve", "ada%00", "<ada>", "'",
        '"', "", "*", "\ud800", "a" * 65, "e\u0301" * 40, "ada\n", "\u0661\u06f1",
    ],
)  # fmt: skip
def test_what_is_no_username_is_refused_g13_g14(typed: str) -> None:
    with pytest.raises(NotAUsername):
        username_key(typed)


anything = st.text(max_size=24)
addresses = st.builds(
    "{}@{}.{}".format, st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), st.just("org")
)


@STEADY
@given(anything | addresses)
def test_a_key_of_an_address_is_its_own_key_and_safe_to_store_g13_w02(typed: str) -> None:
    try:
        key = email_key(typed)
    except NotAnEmail:
        return
    assert email_key(key) == key
    assert unicodedata.is_normalized("NFC", key)
    assert key.isprintable()
    assert key.count("@") == 1
    assert key.partition("@")[2].isascii()
    assert len(key) <= 320


@STEADY
@given(anything)
def test_a_key_of_a_username_is_its_own_key_and_safe_to_store_g13_w02(typed: str) -> None:
    try:
        key = username_key(typed)
    except NotAUsername:
        return
    assert username_key(key) == key
    assert key.isprintable()
    assert "@" not in key
    assert len(key) <= 64


@STEADY
@given(anything | addresses)
def test_whatever_is_typed_at_sign_in_is_a_name_or_nobody_w02(typed: str) -> None:
    found = login_key(typed)
    assert found is None or found[0] in {"email", "username"}


def test_no_second_account_can_be_made_under_another_spelling_g14(server: Server) -> None:
    server.user("Ada@Münch.example", username="Ada")
    with server.app.app_context():
        for spelling in ("ada@münch.example", "ADA@MÜNCH.EXAMPLE", "ada@xn--mnch-0ra.example"):
            with pytest.raises(EmailTaken), server.database.transaction() as session:
                create_user(session, actor=SYSTEM, email=spelling)
        for spelling in ("ada", "ADA", "\uff21da"):
            with pytest.raises(UsernameTaken), server.database.transaction() as session:
                create_user(session, actor=SYSTEM, email="other@example.com", username=spelling)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1", "0" * 32, "{00000000-0000-7000-8000-000000000000}", "urn:uuid:00000000-0000-7000-8000-000000000000",
     "00000000-0000-7000-8000-00000000000A", "00000000-0000-7000-8000-000000000000 ", "0" * 10_000, "\0", "\ud800",
     "00000000-0000-7000-8000-00000000000\uff10"],
)  # fmt: skip
def test_an_id_has_one_spelling_w02_w03(text: str) -> None:
    assert parse_id(text) is None


def test_ids_are_ordered_by_time() -> None:
    made = [new_id() for _ in range(50)]
    assert made == sorted(made)
    assert len(set(made)) == 50
    assert all(one.version == 7 and parse_id(str(one)) == one for one in made)
