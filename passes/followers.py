"""Who follows what happens below: read as "when this happens, then these, in this order"."""

from __future__ import annotations

from passes.happenings import Followers, Installed, Issued, Posted, Removed, Undone

FOLLOWERS: Followers = {
    Issued: (),
    Installed: (),
    Removed: (),
    Posted: (),
    Undone: (),
}
