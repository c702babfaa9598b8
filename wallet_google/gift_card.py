"""Gift cards as Google's gift cards: a number and what is left on it."""

from __future__ import annotations

from collections.abc import Mapping

from passes.wallet_port import Field, PassContent, Place
from wallet_google.addresses import Site
from wallet_google.parts import (
    Body,
    FamilyRules,
    brand,
    by_weight,
    logo,
    module,
    moment,
    money,
    present,
    readable,
)
from wallet_google.texts import CARD_NUMBER, localized, written


def _figures(content: PassContent) -> Mapping[str, Field]:
    """The balance: the weightiest field that is money."""
    fields = (field for field in by_weight(content.fields) if money(field.value) is not None)
    balance = next(fields, None)
    return {} if balance is None else {"balance": balance}


def _class(content: PassContent, site: Site) -> Body:
    language, languages = content.languages[0], content.languages
    # Google writes the merchant above the card and has no place for the name of the design.
    about = Field("about", content.title, content.description, Place.BACK)
    shown = module(about, language, languages)
    return {
        **brand(content, site),
        "merchantName": content.merchant,
        "programLogo": logo(content, language, site),
        # Without it Google shows no code.
        "allowBarcodeRedemption": True,
        "cardNumberLabel": written(CARD_NUMBER, language),
        **present(localizedCardNumberLabel=localized(CARD_NUMBER, language, languages)),
        **({"textModulesData": [shown]} if shown else {}),
    }


def _object(content: PassContent, site: Site) -> Body:
    body: Body = {"cardNumber": readable(content.serial)}
    for balance in _figures(content).values():
        body |= {"balance": money(balance.value), "balanceUpdateTime": moment(content.changed_at)}
    return body


GIFT_CARD = FamilyRules("giftCard", _figures, _class, _object, lambda _: {"cardNumber": "–"})
