"""Where a card is installed, and what that makes of its status: the table of D.7.2."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from passes.cards import cards, installations
from passes.cards.models import Card, CardEvent, Delivery, Installation
from passes.delivery.offers import follow
from passes.errors import Conflict
from passes.merchants import merchants
from passes.store import Store
from passes.vault import Vault
from tests.passes.conftest import KEY, NOON, Shop

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Phone:
    """A card of a shop, and short ways to install and remove it; each moment is later."""

    def __init__(self, shop: Shop, *, channel: str = "link", **template: Any) -> None:
        self.shop = shop
        self.id = shop.card(shop.template(**template), channel=channel)
        self.now = NOON

    def _at(self, at: datetime | None) -> datetime:
        self.now += MINUTE
        return at or self.now

    def install(
        self,
        device: str = "phone",
        wallet: str = "apple",
        at: datetime | None = None,
        **address: str,
    ) -> bool:
        with self.shop.write() as session:
            card = cards.get(session, self.id, locked=True)
            return installations.install(
                session, card, wallet, device, address or {"token": "t"}, self._at(at)
            )

    def remove(
        self, device: str = "phone", wallet: str = "apple", at: datetime | None = None
    ) -> bool:
        with self.shop.write() as session:
            card = cards.get(session, self.id, locked=True)
            return installations.remove(session, card, wallet, device, self._at(at))

    def delete(self) -> None:
        with self.shop.write() as session:
            cards.delete(session, cards.get(session, self.id, locked=True), self._at(None))

    def restore(self) -> None:
        with self.shop.write() as session:
            cards.restore(session, cards.get(session, self.id, locked=True), self._at(None))

    @property
    def card(self) -> Card:
        with self.shop.read() as session:
            return session.get_one(Card, (self.shop.merchant_id, self.id))

    @property
    def status(self) -> str:
        card = self.card
        return f"{card.status} {card.status_cause or ''}".strip()

    @property
    def installations(self) -> dict[str, str]:
        with self.shop.read() as session:
            return {row.device: row.status for row in cards.installations_of(session, self.id)}

    def events(self, *types: str) -> list[tuple[str, dict[str, Any]]]:
        """Oldest first, of these types."""
        with self.shop.read() as session:
            rows = session.scalars(
                select(CardEvent)
                .where(
                    CardEvent.merchant_id == self.shop.merchant_id,
                    CardEvent.card_id == self.id,
                    CardEvent.type.in_(types),
                )
                .order_by(CardEvent.at, CardEvent.id)
            )
            return [(row.type, row.data) for row in rows]


# --- the table, row by row -----------------------------------------------------------------------


def test_D_7_2_first_installation(alma: Shop) -> None:
    phone = Phone(alma)
    assert phone.status == "not_installed"
    assert phone.install()
    card = phone.card
    assert phone.status == "installed"
    assert card.first_installed_at == card.last_installed_at == phone.now
    assert phone.events("installed") == [("installed", {"additional": False, "reinstall": False})]


def test_D_7_2_second_device(alma: Shop) -> None:
    phone = Phone(alma)
    phone.install()
    first = phone.card.issued_at
    assert phone.install("watch")
    assert phone.install("account", "google")
    assert phone.status == "installed"
    assert phone.card.issued_at == first
    assert (
        phone.events("installed")[1:]
        == [("installed", {"additional": True, "reinstall": False})] * 2
    )


def test_D_7_2_one_of_several_removed(alma: Shop) -> None:
    phone = Phone(alma)
    phone.install()
    phone.install("watch")
    assert phone.remove()
    assert phone.status == "installed"
    assert phone.installations == {"phone": "removed", "watch": "active"}
    assert phone.events("uninstalled", "removed") == [("uninstalled", {"remaining": 1})]


def test_D_7_2_last_one_removed(alma: Shop) -> None:
    phone = Phone(alma)
    alma.post(phone.id, "add-visits", 5)
    phone.install()
    assert phone.remove()
    card = phone.card
    assert phone.status == "deleted customer"
    assert card.last_removed_at == card.first_removed_at == phone.now
    assert card.available_visits == 5
    assert phone.events("uninstalled", "removed") == [("removed", {"remaining": 0})]


def test_D_7_2_active_again(alma: Shop) -> None:
    phone = Phone(alma)
    phone.install()
    issued_at = phone.card.issued_at
    phone.remove()
    assert phone.install()
    assert phone.status == "installed"
    assert phone.card.issued_at == issued_at
    assert phone.card.first_installed_at == issued_at
    assert phone.events("installed")[-1] == ("installed", {"additional": False, "reinstall": True})


@pytest.mark.parametrize("installed", [False, True])
def test_D_7_2_merchant_deletes_and_restores(alma: Shop, installed: bool) -> None:
    phone = Phone(alma)
    if installed:
        phone.install()
    with alma.write() as session:
        follow(session, phone.card, "apple", 1, NOON)
    version = phone.card.version
    phone.delete()
    assert phone.status == "deleted merchant"
    assert phone.card.version == version + 1
    phone.delete()  # nothing more to do
    assert phone.card.version == version + 1
    phone.restore()
    assert phone.status == ("installed" if installed else "not_installed")
    assert phone.card.version == version + 2
    with alma.read() as session:
        [delivery] = session.scalars(
            select(Delivery).where(Delivery.merchant_id == alma.merchant_id)
        )
    assert (delivery.wanted_version, delivery.reason) == (version + 2, "state")
    assert [name for name, _ in phone.events("deleted", "restored")] == ["deleted", "restored"]


def test_D_7_2_only_what_the_merchant_deleted_is_restored(shop: Shop) -> None:
    phone = Phone(shop)
    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            phone.restore()
        assert refusal.value.code == "NOT_DELETED"
        phone.install()
        phone.remove()


def test_D_7_2_the_merchant_may_delete_what_the_customer_removed(shop: Shop) -> None:
    phone = Phone(shop)
    phone.install()
    phone.remove()
    phone.delete()
    assert phone.status == "deleted merchant"
    phone.restore()
    assert phone.status == "not_installed"


def test_D_7_2_a_card_that_the_merchant_deleted_stays_deleted_wherever_it_goes(shop: Shop) -> None:
    phone = Phone(shop)
    phone.install()
    phone.delete()
    assert phone.install("watch")
    assert phone.remove()
    assert phone.remove("watch")
    assert phone.status == "deleted merchant"
    phone.install("tablet")
    phone.restore()
    assert phone.status == "installed"


# --- R-INST-1..3 ---------------------------------------------------------------------------------


def test_R_INST_1_a_repeated_event_refreshes_and_changes_nothing_else(shop: Shop) -> None:
    phone = Phone(shop)
    assert phone.install(token="one")
    assert not phone.install(token="two")
    assert not phone.remove("another phone")
    with shop.read() as session:
        [row] = cards.installations_of(session, phone.id)
    assert row.address == {"token": "two"}
    assert row.last_seen_at == NOON + 2 * MINUTE
    assert row.first_installed_at == NOON + MINUTE
    assert len(phone.events("installed", "removed", "uninstalled")) == 1
    assert phone.remove()
    assert not phone.remove()


def test_R_INST_3_an_older_removal_never_overrides_a_newer_installation(shop: Shop) -> None:
    phone = Phone(shop)
    phone.install(at=NOON + 5 * MINUTE)
    assert not phone.remove(at=NOON + 4 * MINUTE)
    # The phone says again that it holds the card, and is believed as for the first time.
    assert not phone.install(at=NOON + 20 * MINUTE)
    assert not phone.remove(at=NOON + 19 * MINUTE)
    assert phone.status == "installed"
    assert phone.remove(at=NOON + 21 * MINUTE)
    # And the other way round.
    assert not phone.install(at=NOON + 20 * MINUTE)
    assert phone.status == "deleted customer"


def test_dates_of_events_that_come_late_are_not_moved_back(shop: Shop) -> None:
    phone = Phone(shop)
    phone.install("phone", at=NOON + 50 * MINUTE)
    phone.install("watch", at=NOON + 40 * MINUTE)
    assert phone.card.last_installed_at == NOON + 50 * MINUTE
    phone.remove("phone", at=NOON + 70 * MINUTE)
    phone.remove("watch", at=NOON + 60 * MINUTE)
    card = phone.card
    assert card.first_removed_at == card.last_removed_at == NOON + 70 * MINUTE


actions = st.lists(
    st.tuples(
        st.sampled_from(["active", "removed"]),
        st.sampled_from(["phone", "watch"]),
        st.integers(0, 8),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture(scope="module")
def one_shop(_sqlite_master: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One database for all examples; each has a card of its own."""
    file = tmp_path_factory.mktemp("one") / "treuepass.db"
    shutil.copy(_sqlite_master, file)
    store = Store(f"sqlite:///{file}", Vault([KEY]))
    yield Shop(store, merchants.set_up(store, name="One", now=NOON))
    store.close()


