"""The text of one key file: ``name: value`` lines with the key's instants, an empty line, the private key as PEM."""

from datetime import UTC, datetime

from oidc_server.keys.lifecycle import INSTANTS, KeyRecord
from oidc_server.keys.material import KeyMaterial, MaterialError, read_key
from oidc_server.keys.store import StoredKey

_END = "-----END "
_BEGIN = "-----BEGIN "


class KeyFileError(Exception):
    """The text is not a key file; the message goes on after the file's name."""


def write(record: KeyRecord, material: KeyMaterial, passphrase: str) -> bytes:
    """The text of the file, its private key encrypted when a passphrase is given."""
    lines = [f"kid: {record.kid}", f"alg: {record.alg}"]
    for name in INSTANTS:
        instant: datetime | None = getattr(record, name)
        if instant is not None:
            lines.append(f"{name}: {instant.astimezone(UTC).isoformat().replace('+00:00', 'Z')}")
    return "\n".join([*lines, "", ""]).encode() + material.pem(passphrase)


def read(content: bytes, passphrase: str) -> StoredKey:
    """What :func:`write` wrote. Raises :class:`KeyFileError`."""
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise KeyFileError("is not a key file of this server: move it elsewhere") from error
    head, begin, body = text.partition(_BEGIN)
    fields = _fields(head)
    if not begin or not body.rstrip().endswith("-----") or _END not in body:
        raise KeyFileError("is cut off in the middle: restore it from a backup, or delete it if the key is not needed")
    try:
        material = read_key((begin + body).encode(), fields["alg"], passphrase)
    except MaterialError as error:
        raise KeyFileError(f"cannot be used: {error}. Set OIDC_KEY_PASSPHRASE, or restore the file") from error
    if material.kid != fields["kid"]:
        raise KeyFileError("says a kid that is not that of its key: restore it from a backup, or delete it")
    encrypted = body.startswith("ENCRYPTED ")
    return StoredKey(_record(fields), material, sealed_currently=encrypted or not passphrase)


def _fields(head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.splitlines():
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        # An unknown name is refused, not skipped: it could be a misspelt revoked_at.
        if not colon or name in fields or name not in {"kid", "alg", *INSTANTS}:
            raise KeyFileError("is not a key file of this server, or is damaged: restore it, or move it elsewhere")
        fields[name] = value.strip()
    if not {"kid", "alg", "published_at"} <= fields.keys():
        raise KeyFileError("is not a key file of this server, or is cut off: restore it, or move it elsewhere")
    return fields


def _record(fields: dict[str, str]) -> KeyRecord:
    try:
        instants = {name: datetime.fromisoformat(fields[name]) for name in INSTANTS if name in fields}
        if any(instant.tzinfo is None for instant in instants.values()):
            raise ValueError("an instant needs a time zone")  # noqa: TRY301 - told with the others
        return KeyRecord(kid=fields["kid"], alg=fields["alg"], **instants)
    except ValueError as error:
        raise KeyFileError(f"has wrong instants ({error}): restore it from a backup") from error
