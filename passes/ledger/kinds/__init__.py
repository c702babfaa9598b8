"""What each kind of card can do: one module per kind, all of the shape of ``CardKind``.

A further kind is one module here, its line in ``KINDS``, its rules and its texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from passes.card_templates.kinds import Kind
from passes.ledger.kinds import (
    cashback,
    coupon,
    discount,
    gift,
    membership,
    multipass,
    points,
    stamp,
)
from passes.ledger.kinds.base import CardKind

KINDS: Mapping[Kind, CardKind] = {
    Kind.MULTIPASS: multipass.KIND,
    Kind.STAMP: stamp.KIND,
    Kind.CASHBACK: cashback.KIND,
    Kind.GIFT: gift.KIND,
    Kind.DISCOUNT: discount.KIND,
    Kind.POINTS: points.KIND,
    Kind.COUPON: coupon.KIND,
    Kind.MEMBERSHIP: membership.KIND,
}
