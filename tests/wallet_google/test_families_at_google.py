"""Passes of all four families from our side to Google's, and what becomes of them there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from passes.wallet_port import Installation, Reason, Redirect, Rotating, State, Style
from tests.wallet_google.conftest import ANDROID, content
from wallet_google.objects import family

ROTATING = Rotating(b"12345678901234567890")
HELD = [Installation("google", {}, datetime(2026, 11, 20, 12, tzinfo=UTC))]

every_style = pytest.mark.parametrize("style", Style)


@pytest.fixture
def card(account):
    return content(account=account, rotating=ROTATING)


def at_google(google, style: Style) -> dict[str, Any]:
    """The one object of that style that Google has."""
    prefix = f"{family(style)}Object/"
    [found] = [body for name, body in google.resources.items() if name.startswith(prefix)]
    return found


@every_style
def test_google_takes_class_object_and_link(wallet, google, card, style):
    offered = wallet.offer(replace(card, style=style), ANDROID)
    assert isinstance(offered, Redirect)
    kinds = sorted(name.partition("/")[0] for name in google.resources)
    assert kinds == sorted([f"{family(style)}Class", f"{family(style)}Object"])
    claims = jwt.decode(offered.url.rpartition("/")[2], options={"verify_signature": False})
    assert claims["payload"] == {
        f"{family(style)}Objects": [{"id": at_google(google, style)["id"]}]
    }


@every_style
def test_the_key_of_a_rotating_code_goes_to_google_and_into_no_link(wallet, google, card, style):
    offered = wallet.offer(replace(card, style=style), ANDROID)
    key = at_google(google, style)["rotatingBarcode"]["totpDetails"]["parameters"][0]["key"]
    assert bytes.fromhex(key) == ROTATING.key
    claims = jwt.decode(offered.url.rpartition("/")[2], options={"verify_signature": False})
    assert key not in str(claims)


@every_style
def test_what_an_update_lacks_goes_away_at_google(wallet, google, card, style):
    """A code that stops to rotate, an expiry that was lifted."""
    ends = card.changed_at + timedelta(days=9)
    wallet.offer(replace(card, style=style, expires_at=ends), ANDROID)
    assert "validTimeInterval" in at_google(google, style)
    later = replace(card, style=style, version=card.version + 1, rotating=None)
    wallet.push(later, HELD, Reason.CONTENT)
    kept = at_google(google, style)
    assert not {"validTimeInterval", "rotatingBarcode"} & set(kept)
    assert kept["barcode"]["value"] == card.code


@every_style
def test_a_withdrawn_card_says_nothing_at_google_until_it_is_restored(wallet, google, card, style):
    card = replace(card, style=style)
    wallet.offer(card, ANDROID)
    whole = dict(at_google(google, style))
    withdrawn = replace(card, version=card.version + 1, state=State.VOID)
    wallet.push(withdrawn, HELD, Reason.STATE)
    kept = at_google(google, style)
    assert kept["state"] == "INACTIVE"
    assert "Anna" not in str(kept)
    assert not {"barcode", "rotatingBarcode", "textModulesData", "appLinkData"} & set(kept)
    wallet.push(replace(card, version=card.version + 2), HELD, Reason.STATE)
    assert at_google(google, style) == whole
