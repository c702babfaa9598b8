"""Apple Wallet behind the port: signs passes, offers them, and tells what stands in the way."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from passes.wallet_port import (
    Account,
    Download,
    Finding,
    Fit,
    Installation,
    Outcome,
    PassContent,
    Platform,
    Reason,
    Receipt,
    Visitor,
    WalletError,
    WalletMisconfigured,
    push_each,
)
from wallet_apple.design import Design
from wallet_apple.pictures import SIZES, picture_files
from wallet_apple.pkpass import EMPTY, Package, extended, pack
from wallet_apple.recent import Recent
from wallet_apple.signing import Credentials, read_account, read_folder

MEDIA_TYPE = "application/vnd.apple.pkpass"
DESIGNS_OF_TEMPLATE = 12
"""Each language has its own, and so have valid, expired and withdrawn cards."""

EXPIRES_SOON = timedelta(days=30)

log = logging.getLogger(__name__)


class AppleWallet:
    """Draws, signs and remembers passes. Safe to use from several threads.

    What it keeps is small and can be made again: parsed credentials with their last signatures,
    pictures laid out, and designs.
    """

    kind = "apple"
    title = "Apple Wallet"
    pictures = SIZES

    def __init__(self, base_url: str, example_folder: Path, clock: Callable[[], datetime]) -> None:
        """``clock`` gives the time of signing, in UTC."""
        self._base_url = base_url
        self._example_certificate = example_folder / "pass.pem"
        self._clock = clock
        self._credentials: Recent[tuple[str, int], Credentials] = Recent(64)
        self._pictures: Recent[tuple[tuple[str, bytes], ...], Package] = Recent(32)
        self._designs: Recent[tuple[str, ...], tuple[Design, ...]] = Recent(64)

    # --- the port ---

    def suits(self, visitor: Visitor) -> Fit:
        match visitor.platform:
            case Platform.IOS:
                return Fit.NATIVE
            case Platform.ANDROID:
                return Fit.NO
            case Platform.OTHER:
                # Safari on a Mac hands the pass on to the iPhone.
                return Fit.POSSIBLE

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        """Nothing: a card's serial number is its id at Apple too."""
        return {}

    def offer(self, content: PassContent, visitor: Visitor) -> Download:
        """The signed pass as a file. Raises ContentRefused or WalletMisconfigured."""
        return Download(self.signed_pass(content), MEDIA_TYPE, _filename(content.merchant))

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        """Test mode: shows each push in the log, where it would go to Apple.

        That is what happens while TREUEPASS_APNS_URL is unset; so far it happens always, since
        the sender for Apple's push service is not part of this version.
        """
        if installations:
            log.info(
                "Apple push in test mode: card %s, version %d, reason %s, installations %d",
                content.serial,
                content.version,
                reason.value,
                len(installations),
            )
        return [Receipt(Outcome.DELIVERED, "test mode: shown in the log") for _ in installations]

    def push_many(
        self, batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]]
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

    def check(self, now: datetime) -> Sequence[Finding]:
        """Whether the example certificates are there and hold; ``now`` is an aware time."""
        try:
            credentials = self._example_credentials()
        except WalletMisconfigured as error:
            return [Finding(self.kind, True, str(error))]
        end = credentials.expires.date().isoformat()
        remake = "Make a new one with: treuepass certs example"
        if now >= credentials.expires:
            sentence = f"The example certificate for Apple Wallet ended on {end}. {remake}"
            return [Finding(self.kind, True, sentence)]
        if now + EXPIRES_SOON >= credentials.expires:
            sentence = f"The example certificate for Apple Wallet ends on {end}. {remake}"
            return [Finding(self.kind, False, sentence)]
        return []

    # --- passes ---

    def signed_pass(self, content: PassContent) -> bytes:
        """The bytes of the .pkpass. Raises ContentRefused or WalletMisconfigured."""
        credentials = self.credentials(content.account)
        package, pass_json = self._draw(content, credentials)
        return pack(package, pass_json, lambda manifest: credentials.sign(manifest, self._clock()))

    def credentials(self, account: Account | None) -> Credentials:
        """The parsed credentials of a merchant, or the example ones. Raises WalletMisconfigured."""
        if account is None:
            return self._example_credentials()
        key = (account.id, account.version)
        credentials = self._credentials.get(key)
        if credentials is None:
            credentials = read_account(account)
            self._credentials.put(key, credentials)
        return credentials

    def _example_credentials(self) -> Credentials:
        try:
            written = self._example_certificate.stat().st_mtime_ns
        except OSError:
            written = 0
        # A certificate that was made anew is taken up without a restart.
        key = ("", written)
        credentials = self._credentials.get(key)
        if credentials is None:
            credentials = read_folder(self._example_certificate.parent)
            self._credentials.put(key, credentials)
        return credentials

    def _draw(self, content: PassContent, credentials: Credentials) -> tuple[Package, bytes]:
        """Draws the card by one of the last few designs of its template, or by one made now."""
        template = (credentials.pass_type_id, credentials.team_id, content.template)
        designs = self._designs.get(template) or ()
        for design in designs:
            drawn = design.draw(content)
            if drawn is not None:
                return drawn
        address = f"{self._base_url}/wallet/apple/{credentials.pass_type_id}"
        design = Design(content, self._laid_out_pictures(content), credentials, address)
        self._designs.put(template, (design, *designs[: DESIGNS_OF_TEMPLATE - 1]))
        drawn = design.draw(content)
        assert drawn is not None  # noqa: S101 - a design fits the card that it was made for
        return drawn

    def _laid_out_pictures(self, content: PassContent) -> Package:
        """The same block of pictures for all designs that show the same."""
        files = picture_files(content)
        key = tuple(files.items())
        package = self._pictures.get(key)
        if package is None:
            package = extended(EMPTY, files)
            self._pictures.put(key, package)
        return package


def _filename(merchant: str) -> str:
    """The merchant's name in plain letters: safe in any header and any file system."""
    ascii_only = unicodedata.normalize("NFKD", merchant).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:60]
    return f"{name or 'card'}.pkpass"
