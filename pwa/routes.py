"""The card's page and what belongs to it, all beneath one address that is as good as a key.

A GET changes nothing: a preview in a chat, a mail scanner and a person get the same. What scripts
and forms report comes in by POST and DELETE, from this page only, so many times a minute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from werkzeug.exceptions import RequestEntityTooLarge

from passes.wallet_port import Issuer, NoSuchCard, PassContent, State
from pwa import reports
from pwa.colours import colours, fingerprint
from pwa.manifest import manifest
from pwa.problems import MEDIA_TYPE, Problem
from pwa.shown import shown
from pwa.state import state, tag
from pwa.stream import RETRY_AFTER, Streams
from pwa.wallet import PwaWallet
from pwa.worker import worker

SCRIPTS = ("card.js", "buttons.js")
REPORTS = parse("30 per minute")
"""Of one card, whatever is reported."""


def make_blueprint(wallet: PwaWallet, issuer: Issuer, now: Callable[[], datetime]) -> Blueprint:
    """The routes under ``/c/<token>/``. An unknown token is a 404, a withdrawn card a 410."""
    pwa = Blueprint(
        "pwa",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static/pwa",
    )
    kind = wallet.kind
    counters = MovingWindowRateLimiter(MemoryStorage())
    streams = Streams(lambda tokens: issuer.versions(kind, tokens))
    # Who serves knows when it has to end, and calls what stands here.
    pwa.record_once(
        lambda setup: setup.app.extensions.setdefault("on_stop", []).append(streams.stop)
    )

    # --- what people and browsers read ----------------------------------------------------------

    def card(token: str) -> PassContent:
        try:
            return issuer.page(kind, token)
        except NoSuchCard:
            abort(404)

    def valid_card(token: str) -> PassContent:
        content = card(token)
        if content.state is State.VOID:
            abort(410)
        return content

    def draw(token: str, status: int = 200, errors: Mapping[str, str] | None = None) -> Response:
        """The card for people, in its own language or the one in ``?lang=``."""
        try:
            page = issuer.card_page(kind, token)
        except NoSuchCard:
            abort(404)
        content = page.content
        asked = request.args.get("lang")
        language = asked if asked in content.languages else content.language
        if content.state is State.VOID:
            gone = render_template("pwa/gone.html", content=content, language=language)
            return make_response(gone, 410)
        moment = now()
        key_id, public_key = wallet.public_key(content.account)
        drawn = render_template(
            "pwa/card.html",
            **shown(page),
            language=language,
            kind=kind,
            drawn_at=moment,
            has_expired=content.expires_at is not None and content.expires_at <= moment,
            push={"key_id": key_id, "public_key": public_key} if key_id else None,
            scripts=[url_for("pwa.static", filename=name) for name in SCRIPTS],
            theme=fingerprint(content.look),
            thanks="thanks" in request.args,
            errors=errors or {},
            given=request.form if errors else None,
        )
        response = make_response(drawn, status)
        # With no-referrer, browsers send the page's own form as if it came from nowhere.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @pwa.get("/c/<token>/")
    def page(token: str) -> Response:
        return draw(token)

    @pwa.get("/c/<token>/manifest.webmanifest")
    def web_manifest(token: str) -> Response:
        response = jsonify(manifest(valid_card(token)))
        response.mimetype = "application/manifest+json"
        return response

    @pwa.get("/c/<token>/sw.js")
    def service_worker(token: str) -> Response:
        content = valid_card(token)
        script = worker(content, *wallet.public_key(content.account))
        return Response(script, mimetype="text/javascript")

    @pwa.get("/c/<token>/theme.css")
    def theme(token: str) -> Response:
        """The merchant's colours. In a file, because inline styles are forbidden here."""
        look = valid_card(token).look
        response = Response(colours(look), mimetype="text/css")
        if request.args.get("v") == fingerprint(look):
            response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return response

    # --- what scripts ask and report ------------------------------------------------------------

    def reported(token: str) -> PassContent:
        """The card that a script speaks of. Raises Problem."""
        try:
            content = issuer.page(kind, token)
        except NoSuchCard:
            raise Problem(404, "NOT_FOUND", "There is no such card.") from None
        if content.state is State.VOID:
            raise Problem(410, "GONE", "This card was withdrawn.")
        return content

    def refuse_strangers(token: str) -> None:
        """Only the card's own page reports, and not without end. Raises Problem."""
        headers = request.headers
        if reports.is_foreign(headers.get("Sec-Fetch-Site"), headers.get("Origin"), request.host):
            raise Problem(403, "FORBIDDEN", "Only the card's own page may do this.")
        if not counters.hit(REPORTS, hashlib.sha256(token.encode()).hexdigest()):
            raise Problem(
                429,
                "TOO_MANY_REQUESTS",
                "This card reported too much.",
                retry_after=REPORTS.get_expiry(),
            )

    def body() -> bytes:
        request.max_content_length = reports.MOST_BYTES
        try:
            return request.get_data(cache=False)
        except RequestEntityTooLarge:
            detail = f"At most {reports.MOST_BYTES} bytes."
            raise Problem(413, "TOO_LARGE", detail) from None

    @pwa.get("/c/<token>/state.json")
    def state_json(token: str) -> Response:
        """The figures; 304 while they are what the page has, 410 when the card was withdrawn."""
        content = reported(token)
        response = jsonify(state(content))
        response.set_etag(tag(content))
        response.make_conditional(request)
        return response

    @pwa.get("/c/<token>/events")
    def events(token: str) -> Response:
        """A stream of ``event: changed``; 503 where there is no room, so that the page asks.

        A server without threads to spare would serve nobody else meanwhile.
        """
        version = issuer.versions(kind, [token]).get(token)
        if version is None:
            version = reported(token).version
        stream = streams.open(token, version) if request.environ["wsgi.multithread"] else None
        if stream is None:
            raise Problem(503, "NO_ROOM", "Ask for state.json instead.", retry_after=RETRY_AFTER)
        response = Response(stream, mimetype="text/event-stream")
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it until it is over
        return response

    @pwa.post("/c/<token>/event")
    def event(token: str) -> Response:
        content = reported(token)
        refuse_strangers(token)
        reports.happened(issuer, kind, content.serial, token, body())
        return Response(status=204)

    @pwa.post("/c/<token>/push-subscription")
    def subscribe(token: str) -> Response:
        content = reported(token)
        refuse_strangers(token)
        key_id, _ = wallet.public_key(content.account)
        accept = wallet.hosts.accept
        reports.listening(issuer, kind, content.serial, token, body(), accept, key_id)
        return Response(status=204)

    @pwa.delete("/c/<token>/push-subscription")
    def unsubscribe(token: str) -> Response:
        content = reported(token)
        refuse_strangers(token)
        reports.silent(issuer, kind, content.serial, body())
        return Response(status=204)

    @pwa.post("/c/<token>/feedback")
    def feedback(token: str) -> Response:
        """What a customer says of a visit; a form, so that it works without a script."""
        valid_card(token)
        try:
            refuse_strangers(token)
        except Problem as problem:
            if problem.status != 429:
                abort(problem.status)
            response = draw(token, 429, {"limit": problem.detail})
            response.headers["Retry-After"] = str(problem.retry_after)
            return response
        errors = reports.rated(issuer, kind, token, request.form)
        if errors:
            return draw(token, 422, errors)
        return _back(token, thanks="1")

    @pwa.get("/c/<token>/feedback")
    def feedback_again(token: str) -> Response:
        """Whoever opens the address of the form meant the page."""
        return _back(token)

    def _back(token: str, thanks: str | None = None) -> Response:
        language = request.args.get("lang")
        address = url_for("pwa.page", token=token, lang=language, thanks=thanks)
        return make_response(redirect(address, 303))

    @pwa.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        response = Response(problem.document(), problem.status, content_type=MEDIA_TYPE)
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    return pwa
