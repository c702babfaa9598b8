"""Apple's web service: what devices ask about the passes that they hold, and what they tell.

Source: Apple, Adding a Web Service to Update Passes; PassKit Web Service Reference. The address in
a pass is everything before ``/v1``. Who shows no secret gets 401 before anything else is looked
at; whatever goes wrong on our side is 503, because a device takes any other answer for final.
"""

from __future__ import annotations

import logging
from datetime import UTC

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import PathConverter

from passes.wallet_port import CardFacts, Issuer, NoSuchCard, WalletDown, WalletError
from wallet_apple import personalise, registration, reports
from wallet_apple.limits import PerMinute
from wallet_apple.registration import Proof, Unreadable
from wallet_apple.wallet import MEDIA_TYPE, AppleWallet

LOGS_PER_MINUTE = 30
PERSONALISATIONS_PER_MINUTE = 10
SOON, LATER = 5, 600
"""Seconds: the database may be busy for a moment; a missing certificate takes a person."""

log = logging.getLogger(__name__)

# Two slashes in a row are not one: a serial number may hold them (merge_slashes).
_LIST = "/devices/<anything:device>/registrations/<of_type>"
_REGISTRATION = "/devices/<anything:device>/registrations/<of_type>/<anything:serial>"
_PASS = "/passes/<of_type>/<anything:serial>"


class _Anything(PathConverter):
    """A serial number or a device's name: nearly any character, which arrives decoded."""

    regex = r"[\s\S]+?"
    part_isolating = False


