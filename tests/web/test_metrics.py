"""Figures for Prometheus: right, and only for those who may see them (contract §2)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from commands.parts import Parts
from passes.cards import cards, installations
from passes.cards.models import Delivery, WalletPause
from passes.delivery import reports
from passes.delivery.offers import handed_out
from passes.wallet_port import Complaint
from tests.conftest import Clock, Shop

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


def figures(app: Flask) -> dict[str, float]:
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        name: float(value)
        for name, value in re.findall(r"^(treuepass_\S+) (\S+)$", answer.text, re.MULTILINE)
    }


def change(parts: Parts, shop: Shop, wallet: str, times: int = 1) -> Any:
    card = shop.card(shop.template("multipass")["id"])
    with parts.store.write(shop.merchant_id) as session:
        row = cards.get(session, card["id"], locked=True)
        handed_out(session, row, wallet, row.version, Clock()())
        installations.install(session, row, wallet, "phone", {}, Clock()())
    shop.post(f"/cards/{card['id']}/add-visits", {"value": 1})
    return row.id


def test_they_say_how_far_each_wallet_is_behind(
    app: Flask, parts: Parts, alma: Shop, bruno: Shop, now: Clock
) -> None:
    empty = figures(app)
    for wallet in parts.wallets:
        assert empty[f'treuepass_deliveries_due{{wallet="{wallet}"}}'] == 0
        assert empty[f'treuepass_deliveries_dead{{wallet="{wallet}"}}'] == 0
    change(parts, alma, "pwa")
    now.move(seconds=30)
    change(parts, bruno, "pwa")
    dead = change(parts, bruno, "apple")
    with parts.store.write(bruno.merchant_id) as session:
        row = session.get_one(Delivery, (bruno.merchant_id, dead, "apple"))
        row.due_at, row.dead_at = None, now()
        session.add(
            WalletPause(
                merchant_id=bruno.merchant_id,
                wallet="google",
                since=now(),
                until=now() + timedelta(minutes=1),
                attempts=1,
                sentence="no connection",
            )
        )
    now.move(seconds=10)
    found = figures(app)
    assert found['treuepass_deliveries_due{wallet="pwa"}'] == 2
    assert found['treuepass_deliveries_oldest_due_seconds{wallet="pwa"}'] == 40
    assert found['treuepass_deliveries_due{wallet="apple"}'] == 0
    assert found['treuepass_deliveries_dead{wallet="apple"}'] == 1
    assert found['treuepass_wallet_pauses{wallet="google"}'] == 1
    before = found.get('treuepass_pushes_total{outcome="untold",wallet="pwa"}', 0)
    parts.worker.work_once()
    found = figures(app)
    assert found['treuepass_deliveries_due{wallet="pwa"}'] == 0
    assert found['treuepass_pushes_total{outcome="untold",wallet="pwa"}'] == before + 2
    assert found['treuepass_push_seconds_count{wallet="pwa"}'] >= 2


def test_R_LED_1_the_nightly_look_at_the_ledger_shows(
    app: Flask, parts: Parts, alma: Shop, now: Clock
) -> None:
    assert figures(app)["treuepass_ledger_wrong_cards"] == 0
    card = alma.card(alma.template("multipass")["id"])
    with parts.store.write(alma.merchant_id) as session:
        row = cards.get(session, card["id"], locked=True)
        row.available_visits = 4
        session.flush()
    parts.worker.work_once()
    now.move(hours=1)
    found = figures(app)
    assert found["treuepass_ledger_wrong_cards"] == 1
    assert found["treuepass_ledger_unproven_seconds"] == 3_600


def test_strangers_get_nothing(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/metrics", environ_base=ELSEWHERE).status_code == 403
    # A proxy on this machine that nobody told us of: the visitor may be anybody.
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    for shown in ("", "Bearer ", "Bearer x"):
        answer = client.get("/metrics", environ_base=ELSEWHERE, headers={"Authorization": shown})
        assert answer.status_code == 403


def test_the_token_opens_them_from_anywhere(
    app: Flask, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        parts.settings.__class__,
        "environment",
        {**parts.settings.environment, "TREUEPASS_METRICS_TOKEN": "sesame"},
    )
    client = app.test_client()

    def status(shown: str) -> int:
        headers = {"Authorization": shown}
        return client.get("/metrics", environ_base=ELSEWHERE, headers=headers).status_code

    assert status("Bearer sesame") == 200
    for wrong in ("Bearer sesam", "Bearer", "sesamé", "Basic sesame"):
        assert status(wrong) == 403


def test_what_devices_complain_about_is_counted(app: Flask, parts: Parts, now: Clock) -> None:
    with parts.store.write_all() as session:
        reports.count(session, "apple", "pass.com.alma", {Complaint.SAME_TAG: 3}, now())
    name = f'complaint="{Complaint.SAME_TAG.value}",subject="pass.com.alma",wallet="apple"'
    assert figures(app)[f"treuepass_device_complaints_total{{{name}}}"] == 3
