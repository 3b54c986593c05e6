"""A machine clock that stands still; ``core.clock.travel`` moves what the program reads from it."""

import time


class FrozenTime:
    """Stands in for the module ``time``. It stands at a whole second, so that sums of instants are exact."""

    def __init__(self) -> None:
        self._seconds = float(int(time.time()))
        self._monotonic = float(int(time.monotonic()))

    def time(self) -> float:
        return self._seconds

    def monotonic(self) -> float:
        return self._monotonic
