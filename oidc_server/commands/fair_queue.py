"""Turns between senders: what each sends waits in a line of its own, and the lines take turns.

A sender may make up its name, and another one for each request. So every second turn is that of the request that has
waited longest: whatever names others take, nobody waits more than about twice as long as in one line for all."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

COMPANY_SECONDS = 1.0
HELD_UP_SECONDS = 0.003

Item = TypeVar("Item", bound=Hashable)


class FairQueue(Generic[Item]):
    """What waits for a place. Times are seconds of any one clock that does not go back.

    A sender is alone while no other was seen for a second, and then gets whatever places there are. With company, one
    request at a time of each sender gets a place at once. A sender with more to do gets the next place when nobody else
    holds one: those that share a processor, and Python's lock, delay each other. Or when it was given none for three
    milliseconds: then what holds places is held up by something else, such as a password hash or the database."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, deque[Item]] = OrderedDict()  # in the order of their turns
        self._modest: OrderedDict[Hashable, None] = OrderedDict()  # one request waits, and none has a place
        self._arrivals: OrderedDict[Item, Hashable] = OrderedDict()  # whose it is
        self._held: Counter[Hashable] = Counter()
        self._all_held = 0
        self._given_at: dict[Hashable, float] = {}  # the last place, of those that hold one or wait
        self._latest: Hashable = None
        self._latest_at = float("-inf")
        self._company_until = 0.0
        self._is_turn_of_oldest = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._arrivals)

    def push(self, sender: Hashable, item: Item, now: float) -> None:
        """Let it wait. The item must not be waiting already."""
        another_was_seen = sender != self._latest and now < self._latest_at + COMPANY_SECONDS
        if another_was_seen or self._all_held > self._held[sender]:
            self._company_until = now + COMPANY_SECONDS
        self._latest, self._latest_at = sender, now
        self._arrivals[item] = sender
        line = self._lines.setdefault(sender, deque())
        line.append(item)
        self._note(sender, len(line))

    def pop(self, now: float) -> tuple[Hashable, Item] | None:
        """Whose turn it is, and what gets a place; None when nothing may. The place is taken until :meth:`release`."""
        if not self._arrivals:
            return None
        sender = self._whose_turn(now)
        if sender is None:
            return None
        line = self._lines[sender]
        item = line.popleft()
        del self._arrivals[item]
        if line:
            self._lines.move_to_end(sender)
        else:
            del self._lines[sender]
        self._held[sender] += 1
        self._all_held += 1
        self._given_at[sender] = now
        self._note(sender, len(line))
        return sender, item

    def release(self, sender: Hashable) -> None:
        """The sender gives a place back."""
        self._held[sender] -= 1
        self._all_held -= 1
        if not self._held[sender]:
            del self._held[sender]
            if sender not in self._lines:
                del self._given_at[sender]
            else:
                self._note(sender, len(self._lines[sender]))

    def may_keep(self, sender: Hashable, now: float) -> bool:
        """Whether a sender may use its place again at once: nobody waits, and it is alone or has no other place."""
        return not self._arrivals and (self._held[sender] <= 1 or now >= self._company_until)

    def _note(self, sender: Hashable, waiting: int) -> None:
        if waiting == 1 and not self._held[sender]:
            self._modest[sender] = None
        else:
            self._modest.pop(sender, None)

    def _whose_turn(self, now: float) -> Hashable | None:
        oldest, first = next(iter(self._arrivals.values())), next(iter(self._lines))
        self._is_turn_of_oldest = not self._is_turn_of_oldest
        if self._is_turn_of_oldest and self._may_have_place(oldest, now):
            return oldest
        if self._may_have_place(first, now):
            return first
        # The others were given a place later than the first, or have come later: only these can have one now.
        return next(iter(self._modest), None)

    def _may_have_place(self, sender: Hashable, now: float) -> bool:
        if now >= self._company_until or not self._all_held or sender in self._modest:
            return True
        return now - self._given_at.get(sender, float("-inf")) >= HELD_UP_SECONDS
