"""``make run``, ``treuepass simulate google`` and a till, each a process of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.running import PATIENCE, Running, free_port, treuepass, wait_until_ready

TOGETHER = [("serve", "--demo")]
APART = [("serve", "--demo", "--no-worker"), ("worker",)]


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
            [google] = [row for row in card["deliveries"] if row["wallet"] == "google"]
            if google["delivered_version"] == card["version"]:
                return
            time.sleep(0.1)
        raise AssertionError("the newest version was never delivered")

    def installations(self) -> list[tuple[str, str]]:
        found = self.call("GET", "")["installations"]
        return [(each["wallet"], each["status"]) for each in found]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    port = str(free_port())
    return {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
        "PORT": port,
    }


@pytest.fixture
def demo(request: pytest.FixtureRequest, environment: dict[str, str]) -> Iterator[Any]:
    """The demo merchant, served with its worker inside, or with a worker of its own."""
    with ExitStack() as running:
        for arguments in getattr(request, "param", TOGETHER):
            running.enter_context(Running(arguments, environment))
            wait_until_ready(environment["TREUEPASS_BASE_URL"])
        yield json.loads(treuepass("demo", "--json", environment=environment))


@pytest.fixture
def till(environment: dict[str, str], demo: Any) -> Till:
    return Till(environment["TREUEPASS_BASE_URL"], demo["api_key"], demo["card"]["id"])


@pytest.mark.parametrize("demo", [TOGETHER, APART], ids=["together", "apart"], indirect=True)
def test_changes_at_the_till_show_in_google_wallet(
    environment: dict[str, str], demo: Any, till: Till
) -> None:
    card = demo["card"]
    assert till.call("GET", "")["status"] == "not_installed"
    visits = card["figures"]["available_visits"]

    install = ("simulate", "google", card["links"]["install"], "--language", "de")
    with Running(install, environment) as phone:
        phone.wait_for(rf"Verfügbare Besuche +{visits}$")
        phone.wait_for("Listening for updates")
        assert till.installations() == [("google", "active")]
        assert till.call("GET", "")["status"] == "installed"

        # Google announces three changes of a pass a day; what comes then is shown in silence.
        for more in range(1, 5):
            till.add_visit()
            phone.wait_for(rf"Verfügbare Besuche +{visits + more}$")
            till.wait_until_delivered()
        assert phone.count("lock screen: Google Wallet announces the new balance") == 3

        till.call("POST", "/status", {"status": "deleted"})
        phone.wait_for("INACTIVE")
        assert phone.wait() == 0

    # The link of a withdrawn card is gone; the account that has it can still take it off.
    assert requests.get(card["links"]["install"], timeout=30).status_code == 410
    link = card["links"]["install"]
    assert "Removed" in treuepass("simulate", "google", link, "--remove", environment=environment)
    assert till.installations() == [("google", "removed")]


def test_a_card_that_is_taken_off_is_deleted_by_the_customer(
    environment: dict[str, str], demo: Any, till: Till
) -> None:
    link = demo["card"]["links"]["install"]

    def run(option: str) -> str:
        return treuepass("simulate", "google", link, option, environment=environment)

    assert "Saved to the account" in run("--once")
    assert "In the account already" in run("--once")
    assert till.installations() == [("google", "active")]

    assert "Removed from the account" in run("--remove")
    shown = till.call("GET", "")
    assert (shown["status"], shown["status_cause"]) == ("deleted", "customer")
    assert till.installations() == [("google", "removed")]

    assert "Saved to the account" in run("--once")
    assert till.call("GET", "")["status"] == "installed"
    told = [each["type"] for each in till.call("GET", "/events")["items"]]
    assert told.count("removed") == 1
    assert told.count("installed") == 2


def test_after_the_stand_ins_file_was_deleted_everything_is_sent_anew(
    environment: dict[str, str], demo: Any, till: Till
) -> None:
    run = ("simulate", "google", demo["card"]["links"]["install"], "--once")
    assert "Saved to the account" in treuepass(*run, environment=environment)
    (Path(environment["TREUEPASS_DATA_DIR"]) / "stand-in-google.db").unlink()
    till.add_visit()
    till.wait_until_delivered()
    visits = demo["card"]["figures"]["available_visits"]
    shown = treuepass(*run, environment=environment)
    assert "Saved to the account" in shown
    assert f"Available visits  {visits + 1}\n" in shown


def test_with_another_google_the_simulator_says_that_it_cannot(
    environment: dict[str, str], tmp_path: Path
) -> None:
    # Nobody listens there: the link leads nowhere, and the command says so and ends with 1.
    elsewhere = {"TREUEPASS_GOOGLE_API_BASE": f"http://127.0.0.1:{free_port()}"}
    with Running(("serve", "--demo"), environment | elsewhere):
        wait_until_ready(environment["TREUEPASS_BASE_URL"])
        card = json.loads(treuepass("demo", "--json", environment=environment | elsewhere))["card"]
        with pytest.raises(subprocess.CalledProcessError) as error:
            treuepass("simulate", "google", card["links"]["install"], environment=environment)
    assert error.value.returncode == 1
    assert error.value.stderr.startswith("treuepass: ")
