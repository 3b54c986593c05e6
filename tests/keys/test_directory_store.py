"""The directory store: what it writes and how, and what a full disk or an interrupted write leaves."""

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from oidc_server.core import clock
from oidc_server.keys import directory_store, service
from oidc_server.keys import key_file as key_file_format
from oidc_server.keys.directory_store import DirectoryStore
from oidc_server.keys.lifecycle import Policy
from oidc_server.keys.material import new_key
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStoreError, StoredKey

_ANYBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_and_files_are_for_their_owner_only(file_store: DirectoryStore, key_file: Path) -> None:
    assert (mode(file_store.folder), mode(key_file), mode(file_store.folder / ".lock")) == (0o700, 0o600, 0o600)


def test_a_key_file_tells_its_instants_in_words_of_the_specification(key_file: Path) -> None:
    lines = key_file.read_text().splitlines()
    names = [line.partition(":")[0] for line in lines[: lines.index("")]]
    assert names == ["kid", "alg", "published_at", "activates_at"]
    assert lines[0] == f"kid: {key_file.stem}"
    assert all(line.endswith("Z") for line in lines[2:4])


def test_what_is_written_is_read_again(file_store: DirectoryStore, policy: Policy) -> None:
    service.rotate(file_store, policy, "ES256", immediately=True)
    clock.travel(timedelta(minutes=1))
    retired = next(key.record for key in file_store.load() if key.record.retires_at)
    service.activate(file_store, policy, retired.kid)
    service.revoke(file_store, policy, retired.kid)
    again = DirectoryStore(file_store.folder)
    assert {key.record for key in again.load()} == {key.record for key in file_store.load()}


def test_with_a_passphrase_only_the_encrypted_form_is_on_disk(folder: Path, policy: Policy) -> None:
    """E20"""
    file_store = DirectoryStore(folder, "open sesame")
    service.ensure_first_key(file_store, policy, "ES256")
    (key,) = file_store.load()
    content = next(folder.glob("*.pem")).read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert key.material.pem().split(b"\n")[1] not in content


def test_a_passphrase_is_introduced_by_resealing(file_store: DirectoryStore, key_file: Path) -> None:
    sealed = DirectoryStore(file_store.folder, "open sesame")
    outcome = service.reseal(sealed)
    assert outcome.touched == (key_file.stem,)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in key_file.read_bytes()
    assert service.reseal(sealed).touched == ()
    again = DirectoryStore(file_store.folder, "open sesame")
    assert [key.record for key in sealed.load()] == [key.record for key in again.load()]


def test_polling_reads_no_file_again_that_did_not_change(
    file_store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = file_store.load()
    monkeypatch.setattr(key_file_format, "read", lambda *_: pytest.fail("read again"))
    assert file_store.load() == first


def test_every_change_shows_in_the_fingerprint(file_store: DirectoryStore, policy: Policy, key_file: Path) -> None:
    seen = {file_store.fingerprint()}
    for change in (
        lambda: service.generate(file_store, policy, "ES256"),
        lambda: service.rotate(file_store, policy, "ES256"),
        lambda: key_file.chmod(0o400),
        key_file.unlink,
    ):
        change()
        seen.add(file_store.fingerprint())
    assert len(seen) == 5


def test_a_folder_without_keys_is_closed_to_others_before_the_first_key(folder: Path, policy: Policy) -> None:
    folder.mkdir(mode=0o755)
    (folder / "README.md").write_text("Keys.")
    service.ensure_first_key(DirectoryStore(folder), policy, "ES256")
    assert mode(folder) == 0o700


def test_other_files_are_left_alone(file_store: DirectoryStore, policy: Policy) -> None:
    for name in ("README.md", ".gitignore", "key.txt"):
        (file_store.folder / name).write_text("mine")
    service.prune(file_store, policy)
    assert len(file_store.load()) == 1
    assert {p.name for p in file_store.folder.iterdir()} >= {"README.md", ".gitignore", "key.txt"}


def test_pruning_removes_what_an_interrupted_write_left(file_store: DirectoryStore, policy: Policy) -> None:
    """X11"""
    leftover = file_store.folder / ".abc.0123.tmp"
    leftover.write_bytes(b"kid: a")
    assert len(file_store.load()) == 1
    assert service.prune(file_store, policy).words == "0 keys deleted, and 1 unfinished file."
    assert not leftover.exists()


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """As on a full disk, no file can grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_every_file_as_it_was(file_store: DirectoryStore, policy: Policy) -> None:
    """X11: no half-written key or file."""
    before = {path.name: path.read_bytes() for path in file_store.folder.iterdir()}
    with files_limited_to(64), pytest.raises(KeyStoreError, match="Make room on the disk"):
        service.rotate(file_store, policy, "ES256")
    assert {path.name: path.read_bytes() for path in file_store.folder.iterdir()} == before


def test_a_write_that_the_disk_refuses_at_the_last_moment_leaves_the_old_file(
    file_store: DirectoryStore, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X11"""
    before = {path.name: path.read_bytes() for path in file_store.folder.iterdir()}

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(KeyStoreError, match="No space left"):
            service.generate(file_store, policy, "ES256")
    assert {path.name: path.read_bytes() for path in file_store.folder.iterdir()} == before


def test_a_missing_folder_is_an_error_to_read_and_made_for_the_first_key(folder: Path, policy: Policy) -> None:
    with pytest.raises(KeyStoreError, match="see that what holds it is mounted"):
        DirectoryStore(folder).load()
    service.ensure_first_key(DirectoryStore(folder), policy, "ES256")
    assert len(DirectoryStore(folder).load()) == 1


def test_a_lock_that_is_never_released_is_an_error_and_not_a_hang(
    file_store: DirectoryStore, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_store, "_LOCK_SECONDS", 0.05)
    with file_store.changing(), pytest.raises(KeyStoreError, match="Another process has been changing"):
        service.generate(DirectoryStore(file_store.folder), policy, "ES256")


def test_a_file_that_is_deleted_between_listing_and_reading_is_gone(
    file_store: DirectoryStore, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listdir", lambda _folder: [key_file.name, "deleted.pem"])
    assert [key.record.kid for key in file_store.load()] == [key_file.stem]


def test_a_server_starts_beside_a_store_that_it_can_only_read(
    file_store: DirectoryStore, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = DirectoryStore(file_store.folder)
    monkeypatch.setattr(reader, "changing", lambda: pytest.fail("took the lock"))
    KeyRing(reader, policy, "ES256").ensure_first_key()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(file_store: DirectoryStore, policy: Policy) -> None:
    os.chown(file_store.folder, _ANYBODY, _ANYBODY)
    service.generate(file_store, policy, "ES256")
    owners = {(path.stat().st_uid, path.suffix) for path in file_store.folder.iterdir()}
    assert (_ANYBODY, ".pem") in owners


def test_the_key_on_disk_is_the_key_that_was_made(folder: Path) -> None:
    from oidc_server.keys.lifecycle import KeyRecord

    made = new_key("Ed25519")
    file_store = DirectoryStore(folder)
    with file_store.changing() as changes:
        changes.save(StoredKey(KeyRecord(kid=made.kid, alg=made.alg, published_at=clock.now()), made))
    (read,) = file_store.load()
    raw = [
        key.private_key.private_bytes_raw()  # type: ignore[union-attr]
        for key in (made, read.material)
    ]
    assert raw[0] == raw[1]
