"""What a client may call itself, and the links that it may show beside its name (attack D21)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oidc_server.clients.metadata import MetadataInvalid
from oidc_server.clients.presentation import NAME_CHARACTERS, check_client_name, check_link

STEADY = settings(deadline=None, derandomize=True)
# Line breaks, zero-width characters, marks that turn the text around, tags, and what looks like nothing at all.
UNSEEN = (
    "\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u00a0", "\u00ad", "\u061c", "\u180e", "\u200b", "\u200c",
    "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2060",
    "\u2061", "\u2064", "\u2066", "\u2067", "\u2068", "\u2069", "\u206f", "\u3000", "\ufeff", "\ufff9", "\ufffb",
    "\U000e0001", "\U000e0041", "\U000e007f", "\ue000", "\udcff", "\u034f", "\u115f", "\u1160", "\u17b4", "\u2800",
    "\u3164", "\uffa0",
)  # fmt: skip


@pytest.mark.parametrize("character", UNSEEN, ids=lambda character: f"U+{ord(character):04X}")
def test_a_name_has_nothing_in_it_that_cannot_be_seen_d21(character: str) -> None:
    for name in (f"Bank{character}Login", f"B{character}", character * 3, f"{character}."):
        if character.isspace() and name.strip() != name:
            continue  # at either end a space is only taken away
        with pytest.raises(MetadataInvalid):
            check_client_name(name)


def test_spaces_are_single_and_never_at_either_end_d21() -> None:
    assert check_client_name("  My   Bank ") == "My Bank"
    assert check_client_name("\tMy Bank\n") == "My Bank"


def test_a_name_is_kept_in_its_composed_form_d21() -> None:
    assert check_client_name("Cafe\u0301") == "Café"
    assert check_client_name("Ωmega 株式会社 שלום ☕") == "Ωmega 株式会社 שלום ☕"


def test_a_name_does_not_join_what_stands_before_it_d21() -> None:
    for name in ("\u0301Bank", "\u20e0", " \u0338 Bank"):
        with pytest.raises(MetadataInvalid, match="mark"):
            check_client_name(name)


def test_a_name_has_1_to_200_characters() -> None:
    assert len(check_client_name("é" * NAME_CHARACTERS)) == NAME_CHARACTERS
    for name in ("", " ", "x" * (NAME_CHARACTERS + 1), "\u0958" * 101):  # one that its composed form makes longer
        with pytest.raises(MetadataInvalid):
            check_client_name(name)


@STEADY
@given(st.text(max_size=250))
def test_whatever_is_sent_as_a_name_is_taken_or_refused_in_words_d21_w02(text: str) -> None:
    try:
        name = check_client_name(text)
    except MetadataInvalid:
        return
    assert 1 <= len(name) <= NAME_CHARACTERS
    assert name.isprintable()
    assert name == name.strip() == unicodedata.normalize("NFC", name)
    assert check_client_name(name) == name


@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example.com", "https://rp.example.com/", "https://rp.example.com/terms?v=2#part",
        "https://RP.example.com:8443/%C3%A9", "https://xn--caf-dma.example.com/", "https://[2001:db8::1]/",
        "https://rp.example.com/" + "x" * 1977,
    ],
)  # fmt: skip
def test_a_link_is_an_https_address(uri: str) -> None:
    assert check_link("tos_uri", uri) == uri
    assert check_link("tos_uri", None) is None


@pytest.mark.parametrize(
    "uri",
    [
        "", " ", "rp.example.com", "//rp.example.com", "/terms", "http://rp.example.com/", "http://127.0.0.1/",
        "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
        "com.example.app:/terms", "https:", "https://", "https:///terms", "https:rp.example.com",
        "https:/rp.example.com",
        "https://bank.example@evil.example/", "https://:pw@evil.example/", "https://@evil.example/", "https://:443/",
        "https://rp.example.com:x/", "https://rp.example.com:99999/", "https://[::1", "https://[x]/",
        "https://rp.example%2ecom/", "https://rp.example.com\\@evil.example/", "https:\\\\rp.example.com",
        "https://rp.example.com/\n", "https://rp.example.com/\0", "https://rp.exam\tple.com/",
        "https://rp.example.com/ x",
        'https://rp.example.com/"onclick="x', "https://rp.example.com/<x>", "https://rp.examplе.com/",
        "https://rp.example.com/\u202e", "https://rp.example.com/" + "x" * 1978, "\udcff",
    ],
)  # fmt: skip
def test_what_is_no_https_address_is_no_link_d21_w02(uri: str) -> None:
    for name in ("client_uri", "policy_uri", "tos_uri"):
        with pytest.raises(MetadataInvalid, match=name):
            check_link(name, uri)
