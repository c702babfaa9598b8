"""Devices that only listen: told of changes, and no installations (R-INST-2); their addresses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from passes.cards import cards, events, installations, listeners
from passes.cards.models import Installation
from passes.errors import Conflict
from passes.referrals.reward import share_a_device
from tests.passes.conftest import NOON, Shop

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ADDRESS = {"endpoint": "https://push.example/1", "key": "k"}
OTHER = {"endpoint": "https://push.example/2", "key": "k"}


class Page:
    """The page of a card in several browsers."""

    def __init__(self, shop: Shop, card_id: UUID | None = None) -> None:
        self.shop = shop
        self.id = card_id or shop.card(channel="link")

    def _do(self, act: Any, *arguments: Any) -> Any:
        with self.shop.write() as session:
            return act(session, cards.get(session, self.id, locked=True), "pwa", *arguments)

    def listen(
        self, device: str = "tab", address: dict[str, str] = ADDRESS, at: datetime = NOON
    ) -> bool:
        return self._do(listeners.listen, device, address, at)

    def install(
        self, device: str = "tab", address: dict[str, str] | None = None, at: datetime = NOON
    ) -> bool:
        return self._do(installations.install, device, address or {}, at)

    def remove(self, device: str = "tab", at: datetime = NOON) -> bool:
        return self._do(installations.remove, device, at)

    def fall_silent(self, device: str = "tab") -> bool:
        return self._do(listeners.fall_silent, device)

    def lose(self, address: dict[str, str] = ADDRESS, at: datetime = NOON) -> None:
        with self.shop.write() as session:
            listeners.lose_address(session, self.id, "pwa", "tab", address, at)

    def row(self, device: str = "tab") -> Installation | None:
        with self.shop.read() as session:
            return session.get(Installation, (self.shop.merchant_id, self.id, "pwa", device))

    def status(self) -> str:
        with self.shop.read() as session:
            return cards.get(session, self.id).status

    def events(self) -> list[str]:
        with self.shop.read() as session:
            return [event.type for event in events.newest(session, self.id, limit=50)]


def test_R_INST_2_who_listens_has_not_installed(alma: Shop) -> None:
    page = Page(alma)
    assert page.listen()
    assert not page.listen()
    assert page.listen(address=OTHER, at=NOON + MINUTE)
    row = page.row()
    assert (row.status, row.address, row.last_seen_at) == ("listening", OTHER, NOON + MINUTE)
    assert (page.status(), page.events()) == ("not_installed", ["issued"])


def test_who_listens_and_says_no_address_is_not_kept(alma: Shop) -> None:
    page = Page(alma)
    assert not page.listen(address={})
    assert page.row() is None


def test_a_listener_that_installs_keeps_its_address(alma: Shop) -> None:
    page = Page(alma)
    page.listen()
    # Machines' clocks differ: what comes later may say an earlier time.
    assert page.install(at=NOON - MINUTE)
    row = page.row()
    assert (row.status, row.address, row.first_installed_at) == ("active", ADDRESS, NOON - MINUTE)
    assert page.status() == "installed"
    assert page.events().count("installed") == 1


def test_an_installation_that_listens_stays_one(alma: Shop) -> None:
    page = Page(alma)
    page.install()
    assert page.listen(at=NOON + DAY)
    row = page.row()
    assert (row.status, row.address, row.last_seen_at) == ("active", ADDRESS, NOON)
    assert page.fall_silent()
    assert not page.fall_silent()
    assert (page.row().status, page.row().address) == ("active", {})
    assert page.status() == "installed"


def test_an_empty_address_says_nothing_new(alma: Shop) -> None:
    page = Page(alma)
    page.install(address=ADDRESS)
    assert not page.install(at=NOON + DAY)
    assert (page.row().address, page.row().last_seen_at) == (ADDRESS, NOON + DAY)
    assert not page.install(address=OTHER, at=NOON + DAY)
    assert page.row().address == OTHER


def test_a_new_beginning_has_no_address_of_the_time_before(alma: Shop) -> None:
    page = Page(alma)
    page.install(address=ADDRESS)
    page.remove(at=NOON + MINUTE)
    assert page.row().address == {}
    assert page.install(at=NOON + 2 * MINUTE)
    assert (page.row().status, page.row().address) == ("active", {})


@pytest.mark.parametrize("goes", ["remove", "fall_silent"])
def test_who_listened_and_goes_leaves_nothing(alma: Shop, goes: str) -> None:
    page = Page(alma)
    page.listen()
    assert getattr(page, goes)()
    assert not getattr(page, goes)()
    assert page.row() is None
    assert (page.status(), page.events()) == ("not_installed", ["issued"])


@pytest.mark.parametrize("goes", ["remove", "fall_silent"])
def test_who_was_installed_once_and_listened_since_is_known_as_removed(
    alma: Shop, goes: str
) -> None:
    page = Page(alma)
    page.install()
    page.remove(at=NOON + DAY)
    assert page.status() == "deleted"
    assert page.listen(at=NOON + 2 * DAY)
    assert page.status() == "deleted"
    assert not page.install(at=NOON + MINUTE)  # came late: it was removed since (R-INST-3)
    assert page.remove(at=NOON + 3 * DAY) if goes == "remove" else page.fall_silent()
    row = page.row()
    assert (row.status, row.address, row.removed_at) == ("removed", {}, NOON + DAY)
    assert row.first_installed_at == NOON


def test_ten_devices_of_a_card_listen_and_no_more(alma: Shop) -> None:
    page, other = Page(alma), Page(alma)
    page.install("app")
    for number in range(listeners.MOST_DEVICES_TOLD - 1):
        assert page.listen(f"tab {number}")
    with pytest.raises(Conflict) as refused:
        page.listen("one more")
    assert refused.value.code == "TOO_MANY_DEVICES"
    assert page.row("one more") is None
    assert page.listen("tab 0", OTHER)
    assert page.install("one more")
    assert other.listen()
    page.fall_silent("tab 0")
    page.remove("one more")
    assert page.listen("another")


def test_listeners_count_nowhere(alma: Shop) -> None:
    page = Page(alma)
    page.listen("tab")
    page.install("app", at=NOON + MINUTE)
    assert page.remove("app", at=NOON + DAY)
    assert page.status() == "deleted"
    with alma.read() as session:
        assert installations.count(session, "pwa") == 0


def test_R_REF_8_listening_on_a_friends_device_is_no_proof_of_one_person(alma: Shop) -> None:
    """Whoever shows a friend their card's page in the same browser is not the friend."""
    mine, friend = Page(alma), Page(alma)
    with alma.read() as session:
        me = cards.get(session, mine.id).customer_id
    mine.listen("browser")
    friend.install("browser")
    with alma.read() as session:
        assert not share_a_device(session, friend.id, me)
    mine.install("browser")
    with alma.read() as session:
        assert share_a_device(session, friend.id, me)


