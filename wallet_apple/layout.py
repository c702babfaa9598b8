"""Lays out what the cards of a design have in common in pass.json, with holes for their figures.

Sources: Apple, Wallet Passes (Pass, PassFields, PassFieldContent) and the archived PassKit Package
Format Reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from passes.wallet_port import (
    CodeFormat,
    ContentRefused,
    Field,
    Location,
    PassContent,
    Place,
    State,
    Style,
)
from wallet_apple import pictures
from wallet_apple.localized import Translations, translator
from wallet_apple.signing import Credentials

NUL = b"\0"
"""Marks a hole. It never stands in a JSON document, where it is written as an escape."""
HOLE = orjson.Fragment(NUL)

MOST_LOCATIONS = 10

_ENCODING = "iso-8859-1"
_CODE_FORMATS = {
    CodeFormat.QR: ("PKBarcodeFormatQR",),
    CodeFormat.PDF417: ("PKBarcodeFormatPDF417",),
    CodeFormat.AZTEC: ("PKBarcodeFormatAztec",),
    # A watch cannot show Code 128; a device takes the first of the list that it can show.
    CodeFormat.CODE128: ("PKBarcodeFormatCode128", "PKBarcodeFormatQR"),
}


@dataclass(frozen=True, slots=True)
class Front:
    """A pass style and how many fields its front shows.

    ``rows`` holds for secondary and auxiliary fields together. Wallet drops what does not fit
    without a word.
    """

    style: str
    header: int
    primary: int
    secondary: int
    auxiliary: int
    rows: int


FRONTS = {
    Style.BALANCE: Front("storeCard", header=3, primary=1, secondary=4, auxiliary=4, rows=4),
    Style.GIFT: Front("storeCard", header=3, primary=1, secondary=4, auxiliary=4, rows=4),
    Style.COUPON: Front("coupon", header=3, primary=1, secondary=4, auxiliary=4, rows=4),
    Style.MEMBERSHIP: Front("generic", header=3, primary=1, secondary=4, auxiliary=4, rows=8),
}


def code_formats(content: PassContent) -> tuple[str, ...]:
    """The codes on the pass. A withdrawn card shows none, so that nobody tries it at the till."""
    return () if content.state is State.VOID else _CODE_FORMATS[content.code_format]


def has_end(content: PassContent) -> bool:
    """Whether the pass names the time at which it ends."""
    return content.expires_at is not None or content.state is State.EXPIRED


def lay_out(
    content: PassContent,
    key: Callable[[Translations], str],
    credentials: Credentials,
    web_service_url: str,
) -> tuple[dict[str, object], list[Field]]:
    """pass.json with ``HOLE`` for what is a card's own, and the fields in its order.

    The holes stand in this order: serial number, secret, end (if it has one), message and caption
    of each code, value of each field. ``key`` gives each common text its key. Raises
    ContentRefused.
    """
    translate = translator(content.languages)
    # The merchant's name comes first, so that it is its own key whatever else reads like it.
    merchant = key((content.merchant,) * len(content.languages))
    title = translate(content.title)
    described = zip(translate(content.description), title, strict=True)
    description = [text if text.strip() else instead for text, instead in described]
    look = content.look
    document: dict[str, object] = {
        "formatVersion": 1,
        "passTypeIdentifier": credentials.pass_type_id,
        "teamIdentifier": credentials.team_id,
        "organizationName": merchant,
        "description": key(tuple(description)),
        "backgroundColor": rgb(look.background),
        "foregroundColor": rgb(look.foreground),
        "labelColor": rgb(look.label),
        # The file is as good as the card; who wants one gets their own.
        "sharingProhibited": True,
        "webServiceURL": web_service_url,
        "serialNumber": HOLE,
        "authenticationToken": HOLE,
    }
    if has_end(content):
        document["expirationDate"] = HOLE
    if content.state is State.VOID:
        document["voided"] = True
    if codes := code_formats(content):
        document["barcodes"] = [
            {"format": code, "messageEncoding": _ENCODING, "message": HOLE, "altText": HOLE}
            for code in codes
        ]
    if not pictures.has_logo(look):
        document["logoText"] = merchant or key(title)
    if content.locations:
        document["locations"] = [
            _location(location, key(translate(location.text)))
            for location in content.locations[:MOST_LOCATIONS]
        ]

    front = FRONTS[content.style]
    groups = place(content.fields, front)
    document[front.style] = {
        group: [
            _field(
                field,
                key(translate(field.label)),
                key(tuple(map(change_message, translate(field.change))))
                if field.change is not None
                else None,
            )
            for field in fields
        ]
        for group, fields in groups.items()
        if fields
    }
    ordered = [field for fields in groups.values() for field in fields]
    if len({field.key for field in ordered}) < len(ordered):
        raise ContentRefused("Two fields of this card have the same key.")
    return document, ordered


def place(fields: Sequence[Field], front: Front) -> dict[str, list[Field]]:
    """The fields by Apple's groups; what has no room on the front opens the back."""
    wanted = {at: [field for field in fields if field.place is at] for at in Place}
    secondary = min(front.secondary, len(wanted[Place.SECONDARY]))
    room = {
        Place.HEADER: front.header,
        Place.PRIMARY: front.primary,
        Place.SECONDARY: secondary,
        Place.AUXILIARY: min(front.auxiliary, front.rows - secondary),
    }
    groups = {f"{at.value}Fields": wanted[at][:most] for at, most in room.items()}
    overflow = [field for at, most in room.items() for field in wanted[at][most:]]
    groups["backFields"] = overflow + wanted[Place.BACK]
    return groups


def _field(field: Field, label: str, change: str | None) -> dict[str, object]:
    drawn: dict[str, object] = {"key": field.key, "label": label}
    if change is not None:
        drawn["changeMessage"] = change
    # The value comes last: what belongs to it follows it in the same hole (values.py).
    drawn["value"] = HOLE
    return drawn


def change_message(text: str) -> str:
    """The sentence for the lock screen, with Apple's ``%@`` where the new value goes.

    Apple calls it a format string with exactly one ``%@``; so a percent sign is doubled, and a
    sentence without ``{value}`` gets the value at its end.
    """
    before, value, after = text.replace("%", "%%").partition("{value}")
    return f"{before}%@{after.replace('{value}', '')}" if value else f"{before} %@"


def _location(location: Location, text: str) -> dict[str, object]:
    return {
        "latitude": location.latitude,
        "longitude": location.longitude,
        "relevantText": text,
    }


def rgb(colour: str) -> str:
    """``#rrggbb`` as ``rgb(r, g, b)``. Raises ContentRefused for anything else."""
    try:
        red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    except ValueError as error:
        raise ContentRefused(f"{colour!r} is not a colour of the form #rrggbb.") from error
    return f"rgb({red}, {green}, {blue})"
