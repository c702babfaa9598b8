"""How postings are called on a card's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from passes import i18n
from passes.i18n import text
from passes.wallet_port import Text


class _Counted(NamedTuple):
    one: Text
    many: Text


_N = {"count": "{count}"}
_OWN = {"count": "{count}", "unit": "{unit}"}

ADDED, USED, TAKEN, ENDED = "added", "used", "taken", "ended"

_VERB: Mapping[str, str] = {
    "add_visits": ADDED,
    "add_stamps": ADDED,
    "add_bonus": ADDED,
    "add_reward": ADDED,
    "accrue_points": ADDED,
    "activity": ADDED,
    "redeem_visits": USED,
    "redeem_points": USED,
    "redeem_bonus": USED,
    "subtract_visits": TAKEN,
    "subtract_stamps": TAKEN,
    "subtract_points": TAKEN,
    "subtract_bonus": TAKEN,
    "subtract_reward": TAKEN,
    "expire": ENDED,
}

UNIT_OF: Mapping[str, str] = {
    "add_bonus": "bonus",
    "subtract_bonus": "bonus",
    "redeem_bonus": "bonus",
    "add_reward": "rewards",
    "subtract_reward": "rewards",
}
"""Entries that are not about the card's balance."""

_COUNTED: Mapping[tuple[str, str], _Counted] = {
    (ADDED, "available_visits"): _Counted(
        text("1 visit added"), text("{count} visits added", **_N)
    ),
    (ADDED, "stamps"): _Counted(text("1 stamp added"), text("{count} stamps added", **_N)),
    (ADDED, "points"): _Counted(text("1 point added"), text("{count} points added", **_N)),
    (ADDED, "bonus"): _Counted(
        text("1 bonus point added"), text("{count} bonus points added", **_N)
    ),
    (ADDED, "rewards"): _Counted(text("1 reward added"), text("{count} rewards added", **_N)),
    (USED, "available_visits"): _Counted(text("1 visit used"), text("{count} visits used", **_N)),
    (USED, "points"): _Counted(text("1 point redeemed"), text("{count} points redeemed", **_N)),
    (USED, "bonus"): _Counted(
        text("1 bonus point redeemed"), text("{count} bonus points redeemed", **_N)
    ),
    (TAKEN, "available_visits"): _Counted(
        text("1 visit taken off"), text("{count} visits taken off", **_N)
    ),
    (TAKEN, "stamps"): _Counted(text("1 stamp taken off"), text("{count} stamps taken off", **_N)),
    (TAKEN, "points"): _Counted(text("1 point taken off"), text("{count} points taken off", **_N)),
    (TAKEN, "bonus"): _Counted(
        text("1 bonus point taken off"), text("{count} bonus points taken off", **_N)
    ),
    (TAKEN, "rewards"): _Counted(
        text("1 reward taken off"), text("{count} rewards taken off", **_N)
    ),
    (ENDED, "available_visits"): _Counted(
        text("1 visit has expired"), text("{count} visits have expired", **_N)
    ),
    (ENDED, "stamps"): _Counted(
        text("1 stamp has expired"), text("{count} stamps have expired", **_N)
    ),
    (ENDED, "points"): _Counted(
        text("1 point has expired"), text("{count} points have expired", **_N)
    ),
    (ENDED, "bonus"): _Counted(
        text("1 bonus point has expired"), text("{count} bonus points have expired", **_N)
    ),
}

_IN_OWN_WORDS: Mapping[str, Text] = {
    ADDED: text("{count} {unit} added", **_OWN),
    USED: text("{count} {unit} redeemed", **_OWN),
    TAKEN: text("{count} {unit} taken off", **_OWN),
    ENDED: text("{count} {unit} expired", **_OWN),
}
"""Where the merchant calls points something else, which has no plural that we know of."""

_PLAIN: Mapping[str, Text] = {
    "redeem_reward": text("Reward redeemed"),
    "add_money": text("Money loaded"),
    "redeem_money": text("Paid with this card"),
    "subtract_money": text("Balance corrected"),
    "expire": text("Balance has expired"),
    "purchase": text("Purchase"),
    "redeem_coupon": text("Coupon redeemed"),
    "check_in": text("Checked in"),
    "start_membership": text("Membership started"),
    "renew": text("Membership renewed"),
    "change_plan": text("Plan changed"),
    "cancel_membership": text("Membership cancelled"),
    "referral_clawback": text("Reward for a recommendation taken back"),
    "welcome_bonus": text("Welcome gift"),
    "import_opening": text("Brought along from before"),
    "transfer_in": text("Received as a gift"),
    "transfer_out": text("Given away"),
}
_VISIT = text("Visit")
_CHANGED = text("Card changed")
_UNDONE = text("Undone: {what}", what="{what}")
_REDEEMED = text("Reward redeemed: {reward}", reward="{reward}")
_FOR_REFERRER = text("Thank you for recommending us")
_FOR_FRIEND = text("Welcome: a friend recommended us to you")


def said(type_: str, unit: str | None, count: int, own: Text | None, purchase: int | None) -> Text:
    """What an entry of this type did to ``count`` units. ``own``: the merchant's word for them;
    ``purchase``: the amount beside it, for what earned nothing."""
    verb = _VERB.get(type_)
    counted = _COUNTED.get((verb, unit)) if verb and unit else None
    if verb is None or counted is None:
        return _PLAIN.get(type_, _CHANGED)
    if not count:
        return _PLAIN["purchase"] if purchase else _VISIT
    words = counted.one if count == 1 else counted.many
    if own is not None:
        words = _IN_OWN_WORDS[verb]
    return {
        language: words[language].format(
            count=i18n.show_number(count, language), unit=own[language] if own else ""
        )
        for language in i18n.LANGUAGES
    }


def undone(what: Text) -> Text:
    return {language: _UNDONE[language].format(what=what[language]) for language in i18n.LANGUAGES}


def redeemed(reward: Text) -> Text:
    return {
        language: _REDEEMED[language].format(reward=reward[language]) for language in i18n.LANGUAGES
    }


def referral(role: object) -> Text:
    """``role``: whose part of the referral it is, as ``referrals.reward`` notes it."""
    return _FOR_REFERRER if role == "referrer" else _FOR_FRIEND
