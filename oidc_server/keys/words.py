"""What a change of the key ring means, in plain words with times (UTC)."""

from datetime import datetime, timedelta

from oidc_server.keys.lifecycle import KeyRecord, Policy, State, signer
from oidc_server.keys.planning import Plan

_SOON = timedelta(minutes=2)


def when(instant: datetime, now: datetime) -> str:
    """An instant for people: the next full minute, or to the second when it is near; with its date if not today's."""
    step = timedelta(seconds=1) if abs(instant - now) < _SOON else timedelta(minutes=1)
    past_step = timedelta(seconds=instant.timestamp() % step.total_seconds())
    rounded = instant - past_step + (step if past_step else timedelta())
    text = f"{rounded:%H:%M:%S}" if step < timedelta(minutes=1) else f"{rounded:%H:%M}"
    date = "" if rounded.date() == now.date() else f"{rounded:%Y-%m-%d} "
    return f"{date}{text} UTC"


def state(record: KeyRecord, now: datetime) -> str:
    """What a key does now and what comes next."""
    match record.state(now):
        case State.REVOKED:
            return f"revoked at {_at(record.revoked_at, now)}"
        case State.REMOVED:
            return f"not published since {_at(record.removed_at, now)}; `keys prune` deletes it"
        case State.RETIRED:
            return f"signs no more; published until {_at(record.removed_at, now)}"
        case State.STANDBY:
            return "published; signs when it is rotated in or activated"
        case State.ANNOUNCED:
            return f"published; signs from {_at(record.activates_at, now)}"
        case State.ACTIVE if record.retires_at is None:
            return "signs until a successor is planned"
        case State.ACTIVE:
            return f"signs until {_at(record.retires_at, now)}, published until {_at(record.removed_at, now)}"


def _at(instant: datetime | None, now: datetime) -> str:
    return "an unknown time" if instant is None else when(instant, now)


def generated(plan: Plan, now: datetime, policy: Policy) -> str:
    """What `keys generate` did."""
    return (
        f"Key {plan.kid}: published now and on standby; it signs nothing until it is rotated in or activated. "
        f"Every verifier knows it from {when(now + policy.announce, now)}."
    )


def scheduled(plan: Plan, now: datetime) -> str:
    """What `keys rotate` and `keys activate` did: when the successor signs, and how long the old key stays."""
    key = _record(plan, plan.kid)
    announced = "announced already, nothing was changed"
    if key in plan.changed:
        announced = "announced now" if key.published_at == now else "published already"
    text = f"Key {key.kid}: {announced}; {_signs(key, now)}"
    old = _record(plan, plan.predecessor) if plan.predecessor else None
    if old is not None and old.removed_at is not None:
        text += f"; the old key stays published until {when(old.removed_at, now)}"
    return text + "."


def kept(plan: Plan, now: datetime) -> str:
    """What `keys activate` did to the key that signs."""
    key = _record(plan, plan.kid)
    if not plan.changed:
        return f"Key {key.kid} signs already; nothing was changed."
    back = [record.kid for record in plan.changed if record.state(now) is State.STANDBY]
    return f"Key {key.kid} goes on signing; the planned rotation to {', '.join(back)} was called off."


def revoked(plan: Plan, kid: str, now: datetime) -> str:
    """What `keys revoke` did, and who signs now."""
    key = _record(plan, kid)
    if key.revoked_at is None:
        return f"Key {kid} is not published any more; there was nothing to revoke."
    if key not in plan.changed:
        return f"Key {kid} was revoked at {when(key.revoked_at, now)}; nothing was changed."
    text = (
        f"Key {kid}: revoked now; it left the JWKS, and what it signed is refused here within seconds. A verifier may "
        "accept it for as long as it keeps its copy of the JWKS"
    )
    if plan.kid is None:
        return f"{text}. The key that signs is another one and goes on."
    successor = _record(plan, plan.kid)
    gap = "" if signer(plan.records, key.alg, now) else "; nothing signs until then"
    return f"{text}. Key {successor.kid} takes over: {_signs(successor, now)}{gap}."


def pruned(plan: Plan, swept: int) -> str:
    """What `keys prune` did."""
    if not plan.deleted and not swept:
        return "There was nothing to prune."
    files = f", and {swept} unfinished file{'s' * (swept != 1)}" if swept else ""
    return f"{len(plan.deleted)} key{'s' * (len(plan.deleted) != 1)} deleted{files}."


def resealed(count: int) -> str:
    """What `keys reseal` did."""
    if not count:
        return "Every key was sealed under the current secret already."
    keys = f"{count} key{'s' * (count != 1)}"
    return f"{keys} sealed under the current secret; no key needs the earlier one any more."


def first(plan: Plan, now: datetime) -> str:
    """What the start of a server did."""
    if plan.kid is None:
        return "A key signs; nothing was changed."
    key = _record(plan, plan.kid)
    return f"Key {key.kid}: published now; {_signs(key, now)}."


def _signs(key: KeyRecord, now: datetime) -> str:
    if key.activates_at is None or key.activates_at <= now:
        return "it signs now"
    return f"signs from {when(key.activates_at, now)}"


def _record(plan: Plan, kid: str | None) -> KeyRecord:
    return next(record for record in plan.records if record.kid == kid)
