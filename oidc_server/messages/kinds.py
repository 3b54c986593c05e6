"""Every kind of message that the server sends; ``docs/messages.md`` tells of each."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What somebody is told. ``needs`` are the values that its words cannot do without; ``meaning`` says when and to
    whom it is sent."""

    needs: tuple[str, ...]
    meaning: str

    def __new__(cls, name: str, needs: tuple[str, ...] = (), meaning: str = "") -> Kind:
        member = str.__new__(cls, name)
        member._value_ = name
        member.needs = needs
        member.meaning = meaning
        return member

    VERIFY_EMAIL = ("verify_email", ("link", "expires_in"), "To a new address: a link that proves that it is theirs.")
    ALREADY_REGISTERED = (
        "already_registered", ("link",),
        "To the owner of an address under which somebody tried to register again: there is an account already.",
    )  # fmt: skip
    RESET_PASSWORD = (
        "reset_password", ("link", "expires_in"),
        "To somebody who forgot their password: a link under which they set a new one.",
    )  # fmt: skip
    PASSWORD_CHANGED = (
        "password_changed", ("link",), "After a password was changed, or set by a link: that it happened."
    )  # fmt: skip
    CHANGE_EMAIL = (
        "change_email", ("link", "expires_in", "new_email"),
        "To the new address, when a person wants another one: a link that confirms it.",
    )  # fmt: skip
    EMAIL_CHANGE_NOTICE = (
        "email_change_notice", ("link", "expires_in", "old_email", "new_email"),
        "To the address before, after it was replaced: a link that takes the change back.",
    )  # fmt: skip
    NEW_DEVICE = (
        "new_device", ("link",), "After a sign-in from a browser that is not known: which one, and what to do."
    )  # fmt: skip
    ACCOUNT_CLOSED = (
        "account_closed", ("link", "expires_in"),
        "After a person closed their account: how long they can still have it back.",
    )  # fmt: skip
    ACCOUNT_ERASED = ("account_erased", (), "To the last address of an account that was erased: the last message.")
    MFA_CODE = ("mfa_code", ("code", "expires_in"), "To who has to prove a second factor by mail: a code.")
    MFA_CODE_BY_SMS = ("mfa_code_by_sms", ("code",), "By text message, to who has to prove a second factor: a code.")
    MFA_METHOD_ADDED = ("mfa_method_added", ("link", "method"), "After a second factor was set up: which one.")
    MFA_METHOD_REMOVED = ("mfa_method_removed", ("link", "method"), "After a second factor was removed: which one.")
    MFA_RECOVERY_CODES = (
        "mfa_recovery_codes", ("link", "when"), "After recovery codes were made, or one was used: that it happened."
    )  # fmt: skip
    MFA_RESET = ("mfa_reset", ("link",), "After an admin removed all second factors of an account.")
    INVITATION = (
        "invitation", ("link", "expires_in"),
        "To somebody for whom an account was made: a link under which they set a password.",
    )  # fmt: skip
