"""The pages around the product: landing page, pictures and colours of the cards, errors, health."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from flask import Blueprint, Flask, Response, abort, make_response, render_template, url_for
from sqlalchemy.exc import SQLAlchemyError

from passes import i18n
from passes.card_templates import pictures
from passes.errors import NotFound
from passes.store import is_ready
from passes.wallet_port import Crop, Look, Picture, Text
from web import services
from web.headers import FOREVER
from web.language import page_language

blueprint = Blueprint("pages", __name__, static_folder="static", static_url_path="/static")

_ERRORS: Mapping[int, tuple[Text, Text]] = {
    400: (
        i18n.text("This request cannot be read"),
        i18n.text("Please go back and try again."),
    ),
    403: (
        i18n.text("This is not allowed"),
        i18n.text("Please open the page itself and try again from there."),
    ),
    404: (
        i18n.text("There is nothing here"),
        i18n.text("Perhaps the address was cut off on its way, or it is not valid any more."),
    ),
    405: (
        i18n.text("That does not work here"),
        i18n.text("Please go back and try again."),
    ),
    409: (
        i18n.text("That is not possible at the moment"),
        i18n.text("Please ask at the counter."),
    ),
    410: (
        i18n.text("This is not there any more"),
        i18n.text("If you think that this is a mistake, please ask at the counter."),
    ),
    413: (
        i18n.text("That is too much at once"),
        i18n.text("Please send less and try again."),
    ),
    429: (
        i18n.text("That was a little too fast"),
        i18n.text("Please wait a minute and try again."),
    ),
    500: (
        i18n.text("Something went wrong here"),
        i18n.text("It is not your fault, and nothing was lost. Please try again later."),
    ),
    503: (
        i18n.text("Not available at the moment"),
        i18n.text("Nothing was changed. Please try again in a moment."),
    ),
}


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.app_context_processor
def give_house_style() -> dict[str, str]:
    """Where pages, those of the wallets included, find the house's stylesheet."""
    return {"house_css": url_for("pages.static", filename="house.css")}


@blueprint.get("/")
def landing() -> str:
    return render_template("landing.html")


@blueprint.get("/dashboard/")
def dashboard() -> str:
    return render_template("dashboard.html")


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Everything may be fetched: Google's wallet and link previews need pages and pictures. What
    must stay out of search results says so in X-Robots-Tag, which is read only if it is fetched.
    """
    return Response("User-agent: *\nAllow: /\n", mimetype="text/plain")


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    return blueprint.send_static_file("icon.svg")


@blueprint.get("/healthz")
def is_alive() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def can_serve() -> Response:
    """Whether the database answers and is migrated; 503 tells a load balancer to wait."""
    made = services()
    try:
        ready = is_ready(made.store) and made.is_migrated()
    except SQLAlchemyError:
        ready = False
    if ready:
        return Response("ready\n", mimetype="text/plain")
    return Response("the database is away or not migrated\n", 503, mimetype="text/plain")


@blueprint.get("/pictures/<merchant>/<picture>/<name>.png")
def picture(merchant: str, picture: str, name: str) -> Response:
    """One rendition of an uploaded picture. Its address is random and its content never changes."""
    try:
        merchant_id, picture_id = UUID(merchant), UUID(picture)
        with services().store.read(merchant_id) as session:
            png = pictures.rendition(session, picture_id, name)
    except (ValueError, NotFound):
        abort(404)
    response = Response(png, mimetype="image/png")
    response.headers["Cache-Control"] = FOREVER
    # Written anew by us, yet it began as somebody's upload: it may be a picture and nothing else.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@blueprint.get("/theme/<background>-<foreground>-<label>.css")
def theme(background: str, foreground: str, label: str) -> Response:
    """A card's colours as custom properties: inline styles are forbidden on our pages. The colours
    stand in the address, so this needs no merchant and never changes."""
    colours = (background, foreground, label)
    if not all(re.fullmatch(r"[0-9a-f]{6}", colour) for colour in colours):
        abort(404)
    names = ("--card", "--card-ink", "--card-label")
    rules = ";".join(f"{name}:#{colour}" for name, colour in zip(names, colours, strict=True))
    response = Response(f":root{{{rules}}}\n", mimetype="text/css")
    response.headers["Cache-Control"] = FOREVER
    return response


def theme_url(background: str, foreground: str, label: str) -> str:
    """The stylesheet with these colours, each ``#rrggbb``."""
    return url_for(
        "pages.theme",
        background=background[1:].lower(),
        foreground=foreground[1:].lower(),
        label=label[1:].lower(),
    )


def drawing(role: str, renditions: Mapping[str, Picture], width: int) -> Picture | None:
    """The rendition of a merchant's logo or strip that suits a page of ours best.

    Pages have no renditions of their own: they take, of what the wallets asked for, the one whose
    width is next to ``width`` and that has no padding around it.
    """
    sizes = [
        size
        for size in services().picture_sizes
        if size.role == role and size.name in renditions and size.crop is not Crop.CONTAIN
    ]
    best = min(sizes, key=lambda size: abs(size.width - width), default=None)
    return renditions[best.name] if best else None


def face_parts(look: Look) -> dict[str, object]:
    """What ``face.html`` and its page need of a card's look."""
    return {
        "theme": theme_url(look.background, look.foreground, look.label),
        "logo": drawing("logo", look.pictures, 320),
        "strip": drawing("strip", look.pictures, 1125),
    }


def notice(
    status: int, title: str, lines: Sequence[str], *, merchant: str = "", language: str = ""
) -> Response:
    """A page that says one thing."""
    page = render_template(
        "notice.html",
        title=title,
        lines=lines,
        merchant=merchant,
        language=language or page_language(),
    )
    return make_response(page, status)


def error_page(status: int, message: str | None) -> Response:
    """The page of an error, in the visitor's language; ``message`` replaces the usual advice."""
    language = page_language()
    title, advice = _ERRORS.get(status) or _ERRORS[500 if status >= 500 else 400]
    page = render_template(
        "notice.html",
        title=title[language],
        lines=[message or advice[language]],
        status=status,
        language=language,
    )
    return make_response(page, status)
