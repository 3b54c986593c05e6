"""What a store of signing keys does; there are two, a directory and a database."""

from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from oidc_server.keys.lifecycle import KeyRecord
from oidc_server.keys.material import KeyMaterial


class KeyStoreError(Exception):
    """The store cannot be read or written. The text names the place, what is wrong, and how to mend it."""


@dataclass(frozen=True)
class StoredKey:
    """A key with its instants; ``sealed_currently`` is False when the store should seal it anew."""

    record: KeyRecord
    material: KeyMaterial
    sealed_currently: bool = True


class Changes(Protocol):
    """The store while its lock is held: nobody else changes it, and what is loaded here is what stands."""

    def load(self) -> tuple[StoredKey, ...]:
        """Every key, whatever its state. Raises :class:`KeyStoreError` when a single one cannot be read."""

    def save(self, key: StoredKey) -> None:
        """Write the key, sealed as the settings of this process say."""

    def delete(self, kid: str) -> None:
        """Delete the key for good."""

    def sweep(self) -> int:
        """Delete what an interrupted write left behind; how much it was."""


class KeyStore(Protocol):
    """Where keys are kept. Every method raises :class:`KeyStoreError`."""

    def fingerprint(self) -> Hashable:
        """A cheap look, for once a second: it differs when anything was written since."""

    def load(self) -> tuple[StoredKey, ...]:
        """Every key, whatever its state; all of them, or an error."""

    def changing(self) -> AbstractContextManager[Changes]:
        """Hold the store's lock, across processes and hosts, for a change. Raising out of it changes nothing in a
        database; in a directory, what was saved before stays."""

    def after_fork(self) -> None:
        """Called in a forked child: let go of what must not be shared with the parent."""

    def close(self) -> None:
        """Let go of connections."""
