"""A vendor that refuses a merchant as a whole: that wallet pauses, everything else goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from passes.cards.models import WalletPause
from passes.delivery.claim import PROBE
from passes.delivery.lanes import look
from passes.delivery.pauses import LONGEST_PAUSE, PROBE_LEASE, pauses, revive
from passes.wallet_port import (
    ContentRefused,
    Installation,
    Outcome,
    PassContent,
    Receipt,
    WalletDown,
    WalletError,
    WalletMisconfigured,
)
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import NotedWallet, Post, delivered, seconds

DAY = timedelta(days=1)


def broken(error: WalletError, merchant: str = "") -> Any:
    """Raises for this merchant's cards (everybody's when empty) and delivers the others."""

    def answer(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if merchant in {"", content.merchant}:
            raise error
        return delivered(content, places)

    return answer


def due_cards(shop: Shop, office: Post, number: int = 1) -> list[Any]:
    template = shop.template()
    cards = [shop.card(template) for _ in range(number)]
    for card in cards:
        office.hand_out(shop, card, "phone")
        shop.post(card, "add-visits", 1, NOON)
    return cards


def paused(shop: Shop) -> list[WalletPause]:
    with shop.read() as session:
        return list(pauses(session))


def versions(shop: Shop, office: Post, cards: list[Any]) -> list[int]:
    return [office.row(shop, card).delivered_version for card in cards]


def test_a_vendor_that_is_down_pauses_the_merchants_wallet(alma: Shop, office: Post) -> None:
    [card] = due_cards(alma, office)
    office.wallet.answer = broken(WalletDown("no connection", retry_after=120))
    office.work(NOON)
    [pause] = paused(alma)
    assert (pause.wallet, pause.since, pause.until) == ("noted", NOON, NOON + seconds(120))
    assert (pause.attempts, pause.sentence) == (1, "no connection")
    row = office.row(alma, card)
    assert (row.attempts, row.dead_at, row.last_error) == (0, None, "no connection")
    assert office.events(alma, card, "delivered") == []
    assert office.work(NOON + seconds(119.999)) == 0
    assert look(office.store, {"noted"}, NOON).next_at == NOON + seconds(120)
    office.wallet.answer = delivered
    assert office.work(NOON + seconds(120)) == 1
    assert paused(alma) == []
    assert versions(alma, office, [card]) == [2]


def test_others_go_on(alma: Shop, bruno: Shop, office: Post) -> None:
    """Neither another merchant nor another wallet of the same one notices."""
    [of_alma], [of_bruno] = due_cards(alma, office), due_cards(bruno, office)
    other = Post(office.store, NotedWallet("other"))
    other.hand_out(alma, of_alma, "tablet")
    alma.post(of_alma, "add-visits", 1, NOON)
    office.wallet.answer = broken(WalletDown("no connection"), "Alma")
    office.work(NOON)
    assert versions(bruno, office, [of_bruno]) == [2]
    assert paused(bruno) == []
    assert [pause.wallet for pause in paused(alma)] == ["noted"]
    bruno.post(of_bruno, "add-visits", 1, NOON + seconds(5))
    office.work(NOON + seconds(5))
    assert versions(bruno, office, [of_bruno]) == [3]
    assert other.work(NOON) == 1
    assert versions(alma, other, [of_alma]) == [3]


def test_after_a_pause_one_small_batch_probes(alma: Shop, office: Post) -> None:
    cards = due_cards(alma, office, PROBE + 5)
    office.wallet.answer = broken(WalletDown("no connection"))
    assert office.work(NOON) == PROBE + 5
    now, asked = NOON, []
    for attempts in range(1, 10):
        [pause] = paused(alma)
        assert pause.attempts == attempts
        asked.append((pause.until - now).total_seconds())
        now = pause.until
        assert office.work(now) == PROBE
    for number, wait in enumerate(asked):
        usual = min(2.0**number, LONGEST_PAUSE)
        assert 0.75 * usual <= wait <= 1.25 * usual
    now += seconds(2 * LONGEST_PAUSE)
    office.wallet.answer = delivered
    assert office.work(now) == PROBE
    assert paused(alma) == []
    assert office.work(now) == 5
    assert versions(alma, office, cards) == [2] * (PROBE + 5)


def test_a_probe_takes_others_than_the_one_before(alma: Shop, office: Post) -> None:
    """A card that a vendor always fails on cannot keep the pause up for ever."""
    due_cards(alma, office, PROBE + 1)
    office.wallet.answer = broken(WalletDown("no connection"))
    office.work(NOON)
    first = {push.serial for push in office.wallet.pushes}
    tried: set[str] = set()
    for _ in range(2):
        office.wallet.pushes.clear()
        office.work(paused(alma)[0].until)
        tried |= {push.serial for push in office.wallet.pushes}
    assert tried == first


def test_only_one_worker_probes_and_one_that_dies_is_followed(alma: Shop, office: Post) -> None:
    due_cards(alma, office, 3)
    office.wallet.answer = broken(WalletDown("no connection"))
    office.work(NOON)
    now = paused(alma)[0].until
    second = Post(office.store, NotedWallet())

    def die(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        assert second.work(now) == 0
        raise KeyboardInterrupt

    office.wallet.answer = die
    with pytest.raises(KeyboardInterrupt):
        office.work(now)
    assert second.work(now + PROBE_LEASE - seconds(0.001)) == 0
    assert second.work(now + PROBE_LEASE) == 3
    assert paused(alma) == []


def test_a_long_outage_loses_nothing(alma: Shop, office: Post) -> None:
    cards = due_cards(alma, office, 3)
    office.wallet.answer = broken(WalletDown("no connection"))
    for hour in range(0, 24 * 5, 3):
        office.work(NOON + timedelta(hours=hour))
    office.wallet.answer = delivered
    office.work(NOON + 6 * DAY)
    assert versions(alma, office, cards) == [2, 2, 2]


def test_wrong_credentials_burn_no_attempts_and_new_ones_bring_everything(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    cards = due_cards(alma, office, 2)
    with alma.write() as session:
        assert revive(session, "noted", NOON) == 0
    office.wallet.answer = broken(WalletMisconfigured("The certificate has expired."))
    now = NOON
    for _ in range(30):
        assert office.work(now) == 2
        now = paused(alma)[0].until
    assert paused(alma)[0].sentence == "The certificate has expired."
    assert [office.row(alma, card).attempts for card in cards] == [0, 0]
    assert [office.row(alma, card).dead_at for card in cards] == [None, None]
    with alma.write() as session:
        revive(session, "noted", now)
    assert paused(alma) == []
    office.wallet.answer = delivered
    assert office.work(now) == 2
    assert versions(alma, office, cards) == [2, 2]


def test_new_credentials_revive_what_was_given_up(alma: Shop, bruno: Shop, office: Post) -> None:
    [of_alma], [of_bruno] = due_cards(alma, office), due_cards(bruno, office)
    office.wallet.answer = broken(ContentRefused("the id is another issuer's"))
    office.work(NOON)
    assert office.row(alma, of_alma).dead_at == office.row(bruno, of_bruno).dead_at == NOON
    office.wallet.answer = delivered
    with alma.write() as session:
        assert revive(session, "other", NOON + DAY) == 0
        assert revive(session, "noted", NOON + DAY) == 1
    row = office.row(alma, of_alma)
    assert (row.due_at, row.dead_at, row.attempts) == (NOON + DAY, None, 0)
    assert office.work(NOON + DAY) == 1
    assert versions(alma, office, [of_alma]) == [2]
    assert office.row(bruno, of_bruno).dead_at == NOON


def test_where_others_get_through_it_is_the_cards_own_trouble(alma: Shop, office: Post) -> None:
    cards = due_cards(alma, office, 3)
    wrong = office.card(alma, cards[0]).serial_number

    def fail_for_one(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.serial == wrong:
            raise WalletDown("internal error")
        return delivered(content, places)

    office.wallet.answer = fail_for_one
    office.work(NOON)
    assert paused(alma) == []
    assert versions(alma, office, cards) == [1, 2, 2]
    row = office.row(alma, cards[0])
    assert (row.attempts, row.failing_since) == (1, NOON)


def test_answers_without_a_device_prove_nothing(alma: Shop, office: Post) -> None:
    """Nobody was asked for a card that is on no device; the next batch must probe again."""
    [on_phone] = due_cards(alma, office)
    nowhere = alma.card()
    office.hand_out(alma, nowhere)
    office.wallet.answer = broken(WalletDown("no connection"))
    office.work(NOON)
    until = paused(alma)[0].until
    alma.post(nowhere, "add-visits", 1, NOON)

    def only_to_devices(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if places:
            raise WalletDown("no connection")
        return []

    office.wallet.answer = only_to_devices
    office.work(until)
    assert versions(alma, office, [on_phone, nowhere]) == [1, 2]
    assert len(paused(alma)) == 1


def test_devices_that_are_busy_are_no_pause(alma: Shop, office: Post) -> None:
    due_cards(alma, office, 2)
    office.wallet.answer = lambda content, places: [Receipt(Outcome.LATER, "busy") for _ in places]
    office.work(NOON)
    assert paused(alma) == []
