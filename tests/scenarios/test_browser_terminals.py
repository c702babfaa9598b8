"""``make run``, ``treuepass simulate browser`` and a till, each a process of its own."""

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

    def installations(self) -> list[tuple[str, str]]:
        found = self.call("GET", "")["installations"]
        return [(each["wallet"], each["status"]) for each in found]

    def wait_until_delivered(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            card = self.call("GET", "")
            [page] = [row for row in card["deliveries"] if row["wallet"] == "pwa"]
            if page["delivered_version"] == card["version"]:
                return
            time.sleep(0.1)
        raise AssertionError("the newest version was never delivered")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    port = str(free_port())
    return {
        "TREUEPASS_DATA_DIR": str(tmp_path / "var"),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
        # Its own port, as tests may run beside each other; without it, it is 8030.
        "TREUEPASS_WEBPUSH_EXTRA_HOSTS": f"127.0.0.1:{free_port()}",
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
def test_changes_at_the_till_are_pushed_to_the_browser(
    environment: dict[str, str], demo: Any, till: Till
) -> None:
    card = demo["card"]
    assert till.call("GET", "")["status"] == "not_installed"
    visits = card["figures"]["available_visits"]

    install = ("simulate", "browser", card["links"]["install"], "--language", "de")
    with Running(install, environment) as browser:
        browser.wait_for("On the home screen")
        browser.wait_for(rf"Verfügbare Besuche +{visits}$")
        browser.wait_for("Listening for pushes on " + environment["TREUEPASS_WEBPUSH_EXTRA_HOSTS"])
        assert till.installations() == [("pwa", "active")]
        assert till.call("GET", "")["status"] == "installed"

        till.add_visit()
        browser.wait_for(rf"lock screen: Café Kranz: .*\b{visits + 1}\b")
        browser.wait_for(rf"Verfügbare Besuche +{visits + 1}$")

        # Ten quick changes: the first goes out at once, the others ride on one later push.
        told = browser.count("lock screen:")
        for _ in range(10):
            till.add_visit()
        browser.wait_for(rf"Verfügbare Besuche +{visits + 11}$")
        till.wait_until_delivered()
        assert browser.count("lock screen:") - told <= 2

        till.call("POST", "/status", {"status": "deleted"})
        browser.wait_for("no longer valid")
        assert browser.wait() == 0
    assert requests.get(card["links"]["pwa"], timeout=30).status_code == 410


def test_the_browser_is_found_again_to_take_the_card_off(
    environment: dict[str, str], demo: Any, till: Till
) -> None:
    page = demo["card"]["links"]["pwa"]

    def run(*options: str) -> str:
        return treuepass("simulate", "browser", page, *options, environment=environment)

    assert "On the home screen" in run("--once")
    # It stays for a while, and leaves without taking the card off.
    assert "Listening for pushes" in run("--for", "1")
    assert till.installations() == [("pwa", "active")]

    assert "Removed from the device" in run("--remove")
    shown = till.call("GET", "")
    assert (shown["status"], shown["status_cause"]) == ("deleted", "customer")
    assert till.installations() == [("pwa", "removed")]

    assert "On the home screen" in run("--once")
    assert till.installations() in [
        [("pwa", "removed"), ("pwa", "active")],
        [("pwa", "active"), ("pwa", "removed")],
    ]


def test_a_server_that_may_not_push_here_is_told_what_to_set(
    environment: dict[str, str], demo: Any
) -> None:
    install = demo["card"]["links"]["install"]
    other = str(free_port())
    with pytest.raises(subprocess.CalledProcessError) as error:
        treuepass("simulate", "browser", install, "--push-port", other, environment=environment)
    assert error.value.returncode == 1
    assert f"TREUEPASS_WEBPUSH_EXTRA_HOSTS=127.0.0.1:{other}" in error.value.stderr


def test_a_link_that_leads_to_no_card_ends_the_browser(environment: dict[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as error:
        treuepass("simulate", "browser", environment["TREUEPASS_BASE_URL"], environment=environment)
    assert error.value.returncode == 1
    assert error.value.stderr.startswith("treuepass: ")
