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
    sessions,
)

OWN_VIEWS = (overview, profile, email, password, sessions, apps, activity, data, closing)
