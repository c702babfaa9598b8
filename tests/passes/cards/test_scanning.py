"""Who is before the till: codes that stand still, and codes that change with time (R-ID-3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from passes import ids
from passes.card_templates import templates
from passes.cards import cards
from passes.cards.scanning import find_scanned
from passes.content.draw import draw
from passes.errors import Conflict, NotFound
from passes.wallet_port import PassContent
from tests.passes.conftest import NOON, Shop

PERIOD = timedelta(seconds=30)


def drawn(shop: Shop, card_id: UUID) -> PassContent:
    with shop.read() as session:
        return draw(session, cards.get(session, card_id), "google", "https://t.example", NOON)


def shown_at(content: PassContent, at: datetime) -> str:
    """What the wallet shows at a time."""
    rotating = content.rotating
    assert rotating is not None
    step = int(at.timestamp()) // rotating.period
    return f"{content.code}.{ids.one_time_password(rotating.key, step, rotating.digits)}"


def scanned(shop: Shop, code: str, now: datetime = NOON) -> UUID:
    with shop.read() as session:
        return find_scanned(session, code, now).id


def test_a_code_rotates_where_the_template_says_so(alma: Shop) -> None:
    plain, rotating = alma.template(), alma.template(rotating_code=True)
    first, second, third = (alma.card(each) for each in (plain, rotating, rotating))
    assert drawn(alma, first).rotating is None
    one, other = drawn(alma, second).rotating, drawn(alma, third).rotating
    assert one is not None
    assert other is not None
    assert (one.period, one.digits, len(one.key)) == (30, 8, 20)
    assert one.key != other.key
    assert drawn(alma, second).rotating == one


def test_a_rotating_code_scans_while_it_is_shown_and_half_a_minute_around(
    alma: Shop, bruno: Shop
) -> None:
    card = alma.card(alma.template(rotating_code=True))
    code = shown_at(drawn(alma, card), NOON)
    for now in (NOON - PERIOD, NOON, NOON + PERIOD):
        assert scanned(alma, code, now) == card
        with pytest.raises(NotFound):
            scanned(bruno, code, now)
    for now in (NOON - 2 * PERIOD, NOON + 2 * PERIOD):
        with pytest.raises(Conflict) as refused:
            scanned(alma, code, now)
        assert refused.value.code == "CODE_EXPIRED"


def test_the_password_of_another_card_does_not_scan(alma: Shop) -> None:
    template = alma.template(rotating_code=True)
    mine, theirs = (shown_at(drawn(alma, alma.card(template)), NOON) for _ in range(2))
    with pytest.raises(Conflict):
        scanned(alma, mine.partition(".")[0] + "." + theirs.partition(".")[2])


@pytest.mark.parametrize("end", [".", ".1", ".123456789", ".١٢٣٤٥٦٧٨", ".1234567a", ".12345678.9"])
def test_what_is_no_password_is_no_code(shop: Shop, end: str) -> None:
    content = drawn(shop, shop.card(shop.template(rotating_code=True)))
    with pytest.raises(NotFound):
        scanned(shop, content.code + end)


def test_a_made_up_code_or_a_card_number_takes_no_password(shop: Shop) -> None:
    content = drawn(shop, shop.card(shop.template(rotating_code=True)))
    password = shown_at(content, NOON).partition(".")[2]
    made_up = ("0" if content.code[-1] != "0" else "1") + content.code[1:]
    for code in (made_up, content.serial):
        with pytest.raises(NotFound):
            scanned(shop, f"{code}.{password}")


def test_a_code_that_stands_still_scans_in_any_case(shop: Shop) -> None:
    card = shop.card(shop.template(rotating_code=True))
    content = drawn(shop, card)
    assert scanned(shop, content.code) == scanned(shop, content.serial) == card


def test_a_pass_that_has_not_heard_of_the_end_of_rotation_scans(shop: Shop) -> None:
    template = shop.template(rotating_code=True)
    card = shop.card(template)
    code = shown_at(drawn(shop, card), NOON)
    with shop.write() as session:
        templates.revise(session, template.id, {"rotating_code": False}, NOON)
    assert drawn(shop, card).rotating is None
    assert scanned(shop, code) == card
