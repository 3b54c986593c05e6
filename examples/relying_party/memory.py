"""Values in the memory of this process, each for a while: the tokens of a browser, and what a login waits with."""

import time
from threading import Lock
from typing import Any


class Memory:
    """At most `size` values, the oldest go first; a cache as Authlib wants one."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._values: dict[str, tuple[float, Any]] = {}
        self._lock = Lock()

    def get(self, key: str) -> Any:
        """The value, or None when there is none or its time is over."""
        end, value = self._values.get(key, (0.0, None))
        return value if time.monotonic() < end else None

    def set(self, key: str, value: Any, seconds: float) -> None:
        with self._lock:
            self._values.pop(key, None)
            if len(self._values) >= self._size:
                del self._values[next(iter(self._values))]
            self._values[key] = (time.monotonic() + seconds, value)

    def delete(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)
