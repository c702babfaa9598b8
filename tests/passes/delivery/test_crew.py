"""Several lanes at once: nobody waits for another merchant's campaign, or for a vendor that hangs.

Orders of events, not times: what hangs hangs until the test lets go of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest

from passes.cards.change import bump_many
from passes.delivery import claim, crew, deliver
from passes.store import Store
from passes.vault import Vault
from passes.wallet_port import Installation, PassContent, Reason, Receipt, WalletDown
from passes.work import Worker
from tests.passes.conftest import KEY, NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, NotedWallet, Post, delivered
from tests.passes.test_work import wait_until


@contextmanager
def working(store: Store, *wallets: NotedWallet) -> Iterator[Worker]:
    worker = Worker(store, {wallet.kind: wallet for wallet in wallets}, BASE_URL, lambda: NOON)
    thread = worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


class Hanging:
    """A vendor that hangs for some merchants until the test lets go."""

    def __init__(self, *merchants: str) -> None:
        self.merchants = merchants
        self.let_go = Event()
        self.hanging: list[str] = []

    def __call__(self, content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.merchant in self.merchants and not self.let_go.is_set():
            self.hanging.append(content.merchant)
            self.let_go.wait(60)
        return delivered(content, places)


def handed_out(shop: Shop, wallet: NotedWallet, number: int) -> list[Any]:
    template = shop.template()
    made = [shop.card(template) for _ in range(number)]
    for card in made:
        Post(shop.store, wallet).hand_out(shop, card, "phone")
    return made


def merchants_told(wallet: NotedWallet, shop: Shop, cards: list[Any]) -> bool:
    return all(Post(shop.store, wallet).row(shop, card).delivered_version > 1 for card in cards)


def test_a_vendor_that_hangs_for_one_merchant_holds_nobody_else_up(
    alma: Shop, bruno: Shop, noted: NotedWallet
) -> None:
    of_alma, of_bruno = handed_out(alma, noted, 30), handed_out(bruno, noted, 2)
    noted.answer = hanging = Hanging("Alma")
    with working(alma.store, noted):
        for card in of_alma:
            alma.post(card, "add-visits", 1)
        wait_until(lambda: hanging.hanging)
        bruno.post(of_bruno[0], "add-visits", 1)
        wait_until(lambda: merchants_told(noted, bruno, of_bruno[:1]))
        bruno.post(of_bruno[1], "add-visits", 1)
        wait_until(lambda: merchants_told(noted, bruno, of_bruno[1:]))
        assert not merchants_told(noted, alma, of_alma[:1])
        hanging.let_go.set()
        wait_until(lambda: merchants_told(noted, alma, of_alma))


def test_more_vendors_hanging_than_there_are_places_still_let_a_stamp_through(
    alma: Shop, bruno: Shop, noted: NotedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that takes long does not count any more."""
    monkeypatch.setattr(crew, "AT_ONCE", {"sqlite": 2, "postgresql": 2})
    monkeypatch.setattr(crew, "SLOW", 0.2)
    others = [NotedWallet(f"other{number}") for number in range(3)]
    hanging = Hanging("Alma")
    [of_bruno] = handed_out(bruno, noted, 1)
    for wallet in (noted, *others):
        wallet.answer = hanging
        for card in handed_out(alma, wallet, 2):
            alma.post(card, "add-visits", 1)
    with working(alma.store, noted, *others):
        wait_until(lambda: len(hanging.hanging) >= 4)  # all four wallets of Alma's
        bruno.post(of_bruno, "add-visits", 1)
        wait_until(lambda: merchants_told(noted, bruno, [of_bruno]))
        hanging.let_go.set()


def test_a_merchants_own_stamp_overtakes_its_campaign(alma: Shop, noted: NotedWallet) -> None:
    campaign, [till] = handed_out(alma, noted, 40), handed_out(alma, noted, 1)
    let_go, begun = Event(), Event()

    def slow_for_campaign(
        content: PassContent, places: Sequence[Installation]
    ) -> Sequence[Receipt]:
        if noted.pushes[-1].reason is Reason.CONTENT:
            begun.set()
            let_go.wait(60)
        return delivered(content, places)

    noted.answer = slow_for_campaign
    with working(alma.store, noted):
        with alma.write() as session:
            bump_many(session, campaign, Reason.CONTENT, NOON)
        wait_until(begun.is_set)
        alma.post(till, "add-visits", 1)
        wait_until(lambda: merchants_told(noted, alma, [till]))
        assert not merchants_told(noted, alma, campaign[:1])
        let_go.set()
        wait_until(lambda: merchants_told(noted, alma, campaign))


def test_one_merchant_alone_gets_several_batches_at_once(
    alma: Shop, noted: NotedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "FIRST_BATCH", 3)
    monkeypatch.setattr(crew, "SMALLEST_BATCH", 3)
    cards = handed_out(alma, noted, 12)
    for card in cards:
        alma.post(card, "add-visits", 1)
    noted.answer = hanging = Hanging("Alma")
    with working(alma.store, noted):
        wait_until(lambda: len(hanging.hanging) >= 3)  # three batches stand side by side
        hanging.let_go.set()
        wait_until(lambda: merchants_told(noted, alma, cards))
    assert Counter(push.serial for push in noted.pushes).most_common(1)[0][1] == 1


def test_two_workers_share_the_work_without_doubles(
    alma: Shop, bruno: Shop, noted: NotedWallet, database_url: str
) -> None:
    second = Store(database_url, Vault([KEY]))
    made = {shop.merchant_id: handed_out(shop, noted, 60) for shop in (alma, bruno)}
    for shop in (alma, bruno):
        for card in made[shop.merchant_id]:
            shop.post(card, "add-visits", 1)
    with working(alma.store, noted), working(second, noted):
        wait_until(
            lambda: all(
                merchants_told(noted, shop, made[shop.merchant_id]) for shop in (alma, bruno)
            )
        )
    second.close()
    pushed = Counter(push.serial for push in noted.pushes)
    assert (len(pushed), set(pushed.values())) == (120, {1})


def test_trouble_in_a_batch_is_not_the_workers_end(
    alma: Shop, noted: NotedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    [card] = handed_out(alma, noted, 1)
    alma.post(card, "add-visits", 1)
    monkeypatch.setattr(crew, "SLOW", 0.05)
    original, tries = deliver.deliver, []

    def fail_twice(*arguments: Any, **options: Any) -> int:
        tries.append(arguments)
        if len(tries) <= 2:
            raise OSError("the database is away")
        return original(*arguments, **options)

    monkeypatch.setattr(deliver, "deliver", fail_twice)
    with working(alma.store, noted):
        wait_until(lambda: merchants_told(noted, alma, [card]))


def test_a_paused_merchant_costs_no_place(
    alma: Shop, bruno: Shop, noted: NotedWallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "PROBE", 1)
    of_alma, [of_bruno] = handed_out(alma, noted, 5), handed_out(bruno, noted, 1)

    def down_for_alma(content: PassContent, places: Sequence[Installation]) -> Sequence[Receipt]:
        if content.merchant == "Alma":
            raise WalletDown("no connection", retry_after=600)
        return delivered(content, places)

    noted.answer = down_for_alma
    for card in of_alma:
        alma.post(card, "add-visits", 1)
    with working(alma.store, noted):
        wait_until(lambda: len(noted.pushes) >= 5)
        bruno.post(of_bruno, "add-visits", 1)
        wait_until(lambda: merchants_told(noted, bruno, [of_bruno]))
    assert len(noted.pushes) == 6  # Alma's were asked once, and then left alone
