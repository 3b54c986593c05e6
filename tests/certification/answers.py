"""What comes back to the client by way of the browser, and the pages that stay where no answer may go (RFC 6749 §4.1.2,
RFC 9207, OAuth 2.0 Form Post Response Mode)."""

from __future__ import annotations

import math
import re
from collections import Counter
from urllib.parse import parse_qsl, urlsplit

from tests.browsing import Visit
from tests.relying_party import Server

FORM_POST = "form_post"
ERROR_MEMBERS = {"error", "error_description", "error_uri", "state", "iss", "session_state"}
_ERROR_TEXT = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §4.1.2.1: neither a quote nor the end of a line
_CODE_BITS_LONG = 128
_CODE_BITS_OF_ENTROPY = 96  # a measurement of one code cannot show all of the 128 that it should have (§10.10)


def received(asked: dict[str, str], visit: Visit) -> dict[str, str]:
    """The parameters that reached the client, in the one place where they may be."""
    if asked.get("response_mode") == FORM_POST:
        return _posted(asked["redirect_uri"], visit)
    assert visit.elsewhere is not None, f"{visit.path}: {visit.words}"
    separator = "&" if "?" in asked["redirect_uri"] else "?"
    assert visit.elsewhere.startswith(asked["redirect_uri"] + separator), visit.elsewhere
    assert "#" not in visit.elsewhere
    query = visit.elsewhere.removeprefix(asked["redirect_uri"] + separator)
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "a parameter came twice"
    return dict(pairs)


def _posted(redirect_uri: str, visit: Visit) -> dict[str, str]:
    """A page with one form, which posts itself, form-encoded, and with nothing of the answer in an address."""
    assert visit.status == 200, visit.status
    assert visit.elsewhere is None
    assert visit.form.method == "post"
    assert visit.form.action == redirect_uri
    assert "enctype" not in visit.response.text  # so that it is application/x-www-form-urlencoded
    assert visit.response.headers["Cache-Control"] == "no-store"
    policy = visit.response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    parts = urlsplit(redirect_uri)
    assert f"form-action 'self' {parts.scheme}://{parts.netloc};" in policy
    return visit.form.fields


def received_code(server: Server, asked: dict[str, str], visit: Visit) -> str:
    """The code of a well-formed answer."""
    answer = received(asked, visit)
    assert set(answer) == {"code", "iss"} | ({"state"} & set(asked)), answer
    _check_common(server, asked, answer)
    code = answer["code"]
    assert len(code) * 8 >= _CODE_BITS_LONG
    assert entropy_bits(code) >= _CODE_BITS_OF_ENTROPY
    return code


def received_error(server: Server, asked: dict[str, str], visit: Visit) -> str:
    """The error of a well-formed answer."""
    answer = received(asked, visit)
    assert "error" in answer, answer
    assert set(answer) <= ERROR_MEMBERS, answer
    _check_common(server, asked, answer)
    assert _ERROR_TEXT.fullmatch(answer["error"])
    assert _ERROR_TEXT.fullmatch(answer["error_description"])
    return answer["error"]


def _check_common(server: Server, asked: dict[str, str], answer: dict[str, str]) -> None:
    assert answer.get("state") == asked.get("state")
    assert answer["iss"] == server.metadata["issuer"]
    for name, value in answer.items():
        assert not re.search(r"[\r\n\t]", name + value), f"{name}: {value!r}"


def check_error_page(visit: Visit) -> None:
    """The browser stays here, on a page that tells the person that something is wrong, and under which number."""
    check_page(visit, status=400)
    assert visit.response.headers["X-Request-Id"] in visit.words


def check_page(visit: Visit, *, status: int = 200) -> None:
    """The browser stays here, on a page."""
    assert visit.elsewhere is None, visit.elsewhere
    assert "Location" not in visit.response.headers
    assert visit.status == status, visit.words
    assert visit.response.mimetype == "text/html"


def entropy_bits(text: str) -> float:
    """Shannon's measure: how many bits the frequencies of its characters account for."""
    return -sum(count * math.log2(count / len(text)) for count in Counter(text).values())
