"""``treuepass card issue``: a card by hand (R-ISS-4, S1.22)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from commands.parts import Assemble
from passes import clock
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.merchants import merchants
from passes.settings import read_settings
from tests.commands.conftest import Done


@pytest.fixture
def issue(treuepass: Callable[..., Done], assembled: Assemble) -> Callable[..., Done]:
    """Issues a multipass of merchant Alma."""
    assert treuepass("migrate").code == 0
    store = assembled(read_settings()).store
    alma = merchants.set_up(store, name="Alma", now=clock.now())
    with store.write(alma) as session:
        templates.create(session, Kind.MULTIPASS, {"name": "Zehner"}, clock.now())
    return lambda *more: treuepass(
        *("card", "issue", "--merchant", "alma", "--template", "zehner"), *more
    )


def test_T_UT_1_issued_by_hand_stays_manual(issue: Callable[..., Done]) -> None:
    done = issue("--first-name", "Anna", "--email", "anna@example.com")
    assert done.code == 0, done.err
    card = done.json
    assert (card["issue_channel"], card["utm"]["source"]) == ("manual", "manual")
    assert card["status"] == "not_installed"
    assert card["links"]["install"].startswith("https://cards.example/i/")
    assert card["issued_at"] == "2026-11-21T09:00:00Z"  # S1.22: the moment of issuing


def test_a_card_brings_its_balance_and_end_along(issue: Callable[..., Done]) -> None:
    card = issue(
        *("--first-name", "Ben", "--expires-at", "2027-01-31"),
        *("--opening", "available_visits=3", "--opening", "ltv=45.00"),
    ).json
    assert card["figures"]["available_visits"] == 3
    assert card["figures"]["ltv"] == "45.00"
    assert card["expires_at"] == "2027-01-31T22:59:59Z"  # the last second of the day in Berlin


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--email", "nonsense"), "email"),
        (("--expires-at", "soon"), "expires_at"),
        (("--opening", "available_visits=many"), "opening.available_visits"),
        (("--opening", "coffee=3"), "opening.coffee"),
        (("--opening", "ltv=1.234"), "opening.ltv"),
        (("--template", "no-such-card"), "no-such-card"),
    ],
)
def test_bad_input_names_its_field_and_makes_nothing(
    issue: Callable[..., Done], arguments: tuple[str, ...], named: str
) -> None:
    refused = issue("--first-name", "Cleo", "--external-id", "cleo-1", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert named in refused.err
    # Had the customer been made, the same external id would now be taken.
    again = issue("--first-name", "Cleo", "--external-id", "cleo-1")
    assert again.code == 0, again.err
