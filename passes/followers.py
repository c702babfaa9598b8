"""Who follows what happens below: read as "when this happens, then these, in this order"."""

from __future__ import annotations

from passes.happenings import Followers, Installed, Issued, Posted, Removed, Undone
from passes.ledger import coupons, memberships, wake
from passes.referrals import course as referrals
from passes.rewards import claims, welcome

FOLLOWERS: Followers = {
    Issued: (wake.begin, memberships.begin, welcome.give),
    Installed: (referrals.installed,),
    Removed: (referrals.removed,),
    Posted: (coupons.convert, coupons.keep_limit, referrals.posted),
    Undone: (memberships.keep_order, coupons.take_back, claims.follow_undo, referrals.undone),
}
