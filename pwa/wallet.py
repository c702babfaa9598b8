"""The card page behind the port: where it is offered, and who is told of a change."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
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
    WalletMisconfigured,
)
from pwa import base64url, keys
from pwa.answers import DELIVERED, NO_TIME
from pwa.endpoints import PushHosts
from pwa.keys import PushKeys
from pwa.notice import MANNERS, payload, topic
from pwa.sender import Push, Sender
from pwa.told import Told
from pwa.vapid import Headers

LOGO = "pwa-logo"
STRIP = "pwa-strip"
PHOTO = "pwa-photo"
TOUCH_ICON = "pwa-touch-180"
ICON_SIDES = (192, 512)

TRIAL_SUBJECT = "mailto:trial@treuepass.example"
"""For a push service on this machine, as in trials: it has nobody to write to."""
NO_SUBJECT = (
    "Pushes to card pages are shown in the log and not sent: push services demand a contact. Set"
    " TREUEPASS_BASE_URL to the public https address, or TREUEPASS_VAPID_SUBJECT to a mailto:"
    " address."
)
WHEN_OPENED = Receipt(Outcome.DELIVERED, "shown when opened", told=False)
SHOWN = Receipt(Outcome.DELIVERED, "test mode: shown in the log", told=False)
OTHER_KEY = Receipt(
    Outcome.REFUSED,
    "The browser subscribed with a key that is not known any more. It subscribes anew when the card"
    " is opened.",
)
NOT_ALLOWED = Receipt(Outcome.REFUSED, "The subscription is not at a push service that is allowed.")
NOT_READABLE = Receipt(Outcome.REFUSED, "The subscription has no keys that can be read.")

log = logging.getLogger(__name__)


def icon(purpose: str, side: int) -> str:
    """The name of an app icon; ``purpose`` is "any" or "maskable", as in a manifest."""
    return f"pwa-{purpose}-{side}"


class PwaWallet:
    """Every device with a browser can show the page, and none is made for it.

    Safe to use from several threads.
    """

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
        # The column is 26 rem wide at most: two pixels for each of CSS, and room for a tall menu.
        PictureSize(STRIP, "strip", 832, 320, Crop.COVER),
        PictureSize(PHOTO, "photo", 832, 1248, Crop.SHRINK),
    )

    def __init__(
        self,
        keys: PushKeys,
        hosts: PushHosts,
        clock: Callable[[], float],
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``clock`` in seconds since 1970. ``hosts`` also reads what browsers subscribe with.
        ``context``: see ``Sender``."""
        self.hosts = hosts
        self._keys = keys
        self._clock = clock
        self._headers = Headers()
        self._sender = Sender(clock, context)
        self._told = Told()

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
        """Tells the browsers that subscribed; the others see the change when they are opened.

        Balances, states and messages only: see ``notice.MANNERS``.
        """
        [receipts] = self.push_many([(content, installations, reason)])
        return receipts

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt]]:
        """The browsers of all cards at once. Trouble is always one browser's: a receipt."""
        receipts: list[list[Receipt]] = []
        pushes: list[tuple[list[Receipt], int, str, PassContent, Push]] = []
        for content, installations, reason in batch:
            row: list[Receipt] = []
            unsent = 0
            for place, installation in enumerate(installations):
                made = self._push_to(installation.address, content, reason)
                if isinstance(made, Push):
                    endpoint = installation.address["endpoint"]
                    pushes.append((row, place, endpoint, content, made))
                    made = NO_TIME  # until there is an answer
                elif made is SHOWN:
                    unsent += 1
                row.append(made)
            receipts.append(row)
            if unsent:
                log.info(
                    "Web Push in test mode: card %s, version %d, reason %s, browsers %d",
                    content.serial,
                    content.version,
                    reason.value,
                    unsent,
                )
        answers = self._sender.send([each[-1] for each in pushes])
        for (row, place, endpoint, content, _), answer in zip(pushes, answers, strict=True):
            row[place] = answer
            if answer.outcome is Outcome.DELIVERED:
                self._told.add(content.serial, content.version, endpoint)
        return receipts

    def _push_to(
        self, address: Mapping[str, str], content: PassContent, reason: Reason
    ) -> Push | Receipt:
        """What goes to one browser, or why nothing goes."""
        manner = MANNERS.get(reason)
        url = address.get("endpoint", "")
        if not url or manner is None:
            return WHEN_OPENED
        if self._told.knows(content.serial, content.version, url):
            return DELIVERED
        endpoint = self.hosts.endpoint(url)
        if endpoint is None:
            return NOT_ALLOWED
        signer = self._keys.find(content, address.get("key", ""))
        if signer is None:
            return OTHER_KEY
        subject = signer.subject or (TRIAL_SUBJECT if endpoint.is_on_this_machine else None)
        if subject is None:
            return SHOWN
        try:
            p256dh, auth = (base64url.decoded(address.get(name, "")) for name in ("p256dh", "auth"))
        except ValueError:
            return NOT_READABLE
        return Push(
            endpoint,
            p256dh,
            auth,
            payload(content, reason),
            manner.ttl,
            manner.urgency,
            topic(content.serial, manner.subject),
            self._headers.header(signer.pair, subject, endpoint.origin, self._clock()),
        )

    def public_key(self, account: Account | None) -> tuple[str, str]:
        """Key id and public key (base64url) that a page subscribes with; both "" while there is no
        key at all."""
        try:
            pair = self._keys.newest(account).pair
        except WalletMisconfigured:
            return "", ""
        return pair.key_id, pair.public_key

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        """Whether pushes can be sent; pages work in any case. ``now`` plays no part."""
        findings = []
        for account in accounts:
            try:
                self._keys.of(account)
            except WalletMisconfigured as error:
                findings.append(
                    Finding(self.kind, stops=False, sentence=f"{account.name}: {error}")
                )
        if accounts:
            return findings
        try:
            self._keys.server()
        except WalletMisconfigured as error:
            findings.append(Finding(self.kind, stops=False, sentence=str(error)))
        if self._keys.subject is None:
            findings.append(Finding(self.kind, stops=False, sentence=NO_SUBJECT))
        return findings

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        """``subject``: whom push services may write to. Makes a key pair of the merchant's own;
        browsers that subscribed with an earlier one are still told."""
        return keys.accept(given, now)

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        raise CredentialsRefused("wallet", "Card pages need no certificate.")

    def try_out(self, account: Account) -> Sequence[Finding]:
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        """The contact, the public key, its id, and when it was made."""
        try:
            known = self._keys.of(account)
        except WalletMisconfigured:
            return {}
        return {
            "subject": known.subject,
            "key_id": known.pair.key_id,
            "public_key": known.pair.public_key,
            "made_at": known.made_at,
        }
