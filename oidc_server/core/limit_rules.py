"""The limits on guessing and asking: how often each thing may be tried. ``docs/limits.md`` says what counts.

The amounts can be set (OIDC_LIMITS); the windows are what the amounts were thought of for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from limits import RateLimitItem, RateLimitItemPerSecond

_OUTAGE_DIVISOR = 4
_AMOUNTS_BELOW = 2**31


@dataclass(frozen=True)
class Rule:
    """At most ``amount`` counted attempts in ``seconds``."""

    name: str
    amount: int
    seconds: int

    @cached_property
    def item(self) -> RateLimitItem:
        """The rule in the limits library's terms."""
        return RateLimitItemPerSecond(self.amount, self.seconds, namespace=self.name)

    @cached_property
    def outage_item(self) -> RateLimitItem:
        """The stricter rule of one process that cannot see the others."""
        return RateLimitItemPerSecond(max(1, self.amount // _OUTAGE_DIVISOR), self.seconds, namespace=self.name)


# Failed client authentications, per client and address: the real client at its own address is not affected.
CLIENT_FAILURES = Rule("client_failures", 20, 60)
# Tokens that introspection did not know, per client: a client that scans for tokens.
UNKNOWN_TOKENS = Rule("unknown_tokens", 300, 60)
# API keys that nobody has, per address: a good key from the same address is not affected.
UNKNOWN_API_KEYS = Rule("unknown_api_keys", 30, 60)
# Attempts to sign in to one account from one address: the delay grows from a minute to a day.
LOGIN_ATTEMPTS = (
    Rule("login_minute", 5, 60),
    Rule("login_quarter", 15, 900),
    Rule("login_hours", 40, 6 * 3600),
    Rule("login_day", 80, 86400),
)
# Failed sign-ins from one address over all accounts: one password sprayed over many people.
LOGIN_FAILURES_BY_ADDRESS = Rule("login_spray", 100, 900)

# Attempts to give a second factor: those from a browser that the person has signed in with before, each by itself,
# and those from everywhere else together, because whoever guesses has the password and many addresses.
MFA_ATTEMPTS = (
    Rule("mfa_minute", 5, 60),
    Rule("mfa_quarter", 15, 900),
    Rule("mfa_hours", 30, 6 * 3600),
    Rule("mfa_day", 60, 86400),
)
# Answers of authenticators that nobody has registered, per address.
PASSKEY_FAILURES_BY_ADDRESS = Rule("passkey_failures", 100, 900)
# Codes that are sent to one address or number: the delay between them grows.
CODES_TO_METHOD = (
    Rule("codes_minute", 1, 30), Rule("codes_quarter", 4, 900), Rule("codes_hours", 8, 6 * 3600),
    Rule("codes_day", 12, 86400),
)  # fmt: skip
# Text messages cost money, which some numbers share with who has them sent (toll fraud).
SMS_TO_NUMBER = (Rule("sms_to_number", 4, 900), Rule("sms_to_number_day", 12, 86400))
SMS_BY_PREFIX = (Rule("sms_by_prefix", 30, 3600), Rule("sms_by_prefix_day", 100, 86400))
SMS_BY_ADDRESS = (Rule("sms_by_address", 15, 3600), Rule("sms_by_address_day", 50, 86400))
SMS_BY_ACCOUNT = Rule("sms_by_account", 15, 86400)
SMS_ALTOGETHER = Rule("sms_altogether", 1000, 3600)

# Mails that anybody can have sent, for each purpose: asked for from one address, for one recipient, and altogether.
MAILS_BY_ADDRESS = Rule("mails_by_address", 20, 3600)
MAILS_TO_RECIPIENT = (Rule("mails_to_recipient", 3, 900), Rule("mails_to_recipient_day", 10, 86400))
MAILS_ALTOGETHER = Rule("mails_altogether", 3000, 3600)
# Attempts to register from one address; a class or an office behind one address has to get through.
REGISTRATIONS_BY_ADDRESS = (Rule("registrations_hour", 30, 3600), Rule("registrations_day", 100, 86400))

# A limit that was reached is recorded once a window, however often it is run into.
THROTTLE_RECORDS = Rule("throttle_records", 1, 60)


RULES = {
    rule.name: rule
    for rule in (
        CLIENT_FAILURES, UNKNOWN_TOKENS, UNKNOWN_API_KEYS, *LOGIN_ATTEMPTS, LOGIN_FAILURES_BY_ADDRESS, MAILS_BY_ADDRESS,
        *MAILS_TO_RECIPIENT, MAILS_ALTOGETHER, *REGISTRATIONS_BY_ADDRESS, THROTTLE_RECORDS,
        *MFA_ATTEMPTS, PASSKEY_FAILURES_BY_ADDRESS, *CODES_TO_METHOD, *SMS_TO_NUMBER, *SMS_BY_PREFIX,
        *SMS_BY_ADDRESS, SMS_BY_ACCOUNT, SMS_ALTOGETHER,
    )
}  # fmt: skip


def amounts_of(given: Iterable[str]) -> dict[str, int]:
    """The amounts by the names of rules, from texts such as ``registrations_hour=200``.

    Raises ``ValueError``, which says what is wrong with which of them."""
    amounts = {}
    for text in given:
        name, _, amount = text.partition("=")
        if name not in RULES:
            raise ValueError(f"{name[:64]!r} is no rule")
        if not (amount.isascii() and amount.isdigit() and 0 < int(amount) < _AMOUNTS_BELOW):
            raise ValueError(f"{name} needs a whole number from 1")
        amounts[name] = int(amount)
    return amounts
