"""What Google may fetch from us, and what it tells us."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Blueprint, Response, jsonify, request, send_file
from werkzeug.exceptions import HTTPException

from passes.wallet_port import WalletDown
from wallet_google.addresses import CALLBACK_PATH, LOGO_PATH, TEST_WALLET_PATH
from wallet_google.callbacks import MOST_BYTES, Callbacks
from wallet_google.ecv2 import Refused
from wallet_google.wallet import GoogleWallet

_LOGO = Path(__file__).with_name("static") / "logo.png"
_SAVED = {"POST": True, "DELETE": False}
_SOON = 5.0
"""Seconds: the database may be busy for a moment."""

_log = logging.getLogger(__name__)


def blueprint() -> Blueprint:
    """The logo of merchants who have not uploaded theirs; the other routes are added to it."""
    routes = Blueprint("google", __name__)

    @routes.get(LOGO_PATH)
    def logo() -> Response:
        return send_file(_LOGO, mimetype="image/png", max_age=86_400)

    return routes


def add_callback(routes: Blueprint, callbacks: Callbacks) -> None:
    """Google's callbacks: 200 recorded, 204 nothing new, 400 refused, 413 too long.

    A refusal does not say why. Refused is also what is well signed and about no card of ours.

    503 while we cannot tell: Google repeats what is not answered with 2xx. Signatures are the only
    proof, so neither content type nor sender's address matters.
    """

    @routes.post(CALLBACK_PATH)
    def callback() -> Response:
        request.max_content_length = MOST_BYTES
        try:
            is_news = callbacks.hear(request.get_data(cache=False))
        except HTTPException as error:
            return Response(status=error.code)
        except Refused:
            return Response(status=400)
        except WalletDown as error:
            return _later(error.retry_after or _SOON)
        except Exception:  # noqa: BLE001 - whatever is wrong here, Google shall say it again
            _log.exception("A callback in Google's name could not be heard")
            return _later(_SOON)
        return Response(status=200 if is_news else 204)


def _later(seconds: float) -> Response:
    return Response(status=503, headers={"Retry-After": str(round(seconds))})


def add_test_wallet(routes: Blueprint, wallet: GoogleWallet) -> None:
    """What a simulated phone asks instead of Google, in test mode alone: 404 for all else.

    The token of a save link is the proof, as for Google: POST adds its pass, DELETE takes it off.
    """

    @routes.route(TEST_WALLET_PATH, methods=["GET", "POST", "DELETE"])
    def test_wallet() -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        held = wallet.in_test_wallet(token, has_users=_SAVED.get(request.method))
        if held is None:
            return Response(status=404)
        response = jsonify(held)
        response.headers["Cache-Control"] = "no-store"
        return response
