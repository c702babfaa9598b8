"""A card that is seen with one look is drawn as any other."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import event, update

from passes.cards import cards, installations, links
from passes.content.at_once import draw_seen, look
from passes.content.draw import draw
from passes.merchants import merchants
from passes.merchants.accounts import keep_wallet_account
from passes.merchants.directory import Known
from passes.merchants.models import Merchant
from passes.store import Store
from passes.vault import Vault
from passes.wallet_port import PassContent
from tests.passes.conftest import KEY, NOON, Shop

BASE_URL = "https://treuepass.example"


def at_once(store: Store, serial: str, wallet: str = "noted") -> PassContent:
    with store.look_all() as connection:
        seen = look(connection, Known.SERIAL, serial, wallet)
    assert seen is not None
    return draw_seen(store, seen, BASE_URL, NOON)


def serial_of(shop: Shop, card_id: UUID) -> str:
    with shop.read() as session:
        return cards.get(session, card_id).serial_number


def as_usual(shop: Shop, card_id: UUID, wallet: str = "noted") -> PassContent:
    with shop.read() as session:
        return draw(session, cards.get(session, card_id), wallet, BASE_URL, NOON)


def test_it_shows_what_every_drawing_shows(alma: Shop, bruno: Shop) -> None:
    card_id, other = alma.card(opening={"available_visits": 3}), bruno.card()
    alma.post(card_id, "add-visits", 2)
    assert at_once(alma.store, serial_of(alma, card_id)) == as_usual(alma, card_id)
    for shop in (alma, bruno):
        with shop.write() as session:
            for number, name in enumerate(("first", "second", "third")):
                later = NOON + timedelta(minutes=number)
                keep_wallet_account(session, "noted", name, f"{shop.merchant_id} {name}", later)
            keep_wallet_account(session, "other", "another wallet's", "{}", NOON)
            for place in ("One", "Two"):
                merchants.add_location(session, name=place, now=NOON, latitude=1.0, longitude=2.0)
            for card in (card_id,) if shop is alma else (other,):
                row = cards.get(session, card, locked=True)
                for device in ("phone", "watch"):
                    installations.install(session, row, "noted", device, {}, NOON)
    for shop, card in ((alma, card_id), (bruno, other)):
        for wallet in ("noted", "other", "third"):
            seen = at_once(shop.store, serial_of(shop, card), wallet)
            assert seen == as_usual(shop, card, wallet)
        content = at_once(shop.store, serial_of(shop, card))
        assert [content.account and content.account.name] == ["third"]
        assert [each.name for each in content.earlier_accounts] == ["second", "first"]
        assert len(content.locations) == 2


def test_what_is_seen_of_a_card(alma: Shop) -> None:
    card_id = alma.card()
    serial = serial_of(alma, card_id)
    with alma.write() as session:
        row = cards.get(session, card_id, locked=True)
        for device in ("phone", "watch"):
            installations.install(session, row, "noted", device, {}, NOON)
        installations.remove(session, row, "noted", "watch", NOON)
    with alma.store.look_all() as connection:
        seen = look(connection, Known.SERIAL, serial, "noted")
        assert seen is not None
        assert [place.device for place in seen.installations] == ["phone"]
        assert seen.accounts == []
        elsewhere = look(connection, Known.SERIAL, serial, "other")
        assert elsewhere is not None
        assert elsewhere.installations == []
        assert look(connection, Known.SERIAL, "123456789012", "noted") is None
        assert look(connection, Known.INSTALL_TOKEN, serial, "noted") is None
        assert look(connection, Known.SERIAL, "\x00", "noted") is None


def test_another_process_sees_a_new_name_at_once(alma: Shop, database_url: str) -> None:
    serial = serial_of(alma, alma.card())
    with_its_own = Store(database_url, Vault([KEY]))
    assert at_once(with_its_own, serial).merchant == "Alma"
    with alma.write() as session:
        session.execute(
            update(Merchant).where(Merchant.id == alma.merchant_id).values(name="Alma & Co.")
        )
    assert at_once(with_its_own, serial).merchant == "Alma & Co."
    with_its_own.close()


def test_a_known_design_needs_no_session(shop: Shop) -> None:
    card_id = shop.card()
    serial = serial_of(shop, card_id)
    at_once(shop.store, serial)
    asked: list[str] = []
    event.listen(
        shop.store._reading, "before_cursor_execute", lambda *about: asked.append(about[2])
    )
    content = at_once(shop.store, serial)
    assert len(asked) == 1, "the prepared one"
    with shop.read() as session:
        key = merchants.business(session).token_key
    assert content.secret == links.wallet_secret(key, card_id)
