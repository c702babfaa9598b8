"""What devices were told and what they took: nothing is missed, whatever order changes come in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from passes.cards import cards, fetches, installations, links
from passes.cards.models import Card, Delivery, Installation
from passes.delivery.issuer import DomainIssuer
from passes.delivery.offers import handed_out
from passes.ledger.book import Posting
from passes.ledger.post import post
from passes.merchants import merchants
from passes.merchants.merchants import business
from passes.store import Store
from passes.vault import Vault
from tests.conftest import statements_of
from tests.passes.conftest import KEY, NOON, TILL, Shop, only_postgresql, only_sqlite

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def secret_of(shop: Shop, card: UUID) -> str:
    with shop.read() as session:
        return links.wallet_secret(business(session).token_key, card)


@dataclass
class Office:
    """An Issuer whose clock a test moves, and a look at what it recorded."""

    store: Store
    now: datetime = NOON
    serials: dict[UUID, str] = field(default_factory=dict)

    @property
    def issuer(self) -> DomainIssuer:
        return DomainIssuer(self.store, "https://treuepass.example", lambda: self.now)

    def card(self, shop: Shop, *devices: str) -> UUID:
        made = shop.card()
        with shop.read() as session:
            self.serials[made] = cards.get(session, made).serial_number
        for device in devices:
            self.issuer.installed("noted", self.serials[made], device, {})
        return made

    def change(self, shop: Shop, card: UUID) -> None:
        self.now += MINUTE
        shop.post(card, "add-visits", 1, self.now)

    def ask(self, device: str, tag: str | None) -> tuple[set[UUID], str]:
        changes = self.issuer.changed_since("noted", device, tag)
        known = {serial: card for card, serial in self.serials.items()}
        assert len(set(changes.serials)) == len(changes.serials)
        return {known[serial] for serial in changes.serials}, changes.tag

    def fetch(self, shop: Shop, card: UUID) -> None:
        facts = self.issuer.facts("noted", self.serials[card], secret_of(shop, card))
        self.issuer.fetched("noted", facts, facts.version)

    def rows(self, card: UUID) -> dict[str, Installation]:
        with self.store.read_all() as session:
            found = session.scalars(select(Installation).where(Installation.card_id == card))
            return {row.device: row for row in found}

    def fetched(self, card: UUID) -> dict[str, int]:
        return {device: row.fetched_version for device, row in self.rows(card).items()}

    @contextmanager
    def writes(self) -> Iterator[list[str]]:
        """The statements within the block that change something."""
        writing: list[str] = []
        with statements_of(self.store) as seen:
            yield writing
        writing += [
            each for each in seen if each.split(maxsplit=1)[0] in {"UPDATE", "INSERT", "DELETE"}
        ]


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


@pytest.fixture
def desk(sqlite_store: Store) -> Office:
    """Where the database does not matter."""
    return Office(sqlite_store)


# --- tags that are committed out of order --------------------------------------------------------


@only_postgresql
def test_design_5_6_a_change_that_is_committed_late_is_not_missed(
    office: Office, alma: Shop
) -> None:
    slow, fast = office.card(alma, "phone"), office.card(alma, "phone")
    _, tag = office.ask("phone", None)
    with alma.write() as first:
        post(first, str(slow), Posting("add-visits", 1), TILL, NOON + MINUTE)  # takes its tag
        office.change(alma, fast)  # takes the next one, and is committed
        named, later = office.ask("phone", tag)
        assert named == {fast}
        office.fetch(alma, fast)
    with alma.read() as session:
        assert cards.get(session, slow).change_tag < cards.get(session, fast).change_tag
        assert cards.get(session, slow).change_tag <= int(later)
    named, last = office.ask("phone", later)
    assert named == {slow}
    assert int(last) > int(later)
    office.fetch(alma, slow)
    assert office.ask("phone", last) == (set(), last)


@only_sqlite
def test_design_5_6_an_older_tag_that_appears_late_is_not_missed(
    office: Office, alma: Shop
) -> None:
    """SQLite has one writer, so the order is made by hand."""
    slow, fast = office.card(alma, "phone"), office.card(alma, "phone")
    office.change(alma, fast)
    _, tag = office.ask("phone", None)
    office.fetch(alma, fast)
    office.fetch(alma, slow)
    office.change(alma, slow)
    with alma.write() as session:
        own = (Card.merchant_id == alma.merchant_id, Card.id == slow)
        session.execute(update(Card).where(*own).values(change_tag=1))
    named, last = office.ask("phone", tag)
    assert named == {slow}
    assert int(last) > int(tag)
    office.fetch(alma, slow)
    assert office.ask("phone", last) == (set(), last)


def test_what_is_not_fetched_is_named_again_under_a_newer_tag(desk: Office, shop: Shop) -> None:
    card = desk.card(shop, "phone")
    _, tag = desk.ask("phone", None)
    desk.fetch(shop, card)
    desk.change(shop, card)
    for _ in range(3):
        named, newer = desk.ask("phone", tag)
        assert named == {card}
        assert int(newer) > int(tag)
        tag = newer
    desk.change(shop, card)  # its tag may be below what the device was given by now
    assert desk.ask("phone", tag)[0] == {card}
    desk.fetch(shop, card)
    assert desk.ask("phone", desk.ask("phone", tag)[1])[0] == set()


moves = st.lists(
    st.tuples(
        st.sampled_from(["change", "list", "fetch", "skip"]),
        st.sampled_from(["phone", "watch"]),
        st.integers(0, 1),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def migrated(_sqlite_master: Path) -> Path:
    """An empty database; each example copies it."""
    return _sqlite_master


@settings(max_examples=25, deadline=None)
@given(moves=moves)
def test_a_device_that_does_as_it_is_told_ends_at_the_newest_version(
    tmp_path_factory: pytest.TempPathFactory,
    migrated: Path,
    moves: list[tuple[str, str, int]],
) -> None:
    """Whatever it skipped before, and in whatever order tags appeared ("skip" turns one back)."""
    file = tmp_path_factory.mktemp("one") / "treuepass.db"
    shutil.copy(migrated, file)
    store = Store(f"sqlite:///{file}", Vault([KEY]))
    shop = Shop(store, merchants.set_up(store, name="One", now=NOON))
    office = Office(store)
    made = [office.card(shop, "phone", "watch") for _ in range(2)]
    tags: dict[str, str | None] = {"phone": None, "watch": None}
    held = {(device, card): 1 for device in tags for card in made}

    def newest(card: UUID) -> int:
        with shop.read() as session:
            return cards.get(session, card).version

    def sync(device: str) -> None:
        named, tags[device] = office.ask(device, tags[device])
        for card in named:
            held[device, card] = newest(card)
            office.fetch(shop, card)

    for move, device, number in moves:
        card = made[number]
        if move == "change":
            office.change(shop, card)
        elif move == "skip":
            office.change(shop, card)
            with shop.write() as session:
                own = (Card.merchant_id == shop.merchant_id, Card.id == card)
                session.execute(update(Card).where(*own).values(change_tag=1))
        elif move == "list":
            sync(device)
        else:
            office.fetch(shop, card)  # somebody pulled at the card: nobody knows who
    for device in tags:
        sync(device)
    assert held == {(device, card): newest(card) for device in tags for card in made}
    store.close()


# --- whose fetch it was --------------------------------------------------------------------------


def test_a_fetch_counts_for_the_only_device(office: Office, alma: Shop, bruno: Shop) -> None:
    card, other = office.card(alma, "phone"), office.card(bruno, "phone")
    for shop, each in ((alma, card), (bruno, other)):
        office.change(shop, each)
    office.fetch(alma, card)
    assert office.fetched(card) == {"phone": 2}
    assert office.fetched(other) == {"phone": 1}
    row = office.rows(card)["phone"]
    assert (row.fetched_at, row.last_seen_at) == (office.now, office.now)


def test_of_several_a_fetch_counts_for_those_that_were_told(office: Office, alma: Shop) -> None:
    card = office.card(alma, "phone", "watch")
    office.change(alma, card)
    office.fetch(alma, card)
    assert office.fetched(card) == {"phone": 1, "watch": 1}
    office.ask("phone", None)
    office.fetch(alma, card)
    assert office.fetched(card) == {"phone": 2, "watch": 1}
    assert office.ask("watch", str(10**12))[0] == {card}
    office.fetch(alma, card)
    assert office.fetched(card) == {"phone": 2, "watch": 2}


def test_nobody_is_taken_to_have_more_than_they_were_told(desk: Office, shop: Shop) -> None:
    card = desk.card(shop, "phone", "watch")
    desk.change(shop, card)
    desk.ask("phone", None)
    desk.change(shop, card)
    desk.ask("watch", None)
    desk.fetch(shop, card)
    assert desk.fetched(card) == {"phone": 2, "watch": 3}


def test_a_fetch_makes_a_device_good_again(office: Office, alma: Shop) -> None:
    card = office.card(alma, "phone")
    with alma.write() as session:
        own = Installation.merchant_id == alma.merchant_id
        session.execute(update(Installation).where(own).values(unanswered_pushes=4, stale=True))
    office.fetch(alma, card)
    row = office.rows(card)["phone"]
    assert (row.unanswered_pushes, row.stale) == (0, False)


def test_what_says_nothing_new_writes_nothing(office: Office, alma: Shop) -> None:
    card = office.card(alma, "phone")
    office.change(alma, card)
    _, tag = office.ask("phone", None)
    office.fetch(alma, card)
    facts = office.issuer.facts("noted", office.serials[card], secret_of(alma, card))
    assert not facts.fetch_is_news
    with office.writes() as written:
        office.ask("phone", tag)
        office.ask("phone", None)
        office.fetch(alma, card)
    assert written == []
    office.now += fetches.ANOTHER_SIGN_OF_LIFE
    with office.writes() as written:
        office.fetch(alma, card)
    assert len(written) == 1


# --- a pass that was on its way ------------------------------------------------------------------


def downloaded(office: Office, shop: Shop, card: UUID) -> None:
    with shop.write() as session:
        row = cards.get(session, card, locked=True)
        handed_out(session, row, "noted", row.version, office.now)


def due(office: Office, card: UUID) -> bool:
    with office.store.read_all() as session:
        [row] = session.scalars(select(Delivery).where(Delivery.card_id == card))
        return row.due_at is not None


def settled(shop: Shop) -> None:
    """The worker has been round, and had nobody to tell."""
    with shop.write() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.merchant_id == shop.merchant_id)
            .values(due_at=None, delivered_version=Delivery.wanted_version)
        )


def test_a_change_between_download_and_registration_is_told(office: Office, alma: Shop) -> None:
    card = office.card(alma)
    downloaded(office, alma, card)
    office.change(alma, card)
    settled(alma)
    office.now += MINUTE
    office.issuer.installed("noted", office.serials[card], "phone", {})
    assert due(office, card)
    assert office.ask("phone", str(10**12))[0] == {card}


def test_a_pass_that_can_only_be_the_newest_is_not_told_of(office: Office, alma: Shop) -> None:
    card = office.card(alma)
    office.change(alma, card)
    office.now += MINUTE
    downloaded(office, alma, card)
    settled(alma)
    office.issuer.installed("noted", office.serials[card], "phone", {})
    assert not due(office, card)
    assert office.fetched(card) == {"phone": 2}
    office.now += MINUTE
    office.issuer.installed("noted", office.serials[card], "watch", {})  # it has it from the phone
    assert not due(office, card)
    assert office.ask("watch", str(10**12))[0] == set()


def test_an_installation_that_comes_back_begins_anew(office: Office, alma: Shop) -> None:
    card = office.card(alma, "phone")
    office.change(alma, card)
    office.ask("phone", None)
    office.fetch(alma, card)
    office.now += MINUTE
    office.issuer.removed("noted", office.serials[card], "phone")
    office.change(alma, card)
    office.now += MINUTE
    office.issuer.installed("noted", office.serials[card], "phone", {})
    row = office.rows(card)["phone"]
    assert (row.told_version, row.fetched_version, row.fetched_at) == (0, 0, None)


# --- devices that seem to be gone ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("pushes", "days", "stale"), [(3, 14, True), (2, 14, False), (3, 13, False), (9, 60, True)]
)
def test_R_INST_4_three_pushes_and_fourteen_days_without_a_fetch(
    office: Office, alma: Shop, bruno: Shop, pushes: int, days: int, stale: bool
) -> None:
    card, other = office.card(alma, "phone"), office.card(bruno, "phone")
    for shop in (alma, bruno):
        with shop.write() as session:
            own = Installation.merchant_id == shop.merchant_id
            session.execute(update(Installation).where(own).values(unanswered_pushes=pushes))
    with alma.write() as session:
        assert fetches.mark_stale(session, "noted", NOON + days * DAY) == stale
        assert fetches.mark_stale(session, "other", NOON + days * DAY) == 0
    assert office.rows(card)["phone"].stale is stale
    assert office.rows(card)["phone"].status == "active"
    assert office.rows(other)["phone"].stale is False


def test_R_INST_4_a_device_that_says_again_that_it_has_the_card_is_there(
    desk: Office, shop: Shop
) -> None:
    card = desk.card(shop, "phone")
    with shop.write() as session:
        own = Installation.merchant_id == shop.merchant_id
        session.execute(update(Installation).where(own).values(unanswered_pushes=5))
        row = cards.get(session, card, locked=True)
        installations.install(session, row, "noted", "phone", {}, NOON + 10 * DAY)
        assert fetches.mark_stale(session, "noted", NOON + 15 * DAY) == 0
