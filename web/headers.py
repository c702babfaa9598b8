"""What every answer tells a browser: load nothing foreign, tell nobody, share no copy."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No ``unsafe-`` anything: no inline script, no inline style, nothing from elsewhere."""

PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=()"
FOREVER = "public, max-age=31536000, immutable"
INDEXED = {"/", "/robots.txt", "/favicon.ico"}
NOT_INDEXED = ("X-Robots-Tag", "noindex, nofollow")


def always(base_url: str) -> list[tuple[str, str]]:
    """What every answer says that does not say otherwise itself."""
    said = [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        # Pages with forms say same-origin themselves: with no-referrer a browser sends its own
        # forms with "Origin: null", as if they came from nowhere.
        ("Referrer-Policy", "no-referrer"),
        ("Permissions-Policy", PERMISSIONS_POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "private, no-cache"),
    ]
    if base_url.startswith("https://"):
        said.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))
    return said


def init_app(app: Flask, base_url: str) -> None:
    """Puts the headers on every answer, errors included; static files get lasting addresses."""
    by_default = always(base_url)

    @app.after_request
    def add_headers(response: Response) -> Response:
        """What a view says itself stays."""
        headers = response.headers
        if _is_static(request.endpoint) and response.status_code == 200 and "v" in request.args:
            headers["Cache-Control"] = FOREVER
        said = {name.lower() for name, _ in headers}
        for name, value in by_default:
            if name.lower() not in said:
                headers.add(name, value)
        if request.path not in INDEXED:
            headers.set(*NOT_INDEXED)
        return response

    @app.url_defaults
    def name_the_content(endpoint: str, values: dict[str, Any]) -> None:
        """Adds ``?v=``, so that a static file can be kept for ever and still be replaced."""
        if not _is_static(endpoint) or "v" in values:
            return
        owner = app.blueprints[endpoint.rpartition(".")[0]] if "." in endpoint else app
        if owner.static_folder:
            values["v"] = _fingerprint(Path(owner.static_folder) / values["filename"])


def _is_static(endpoint: str | None) -> bool:
    return endpoint is not None and (endpoint == "static" or endpoint.endswith(".static"))


@cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
