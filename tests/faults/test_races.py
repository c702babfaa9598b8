"""Races through the HTTP API, exact on both databases (security specification, §7)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from passes.ledger.figures import disagreements
from passes.store import Store
from tests.conftest import Shop

ROUNDS = 50
AT_ONCE = 32
KEYS = 200
TWINS = 16


def book(shop: Shop, card: Any, verb: str, **headers: str) -> Any:
    return shop.call("POST", f"/cards/{card['id']}/{verb}", {"value": 1}, **headers)


def test_double_redeem_50_rounds_of_32_at_once(alma: Shop, store: Store) -> None:
    card = alma.card(alma.template("multipass")["id"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            assert book(alma, card, "add-visits").status_code == 201
            answers = list(
                pool.map(lambda _: book(alma, card, "redeem-visits").status_code, range(AT_ONCE))
            )
            assert sorted(set(answers)) == [201, 409]
            assert answers.count(201) == 1
    figures = alma.get(f"/cards/{card['id']}")["figures"]
    assert (figures["available_visits"], figures["redeemed_visits"]) == (0, ROUNDS)
    with store.read(alma.merchant_id) as session:
        assert disagreements(session) == []


def test_eight_times_fifty_tries_for_two_hundred_visits(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"], opening={"available_visits": 200})
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: book(alma, card, "redeem-visits").status_code, range(8 * 50))
        )
    assert answers.count(201) == 200
    assert answers.count(409) == 200
    page = alma.get(f"/cards/{card['id']}/transactions?limit=200")
    rest = alma.get(f"/cards/{card['id']}/transactions?limit=200&cursor={page['next']}")
    entries = page["items"] + rest["items"]
    by_seq = {entry["seq"]: entry["balance_after"].get("available_visits", 0) for entry in entries}
    # Without gaps, and each balance is what the postings before it left: nobody read an older one.
    assert by_seq == {seq: 201 - seq for seq in range(1, 202)}


def test_R_LED_4_two_hundred_keys_sixteen_times_each(alma: Shop) -> None:
    template = alma.template("multipass")
    cards = [alma.card(template["id"]) for _ in range(8)]

    def send(number: int) -> tuple[int, bytes]:
        key = number // TWINS
        answer = book(alma, cards[key % 8], "add-visits", Idempotency_Key=f"key-{key}")
        return answer.status_code, answer.data

    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(send, range(KEYS * TWINS)))
    assert {status for status, _ in answers} == {201}
    for key in range(KEYS):
        assert len(set(answers[key * TWINS : (key + 1) * TWINS])) == 1
    total = sum(alma.get(f"/cards/{card['id']}")["figures"]["available_visits"] for card in cards)
    assert total == KEYS


def test_R_LED_4_a_key_belongs_to_its_request_and_its_merchant(alma: Shop, bruno: Shop) -> None:
    cards = {shop.slug: shop.card(shop.template("multipass")["id"]) for shop in (alma, bruno)}
    first = book(alma, cards["alma"], "add-visits", Idempotency_Key="same")
    other = alma.call(
        "POST", f"/cards/{cards['alma']['id']}/add-visits", {"value": 2}, Idempotency_Key="same"
    )
    assert other.status_code == 422
    assert other.json["code"] == "IDEMPOTENCY_KEY_REUSED"
    elsewhere = book(bruno, cards["bruno"], "add-visits", Idempotency_Key="same")
    assert elsewhere.status_code == 201
    assert "Idempotent-Replay" not in elsewhere.headers
    again = book(alma, cards["alma"], "add-visits", Idempotency_Key="same")
    assert again.data == first.data
    assert alma.get(f"/cards/{cards['alma']['id']}")["figures"]["available_visits"] == 1


def test_a_refusal_is_not_kept(alma: Shop) -> None:
    card = alma.card(alma.template("multipass")["id"])
    assert book(alma, card, "redeem-visits", Idempotency_Key="later").status_code == 409
    book(alma, card, "add-visits")
    assert book(alma, card, "redeem-visits", Idempotency_Key="later").status_code == 201
