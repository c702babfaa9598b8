"""``make run``, ``treuepass simulate iphone`` and a till, each a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.running import PATIENCE, Running, free_port, treuepass, wait_until_ready


@dataclass
class Till:
    """A program that works with one card of the demo merchant."""

    base_url: str
    key: str
    card_id: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.base_url}/api/v1/cards/{self.card_id}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def add_visit(self) -> None:
        self.call("POST", "/add-visits", {"value": 1})

    def wait_until_delivered(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            card = self.call("GET", "")
            [apple] = [row for row in card["deliveries"] if row["wallet"] == "apple"]
            if apple["delivered_version"] == card["version"]:
                return
            time.sleep(0.1)
        raise AssertionError("the newest version was never delivered")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    port = str(free_port())
    return {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
        "PORT": port,
    }


@pytest.fixture
def demo(environment: dict[str, str]) -> Iterator[Any]:
    """The demo merchant, served with its worker inside."""
    with Running(("serve", "--demo"), environment):
        wait_until_ready(environment["TREUEPASS_BASE_URL"])
        yield json.loads(treuepass("demo", "--json", environment=environment))


def test_changes_at_the_till_show_on_the_phone(environment: dict[str, str], demo: Any) -> None:
    card = demo["card"]
    till = Till(environment["TREUEPASS_BASE_URL"], demo["api_key"], card["id"])
    assert till.call("GET", "")["status"] == "not_installed"
    visits = card["figures"]["available_visits"]

    install = ("simulate", "iphone", card["links"]["install"], "--language", "de")
    with Running(install, environment) as phone:
        phone.wait_for("Listening for pushes")
        assert till.call("GET", "")["status"] == "installed"

        till.add_visit()
        phone.wait_for(rf"lock screen: .*\b{visits + 1}\b")

        # Ten quick changes: the first goes out at once, the others ride on one later push.
        phone.wait_for(rf"Verfügbare Besuche +{visits + 1}$")
        shown = phone.count("the card now:")
        for _ in range(10):
            till.add_visit()
        phone.wait_for(rf"Verfügbare Besuche +{visits + 11}$")
        till.wait_until_delivered()
        assert phone.count("the card now:") - shown <= 2

        till.call("POST", "/status", {"status": "deleted"})
        phone.wait_for("VOID")
        assert phone.wait() == 0

    # The link of a withdrawn card is gone; the phone that holds it can still take it off.
    assert requests.get(card["links"]["install"], timeout=30).status_code == 410


def test_a_phone_is_found_again_to_take_the_card_off(
    environment: dict[str, str], demo: Any
) -> None:
    card = demo["card"]
    till = Till(environment["TREUEPASS_BASE_URL"], demo["api_key"], card["id"])
    link = card["links"]["install"]
    assert "Added to the phone" in treuepass(
        "simulate", "iphone", link, "--once", environment=environment
    )
    [installed] = till.call("GET", "")["installations"]
    assert installed["status"] == "active"
    assert "Removed" in treuepass("simulate", "iphone", link, "--remove", environment=environment)
    shown = till.call("GET", "")
    assert [each["status"] for each in shown["installations"]] == ["removed"]
    assert shown["status"] == "deleted"
