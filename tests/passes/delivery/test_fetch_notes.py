"""Notes of fetches: none is lost but with the process, and nobody waits for them."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from textwrap import dedent

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from passes.cards import cards, installations
from passes.cards.fetches import Fetched, Place
from passes.cards.models import Installation
from passes.delivery.fetch_notes import FetchNotes
from passes.store import Store
from tests.passes.conftest import KEY, NOON, Shop, only_sqlite

MINUTE = timedelta(minutes=1)


def on_phones(shop: Shop, number: int) -> list[Place]:
    """As many cards, each on a phone."""
    template, places = shop.template(), []
    for count in range(number):
        card_id = shop.card(template)
        with shop.write() as session:
            row = cards.get(session, card_id, locked=True)
            installations.install(session, row, "noted", f"phone-{count}", {}, NOON)
        places.append(Place(shop.merchant_id, card_id, "noted", f"phone-{count}"))
    return places


def written(store: Store) -> dict[str, int]:
    with store.read_all() as session:
        rows = session.scalars(select(Installation))
        return {row.device: row.fetched_version for row in rows}


def test_the_first_is_written_at_once_and_all_in_the_end(alma: Shop, bruno: Shop) -> None:
    places = [*on_phones(alma, 6), *on_phones(bruno, 1)]
    notes = FetchNotes(alma.store)
    notes.add([Fetched(places[0], 5, NOON)])
    with alma.read() as session:
        own = (Installation.merchant_id == alma.merchant_id, Installation.device == "phone-0")
        assert session.scalars(select(Installation).where(*own)).one().fetched_version == 5
    for place in places[1:]:
        notes.add([Fetched(place, 4, NOON + MINUTE)])
        assert notes.version(place) in {0, 4}
    notes.finish()
    assert [notes.version(place) for place in places] == [0] * len(places)
    with alma.store.read_all() as session:
        rows = session.execute(
            select(
                Installation.merchant_id, Installation.device, Installation.fetched_version,
                Installation.fetched_at,
            )
        ).all()  # fmt: skip
    assert {(row[0], row[1]): (row[2], row[3]) for row in rows} == {
        (place.merchant_id, place.device): (5, NOON) if place == places[0] else (4, NOON + MINUTE)
        for place in places
    }


def test_the_newest_version_stays(shop: Shop) -> None:
    [place] = on_phones(shop, 1)
    notes = FetchNotes(shop.store)
    for version in (2, 4, 3):
        notes.add([Fetched(place, version, NOON)])
    assert notes.version(place) == 4
    shop.store.close()
    assert written(shop.store) == {"phone-0": 4}


def test_trouble_with_the_database_ends_with_it(shop: Shop) -> None:
    """What is written at once fails at once, what is written later fails unheard; both are over."""
    places = on_phones(shop, 3)
    notes = FetchNotes(shop.store)
    with shop.store.write_all() as session:
        session.connection().execute(text("ALTER TABLE installation RENAME TO away"))
    with pytest.raises(OperationalError):
        notes.add([Fetched(places[0], 2, NOON)])
    notes.add([Fetched(places[1], 2, NOON)])
    notes.finish()
    with shop.store.write_all() as session:
        session.connection().execute(text("ALTER TABLE away RENAME TO installation"))
    notes.add([Fetched(places[2], 2, NOON)])
    notes.finish()
    assert written(shop.store) == {"phone-0": 1, "phone-1": 1, "phone-2": 2}


@only_sqlite
def test_a_process_that_ends_writes_them_first(alma: Shop, database_url: str) -> None:
    """From a thread that the interpreter does not know, as a server's are."""
    places = on_phones(alma, 3)
    program = dedent(
        f"""
        import _thread, time
        from uuid import UUID
        from passes.cards.fetches import Fetched, Place
        from passes.delivery.fetch_notes import FetchNotes
        from passes.store import Store
        from passes.vault import Vault
        from passes import clock

        notes = FetchNotes(Store({database_url!r}, Vault([{KEY!r}])))
        done = []

        def serve():
            for place in {[(*map(str, place[:2]), *place[2:]) for place in places]!r}:
                key = Place(UUID(place[0]), UUID(place[1]), *place[2:])
                notes.add([Fetched(key, 7, clock.now())])
            done.append(True)

        _thread.start_new_thread(serve, ())
        while not done:
            time.sleep(0.001)
        """
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert set(written(alma.store).values()) == {7}


def test_more_than_one_batch_is_written_whole(shop: Shop) -> None:
    places = on_phones(shop, 1)
    strangers = [Place(shop.merchant_id, places[0].card_id, "noted", str(n)) for n in range(450)]
    notes = FetchNotes(shop.store)
    notes.add(Fetched(place, 2, NOON) for place in [*strangers, *places])
    notes.finish()
    assert written(shop.store) == {"phone-0": 2}
