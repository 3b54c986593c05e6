"""Where a fault happens."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from tests.soak.callers import Town
from tests.soak.ground import Ground


@dataclass(frozen=True)
class Scene:
    """The processes and the callers, and the dice that decide a fault's details."""

    ground: Ground
    town: Town
    dice: random.Random

    def wait(self, shortest: float, longest: float) -> None:
        """Let the fault last for so many seconds."""
        time.sleep(self.dice.uniform(shortest, longest))
