"""The styles of a pass: how much their fronts show, and what the richer ones demand.

Source: Apple, Wallet Passes (PassFields, Creating a poster generic pass) and Human Interface
Guidelines for what there is room for; Apple's Pass Builder for what is demanded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wallet_apple.format import values
from wallet_apple.format.fields import check_field
from wallet_apple.format.keys import FIELD_GROUPS, STYLES
from wallet_apple.format.remarks import ERROR, WARNING, Remark, quoted

CLASSIC = tuple(name for name in STYLES if name != "posterGeneric")
POSTER_EVENT, SEMANTIC_BOARDING = "posterEventTicket", "semanticBoardingPass"
SCHEMES = {
    "eventTicket": (POSTER_EVENT, "eventTicket"),
    "boardingPass": (SEMANTIC_BOARDING, "boardingPass"),
}


@dataclass(frozen=True, slots=True)
class Room:
    """How many fields a style shows in each group; ``row``: secondary and auxiliary together.

    Wallet drops what does not fit without a word. Groups that are not named show nothing.
    """

    groups: Mapping[str, int | None]
    row: int | None = None


def _room(header: int, primary: int, secondary: int, auxiliary: int) -> dict[str, int | None]:
    return {
        "headerFields": header,
        "primaryFields": primary,
        "secondaryFields": secondary,
        "auxiliaryFields": auxiliary,
        "backFields": None,
    }


ROOMS = {
    "generic": Room(_room(3, 1, 4, 4)),
    "storeCard": Room(_room(3, 1, 4, 4), row=4),
    "coupon": Room(_room(3, 1, 4, 4), row=4),
    # Auxiliary fields may stand in two rows of four.
    "eventTicket": Room({**_room(3, 1, 4, 8), "additionalInfoFields": None}),
    "boardingPass": Room(_room(3, 2, 4, 5)),
    "posterGeneric": Room(
        {
            "headerFields": 1,
            "primaryFields": 4,
            "footerFields": 2,
            "backFields": None,
            "additionalInfoFields": None,
        }
    ),
}


def styles_of(document: Mapping[str, object]) -> list[str]:
    """The style keys of a pass, in the order of the table."""
    return [name for name in STYLES if name in document]


def fields_of(
    document: Mapping[str, object],
) -> Iterator[tuple[str, str, dict[str, object]]]:
    """All fields of all styles, each with its path and its group."""
    for style in styles_of(document):
        groups = document[style]
        for group in FIELD_GROUPS if isinstance(groups, dict) else ():
            listed = groups.get(group) if isinstance(groups, dict) else None
            for position, field in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(field, dict):
                    yield f"{style}.{group}[{position}]", group, field


def is_poster_event(document: Mapping[str, object]) -> bool:
    """Whether an event ticket asks for the poster look."""
    return "eventTicket" in document and _asks_for(document, POSTER_EVENT)


def is_semantic_boarding(document: Mapping[str, object]) -> bool:
    """Whether a boarding pass asks for the look that is drawn from its semantic tags."""
    return "boardingPass" in document and _asks_for(document, SEMANTIC_BOARDING)


def _asks_for(document: Mapping[str, object], scheme: str) -> bool:
    schemes = document.get("preferredStyleSchemes")
    return isinstance(schemes, list) and scheme in schemes


def check_styles(document: Mapping[str, object]) -> Iterator[Remark]:
    """Remarks on the choice of styles and on the fields in each."""
    styles = styles_of(document)
    classic = [name for name in styles if name in CLASSIC]
    if not styles:
        sentence = f"The pass has no style. Add one of {', '.join(STYLES)} with its fields."
        yield Remark(ERROR, "pass.json", sentence)
    if len(classic) > 1:
        sentence = f"The pass has {len(classic)} styles: {', '.join(classic)}. Keep one of them."
        yield Remark(ERROR, classic[1], sentence)
    if styles == ["posterGeneric"]:
        sentence = (
            "iOS 26 and earlier cannot open this pass. Add generic, storeCard or coupon with "
            "the same fields for them."
        )
        yield Remark(WARNING, "posterGeneric", sentence)
    for style in styles:
        fields = document[style]
        if isinstance(fields, dict):
            yield from _check_fields(fields, style)
    yield from _check_schemes(document)


def _check_fields(fields: Mapping[str, object], style: str) -> Iterator[Remark]:
    if style == "boardingPass" and "transitType" not in fields:
        sentence = "transitType is missing. Say what the journey is made by: PKTransitTypeAir, …"
        yield Remark(ERROR, f"{style}.transitType", sentence)
    if style != "boardingPass" and "transitType" in fields:
        sentence = "Only boarding passes have a means of transport. Leave the key out."
        yield Remark(WARNING, f"{style}.transitType", sentence)
    for group in FIELD_GROUPS:
        listed = fields.get(group)
        if isinstance(listed, list):
            yield from _check_room(listed, style, group)
    seen: set[str] = set()
    for where, group, field in fields_of({style: fields}):
        yield from check_field(field, group, where)
        yield from _check_own_place(field, style, group, where)
        yield from _check_unique(field, seen, where)
    row = ROOMS[style].row
    counts = [
        len(listed)
        for group in ("secondaryFields", "auxiliaryFields")
        if isinstance(listed := fields.get(group), list)
    ]
    if row is not None and sum(counts) > row >= max(counts):
        sentence = (
            f"Secondary and auxiliary fields share a row of {row}, but there are {sum(counts)}. "
            "Wallet leaves the last ones out: move them to the back."
        )
        yield Remark(WARNING, f"{style}.auxiliaryFields", sentence)


def _check_room(listed: list[object], style: str, group: str) -> Iterator[Remark]:
    groups = ROOMS[style].groups
    if not listed:
        return
    if group not in groups:
        sentence = f"A pass of the style {style} does not show these fields. Move them elsewhere."
        yield Remark(WARNING, f"{style}.{group}", sentence)
        return
    most = groups[group]
    if most is not None and len(listed) > most:
        sentence = (
            f"Here is room for {most}, but there are {len(listed)} fields. Wallet leaves the last "
            "ones out: move them to the back."
        )
        yield Remark(WARNING, f"{style}.{group}[{most}]", sentence)


def _check_own_place(
    field: Mapping[str, object], style: str, group: str, where: str
) -> Iterator[Remark]:
    if "row" not in field:
        return
    if style != "eventTicket" or group != "auxiliaryFields":
        sentence = "Only auxiliary fields of event tickets have rows. Leave the key out."
        yield Remark(WARNING, f"{where}.row", sentence)
    elif field["row"] not in (0, 1):
        yield Remark(ERROR, f"{where}.row", f"{quoted(field['row'])} must be 0 or 1.")


def _check_unique(field: Mapping[str, object], seen: set[str], where: str) -> Iterator[Remark]:
    key = field.get("key")
    if isinstance(key, str):
        if key in seen:
            sentence = f"Another field has the key {quoted(key)} already. Give each its own."
            yield Remark(ERROR, f"{where}.key", sentence)
        seen.add(key)


def _check_schemes(document: Mapping[str, object]) -> Iterator[Remark]:
    schemes = document.get("preferredStyleSchemes")
    if not isinstance(schemes, list):
        return
    for style, known in SCHEMES.items():
        if style not in document:
            continue
        for position, scheme in enumerate(schemes):
            if isinstance(scheme, str) and scheme not in known:
                sentence = f"{quoted(scheme)} must be {' or '.join(known)} in this pass."
                yield Remark(WARNING, f"preferredStyleSchemes[{position}]", sentence)
        if known[0] in schemes and known[1] not in schemes:
            sentence = f"Add {style} as the last one, for systems that do not know {known[0]}."
            yield Remark(WARNING, "preferredStyleSchemes", sentence)


# --- what the richer styles demand ---------------------------------------------------------------

_FLIGHT = (
    ("airlineCode",), ("flightNumber",), ("originalDepartureDate",), ("originalBoardingDate",),
    ("originalArrivalDate",), ("departureAirportTimeZone", "departureLocationTimeZone"),
    ("departureAirportCode",), ("destinationAirportCode",), ("passengerName",),
)  # fmt: skip
_FLIGHT_ADVISED = (
    ("departureCityName",), ("destinationCityName",),
    ("destinationAirportTimeZone", "destinationLocationTimeZone"), ("seats",),
)  # fmt: skip
_EVENT = (("eventName",), ("venueName",))
_EVENT_ADVISED = (("eventStartDate", "eventStartDateInfo"), ("seats",))
_OF_EVENT_TYPE = {
    "PKEventTypeSports": (("homeTeamAbbreviation",), ("awayTeamAbbreviation",)),
    "PKEventTypeLivePerformance": (("performerNames",),),
}


def check_demands(document: Mapping[str, object], pictures: set[str]) -> Iterator[Remark]:
    """Remarks on what a poster event or a semantic boarding pass lacks.

    Wallet then falls back on the classic look without a word. ``pictures`` are the names of the
    pass's pictures without scale and ending.
    """
    found = document.get("semantics")
    semantics = found if isinstance(found, dict) else {}
    if is_semantic_boarding(document):
        yield from _lacking(semantics, _FLIGHT, _FLIGHT_ADVISED, "The semantic boarding pass")
    if not is_poster_event(document):
        return
    event_type = semantics.get("eventType")
    more = _OF_EVENT_TYPE.get(event_type, ()) if isinstance(event_type, str) else ()
    yield from _lacking(semantics, (*_EVENT, *more), _EVENT_ADVISED, "The poster of an event")
    start, end = (values.read_date(semantics.get(f"event{name}Date")) for name in ("Start", "End"))
    if start is not None and end is not None and end < start:
        yield Remark(WARNING, "semantics.eventEndDate", "The event ends before it begins.")
    nfc = document.get("nfc")
    if nfc is None:
        sentence = "The poster of an event needs nfc; without it Wallet shows the classic ticket."
        yield Remark(ERROR, "nfc", sentence)
    elif isinstance(nfc, dict) and "requiresAuthentication" not in nfc:
        sentence = "The poster of an event needs this key: add true or false."
        yield Remark(ERROR, "nfc.requiresAuthentication", sentence)
    if not pictures & {"artwork", "background"}:
        sentence = "The poster of an event needs a picture. Add artwork.png (358 x 448 points)."
        yield Remark(ERROR, "artwork.png", sentence)


def _lacking(
    semantics: Mapping[str, object],
    demanded: tuple[tuple[str, ...], ...],
    advised: tuple[tuple[str, ...], ...],
    what: str,
) -> Iterator[Remark]:
    for level, groups, verb in ((ERROR, demanded, "needs"), (WARNING, advised, "should have")):
        for names in groups:
            if all(semantics.get(name) in (None, "", [], {}) for name in names):
                sentence = f"{what} {verb} {' or '.join(names)}. Add it to semantics."
                yield Remark(level, f"semantics.{names[0]}", sentence)
