"""The rules that settings must keep, each saying what is wrong and how to mend it; ``serve`` adds those of
production."""

import ipaddress
import os
import re
from collections.abc import Iterator
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from oidc_server.core.identity import NotAnEmail, email_key
from oidc_server.core.settings import Problem, Settings, SettingsError, variable

SIGNING_ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519")
RSA_KEY_SIZES = (2048, 3072, 4096)
SECOND_FACTORS = frozenset({"webauthn", "totp", "sms", "email"})
SECRET_MIN_CHARACTERS = 32
LEAST_HASH_ROUNDS = 12
_FAMILIAR_SECRETS = ("changeme", "secret", "password", "default", "example", "development", "insecure")
_POSITIVE = (
    "jwks_max_age", "access_token_lifetime", "id_token_lifetime", "refresh_token_idle_lifetime",
    "refresh_token_absolute_lifetime", "session_idle_lifetime", "session_lifetime", "session_remembered_lifetime",
    "body_limit", "database_pool_size", "statement_timeout_ms", "clock_skew_bound", "workers", "threads",
    "grace_seconds",
)  # fmt: skip
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
_LOGO_BYTES_AT_MOST = 262_144
_SENDER = re.compile(r"(?:(?P<name>[^<>\"]*)<(?P<inside>[^<>]*)>|(?P<bare>[^<>]*))")
_COUNTRY = re.compile(r"[A-Z]{2}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_NOT_NEGATIVE = (
    "key_rotation_days", "refresh_grace", "client_cache_seconds", "hash_concurrency", "hash_waiters", "drain_seconds",
    "closing_grace_days", "mfa_grace_days", "mfa_trusted_device_days",
)  # fmt: skip


def _problem(name: str, wrong: str, mend: str) -> Problem:
    return Problem(variable(name), wrong, mend)


def _issuer(settings: Settings) -> Iterator[Problem]:
    parts = urlsplit(settings.issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield _problem(
            "issuer",
            "it is not an http(s) address",
            "Give the server's public address, such as https://login.example.com.",
        )
    elif parts.query or parts.fragment or parts.username or settings.issuer.endswith("/"):
        yield _problem(
            "issuer", "it has a query, a fragment, a user or a final slash", "Leave those away (RFC 8414 §2)."
        )


def _database(settings: Settings) -> Iterator[Problem]:
    try:
        backend = make_url(settings.database_url).get_backend_name()
    except ArgumentError:
        backend = ""
    if backend not in {"postgresql", "postgres", "sqlite"}:
        yield _problem(
            "database_url", "it is not the address of a PostgreSQL or SQLite database",
            "Give postgresql://user:password@host/name or sqlite:////path/to/file.",
        )  # fmt: skip


def _keys(settings: Settings) -> Iterator[Problem]:
    if settings.key_store not in {"directory", "database"}:
        yield _problem("key_store", "there is no such key store", "Give directory or database.")
    if settings.key_store == "database" and not settings.master_key:
        yield _problem(
            "master_key", "the database key store needs it", "Give 32 or more random characters, and keep them safe."
        )
    if settings.signing_alg not in SIGNING_ALGORITHMS:
        yield _problem("signing_alg", "there is no such algorithm", f"Give one of {', '.join(SIGNING_ALGORITHMS)}.")
    if settings.rsa_key_size not in RSA_KEY_SIZES:
        yield _problem("rsa_key_size", "keys of that size are not made", "Give 2048, 3072 or 4096.")


def _numbers(settings: Settings) -> Iterator[Problem]:
    for name in _POSITIVE:
        if getattr(settings, name) <= 0:
            yield _problem(name, "it must be more than 0", "Give a positive whole number.")
    for name in _NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            yield _problem(name, "it must not be negative", "Give 0 or more.")
    if not 4 <= settings.password_hash_rounds <= 16:
        yield _problem("password_hash_rounds", "it must be from 4 to 16", "Leave it at 12.")
    if settings.hash_waiters + max(1, settings.hash_concurrency) >= settings.threads > 0:
        yield _problem(
            "hash_waiters", "waiting password checks could fill every thread of a worker",
            "Keep OIDC_HASH_WAITERS + OIDC_HASH_CONCURRENCY below OIDC_THREADS.",
        )  # fmt: skip


def _proxies(settings: Settings) -> Iterator[Problem]:
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            yield _problem(
                "trusted_proxies", f"{proxy!r} is neither an address nor a network", "Give values such as 10.0.0.0/8."
            )


def _limits(settings: Settings) -> Iterator[Problem]:
    try:
        _ = settings.limit_amounts
    except ValueError as error:
        yield _problem("limits", str(error), "Give such as registrations_hour=200; docs/limits.md has the names.")


def _words(settings: Settings) -> Iterator[Problem]:
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        yield _problem("log_level", "there is no such level", "Give debug, info, warning or error.")
    if settings.registration not in {"open", "closed"}:
        yield _problem("registration", "there is no such way", "Give open or closed.")
    for name, schemes in (("redis_url", {"redis", "rediss"}), ("smtp_url", {"smtp", "smtps"})):
        value = getattr(settings, name)
        if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).hostname):
            yield _problem(name, "it is not such an address", f"Give {' or '.join(sorted(schemes))}://host:port.")
    if settings.breach_url and not _is_safe_address(settings.breach_url):
        yield _problem(
            "breach_url", "it is not an https address that ends where the five characters begin",
            "Give one such as https://api.pwnedpasswords.com/range/; http is for loopback.",
        )  # fmt: skip
    if settings.ca_bundle and not os.path.isfile(settings.ca_bundle):  # noqa: PTH113 - a text, maybe not even a path
        yield _problem("ca_bundle", "there is no such file", "Give the path of a PEM file.")


