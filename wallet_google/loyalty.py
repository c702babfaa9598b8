"""Stamp cards, multipasses, cashback, discounts and points as Google's loyalty cards."""

from __future__ import annotations

from collections.abc import Mapping

from passes.wallet_port import Amount, Field, PassContent, Place
from wallet_google.addresses import Site
from wallet_google.parts import Body, FamilyRules, brand, by_weight, is_name, logo, money, present
from wallet_google.texts import CARD_NUMBER, NAME, localized, shortened, written

_FIRST, _SECOND = "loyaltyPoints", "secondaryLoyaltyPoints"


def _points(content: PassContent) -> dict[str, Field]:
    """The fields that stand as points, by Google's name.

    First the first PRIMARY one. Second the weightiest other figure of the face; words and dates
    stay out, for a balance has no translations. Without a first there is no second at Google.
    """
    face = [field for field in by_weight(content.fields) if field.place is not Place.BACK]
    first = next(
        (each for each in face if each.place is Place.PRIMARY and not is_name(each, content)), None
    )
    if first is None:
        return {}
    second = next(
        (each for each in face if each is not first and isinstance(each.value, int | Amount)), None
    )
    return {_FIRST: first} | ({_SECOND: second} if second else {})


def _figures(content: PassContent) -> Mapping[str, Field]:
    return {f"{name}.balance": field for name, field in _points(content).items()}


def _class(content: PassContent, site: Site) -> Body:
    language, languages = content.languages[0], content.languages
    return {
        **brand(content, site),
        "programName": written(content.title, language),
        "programLogo": logo(content, language, site),
        "accountIdLabel": written(CARD_NUMBER, language),
        "accountNameLabel": written(NAME, language),
        **present(
            localizedProgramName=localized(content.title, language, languages),
            localizedAccountIdLabel=localized(CARD_NUMBER, language, languages),
            localizedAccountNameLabel=localized(NAME, language, languages),
        ),
    }


def _object(content: PassContent, site: Site) -> Body:
    body: Body = {"accountId": content.serial}
    if content.holder:
        body["accountName"] = shortened(content.holder, 20)
    return body | {name: _balance(field, content) for name, field in _points(content).items()}


def _balance(field: Field, content: PassContent) -> Body:
    label = localized(field.label, content.language, content.languages)
    named = {"label": written(field.label, content.language), "localizedLabel": label}
    return {**(named if label else {}), "balance": _balance_value(field, content.language)}


def _balance_value(field: Field, language: str) -> Body:
    """Exactly one of int (32 bits), money and string (Google: LoyaltyPointsBalance)."""
    value = field.value
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return {"int": value}
    if (amount := money(value)) is not None:
        return {"money": amount}
    return {"string": written(value, language) or "–"}


LOYALTY = FamilyRules("loyalty", _figures, _class, _object, lambda _: {})
