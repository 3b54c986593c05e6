"""The WSGI application for servers that want to import one: ``wsgi:app``. Settings come from the environment."""

from oidc_server import create_app

app = create_app()
