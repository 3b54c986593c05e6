"""What holds for every page that anybody can open: forms are our own, nothing leads or leaks elsewhere, no cache keeps
it, nobody frames it, and what people type is text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import func, select

from oidc_server.accounts.addresses import PUBLIC
from oidc_server.messages.models import Message
from oidc_server.users.models import User
from tests.accounts.people import ADA, Town, token_of
from tests.accounts.walks import NOT_GOOD, OWN, SENT, ask_for_mail, browser_at, can_sign_in, only_letter, register
from tests.app_login import make_app
from tests.browsing import Visit
from tests.login.test_literal_text import HOSTILE, is_literal
from tests.login.test_where_pages_lead import ELSEWHERE, with_everything
from tests.mailbox import Letter
from tests.relying_party import PASSWORD
from tests.running import ISSUER
from tests.watched_browser import WatchedBrowser, no_store

BOB, NEW = "bob@example.com", "ada@example.org"
ASKING = ("/forgot-password", "/resend-verification")
LIES = {
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "81",
    "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.example;proto=http", "X-Original-Host": "evil.example",
    "X-Host": "evil.example", "Referer": "https://evil.example/", "Origin": "https://evil.example",
}  # fmt: skip


def see_public_pages(town: Town, browser: WatchedBrowser) -> Iterator[Visit]:
    """Go through everything that somebody meets on the way to an account, and back to one: every page with its form,
    before and after it is sent."""
    yield browser.open("/register")
    yield register(browser, ADA, "short")
    yield register(browser)
    yield browser_sees(browser, town, "/verify-email/new-password")
    yield browser.open("/verify-email?token=unknown")
    for path in ASKING:
        yield browser.open(path)
        yield ask_for_mail(browser, path, "nobody")
        yield ask_for_mail(browser, path, BOB)
    reset = browser.open(link_to(town, BOB))
    yield reset
    yield browser.press(reset, "continue", password="short")
    signing_in = browser.press(reset, "continue", password=OWN)
    yield signing_in
    browser.sign_in(signing_in, BOB, OWN)
    town.app.tokens = town.app.post("/auth/login", email=BOB, password=OWN).get_json()
    assert town.app.post("/auth/change-email", email=NEW).status_code == 202
    confirm = browser.open(link_to(town, NEW))
    yield confirm
    browser.press(confirm, "continue")
    undo = browser.open(link_to(town, BOB))
    yield undo
    yield browser.press(undo, "continue")


def browser_sees(browser: WatchedBrowser, town: Town, path: str) -> Visit:
    """The page that confirms the address, and what it leads to."""
    link = link_to(town, ADA)
    assert browser.open(link).status == 200
    return browser.open(link.replace("/verify-email", path))


def link_to(town: Town, recipient: str) -> str:
    """The link in the newest mail to somebody."""
    return [letter for letter in town.mail() if letter.recipient == recipient][-1].link


@pytest.fixture
def watched(town: Town) -> WatchedBrowser:
    """A browser that has seen all of it."""
    town.server.user(BOB)
    browser = WatchedBrowser(town.server.app)
    pages = list(see_public_pages(town, browser))
    assert {urlsplit(answer.request.path).path for answer in browser.answers} >= set(PUBLIC) - {"/invitation"}
    assert all(page.response.mimetype == "text/html" for page in pages)
    return browser


def test_what_the_pages_answer_leads_and_leaks_nowhere_f06_f20_f21_f23(watched: WatchedBrowser) -> None:
    for answer in watched.answers:
        assert no_store(answer), answer.request.path
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert {answer.status_code for answer in watched.redirects} == {303}
    for page in watched.pages:
        policy = page.headers["Content-Security-Policy"]
        own_script = '<script src="/static/passkeys.js" defer></script>'
        scripts = "script-src 'self'; " if own_script in page.text else ""
        assert policy.startswith(f"default-src 'none'; style-src 'self'; img-src 'self'; {scripts}form-action 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "Cookie" in page.headers["Vary"]
        addresses = re.findall(r'(?:src|href|action|srcset|data)="([^"]*)"', page.text)
        assert [address for address in addresses if not re.match(r"/[a-z]|$", address)] == []
        others = page.text.replace(own_script, "")
        assert not re.search(r"<(script|iframe|object|embed|base)\b|http-equiv|url\(| style=", others)


def test_once_a_form_is_sent_no_address_holds_the_token(watched: WatchedBrowser) -> None:
    """Neither the one it is sent to nor the one that comes then; no password is in any."""
    sent = [answer for answer in watched.answers if answer.request.method == "POST"]
    assert len(sent) > 10
    for answer in sent:
        assert "token=" not in answer.request.url
        assert "token=" not in answer.headers.get("Location", "")
    assert [a.request.url for a in watched.answers if "password=" in a.request.url or "short" in a.request.url] == []
    for page in watched.pages:
        assert OWN not in page.text
        assert PASSWORD not in page.text


def test_no_form_of_another_site_does_anything_f03_f04(town: Town) -> None:
    """The attacker's own page gives them a token of the form, which is none in another browser."""
    town.server.user(BOB)
    attacker, victim, fresh = (browser_at(town) for _ in range(3))
    for path, typed in (
        ("/register", {"email": ADA, "password": PASSWORD}),
        ("/forgot-password", {"email": BOB}),
        ("/resend-verification", {"email": BOB}),
    ):
        theirs, own = attacker.open(path).form.fields, victim.open(path).form.fields
        for browser, fields in ((victim, theirs), (fresh, own), (victim, {}), (victim, {"csrf_token": ""})):
            assert browser.post(path, fields | typed).status == 403
        other = "/register" if path != "/register" else "/forgot-password"
        assert victim.post(path, victim.open(other).form.fields | typed).status == 403
        assert victim.open(f"{path}?{urlencode(own | typed)}").path.startswith(path)
        for content_type in ("text/plain", "application/json"):
            body = urlencode(own | typed)
            assert victim.http.post(path, data=body, content_type=content_type).status_code == 403
    assert town.mail() == []
    assert not can_sign_in(town, PASSWORD)


