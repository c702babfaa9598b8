"""What Google may fetch from us."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_file

from wallet_google.addresses import LOGO_PATH

_LOGO = Path(__file__).with_name("static") / "logo.png"


def blueprint() -> Blueprint:
    """The routes of the wallet: so far the logo of merchants who have not uploaded theirs."""
    routes = Blueprint("google", __name__)

    @routes.get(LOGO_PATH)
    def logo() -> Response:
        return send_file(_LOGO, mimetype="image/png", max_age=86_400)

    return routes
