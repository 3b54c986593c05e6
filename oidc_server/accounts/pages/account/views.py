"""Every page of a person's own account."""

from oidc_server.accounts.pages.account import (
    activity,
    apps,
    closing,
    data,
    email,
    overview,
    password,
    profile,
    security,
    security_add,
    security_browsers,
    security_codes,
    security_method,
    sessions,
)

OWN_VIEWS = (
    overview, profile, email, password, security, security_add, security_method, security_codes, security_browsers,
    sessions, apps, activity, data, closing,
)  # fmt: skip
