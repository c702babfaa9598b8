"""What people read, in every language that the product speaks, from the catalogues in ``locale/``.

Messages are English sentences in the code; the catalogues hold them in all languages, English
included, and ``make check`` proves that none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from passes import money

LANGUAGES = ("de", "en", "nl")

_LOCALE = Path(__file__).parent / "locale"
_REGIONAL = {"en": "en_GB"}


@lru_cache(maxsize=4_096)
def text(message: str, /, **values: str) -> Mapping[str, str]:
    """``message`` in every language, with ``{name}`` filled from ``values``.

    The same object each time: whoever compares passes sees at once that a text is unchanged.
    """
    return MappingProxyType(
        {language: translate(language, message, **values) for language in LANGUAGES}
    )


def dated(message: str, day: date) -> Mapping[str, str]:
    """``message`` in every language, with ``{date}`` as people write it there."""
    return {
        language: translate(language, message, date=show_date(day, language))
        for language in LANGUAGES
    }


def translate(language: str, message: str, /, **values: object) -> str:
    """``message`` in one language; a language that we do not speak reads English."""
    found = _catalogue(language if language in LANGUAGES else "en").get(message) or message
    return found.format(**values) if values else found


def translate_plural(language: str, singular: str, plural: str, count: int) -> str:
    """One of the two messages, by the number in ``{count}``."""
    return translate(language, singular if count == 1 else plural, count=count)


def spoken(language: str | None, otherwise: str = "en") -> str:
    """``language`` when we speak it (``de-AT`` counts as ``de``), else ``otherwise``."""
    short = (language or "").replace("_", "-").split("-")[0].lower()
    return short if short in LANGUAGES else otherwise


def pick(words: Mapping[str, str], language: str) -> str:
    """The words in ``language``, else in any language that has some."""
    return words.get(language) or next((word for word in words.values() if word), "")


def show_money(minor: int, currency: str, language: str) -> str:
    """12,34 € in German, €12.34 in English, € 12,34 in Dutch."""
    amount = money.to_text(minor, currency)
    return format_currency(amount, currency, locale=_REGIONAL.get(language, language))


def show_number(number: int, language: str) -> str:
    return format_decimal(number, locale=_REGIONAL.get(language, language))


@lru_cache(maxsize=4_096)
def percentage(percent: str) -> Mapping[str, str]:
    """``"2.5"`` in every language: 2,5 % in German, 2.5% in English, 2,5% in Dutch.

    The same object each time, as with ``text``.
    """
    shown = {
        language: format_decimal(percent, "0.##", locale=_REGIONAL.get(language, language))
        for language in LANGUAGES
    }
    return MappingProxyType(
        {
            language: f"{number}\u00a0%" if language == "de" else f"{number}%"
            for language, number in shown.items()
        }
    )


def show_date(day: date, language: str) -> str:
    """21.11.2026 in German, 21 Nov 2026 in English, 21-11-2026 in Dutch."""
    pattern = {"de": "dd.MM.yyyy", "nl": "dd-MM-yyyy"}.get(language, "d MMM yyyy")
    return babel_date(day, pattern, locale=_REGIONAL.get(language, language))


def show_moment(moment: datetime, time_zone: str, language: str) -> str:
    """Date and time of day as the merchant's clock shows it."""
    local = moment.astimezone(ZoneInfo(time_zone))
    clock = babel_datetime(local, "HH:mm", locale=_REGIONAL.get(language, language))
    return f"{show_date(local.date(), language)}, {clock}"


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    with (_LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {str(entry.id): str(entry.string) for entry in catalogue if entry.id}
