"""Levels with names, through the HTTP API: what programs read, and what the passes say."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Shop
from wallet_apple.format.styles import ROOMS

SILVER = {"de": "Silber", "en": "Silver", "nl": "Zilver"}
GOLD = {"de": "Gold", "en": "Gold", "nl": "Goud"}
LEVELS: list[dict[str, Any]] = [
    {"from_amount": "0", "percent": "1"},
    {"from_amount": "50.0", "percent": "3", "name": SILVER},
    {"from_amount": "100.00", "percent": "5", "name": GOLD},
]

both_kinds = pytest.mark.parametrize("kind", ["cashback", "discount"])


def card_of(shop: Shop, kind: str, **parts: Any) -> Any:
    template = shop.template(kind, language="de", rules={"levels": LEVELS})
    return shop.card(template["id"], **parts)


def buy(shop: Shop, card: Any, amount: str) -> Any:
    return shop.post(f"/cards/{card['id']}/purchase", {"purchase_amount": amount})


def on_the_page(shop: Shop, card: Any) -> dict[str, Any]:
    """The figures of the card's page by key."""
    state = shop.client.get(f"{urlsplit(card['links']['pwa']).path}state.json").json
    return {field["key"]: field["value"] for field in state["fields"]}


def apple_pass(shop: Shop, card: Any) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """The groups of fields, and the file of texts by language."""
    file = shop.client.get(urlsplit(card["links"]["apple"]).path).data
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        groups = json.loads(package.read("pass.json"))["storeCard"]
        texts = {
            language: package.read(f"{language}.lproj/pass.strings").decode("utf-16")
            for language in ("de", "en", "nl")
        }
    return groups, texts


@both_kinds
def test_D_4_6_a_program_reads_where_the_level_begins_as_the_template_says_it(
    alma: Shop, kind: str
) -> None:
    card = card_of(alma, kind)
    assert card["figures"]["level"] is None
    assert buy(alma, card, "49.99")["figures"]["level"] is None
    assert buy(alma, card, "0.01")["figures"]["level"] == "50.0"
    assert buy(alma, card, "50.00")["figures"]["level"] == "100.00"
    assert alma.get(f"/cards/{card['id']}")["figures"]["level"] == "100.00"


@both_kinds
def test_R_LED_3_an_undo_lowers_the_level_everywhere(alma: Shop, kind: str) -> None:
    card = card_of(alma, kind, opening={"ltv": "60.00"})
    posted = buy(alma, card, "40.00")
    assert on_the_page(alma, card)["level"] == GOLD
    undone = alma.post(f"/transactions/{posted['entry']['id']}/undo")
    assert undone["figures"]["level"] == "50.0"
    assert undone["card"]["version"] > posted["card"]["version"]
    assert on_the_page(alma, card)["level"] == SILVER


@both_kinds
def test_R_API_2_a_preview_shows_the_level_before_and_after(alma: Shop, kind: str) -> None:
    card = card_of(alma, kind, opening={"ltv": "60.00"})
    body = {"operation": "purchase", "purchase_amount": "40.00"}
    tried = alma.post(f"/cards/{card['id']}/preview", body)
    assert tried["figures_before"]["level"] == "50.0"
    assert tried["figures_after"]["level"] == "100.00"
    assert alma.get(f"/cards/{card['id']}")["figures"]["level"] == "50.0"


@both_kinds
def test_a_level_without_a_name_stands_on_no_pass(alma: Shop, kind: str) -> None:
    card = card_of(alma, kind)
    groups, _ = apple_pass(alma, card)
    assert "level" not in [field["key"] for fields in groups.values() for field in fields]
    assert "level" not in on_the_page(alma, card)
    buy(alma, card, "50.00")
    assert on_the_page(alma, card)["level"] == SILVER


@both_kinds
def test_apple_shows_the_level_in_each_language_and_has_room_for_it(alma: Shop, kind: str) -> None:
    template = alma.template(
        kind,
        language="de",
        rules={"levels": LEVELS},
        expiry={"kind": "days_after_issue", "days": 30},
    )
    card = alma.card(template["id"], opening={"ltv": "60.00"})
    groups, texts = apple_pass(alma, card)
    [level] = [field for field in groups["secondaryFields"] if field["key"] == "level"]
    assert level["value"] == "Silber"
    assert level["changeMessage"].count("%@") == 1
    assert '"Silber" = "Silver";' in texts["en"]
    assert '"Silber" = "Zilver";' in texts["nl"]
    row = groups["secondaryFields"] + groups["auxiliaryFields"]
    assert [field["key"] for field in row] == ["level", "customer_name", "expires_at"]
    assert len(row) <= (ROOMS["storeCard"].row or 0)


@both_kinds
def test_a_better_name_is_shown_and_programs_notice_nothing(alma: Shop, kind: str) -> None:
    card = card_of(alma, kind, opening={"ltv": "60.00"})
    renamed = [LEVELS[0], {**LEVELS[1], "name": "Stammgast"}, LEVELS[2]]
    revised = alma.call(
        "PATCH", f"/templates/{card['template']['id']}", {"rules": {"levels": renamed}}
    )
    assert revised.status_code == 200, revised.text
    assert on_the_page(alma, card)["level"] == dict.fromkeys(GOLD, "Stammgast")
    assert alma.get(f"/cards/{card['id']}")["figures"]["level"] == "50.0"


def test_the_merchant_may_put_the_level_elsewhere(alma: Shop) -> None:
    fields = [
        {"figure": "percent", "place": "primary"},
        {"figure": "level", "place": "header", "label": "Rang"},
    ]
    template = alma.template("discount", language="de", rules={"levels": LEVELS}, fields=fields)
    card = alma.card(template["id"], opening={"ltv": "60.00"})
    [header] = apple_pass(alma, card)[0]["headerFields"]
    assert (header["key"], header["label"], header["value"]) == ("level", "Rang", "Silber")


@pytest.mark.parametrize("kind", ["points", "stamp", "gift"])
def test_other_kinds_have_no_level(alma: Shop, kind: str) -> None:
    assert "level" not in alma.card(alma.template(kind)["id"])["figures"]
    body = {"kind": kind, "name": "x", "fields": [{"figure": "level", "place": "header"}]}
    problem = alma.refused("POST", "/templates", body)
    assert [wrong["field"] for wrong in problem["fields"]] == ["fields.0.figure"]


@both_kinds
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("x" * 31, "rules.levels.0.name.de"),
        ({"en": "x" * 31}, "rules.levels.0.name.en"),
        ("", "rules.levels.0.name"),
        ({"de": " "}, "rules.levels.0.name"),
        ({"fr": "Or"}, "rules.levels.0.name.fr"),
        (7, "rules.levels.0.name"),
    ],
)
def test_a_bad_name_changes_nothing(alma: Shop, kind: str, name: Any, field: str) -> None:
    made = alma.template(kind, rules={"levels": LEVELS})
    wrong = {"rules": {"levels": [{"from_amount": "0", "percent": "1", "name": name}]}}
    problem = alma.refused("PATCH", f"/templates/{made['id']}", wrong)
    assert field in [each["field"] for each in problem["fields"]]
    assert alma.get(f"/templates/{made['id']}") == made
