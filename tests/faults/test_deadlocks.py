"""A call that PostgreSQL breaks off in a deadlock is run anew; in the end it is 503, never 500.

A posting locks its card, then the card's deliveries. A second transaction takes them the other way
round, again and again, and outlasts the call: PostgreSQL breaks off whoever has waited longest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from passes.cards.models import Delivery
from passes.store import Store, shard_of
from tests.conftest import Shop
from tests.passes.conftest import only_postgresql
from web.api.running import ATTEMPTS

PATIENCE = 30


class Rival:
    """The other transaction."""

    def __init__(self, connection: psycopg.Connection, card_id: str) -> None:
        self.connection, self.card_id = connection, card_id
        connection.execute("SET deadlock_timeout = '10min'")  # so that it is never broken off
        connection.commit()
        connection.execute("SELECT 1 FROM delivery WHERE card_id = %s FOR UPDATE", [card_id])

    def cross(self) -> None:
        """Waits until the call waits for the deliveries, and asks for the card that it holds."""
        own = self.connection.info.backend_pid
        end = time.monotonic() + PATIENCE
        while not self._is_waited_for(own):
            assert time.monotonic() < end, "the call never came to wait"
            time.sleep(0.02)
        with self.connection.transaction():
            # Comes back when the call was broken off; the card is free again after the block.
            self.connection.execute("SELECT 1 FROM card WHERE id = %s FOR UPDATE", [self.card_id])
            raise psycopg.Rollback

    def _is_waited_for(self, own: int) -> bool:
        waiting = self.connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
            " AND query LIKE 'UPDATE delivery%%'",
            [own],
        )
        # Statistics stand still within a transaction unless they are asked to go on.
        found = waiting.fetchone() is not None
        self.connection.execute("SELECT pg_stat_clear_snapshot()")
        return found


@pytest.fixture
def card(alma: Shop, store: Store) -> Any:
    """A card with something to deliver to."""
    made = alma.card(alma.template("multipass")["id"])
    with store.write(alma.merchant_id) as session:
        session.add(
            Delivery(
                merchant_id=alma.merchant_id,
                card_id=made["id"],
                wallet="apple",
                shard=shard_of(alma.merchant_id),
                reason="balance",
                wanted_version=1,
                delivered_version=1,
                attempts=0,
            )
        )
    return made


@contextmanager
def rival(database_url: str, card_id: str) -> Iterator[Rival]:
    address = make_url(database_url).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        yield Rival(connection, card_id)
        connection.rollback()


def add(shop: Shop, card: Any) -> Any:
    return shop.call("POST", f"/cards/{card['id']}/add-visits", {"value": 1})


@only_postgresql
def test_a_deadlock_is_nobodys_business(alma: Shop, database_url: str, card: Any) -> None:
    with ThreadPoolExecutor(1) as pool, rival(database_url, card["id"]) as other:
        answer = pool.submit(add, alma, card)
        other.cross()
        other.connection.rollback()
        assert answer.result(PATIENCE).status_code == 201
    [entry] = alma.get(f"/cards/{card['id']}/transactions")["items"]
    assert entry["balance_after"]["available_visits"] == 1


@only_postgresql
def test_deadlocks_without_end_are_503_and_change_nothing(
    alma: Shop, database_url: str, card: Any
) -> None:
    with ThreadPoolExecutor(1) as pool, rival(database_url, card["id"]) as other:
        answer = pool.submit(add, alma, card)
        for _ in range(ATTEMPTS):
            other.cross()
        refused = answer.result(PATIENCE)
    assert (refused.status_code, refused.json["code"]) == (503, "TRY_AGAIN")
    assert refused.headers["Retry-After"] == "1"
    assert alma.get(f"/cards/{card['id']}/transactions")["items"] == []
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"]
    assert add(alma, card).status_code == 201
