"""A store that counts how often it is read, and that fails when it is told to."""

from collections.abc import Hashable
from contextlib import AbstractContextManager

from oidc_server.keys.store import Changes, KeyStore, KeyStoreError, StoredKey


class CountingStore:
    """In front of a real store."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self.looks = 0
        self.loads = 0
        self.failing = False

    def fingerprint(self) -> Hashable:
        self.looks += 1
        if self.failing:
            raise KeyStoreError("The disk is gone.")
        return self._store.fingerprint()

    def load(self) -> tuple[StoredKey, ...]:
        self.loads += 1
        return self._store.load()

    def changing(self) -> AbstractContextManager[Changes]:
        return self._store.changing()

    def after_fork(self) -> None:
        self._store.after_fork()

    def close(self) -> None:
        self._store.close()
