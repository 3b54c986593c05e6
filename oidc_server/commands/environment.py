"""Which server a command acts on: the one of the environment, or the development server's data on this machine."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from oidc_server.core.settings import Problem, Settings, SettingsError, variable
from oidc_server.core.settings_checks import check
from oidc_server.core.settings_reading import read_settings

DEFAULT_DATA = Path("var")
DEFAULT_KEYS = Path("keys")
DEV_PORT = 8000
# Text messages of a development server cost nothing: it shows them.
_DEV_SMS_COUNTRIES = ("AT", "AU", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "NL", "PL", "US")


@dataclass(frozen=True)
class DevData:
    """Where a development server keeps its database, keys, and the secrets it made for itself."""

    directory: Path
    keys: Path

    @classmethod
    def at(cls, data: Path | None) -> "DevData":
        """The data below ``data``, or at the default places of the working directory."""
        return cls(DEFAULT_DATA, DEFAULT_KEYS) if data is None else cls(data, data / "keys")

    @property
    def outbox(self) -> Path:
        """The folder of the mail that was not sent."""
        return self.directory / "outbox"

    @property
    def state_file(self) -> Path:
        """The file of what the development server must remember, readable by its owner only."""
        return self.directory / "dev.json"

    def state(self) -> dict[str, Any]:
        """What was remembered; empty before the first start.

        Raises :class:`~oidc_server.core.settings.SettingsError`."""
        try:
            state = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            state = None
        if not isinstance(state, dict):
            problem = Problem(str(self.state_file), "it is damaged", "Restore it, or delete it with the data.")
            raise SettingsError([problem])
        return state

    def remember(self, **values: Any) -> dict[str, Any]:
        """Add to what is remembered."""
        with self._locked():
            return self._write(self.state() | values)

    def secrets(self) -> dict[str, Any]:
        """What is remembered, the server's secrets among it; two commands that start at once make them once."""
        state = self.state()
        if "secret_key" not in state:
            with self._locked():
                made = {"secret_key": secrets.token_urlsafe(48), "master_key": secrets.token_urlsafe(48)}
                state = self._write(made | self.state())
        return state

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / "dev.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, state: dict[str, Any]) -> dict[str, Any]:
        """One atomic write."""
        temporary = self.state_file.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(state, file, indent=2)
        temporary.replace(self.state_file)
        return state


def dev_settings(data: DevData, port: int | None = None, host: str | None = None) -> Settings:
    """The settings of a development server: SQLite, loopback, its own random secrets.

    The environment may add to them, but it never says which data they are about: a command for a development server
    does not touch another one because its variables are set too. It is called ``localhost`` when it listens there:
    browsers know passkeys of names, and of no address.

    Raises :class:`~oidc_server.core.settings.SettingsError`."""
    state = data.secrets()
    if port is not None:
        state = data.remember(port=port, localhost=host == "localhost")
    port = state.get("port", DEV_PORT)
    own: dict[str, Any] = {
        "issuer": f"http://{'localhost' if state.get('localhost') else '127.0.0.1'}:{port}",
        "bind": f"127.0.0.1:{port}",
        "database_url": f"sqlite:///{(data.directory / 'oidc.sqlite3').absolute()}",
        "redis_url": "",
        "secret_key": state["secret_key"],
        "master_key": state["master_key"],
        "key_store": "directory",
        "key_directory": data.keys,
        "key_passphrase": "",
        "smtp_url": "",  # it shows mail instead of sending it
        "sms_url": "",
        "sms_provider": "json",
        "workers": 1,
    }
    given = read_settings()
    if not given.sms_countries:
        own["sms_countries"] = _DEV_SMS_COUNTRIES
    return check(replace(given, **own), production=False)


def settings_for(data: Path | None) -> Settings:
    """The settings that a command acts on.

    With ``--data``, or without ``OIDC_DATABASE_URL``, those of the development server; otherwise those of the
    environment. Raises :class:`~oidc_server.core.settings.SettingsError`."""
    if data is not None or variable("database_url") not in os.environ:
        place = DevData.at(data)
        try:
            return dev_settings(place)
        except OSError as error:
            wrong = f"it cannot be used ({error.strerror})"
            problem = Problem(str(place.directory), wrong, "Name another folder by --data.")
            raise SettingsError([problem]) from error
    return check(read_settings(), production=False)
