"""Asks the holder of a nameless card who they are: the file in the pass, and what a device answers.

Source: Apple, Personalize a Pass; the archived Wallet Developer Guide, Rewards Enrollment. Wallet
asks only for passes with NFC, whose certificates Apple gives out one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import orjson

from passes.wallet_port import Detail, PassContent
from wallet_apple.registration import Unreadable

MOST_BYTES = 16 * 1024
LONGEST_DETAIL = 254

_REQUIRED = {
    Detail.NAME: "PKPassPersonalizationFieldName",
    Detail.POSTAL_CODE: "PKPassPersonalizationFieldPostalCode",
    Detail.EMAIL: "PKPassPersonalizationFieldEmailAddress",
    Detail.PHONE: "PKPassPersonalizationFieldPhoneNumber",
}
_GIVEN = {
    "givenName": "first_name",
    "familyName": "last_name",
    "emailAddress": "email",
    "phoneNumber": "phone",
    "postalCode": "postal_code",
}
# We sign this with the key that signs manifests, for whoever asks. A manifest is a JSON object, so
# nothing with a brace, a quotation mark or a space is ever signed: no pass can be made of it.
_TOKEN = re.compile(r"[0-9A-Za-z+/=_.:-]{1,1024}")


class Answers(NamedTuple):
    """What a device sends; ``given`` by the domain's names."""

    token: bytes
    given: Mapping[str, str]


def document(content: PassContent) -> bytes:
    """personalization.json; empty when the card's holder is known, or is not asked."""
    asked = content.personalisation
    if asked is None:
        return b""
    words: dict[str, object] = {
        "description": asked.description[content.language],
        "requiredPersonalizationFields": [_REQUIRED[detail] for detail in asked.details],
    }
    if asked.terms is not None:
        words["termsAndConditions"] = asked.terms[content.language]
    return orjson.dumps(words)


def files(content: PassContent, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the pass of a nameless card holds besides; nothing for all others.

    ``pictures`` are those of the pass: its logo stands above the questions too.
    """
    said = document(content)
    if not said:
        return {}
    logos = {
        name.replace("logo", "personalizationLogo", 1): picture
        for name, picture in pictures.items()
        if name.startswith("logo")
    }
    return {"personalization.json": said, **logos}


def answers(body: bytes) -> Answers:
    """Reads what the device sends. Raises Unreadable."""
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("not JSON") from None
    if not isinstance(sent, dict):
        raise Unreadable("not an object")
    token, told = sent.get("personalizationToken"), sent.get("requiredPersonalizationInfo")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Unreadable("personalizationToken")
    if not isinstance(told, dict):
        raise Unreadable("requiredPersonalizationInfo")
    given = {
        ours: value
        for theirs, ours in _GIVEN.items()
        if isinstance(value := told.get(theirs), str) and len(value) <= LONGEST_DETAIL
    }
    full = told.get("fullName")
    has_name = given.keys() & {"first_name", "last_name"}
    if not has_name and isinstance(full, str) and len(full) <= LONGEST_DETAIL:
        first, _, last = full.strip().rpartition(" ")
        given |= {"first_name": first, "last_name": last} if first else {"first_name": last}
    return Answers(token.encode(), given)
