"""Reads the settings from the environment by environs; every problem is reported at once."""

import dataclasses
from collections.abc import Callable
from typing import Any

from environs import Env, EnvValidationError

from oidc_server.core.settings import PREFIX, Problem, Settings, SettingsError, variable

_MENDS = {
    "int": "Give a whole number",
    "bool": "Give true or false",
    "list": "Give values separated by commas",
    "path": "Give a path",
}


def read_settings() -> Settings:
    """Read the environment.

    Raises :class:`SettingsError` with every value that could not be read."""
    env = Env(prefix=PREFIX, eager=False)
    readers: dict[str, Callable[..., Any]] = {
        "str": env.str, "int": env.int, "list": env.list, "path": env.path, "bool": env.bool,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for f in dataclasses.fields(Settings):
        kind = f.metadata["kind"]
        value = readers[kind](f.name.upper(), default=f.default)
        values[f.name] = tuple(item.strip() for item in value if item.strip()) if kind == "list" else value
    try:
        env.seal()
    except EnvValidationError as error:
        kinds = {variable(f.name): f.metadata["kind"] for f in dataclasses.fields(Settings)}
        raise SettingsError(
            [
                Problem(name, "it cannot be read", f"{_MENDS.get(kinds[name], 'Give a text')}.")
                for name in error.error_messages
            ]
        ) from error
    return Settings(**values)
