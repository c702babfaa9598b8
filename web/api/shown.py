"""How rows look to programs: the JSON of contract §3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from passes import i18n, money
from passes.card_templates.kinds import Kind
from passes.card_templates.models import CardTemplate, ChannelLink
from passes.card_templates.templates import Template, definition_of
from passes.cards import cards, change, links
from passes.cards.cards import validity
from passes.cards.installations import MOST_DEVICES
from passes.cards.listeners import ACTIVE, LISTENING, REMOVED
from passes.cards.models import UNITS, Installation
from passes.customers.models import Customer
from passes.feedback import feedback
from passes.ledger.figures import figures_of
from passes.ledger.timeline import Happening
from passes.merchants.accounts import preferred, wallet_accounts
from passes.merchants.merchants import Business, business
from passes.rewards import claims
from passes.rewards.models import RewardClaim
from passes.rewards.totals import Totals
from passes.store import table_of
from passes.tied import Tied
from web import Services

_MONEY_UNITS = {"money", "spend_remainder", "purchases"}
_API_NAMES = {"purchases": "ltv"}

_customers = table_of(Customer)
_installations = table_of(Installation)
_templates = table_of(CardTemplate)

_HOLDER = select(
    _customers.c.first_name, _customers.c.last_name, _customers.c.ratings, _customers.c.stars
).where(
    _customers.c.merchant_id == bindparam("of_merchant"), _customers.c.id == bindparam("of_row")
)
_TEMPLATE = select(_templates.c.kind, _templates.c.version).where(
    _templates.c.merchant_id == bindparam("of_merchant"), _templates.c.id == bindparam("of_row")
)
_PLACES = Tied(
    select(
        _installations.c.wallet,
        _installations.c.status,
        _installations.c.first_installed_at,
        _installations.c.last_seen_at,
        _installations.c.removed_at,
        _installations.c.pushed_at,
        _installations.c.fetched_at,
        _installations.c.fetched_version,
        _installations.c.stale,
        _installations.c.address,
    )
    .where(
        _installations.c.merchant_id == bindparam("of_merchant"),
        _installations.c.card_id == bindparam("of_row"),
    )
    .order_by(_installations.c.first_installed_at)
)


def card(session: Session, row: Any, known: Services, now: datetime) -> dict[str, Any]:
    """A card: a Card, or a row of its columns, with ``kind`` and ``definition`` where known."""
    merchant = business(session)
    kind, definition = getattr(row, "kind", None), getattr(row, "definition", None)
    of_template = {"of_merchant": merchant.id, "of_row": row.template_id}
    if definition is None:
        template = session.execute(_TEMPLATE, of_template).one()
        kind = Kind(template.kind)
        definition = definition_of(session, row.template_id, template.version, kind)
    assert isinstance(kind, Kind)  # noqa: S101 - a row with a definition has its kind
    places, listening = _places(session, row)
    holder = _holder(session, row)
    rating = feedback.mean_of(holder.ratings, holder.stars)
    addresses = links.links_of(session, row, known.base_url)
    shown = {
        "id": row.id,
        "serial_number": row.serial_number,
        "template": {
            "id": row.template_id,
            "kind": kind.value,
            "name": i18n.pick(definition.name, merchant.language),
        },
        "customer": {
            "id": row.customer_id,
            "first_name": holder.first_name,
            "last_name": holder.last_name,
        },
        "status": row.status,
        "status_cause": row.status_cause,
        "validity": validity(row, now),
        "installations": places,
        "many_devices": sum(place["status"] == ACTIVE for place in places) > MOST_DEVICES,
        "listeners": listening,
        "rating": {"mean": rating.mean, "count": rating.count} if rating else None,
        "issued_at": row.issued_at,
        "enrolled_at": row.enrolled_at,
        "issue_channel": row.issue_channel,
        "expires_at": row.expires_at,
        "expiry_mode": row.expiry_mode,
        "units_expire_at": row.units_expire_at,
        "utm": {
            "source": row.utm_source,
            "medium": row.utm_medium,
            "campaign": row.utm_campaign,
            "term": row.utm_term,
            "content": row.utm_content,
        },
        "figures": figures_of(row, kind, definition, merchant.currency, now),
        "deliveries": [vars(state) for state in change.states(session, row.id, row.version)],
        "links": {
            "install": addresses.install,
            "referral": addresses.referral,
            **{wallet: f"{addresses.install}/{wallet}" for wallet in known.wallets},
            "pwa": addresses.page,
        },
        "code": links.till_code(session, row.serial_number),
        "successor": _successor(session, row, known.base_url),
        "version": row.version,
    }
    for wallet in known.wallets.values():
        account, _ = preferred(
            wallet_accounts(session, wallet.kind), definition.wallet_accounts.get(wallet.kind)
        )
        own = wallet.identity(row.template_id.hex, row.serial_number, account)
        if own:
            shown[wallet.kind] = dict(own)
    return shown


def _places(session: Session, row: Any) -> tuple[list[dict[str, Any]], int]:
    """Where the card is or was installed, and how many devices only listen.

    An address stays with us; whether there is one may be known.
    """
    places, listening = [], 0
    for place in _PLACES.ask(session, of_row=row.id):
        shown = vars(place)
        listens = place.status == LISTENING
        listening += listens
        if listens and place.removed_at is None:
            continue
        shown["status"] = REMOVED if listens else place.status
        shown["push_address"] = bool(shown.pop("address")) and not listens
        places.append(shown)
    return places, listening


class _Holder(NamedTuple):
    first_name: str | None
    last_name: str | None
    ratings: int
    stars: int


def _holder(session: Session, row: Any) -> _Holder:
    """Whose card it is; what a posting has locked says that already."""
    if hasattr(row, "holder_last_name"):
        return _Holder(
            row.holder_first_name, row.holder_last_name, row.holder_ratings, row.holder_stars
        )
    of_holder = {"of_merchant": row.merchant_id, "of_row": row.customer_id}
    return _Holder(*session.execute(_HOLDER, of_holder).one())


def _successor(session: Session, row: Any, base_url: str) -> dict[str, Any] | None:
    """The card that a coupon turned into, with the link to get it."""
    if row.successor_id is None:
        return None
    card = cards.get(session, row.successor_id)
    return {
        "id": card.id,
        "serial_number": card.serial_number,
        "install": links.links_of(session, card, base_url).install,
    }


def entry(row: Any, currency: str) -> dict[str, Any]:
    """A posting."""
    deltas = {unit: value for unit in UNITS if (value := getattr(row, unit))}
    return {
        "id": row.id,
        "card_id": row.card_id,
        "seq": row.seq,
        "type": row.type,
        "deltas": _units(deltas, currency),
        "purchase_amount": (
            None if row.purchase_amount is None else money.to_text(row.purchase_amount, currency)
        ),
        "comment": row.comment,
        "items": row.items,
        "details": row.details,
        "activity": row.activity,
        "reward_id": row.reward_id,
        "referral_id": row.referral_id,
        "reverses_id": row.reverses_id,
        "reversed_by_id": row.reversed_by_id,
        "actor": {"kind": row.actor_kind, "id": row.actor_id},
        "channel": row.channel,
        "occurred_at": row.occurred_at,
        "recorded_at": row.recorded_at,
        "balance_after": _units(row.balance_after, currency),
    }


def posted(session: Session, posting: Any, known: Services, now: datetime) -> dict[str, Any]:
    """What a posting answers: the entry, the figures after it, the card."""
    shown = card(session, posting.card, known, now)
    return {
        "entry": entry(posting.entry, business(session).currency),
        "figures": shown["figures"],
        "card": shown,
        "claim": _claim_of(session, posting.entry),
    }


def claim(row: RewardClaim, *, with_code: bool = False) -> dict[str, Any]:
    """A claim; ``with_code`` where the answer is for the customer."""
    return {
        "id": row.id,
        "number": row.number,
        "reward_id": row.reward_id,
        "card_id": row.card_id,
        "customer_id": row.customer_id,
        "status": row.status,
        "cost": row.cost,
        "code": row.code if with_code else None,
        "needs_code": row.code is not None,
        "entry_id": row.entry_id,
        "requested_at": row.requested_at,
        "settled_at": row.settled_at,
        "settled_by": row.settled_by,
    }


def _claim_of(session: Session, entry: Any) -> dict[str, Any] | None:
    """The claim that an entry's points were taken for."""
    found = claims.of_entry(session, entry.card_id, entry.id) if entry.reward_id else None
    return claim(found, with_code=True) if found else None