@settings(max_examples=50, deadline=None)
@given(actions=actions)
def test_R_INST_3_the_newest_event_of_each_device_decides(
    one_shop: Shop, actions: list[tuple[str, str, int]]
) -> None:
    """In whatever order events arrive; of two at the same moment either may stand."""
    phone = Phone(one_shop)
    newest: dict[str, tuple[int, set[str]]] = {}
    with one_shop.write() as session:
        card = cards.get(session, phone.id, locked=True)
        for status, device, minutes in actions:
            at = NOON + minutes * MINUTE
            if status == "active":
                installations.install(session, card, "apple", device, {}, at)
            elif device in newest:
                installations.remove(session, card, "apple", device, at)
            else:
                continue  # nobody knows of it yet
            when, statuses = newest.get(device, (-1, set()))
            if minutes > when:
                newest[device] = (minutes, {status})
            elif minutes == when:
                statuses.add(status)
    found = phone.installations
    assert all(status in newest[device][1] for device, status in found.items())
    somewhere = "active" in found.values()
    assert phone.card.status == (
        "installed" if somewhere else "deleted" if found else "not_installed"
    )


# --- the issue date, and what follows from it ----------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "moves"),
    [("link", True), ("referral", True), ("manual", False), ("api", False), ("import", False)],
)
def test_AMB_09_a_card_from_a_link_counts_as_issued_when_it_is_first_installed(
    shop: Shop, channel: str, moves: bool
) -> None:
    phone = Phone(shop, channel=channel)
    phone.install(at=NOON + DAY)
    assert phone.card.issued_at == (NOON + DAY if moves else NOON)
    assert phone.card.enrolled_at == NOON
    phone.remove(at=NOON + 2 * DAY)
    phone.install(at=NOON + 3 * DAY)
    phone.install("watch", at=NOON + 4 * DAY)
    assert phone.card.issued_at == (NOON + DAY if moves else NOON)


