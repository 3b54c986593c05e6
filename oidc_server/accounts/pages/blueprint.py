"""The addresses of the pages, in one place."""

from flask import Blueprint

from oidc_server.protocol.authorize import PAGES

SIGN_IN, CONSENT, CHOOSE_ACCOUNT = PAGES["login"], PAGES["consent"], PAGES["select_account"]

accounts = Blueprint("accounts", __name__)
