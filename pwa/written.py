"""Values as people write them, for a notification: there no template does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from passes.wallet_port import Amount, FieldValue

_LOCALES = {"de": "de", "en": "en_GB", "nl": "nl"}
_DAYS = {"de": "dd.MM.yyyy", "en": "d MMM yyyy", "nl": "dd-MM-yyyy"}


def written(value: FieldValue, language: str) -> str:
    """12,34 € and 21.11.2026 in German, €12.34 and 21 Nov 2026 in English, € 12,34 and 21-11-2026
    in Dutch: as on the card's page. A language that we do not write reads English."""
    if isinstance(value, Mapping):
        return value.get(language) or next((words for words in value.values() if words), "")
    known = language if language in _LOCALES else "en"
    locale = _LOCALES[known]
    if isinstance(value, Amount):
        exact = Decimal(value.minor).scaleb(-value.digits)
        return format_currency(exact, value.currency, locale=locale)
    if isinstance(value, date):
        return format_date(value, _DAYS[known], locale=locale)
    return format_decimal(value, locale=locale)
