"""How often codes are sent: to one address or number, and, because text messages cost money, over all (toll fraud)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from oidc_server.core import logs
from oidc_server.core.errors import Reason, Throttled
from oidc_server.core.limit_rules import (
    CODES_TO_METHOD,
    SMS_ALTOGETHER,
    SMS_BY_ACCOUNT,
    SMS_BY_ADDRESS,
    SMS_BY_PREFIX,
    SMS_TO_NUMBER,
    THROTTLE_RECORDS,
    Rule,
)
from oidc_server.core.limits import Limits, address_key
from oidc_server.mfa.phone_numbers import range_of

_SET_UP, _IN_USE = "set-up", "in use"
_SIGNS_OF_FRAUD = (*SMS_BY_PREFIX, SMS_ALTOGETHER)

log = logs.get_logger()


@dataclass(frozen=True)
class Sending:
    """A code that is to be sent: for whom, to what, and from which network address it was asked for."""

    user_id: UUID
    sent_to: str
    by_sms: bool
    is_confirmed: bool
    address: str

    @property
    def counts(self) -> Iterator[tuple[Sequence[Rule], tuple[str, ...]]]:
        """What it counts for, and under which parts; what many people share comes last, so that whoever is refused
        uses up nothing of it.

        Whoever sets up a number that is not theirs must not keep its owner from being sent codes, so what was never
        confirmed is counted by itself: over all accounts, since a new account costs nothing."""
        owner = str(self.user_id) if self.is_confirmed else _SET_UP
        yield CODES_TO_METHOD, (owner, self.sent_to)
        if self.by_sms:
            yield SMS_TO_NUMBER, (_IN_USE if self.is_confirmed else _SET_UP, self.sent_to)
            yield (SMS_BY_ACCOUNT,), (str(self.user_id),)
            yield SMS_BY_ADDRESS, (address_key(self.address),)
            yield SMS_BY_PREFIX, (range_of(self.sent_to),)
            yield (SMS_ALTOGETHER,), ()


def admit_sending(limits: Limits, sending: Sending) -> None:
    """Count a code before it is sent; never inside of a transaction, since limits are counted on connections of their
    own. Raises :class:`Throttled`: the more were sent, the longer the wait."""
    for rules, parts in sending.counts:
        rule = limits.hit_all(rules, *parts)
        if rule is None:
            continue
        if rule in _SIGNS_OF_FRAUD and limits.hit(THROTTLE_RECORDS, rule.name, *parts):
            log.warning("sms_limit_reached", rule=rule.name, numbers=parts[0] if parts else None)
        raise Throttled(Reason.CODE_SENDING_THROTTLED, rule.name, retry_after=limits.retry_after(rule, *parts))