@pytest.mark.parametrize("channel", ["link", "api"])
def test_D_8_1_the_days_after_issue_are_counted_anew_once(shop: Shop, channel: str) -> None:
    phone = Phone(shop, channel=channel, expiry={"kind": "days_after_issue", "days": 30})
    before = phone.card
    assert before.expires_at is not None
    with shop.write() as session:
        follow(session, before, "apple", before.version, NOON)
    phone.install(at=NOON + DAY)
    after = phone.card
    moved = channel == "link"
    assert after.expires_at == before.expires_at + (DAY if moved else 0 * DAY)
    # What the pass shows has changed, so it must be told.
    assert after.version == before.version + moved
    with shop.read() as session:
        [delivery] = session.scalars(
            select(Delivery).where(Delivery.merchant_id == shop.merchant_id)
        )
    assert delivery.wanted_version == after.version
    assert (delivery.due_at is not None) is moved
    phone.install("watch", at=NOON + 2 * DAY)
    assert phone.card.expires_at == after.expires_at
    assert phone.card.version == after.version


def test_R_EXP_2_a_date_set_by_hand_is_not_counted_anew(shop: Shop) -> None:
    phone = Phone(shop, expiry={"kind": "days_after_issue", "days": 30})
    with shop.write() as session:
        cards.set_expiry(session, cards.get(session, phone.id), NOON + 5 * DAY, NOON)
    phone.install(at=NOON + DAY)
    assert phone.card.expires_at == NOON + 5 * DAY


def test_an_address_is_the_wallets_own_and_shows_nowhere(shop: Shop) -> None:
    """It is kept for as long as the card is on the device."""
    phone = Phone(shop)

    def address() -> object:
        with shop.read() as session:
            own = Installation.merchant_id == shop.merchant_id
            return session.scalars(select(Installation.address).where(own)).one()

    phone.install("device-1", token="a secret of the device")
    assert address() == {"token": "a secret of the device"}
    phone.remove("device-1")
    assert address() == {}
    assert "device-1" not in repr(phone.events("installed", "removed"))
