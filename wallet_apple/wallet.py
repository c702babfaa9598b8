"""Apple Wallet behind the port: signs passes, offers them, and tells what stands in the way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from passes.wallet_port import (
    Account,
    Download,
    Finding,
    Fit,
    Installation,
    NewAccount,
    PassContent,
    Platform,
    Reason,
    Receipt,
    Visitor,
    WalletError,
    WalletMisconfigured,
)
from wallet_apple import brought, bundle, certificates, personalise, shown_pushes, validity
from wallet_apple.design import Design
from wallet_apple.pictures import SIZES, picture_files
from wallet_apple.pkpass import EMPTY, Package, extended, pack
from wallet_apple.pushing import Pushing, PushSettings, read_settings
from wallet_apple.recent import Recent
from wallet_apple.shown_pushes import ShownPush
from wallet_apple.signing import Credentials, current, read_account, read_folder

MEDIA_TYPE = "application/vnd.apple.pkpass"
DESIGNS_OF_TEMPLATE = 12
"""Each language has its own, and so have valid, expired and withdrawn cards."""

EXPIRES_SOON = timedelta(days=30)
"""The example certificate is made anew from this day on, so earlier there is nothing to do."""

INTERMEDIATES = "apple_intermediates"
"""A folder beside the examples for Apple's intermediate certificates, so that not every merchant
has to bring the one that issued its certificate."""


class AppleWallet:
    """Draws, signs and remembers passes. Safe to use from several threads.

    What it keeps is small and can be made again: parsed credentials with their last signatures,
    pictures laid out, and designs.
    """

    kind = "apple"
    title = "Apple Wallet"
    pictures = SIZES
    pace: float | None = None
    together: int = 1
    loud_a_day: int | None = None
    most_in_bundle = bundle.MOST_PASSES

    def __init__(
        self,
        base_url: str,
        example_folder: Path,
        clock: Callable[[], datetime],
        push_settings: PushSettings | None = None,
    ) -> None:
        """``clock`` gives the time of signing, in UTC. ``push_settings``: those without any
        environment if not given. The log of test pushes lies beside ``example_folder``."""
        self._base_url = base_url
        self._example_certificate = example_folder / "pass.pem"
        self._clock = clock
        self._intermediates = example_folder.parent / INTERMEDIATES
        self._credentials: Recent[tuple[str, int], tuple[Credentials, ...]] = Recent(64)
        self._pictures: Recent[tuple[tuple[str, bytes], ...], Package] = Recent(32)
        self._designs: Recent[tuple[str, ...], tuple[Design, ...]] = Recent(64)
        self._pushing = Pushing(
            push_settings or read_settings({}),
            self.credentials,
            example_folder.parent / shown_pushes.FILE_NAME,
            clock,
        )

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
        """Wakes the devices, which then fetch the pass (pushing.py)."""
        [answer] = self.push_many([(content, installations, reason)])
        if isinstance(answer, WalletError):
            raise answer
        return answer

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        """The devices of all cards at once, over a few connections for each certificate."""
        return self._pushing.push_many(batch)

    def shown_pushes(self, device: str, position: str | None) -> tuple[str, list[ShownPush]] | None:
        """What a simulated phone hears: see ``Pushing.shown_to``."""
        return self._pushing.shown_to(device, position)

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        """Whether certificates hold: those of the accounts, or the example ones without any.

        ``now`` is an aware time.
        """
        if accounts:
            return [each for account in accounts for each in validity.findings(account, now)]
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

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        """A certificate with its key, as files or as a .p12 (certificates.accept)."""
        issuers = [
            *brought.read_folder(self._intermediates),
            *brought.read_folder(self._example_certificate.parent),
        ]
        return certificates.accept(given, known, pending, issuers, now)

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        """A certificate signing request for Apple; ``given``: common_name, and email if wanted."""
        return certificates.make_request(given)

    def try_out(self, account: Account) -> Sequence[Finding]:
        """Nothing: Apple has no address that only tells whether it takes a certificate."""
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        """Team, validity and certificates; or the request of a key that waits."""
        return validity.facts(account)

    # --- passes ---

    def signed_pass(self, content: PassContent) -> bytes:
        """The bytes of the .pkpass. Raises ContentRefused or WalletMisconfigured."""
        credentials = self.credentials(content.account)
        package, pass_json = self._draw(content, credentials)
        return pack(package, pass_json, lambda manifest: credentials.sign(manifest, self._clock()))

    def bundle(self, contents: Sequence[PassContent], visitor: Visitor) -> Download:
        """The passes of several cards in one file (bundle.pack)."""
        packed = bundle.pack([self.signed_pass(content) for content in contents])
        name = _filename(contents[0].merchant) + "es"
        return Download(packed, bundle.MEDIA_TYPE, name)

    def is_type_of(self, account_names: Collection[str], pass_type_id: str) -> bool:
        """Whether a merchant with these accounts has passes of this type.

        Passes that were handed out in test mode stay reachable when real certificates have come.
        """
        return pass_type_id in account_names or pass_type_id == self.example_type

    @property
    def example_type(self) -> str | None:
        """The pass type of test mode; None while there are no example certificates."""
        try:
            return self._example_credentials().pass_type_id
        except WalletMisconfigured:
            return None

    def of_type(self, content: PassContent, pass_type_id: str) -> PassContent:
        """The same pass, to be made with the merchant's account for this pass type. A pass keeps
        its type for life, so what was handed out under an earlier one stays under it.

        Raises WalletMisconfigured when the merchant has no such account any more.
        """
        for account in filter(None, (content.account, *content.earlier_accounts)):
            if account.name == pass_type_id:
                return _with_account(content, account)
        if pass_type_id == self.example_type:
            return _with_account(content, None)
        raise WalletMisconfigured(f"There is no certificate for {pass_type_id}. Import one.")

    def sign_token(self, content: PassContent, token: bytes) -> bytes:
        """The detached signature of a personalisation token. Raises WalletMisconfigured."""
        return self.credentials(content.account).sign(token, self._clock())

    def now(self) -> datetime:
        """The time by the wallet's clock."""
        return self._clock()

    def credentials(self, account: Account | None) -> Credentials:
        """What to sign with now: a merchant's, or the example ones. Raises WalletMisconfigured."""
        if account is None:
            return self._example_credentials()
        key = (account.id, account.version)
        credentials = self._credentials.get(key)
        if credentials is None:
            credentials = read_account(account)
            self._credentials.put(key, credentials)
        return credentials[0] if len(credentials) == 1 else current(credentials, self._clock())

    def _example_credentials(self) -> Credentials:
        try:
            written = self._example_certificate.stat().st_mtime_ns
        except OSError:
            written = 0
        # A certificate that was made anew is taken up without a restart.
        key = ("", written)
        credentials = self._credentials.get(key)
        if credentials is None:
            credentials = (read_folder(self._example_certificate.parent),)
            self._credentials.put(key, credentials)
        return credentials[0]

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
        files |= personalise.files(content, files)
        key = tuple(files.items())
        package = self._pictures.get(key)
        if package is None:
            package = extended(EMPTY, files)
            self._pictures.put(key, package)
        return package


def _with_account(content: PassContent, account: Account | None) -> PassContent:
    return content if content.account is account else replace(content, account=account)


def _filename(merchant: str) -> str:
    """The merchant's name in plain letters: safe in any header and any file system."""
    ascii_only = unicodedata.normalize("NFKD", merchant).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:60]
    return f"{name or 'card'}.pkpass"
