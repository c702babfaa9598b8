"""The personal install link: the finished card, and the way into each wallet (R-ISS-3)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import segno
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.orm import Session

from passes import i18n
from passes.cards import cards, links, sign_up, utm
from passes.cards.models import Card
from passes.content.draw import draw
from passes.delivery.offers import handed_out
from passes.merchants import directory
from passes.merchants.directory import Found, Known
from passes.wallet_port import (
    Bundles,
    Download,
    Fit,
    PassContent,
    Place,
    Platform,
    State,
    Visitor,
    Wallet,
    WalletDown,
    WalletError,
)
from web import pages, services
from web.language import page_language
from web.visitor import is_in_app_browser, is_machine, is_new_arrival, visitor_of

blueprint = Blueprint("install", __name__)


@dataclass(frozen=True, slots=True)
class Way:
    """A link that brings the card into one wallet."""

    kind: str
    label: str
    url: str
    is_native: bool


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/i/<token>")
def install(token: str) -> Response:
    """The card with the wallets, the best for this device first. Works again and again."""
    found = _find(token)
    made = services()
    now = made.now()
    visitor = visitor_of(request)
    transaction = made.store.write if is_new_arrival(request) else made.store.read
    with transaction(found.merchant_id) as session:
        card = cards.get(session, found.subject_id)
        content = draw(session, card, next(iter(made.wallets)), made.base_url, now)
        if transaction == made.store.write and content.state is not State.VOID:
            sign_up.open_link(
                session,
                "install",
                card.template_id,
                utm.from_query(request.args),
                visitor.platform.value,
                now,
                card=card,
            )
        first_name = card.issued_data.get("first_name") or ""
        together = len(_together(session, card))
    language = page_language(content.language)
    if content.state is State.VOID:
        return _withdrawn(content, language)
    address = f"{made.base_url}{url_for('install.install', token=token)}"
    figure = next((field for field in content.fields if field.place is Place.PRIMARY), None)
    page = render_template(
        "install.html",
        language=language,
        content=content,
        first_name=first_name,
        figure=figure,
        ways=ways(visitor, token, language),
        bundles=bundle_ways(visitor, token, together),
        together=together,
        platform=visitor.platform.value,
        is_in_app_browser=is_in_app_browser(request),
        code=qr_svg(content.code),
        own_code=qr_svg(address),
        **pages.face_parts(content.look),
    )
    return make_response(page)


@blueprint.get("/i/<token>/<kind>")
def add_to_wallet(token: str, kind: str) -> Response:
    """The pass for one wallet: a file, or the way to where the vendor takes it."""
    found = _find(token)
    made = services()
    now = made.now()
    wallet = made.wallets.get(kind)
    if wallet is None:
        abort(404)
    with made.store.read(found.merchant_id) as session:
        card = cards.get(session, found.subject_id)
        content = draw(session, card, kind, made.base_url, now)
    language = page_language(content.language)
    if content.state is State.VOID:
        return _withdrawn(content, language)
    try:
        offered = wallet.offer(content, visitor_of(request))
    except WalletError as error:
        return _not_now(error, content, language)
    if not is_machine(request):
        with made.store.write(found.merchant_id) as session:
            card = cards.get(session, found.subject_id, locked=True)
            handed_out(session, card, kind, content.version, now)
    if isinstance(offered, Download):
        return _file(offered)
    response = make_response(redirect(offered.url, 303))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/i/<token>/<kind>/all")
def add_all_to_wallet(token: str, kind: str) -> Response:
    """All cards that this customer has here, in one file, where the wallet takes several."""
    found = _find(token)
    made = services()
    now = made.now()
    wallet = made.wallets.get(kind)
    if not isinstance(wallet, Bundles):
        abort(404)
    with made.store.read(found.merchant_id) as session:
        card = cards.get(session, found.subject_id)
        several = _together(session, card)[: wallet.most_in_bundle]
        contents = [draw(session, each, kind, made.base_url, now) for each in several]
        content = draw(session, card, kind, made.base_url, now)
    language = page_language(content.language)
    if content.state is State.VOID:
        return _withdrawn(content, language)
    try:
        offered = wallet.bundle(contents, visitor_of(request))
    except WalletError as error:
        return _not_now(error, content, language)
    if not is_machine(request):
        with made.store.write(found.merchant_id) as session:
            for each, drawn in sorted(zip(several, contents, strict=True), key=_by_id):
                locked = cards.get(session, each.id, locked=True)
                handed_out(session, locked, kind, drawn.version, now)
    return _file(offered)


def _by_id(pair: tuple[Card, PassContent]) -> UUID:
    """Everybody who locks several cards takes them in this order."""
    return pair[0].id


def _together(session: Session, card: Card) -> list[Card]:
    """The customer's cards here that are of use, this one first."""
    others = [
        each
        for each in cards.of_customer(session, card.customer_id)
        if each.id != card.id and not (each.status == "deleted" and each.status_cause != "customer")
    ]
    return [card, *others]


