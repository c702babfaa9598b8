"""The sign-up page behind sign-up, channel and referral links: from a link to a card (D.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

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

from passes import i18n, idempotency
from passes.card_templates import templates
from passes.cards import cards, links, sign_up, utm
from passes.cards.models import Card
from passes.cards.sign_up import Arrival, KnownAlready
from passes.errors import Conflict, Invalid
from passes.idempotency import Answer, TwinWon
from passes.merchants.directory import Found, Known
from passes.referrals.enrol import enrol
from web import attribution, form, services
from web.attribution import FirstTouch
from web.limits import sign_ups
from web.offer import Offer, find, look_of, neutral, offer_of, stopped
from web.recommended import note_attempt, recommendation
from web.visitor import is_foreign_form, is_new_arrival, visitor_of

blueprint = Blueprint("join", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.after_request
def allow_own_origin(response: Response) -> Response:
    """Our own form must be recognisable as ours: see ``headers``."""
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


# --- the addresses -------------------------------------------------------------------------------


@blueprint.get("/join/<slug>")
@blueprint.get("/join/<slug>/<channel>")
def open_offer(slug: str, channel: str | None = None) -> Response:
    """The page of a sign-up link, or of a channel link with UTM values of its own (R-UTM-6)."""
    return _show(find(Known.TEMPLATE, slug.lower()), channel, None)


@blueprint.post("/join/<slug>")
@blueprint.post("/join/<slug>/<channel>")
@sign_ups
def accept_offer(slug: str, channel: str | None = None) -> Response:
    """The filled form: makes the card and leads to it."""
    return _accept(find(Known.TEMPLATE, slug.lower()), channel, None)


@blueprint.get("/r/<code>")
def open_recommendation(code: str) -> Response:
    """The page of a customer's referral link: the card that they have themselves (R-REF-1)."""
    return _show(find(Known.REFERRAL, code.upper()), None, code.upper())


@blueprint.post("/r/<code>")
@sign_ups
def accept_recommendation(code: str) -> Response:
    return _accept(find(Known.REFERRAL, code.upper()), None, code.upper())


@blueprint.post("/join/<slug>/remember")
def remember(slug: str) -> Response:
    """Keeps in a cookie how somebody came here, or takes it back, as they wish (T-UT-2)."""
    if is_foreign_form(request):
        abort(403)
    made = services()
    now = made.now()
    template_id = find(Known.TEMPLATE, slug.lower()).subject_id
    token = attribution.unseal(request.form.get("token", ""), template_id, now)
    touch = token.touch if token else FirstTouch()
    language = request.form.get("lang")
    response = make_response(redirect(_address(slug.lower(), touch, language), 303))
    secure = made.base_url.startswith("https:")
    if "forget" in request.form:
        attribution.forget(response, template_id, secure=secure)
    elif touch:
        attribution.remember(response, touch, template_id, now, secure=secure)
    return response


# --- the page ------------------------------------------------------------------------------------


def _show(found: Found, channel: str | None, code: str | None) -> Response:
    made = services()
    now = made.now()
    counts = is_new_arrival(request)
    transaction = made.store.write if counts else made.store.read
    try:
        with transaction(found.merchant_id) as session:
            offer = offer_of(session, found, channel, code)
            if counts:
                _note_opening(session, offer)
            look = look_of(session, offer.template)
    except Conflict as error:
        return stopped(error)
    secure = made.base_url.startswith("https:")
    kept = attribution.remembered(request, offer.template.id, now, secure=secure)
    known_channel = offer.channel.slug if offer.channel else None
    touch = kept or attribution.touch_of(request, known_channel, code)
    return _form_page(offer, look, touch, is_remembered=kept is not None)


def _note_opening(session: Session, offer: Offer) -> None:
    kind, source = ("referral", "referral") if offer.referrer else ("join", "direct")
    stored = utm.from_values(offer.channel.utm) if offer.channel else None
    sign_up.open_link(
        session,
        kind,
        offer.template.id,
        utm.decide(utm.from_query(request.args), stored, source),
        visitor_of(request).platform.value,
        services().now(),
        card=offer.referrer,
        channel_link=offer.channel,
    )


