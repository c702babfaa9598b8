"""Café Kranz: all eight kinds of card, each with a history that shows what it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from commands.parts import Assemble, Parts
from passes.cards.models import Delivery
from passes.settings import read_settings
from tests.commands.conftest import Done


class Kranz:
    """The demo merchant, asked through its API."""

    def __init__(self, demo: dict[str, Any], client: FlaskClient) -> None:
        self.demo, self.client = demo, client

    def get(self, path: str) -> Any:
        key = self.demo["api_key"]
        answer = self.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return answer.json

    def cards(self, kind: str) -> list[Any]:
        [template] = [made for made in self.demo["templates"] if made["kind"] == kind]
        found: list[Any] = self.get(f"/cards?template_id={template['id']}&limit=100")["items"]
        return found

    def figures(self, kind: str, name: str) -> set[Any]:
        return {card["figures"][name] for card in self.cards(kind)}


@pytest.fixture
def parts(treuepass: Callable[..., Done], assembled: Assemble) -> Parts:
    return assembled(read_settings())


@pytest.fixture
def kranz(treuepass: Callable[..., Done], parts: Parts) -> Kranz:
    return Kranz(treuepass("demo", "--json").json, parts.app.test_client())


def test_the_demo_shows_what_each_kind_is_for(kranz: Kranz, parts: Parts) -> None:
    assert kranz.figures("cashback", "percent") == {"1", "3"}
    assert kranz.figures("discount", "percent") == {"5", "10"}
    assert kranz.figures("membership", "membership_state") == {"trial", "active", "lapsed"}
    assert kranz.figures("membership", "plan") == {"monthly", "yearly"}
    assert max(kranz.figures("stamp", "rewards_unused")) > 0

    coupons = {card["figures"]["coupon_state"]: card for card in kranz.cards("coupon")}
    assert set(coupons) == {"unredeemed", "redeemed"}
    turned_into = kranz.get(f"/cards/{coupons['redeemed']['successor']['id']}")
    assert (turned_into["template"]["kind"], turned_into["figures"]["stamps"]) == ("stamp", 1)
    assert turned_into["issue_channel"] == "conversion"

    given = [card for card in kranz.cards("gift") if card["status"] == "deleted"]
    assert [card["figures"]["balance"] for card in given] == ["0.00"]
    taken = [card for card in kranz.cards("gift") if card["issue_channel"] == "conversion"]
    assert [card["figures"]["balance"] for card in taken] == ["27.40"]

    claims = kranz.get("/claims")["items"]
    assert sorted(claim["status"] for claim in claims) == ["granted", "requested"]
    [referral] = kranz.get("/referrals")["items"]
    assert referral["state"] == "rewarded"
    for of in ("referrer", "friend"):
        card = kranz.get(f"/cards/{referral[f'{of}_card_id']}")
        assert (card["template"]["kind"], card["figures"]["visits_by_referral"]) == ("multipass", 1)

    # What happened in the past was delivered in the past.
    with parts.store.read_all() as session:
        due = select(func.count()).select_from(Delivery).where(Delivery.due_at.is_not(None))
        assert session.scalar(due) == 0


def test_every_kind_of_the_demo_makes_a_pass_without_remarks(
    kranz: Kranz, treuepass: Callable[..., Done], tmp_path: Path
) -> None:
    for template in kranz.demo["templates"]:
        for language in ("de", "en", "nl"):
            page = kranz.client.get(f"{template['sign_up_url']}?lang={language}")
            assert page.status_code == 200
        card = next(card for card in kranz.cards(template["kind"]) if card["status"] != "deleted")
        made = kranz.client.get(card["links"]["apple"])
        assert (made.status_code, made.content_type) == (200, "application/vnd.apple.pkpass")
        file = tmp_path / f"{template['kind']}.pkpass"
        file.write_bytes(made.data)
        checked = treuepass("pass", "check", str(file))
        assert (checked.code, "warning" in checked.out) == (0, False), checked.out
        assert kranz.client.get(card["links"]["pwa"]).status_code == 200
