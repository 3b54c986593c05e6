"""Key files that cannot be used stop the start of a server; it says which one and what to do, and makes no key."""

import os
from pathlib import Path

import pytest

from oidc_server.keys import service
from oidc_server.keys.directory_store import DirectoryStore
from oidc_server.keys.lifecycle import Policy
from oidc_server.keys.material import new_key
from oidc_server.keys.ring import KeyRing
from oidc_server.keys.store import KeyStoreError

_ANYBODY = 65534


def refusal(folder: Path, policy: Policy, passphrase: str = "") -> str:
    """What a server says that starts beside this store; it makes no key."""
    before = {path: path.read_bytes() for path in folder.glob("*.pem") if path.is_file()}
    with pytest.raises(KeyStoreError) as error:
        KeyRing(DirectoryStore(folder, passphrase), policy, "ES256").ensure_first_key()
    assert {path: path.read_bytes() for path in folder.glob("*.pem") if path.is_file()} == before
    return str(error.value)


@pytest.mark.parametrize("keep", [0, 10, 60, 150, -20, -2])
def test_a_half_written_file_is_refused_by_name(
    file_store: DirectoryStore, key_file: Path, policy: Policy, keep: int
) -> None:
    key_file.write_bytes(key_file.read_bytes()[:keep])
    said = refusal(file_store.folder, policy)
    assert str(key_file) in said
    assert "restore" in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alg: ES256", "alg: RS256"),
        ("alg: ES256", "alg: none"),
        ("activates_at:", "activated_at:"),
        ("activates_at:", "published_at:"),
        ("published_at: 2", "published_at: 3"),
        ("published_at: 2", "published_at: soon 2"),
        ("Z\n", "\n"),
        ("kid: ", "kid: x"),
        ("alg: ES256\n", "nonsense\n"),
        ("alg: ES256\n", ""),
    ],
)
def test_an_altered_header_is_refused_by_name(
    file_store: DirectoryStore, key_file: Path, policy: Policy, old: str, new: str
) -> None:
    text = key_file.read_text()
    assert old in text
    key_file.write_text(text.replace(old, new, 1))
    assert str(key_file) in refusal(file_store.folder, policy)


def test_a_file_whose_kid_is_not_that_of_its_key_is_refused(
    file_store: DirectoryStore, key_file: Path, policy: Policy
) -> None:
    other = new_key("ES256").pem().decode()
    head = key_file.read_text().partition("-----")[0]
    key_file.write_text(head + other)
    assert "kid that is not that of its key" in refusal(file_store.folder, policy)


def test_a_renamed_file_is_refused_with_its_right_name(
    file_store: DirectoryStore, key_file: Path, policy: Policy
) -> None:
    key_file.rename(key_file.with_name("copy.pem"))
    said = refusal(file_store.folder, policy)
    assert "copy.pem" in said
    assert f"rename it to {key_file.name}" in said


def test_a_wrong_or_missing_passphrase_is_refused(folder: Path, policy: Policy) -> None:
    service.ensure_first_key(DirectoryStore(folder, "right"), policy, "ES256")
    assert "the passphrase does not open it" in refusal(folder, policy, "wrong")
    assert "Set OIDC_KEY_PASSPHRASE" in refusal(folder, policy)


def test_files_and_folders_that_others_may_open_are_refused(
    file_store: DirectoryStore, key_file: Path, policy: Policy
) -> None:
    key_file.chmod(0o640)
    assert f"chmod 600 {key_file}" in refusal(file_store.folder, policy)
    key_file.chmod(0o600)
    file_store.folder.chmod(0o755)
    assert f"chmod 700 {file_store.folder}" in refusal(file_store.folder, policy)


@pytest.mark.parametrize(
    "content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff" * 99]
)
def test_a_foreign_pem_file_is_refused(file_store: DirectoryStore, policy: Policy, content: bytes) -> None:
    path = file_store.folder / "tls.pem"
    path.touch(mode=0o600)
    path.write_bytes(content)
    assert str(path) in refusal(file_store.folder, policy)


def test_links_folders_and_huge_files_are_no_key_files(
    file_store: DirectoryStore, key_file: Path, policy: Policy, tmp_path: Path
) -> None:
    target = key_file.rename(tmp_path / key_file.name)
    key_file.symlink_to(target)
    assert str(key_file) in refusal(file_store.folder, policy)
    key_file.unlink()
    key_file.mkdir(mode=0o700)
    assert str(key_file) in refusal(file_store.folder, policy)
    key_file.rmdir()
    key_file.touch(mode=0o600)
    os.truncate(key_file, 1 << 20)
    assert str(key_file) in refusal(file_store.folder, policy)


def test_an_unreadable_folder_is_refused_with_the_mend(file_store: DirectoryStore, policy: Policy) -> None:
    """The rights are those of another user when this runs as root, and none when it does not."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(_ANYBODY)
    else:
        file_store.folder.chmod(0)
    try:
        with pytest.raises(KeyStoreError, match="Permission denied") as error:
            KeyRing(DirectoryStore(file_store.folder), policy, "ES256").ensure_first_key()
    finally:
        if root:
            os.seteuid(0)
        else:
            file_store.folder.chmod(0o700)
    assert "to the user that runs this server" in str(error.value)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, policy: Policy) -> None:
    path = tmp_path / "keys"
    path.touch()
    with pytest.raises(KeyStoreError, match=str(path)):
        KeyRing(DirectoryStore(path), policy, "ES256").ensure_first_key()
