"""A new version of a template reaches every card that is out, once (R-UPD-3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from passes.card_templates import templates
from passes.card_templates.models import TemplateRollout
from passes.card_templates.templates import Template
from passes.cards.change import bump_many
from passes.delivery import revisions
from passes.delivery.revisions import roll_out
from passes.store import Store
from passes.wallet_port import Reason
from tests.passes.conftest import NOON, Shop
from tests.passes.delivery.conftest import Post

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "CHUNK", 3)


def revise(shop: Shop, template: Template, name: str, now: Any = NOON) -> Template:
    with shop.write() as session:
        return templates.revise(session, template.id, {"name": {"de": name}}, now)


def on_their_way(store: Store) -> int:
    with store.read_all() as session:
        return len(session.scalars(select(TemplateRollout.template_id)).all())


def test_R_UPD_3_every_card_gets_it_once_and_silently(
    alma: Shop, bruno: Shop, office: Post
) -> None:
    template, other, foreign = alma.template(), alma.template(), bruno.template()
    made = [alma.card(template) for _ in range(7)]
    spared = [alma.card(other)]
    for card in (*made, *spared):
        office.hand_out(alma, card, "phone")
    theirs = bruno.card(foreign)
    office.hand_out(bruno, theirs, "phone")
    late = alma.card(revise(alma, template, "Neu"))  # shows the new version from the start
    assert [roll_out(office.store, NOON) for _ in range(4)] == [3, 3, 1, 0]
    assert on_their_way(office.store) == 0
    while office.work(NOON + MINUTE):
        pass
    assert sorted(push.serial for push in office.wallet.pushes) == sorted(
        office.card(alma, card).serial_number for card in made
    )
    assert {push.reason for push in office.wallet.pushes} == {Reason.CONTENT}
    assert [office.card(alma, card).version for card in made] == [2] * 7
    assert [office.card(alma, card).version for card in (*spared, late)] == [1, 1]
    assert office.card(bruno, theirs).version == 1


def test_a_worker_that_dies_in_between_loses_and_repeats_nothing(
    alma: Shop, office: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(7)]
    revise(alma, template, "Neu")
    roll_out(office.store, NOON)

    def die_at_the_end(*arguments: Any) -> None:
        bump_many(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(revisions, "bump_many", die_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        roll_out(office.store, NOON)
    monkeypatch.setattr(revisions, "bump_many", bump_many)
    while roll_out(office.store, NOON):
        pass
    assert [office.card(alma, card).version for card in made] == [2] * 7


def test_a_newer_version_begins_anew(alma: Shop, office: Post) -> None:
    template = alma.template()
    made = [alma.card(template) for _ in range(5)]
    revise(alma, template, "Neu")
    roll_out(office.store, NOON)
    revise(alma, template, "Neuer")
    assert on_their_way(office.store) == 1
    while roll_out(office.store, NOON):
        pass
    assert sorted(office.card(alma, card).version for card in made) == [2, 2, 3, 3, 3]
    assert on_their_way(office.store) == 0


def test_a_template_without_cards_is_done_at_once(alma: Shop, office: Post) -> None:
    revise(alma, alma.template(), "Neu")
    assert roll_out(office.store, NOON) == 0
    assert on_their_way(office.store) == 0


def test_two_workers_share_it(alma: Shop, office: Post) -> None:
    """The second one passes over what the first has in hand."""
    template = alma.template()
    made = [alma.card(template) for _ in range(4)]
    revise(alma, template, "Neu")
    if office.store.is_sqlite:
        return  # one writer at a time
    with alma.write() as session:
        session.execute(
            select(TemplateRollout)
            .where(TemplateRollout.merchant_id == alma.merchant_id)
            .with_for_update()
        )
        assert roll_out(office.store, NOON) == 0
    while roll_out(office.store, NOON):
        pass
    assert [office.card(alma, card).version for card in made] == [2] * 4