def _is_safe_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is not a number
    except ValueError:
        return False
    is_local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" @?#")
    return is_plain and bool(parts.hostname) and url.endswith("/") and (parts.scheme == "https" or is_local)


def mail_sender(settings: Settings) -> Address:
    """Who mails come from, by the settings.

    Raises :class:`~oidc_server.core.identity.NotAnEmail` when OIDC_MAIL_FROM is neither an address nor a name with
    one."""
    name = " ".join(settings.theme_name.split())
    if not settings.mail_from:
        host = urlsplit(settings.issuer).hostname or ""
        return Address(name, "no-reply", f"[IPv6:{host}]" if ":" in host else host)
    given = _SENDER.fullmatch(settings.mail_from)
    if given is None or not settings.mail_from.isprintable():
        raise NotAnEmail("it is neither an address nor a name with one")
    address = (given["inside"] or given["bare"] or "").strip()
    domain = email_key(address).rpartition("@")[2]
    return Address((given["name"] or "").strip() or name, address.rpartition("@")[0], domain)


def _messages(settings: Settings) -> Iterator[Problem]:
    try:
        mail_sender(settings)
    except NotAnEmail:
        yield _problem(
            "mail_from", "it is no address to send from", "Give no-reply@example.com or Example <no-reply@example.com>."
        )
    except ValueError:  # an issuer that is none is told by its own rule
        return
    if settings.sms_url and not _is_for_sms(settings.sms_url):
        yield _problem(
            "sms_url", "it is not such an address, or anybody could read what is sent there",
            "Give an https address without a user; http is for loopback only.",
        )  # fmt: skip


def _is_for_sms(url: str) -> bool:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"})


def _second_factors(settings: Settings) -> Iterator[Problem]:
    if settings.mfa not in {"off", "optional", "required"}:
        yield _problem("mfa", "there is no such policy", "Give off, optional or required.")
    if not settings.mfa_methods or not set(settings.mfa_methods) <= SECOND_FACTORS:
        yield _problem("mfa_methods", "there is no such method", f"Give some of {', '.join(sorted(SECOND_FACTORS))}.")
    host = urlsplit(settings.issuer).hostname or ""
    if settings.webauthn_rp_id and not f".{host}".endswith(f".{settings.webauthn_rp_id}"):
        yield _problem(
            "webauthn_rp_id", "it is neither the issuer's host nor a domain above it",
            "Leave it empty, or give such a domain, such as example.com for https://login.example.com.",
        )  # fmt: skip
    for origin in settings.webauthn_origins:
        parts = urlsplit(origin)
        if parts.scheme != "https" or not parts.hostname or origin != f"https://{parts.netloc}":
            yield _problem("webauthn_origins", f"{origin!r} is no origin", "Give values such as https://example.de.")


