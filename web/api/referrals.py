"""Referrals: who came through whose link, the owner's decisions, and what it all brought (D.9)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from passes import money
from passes.card_templates import templates
from passes.cards import cards
from passes.errors import Invalid, NotFound
from passes.referrals import decide, lists
from passes.referrals.models import Referral
from web.api import answers, paging
from web.api.operation import Call, operation
from web.api.reading import Body
from web.api.templates import row_id


class ReferralSearch(paging.Page):
    """``card``: on either side of the referral."""

    state: (
        Literal["enrolled", "installed", "qualified", "rewarded", "expired", "rejected", "revoked"]
        | None
    ) = None
    card: UUID | None = None


class ReferralStatisticsQuery(Body):
    template_id: UUID | None = None


class Decision(Body):
    """Nothing to say."""


@operation(
    "GET",
    "/referrals",
    "Referrals and rejected attempts, newest first",
    scope="read",
    query=ReferralSearch,
    answer=answers.ReferralList,
)
def list_referrals(call: Call) -> dict[str, Any]:
    asked = call.query(ReferralSearch)
    found = lists.newest(
        call.session,
        state=asked.state,
        card_id=asked.card,
        after=asked.after(),
        limit=asked.limit + 1,
    )
    return paging.page(found, asked.limit, _shown, lambda row: (row.enrolled_at, row.id))


@operation(
    "GET",
    "/referrals/<referral_id>",
    "One referral",
    scope="read",
    answer=answers.ReferralShape,
)
def get_referral(call: Call) -> dict[str, Any]:
    return _shown(decide.get(call.session, row_id(call, "referral_id", "referral")))


@operation(
    "POST",
    "/referrals/<referral_id>/approve",
    "Let a referral pass that waits for a decision",
    scope="admin",
    status=200,
    body=Decision,
    answer=answers.ReferralShape,
)
def approve_referral(call: Call) -> dict[str, Any]:
    referral_id = row_id(call, "referral_id", "referral")
    return _shown(decide.approve(call.session, referral_id, call.now))


@operation(
    "POST",
    "/referrals/<referral_id>/reject",
    "Reject a referral that waits for a decision, or take back what was paid for a false one",
    scope="admin",
    status=200,
    body=Decision,
    answer=answers.ReferralShape,
)
def reject_referral(call: Call) -> dict[str, Any]:
    referral_id = row_id(call, "referral_id", "referral")
    return _shown(decide.reject(call.session, referral_id, call.now))


@operation(
    "GET",
    "/cards/<card>/referrals",
    "The friends who came through a card's link, as its holder may see them",
    scope="read",
    query=paging.Page,
    answer=answers.FriendList,
)
def list_friends(call: Call) -> dict[str, Any]:
    asked = call.query(paging.Page)
    card = cards.get(call.session, call.path["card"])
    found = lists.friends_of(call.session, card.id, after=asked.after(), limit=asked.limit + 1)
    return paging.page(found, asked.limit, asdict, lambda row: (row.enrolled_at, row.id))


@operation(
    "GET",
    "/stats/referrals",
    "What recommending brings, of one template or all",
    scope="read",
    query=ReferralStatisticsQuery,
    answer=answers.ReferralStatisticsShape,
)
def referral_stats(call: Call) -> dict[str, Any]:
    template_id = call.query(ReferralStatisticsQuery).template_id
    if template_id is not None:
        try:
            templates.get(call.session, template_id)
        except NotFound:
            raise Invalid.field("template_id", "there is no such card template") from None
    found = asdict(lists.statistics(call.session, template_id))
    return {**found, "revenue": money.to_text(found["revenue"], call.merchant.currency)}


def _shown(row: Referral) -> dict[str, Any]:
    return {
        "id": row.id,
        "template_id": row.template_id,
        "referrer_card_id": row.referrer_card_id,
        "friend_card_id": row.friend_card_id,
        "friend_customer_id": row.friend_customer_id,
        "state": row.state,
        "reason": row.reason,
        "review": row.review or [],
        "trigger": row.rule["trigger"],
        "enrolled_at": row.enrolled_at,
        "installed_at": row.installed_at,
        "qualified_at": row.qualified_at,
        "rewarded_at": row.rewarded_at,
        "ended_at": row.ended_at,
        "due_at": row.due_at,
        "referrer_units": row.referrer_units,
        "friend_units": row.friend_units,
        "trigger_entry_id": row.trigger_entry_id,
        "referrer_entry_id": row.referrer_entry_id,
        "friend_entry_id": row.friend_entry_id,
    }
