"""What userinfo tells of a person (OpenID Connect Core §5.1, §5.3.2), as a JSON Schema."""

from __future__ import annotations

from oidc_server.documentation.schemas import SECONDS, TEXT, TRUTH, URI, Schema, said
from oidc_server.users.claims import ADDRESS_MEMBERS, CLAIMS

_OF_CLAIM: Schema = {
    "sub": said(TEXT, "Who it is: the same as in the ID token, which the client has to compare."),
    "name": said(TEXT, "The whole name."),
    "family_name": said(TEXT, "The surname."),
    "given_name": said(TEXT, "The first name."),
    "middle_name": said(TEXT, "The middle name."),
    "nickname": said(TEXT, "What friends call them."),
    "preferred_username": said(TEXT, "The username. Not an identifier: it may change and go to somebody else."),
    "profile": said(URI, "A page about the person."),
    "picture": said(URI, "An image of the person."),
    "website": said(URI, "The person's own site."),
    "gender": said(TEXT, "In the person's words."),
    "birthdate": said(TEXT, "`YYYY-MM-DD`, `0000-MM-DD` without the year, or `YYYY`."),
    "zoneinfo": said(TEXT, "A time zone, such as `Europe/Berlin`."),
    "locale": said(TEXT, "A language tag (BCP 47), such as `de-AT`."),
    "updated_at": said(SECONDS, "When any of this last changed, in seconds since 1970."),
    "email": said(TEXT, "The email address. Not an identifier: it may change and go to somebody else."),
    "email_verified": said(TRUTH, "Whether the person has shown that they read mail to it."),
    "address": {
        "type": "object",
        "description": f"The postal address, of which what is known: {', '.join(f'`{n}`' for n in ADDRESS_MEMBERS)}.",
        "properties": dict.fromkeys(ADDRESS_MEMBERS, TEXT),
    },
    "phone_number": said(TEXT, "In the form of E.164, such as `+442079460123`."),
    "phone_number_verified": said(TRUTH, "Whether the person has shown that it is theirs."),
}
USERINFO: Schema = {
    "type": "object",
    "description": "What the person let the client know, by scope or one by one. What is not known is left away.",
    "required": ["sub"],
    "properties": {name: _OF_CLAIM[name] for name in CLAIMS},
}
