"""What the API says to whoever writes a till: amounts in one form, refusals in words."""

from __future__ import annotations

import pytest

from tests.conftest import Shop


def test_events_show_amounts_as_postings_do(alma: Shop) -> None:
    card = alma.card(alma.template("gift")["id"])
    posted = alma.post(
        f"/cards/{card['id']}/add-money", {"value": "12.50", "purchase_amount": "12.50"}
    )
    newest = alma.get(f"/cards/{card['id']}/events?limit=1")["items"][0]
    assert (newest["type"], newest["data"]["entry_id"]) == (
        "balance_changed",
        posted["entry"]["id"],
    )
    assert newest["data"]["balance_after"] == posted["entry"]["balance_after"]
    assert newest["data"]["balance_after"] == {"money": "12.50", "ltv": "12.50"}


@pytest.mark.parametrize("typed", ["12,40", "-1", "1e3", "", "12.4 EUR"])
def test_an_amount_that_is_none_is_refused_in_words(alma: Shop, typed: str) -> None:
    card = alma.card(alma.template("cashback")["id"])
    problem = alma.refused("POST", f"/cards/{card['id']}/purchase", {"purchase_amount": typed})
    assert (problem["status"], problem["fields"]) == (
        422,
        [
            {
                "field": "purchase_amount",
                "message": 'must be a decimal string such as "12.50"',
                "code": "VALUE_ERROR",
            }
        ],
    )
    assert alma.get(f"/cards/{card['id']}")["version"] == card["version"]
