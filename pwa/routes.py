"""The card's page and what belongs to it, all beneath one address that is as good as a key.

Nothing here changes anything: a preview in a chat, a mail scanner and a person get the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request

from passes.wallet_port import Issuer, NoSuchCard, PassContent, State
from pwa.face import code_groups, code_svg, face, size_of
from pwa.manifest import manifest, short_name
from pwa.state import state, tag
from pwa.wallet import LOGO, PHOTO, STRIP, TOUCH_ICON

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def make_blueprint(kind: str, issuer: Issuer, now: Callable[[], datetime]) -> Blueprint:
    """The routes under ``/c/<token>/``. An unknown token is a 404, a withdrawn card a 410."""
    pwa = Blueprint(
        "pwa",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/static/pwa",
    )

    def card(token: str) -> PassContent:
        try:
            return issuer.page(kind, token)
        except NoSuchCard:
            abort(404)

    @pwa.get("/c/<token>/")
    def page(token: str) -> Response:
        """The card for people, in its own language or the one in ``?lang=``."""
        content = card(token)
        asked = request.args.get("lang")
        language = asked if asked in content.languages else content.language
        if content.state is State.VOID:
            gone = render_template("pwa/gone.html", content=content, language=language)
            return make_response(gone, 410)
        pictures = content.look.pictures
        photo = pictures.get(PHOTO)
        return make_response(
            render_template(
                "pwa/card.html",
                content=content,
                language=language,
                kind=kind,
                has_expired=content.expires_at is not None and content.expires_at <= now(),
                face=face(content),
                code_svg=code_svg(content.code),
                code_groups=code_groups(content.code),
                short_name=short_name(content.merchant),
                logo=pictures.get(LOGO),
                strip=pictures.get(STRIP),
                photo=photo,
                photo_size=size_of(photo) if photo else None,
                touch_icon=pictures.get(TOUCH_ICON),
            )
        )

    @pwa.get("/c/<token>/manifest.webmanifest")
    def web_manifest(token: str) -> Response:
        response = jsonify(manifest(card(token)))
        response.mimetype = "application/manifest+json"
        return response

    @pwa.get("/c/<token>/state.json")
    def state_json(token: str) -> Response:
        """The figures; 304 while they are what the page has, 410 when the card was withdrawn."""
        content = card(token)
        if content.state is State.VOID:
            return make_response({"state": content.state.value}, 410)
        response = jsonify(state(content))
        response.set_etag(tag(content))
        response.make_conditional(request)
        return response

    @pwa.get("/c/<token>/theme.css")
    def theme(token: str) -> Response:
        """The merchant's colours. In a file, because inline styles are forbidden here."""
        look = card(token).look
        colours = {
            "--card": look.background,
            "--card-ink": look.foreground,
            "--card-label": look.label,
        }
        rules = ";".join(f"{name}:{_colour(value)}" for name, value in colours.items())
        return Response(f":root{{{rules}}}\n", mimetype="text/css")

    return pwa


def _colour(given: str) -> str:
    """The colour, or a stylesheet's word for "as around it" if it is none."""
    return given if _COLOUR.fullmatch(given) else "inherit"
