"""Turns Google's discovery dialect into strict JSON Schema (2020-12) for what we send.

The discovery document says which fields exist and of what type they are; what is required, how
long a list may be or what an id looks like stands in its prose only. ``_RULES`` holds those rules.
A schema made here is for outgoing bodies; Google's answers use spellings of old and must never be
checked with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

Schema: TypeAlias = dict[str, object]

_NUMBERS: Mapping[str, Schema] = {
    "int32": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "uint32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    # 64 bits travel as text, because a JSON number loses digits beyond 2^53.
    "int64": {"type": "string", "pattern": r"^-?(0|[1-9][0-9]{0,18})$"},
    "uint64": {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,19})$"},
}

_SET_BY_GOOGLE = frozenset({"classReference", "hasLinkedDevice", "hasUsers", "review"})
"""Fields of Google's answers that must not be sent back."""


def _either(*names: str) -> list[Schema]:
    return [{"required": [name]} for name in names]


def _inside(*path: str, rule: Schema) -> Schema:
    """The rule for a field further in, by its path; "*" stands for each entry of a list."""
    for step in reversed(path):
        rule = {"items": rule} if step == "*" else {"properties": {step: rule}}
    return rule


def _when(condition: Schema, then: Schema) -> Schema:
    return {"if": condition, "then": then}


def _dated(end: str, pattern: str) -> Schema:
    shape = {"required": ["date"], "properties": {"date": {"pattern": pattern}}}
    return {"required": [end], "properties": {end: shape}}


_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)"
_WITHOUT_OFFSET = r"T[0-9:.]+$"
_WITH_OFFSET = _OFFSET + "$"
_DATE_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?" + _OFFSET + "?$"
)
_RESOURCE_ID: Schema = {"pattern": r"^[0-9]{1,20}\.[A-Za-z0-9._-]+$"}
_NOT_EMPTY: Schema = {"minLength": 1}
_BUTTON: Schema = {"maxLength": 30}
_PLACE: Mapping[str, Schema] = {
    "": {"required": ["latitude", "longitude"]},
    "latitude": {"minimum": -90, "maximum": 90},
    "longitude": {"minimum": -180, "maximum": 180},
}

_CARD_RULES: Mapping[str, Schema] = {
    "id": _RESOURCE_ID,
    "classId": _RESOURCE_ID,
    "issuerName": _NOT_EMPTY,
    "programName": _NOT_EMPTY,
    "title": _NOT_EMPTY,
    "provider": _NOT_EMPTY,
    "cardNumber": _NOT_EMPTY,
    # The other two are Google's to set.
    "reviewStatus": {"enum": ["DRAFT", "UNDER_REVIEW"]},
    "hexBackgroundColor": {"pattern": "^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"},
    "merchantLocations": {"maxItems": 10},
    "messages": {"maxItems": 10},
    "valueAddedModuleData": {"maxItems": 15},
    "linkedObjectIds": {"maxItems": 50},
    "smartTapRedemptionValue": {"pattern": "^[ -~]*$"},
}
"""Rules for the classes and objects themselves."""

