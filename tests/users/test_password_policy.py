"""Which new passwords are accepted, and what the others are told (NIST SP 800-63B-4 §3.1.1.2)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from flask import Flask

from oidc_server.users.password_policy import CODES, PasswordRefused, check_password

ABOUT = ("mike.smith@example.com", "msmith1990", "Michaela Smith-Jones")


def refusal(password: str, *about: str, site: str = "") -> str:
    """The code with which the password is refused, or nothing."""
    try:
        check_password(password, *about, site=site)
    except PasswordRefused as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("1234567", "too_short"),
        ("e\u0301" * 7, "too_short"),  # composed, it is seven
        ("x" * 257, "too_long"),
        ("password123", "common"),
        ("iloveyou1", "common"),
        ("QWERTYUIOP", "common"),
        ("Password2024!", "common"),
        ("!!dragon99", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("        ", "common"),
    ],
)
def test_short_long_and_common_passwords_are_refused_g22(password: str, code: str) -> None:
    assert refusal(password) == code


def test_what_is_guessed_first_is_the_three_thousand_most_common_with_any_usual_ending_g22() -> None:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    common = FREQUENCY_LISTS["passwords"][:3000]
    assert {refusal(word) for word in common if len(word) >= 8} == {"common"}
    with_letters = [word for word in common if word[0].isalpha() and word[-1].isalpha() and len(word) >= 4]
    assert len(with_letters) > 2000
    assert "" not in {refusal(f"{word.title()}2031!") for word in with_letters}


@pytest.mark.parametrize(
    "password",
    [
        "mike.smith@example.com", "Mike.Smith", "mikesmith99", "Example.com", "example2024!", "msmith1990",
        "msmith1990!!", "2024msmith", "Michaela", "smith-jones", "Smith_Jones7", "oidc-server", "OIDC server 1",
        "Acme Shop", "acmeshop!", "__acme__1",
    ],
)  # fmt: skip
def test_ones_own_name_address_and_the_service_are_refused_also_with_digits_around_them_g22(password: str) -> None:
    assert refusal(password, *ABOUT, site="Acme Shop") == "about_you"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "xkqzvjwp", "ñandú y café", "a" * 63 + "b", "ä" * 255 + "b",
        "mike smith likes old cheese", "smith-48319-26075", "Tom 4711 bench",
    ],
)  # fmt: skip
def test_length_is_enough_no_classes_are_asked_for_g22(password: str) -> None:
    """A name may stand in a longer password, and a short word about the person anywhere."""
    assert refusal(password, *ABOUT, "Tom", site="Acme Shop") == ""


def test_what_is_told_does_not_repeat_the_password() -> None:
    for password, about in (("password123", ""), ("michaela99", ABOUT[2])):
        with pytest.raises(PasswordRefused) as caught:
            check_password(password, about)
        assert password not in str(caught.value) + repr(caught.value)
        assert caught.value.code in CODES


def test_what_is_known_of_nobody_refuses_nothing() -> None:
    assert refusal("xkqzvjwp", "", "@", "...", site="") == ""


def test_the_words_are_in_the_language_of_the_request(app: Flask) -> None:
    with pytest.raises(PasswordRefused) as caught:
        check_password("short")
    assert str(caught.value) == "A password has at least 8 characters."
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert str(caught.value) == "Ein Passwort hat mindestens 8 Zeichen."


def test_the_list_of_common_passwords_takes_few_megabytes_and_nothing_else_of_its_library() -> None:
    """Every worker process in which somebody chooses a password holds it."""
    script = """
import sys
from oidc_server.users.password_policy import check_password
check_password("xkqzvjwp")
print(*(name for name in sys.modules if name.startswith("zxcvbn")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
