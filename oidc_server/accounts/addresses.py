"""The addresses of the pages about accounts, to which mails lead too."""

REGISTER = "/register"
REGISTERED = "/register/sent"
VERIFY_EMAIL = "/verify-email"
VERIFY_WITH_NEW_PASSWORD = "/verify-email/new-password"  # noqa: S105 - an address
RESEND_VERIFICATION = "/resend-verification"
VERIFICATION_SENT = "/resend-verification/sent"
FORGOT_PASSWORD = "/forgot-password"  # noqa: S105 - an address
RESET_SENT = "/forgot-password/sent"
RESET_PASSWORD = "/reset-password"  # noqa: S105 - an address
CONFIRM_EMAIL = "/change-email/confirm"
UNDO_EMAIL_CHANGE = "/change-email/undo"
EMAIL_CHANGE_UNDONE = "/change-email/undone"
INVITATION = "/invitation"
# Everybody can open these; whoever confirms a change of their address is sent to sign in first.
PUBLIC = (
    REGISTER, REGISTERED, VERIFY_EMAIL, VERIFY_WITH_NEW_PASSWORD, RESEND_VERIFICATION, VERIFICATION_SENT,
    FORGOT_PASSWORD, RESET_SENT, RESET_PASSWORD, CONFIRM_EMAIL, UNDO_EMAIL_CHANGE, EMAIL_CHANGE_UNDONE, INVITATION,
)  # fmt: skip
# On the way in, below the sign-in page: each with ``interaction`` or ``next``, as that page has it.
SECOND_FACTOR = "/sign-in/second-factor"
ENROL = "/sign-in/enrol"
PASSKEY_SIGN_IN = "/sign-in/passkey"
WAYS_IN = (SECOND_FACTOR, ENROL, PASSKEY_SIGN_IN)
# For browsers (Web Authentication Level 3 §5.11).
PASSKEY_ORIGINS = "/.well-known/webauthn"
ACCOUNT = "/account"
# The account of who is signed in.
ACCOUNT_PROFILE = "/account/profile"
ACCOUNT_EMAIL = "/account/email"
ACCOUNT_PASSWORD = "/account/password"  # noqa: S105 - an address
ACCOUNT_SECURITY = "/account/security"
ACCOUNT_SECURITY_ADD = "/account/security/add"
ACCOUNT_SECURITY_METHOD = "/account/security/method"
ACCOUNT_SECURITY_CODES = "/account/security/recovery-codes"
ACCOUNT_SECURITY_BROWSERS = "/account/security/browsers"
ACCOUNT_SESSIONS = "/account/sessions"
ACCOUNT_APPS = "/account/apps"
ACCOUNT_ACTIVITY = "/account/activity"
ACCOUNT_DATA = "/account/data"
ACCOUNT_CLOSE = "/account/close"
ACCOUNT_CLOSED = "/account/closed"
