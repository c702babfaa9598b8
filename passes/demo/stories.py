"""What some regulars of Café Kranz did with their further cards, as tables to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from passes.card_templates.kinds import Kind


@dataclass(frozen=True, slots=True)
class Step:
    """One posting. Amounts in cents; ``reward``: which of the catalogue, the cheapest is 0.

    Without a ``verb``: nothing but the day on which the card was issued.
    """

    days_ago: float
    verb: str = ""
    value: int | None = None
    purchase: int | None = None
    comment: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    reward: int | None = None


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift card that its buyer gives away, and what the friend pays with it."""

    giver: int
    before: Sequence[Step]
    taken_days_ago: float
    after: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Friend:
    """A recommended friend; their purchase comes after the referrer's own last visit."""

    came_days_ago: float
    bought_minutes_ago: int


def _spent(days_ago: float, purchase: int, comment: str | None = None) -> Step:
    return Step(days_ago, "purchase", purchase=purchase, comment=comment)


STORIES: Mapping[Kind, Mapping[int, Sequence[Step]]] = {
    Kind.CASHBACK: {
        1: (
            _spent(48.2, 1_240),
            _spent(41.1, 18_600, "Frühstück fürs Büro"),
            _spent(30.4, 2_350),  # 3 % from here on
            _spent(19.3, 21_400, "Geburtstagstorten"),
            Step(8.1, "redeem-points", 500, 1_180, "5 € mit Punkten bezahlt"),
            _spent(2.2, 960),
        ),
        4: (_spent(35.3, 740), _spent(28.2, 1_590), _spent(6.4, 1_120)),
        9: (_spent(12.3, 3_480), _spent(5.2, 890)),
    },
    Kind.GIFT: {
        2: (
            Step(33.2, "add-money", 5_000, 5_000, "Zum Geburtstag"),
            Step(21.4, "redeem-money", 1_840),
            Step(7.3, "redeem-money", 1_920),
        ),
        6: (Step(15.1, "add-money", 2_500, 2_500),),
    },
    Kind.COUPON: {
        5: (Step(20.2, "redeem-coupon", purchase=420),),
        7: (Step(14.3, "redeem-coupon"),),
        10: (Step(4.2),),
        11: (Step(1.3),),
    },
    Kind.DISCOUNT: {
        3: (
            _spent(44.3, 8_990, "Fahrradkorb und Schloss"),
            _spent(31.2, 38_500, "Laufradsatz"),
            _spent(17.4, 4_450),  # 10 % from the next one on
            _spent(3.1, 6_200, "Lichtanlage"),
        ),
        8: (_spent(22.4, 2_490), _spent(9.2, 1_290)),
    },
    Kind.MEMBERSHIP: {
        1: (
            Step(45.2, "check-in"),
            Step(38.3, "renew", purchase=12_000, options={"plan": "yearly"}),
            Step(29.2, "check-in"),
            Step(16.3, "check-in"),
            Step(2.4, "redeem-visits", 2),
        ),
        12: (
            Step(25.1, "check-in"),
            Step(20.3, "renew", purchase=1_200, options={"plan": "monthly"}),
            Step(4.2, "check-in"),
        ),
        8: (Step(6.2, "check-in"),),  # on trial
        2: (Step(40.3, "check-in"),),  # the trial ended, and nothing came of it
    },
    Kind.POINTS: {
        3: (
            _spent(46.2, 8_900, "Kurs Siebträger"),
            Step(37.3, "activity", options={"activity": "repair_evening"}),
            Step(25.2, "redeem-reward", reward=0),
            Step(16.3, "activity", options={"activity": "repair_evening"}),
            _spent(6.3, 7_500, "Kurs Handfilter"),
            Step(1.2, "redeem-reward", reward=1),  # waits for the code
        ),
        13: (_spent(13.2, 4_500, "Kurs Laufräder zentrieren"),),
        14: (Step(9.3, "activity", options={"activity": "repair_evening"}), _spent(2.3, 1_950)),
    },
}
"""By kind of card and number of the person; each of them was a customer for two months by then."""

GIFT = Gift(
    giver=10,
    before=(Step(18.2, "add-money", 4_000, 4_000, "Für eine Freundin"),),
    taken_days_ago=16.1,
    after=(Step(11.2, "redeem-money", 1_260),),
)
RECOMMENDER = 5
"""Has a ten-coffee card."""
FRIEND = Friend(came_days_ago=1.1, bought_minutes_ago=50)
