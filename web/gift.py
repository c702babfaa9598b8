"""The gift link: its page, and the form by which a gift card gets its new holder (D.4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

from passes import i18n, idempotency, money
from passes.card_templates import templates
from passes.cards import cards, gifts, sign_up
from passes.cards.sign_up import KnownAlready
from passes.errors import Conflict, Invalid
from passes.idempotency import Answer, TwinWon
from passes.ledger.book import Actor
from passes.ledger.transfer import hand_over
from passes.merchants.directory import Found, Known
from passes.merchants.merchants import business
from passes.wallet_port import Amount
from web import attribution, form, pages, services
from web.attribution import FirstTouch
from web.join import allow_own_origin, attempt_of, page_of_attempt, page_path
from web.language import page_language
from web.limits import sign_ups
from web.offer import Offer, find, look_of
from web.visitor import is_foreign_form

blueprint = Blueprint("gift", __name__)
blueprint.after_request(allow_own_origin)

RECIPIENT = Actor(kind="customer", id=None, channel="portal")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@dataclass(frozen=True, slots=True)
class Gift:
    """What stands behind a gift link. ``refused``: why nobody can take it any more."""

    token: str
    card_id: UUID
    offer: Offer
    balance: Amount
    look: Mapping[str, object]
    refused: Conflict | None


@blueprint.get("/g/<token>")
def open_gift(token: str) -> Response:
    """The page of a gift. Looking at it changes nothing."""
    gift = _find(token)
    return _form_page(gift) if gift.refused is None else _over(gift.offer, gift.refused)


@blueprint.post("/g/<token>")
@sign_ups
def take_gift(token: str) -> Response:
    """The filled form: makes the new holder and their card, and leads to it."""
    if is_foreign_form(request):
        abort(403)
    gift = _find(token)
    given = {name: value for name, value in request.form.items() if name != "token"}
    template_id = gift.offer.template.id
    sealed = attribution.unseal(request.form.get("token", ""), template_id, services().now())
    if sealed is None or not sealed.is_fresh:
        if gift.refused is not None:
            return _over(gift.offer, gift.refused)
        return _form_page(gift, given, is_stale=True)
    if given.get(form.HONEYPOT):
        return _neutral(gift.offer)
    store = services().store
    merchant_id = gift.offer.merchant.id
    attempt = attempt_of(sealed.nonce, given)
    page: str | None
    try:
        try:
            with store.write(merchant_id) as session:
                page = page_of_attempt(session, attempt) or _take(session, gift, given, attempt)
        except (KnownAlready, TwinWon):
            # Perhaps the same form was sent twice at the same moment, and its twin came first.
            with store.read(merchant_id) as session:
                page = page_of_attempt(session, attempt)
            if page is None:
                return _neutral(gift.offer)
    except Invalid as error:
        return _form_page(gift, given, refused=error)
    except Conflict as error:
        return _over(gift.offer, error)
    return make_response(redirect(page, 303))


def _find(token: str) -> Gift:
    """What the link gives; 404 for a link that was replaced."""
    return _gift(find(Known.GIFT_TOKEN, token), token)


def _gift(found: Found, token: str) -> Gift:
    made = services()
    with made.store.read(found.merchant_id) as session:
        merchant = business(session)
        card = cards.get(session, found.subject_id)
        template = templates.get(session, card.template_id)
        refused = None
        try:
            gifts.check_giveable(card, template.kind, template.status, made.now())
        except Conflict as error:
            refused = error
        offer = Offer(
            merchant=merchant,
            template=template,
            channel=None,
            referrer=None,
            language=page_language(template.definition.language),
        )
        balance = Amount(card.money, merchant.currency, money.digits_of(merchant.currency))
        return Gift(token, card.id, offer, balance, look_of(session, template), refused)


def _take(session: Session, gift: Gift, given: Mapping[str, str], attempt: str) -> str:
    """The path of the new holder's card. Raises as ``enrol`` and ``hand_over`` do."""
    now, offer = services().now(), gift.offer
    customer = sign_up.enrol(
        session,
        offer.template,
        form.answers(offer.template.definition.form, given),
        language=offer.language,
        now=now,
    )
    card = hand_over(session, gift.card_id, customer, RECIPIENT, now, token=gift.token)
    idempotency.keep(session, attempt, attempt, Answer(303, card.id.hex), now)
    return page_path(session, card)


def _form_page(
    gift: Gift,
    given: Mapping[str, str] | None = None,
    *,
    refused: Invalid | None = None,
    is_stale: bool = False,
) -> Response:
    """The form, empty or with what was typed and what is wrong with it."""
    offer = gift.offer
    asked, language, given = offer.template.definition.form, offer.language, given or {}
    wrong: dict[str, str] = {}
    others: list[str] = []
    if refused is not None:
        wrong, others = form.errors(refused, form.questions(asked, language, {}, {}))
    if is_stale:
        others.append(
            i18n.translate(language, "This page was open for long. Please send it once more.")
        )
    page = render_template(
        "gift.html",
        language=language,
        offer=offer,
        balance=gift.balance,
        definition=offer.template.definition,
        privacy=offer.merchant.privacy_text,
        questions=form.questions(asked, language, given, wrong),
        wordings=sign_up.wordings(offer.template, offer.merchant, language),
        given=given,
        wrong=wrong,
        others=others,
        honeypot=form.HONEYPOT,
        token=attribution.seal(FirstTouch(), offer.template.id, services().now()),
        action=url_for("gift.open_gift", token=gift.token, lang=language),
        may_remember=False,
        is_remembered=False,
        **gift.look,
    )
    return make_response(page, 422 if wrong or others else 200)


def _neutral(offer: Offer) -> Response:
    """The one answer to everybody whose contact is known, and to programs that fill in what nobody
    sees (R-ISS-7). Staff can put the gift on a card for somebody whom they know."""
    language = offer.language
    return pages.notice(
        200,
        i18n.translate(language, "Thank you"),
        [
            i18n.translate(
                language,
                "If you are a customer of {merchant} already, please show this link at the"
                " counter: there you get the gift on a card of your own.",
                merchant=offer.merchant.name,
            )
        ],
        merchant=offer.merchant.name,
        language=language,
    )


def _over(offer: Offer, refused: Conflict) -> Response:
    """The friendly page for a gift that is not to be had any more."""
    language = offer.language
    taken = refused.code == "GIFT_TAKEN"
    title = (
        i18n.translate(language, "Somebody was faster: this gift has been taken")
        if taken
        else i18n.translate(language, "This gift is not to be had any more")
    )
    advice = (
        i18n.translate(language, "If it was you, you find the card in your wallet.")
        if taken
        else i18n.translate(language, "Please ask at the counter.")
    )
    return pages.notice(410, title, [advice], merchant=offer.merchant.name, language=language)
