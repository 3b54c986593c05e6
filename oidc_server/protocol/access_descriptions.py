"""The access classes of the JSON API as they are described: what each takes, and by which codes it refuses."""

from __future__ import annotations

from dataclasses import dataclass

from oidc_server.api.codes import Code

# Members of an operation's description: extensions of OpenAPI (§4.9).
ACCESS_CLASS = "x-access-class"
CALLERS = "x-callers"


@dataclass(frozen=True)
class AccessClass:
    """A class as it is described: its name, what it takes, and the codes by which it refuses."""

    name: str
    words: str
    security: tuple[dict[str, list[str]], ...]
    codes: tuple[Code, ...] = ()


LATELY = "signed in within the last ten minutes, with the second factor if they have one"
BY_PERSON: tuple[dict[str, list[str]], ...] = ({"accessToken": []},)
CODES_FOR_PERSONS = (Code.UNAUTHORIZED, Code.NOT_FIRST_PARTY)
CODES_FOR_SOME = (*CODES_FOR_PERSONS, Code.FORBIDDEN)
CODES_FOR_SERVICES = (Code.UNAUTHORIZED, Code.INSUFFICIENT_SCOPE, Code.TOO_MANY_REQUESTS)
PUBLIC = AccessClass("public", "everybody", ({},))
USER = AccessClass("user", "people, by an access token", BY_PERSON, CODES_FOR_PERSONS)
PERSON_OR_NOBODY = AccessClass(
    "user or public", "people, by an access token or by what the body holds", (*BY_PERSON, {}),
    CODES_FOR_PERSONS,
)  # fmt: skip
VERIFIED = AccessClass(
    "verified", "people whose email is confirmed, by an access token", BY_PERSON,
    (*CODES_FOR_PERSONS, Code.EMAIL_NOT_VERIFIED),
)  # fmt: skip
RECENTLY = AccessClass(
    "recent", f"people who {LATELY}, by an access token", BY_PERSON,
    (*CODES_FOR_PERSONS, Code.INSUFFICIENT_USER_AUTHENTICATION),
)  # fmt: skip
RECENTLY_VERIFIED = AccessClass(
    "recent and verified",
    f"people who {LATELY}, and whose email is confirmed, by an access token",
    BY_PERSON, (*CODES_FOR_PERSONS, Code.INSUFFICIENT_USER_AUTHENTICATION, Code.EMAIL_NOT_VERIFIED),
)  # fmt: skip
ITSELF = AccessClass("self", "this person, by an access token", BY_PERSON, CODES_FOR_SOME)
INTERNAL = AccessClass("internal", "internal services, by an API key", ({"apiKey": []},), CODES_FOR_SERVICES)