_RULES: Mapping[str, Mapping[str, Schema]] = {
    "AddMessageRequest": {"": {"required": ["message"]}},
    "AppLinkData": {
        "": {
            "allOf": [
                _inside("displayText", "defaultValue", "value", rule=_BUTTON),
                _inside("displayText", "translatedValues", "*", "value", rule=_BUTTON),
            ]
        }
    },
    "AppLinkDataAppLinkInfo": {"": {"required": ["appTarget"]}},
    "AppLinkDataAppLinkInfoAppTarget": {
        "": {
            "oneOf": _either("packageName", "targetUri"),
            "allOf": [_inside("targetUri", rule={"required": ["description"]})],
        }
    },
    "Barcode": {
        "": {
            "required": ["type", "value"],
            "allOf": [
                _when(
                    {"required": ["renderEncoding"]},
                    {"properties": {"type": {"enum": ["QR_CODE"]}}},
                ),
                _when(
                    {"required": ["alternateText"]},
                    {"properties": {"type": {"pattern": "^(?!TEXT_ONLY$)"}}},
                ),
            ],
        },
        "value": _NOT_EMPTY,
    },
    "CallbackOptions": {"url": {"pattern": r"^https://[^\s]+$"}},
    "CardRowTemplateInfo": {"": {"minProperties": 1, "maxProperties": 1}},
    "CardTemplateOverride": {"cardRowTemplateInfos": {"maxItems": 3}},
    "DateTime": {"": {"required": ["date"]}, "date": {"pattern": _DATE_TIME}},
    "FieldReference": {
        "": {"required": ["fieldPath"]},
        "fieldPath": {"pattern": r"^(object|class)\."},
    },
    "FieldSelector": {"": {"required": ["fields"]}, "fields": {"minItems": 1}},
    "GiftCardObject": {
        "": {"allOf": [_inside("balanceUpdateTime", "date", rule={"pattern": _WITH_OFFSET})]}
    },
    "Image": {"": {"oneOf": _either("sourceUri", "privateImageId")}},
    "ImageUri": {"": {"required": ["uri"]}, "uri": {"pattern": r"^https?://[^\s]+$"}},
    "LatLongPoint": _PLACE,
    "LocalizedString": {"": {"required": ["defaultValue"]}},
    "LoyaltyPoints": {"": {"required": ["balance"]}},
    "LoyaltyPointsBalance": {"": {"minProperties": 1, "maxProperties": 1}},
    "MerchantLocation": _PLACE,
    "Money": {
        "": {"required": ["micros", "currencyCode"]},
        "currencyCode": {"pattern": "^[A-Z]{3}$"},
    },
    "RotatingBarcode": {
        "": {"required": ["type", "valuePattern"]},
        "type": {"enum": ["PDF_417", "QR_CODE"]},
        "valuePattern": _NOT_EMPTY,
    },
    "RotatingBarcodeTotpDetails": {
        "": {"required": ["algorithm", "periodMillis", "parameters"]},
        "parameters": {"minItems": 1},
    },
    "RotatingBarcodeTotpDetailsTotpParameters": {
        "": {"required": ["key", "valueLength"]},
        "key": {"pattern": "^([0-9A-Fa-f]{2})+$"},
        "valueLength": {"minimum": 1},
    },
    "TemplateItem": {
        "": {
            "oneOf": _either("firstValue", "predefinedItem"),
            **_when({"required": ["secondValue"]}, {"required": ["firstValue"]}),
        }
    },
    "TextModuleData": {"id": {"pattern": "^[A-Za-z0-9_-]+$"}},
    "TimeInterval": {
        "": {
            "minProperties": 1,
            # With an offset at one end, the other end must have one too.
            "allOf": [
                {"not": {"allOf": [_dated("start", _WITH_OFFSET), _dated("end", _WITHOUT_OFFSET)]}},
                {"not": {"allOf": [_dated("start", _WITHOUT_OFFSET), _dated("end", _WITH_OFFSET)]}},
            ],
        }
    },
    "TranslatedString": {
        "": {"required": ["language", "value"]},
        "language": {"pattern": "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"},
        "value": _NOT_EMPTY,
    },
    "Uri": {
        "": {"required": ["uri"]},
        "uri": {"pattern": r"^(https?://|tel:|mailto:|geo:)[^\s]+$"},
    },
    "ValueAddedModuleData": {"": {"required": ["header", "uri"]}},
}
"""Rules for the parts, by name; the key "" holds those of the whole part."""


def strict_schema(discovery: Mapping[str, object], root: str) -> Schema:
    """A JSON Schema for a body of type ``root`` (``"LoyaltyObject"``), closed in every part.

    ``discovery`` holds Google's schemas by name. Raises KeyError for a name that it lacks.
    """
    definitions: Schema = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = _closed(name, cast("Mapping[str, object]", discovery[name]))
            waiting.extend(_names(definitions[name]))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/$defs/{root}",
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _closed(name: str, part: Mapping[str, object]) -> Schema:
    is_card = name.endswith(("Class", "Object"))
    rules = {**(_CARD_RULES if is_card else {}), **_RULES.get(name, {})}
    properties: Schema = {}
    required = []
    for key, value in cast("Mapping[str, Schema]", part["properties"]).items():
        if key in _SET_BY_GOOGLE:
            continue
        properties[key] = {**_translated(value), **rules.get(key, {})}
        if str(value.get("description", "")).startswith("Required."):
            required.append(key)
    closed: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        closed["required"] = sorted(required)
    return {**closed, **rules.get("", {})}


def _translated(value: Mapping[str, object]) -> Schema:
    """One property of the discovery dialect in JSON Schema."""
    if "$ref" in value:
        return {"$ref": f"#/$defs/{value['$ref']}"}
    if value["type"] == "array":
        return {"type": "array", "items": _translated(cast(Schema, value["items"]))}
    if "enum" in value:
        return {"type": "string", "enum": _current(value)}
    return dict(_NUMBERS.get(str(value.get("format")), {"type": value["type"]}))


def _current(value: Mapping[str, object]) -> list[str]:
    """The members of an enum that may be sent: no spelling of old, no ``…_UNSPECIFIED``."""
    members = cast("list[str]", value["enum"])
    deprecated = cast("list[bool]", value.get("enumDeprecated", [False] * len(members)))
    return [
        member
        for member, old in zip(members, deprecated, strict=True)
        if not old and not member.endswith("_UNSPECIFIED")
    ]


def _names(schema: object) -> Iterator[str]:
    """The definitions that a translated schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield cast(str, schema["$ref"]).rpartition("/")[2]
        for part in schema.values():
            yield from _names(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _names(part)
