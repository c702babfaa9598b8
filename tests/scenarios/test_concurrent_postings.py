"""Sixteen tills at once on a handful of cards: nothing is lost, doubled or out of order (D.2)."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from passes.cards.models import UNITS, Card
from passes.ledger.models import LedgerEntry
from passes.store import Store, table_of
from tests.conftest import MASTER_KEY, Shop
from tests.running import Running, free_port, wait_until_ready

OPERATIONS = 10_000
CLIENTS = 16
CARDS = 6
VERBS = ("add-visits", "redeem-visits", "subtract-visits", "add-bonus", "subtract-bonus", "undo")
WEIGHTS = (30, 30, 5, 20, 10, 5)


@dataclass
class Till:
    """One client with a connection of its own; ``posted`` are its entries in their order."""

    port: int
    key: str
    cards: list[str]
    seed: int
    posted: list[tuple[str, int]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def work(self, times: int) -> None:
        choice = random.Random(self.seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        latest: str | None = None
        for _ in range(times):
            verb = choice.choices(VERBS, WEIGHTS)[0]
            path, body = (
                f"/cards/{choice.choice(self.cards)}/{verb}",
                {"value": choice.randint(1, 4)},
            )
            if verb == "undo":
                if latest is None:
                    continue
                path, body, latest = f"/transactions/{latest}/undo", {}, None
            answer = self._post(connection, path, body)
            if answer is not None:
                entry = answer["entry"]
                self.posted.append((entry["card_id"], entry["seq"]))
                latest = entry["id"] if verb != "undo" else None
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, path: str, body: Any) -> Any:
        connection.request(
            "POST",
            f"/api/v1{path}",
            json.dumps(body),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        response = connection.getresponse()
        text = response.read()
        self.answers[response.status] += 1
        return json.loads(text) if response.status == 201 else None


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Callable[[], int]]:
    """The product as its own process, over the test's database."""
    port = free_port()
    environment = {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_DATABASE_URL": database_url,
        "TREUEPASS_MASTER_KEY": MASTER_KEY,
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
    }
    with Running(["serve", "--port", str(port), "--no-worker"], environment):
        wait_until_ready(f"http://127.0.0.1:{port}")
        yield lambda: port


def test_every_balance_is_a_prefix_sum(alma: Shop, store: Store, server: Callable[[], int]) -> None:
    template = alma.template("multipass", rules={"points_per_visit": 2})
    cards = [
        alma.card(template["id"], opening={"available_visits": 20})["id"] for _ in range(CARDS)
    ]
    tills = [Till(server(), alma.key, cards, seed) for seed in range(CLIENTS)]
    threads = [threading.Thread(target=till.work, args=(OPERATIONS // CLIENTS,)) for till in tills]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    answers = sum((till.answers for till in tills), Counter[int]())
    assert set(answers) == {201, 409}, answers
    assert answers[201] > OPERATIONS // 2
    assert sum(answers.values()) > OPERATIONS * 0.94  # an undo needs something to undo
    entries, rows = table_of(LedgerEntry), table_of(Card)
    with store.read(alma.merchant_id) as session:
        booked = session.execute(
            select(entries)
            .where(entries.c.merchant_id == alma.merchant_id)
            .order_by(entries.c.card_id, entries.c.seq)
        ).all()
        balances = {
            str(row.id): row
            for row in session.execute(select(rows).where(rows.c.merchant_id == alma.merchant_id))
        }
    assert len(booked) == answers[201] + CARDS  # and the openings
    for card in cards:
        own = [entry for entry in booked if str(entry.card_id) == card]
        assert [entry.seq for entry in own] == list(range(1, len(own) + 1))
        sums = dict.fromkeys(UNITS, 0)
        for entry in own:
            for unit in UNITS:
                sums[unit] += getattr(entry, unit)
            assert entry.balance_after == {unit: total for unit, total in sums.items() if total}
            assert min(sums.values()) >= 0
        assert {unit: getattr(balances[card], unit) for unit in UNITS} == sums
        assert balances[card].version == len(own) + 1
        assert [entry.recorded_at for entry in own] == sorted(entry.recorded_at for entry in own)
        for till in tills:
            mine = [seq for of_card, seq in till.posted if of_card == card]
            assert mine == sorted(mine)  # the order in which the till was answered
