"""Every table of the domain, for migrations."""

from passes.card_templates import models as card_templates
from passes.cards import models as cards
from passes.customers import models as customers
from passes.delivery import models as delivery
from passes.feedback import models as feedback
from passes.idempotency import KeptAnswer
from passes.ledger import models as ledger
from passes.merchants import models as merchants
from passes.referrals import models as referrals
from passes.rewards import models as rewards
from passes.store import Base

__all__ = [
    "Base",
    "KeptAnswer",
    "card_templates",
    "cards",
    "customers",
    "delivery",
    "feedback",
    "ledger",
    "merchants",
    "referrals",
    "rewards",
]
