"""How values are written for a customer: Google shows text, dates and money as we send them.

Only the standard library: three languages need four rules each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from passes.wallet_port import Amount, FieldValue, Text

_SPACE = "\u00a0"
_GROUP_MARK = {"de": ".", "en": ",", "nl": "."}
_DECIMAL_MARK = {"de": ",", "en": ".", "nl": ","}
_SIGN = {"EUR": "€", "GBP": "£"}
"""Only what can be mistaken for nothing else; other currencies show their ISO code."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec")

CARD_NUMBER: Text = {"de": "Kartennummer", "en": "Card number", "nl": "Kaartnummer"}
NAME: Text = {"de": "Name", "en": "Name", "nl": "Naam"}
OPEN_CARD: Text = {
    "de": "Karte im Browser öffnen",
    "en": "Open card in browser",
    "nl": "Kaart openen in browser",
}
"""At most 30 characters: Google's limit for the button of a pass."""


def localized(
    text: FieldValue, language: str, languages: Sequence[str]
) -> dict[str, object] | None:
    """A LocalizedString with ``language`` as its default; None when there is nothing to show.

    Google shows the translation that fits the phone's language, and the default to everybody else.
    """
    default = written(text, language)
    if not default:
        return None
    translations = [
        {"language": other, "value": value}
        for other in languages
        if other != language and (value := written(text, other))
    ]
    whole: dict[str, object] = {"defaultValue": {"language": language, "value": default}}
    return {**whole, "translatedValues": translations} if translations else whole


def written(value: FieldValue, language: str) -> str:
    """The value as a customer of that language reads it; "" when there is nothing to show.

    A language that we do not write gets what cannot be misread: ISO dates and ungrouped digits.
    """
    if isinstance(value, Mapping):
        return value.get(language) or next((word for word in value.values() if word), "")
    short = language.partition("-")[0].lower()
    if isinstance(value, Amount):
        return _money(value, short)
    if isinstance(value, date):
        return _day(value, short)
    return _number(value, short)


def shortened(text: str, length: int) -> str:
    """``text``, cut with an ellipsis when it has more than ``length`` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _number(number: int, language: str) -> str:
    """1.234 in German and Dutch, 1,234 in English."""
    return f"{number:,}".replace(",", _GROUP_MARK.get(language, ""))


def _money(amount: Amount, language: str) -> str:
    """12,34 € in German, €12.34 in English, € 12,34 in Dutch."""
    whole, rest = divmod(abs(amount.minor), 10**amount.digits)
    figure = _number(whole, language)
    if amount.digits:
        figure += f"{_DECIMAL_MARK.get(language, '.')}{rest:0{amount.digits}d}"
    minus = "-" if amount.minor < 0 else ""
    sign = _SIGN.get(amount.currency)
    shown = sign or amount.currency
    if language == "nl":
        return f"{shown}{_SPACE}{minus}{figure}"
    if language == "en":
        return f"{minus}{shown}{'' if sign else _SPACE}{figure}"
    return f"{minus}{figure}{_SPACE}{shown}"


def _day(day: date, language: str) -> str:
    """21.11.2027 in German, 21 Nov 2027 in English, 21-11-2027 in Dutch."""
    if language == "de":
        return f"{day.day:02d}.{day.month:02d}.{day.year:04d}"
    if language == "nl":
        return f"{day.day:02d}-{day.month:02d}-{day.year:04d}"
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.year:04d}-{day.month:02d}-{day.day:02d}"