# --- addresses that are dead ---------------------------------------------------------------------


def test_D_7_1_a_dead_address_is_forgotten_and_the_installation_stays(alma: Shop) -> None:
    page = Page(alma)
    page.install(address=ADDRESS)
    page.lose(at=NOON + DAY)
    page.lose({}, at=NOON + 2 * DAY)
    row = page.row()
    assert (row.status, row.address, row.unreachable_since) == ("active", {}, NOON + DAY)
    page.install(at=NOON + 3 * DAY)
    assert page.row().unreachable_since == NOON + DAY
    page.install(address=OTHER, at=NOON + 3 * DAY)
    assert (page.row().address, page.row().unreachable_since) == (OTHER, None)


def test_D_7_1_who_only_listened_is_gone_with_the_address(alma: Shop) -> None:
    page = Page(alma)
    page.listen()
    page.lose()
    assert page.row() is None
    assert page.listen(address=OTHER)


def test_an_address_that_was_replaced_meanwhile_is_not_forgotten(alma: Shop) -> None:
    page = Page(alma)
    page.listen()
    page.listen(address=OTHER)
    page.lose(ADDRESS)
    assert page.row().address == OTHER


def test_two_merchants_devices_of_one_name_are_two(alma: Shop, bruno: Shop) -> None:
    page, other = Page(alma), Page(bruno)
    page.listen()
    other.listen(address=OTHER)
    page.fall_silent()
    assert page.row() is None
    assert other.row().address == OTHER