def _file(offered: Download) -> Response:
    response = Response(offered.body, mimetype=offered.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=offered.filename)
    response.headers["Cache-Control"] = "no-store"
    return response


@dataclass(frozen=True, slots=True)
class WalletLinks:
    """``ways`` into the wallets; ``phone_page`` is where a computer shows the code for a phone."""

    ways: list[Way]
    phone_page: str | None


@blueprint.app_template_global()
def wallet_links(content: PassContent, language: str) -> WalletLinks:
    """How a card gets into the wallets, for a page that has nothing but its content."""
    made = services()
    visitor = visitor_of(request)
    with made.store.read_all() as session:
        found = directory.find(session, Known.SERIAL, content.serial)
    if found is None:
        return WalletLinks([], None)
    with made.store.read(found.merchant_id) as session:
        card = cards.get(session, found.subject_id)
        token = links.links_of(session, card, "").install.rpartition("/")[2]
    is_phone = visitor.platform is not Platform.OTHER
    page = None if is_phone else url_for("install.install", token=token, lang=language)
    return WalletLinks(ways(visitor, token, language), page)


def ways(visitor: Visitor, token: str, language: str) -> list[Way]:
    """A link for each wallet that this device can use, the best first."""
    fits = {kind: wallet.suits(visitor) for kind, wallet in services().wallets.items()}
    usable = [kind for kind, fit in fits.items() if fit is not Fit.NO]
    return [
        Way(
            kind=kind,
            label=_label(services().wallets[kind], language),
            url=url_for("install.add_to_wallet", token=token, kind=kind),
            is_native=fits[kind] is Fit.NATIVE,
        )
        for kind in sorted(usable, key=lambda kind: -fits[kind])
    ]


def bundle_ways(visitor: Visitor, token: str, together: int) -> list[str]:
    """Where all of the customer's cards are to be had at once, on a device that takes them so."""
    return [
        url_for("install.add_all_to_wallet", token=token, kind=kind)
        for kind, wallet in services().wallets.items()
        if isinstance(wallet, Bundles)
        and 1 < together <= wallet.most_in_bundle
        and wallet.suits(visitor) is Fit.NATIVE
    ]


def qr_svg(said: str) -> str:
    """A QR code as SVG: black on white in any colour scheme, quiet zone of four modules."""
    return segno.make(said, error="m", micro=False).svg_inline(
        border=4, omitsize=True, dark="#000", light="#fff", svgclass="qr", lineclass=None
    )


def _label(wallet: Wallet, language: str) -> str:
    """What stands on the button. Only the page has no trade mark for a name."""
    if wallet.kind == "pwa":
        return i18n.translate(language, "Put it on your home screen")
    return i18n.translate(language, "Add to {wallet}", wallet=wallet.title)


def _find(token: str) -> Found:
    with services().store.read_all() as session:
        found = directory.find(session, Known.INSTALL_TOKEN, token)
    if found is None:
        abort(404)
    return found


def _withdrawn(content: PassContent, language: str) -> Response:
    return pages.notice(
        410,
        i18n.translate(language, "This card is no longer valid"),
        [
            i18n.translate(
                language,
                "If you think that this is a mistake, please ask {merchant}.",
                merchant=content.merchant,
            )
        ],
        merchant=content.merchant,
        language=language,
    )


def _not_now(error: WalletError, content: PassContent, language: str) -> Response:
    """The wallet's own words are for the merchant; the customer learns what to do."""
    response = pages.notice(
        503,
        i18n.translate(language, "This wallet cannot be reached at the moment"),
        [
            i18n.translate(
                language, "Your card is safe. Please try again later, or take another wallet."
            )
        ],
        merchant=content.merchant,
        language=language,
    )
    after = error.retry_after if isinstance(error, WalletDown) else None
    response.headers["Retry-After"] = str(round(after or 60))
    return response
