"""The settings: one frozen dataclass, set by ``OIDC_`` variables.

Each field carries its own documentation; ``docs/settings.md`` is generated from it."""

import dataclasses
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

PREFIX = "OIDC_"


def _setting(kind: str, default: Any, doc: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"kind": kind, "doc": doc, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set. Lifetimes are whole seconds."""

    issuer: str = _setting(
        "str", "", "The public address of this server, exactly as clients use it: scheme, host, optional port and path."
    )
    database_url: str = _setting(
        "str", "", "`postgresql://user:password@host/name`, or `sqlite:////path/to/file` on a single host.", secret=True
    )
    redis_url: str = _setting(
        "str",
        "",
        "`redis://host:6379/0`: where limits are counted. Without it they are counted in the database.",
        secret=True,
    )
    secret_key: str = _setting(
        "str",
        "",
        "At least 32 random characters. From it come the keys of refresh-token successors, of forms and of the cookies"
        " of known browsers.",
        secret=True,
    )
    secret_key_previous: tuple[str, ...] = _setting(
        "list", (), "Earlier values of `OIDC_SECRET_KEY`, comma-separated, while they are being replaced.", secret=True
    )
    master_key: str = _setting(
        "str",
        "",
        "At least 32 random characters. Seals what is stored encrypted: the keys of the `database` key store, and the"
        " secrets of authenticator apps, which the secret key seals where there is no master key.",
        secret=True,
    )
    master_key_previous: tuple[str, ...] = _setting(
        "list", (), "Earlier values of `OIDC_MASTER_KEY`, comma-separated; what they sealed still opens.", secret=True
    )
    key_store: str = _setting(
        "str", "directory", "Where signing keys live: `directory` (one host), or `database` (several hosts)."
    )
    key_directory: Path = _setting("path", Path("keys"), "The folder of the `directory` key store; its mode is 0700.")
    key_passphrase: str = _setting("str", "", "Encrypts the files of the `directory` key store.", secret=True)
    signing_alg: str = _setting(
        "str",
        "RS256",
        "Signs access tokens and, unless the client registered another, ID tokens: "
        "`RS256`, `PS256`, `ES256` or `Ed25519`.",
    )
    rsa_key_size: int = _setting("int", 2048, "Bits of a new RSA key: 2048, 3072 or 4096.")
    key_rotation_days: int = _setting(
        "int", 90, "The worker rotates the signing key when it is this many days old; 0: never."
    )
    jwks_max_age: int = _setting(
        "int", 300, "Seconds for which a verifier may keep the JWKS. A new key is announced for at least this long."
    )
    access_token_lifetime: int = _setting("int", 900, "Seconds for which an access token is good.")
    id_token_lifetime: int = _setting("int", 900, "Seconds for which an ID token is good.")
    refresh_token_idle_lifetime: int = _setting(
        "int", 30 * 86400, "Seconds after which an unused refresh token is no longer good."
    )
    refresh_token_absolute_lifetime: int = _setting(
        "int",
        180 * 86400,
        "Seconds after which the person has to sign in again, however often the token was refreshed.",
    )
    session_idle_lifetime: int = _setting(
        "int", 8 * 3600, "Seconds after which a browser that was not used has to sign in again."
    )
    session_lifetime: int = _setting(
        "int", 24 * 3600, "Seconds after which a browser has to sign in again, however busy it was."
    )
    session_remembered_lifetime: int = _setting(
        "int", 30 * 86400, "The same where the person asked to be remembered; then idle time does not count."
    )
    refresh_grace: int = _setting(
        "int", 30, "Seconds in which a refresh token may be sent again, after a lost answer, for the same successor."
    )
    default_audience: str = _setting(
        "str", "", "The `aud` of an access token when the request names no `resource`; by default the issuer."
    )
    client_cache_seconds: int = _setting(
        "int", 3, "Seconds for which a process keeps a client in memory: a disabled client stops within this bound."
    )
    password_hash_rounds: int = _setting("int", 12, "The cost of bcrypt: each step doubles the time.")
    breach_url: str = _setting(
        "str",
        "",
        "A service that knows the passwords of breaches, asked when a password is chosen, by the first five characters"
        " of its SHA-1 only: `https://api.pwnedpasswords.com/range/`, or your own with the same interface. Empty: none"
        " is asked. While it does not answer, passwords are accepted without it.",
    )
    hash_concurrency: int = _setting(
        "int", 0, "Passwords that one worker process hashes at once; 0: as many as there are processors per worker."
    )
    hash_waiters: int = _setting(
        "int", 4, "Password checks that may wait for their turn in one worker process; beyond that the answer is 503."
    )
    registration: str = _setting(
        "str", "open", "Who may make an account: `open`: everybody; `closed`: nobody, only admins make accounts."
    )
    registration_reveals_taken_email: bool = _setting(
        "bool", False,
        "Whether registering an address that has an account is refused by 409. By default the answer is that of a new"
        " account, and only a mail to the owner of the address tells.",
    )  # fmt: skip
    mfa: str = _setting(
        "str", "optional",
        "Who is asked for a second factor: `off`: nobody; `optional`: who has enrolled one; `required`: everybody.",
    )  # fmt: skip
    mfa_methods: tuple[str, ...] = _setting(
        "list", ("webauthn", "totp", "sms", "email"),
        "The second factors that people may use, comma-separated, of `webauthn`, `totp`, `sms` and `email`. `sms` is"
        " offered only where `OIDC_SMS_COUNTRIES` names a country.",
    )  # fmt: skip
    mfa_grace_days: int = _setting(
        "int", 0,
        "Days for which people who have to enrol a second factor can still sign in without one, from the first time"
        " that it was asked for; 0: none.",
    )  # fmt: skip
    mfa_trusted_device_days: int = _setting(
        "int", 30, "Days for which a browser in which the second factor was given may be trusted; 0: none is."
    )
    webauthn_rp_id: str = _setting(
        "str", "",
        "The domain that passkeys are made for: the issuer's host, or a domain above it. Passkeys are good for the one"
        " that they were made for, so choose it once. By default the issuer's host.",
    )  # fmt: skip
    webauthn_origins: tuple[str, ...] = _setting(
        "list", (),
        "Further origins at which these passkeys are used, comma-separated, such as `https://example.de`; told to"
        " browsers at `/.well-known/webauthn`.",
    )  # fmt: skip
    limits: tuple[str, ...] = _setting(
        "list",
        (),
        "Amounts of [limits](limits.md) in place of their own, comma-separated, such as"
        " `registrations_hour=200,mails_altogether=50000`.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "list", (), "Addresses or networks (CIDR), comma-separated, whose `X-Forwarded-For` is believed."
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "list", (), "Further host names under which this server may be called, comma-separated; the issuer's is one."
    )
    body_limit: int = _setting("int", 65536, "Bytes of the largest request body.")
    database_pool_size: int = _setting(
        "int",
        10,
        "Database connections of one worker process, half for reading (PostgreSQL); at most `OIDC_THREADS` - 2, "
        "so that a database that hangs never holds every thread.",
    )
    statement_timeout_ms: int = _setting(
        "int", 3000, "Milliseconds after which the database gives up a statement or a wait for a lock (PostgreSQL)."
    )
    clock_skew_bound: int = _setting(
        "int", 5, "Seconds by which this host's clock may differ from the database's before it stops being ready."
    )
    ca_bundle: str = _setting("str", "", "A file of CA certificates to trust, beside the system's, on outgoing calls.")
    smtp_url: str = _setting("str", "", "`smtp://user:password@host:587`: where mail is handed over.", secret=True)
    closing_grace_days: int = _setting(
        "int", 14,
        "Days for which a person can have an account back that they closed, by signing in; then it is erased. While a"
        " change of its email address can still be undone, it is not erased.",
    )  # fmt: skip
    mail_from: str = _setting(
        "str",
        "",
        "Who mails come from: an address, or `Name <address>`. By default it is `no-reply@` the issuer's host, and the"
        " name is that of the theme.",
    )
    sms_url: str = _setting(
        "str",
        "",
        "Where text messages to phones are handed over: `to` and `text` are posted there as JSON.",
        secret=True,
    )
    sms_token: str = _setting("str", "", "The bearer token for `OIDC_SMS_URL`; for Twilio `SID:token`.", secret=True)
    sms_provider: str = _setting(
        "str", "json",
        "How `OIDC_SMS_URL` is spoken to: `json`, or `twilio` for a server with Twilio's interface for messages.",
    )  # fmt: skip
    sms_from: str = _setting("str", "", "Who text messages come from, for Twilio: a number or a messaging service.")
    sms_countries: tuple[str, ...] = _setting(
        "list", (),
        "The countries to whose numbers text messages are sent, comma-separated, such as `DE,AT,CH` (ISO 3166-1). By"
        " default none.",
    )  # fmt: skip
    kafka_brokers: tuple[str, ...] = _setting("list", (), "`host:port`, comma-separated: where events are published.")
    bind: str = _setting("str", "127.0.0.1:8000", "Where `serve` listens.")
    workers: int = _setting("int", 2, "Worker processes of `serve`.")
    threads: int = _setting("int", 16, "Threads of each worker process of `serve`.")
    drain_seconds: int = _setting(
        "int", 5, "Seconds for which a stopping server still serves while it reports that it is not ready."
    )
    grace_seconds: int = _setting(
        "int", 25, "Seconds that a server which has drained gives the requests it is still answering."
    )
    theme_name: str = _setting("str", "oidc-server", "What the pages call this service.")
    theme_color: str = _setting(
        "str",
        "#1f5fbf",
        "The colour of buttons and links, `#rrggbb`; it is made darker or lighter until it can be read.",
    )
    theme_logo: str = _setting("str", "", "A file with the service's logo: SVG, PNG or WebP, 256 KB at most.")
    template_directory: str = _setting(
        "str", "", "A folder with templates of your own: each takes the place of ours with the same path."
    )
    log_level: str = _setting("str", "info", "`debug`, `info`, `warning` or `error`.")

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The present secret key first, then those that it replaced."""
        return (self.secret_key, *self.secret_key_previous)

    @property
    def sealing_keys(self) -> tuple[str, ...]:
        """What stored secrets are sealed under: the master key, or without one the secret key; then those whose boxes
        still open."""
        given = (self.master_key, *self.master_key_previous, *self.secret_keys)
        return tuple(key for key in given if key)

    @property
    def limit_amounts(self) -> dict[str, int]:
        """The amounts that are set, by the names of rules. Raises ``ValueError`` when one cannot be used."""
        from oidc_server.core.limit_rules import amounts_of  # noqa: PLC0415 - its library takes a while to import

        return amounts_of(self.limits)

    @property
    def audience(self) -> str:
        """The ``aud`` of an access token without a requested resource (RFC 9068 §3)."""
        return self.default_audience or self.issuer

    @property
    def people_can_register(self) -> bool:
        """Whether people can make accounts by themselves; every way in asks here (attack G27)."""
        return self.registration == "open"

    @property
    def pool_size(self) -> int:
        """Database connections of one process; fewer than threads, so that some are left for what needs none."""
        return min(self.database_pool_size, max(1, self.threads - 2))

    @property
    def token_lifetime(self) -> timedelta:
        """The longest life of anything a key signs; a retired key stays published for it."""
        return timedelta(seconds=max(self.access_token_lifetime, self.id_token_lifetime))


@dataclass(frozen=True)
class Problem:
    """What is wrong with a variable, and how to mend it."""

    variable: str
    wrong: str
    mend: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.wrong}. {self.mend}"


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` lists every one of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def variables() -> frozenset[str]:
    """The names of all settings as environment variables."""
    return frozenset(variable(f.name) for f in dataclasses.fields(Settings))


def variable(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()
