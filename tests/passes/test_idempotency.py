"""The same request twice has one effect and one answer (R-LED-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from passes import idempotency
from passes.errors import Invalid
from passes.idempotency import Answer, KeyReused, TwinWon
from tests.passes.conftest import NOON, Shop

FIRST = Answer(201, '{"first": true}')


def keep(shop: Shop, key: str = "k", request: str = "a", answer: Answer = FIRST) -> None:
    with shop.write() as session:
        idempotency.keep(session, key, request, answer, NOON)


def earlier(shop: Shop, key: str = "k", request: str = "a", hours: float = 0) -> Answer | None:
    with shop.write() as session:
        now = NOON + timedelta(hours=hours)
        return idempotency.earlier_answer(session, key, request, now)


def test_a_repeat_gets_the_first_answer(alma: Shop) -> None:
    assert earlier(alma) is None
    keep(alma)
    assert earlier(alma, hours=23.99) == FIRST
    assert earlier(alma, key="other") is None


def test_another_request_with_the_same_key_is_refused(alma: Shop) -> None:
    keep(alma)
    with pytest.raises(KeyReused):
        earlier(alma, request="b")


def test_another_merchants_same_key_is_another_key(alma: Shop, bruno: Shop) -> None:
    keep(alma)
    assert earlier(bruno) is None
    keep(bruno, answer=Answer(201, "bruno's"))
    assert earlier(alma) == FIRST
    assert earlier(bruno) == Answer(201, "bruno's")


def test_after_a_day_a_key_is_free_again(alma: Shop) -> None:
    keep(alma)
    assert earlier(alma, request="b", hours=24) is None
    keep(alma, request="b", answer=Answer(200, "new"))
    assert earlier(alma, request="b") == Answer(200, "new")


def test_of_two_at_once_the_second_learns_that_the_first_won(alma: Shop) -> None:
    keep(alma)
    with pytest.raises(TwinWon):
        keep(alma, answer=Answer(201, "second"))
    assert earlier(alma) == FIRST


@pytest.mark.parametrize("key", ["", "x" * 65, "ä", "a\nb", "a\x00", "\t"])
def test_keys_are_short_and_printable(key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        idempotency.check_key(key)
    assert refusal.value.fields[0].field == "Idempotency-Key"


@pytest.mark.parametrize("key", ["a", "x" * 64, "0191d2f0-6c1e-7c3a", "with blanks ~"])
def test_keys_that_will_do(key: str) -> None:
    idempotency.check_key(key)


def test_method_path_and_body_make_the_request() -> None:
    parts = [("POST", "/a", b"b"), ("PUT", "/a", b"b"), ("POST", "/ab", b""), ("POST", "/a", b"bb")]
    assert len({idempotency.hash_of(*request) for request in parts}) == 4
    assert idempotency.hash_of("POST", "/a", b"b") == idempotency.hash_of(*parts[0])
