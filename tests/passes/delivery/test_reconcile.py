"""Each night the vendor is asked who has which pass, because its events may get lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID

import pytest

from passes.card_templates.kinds import Kind
from passes.cards import cards
from passes.cards.models import Installation
from passes.delivery.offers import handed_out
from passes.delivery.reconcile import CHUNK, SETTLED, reconcile_due, reconcile_when_due
from passes.delivery.vendor_events import set_saved
from passes.merchants.accounts import keep_wallet_account
from passes.store import Store
from passes.wallet_port import Account, Reconciles, Style, WalletDown
from passes.work import Worker
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import BASE_URL, NotedWallet, Post

NIGHT = datetime.fromisoformat("2026-11-22T04:00:00+01:00")
"""The first one after the merchants of these tests were set up."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class KeepingWallet(NotedWallet):
    """Its vendor keeps the passes, and says who has them, by the name of the account."""

    users: dict[str, dict[str, bool]] = field(default_factory=dict)
    asked: list[tuple[str, Style, str]] = field(default_factory=list)
    down_after: int | None = None

    def held(
        self, template: str, style: Style, account: Account | None
    ) -> Iterator[tuple[str, bool]]:
        name = account.name if account else ""
        self.asked.append((template, style, name))
        for number, each in enumerate(self.users.get(name, {}).items()):
            if number == self.down_after:
                raise WalletDown("away")
            yield each


@pytest.fixture
def vendor() -> KeepingWallet:
    return KeepingWallet()


@pytest.fixture
def noted(vendor: KeepingWallet) -> NotedWallet:
    return vendor


def offered(post: Post, shop: Shop, card_id: UUID, *, saved: bool | None, now: datetime) -> str:
    """The card's serial number, once it was handed out and perhaps saved, or taken off again."""
    with shop.write() as session:
        card = cards.get(session, card_id, locked=True)
        handed_out(session, card, "noted", card.version, now)
        for each in () if saved is None else (True,) if saved else (True, False):
            set_saved(session, card, "noted", each, now)
        return card.serial_number


def asked_at(post: Post, shop: Shop, now: datetime) -> bool:
    assert isinstance(post.wallet, Reconciles)
    return reconcile_when_due(post.store, post.wallet, shop.merchant_id, now)


def statuses(post: Post, shop: Shop, ids: Sequence[UUID]) -> list[str]:
    return [post.card(shop, each).status for each in ids]


