"""The Form Post OP plan has the modules of the Basic OP plan, which all run with ``response_mode=form_post`` too; here
is what is only true of the form (OAuth 2.0 Form Post Response Mode)."""

from __future__ import annotations

import pytest

from tests.app_login import CALLBACK
from tests.certification.answers import FORM_POST, received, received_code, received_error
from tests.certification.conformance import Conformance, make_client, make_conformance
from tests.relying_party import Server

FORM_SCRIPT = "/static/form_post.js"


@pytest.fixture
def response_mode() -> str:
    return FORM_POST


def test_the_answer_posts_itself_by_a_script_of_its_own(conformance: Conformance) -> None:
    conformance.flow()
    visit = conformance.send(conformance.request())
    assert f'<script src="{FORM_SCRIPT}" defer></script>' in visit.response.text
    script = conformance.server.http.get(FORM_SCRIPT)
    assert script.status_code == 200
    assert script.mimetype in {"text/javascript", "application/javascript"}
    assert 'getElementById("form-post").submit()' in script.text
    assert 'id="form-post"' in visit.response.text


def test_the_answer_can_be_sent_by_hand_where_there_are_no_scripts(conformance: Conformance) -> None:
    conformance.flow()
    form = conformance.send(conformance.request()).form
    assert form.buttons == {"continue": None}  # a button without a name adds no parameter


def test_a_query_of_the_redirect_uri_stays_and_nothing_is_added_to_it(server: Server) -> None:
    conformance = make_conformance(server, FORM_POST)
    conformance.app = make_client(server, f"{CALLBACK}?dummy1=lorem&dummy2=ipsum")
    conformance.flow()


def test_a_state_made_of_markup_arrives_as_it_was_sent(conformance: Conformance) -> None:
    conformance.flow()
    asked = conformance.request(state='"><script>alert(1)</script>&amp;<form action="https://evil.example.com/">')
    received_code(conformance.server, asked, conformance.send(asked))


def test_a_code_is_not_sent_by_the_query_when_the_form_was_asked_for(conformance: Conformance) -> None:
    conformance.flow()
    visit = conformance.send(conformance.request())
    answer = received(conformance.request(), visit)
    assert answer["code"] not in visit.path
    assert not any(answer["code"] in value for value in visit.response.headers.values())


def test_a_response_mode_that_there_is_not_is_refused_by_the_query(conformance: Conformance) -> None:
    """The modes of other response types would put a code where no code may be (Multiple Response Types §2.1)."""
    for mode in ("fragment", "web_message", "query.jwt", "FORM_POST"):
        asked = conformance.request(response_mode=mode)
        assert received_error(conformance.server, asked, conformance.send(asked)) == "invalid_request"