def customer(
    row: Customer, consents: Mapping[str, bool], totals: Totals, currency: str
) -> dict[str, Any]:
    return {
        "id": row.id,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone": row.phone,
        "email": row.email,
        "birthday": row.birthday,
        "gender": row.gender,
        "language": row.language,
        "external_id": row.external_id,
        "custom_fields": row.custom_fields,
        "first_utm": row.first_utm,
        "consents": dict(consents),
        "totals": {
            "points": totals.points,
            "points_lifetime": totals.points_lifetime,
            "ltv": money.to_text(totals.purchases, currency),
        },
        "created_at": row.created_at,
    }


def template(row: Template, merchant: Business, base_url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "slug": row.slug,
        "kind": row.kind.value,
        "status": row.status,
        "version": row.version,
        "name": i18n.pick(row.definition.name, merchant.language),
        "definition": row.definition.model_dump(mode="json"),
        "sign_up_url": f"{base_url}/join/{row.slug}",
    }


def channel_link(row: ChannelLink, of_template: Template, base_url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "url": f"{base_url}/join/{of_template.slug}/{row.slug}",
        "utm": row.utm,
    }


def happening(row: Happening, currency: str) -> dict[str, Any]:
    data = row.data
    if "balance_after" in data:
        data = {**data, "balance_after": _units(data["balance_after"], currency)}
    return {"id": row.id, "type": row.type, "at": row.at, "wallet": row.wallet, "data": data}


def _units(units: Mapping[str, int], currency: str) -> dict[str, int | str]:
    return {
        _API_NAMES.get(unit, unit): money.to_text(value, currency)
        if unit in _MONEY_UNITS
        else value
        for unit, value in units.items()
    }