def test_R_INST_4_what_got_lost_is_made_good(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    template = alma.template()
    ids = [alma.card(template) for _ in range(6)]
    before = (True, True, False, None, None, True)
    serials = [
        offered(office, alma, each, saved=saved, now=NOON)
        for each, saved in zip(ids, before, strict=True)
    ]
    said = (True, False, True, True, False)  # of the last one the vendor says nothing
    vendor.users[""] = dict(zip(serials, said, strict=False)) | {"999999999999": True}
    assert asked_at(office, alma, NIGHT)
    assert statuses(office, alma, ids) == [
        "installed", "deleted", "installed", "installed", "not_installed", "installed",
    ]  # fmt: skip
    assert office.card(alma, ids[1]).status_cause == "customer"
    assert vendor.asked == [(template.id.hex, Style.BALANCE, "")]
    assert office.events(alma, ids[3], "installed") == [
        {"at": NIGHT - NOON, "additional": False, "reinstall": False}
    ]
    assert office.events(alma, ids[0], "removed") == []


def test_what_is_young_may_be_newer_than_the_list(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    ids = [alma.card() for _ in range(4)]
    moments = (NIGHT - SETTLED, NIGHT - SETTLED - timedelta(seconds=1)) * 2
    for number, (each, moment) in enumerate(zip(ids, moments, strict=True)):
        saved = number < 2
        serial = offered(office, alma, each, saved=saved, now=moment)
        vendor.users[""] = vendor.users.get("", {}) | {serial: not saved}
    asked_at(office, alma, NIGHT)
    assert statuses(office, alma, ids) == ["installed", "deleted", "deleted", "installed"]


def test_the_other_merchants_cards_are_let_be(
    alma: Shop, bruno: Shop, office: Post, vendor: KeepingWallet
) -> None:
    own, foreign = alma.card(), bruno.card()
    serials = [
        offered(office, shop, card, saved=True, now=NOON)
        for shop, card in ((alma, own), (bruno, foreign))
    ]
    vendor.users[""] = dict.fromkeys(serials, False)
    assert asked_at(office, alma, NIGHT)
    assert statuses(office, alma, [own]) + statuses(office, bruno, [foreign]) == [
        "deleted",
        "installed",
    ]


def test_each_design_that_was_handed_out_is_asked_for(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    styles = {
        Kind.MULTIPASS: Style.BALANCE,
        Kind.COUPON: Style.COUPON,
        Kind.MEMBERSHIP: Style.MEMBERSHIP,
    }
    designs = [(alma.template(kind), style) for kind, style in styles.items()]
    alma.card(alma.template(Kind.STAMP))
    for template, _ in designs:
        offered(office, alma, alma.card(template), saved=None, now=NOON)
    asked_at(office, alma, NIGHT)
    assert vendor.asked == [(template.id.hex, style, "") for template, style in designs]


def test_it_is_done_once_a_night(
    alma: Shop, bruno: Shop, office: Post, vendor: KeepingWallet
) -> None:
    for shop in (alma, bruno):
        offered(office, shop, shop.card(), saved=True, now=NOON)
    minute = timedelta(minutes=1)
    turns = [NOON, NIGHT - minute, NIGHT, NIGHT + minute, NIGHT + 20 * HOUR, NIGHT + DAY - minute]
    assert [asked_at(office, alma, each) for each in turns] == [
        False, False, True, False, False, False,
    ]  # fmt: skip
    assert asked_at(office, alma, NIGHT + DAY)
    assert asked_at(office, bruno, NIGHT + DAY)
    assert len(vendor.asked) == 3


def test_of_eight_workers_one_asks(alma: Shop, office: Post, vendor: KeepingWallet) -> None:
    offered(office, alma, alma.card(), saved=True, now=NOON)
    with ThreadPoolExecutor(8) as pool:
        turns = list(pool.map(lambda _: asked_at(office, alma, NIGHT), range(8)))
    assert sorted(turns) == [False] * 7 + [True]
    assert len(vendor.asked) == 1


def test_nobody_is_asked_about_cards_that_were_never_handed_out(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    alma.card()
    assert not asked_at(office, alma, NIGHT)
    assert vendor.asked == []


def test_a_pass_under_an_earlier_account_is_a_pass(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    """Whoever saved a card before the merchant changed its account has it all the same."""
    for number, name in enumerate(("old", "new")):
        with alma.write() as session:
            keep_wallet_account(session, "noted", name, "{}", NOON + number * HOUR)
    ids = [alma.card() for _ in range(4)]
    serials = [offered(office, alma, each, saved=True, now=NOON) for each in ids]
    vendor.users = {
        "new": dict(zip(serials, (False, True, False), strict=False)),
        "old": dict(zip(serials, (True, False, False), strict=False)),
    }
    assert asked_at(office, alma, NIGHT)
    assert statuses(office, alma, ids) == ["installed", "installed", "deleted", "installed"]
    assert office.events(alma, ids[0], "removed") == []
    assert {name for _, _, name in vendor.asked} == {"old", "new"}
    with alma.read() as session:
        row = session.get_one(Installation, (alma.merchant_id, ids[0], "noted", "noted"))
    assert row.last_seen_at == NIGHT


def test_trouble_ends_the_turn_until_the_next_night(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    template = alma.template()
    ids = [alma.card(template) for _ in range(2)]
    serials = [offered(office, alma, each, saved=True, now=NOON) for each in ids]
    vendor.users[""] = dict.fromkeys(serials, False)
    vendor.down_after = 1
    assert asked_at(office, alma, NIGHT)
    assert statuses(office, alma, ids) == ["installed", "installed"]
    vendor.down_after = None
    assert not asked_at(office, alma, NIGHT + HOUR)
    assert asked_at(office, alma, NIGHT + DAY)
    assert statuses(office, alma, ids) == ["deleted", "deleted"]


def test_a_list_is_worked_off_chunk_by_chunk(
    shop: Shop, post_office: Post, vendor: KeepingWallet
) -> None:
    """Never more than a chunk is in hand, and what was done before the vendor failed stays."""
    card = shop.card()
    serial = offered(post_office, shop, card, saved=True, now=NOON)
    others = {f"{number:012}": True for number in range(2 * CHUNK)}
    vendor.users[""] = {serial: False} | others
    vendor.down_after = CHUNK + 1
    asked_at(post_office, shop, NIGHT)
    assert statuses(post_office, shop, [card]) == ["deleted"]


def test_all_merchants_have_their_turn_unless_it_stops(
    alma: Shop, bruno: Shop, office: Post, store: Store, vendor: KeepingWallet
) -> None:
    for shop in (alma, bruno):
        offered(office, shop, shop.card(), saved=True, now=NOON)
    wallets = {"noted": office.wallet, "paper": NotedWallet("paper")}
    reconcile_due(store, wallets, lambda: NIGHT, lambda: False)
    assert vendor.asked == []
    reconcile_due(store, wallets, lambda: NIGHT)
    assert len(vendor.asked) == 2
    reconcile_due(store, wallets, lambda: NIGHT)
    assert len(vendor.asked) == 2


def test_the_worker_does_it_each_night(alma: Shop, office: Post, vendor: KeepingWallet) -> None:
    card = alma.card()
    serial = offered(office, alma, card, saved=True, now=NOON)
    vendor.users[""] = {serial: False}
    moment = NOON
    worker = Worker(office.store, {"noted": vendor}, BASE_URL, lambda: moment)
    worker.work_once()
    assert statuses(office, alma, [card]) == ["installed"]
    moment = NIGHT + HOUR
    worker.work_once()
    assert statuses(office, alma, [card]) == ["deleted"]


def test_a_vendor_that_hangs_keeps_a_running_worker_from_nothing(
    alma: Shop, office: Post, vendor: KeepingWallet
) -> None:
    card = alma.card()
    offered(office, alma, card, saved=True, now=NIGHT - HOUR)
    reached, goes_on = Event(), Event()

    def hangs(*_: object) -> Iterator[tuple[str, bool]]:
        reached.set()
        goes_on.wait(30)
        yield from ()

    vendor.held = hangs
    worker = Worker(office.store, {"noted": vendor}, BASE_URL, lambda: NIGHT)
    thread = worker.start()
    try:
        assert reached.wait(30)
        alma.post(card, "add-visits", 1, NIGHT)
        while not vendor.pushes:
            thread.join(0.01)
            assert thread.is_alive()
    finally:
        worker.stop()
        thread.join(30)
        stopped = not thread.is_alive()
        goes_on.set()
    assert stopped