def _text_messages(settings: Settings) -> Iterator[Problem]:
    if settings.sms_provider not in {"json", "twilio"}:
        yield _problem("sms_provider", "there is no such interface", "Give json or twilio.")
    named = settings.sms_from and all(settings.sms_token.partition(":"))
    if settings.sms_provider == "twilio" and settings.sms_url and not named:
        yield _problem(
            "sms_provider", "Twilio has to know who asks, and who messages come from",
            "Set OIDC_SMS_TOKEN to SID:token, and OIDC_SMS_FROM to a number or a messaging service.",
        )  # fmt: skip
    if not all(_COUNTRY.fullmatch(country) for country in settings.sms_countries):
        yield _problem("sms_countries", "there is no such country", "Give two capital letters each, such as DE,AT.")


def _looks(settings: Settings) -> Iterator[Problem]:
    if not _COLOR.fullmatch(settings.theme_color):
        yield _problem("theme_color", "it is no colour", "Give # and six hexadecimal digits, such as #1f5fbf.")
    if not settings.theme_name.strip():
        yield _problem("theme_name", "the pages need a name", "Give the name of your service.")
    if settings.theme_logo and not _is_logo(Path(settings.theme_logo)):
        yield _problem("theme_logo", "it is no such file", "Give an SVG, PNG or WebP file of 256 KB at most.")
    if settings.template_directory and not Path(settings.template_directory).is_dir():
        yield _problem("template_directory", "there is no such folder", "Give the path of a folder.")


def _is_logo(file: Path) -> bool:
    return file.suffix.lower() in LOGO_TYPES and file.is_file() and file.stat().st_size <= _LOGO_BYTES_AT_MOST


def _secrets(settings: Settings) -> Iterator[Problem]:
    for name in ("secret_key", "master_key"):
        value = getattr(settings, name)
        if name == "master_key" and not value:
            continue
        familiar = any(word in value.lower() for word in _FAMILIAR_SECRETS)
        if len(value) < SECRET_MIN_CHARACTERS or len(set(value)) < 10 or familiar:
            yield _problem(
                name, "it is missing, short, or guessable",
                "Give 32 or more random characters: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'.",
            )  # fmt: skip


def _production(settings: Settings) -> Iterator[Problem]:
    if settings.issuer.startswith("http://"):
        yield _problem(
            "issuer",
            "it is not https, so every token could be read on the way",
            "Put the server behind TLS and give the https address.",
        )
    if settings.password_hash_rounds < LEAST_HASH_ROUNDS:
        mend = f"Give {LEAST_HASH_ROUNDS} or more."
        yield _problem("password_hash_rounds", "passwords would be hashed too cheaply", mend)
    for name in ("FLASK_DEBUG", "AUTHLIB_INSECURE_TRANSPORT"):
        if os.environ.get(name, "0").lower() not in {"", "0", "false"}:
            yield Problem(name, "it switches protection off", "Unset it.")


def _countries(settings: Settings) -> Iterator[Problem]:
    """Asked where people are served only: to know all countries takes longer than most commands."""
    if not settings.sms_countries:
        return
    if not settings.sms_url:
        yield _problem(
            "sms_countries", "codes would be offered by text message, and nothing sends any",
            "Set OIDC_SMS_URL, or name no country.",
        )  # fmt: skip
    import phonenumbers  # noqa: PLC0415 - see above

    if unknown := sorted(set(settings.sms_countries) - phonenumbers.SUPPORTED_REGIONS):
        yield _problem("sms_countries", f"{unknown[0]!r} is no country", "Give such as DE,AT,GB (ISO 3166-1).")


RULES = (
    _issuer, _database, _keys, _numbers, _proxies, _limits, _words, _messages, _second_factors, _text_messages, _looks,
)  # fmt: skip
PRODUCTION_RULES = (_secrets, _production, _countries)


def check(settings: Settings, *, production: bool) -> Settings:
    """The same settings, when they keep every rule. Raises :class:`SettingsError` with every problem at once."""
    rules = RULES + PRODUCTION_RULES if production else RULES
    problems = [problem for rule in rules for problem in rule(settings)]
    if problems:
        raise SettingsError(problems)
    return settings
