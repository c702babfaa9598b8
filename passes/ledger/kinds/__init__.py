"""What each kind of card can do: one module per kind, all of the shape of ``CardKind``.

A further kind is one module here, its line in ``KINDS``, and its texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from passes.card_templates.kinds import Kind
from passes.ledger.kinds import multipass, stamp
from passes.ledger.kinds.base import CardKind

KINDS: Mapping[Kind, CardKind] = {
    Kind.MULTIPASS: CardKind(multipass.OPERATIONS, multipass.figures, multipass.OPENING),
    Kind.STAMP: CardKind(stamp.OPERATIONS, stamp.figures, stamp.OPENING, stamp.check),
    # cashback, gift, coupon, discount, membership and points join here.
}
