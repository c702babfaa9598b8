"""The card page behind the port."""

import pytest

from passes.wallet_port import (
    Crop,
    Fit,
    Installation,
    Outcome,
    Platform,
    Reason,
    Redirect,
    Visitor,
)
from tests.pwa.conftest import CONTENT, NOW


@pytest.mark.parametrize("platform", list(Platform))
def test_can_be_shown_everywhere_and_is_made_for_nothing(wallet, platform):
    assert wallet.suits(Visitor(platform, "de")) is Fit.POSSIBLE


def test_offers_the_way_to_the_page(wallet):
    assert wallet.offer(CONTENT, Visitor(Platform.IOS, "de")) == Redirect(CONTENT.page_url)


def test_every_installation_has_its_receipt(wallet):
    installations = [Installation(f"device-{number}", {}, NOW) for number in range(3)]
    [receipts, none] = wallet.push_many(
        [(CONTENT, installations, Reason.BALANCE), (CONTENT, [], Reason.CONTENT)]
    )
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 3
    assert none == []


def test_nothing_stops_it(wallet):
    assert not any(finding.stops for finding in wallet.check(NOW))
    assert wallet.identity("t", "123456789012", None) == {}


def test_asks_for_the_icons_that_phones_ask_for(wallet):
    sizes = {size.name: size for size in wallet.pictures}
    assert len(sizes) == len(wallet.pictures)
    for side in (192, 512):
        assert sizes[f"pwa-any-{side}"].crop is Crop.CONTAIN
        assert sizes[f"pwa-maskable-{side}"].crop is Crop.MASKABLE
        assert sizes[f"pwa-any-{side}"].width == sizes[f"pwa-any-{side}"].height == side
    assert sizes["pwa-touch-180"].crop is Crop.MASKABLE
