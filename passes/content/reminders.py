"""The line on the back of a pass that says what ends soon (R-EXP-6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from passes import clock, i18n
from passes.cards import expiry
from passes.merchants.merchants import Business
from passes.wallet_port import Field, Place, Text

_HOLES = {"date": "{date}", "amount": "{amount}"}
_OF_CARD = i18n.text("This card ends on {date}", date="{date}")
_OF_PERIOD = i18n.text("Your membership runs until {date}", date="{date}")
_OF_UNITS: Mapping[str, Text] = {
    "points": i18n.text("Points that end on {date}: {amount}", **_HOLES),
    "bonus": i18n.text("Bonus points that end on {date}: {amount}", **_HOLES),
    "stamps": i18n.text("Stamps that end on {date}: {amount}", **_HOLES),
    "available_visits": i18n.text("Visits that end on {date}: {amount}", **_HOLES),
    "money": i18n.text("Balance that ends on {date}: {amount}", **_HOLES),
}
_SAYS_ALL: Text = dict.fromkeys(i18n.LANGUAGES, "{value}")


def reminders_of(card: Any, merchant: Business, now: datetime) -> list[Field]:
    """One field for a card on which something may end.

    It is always there, and silent until the worker reminds of an end: phones announce only what
    changes in a field that they know.
    """
    period = (card.terms or {}).get("ends_at")
    if card.expires_at is None and card.units_expire_at is None and period is None:
        return []
    said = list(_said(card, merchant, now))
    label = i18n.text("Reminder")
    if not said:
        return [Field("reminder", label, i18n.text("Nothing ends soon"), Place.BACK)]
    value = {language: "\n".join(words[language] for words in said) for language in i18n.LANGUAGES}
    return [Field("reminder", label, value, Place.BACK, _SAYS_ALL)]


def _said(card: Any, merchant: Business, now: datetime) -> Iterator[Text]:
    """What the worker noted, as far as it is still true."""
    noted = card.reminder or {}
    end = card.expires_at
    if end and noted.get("card") == end.isoformat() and not expiry.has_passed(end, now):
        yield _filled(_OF_CARD, end, merchant, None)
    period = noted.get("period")
    if period and card.terms and card.terms["ends_at"] == period:
        end = datetime.fromisoformat(period)
        if not expiry.has_passed(end, now):
            yield _filled(_OF_PERIOD, end, merchant, None)
    for each in noted.get("units", ()):
        ends_at = datetime.fromisoformat(each["ends_at"])
        if not expiry.has_passed(ends_at, now):
            yield _filled(_OF_UNITS[each["unit"]], ends_at, merchant, each)


def _filled(words: Text, end: datetime, merchant: Business, of: Mapping[str, Any] | None) -> Text:
    day = clock.day_of(end, merchant.time_zone)
    return {
        language: words[language].format(
            date=i18n.show_date(day, language), amount=_amount(of, merchant, language)
        )
        for language in i18n.LANGUAGES
    }


def _amount(of: Mapping[str, Any] | None, merchant: Business, language: str) -> str:
    if of is None:
        return ""
    if of["unit"] == "money":
        return i18n.show_money(of["amount"], merchant.currency, language)
    return i18n.show_number(of["amount"], language)
