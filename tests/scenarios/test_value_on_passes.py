"""What wallets show of percentages, money and points, and what a phone says of a change."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Shop

LEVELS = [{"from_amount": "0", "percent": "2.5"}, {"from_amount": "50", "percent": "10"}]


def apple_pass(shop: Shop, card: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of the face by key, and the file of texts by language."""
    file = shop.client.get(urlsplit(card["links"]["apple"]).path).data
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        style = json.loads(package.read("pass.json"))["storeCard"]
        texts = {
            language: package.read(f"{language}.lproj/pass.strings").decode("utf-16")
            for language in ("de", "en", "nl")
        }
    return {field["key"]: field for place in style.values() for field in place}, texts


@pytest.mark.parametrize("kind", ["cashback", "discount"])
def test_a_percentage_is_written_as_each_language_writes_it(alma: Shop, kind: str) -> None:
    template = alma.template(kind, language="de", rules={"levels": LEVELS})
    card = alma.card(template["id"])
    face, texts = apple_pass(alma, card)
    assert face["percent"]["value"] == "2,5\u00a0%"
    assert face["percent"]["changeMessage"].count("%@") == 1
    for language, words in (("de", "2,5\u00a0%"), ("en", "2.5%"), ("nl", "2,5%")):
        assert f'"2,5\u00a0%" = "{words}";' in texts[language]


@pytest.mark.parametrize("kind", ["cashback", "discount"])
def test_D_4_6_a_new_level_shows_on_the_pass_and_an_undo_too(alma: Shop, kind: str) -> None:
    card = alma.card(alma.template(kind, language="de", rules={"levels": LEVELS})["id"])
    posted = alma.post(f"/cards/{card['id']}/purchase", {"purchase_amount": "60.00"})
    assert apple_pass(alma, card)[0]["percent"]["value"] == "10\u00a0%"
    alma.post(f"/transactions/{posted['entry']['id']}/undo")
    assert apple_pass(alma, card)[0]["percent"]["value"] == "2,5\u00a0%"


@pytest.mark.parametrize(
    ("kind", "opening", "key", "value"),
    [
        ("cashback", {"points": 49}, "points", 49),
        ("points", {"points": 49}, "points", 49),
        ("gift", {"balance": "12.40"}, "balance", 12.4),
    ],
)
def test_a_balance_is_a_number_that_says_so_when_it_changes(
    alma: Shop, kind: str, opening: dict[str, Any], key: str, value: float
) -> None:
    card = alma.card(alma.template(kind)["id"], opening=opening)
    field = apple_pass(alma, card)[0][key]
    assert field["value"] == value
    assert field["changeMessage"].count("%@") == 1
    assert field.get("currencyCode") == ("EUR" if kind == "gift" else None)


def test_D_4_4_the_givers_pass_says_nothing_of_the_new_holder(alma: Shop) -> None:
    card = alma.card(alma.template("gift")["id"], opening={"balance": "12.40"})
    ben = alma.post("/customers", {"first_name": "Ben"})
    new = alma.post(f"/cards/{card['id']}/transfer", {"customer_id": ben["id"]})
    state = alma.client.get(f"{urlsplit(card['links']['pwa']).path}state.json")
    assert (state.status_code, state.json["code"]) == (410, "GONE")
    for known in (new["serial_number"], new["code"], *new["links"].values(), "Ben"):
        assert known not in state.text
