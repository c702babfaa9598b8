"""Push services that know an address no more: the push is done, the address forgotten (D.7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from passes.cards import cards, installations, listeners
from passes.cards.models import Installation
from passes.delivery.stale import UNSEEN, end_unreachable
from passes.wallet_port import Installation as Place
from passes.wallet_port import Outcome, PassContent, Receipt
from passes.work import tidy
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import Post, seconds

DAY = timedelta(days=1)


def listen(shop: Shop, card_id: UUID, device: str) -> None:
    with shop.write() as session:
        card = cards.get(session, card_id, locked=True)
        listeners.listen(session, card, "noted", device, {"address": f"of {device}"}, NOON)


def places(shop: Shop, card_id: UUID) -> dict[str, tuple[str, dict[str, str]]]:
    with shop.read() as session:
        rows = cards.installations_of(session, card_id)
        return {row.device: (row.status, row.address) for row in rows}


def see(shop: Shop, card_id: UUID, device: str, at: datetime, **address: str) -> None:
    with shop.write() as session:
        card = cards.get(session, card_id, locked=True)
        installations.install(session, card, "noted", device, address, at)


def gone_are(*devices: str):
    def answer(content: PassContent, to: Sequence[Place]) -> list[Receipt]:
        lost = Outcome.UNREACHABLE
        return [Receipt(lost if each.device in devices else Outcome.DELIVERED) for each in to]

    return answer


def test_listeners_are_told_like_installations(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    listen(alma, card, "tab")
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    assert office.work(NOON + seconds(60)) == 1
    assert [push.devices for push in office.wallet.pushes] == [("app", "tab")]
    assert office.events(alma, card, "delivered")[0]["devices"] == 2
    with alma.read() as session:
        rows = cards.installations_of(session, card)
    assert [row.pushed_at for row in rows] == [NOON + seconds(60)] * 2


def test_D_7_1_a_device_that_nothing_reaches_is_done_and_its_address_forgotten(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    card, foreign = alma.card(), bruno.card()
    for shop, each in ((alma, card), (bruno, foreign)):
        office.hand_out(shop, each, "app", "other")
        listen(shop, each, "tab")
    office.wallet.answer = gone_are("app", "tab")
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    office.work(NOON + seconds(60))
    assert places(alma, card) == {
        "app": ("active", {}),
        "other": ("active", {"address": "of other"}),
    }
    assert set(places(bruno, foreign)) == {"app", "other", "tab"}
    row = office.row(alma, card)
    assert (row.delivered_version, row.due_at, row.last_error) == (2, None, None)
    assert office.card(alma, card).status == "installed"
    assert office.events(alma, card, "delivered")[0]["devices"] == 1
    assert office.events(alma, card, "uninstalled") == []


def test_a_delivery_whose_only_device_is_unreachable_is_done(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    office.wallet.answer = gone_are("app")
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    office.work(NOON + seconds(60))
    row = office.row(alma, card)
    assert (row.delivered_version, row.due_at, row.dead_at, row.attempts) == (2, None, None, 0)
    assert office.events(alma, card, "delivery_failed") == []
    assert office.events(alma, card, "delivered") == []


def test_an_address_shown_while_the_push_was_on_its_way_stays(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")

    def answer(content: PassContent, to: Sequence[Place]) -> list[Receipt]:
        see(alma, card, "app", NOON + seconds(61), address="new")
        return [Receipt(Outcome.UNREACHABLE) for _ in to]

    office.wallet.answer = answer
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    office.work(NOON + seconds(60))
    assert places(alma, card) == {"app": ("active", {"address": "new"})}


def test_several_cards_lose_devices_in_one_batch(alma: Shop, office: Post) -> None:
    held = [alma.card() for _ in range(3)]
    for card in held:
        office.hand_out(alma, card, "app", "second")
        alma.post(card, "add-visits", 1, NOON + seconds(60))
    office.wallet.answer = gone_are("app")
    assert office.work(NOON + seconds(60)) == 3
    for card in held:
        assert places(alma, card) == {
            "app": ("active", {}),
            "second": ("active", {"address": "of second"}),
        }


def lose(office: Post, shop: Shop, card: UUID) -> None:
    office.wallet.answer = gone_are("app")
    shop.post(card, "add-visits", 1, NOON + seconds(60))
    office.work(NOON + seconds(60))


def test_D_7_1_after_30_days_without_a_start_the_installation_ends(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    card, foreign = alma.card(), bruno.card()
    for shop, each in ((alma, card), (bruno, foreign)):
        office.hand_out(shop, each, "app")
        lose(office, shop, each)
    assert end_unreachable(office.store, alma.merchant_id, NOON + UNSEEN - seconds(1)) == 0
    assert end_unreachable(office.store, alma.merchant_id, NOON + UNSEEN) == 1
    assert end_unreachable(office.store, alma.merchant_id, NOON + UNSEEN) == 0
    gone, stays = office.card(alma, card), office.card(bruno, foreign)
    assert (gone.status, gone.status_cause) == ("deleted", "customer")
    assert gone.last_removed_at == NOON + UNSEEN
    assert office.events(alma, card, "removed")[0]["remaining"] == 0
    assert stays.status == "installed"


def test_D_7_1_a_start_in_between_counts_the_30_days_anew(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    lose(office, alma, card)
    see(alma, card, "app", NOON + 10 * DAY)
    assert end_unreachable(office.store, alma.merchant_id, NOON + 39 * DAY) == 0
    assert end_unreachable(office.store, alma.merchant_id, NOON + 40 * DAY) == 1


def test_D_7_1_a_new_address_revives_it(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    lose(office, alma, card)
    see(alma, card, "app", NOON + 10 * DAY, address="new")
    assert end_unreachable(office.store, alma.merchant_id, NOON + 400 * DAY) == 0
    assert office.card(alma, card).status == "installed"


def test_who_never_had_an_address_does_not_end(alma: Shop, office: Post) -> None:
    card = alma.card()
    with alma.write() as session:
        installations.install(
            session, cards.get(session, card, locked=True), "noted", "app", {}, NOON
        )
    assert end_unreachable(office.store, alma.merchant_id, NOON + 400 * DAY) == 0
    with alma.read() as session:
        row = session.get(Installation, (alma.merchant_id, card, "noted", "app"))
    assert (row.status, row.unreachable_since) == ("active", None)


def test_another_device_on_an_old_card_is_no_news_to_the_others(alma: Shop, office: Post) -> None:
    """The wallet is told once more, since the pass may be an old one; but silently."""
    card = alma.card()
    office.hand_out(alma, card, "app")
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    office.work(NOON + seconds(60))
    see(alma, card, "second", NOON + DAY)
    office.work(NOON + DAY)
    assert [push.reason.value for push in office.wallet.pushes] == ["balance", "content"]


def test_a_change_that_waits_stays_as_loud_as_it_was(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    alma.post(card, "add-visits", 1, NOON + seconds(60))
    see(alma, card, "second", NOON + seconds(61))
    office.work(NOON + seconds(62))
    assert [push.reason.value for push in office.wallet.pushes] == ["balance"]


def test_the_worker_ends_what_cannot_be_reached(alma: Shop, office: Post) -> None:
    card = alma.card()
    office.hand_out(alma, card, "app")
    lose(office, alma, card)
    tidy(office.store, NOON + UNSEEN - seconds(1))
    assert office.card(alma, card).status == "installed"
    tidy(office.store, NOON + UNSEEN)
    assert office.card(alma, card).status == "deleted"
