"""How the figures of a pass are drawn: stamps, holes, the way to a reward, what is used up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passes.card_templates.kinds import Kind
from passes.wallet_port import Amount, NotAllowed, Place, State
from pwa.face import Holes, Stamps, face, initials
from pwa.feedback import rating_in
from tests.pwa.by_hand import PAGES, add_figure, reward, with_content, with_figure


def face_of(page):
    return face(page.content, page.rewards, has_sharing=page.sharing is not None)


@pytest.mark.parametrize(
    ("kind", "shape", "drawn"),
    [
        (Kind.STAMP, "card", "stamps"),
        (Kind.MULTIPASS, "card", "holes"),
        (Kind.CASHBACK, "card", None),
        (Kind.GIFT, "card", None),
        (Kind.COUPON, "ticket", None),
        (Kind.DISCOUNT, "card", None),
        (Kind.MEMBERSHIP, "badge", None),
        (Kind.POINTS, "card", "progress"),
    ],
)
def test_each_kind_has_its_own_drawing(kind, shape, drawn):
    made = face_of(PAGES[kind])
    assert made.shape == shape
    assert [name for name in ("stamps", "holes", "progress") if getattr(made, name)] == (
        [drawn] if drawn else []
    )
    assert not made.is_used_up


def test_every_reward_of_a_round_has_its_place_in_the_row():
    page = replace(PAGES[Kind.STAMP], rewards=(reward("a", 3, 0), reward("b", 12, 6)))
    assert face_of(page).stamps == Stamps(6, 12, frozenset({10, 12}))


def test_a_round_without_rewards_ends_with_the_next_one():
    assert face_of(replace(PAGES[Kind.STAMP], rewards=())).stamps == Stamps(6, 10, frozenset({10}))


@pytest.mark.parametrize(
    ("left", "used", "holes"),
    [
        (7, 3, Holes(7, 3)),
        (0, 10, Holes(0, 10)),
        (20, 0, Holes(20, 0)),
        (6, 44, Holes(6, 0)),  # several passes: nobody knows which hole was whose
        (0, 44, None),
        (21, 0, None),
        (0, 0, None),
    ],
)
def test_holes_are_drawn_while_they_fit_on_one_pass(left, used, holes):
    page = with_figure(PAGES[Kind.MULTIPASS], "available_visits", value=left)
    assert face_of(with_figure(page, "redeemed_visits", value=used)).holes == holes


def test_the_way_leads_to_the_nearest_reward_that_is_not_there_yet():
    way = face_of(PAGES[Kind.POINTS]).progress
    assert (way.have, way.needed) == (96, 150)
    assert way.reward.title["de"] == "Eine Tüte Kaffeebohnen"


def test_there_is_no_way_without_a_reward_ahead():
    page = replace(PAGES[Kind.POINTS], rewards=(reward("a", 60, 0),))
    assert face_of(page).progress is None


@pytest.mark.parametrize(
    ("kind", "key", "change", "is_used_up"),
    [
        (Kind.COUPON, "coupon_state", {"mark": "redeemed"}, True),
        (Kind.COUPON, "coupon_state", {"mark": "unredeemed"}, False),
        (Kind.MEMBERSHIP, "membership_state", {"mark": "lapsed"}, True),
        (Kind.MEMBERSHIP, "membership_state", {"mark": "past_due"}, False),
        (Kind.GIFT, "balance", {"value": Amount(0, "EUR")}, True),
        (Kind.GIFT, "balance", {"value": Amount(1, "EUR")}, False),
        (Kind.MULTIPASS, "available_visits", {"value": 0}, False),
    ],
)
def test_what_is_used_up(kind, key, change, is_used_up):
    page = with_figure(PAGES[kind], key, **change)
    assert face_of(page).is_used_up is is_used_up
    expired = face_of(with_content(page, state=State.EXPIRED))
    assert not expired.is_used_up  # that it has expired says more


def test_what_a_section_says_better_is_not_said_twice():
    page = PAGES[Kind.POINTS]
    for key in ("referral", "reward_list"):
        page = add_figure(page, key, {"de": "x", "en": "x", "nl": "x"}, Place.BACK)

    def back(made):
        return {field.key for field in made.facts}

    assert {"referral", "reward_list"} <= back(face(page.content))
    assert (
        back(face(page.content, page.rewards, has_sharing=True))
        & {
            "referral",
            "reward_list",
        }
        == set()
    )


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Anna B.", "AB"), ("Ben", "B"), ("Ana María de la Cruz", "AC"), ("", ""), ("123", "")],
)
def test_initials(name, letters):
    assert initials(name) == letters


@pytest.mark.parametrize("stars", ["", "0", "6", "4.5", "-1", " 4", "four", "５"])
def test_stars_are_a_whole_number_from_one_to_five(stars):
    with pytest.raises(NotAllowed, match="1 to 5") as refused:
        rating_in({"stars": stars, "comment": ""})
    assert refused.value.field == "stars"


def test_a_comment_is_trimmed_and_has_2000_characters_at_most():
    assert rating_in({"stars": "5"}) == (5, "")
    assert rating_in({"stars": "1", "comment": " \r\n "}) == (1, "")
    text = "a\r\n" * 1_000
    assert rating_in({"stars": "1", "comment": text}) == (1, "a\n" * 999 + "a")
    with pytest.raises(NotAllowed, match="2000") as refused:
        rating_in({"stars": "1", "comment": "ä" * 2_001})
    assert refused.value.field == "comment"
