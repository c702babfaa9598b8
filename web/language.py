"""In which language a page speaks, and what its templates are given to speak with.

Templates of the wallets use the same names: ``_``, ``language``, ``languages``, ``in_language``
and the filters below. They depend on the names only; this module fills them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Flask, request
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from passes import clock, i18n
from passes.wallet_port import Amount, FieldValue, Text

NAMES: Mapping[str, str] = {"de": "Deutsch", "en": "English", "nl": "Nederlands"}
"""Each language in its own words: a switch must be found by who cannot read the page."""


def init_app(app: Flask) -> None:
    """Gives all templates of ``app``, those of the wallets included, their words and figures."""
    app.jinja_env.globals["_"] = translated
    app.jinja_env.globals["in_language"] = in_language
    app.jinja_env.filters |= {
        "as_text": as_text,
        "as_value": as_value,
        "as_day": as_day,
        "as_moment": as_moment,
    }
    app.context_processor(lambda: {"language": page_language(), "languages": NAMES})


def page_language(otherwise: str = "en") -> str:
    """``?lang=`` before the browser's languages before ``otherwise``, the merchant's or card's."""
    asked = i18n.spoken(request.args.get("lang"), "")
    return asked or request.accept_languages.best_match(i18n.LANGUAGES) or otherwise


def in_language(language: str) -> str:
    """The address of this page in another language; whatever else it says stays."""
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return f"?{urlencode([*query, ('lang', language)])}"


@pass_context
def translated(context: Context, message: str, /, **values: Any) -> str:
    """``message`` in the page's language; values that are markup stay markup."""
    language = _language(context)
    if any(hasattr(value, "__html__") for value in values.values()):
        return Markup(escape(i18n.translate(language, message))).format(**values)  # noqa: S704 - escaped
    return i18n.translate(language, message, **values)


@pass_context
def as_text(context: Context, text: Text) -> str:
    """A text of many languages in the page's."""
    return i18n.pick(text, _language(context))


@pass_context
def as_value(context: Context, value: FieldValue) -> str:
    """The value of a field as people of the page's language write it."""
    language = _language(context)
    if isinstance(value, Amount):
        return i18n.show_money(value.minor, value.currency, language)
    if isinstance(value, int):
        return i18n.show_number(value, language)
    if isinstance(value, date):
        return i18n.show_date(value, language)
    return i18n.pick(value, language)


@pass_context
def as_day(context: Context, moment: datetime, time_zone: str) -> str:
    """The merchant's calendar day of a point in time."""
    return i18n.show_date(clock.day_of(moment, time_zone), _language(context))


@pass_context
def as_moment(context: Context, moment: datetime, time_zone: str) -> str:
    """Day and time of day on the merchant's clock."""
    return i18n.show_moment(moment, time_zone, _language(context))


def _language(context: Context) -> str:
    return str(context["language"])