def test_no_form_for_one_link_is_good_for_another_f04(town: Town) -> None:
    """Somebody who was shown the page of a harmless link has not agreed to what another one does."""
    browser = browser_at(town)
    for email in (ADA, BOB):
        register(browser, email)
    first, second = town.mail()
    page = browser.open(first.link)
    forged = page.form.fields | {"token": token_of(second)}
    assert browser.post("/verify-email", forged).status == 403
    assert browser.post("/verify-email", page.form.fields | {"csrf_token": ""}).status == 403
    assert browser.open(f"/verify-email?{urlencode(page.form.fields)}").status == 200
    with town.server.database.reading() as session:
        assert set(session.scalars(select(User.email_verified_at))) == {None}


@pytest.mark.parametrize("address", ELSEWHERE[:8])
def test_no_parameter_of_a_page_leads_elsewhere_f15(town: Town, address: str) -> None:
    browser = WatchedBrowser(town.server.app)
    names = parse_qs(urlsplit(with_everything("", address)).query)
    sent = browser.press(browser.open(with_everything("/register", address)), "continue", email=ADA, password=PASSWORD)
    assert sent.path == "/register/sent"
    link = only_letter(town).link
    assert "evil" not in link
    done = browser.post("/verify-email", browser.open(with_everything(link, address)).form.fields | _first(names))
    assert done.path == "/sign-in"
    ask_for_mail(browser, with_everything("/forgot-password", address))
    assert "evil" not in only_letter(town).link
    for path in PUBLIC:
        assert browser.open(with_everything(path, address)).elsewhere is None
    assert all(re.match(r"/[a-z]", answer.headers["Location"]) for answer in browser.redirects)


def _first(names: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in names.items()}