def make_blueprint(wallet: AppleWallet, issuer: Issuer) -> Blueprint:
    """The routes under ``/wallet/apple/<pass type id>/v1``. They need no CSRF token: no cookies."""
    apple = Blueprint("apple", __name__, url_prefix="/wallet/apple/<pass_type_id>/v1")
    apple.record_once(lambda setup: setup.app.url_map.converters.update({"anything": _Anything}))
    logs, personalisations = PerMinute(LOGS_PER_MINUTE), PerMinute(PERSONALISATIONS_PER_MINUTE)

    def proved(pass_type_id: str, of_type: str, serial: str) -> tuple[Proof, CardFacts]:
        """The device's proof that it holds the card, and the card. Raises NoSuchCard."""
        shown = registration.proof(request.headers.get("Authorization", ""))
        if shown is None or not serial.isprintable():
            raise NoSuchCard
        card = issuer.facts(wallet.kind, serial, shown.secret)
        if pass_type_id != of_type or not wallet.is_type_of(card.account_names, pass_type_id):
            raise NoSuchCard
        return shown, card

    @apple.post(_REGISTRATION, merge_slashes=False)
    def register(pass_type_id: str, device: str, of_type: str, serial: str) -> Response:
        """The device has the pass, and this is where to push: 201, or 200 when that was known."""
        shown, _ = proved(pass_type_id, of_type, serial)
        request.max_content_length = registration.MOST_BYTES
        address = registration.address(pass_type_id, shown.scheme, request.get_data(cache=False))
        name = registration.device_name(pass_type_id, device)
        if name is None:
            raise Unreadable("device")
        is_new = issuer.installed(wallet.kind, serial, name, address)
        return Response(status=201 if is_new else 200)

    @apple.delete(_REGISTRATION, merge_slashes=False)
    def unregister(pass_type_id: str, device: str, of_type: str, serial: str) -> Response:
        """The pass was deleted, or its updates were switched off: nobody can tell which."""
        proved(pass_type_id, of_type, serial)
        name = registration.device_name(pass_type_id, device)
        if name is not None:
            issuer.removed(wallet.kind, serial, name)
        return Response(status=200)

    @apple.get(_LIST, merge_slashes=False)
    def changed_passes(pass_type_id: str, device: str, of_type: str) -> Response:
        """Which of the device's passes changed; 204 for none. Its name is its only secret."""
        name = registration.device_name(pass_type_id, device)
        if name is None or pass_type_id != of_type or not pass_type_id.isprintable():
            return Response(status=204)
        changes = issuer.changed_since(wallet.kind, name, request.args.get("passesUpdatedSince"))
        if not changes.serials:
            return Response(status=204)
        answer = {"serialNumbers": changes.serials, "lastUpdated": changes.tag}
        return Response(orjson.dumps(answer), mimetype="application/json")

    @apple.get(_PASS, merge_slashes=False)
    def latest_pass(pass_type_id: str, of_type: str, serial: str) -> Response:
        """The pass as it is now; 304, without drawing or signing it, if the device has it."""
        _, card = proved(pass_type_id, of_type, serial)
        version, changed = card.version, card.changed_at.astimezone(UTC).replace(microsecond=0)
        since = request.if_modified_since
        if since is not None and changed <= since:
            response = Response(status=304)
        else:
            content = issuer.drawn(wallet.kind, card)
            signed = wallet.signed_pass(wallet.of_type(content, pass_type_id))
            response = Response(signed, mimetype=MEDIA_TYPE)
            changed = content.changed_at.astimezone(UTC).replace(microsecond=0)
            version = content.version
        if request.method == "GET" and (card.fetch_is_news or version != card.version):
            issuer.fetched(wallet.kind, card, version)
        response.last_modified = changed
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Authorization"
        return response

    @apple.post(f"{_PASS}/personalize", merge_slashes=False)
    def personalised(pass_type_id: str, of_type: str, serial: str) -> Response:
        """The holder of a nameless card says who they are: the signature of the device's token.

        Apple sends no secret here, so anybody may ask: see Issuer.personalised and the token's
        form for what that can do.
        """
        if not personalisations.allows(request.remote_addr or "", wallet.now()):
            return _too_many()
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            proved(pass_type_id, of_type, serial)
        request.max_content_length = personalise.MOST_BYTES
        answers = personalise.answers(request.get_data(cache=False))
        if not serial.isprintable() or pass_type_id != of_type:
            raise NoSuchCard
        content = issuer.asks(wallet.kind, serial)
        own = [account.name for account in (content.account, *content.earlier_accounts) if account]
        if not wallet.is_type_of(own, pass_type_id):
            raise NoSuchCard
        signature = wallet.sign_token(wallet.of_type(content, pass_type_id), answers.token)
        issuer.personalised(wallet.kind, serial, answers.given)
        return Response(signature, mimetype="application/octet-stream")

    @apple.post("/log")
    def device_log(pass_type_id: str) -> Response:
        """What devices complain about, for people who look for a fault. Anybody may post here."""
        if not logs.allows(request.remote_addr or "", wallet.now()):
            return _too_many()
        request.max_content_length = reports.MOST_BYTES
        said = reports.messages(request.get_data(cache=False))
        if said is None:
            raise Unreadable("logs")
        for message in said:
            log.warning("An Apple device reports: %s", reports.harmless(message))
        complaints = reports.complaints(said)
        if complaints and (
            pass_type_id == wallet.example_type
            or (pass_type_id.isprintable() and issuer.serves(wallet.kind, pass_type_id))
        ):
            issuer.reported(wallet.kind, pass_type_id, complaints)
        return Response(status=200)

    @apple.get("/test-pushes/<device>")
    def shown_pushes(pass_type_id: str, device: str) -> Response:
        """What a simulated phone hears instead of Apple's push service, in test mode alone."""
        shown = wallet.shown_pushes(device, request.args.get("after"))
        if shown is None or pass_type_id != wallet.example_type:
            return Response(status=404)
        position, pushes = shown
        return Response(
            orjson.dumps({"position": position, "pushes": pushes}), mimetype="application/json"
        )

    @apple.errorhandler(NoSuchCard)
    def refused(error: NoSuchCard) -> Response:
        """The same answer for each reason, so that it tells nothing about which cards there are."""
        return Response(status=401, headers={"WWW-Authenticate": "ApplePass"})

    @apple.errorhandler(Unreadable)
    def unreadable(error: Unreadable) -> Response:
        return Response(status=400)

    @apple.errorhandler(WalletError)
    def not_now(error: WalletError) -> Response:
        view = request.view_args or {}
        log.error("No Apple pass for card %s: %s", ascii(view.get("serial", "")), error)
        retry_after = error.retry_after if isinstance(error, WalletDown) else None
        return _later(round(retry_after or LATER))

    @apple.errorhandler(Exception)
    def failed(error: Exception) -> Response | HTTPException:
        """The database is busy or away, or we are wrong: in any case "try again"."""
        if isinstance(error, HTTPException):
            return error
        log.error("Apple's web service failed at %s", request.endpoint, exc_info=error)
        return _later(SOON)

    return apple


def _later(seconds: int) -> Response:
    return Response(status=503, headers={"Retry-After": str(seconds)})


def _too_many() -> Response:
    return Response(status=429, headers={"Retry-After": "60"})
