"""Apple's web service: what an iPhone asks about the passes that it holds.

Source: Apple, PassKit Web Service Reference. The address in a pass is everything before ``/v1``.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC

import orjson
from flask import Blueprint, Response, request

from passes.wallet_port import Issuer, NoSuchCard, WalletError
from wallet_apple.design import LEAST_SECRET
from wallet_apple.wallet import MEDIA_TYPE, AppleWallet

MOST_LOG_BYTES = 64 * 1024
MOST_LOG_MESSAGES = 50
MOST_LOG_CHARACTERS = 1000

log = logging.getLogger(__name__)

# Devices name themselves and their tokens in what they log; both are as good as passwords.
_LIKE_A_TOKEN = re.compile(r"[0-9A-Za-z_-]{20,}")


def make_blueprint(wallet: AppleWallet, issuer: Issuer) -> Blueprint:
    """The routes under ``/wallet/apple/<pass type id>/v1``. They need no CSRF token: no cookies."""
    apple = Blueprint("apple", __name__, url_prefix="/wallet/apple/<pass_type_id>/v1")

    # A serial number may hold nearly any character; it arrives decoded, a slash included.
    @apple.get("/passes/<of_type>/<path:serial>")
    def latest_pass(pass_type_id: str, of_type: str, serial: str) -> Response:
        """The pass as it is now; 304 if the device has it, 401 unless it proves to hold it."""
        secret = _secret()
        if secret is None or not serial.isprintable():
            return _refused()
        try:
            content = issuer.content(wallet.kind, serial, secret)
        except NoSuchCard:
            return _refused()

        changed = content.changed_at.astimezone(UTC).replace(microsecond=0)
        try:
            if not wallet.credentials(content.account).pass_type_id == pass_type_id == of_type:
                return _refused()
            since = request.if_modified_since
            if since is not None and changed <= since:
                response = Response(status=304)
            else:
                response = Response(wallet.signed_pass(content), mimetype=MEDIA_TYPE)
        except WalletError as error:
            # Nothing but "try later" keeps a device from giving up on the pass.
            log.error("No Apple pass for card %s: %s", content.serial, error)
            return Response(status=503, headers={"Retry-After": "600"})
        response.last_modified = changed
        response.cache_control.private = True
        response.cache_control.no_cache = True
        response.vary.add("Authorization")
        return response

    @apple.post("/log")
    def device_log(pass_type_id: str) -> Response:
        """What devices complain about, for people who look for a fault. Anybody may post here."""
        request.max_content_length = MOST_LOG_BYTES
        try:
            messages = orjson.loads(request.get_data(cache=False))["logs"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return Response(status=400)
        if not isinstance(messages, list):
            return Response(status=400)
        for message in messages[:MOST_LOG_MESSAGES]:
            if isinstance(message, str):
                log.warning("An Apple device reports: %s", _harmless(message))
        return Response(status=200)

    return apple


def _secret() -> str | None:
    """The token of ``Authorization: ApplePass <token>`` if it can be one at all."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret if scheme.lower() == "applepass" and len(secret) >= LEAST_SECRET else None


def _refused() -> Response:
    """The same answer for each reason, so that it tells nothing about which cards there are."""
    return Response(status=401, headers={"WWW-Authenticate": "ApplePass"})


def _harmless(message: str) -> str:
    """One line of ASCII without anything that looks like a token."""
    return ascii(_LIKE_A_TOKEN.sub("(hidden)", message[:MOST_LOG_CHARACTERS]))
