"""Which addresses and names can be registered: spellings, look-alikes, and text that is made to do harm."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from oidc_server.users.models import User
from tests.accounts.json_client import errors, problem
from tests.accounts.people import ADA, Town
from tests.relying_party import PASSWORD, body_of

WRONG = (422, "validation_failed")
MIKE = "mike@example.com"


def accounts(town: Town) -> int:
    with town.server.database.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def test_spellings_of_one_address_are_one_account_g14(town: Town) -> None:
    for email in ("Ada@Example.com", "ada@example.com", "ADA@EXAMPLE.COM", "  ada@example.com ", " ada@EXAMPLE.com"):
        assert town.register(email).status_code == 201
    assert accounts(town) == 1
    assert {letter.recipient for letter in town.mail()} == {"Ada@example.com"}  # a domain has no case


NO_ADDRESSES = [
    "a\u200bda@example.com",
    "ada\t@example.com",
    "ada@example.com.",
    "ada@exam\tple.com",
    "ada@example..com",
    "\ufeffada@example.com",
    "ada@example.com\u200b",
    ".ada@example.com",
    "ada@@example.com",
    "ada@example",
    "ada@example.com\t",
]


def test_what_only_looks_like_an_address_is_refused_g14(town: Town) -> None:
    for email in NO_ADDRESSES:
        response = town.register(email)
        assert (problem(response), errors(response)) == (WRONG, {"email"}), ascii(email)


LOOK_ALIKES = ["mi\u212ae@example.com", "mike\uff20example.com", "\uff4dike@example.com", "mike@\u212aexample.com"]


def test_look_alikes_are_refused_g13(town: Town) -> None:
    town.server.user(MIKE)
    for email in LOOK_ALIKES:
        for response in (town.register(email), town.app.post("/auth/resend-verification", email=email)):
            assert (problem(response), errors(response)) == (WRONG, {"email"}), ascii(email)
    assert town.mail() == []


SIMILAR = {
    MIKE: "m\u0131ke@example.com",
    "a@stra\u00dfe.example": "a@strasse.example",
    "a@b\u00fccher.example": "a@bucher.example",
    "jos\u00e9@example.com": "jose@example.com",
}


def test_similar_addresses_are_two_accounts_g13(town: Town) -> None:
    for email, other in SIMILAR.items():
        town.server.user(email)
        assert town.register(other).status_code == 201
    assert accounts(town) == 2 * len(SIMILAR)
    assert not {letter.recipient for letter in town.mail()} & SIMILAR.keys()


def test_both_forms_of_a_domain_are_one_account_and_mail_goes_to_the_stored_one_g13(town: Town) -> None:
    assert town.register("a@b\u00fccher.example").status_code == 201
    assert town.register("a@xn--bcher-kva.example").status_code == 201
    assert accounts(town) == 1
    assert {letter.recipient for letter in town.mail()} == {"a@xn--bcher-kva.example"}


HEADERS = "Ada\r\nBcc: everybody@example.com"


HARMFUL = [
    {"email": "ada@example.com\r\nBcc: everybody@example.com"},
    {"email": "ada@example.com, eve@example.com"},
    {"email": "Ada <ada@example.com>"},
    {"full_name": HEADERS},
    {"username": HEADERS},
]


def test_no_line_of_a_header_comes_in_by_registering_g24(town: Town) -> None:
    for member in HARMFUL:
        response = town.app.post("/auth/register", **{"email": ADA, "password": PASSWORD} | member)
        assert (problem(response), errors(response)) == (WRONG, set(member))
    assert town.mail() == []


def test_markup_in_a_name_is_text_in_a_mail_and_a_stranger_is_quoted_nowhere_g24(town: Town) -> None:
    owner = "<img src=x onerror=alert(1)> & Co"
    assert town.register(full_name=owner).status_code == 201
    (confirming,) = town.mail()
    assert "onerror" not in confirming.text + confirming.html  # nobody knows yet whose words these are
    token = confirming.link.partition("token=")[2]
    assert town.app.post("/auth/verify-email", token=token).status_code == 200
    assert town.register(full_name="<b>You have won</b>").status_code == 201
    (told,) = town.mail()
    assert "won" not in told.text + told.html
    assert owner in told.text
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; Co" in told.html
    assert "<img src=x" not in told.html


STRANGE = ["a\0b", "\ud800", "a\u202eb", "a\u2066b", "a\u2028b", "\x7f", "a\x1bb"]


def test_characters_that_no_text_has_are_refused_w02(town: Town) -> None:
    for text in STRANGE:
        for member in ("email", "username", "full_name", "profile"):
            value: Any = {"nickname": text} if member == "profile" else text
            response = town.app.post("/auth/register", **{"email": ADA, "password": PASSWORD, member: value})
            assert (problem(response), errors(response)) == (WRONG, {member}), ascii(text)


def test_a_password_may_hold_any_character_w02(town: Town) -> None:
    for number, text in enumerate(STRANGE):
        email, password = f"{number}@example.com", f"correct horse {text} battery"
        assert town.register(email, password).status_code == 201
        assert town.app.post("/auth/login", email=email, password=password).status_code == 200
        assert problem(town.app.post("/auth/login", email=email, password="correct horse  battery"))[0] == 401


NO_OBJECTS = [
    b'\xef\xbb\xbf{"email": "ada@example.com"}',
    b'{"email": "\xc0\xaf@example.com"}',
    b'{"email": "\xed\xa0\x80"}',
    b'{"email": "a@example.com", "email": "b@example.com"}',
    b"[]",
    b'"x"',
    b"{",
    b'{"email": NaN}',
]


def test_what_is_no_json_object_in_utf_8_is_refused_w02(town: Town) -> None:
    for path in ("/auth/register", "/auth/verify-email", "/auth/resend-verification"):
        for body in NO_OBJECTS:
            response = town.server.http.post(path, data=body, content_type="application/json")
            assert problem(response) == WRONG if body in {b"[]", b'"x"'} else problem(response) == (400, "invalid_json")


def test_only_text_is_text_w03(town: Town) -> None:
    good = {"email": ADA, "password": PASSWORD}
    values: list[Any] = [2**31, 2**63, -1, 1.5, True, [], {}, ["ada@example.com"]]
    for value in values:
        for member in ("email", "password", "username", "full_name"):
            response = town.app.post("/auth/register", **good | {member: value})
            assert (problem(response), errors(response)) == (WRONG, {member}), value
        assert problem(town.app.post("/auth/verify-email", token=value)) == WRONG
        assert problem(town.app.post("/auth/resend-verification", email=value)) == WRONG


def test_a_number_without_end_is_no_text_w03(town: Town) -> None:
    for number in (b"1e309", b"1" + b"0" * 5000):
        body = b'{"email": "ada@example.com", "password": ' + number + b"}"
        response = town.server.http.post("/auth/register", data=body, content_type="application/json")
        assert problem(response) in {(400, "invalid_json"), WRONG}


def test_null_is_a_name_that_is_not_told(town: Town) -> None:
    body = body_of(town.register(username=None, full_name=None, profile={"bio": None}))
    assert (body["username"], body["full_name"]) == (None, None)
