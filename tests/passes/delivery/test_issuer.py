"""What the wallets' web routes may ask: nothing without its secret, and each call whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from passes.cards import links
from passes.delivery.issuer import DomainIssuer
from passes.merchants.merchants import business
from passes.store import Store
from passes.wallet_port import NoSuchCard
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, NotedWallet, Post

MINUTE = timedelta(minutes=1)


def names_of(shop: Shop, card_id: UUID, post: Post) -> tuple[str, str, str]:
    """Serial number, secret and page token of a card."""
    serial = post.card(shop, card_id).serial_number
    with shop.read() as session:
        key = business(session).token_key
    return serial, links.wallet_secret(key, card_id), links.page_token(key, card_id, 1)


def issuer(store: Store, now: Any = NOON) -> DomainIssuer:
    return DomainIssuer(store, BASE_URL, lambda: now)


def test_only_the_secret_opens_a_card(alma: Shop, bruno: Shop, office: Post) -> None:
    serial, secret, token = names_of(alma, alma.card(), office)
    other_serial, other_secret, _ = names_of(bruno, bruno.card(), office)
    asked = issuer(office.store)
    assert asked.knows(serial, secret)
    assert asked.content("noted", serial, secret).serial == serial
    assert asked.page("noted", token).serial == serial
    for wrong_serial, wrong in (
        (serial, other_secret), (other_serial, secret), (serial, ""), (serial, secret[:-1]),
        (serial, secret + "="), (serial, token), (serial, "ä"), ("", secret), ("x\x00", secret),
        ("123456789012", secret), (token, secret),
    ):  # fmt: skip
        assert not asked.knows(wrong_serial, wrong)
        with pytest.raises(NoSuchCard):
            asked.content("noted", wrong_serial, wrong)
    for wrong in ("", secret, serial, token[:-1], "x\x00"):
        with pytest.raises(NoSuchCard):
            asked.page("noted", wrong)


def test_secrets_are_not_shown_by_accident(shop: Shop, post_office: Post) -> None:
    serial, secret, token = names_of(shop, shop.card(), post_office)
    content = issuer(post_office.store).content("noted", serial, secret)
    assert content.secret == secret
    assert content.page_url == f"{BASE_URL}/c/{token}/"
    shown = repr(content)
    for hidden in (secret, token, content.code, "Anna"):
        assert hidden not in shown


def test_the_link_of_the_page_and_the_wallets_secret_do_not_open_each_other(
    shop: Shop, post_office: Post
) -> None:
    card = shop.card()
    serial, _, token = names_of(shop, card, post_office)
    with shop.read() as session:
        install = links.install_token(business(session).token_key, card, 1)
    asked = issuer(post_office.store)
    assert not asked.knows(serial, token)
    assert not asked.knows(serial, install)
    with pytest.raises(NoSuchCard):
        asked.page("noted", install)


def test_an_installation_is_recorded_and_the_wallet_followed(alma: Shop, office: Post) -> None:
    card = alma.card(channel="link")
    serial, *_ = names_of(alma, card, office)
    asked = issuer(office.store)
    assert asked.installed("noted", serial, "phone", {"token": "t"}, NOON + MINUTE)
    assert not asked.installed("noted", serial, "phone", {"token": "u"})
    assert office.card(alma, card).status == "installed"
    assert office.row(alma, card).delivered_version == 1
    alma.post(card, "add-visits", 1, NOON + 2 * MINUTE)
    assert office.work(NOON + 2 * MINUTE) == 1
    assert office.wallet.pushes[0].devices == ("phone",)
    assert asked.removed("noted", serial, "phone", NOON + 3 * MINUTE)
    assert not asked.removed("noted", serial, "phone", NOON + 3 * MINUTE)
    assert office.card(alma, card).status == "deleted"


def test_what_the_installation_itself_changes_is_pushed(alma: Shop, office: Post) -> None:
    """A card from a link runs from its first installation; the pass has the older date."""
    template = alma.template(expiry={"kind": "days_after_issue", "days": 30})
    card = alma.card(template, channel="link")
    serial, *_ = names_of(alma, card, office)
    later = NOON + timedelta(days=2)
    issuer(office.store, later).installed("noted", serial, "phone", {})
    row = office.row(alma, card)
    assert (row.wanted_version, row.delivered_version, row.due_at) == (2, 1, later)


def test_events_of_cards_that_do_not_exist(store: Store) -> None:
    asked = issuer(store)
    for serial in ("", "123456789012", "x\x00"):
        with pytest.raises(NoSuchCard):
            asked.installed("noted", serial, "phone", {})
        with pytest.raises(NoSuchCard):
            asked.removed("noted", serial, "phone")


def test_changed_since_a_tag(alma: Shop, bruno: Shop, office: Post) -> None:
    cards = [(shop, shop.card()) for shop in (alma, bruno, alma)]
    serials = [names_of(shop, card, office)[0] for shop, card in cards]
    asked = issuer(office.store)
    for serial in serials:
        asked.installed("noted", serial, "phone", {})
    asked.installed("noted", serials[0], "watch", {})
    everything = asked.changed_since("noted", "phone", None)
    assert set(everything.serials) == set(serials)
    assert asked.changed_since("noted", "phone", everything.tag).serials == ()
    assert asked.changed_since("noted", "phone", everything.tag).tag == everything.tag
    shop, card = cards[1]
    shop.post(card, "add-visits", 1)
    news = asked.changed_since("noted", "phone", everything.tag)
    assert news.serials == (serials[1],)
    assert int(news.tag) > int(everything.tag)
    assert asked.changed_since("noted", "watch", None).serials == (serials[0],)
    for nobody in (("noted", "tablet"), ("other", "phone"), ("noted", "")):
        assert asked.changed_since(*nobody, None).serials == ()
    asked.removed("noted", serials[1], "phone", NOON + MINUTE)
    assert serials[1] not in asked.changed_since("noted", "phone", None).serials


@pytest.mark.parametrize("tag", ["", "x", "-1", "1.5", "9" * 30, "٣", "1 OR 1=1", "\x00"])
def test_a_tag_that_is_none_of_ours_asks_for_all(shop: Shop, post_office: Post, tag: str) -> None:
    serial, *_ = names_of(shop, shop.card(), post_office)
    asked = issuer(post_office.store)
    asked.installed("noted", serial, "phone", {})
    if tag == "٣":  # a digit to Python, and as good as any
        assert asked.changed_since("noted", "phone", tag).tag
        return
    assert asked.changed_since("noted", "phone", tag).serials == (serial,)


def test_the_wallet_of_the_tests_is_one(noted: NotedWallet) -> None:
    assert replace(noted).kind == "noted"
