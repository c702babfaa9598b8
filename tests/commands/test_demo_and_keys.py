"""``treuepass demo`` and ``treuepass api-key``: what a first user meets (contract §1)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from commands.parts import Assemble
from passes.cards.models import Card
from passes.delivery import reports
from passes.settings import read_settings
from passes.wallet_port import Complaint
from tests.commands.conftest import Done
from tests.conftest import Clock

CARD = {"id", "serial_number", "template", "customer", "status", "figures", "links", "utm"}


def test_demo_prints_what_the_contract_says(treuepass: Callable[..., Done], data_dir: Path) -> None:
    done = treuepass("demo", "--json")
    assert done.code == 0
    demo = done.json
    assert set(demo) == {"merchant", "dashboard", "api_key", "templates", "card"}
    assert set(demo["dashboard"]) == {"url", "email", "password"}
    assert [template["kind"] for template in demo["templates"]] == [
        "multipass", "stamp", "cashback", "gift", "coupon", "discount", "membership", "points",
    ]  # fmt: skip
    assert all(
        template["sign_up_url"].startswith("https://cards.example/join/")
        for template in demo["templates"]
    )
    assert set(demo["card"]) >= CARD
    assert demo["card"]["issued_at"].endswith("Z")

    # The second run finds what the first one made, secrets included.
    assert treuepass("demo", "--json").json == demo
    kept = data_dir / "demo.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    people = treuepass("demo").out
    assert demo["api_key"] in people
    assert demo["card"]["links"]["install"] in people


def test_a_new_key_opens_the_api_and_only_within_its_scopes(
    treuepass: Callable[..., Done], assembled: Assemble
) -> None:
    merchant = treuepass("demo", "--json").json["merchant"]
    every = treuepass("api-key", "create", "--merchant", merchant).out.strip()
    reading = treuepass("api-key", "create", "--merchant", merchant, "--scopes", "read").out.strip()
    client = assembled(read_settings()).app.test_client()

    def asked(key: str, method: str, path: str) -> int:
        return client.open(
            f"/api/v1{path}",
            method=method,
            json={"first_name": "Anna"} if method == "POST" else None,
            headers={"Authorization": f"Bearer {key}"},
        ).status_code

    assert asked(every, "GET", "/merchant") == asked(reading, "GET", "/merchant") == 200
    assert asked(every, "POST", "/customers") == 201
    assert asked(reading, "POST", "/customers") == 403
    assert asked(every[:-1] + ("a" if every[-1] != "a" else "b"), "GET", "/merchant") == 401


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--merchant", "nobody"), "nobody"),
        (("--merchant", "cafe-kranz", "--scopes", "everything"), "scopes"),
    ],
)
def test_a_wrong_name_is_said_and_nothing_is_made(
    treuepass: Callable[..., Done], arguments: tuple[str, ...], named: str
) -> None:
    treuepass("demo", "--json")
    refused = treuepass("api-key", "create", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert named in refused.err


def test_doctor_finds_nothing_broken_in_a_fresh_folder(treuepass: Callable[..., Done]) -> None:
    treuepass("demo", "--json")
    lines = treuepass("doctor", "--json").json
    # The tests' own PostgreSQL does without the disk's word, and doctor must say so.
    broken = [line["sentence"] for line in lines if line["state"] == "broken"]
    assert all(sentence.startswith("PostgreSQL's ") for sentence in broken)
    assert {line["state"] for line in lines} <= {"ok", "note", "broken"}
    assert all(set(line) == {"state", "subject", "sentence"} for line in lines)
    assert {"database", "Apple Wallet", "Google Wallet"} <= {line["subject"] for line in lines}


def test_doctor_alarms_when_figures_and_entries_differ(
    treuepass: Callable[..., Done], assembled: Assemble
) -> None:
    treuepass("demo", "--json")
    with assembled(read_settings()).store.write_all() as session:
        session.execute(update(Card).values(stamps=Card.stamps + 1))
    done = treuepass("doctor", "--json")
    assert done.code == 1
    [wrong] = [line for line in done.json if line["subject"] == "ledger"]
    assert wrong["state"] == "broken"
    assert "Café Kranz" in wrong["sentence"]


def test_doctor_tells_what_devices_complained_about_lately(
    treuepass: Callable[..., Done], assembled: Assemble, now: Clock
) -> None:
    treuepass("demo", "--json")
    with assembled(read_settings()).store.write_all() as session:
        reports.count(session, "apple", "pass.com.kranz", {Complaint.SAME_TAG: 3}, now())

    def said() -> list[str]:
        lines = treuepass("doctor", "--json").json
        return [line["sentence"] for line in lines if "pass.com.kranz" in line["sentence"]]

    [sentence] = said()
    assert "the tag of the list before" in sentence
    assert "3" in sentence
    now.move(days=15)
    assert said() == []
