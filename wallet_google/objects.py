"""Maps what a pass must show onto Google's classes and objects.

Balances become loyalty cards, coupons offers, gift cards gift cards, and memberships generic
passes: one module each, on top of what all of them share, which is here. What all cards of one
design have alike is in the class, so that a change of it reaches every pass with one request.
Field rules: Google's discovery document, walletobjects v1. A class has no countryCode: the port
does not say where a merchant is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from passes.wallet_port import Field, PassContent, Place, State, Style
from wallet_google.addresses import CALLBACK_PATH, Site
from wallet_google.codes import code_of
from wallet_google.generic import GENERIC
from wallet_google.gift_card import GIFT_CARD
from wallet_google.loyalty import LOYALTY
from wallet_google.offer import OFFER
from wallet_google.parts import (
    HERO,
    LOGO,
    PHOTO,
    Body,
    Family,
    FamilyRules,
    by_weight,
    is_link,
    link,
    module,
    module_id,
    moment,
    photo,
)
from wallet_google.texts import OPEN_CARD, localized, written

__all__ = [
    "HERO",
    "LOGO",
    "PHOTO",
    "Body",
    "Family",
    "blank_object_body",
    "class_body",
    "family",
    "object_body",
    "resource_id",
]

MOST_LOCATIONS = 10
MOST_MODULES = 10
MOST_ROWS = 3
"""Google: more locations and rows are refused, more text modules not displayed."""

_RULES: Mapping[Style, FamilyRules] = {
    Style.BALANCE: LOYALTY,
    Style.COUPON: OFFER,
    Style.GIFT: GIFT_CARD,
    Style.MEMBERSHIP: GENERIC,
}
_STATES = {State.VALID: "ACTIVE", State.EXPIRED: "EXPIRED", State.VOID: "INACTIVE"}
_ROW_SHAPES = (
    ("oneItem", ("item",)),
    ("twoItems", ("startItem", "endItem")),
    ("threeItems", ("startItem", "middleItem", "endItem")),
)


def family(style: Style) -> Family:
    """Which of Google's families shows cards of this style."""
    return _RULES[style].name


def resource_id(issuer_id: str, name: str) -> str:
    """``issuer.name`` with a name that Google takes: ``[A-Za-z0-9._-]``, at most 64 characters.

    Any other name is replaced by a hash of it, so that two names never share an id.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        name = hashlib.sha256(name.encode()).hexdigest()[:40]
    return f"{issuer_id}.{name}"


def class_body(content: PassContent, issuer_id: str, site: Site) -> Body:
    """The class of the card's template: the same for all its cards, whatever their language.

    Only the rows follow the fields that this card has. Raises WalletMisconfigured when Google could
    not fetch its pictures.
    """
    body: Body = {
        "id": resource_id(issuer_id, content.template),
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
    }
    if rows := _rows(content):
        body["classTemplateInfo"] = {"cardTemplateOverride": {"cardRowTemplateInfos": rows}}
    if content.locations:
        body["merchantLocations"] = [
            {"latitude": place.latitude, "longitude": place.longitude}
            for place in content.locations[:MOST_LOCATIONS]
        ]
    if picture := photo(content, content.languages[0], site):
        body["imageModulesData"] = [{"id": "photo", "mainImage": picture}]
    if site.base_url.startswith("https://"):
        body["callbackOptions"] = {"url": site.base_url + CALLBACK_PATH}
    return body | _RULES[content.style].class_fields(content, site)


def object_body(content: PassContent, issuer_id: str, site: Site) -> Body:
    """The card's object. Raises WalletMisconfigured when Google could not fetch its pictures."""
    body = _identity(content, issuer_id) | {"state": _STATES[content.state], **code_of(content)}
    if content.expires_at is not None:
        body["validTimeInterval"] = {"end": moment(content.expires_at)}
    if modules := [shown for _, shown in _modules(content)]:
        body["textModulesData"] = modules
    if links := [link(field, content) for field in content.fields if is_link(field)]:
        body["linksModuleData"] = {"uris": links}
    if content.state is not State.VOID:
        body["appLinkData"] = _app_link(content)
    return body | _RULES[content.style].object_fields(content, site)


def blank_object_body(content: PassContent, issuer_id: str, site: Site) -> Body:
    """The whole object of a card whose holder wants to be forgotten, for a PUT.

    Google deletes no objects. This one says nothing of the person, scans nowhere, and has no
    picture, so that it can be sent wherever ``site`` is.
    """
    return (
        _identity(content, issuer_id) | {"state": "INACTIVE"} | _RULES[content.style].blank(content)
    )


def _identity(content: PassContent, issuer_id: str) -> Body:
    return {
        "id": resource_id(issuer_id, content.serial),
        "classId": resource_id(issuer_id, content.template),
    }


def _modules(content: PassContent) -> list[tuple[Field, Body]]:
    """The fields that are text modules, the weightiest first, as far as Google displays them."""
    apart = {field.key for field in _RULES[content.style].figures(content).values()}
    modules = []
    for field in by_weight(content.fields):
        if field.key in apart or is_link(field):
            continue
        shown = module(field, content.language, content.languages)
        if shown is not None:
            modules.append((field, shown))
        if len(modules) == MOST_MODULES:
            break
    return modules


def _app_link(content: PassContent) -> Body:
    """The button on the face: the card's own page, which knows more than a pass can show."""
    return {
        "displayText": localized(OPEN_CARD, content.language, content.languages),
        "webAppLinkInfo": {
            "appTarget": {
                "targetUri": {
                    "uri": content.page_url,
                    "description": written(OPEN_CARD, content.language),
                }
            }
        },
    }


# --- the face ------------------------------------------------------------------------------------


def _rows(content: PassContent) -> list[Body]:
    """Up to three rows of up to three items: the figures first, then the other fields of the face.

    What stands in the head of every pass of the family needs no row.
    """
    figures = [
        f"object.{path}" for path in _RULES[content.style].figures(content) if path != "header"
    ]
    rows: list[Sequence[str]] = [figures] if figures else []
    paths = [
        f"object.textModulesData['{module_id(field.key)}']"
        for field, _ in _modules(content)
        if field.place is not Place.BACK
    ]
    free = MOST_ROWS - len(rows)
    width = 2 if len(paths) <= 2 * free else 3
    rows += [paths[start : start + width] for start in range(0, len(paths), width)][:free]
    return [_row(row) for row in rows]


def _row(paths: Sequence[str]) -> Body:
    shape, places = _ROW_SHAPES[len(paths) - 1]
    items = {
        place: {"firstValue": {"fields": [{"fieldPath": path}]}}
        for place, path in zip(places, paths, strict=True)
    }
    return {shape: items}
