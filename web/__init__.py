"""The web: JSON API, public pages, and the Flask application that holds them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Blueprint, Flask, Request, current_app
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from passes.settings import Settings
from passes.store import Store
from passes.wallet_port import PictureSize, Wallet

LARGEST_REQUEST = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with; ``wallets`` by kind, in the order in which they are offered."""

    settings: Settings
    store: Store
    wallets: Mapping[str, Wallet]
    base_url: str
    now: Callable[[], datetime]
    is_migrated: Callable[[], bool]

    @property
    def picture_sizes(self) -> tuple[PictureSize, ...]:
        """The renditions that all wallets together ask for."""
        return tuple(size for wallet in self.wallets.values() for size in wallet.pictures)


class _PageSessions(SecureCookieSessionInterface):
    """Sessions are for people: programs and devices get none, and do not wait for one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(("/api/", "/wallet/")):
            return None
        return super().open_session(app, request)


def services(app: Flask = current_app) -> Services:
    """The services of an application, else of the one that handles this request."""
    return cast(Services, app.extensions["treuepass"])


def create_app(made: Services, wallet_routes: Iterable[Blueprint], secret_key: bytes) -> Flask:
    """The application over ``made``; the wallets bring their own routes."""
    from web import (
        api,
        compressed,
        gift,
        headers,
        install,
        join,
        language,
        limits,
        metrics,
        pages,
        problems,
        share,
    )
    from web.api.door import Door

    app = Flask("web", static_folder=None)
    app.extensions["treuepass"] = made
    app.config.update(
        SECRET_KEY=secret_key,
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAX_FORM_PARTS=100,
    )
    app.url_map.strict_slashes = True
    app.session_interface = _PageSessions()
    language.init_app(app)
    headers.init_app(app, made.base_url)
    compressed.init_app(app)
    problems.init_app(app)
    limits.init_app(app)
    for part in (api, pages, join, gift, share, install, metrics):
        part.init_app(app)
    for blueprint in wallet_routes:
        app.register_blueprint(blueprint)
    app.wsgi_app = Door(app, made.base_url)  # type: ignore[method-assign]  # Flask's way to wrap it
    if proxies := made.settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as above, and outside of it
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    return app
