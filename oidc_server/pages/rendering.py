"""Pages: plain HTML that works without scripts, under a policy that lets nothing else in.

A deployment's own templates come first, so that each can be replaced by itself (OIDC_TEMPLATE_DIRECTORY)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import Response, current_app, request
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    select_autoescape,
)

from oidc_server.core.settings import Settings
from oidc_server.pages import cookies, forms, languages
from oidc_server.pages.addresses import address
from oidc_server.pages.theme import current_theme

EXTENSION = "oidc_server.pages"
_SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:(//[A-Za-z0-9.\-]+(:[0-9]+)?)?")


class Environments(NamedTuple):
    """The templates of the deployment with ours for what it does not have, and ours alone."""

    own: Environment
    ours: Environment


def make_environments(settings: Settings) -> Environments:
    """The templates. By ``oidc_server/`` ours are always meant, so that one can extend the one whose place it takes."""
    ours = PackageLoader("oidc_server", "templates")
    named = PrefixLoader({"oidc_server": ours})
    own = [FileSystemLoader(settings.template_directory)] if settings.template_directory else []
    return Environments(_make_environment(*own, ours, named), _make_environment(ours, named))


def _make_environment(*loaders: BaseLoader) -> Environment:
    environment = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),  # mails have a part in plain text
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_callables(languages.translate, languages.translate_number, newstyle=True)  # type: ignore[attr-defined]
    return environment


def render(
    template: str,
    *,
    status: int = 200,
    form_action: Iterable[str] = (),
    scripts: bool = False,
    ours: bool = False,
    **values: Any,
) -> Response:
    """A page. ``form_action`` are the addresses, besides ours, to which its forms lead in the end: browsers hold the
    redirect after a form to the policy too. ``ours`` leaves the deployment's templates out."""
    environments: Environments = current_app.extensions[EXTENSION]
    environment = environments.ours if ours else environments.own
    theme = current_theme()
    html = environment.get_template(template).render(
        theme=theme,
        language=languages.current_language(),
        address=address,
        request_id=request.environ["oidc_server.request_id"],
        **values,
    )
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _policy(form_action, scripts=scripts)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Cookie, Accept-Language"
    response.headers["Content-Language"] = languages.current_language().tag
    secret = request.environ.get(forms.EXTENSION)
    if secret is not None and secret != cookies.browser_secret(request):
        cookies.set_browser_secret(response, secret)
    return response


def see_other(location: str) -> Response:
    """Send the browser on. With 303 no browser sends a form with a password on to where it leads (RFC 9700 §4.12)."""
    return Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _policy(form_action: Iterable[str], *, scripts: bool) -> str:
    """Content Security Policy Level 3: what is not named is forbidden."""
    leads_to = " ".join(sorted({_origin(address) for address in form_action}))
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self'",
            *(("script-src 'self'",) if scripts else ()),
            f"form-action 'self' {leads_to}".strip(),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _origin(address: str) -> str:
    """As a source of the policy: the origin; or the scheme alone, of an app's address and of a host that the policy
    cannot name, such as ``[::1]`` (Content Security Policy Level 3, §2.3.1)."""
    parts = urlsplit(address)
    sources = (f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}:")
    return next(filter(_SOURCE.fullmatch, sources), "")  # nothing in an address may begin another directive
