"""The card page behind the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from passes.wallet_port import (
    Account,
    CredentialsRefused,
    Crop,
    Finding,
    Fit,
    Installation,
    NewAccount,
    Outcome,
    PassContent,
    PictureSize,
    Reason,
    Receipt,
    Redirect,
    Visitor,
    WalletError,
    push_each,
)

LOGO = "pwa-logo"
STRIP = "pwa-strip"
PHOTO = "pwa-photo"
TOUCH_ICON = "pwa-touch-180"
ICON_SIDES = (192, 512)


def icon(purpose: str, side: int) -> str:
    """The name of an app icon; ``purpose`` is "any" or "maskable", as in a manifest."""
    return f"pwa-{purpose}-{side}"


class PwaWallet:
    """Every device with a browser can show the page, and none is made for it."""

    kind = "pwa"
    title = "PWA"
    pace: float | None = None
    together: int = 1
    loud_a_day: int | None = None
    pictures = (
        *(PictureSize(icon("any", side), "icon", side, side, Crop.CONTAIN) for side in ICON_SIDES),
        *(
            PictureSize(icon("maskable", side), "icon", side, side, Crop.MASKABLE)
            for side in ICON_SIDES
        ),
        # iOS fills what is transparent with black, so this one is opaque.
        PictureSize(TOUCH_ICON, "icon", 180, 180, Crop.MASKABLE),
        PictureSize(LOGO, "logo", 320, 100, Crop.SHRINK),
        PictureSize(STRIP, "strip", 1125, 432, Crop.COVER),
        # The column is 26 rem wide at most: two pixels for each of CSS, and room for a tall menu.
        PictureSize(PHOTO, "photo", 832, 1248, Crop.SHRINK),
    )

    def suits(self, visitor: Visitor) -> Fit:
        return Fit.POSSIBLE

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        """Nothing: nobody else knows of a page."""
        return {}

    def offer(self, content: PassContent, visitor: Visitor) -> Redirect:
        return Redirect(content.page_url)

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        """Nothing is sent: this version has no Web Push. A page is drawn anew whenever it is
        opened, so each installation has the change as soon as anybody looks."""
        return [Receipt(Outcome.DELIVERED, "shown when opened", told=False) for _ in installations]

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        return []

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        raise CredentialsRefused("wallet", "The card page needs no credentials.")

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        raise CredentialsRefused("wallet", "The card page needs no certificate.")

    def try_out(self, account: Account) -> Sequence[Finding]:
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        return {}