def test_no_interaction_that_is_none_or_another_browser_s_is_shown_or_kept_f15(town: Town) -> None:
    web = make_app(town.server, client_name="Harbour Notes")
    theirs = parse_qs(urlsplit(web.open(browser_at(town)).path).query)["interaction"][0]
    for interaction in (theirs, "", "x", "00000000-0000-0000-0000-000000000000", "\0", "é", "//evil.example"):
        browser = browser_at(town)
        page = browser.open(f"/forgot-password?{urlencode({'interaction': interaction})}")
        assert "Harbour Notes" not in page.words
        sent = browser.press(page, "continue", email=ADA)
        assert (sent.path, SENT in sent.words) == ("/forgot-password/sent", True)
    with town.server.database.reading() as session:
        assert [told for told in session.scalars(select(Message.parameters)) if told] == []


def test_links_in_mails_are_of_the_configured_address_whatever_the_request_says_g05(town: Town) -> None:
    browser = browser_at(town)
    town.server.user(BOB)

    def press(path: str, **typed: str) -> None:
        page = browser.open(path)
        data = page.form.fields | typed | {"redirect_uri": "https://evil.example", "issuer": "https://evil.example"}
        answer = browser.http.post(f"{path}?redirect_uri=https://evil.example", data=data, headers=LIES)
        assert answer.headers["Location"] == f"{path}/sent"

    press("/register", email=ADA, password=PASSWORD)
    press("/forgot-password", email=BOB)
    press("/resend-verification", email=ADA)
    letters = town.mail()
    assert len(letters) == 3
    assert [letter for letter in letters if not _is_ours(letter)] == []
    for host in ("evil.example", "login.example.com.evil.example", "login.example.com@evil.example"):
        page = browser.open("/register")
        data = page.form.fields | {"email": "eve@example.com", "password": PASSWORD}
        assert browser.http.post("/register", data=data, headers={"Host": host}).status_code == 400
    assert town.mail() == []


def _is_ours(letter: Letter) -> bool:
    """Whether it names this server alone: its page, and at the foot its address."""
    lead_here = all(urlsplit(link).netloc == urlsplit(ISSUER).netloc for link in letter.links)
    return lead_here and letter.link.startswith(f"{ISSUER}/") and "evil" not in f"{letter.text}{letter.html}"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_is_text_w15(town: Town, text: str) -> None:
    browser = browser_at(town)
    page = register(browser, text, "short", full_name=text, username=text)
    assert page.form.fields["email"] == page.form.fields["full_name"] == page.form.fields["username"] == text
    assert set(page.form.fields) == {"csrf_token", "email", "password", "full_name", "username"}
    for path in ASKING:
        asking = ask_for_mail(browser, path, text)
        assert asking.form.fields["email"] == text
        assert "49" not in asking.words
    unknown = browser.open(f"/reset-password?{urlencode({'token': text})}")
    assert NOT_GOOD in unknown.words
    assert text not in unknown.response.text
    web = make_app(town.server, client_name=text)
    assert is_literal(web.open(browser, prompt="create"), text)


@pytest.mark.parametrize("email", ["{{7*7}}@example.com", "{%x%}@example.com", "a&lt&amp@example.com"])
def test_an_address_is_text_wherever_it_is_shown_w15(town: Town, email: str) -> None:
    browser = browser_at(town)
    register(browser, email)
    link = only_letter(town, email).link
    for page in (browser.open(link), browser_at(town).open(link)):
        assert is_literal(page, email)
    page = browser.open(link.replace("/verify-email", "/verify-email/new-password"))
    assert page.form.fields["account"] == email


def test_no_page_takes_what_is_no_text_for_some_w02(town: Town) -> None:
    """NUL, half characters, bytes that are not UTF-8, and far too much: refused, and nothing is kept."""
    browser = browser_at(town)
    fields = browser.open("/register").form.fields
    half = "a\ud800@example.com".encode("utf-8", "surrogatepass")
    for email in ("a\0@example.com", half, b"\xff@example.com", "a" * 9000):
        data = urlencode(fields | {"password": PASSWORD}) + "&" + urlencode({"email": email})
        answer = browser.http.post("/register", data=data, content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 422
    for token in ("%00", "%ff", "a" * 3000):
        assert browser.open(f"/reset-password?token={token}").status == 400
    with town.server.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 0