def _form_page(
    offer: Offer,
    look: Mapping[str, object],
    touch: FirstTouch,
    *,
    is_remembered: bool = False,
    given: Mapping[str, str] | None = None,
    refused: Invalid | None = None,
    is_stale: bool = False,
) -> Response:
    """The form, empty or with what was typed and what is wrong with it."""
    template, language = offer.template, offer.language
    given = given or {}
    wrong: dict[str, str] = {}
    others: list[str] = []
    if refused is not None:
        asked = form.questions(template.definition.form, language, {}, {})
        wrong, others = form.errors(refused, asked)
    if is_stale:
        others.append(
            i18n.translate(language, "This page was open for long. Please send it once more.")
        )
    page = render_template(
        "join.html",
        language=language,
        offer=offer,
        definition=template.definition,
        privacy=offer.merchant.privacy_text,
        questions=form.questions(template.definition.form, language, given, wrong),
        wordings=sign_up.wordings(template, offer.merchant, language),
        given=given,
        wrong=wrong,
        others=others,
        honeypot=form.HONEYPOT,
        token=attribution.seal(touch, template.id, services().now()),
        action=_address(template.slug, touch, language),
        may_remember=bool(touch) and not is_remembered,
        is_remembered=is_remembered,
        **look,
    )
    return make_response(page, 422 if wrong or others else 200)


def _address(slug: str, touch: FirstTouch, language: str | None = None) -> str:
    """The page that a touch belongs to; its form goes there, too."""
    if touch.referral is not None:
        return url_for("join.open_recommendation", code=touch.referral, lang=language)
    return url_for("join.open_offer", slug=slug, channel=touch.channel, lang=language)


# --- the filled form -----------------------------------------------------------------------------


def _accept(found: Found, channel: str | None, code: str | None) -> Response:
    if is_foreign_form(request):
        abort(403)
    made = services()
    now = made.now()
    given = {name: value for name, value in request.form.items() if name != "token"}
    try:
        with made.store.read(found.merchant_id) as session:
            offer = offer_of(session, found, channel, code)
            look = look_of(session, offer.template)
        arrived = attribution.touch_of(request, channel, code)
        sealed = request.form.get("token")
        token = (
            attribution.opened_elsewhere(arrived)
            if sealed is None
            else attribution.unseal(sealed, offer.template.id, now)
        )
        if token is None or not token.is_fresh:
            touch = token.touch if token else arrived
            return _form_page(offer, look, touch, given=given, is_stale=True)
        if given.get(form.HONEYPOT):
            return neutral(offer)
        attempt = attempt_of(token.nonce, given)
        page: str | None
        try:
            with made.store.write(found.merchant_id) as session:
                page = page_of_attempt(session, attempt) or _issue(
                    session, offer, token.touch, given, attempt
                )
        except (KnownAlready, TwinWon) as refused:
            # Perhaps the same form was sent twice at the same moment, and its twin came first.
            with made.store.write(found.merchant_id) as session:
                page = page_of_attempt(session, attempt)
                if page is None and isinstance(refused, KnownAlready):
                    note_attempt(session, offer.template, token.touch, refused.customer_id)
            if page is None:
                return neutral(offer)
        except Invalid as error:
            return _form_page(offer, look, token.touch, given=given, refused=error)
    except Conflict as error:
        return stopped(error)
    response = make_response(redirect(page, 303))
    secure = made.base_url.startswith("https:")
    if attribution.remembered(request, offer.template.id, now, secure=secure):
        attribution.forget(response, offer.template.id, secure=secure)
    return response


def attempt_of(nonce: str, given: Mapping[str, str]) -> str:
    """What is the same when one filled form is sent twice.

    The answers belong to it: who goes back on the shop's tablet and fills the same page in anew
    must not be led to the card of whoever stood there before.
    """
    said = "\x00".join((nonce, *(f"{name}={given[name]}" for name in sorted(given))))
    return f"form {hashlib.sha256(said.encode()).hexdigest()[:48]}"


def _issue(
    session: Session, offer: Offer, touch: FirstTouch, given: Mapping[str, str], attempt: str
) -> str:
    """Signs the customer up; the path of the new card's page. Raises as ``sign_up`` does."""
    now = services().now()
    channel = touch.channel
    recommended = recommendation(session, touch)
    card = sign_up.sign_up(
        session,
        offer.template,
        form.answers(offer.template.definition.form, given),
        Arrival(
            given=touch.given,
            raw=touch.raw,
            channel_link=templates.find_channel_link(session, offer.template.id, channel)
            if channel
            else None,
            referrer_card_id=recommended.referrer_card_id if recommended else None,
        ),
        language=offer.language,
        now=now,
    )
    if recommended is not None:
        enrol(session, offer.template, card, recommended, now, is_new=True)
    idempotency.keep(session, attempt, attempt, Answer(303, card.id.hex), now)
    return page_path(session, card)


def page_of_attempt(session: Session, attempt: str) -> str | None:
    """Where this very form led before."""
    earlier = idempotency.earlier_answer(session, attempt, attempt, services().now())
    return page_path(session, cards.get(session, UUID(earlier.body))) if earlier else None


def page_path(session: Session, card: Card) -> str:
    # Without the host: our pages allow their forms to lead to their own origin only.
    return urlsplit(links.links_of(session, card, services().base_url).page).path
