"""Google Wallet behind the port: what it offers to a visitor, and how a change reaches Google."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

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
    Platform,
    Reason,
    Receipt,
    Redirect,
    State,
    Style,
    Visitor,
    WalletError,
    WalletMisconfigured,
)
from wallet_google import pacing, rest
from wallet_google.addresses import API_BASE, Site, is_loopback
from wallet_google.credentials import TEST_ISSUER_ID, CredentialStore
from wallet_google.objects import HERO, LOGO, PHOTO, family, resource_id
from wallet_google.onboarding import try_out
from wallet_google.save_link import named_in, save_link
from wallet_google.stand_in import FILE_NAME, StandIn
from wallet_google.transport import HttpTransport, Transport
from wallet_google.upkeep import Change, Line, Upkeep

_log = logging.getLogger(__name__)

_MOST_UNSAID = 100_000
"""Objects of one list that Google says nothing of, and that are remembered until it is over."""


class GoogleWallet:
    """The wallet of Android phones. Google keeps the pass; we insert it and tell every change."""

    kind = "google"
    title = "Google Wallet"
    pace: float | None
    together: int
    loud_a_day: int | None = 3
    pictures: tuple[PictureSize, ...] = (
        PictureSize(LOGO, "logo", 660, 660, Crop.CONTAIN),
        PictureSize(HERO, "strip", 1032, 336, Crop.COVER),
        PictureSize(PHOTO, "photo", 1032, 1032, Crop.SHRINK),
    )

    def __init__(
        self,
        *,
        base_url: str,
        data_dir: Path,
        api_base: str | None,
        save_url: str,
        clock: Callable[[], float],
        turn: Callable[[str, float, bool], float],
        pace: float = pacing.DEFAULT,
        together: int = 1,
    ) -> None:
        """``api_base`` None: Google's own, and a stand-in for merchants in test mode.

        ``clock`` gives seconds since 1970; ``turn`` is the port's ``Issuer.turn`` for Google.
        """
        self.pace = pace
        self.together = together
        self._base_url = base_url
        self._save_url = save_url
        self._clock = clock
        near = api_base is not None and is_loopback(api_base)
        self._site = Site(base_url, near)
        self._test_site = Site(base_url, near or api_base is None)
        paced = pacing.Pacing(turn, lambda: self.pace or pacing.DEFAULT)
        google = HttpTransport(api_base or API_BASE, clock, paced)
        self._transport: Transport = google
        self._test_transport: Transport = (
            StandIn(data_dir / FILE_NAME, clock) if api_base is None else self._transport
        )
        self._unhurried = google.unhurried()
        self._test_unhurried = self._unhurried if api_base else self._test_transport
        self._credentials = CredentialStore(data_dir, loopback_tokens=near)
        self._upkeep = Upkeep()

    def suits(self, visitor: Visitor) -> Fit:
        """Android has it built in; a computer can save to the account; iPhones cannot show it."""
        fits = {Platform.ANDROID: Fit.NATIVE, Platform.OTHER: Fit.POSSIBLE, Platform.IOS: Fit.NO}
        return fits[visitor.platform]

    def identity(self, template: str, serial: str, account: Account | None) -> Mapping[str, str]:
        """Google's ids of the card; empty while the merchant's account cannot be used."""
        try:
            issuer_id = self._credentials.of(account).issuer_id if account else TEST_ISSUER_ID
        except WalletMisconfigured:
            return {}
        return {
            "issuer_id": issuer_id,
            "class_id": resource_id(issuer_id, template),
            "object_id": resource_id(issuer_id, serial),
        }

    def offer(self, content: PassContent, visitor: Visitor) -> Redirect:
        """A save link for the pass, which is at Google before the link is handed out."""
        line = self._line(content.account)
        self._upkeep.bring_class(content, line)
        self._upkeep.bring_object(content, line)
        link = save_link(
            line.credentials,
            family(content.style),
            resource_id(line.credentials.issuer_id, content.serial),
            save_url=self._save_url,
            origin=self._base_url,
            now=int(self._clock()),
        )
        return Redirect(link)

    def push(
        self, content: PassContent, installations: Sequence[Installation], reason: Reason
    ) -> Sequence[Receipt]:
        """Updates class and object; a changed balance of a loyalty card that somebody has asks
        Google to announce it.

        A card that Google does not have is inserted only when it is installed: without an
        installation nobody chose Google, and Google must not learn of the customer. One that was
        withdrawn is not inserted at all.
        """
        return self._push(content, installations, reason, urgent=True)

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        if not urgent and self.together > 1 and len(batch) > 1:
            return self._push_together(batch)
        answers: list[Sequence[Receipt] | WalletError] = []
        for content, installations, reason in batch:
            try:
                answers.append(self._push(content, installations, reason, urgent=urgent))
            except WalletError as error:
                answers.append(error)
        return answers

    def held(
        self, template: str, style: Style, account: Account | None
    ) -> Iterator[tuple[str, bool]]:
        """What Google says of the template's objects.

        Of some it says nothing. Whether that means no is not documented, so it does only where
        the same list says yes of others.
        """
        line = self._line(account, urgent=False)
        issuer_id = line.credentials.issuer_id
        objects = rest.listed(
            line.transport,
            line.credentials,
            f"{family(style)}Object",
            resource_id(issuer_id, template),
            fields="id,hasUsers",
        )
        says_yes = False
        unsaid: deque[str] = deque(maxlen=_MOST_UNSAID)
        try:
            for each in objects:
                issuer, _, serial = str(each.get("id")).partition(".")
                if issuer != issuer_id:
                    continue
                has_users = each.get("hasUsers")
                says_yes = says_yes or has_users is True
                if says_yes or has_users is not None:
                    yield serial, has_users is True
                else:
                    unsaid.append(serial)
        except rest.NotThere:
            return  # no card of this template was ever offered
        if says_yes:
            yield from ((serial, False) for serial in unsaid)

    def check(self, now: datetime, accounts: Sequence[Account] = ()) -> Sequence[Finding]:
        """What a machine without network can tell. ``now`` plays no part: no key here expires."""
        findings = []
        if not self._site.is_fetchable(self._base_url):
            findings.append(
                Finding(
                    self.kind,
                    stops=False,
                    sentence=f"Google cannot fetch pictures from {self._base_url}. Set"
                    " TREUEPASS_BASE_URL to a public https address before a merchant enters a"
                    " Google account.",
                )
            )
        for account in accounts:
            try:
                self._credentials.of(account)
            except WalletMisconfigured as error:
                sentence = f"{account.name}: {error}"
                findings.append(Finding(self.kind, stops=True, sentence=sentence))
        if accounts:
            return findings
        try:
            self._credentials.of(None)
        except WalletMisconfigured as error:
            sentence = f"Cards in test mode have no Google pass. {error}"
            findings.append(Finding(self.kind, stops=False, sentence=sentence))
        return findings

    def accept(
        self,
        given: Mapping[str, object],
        known: Sequence[Account],
        pending: Sequence[Account],
        now: datetime,
    ) -> NewAccount:
        """``issuer_id``, and ``service_account``: the key file as an object or as its text."""
        return self._credentials.accept(given)

    def request(self, given: Mapping[str, object], now: datetime) -> tuple[str, NewAccount]:
        raise CredentialsRefused(
            "wallet",
            "Google issues no certificates. Make a service account in the Google Cloud Console and"
            " enter its key file with the issuer id.",
        )

    def try_out(self, account: Account) -> Sequence[Finding]:
        """Nothing about an account that cannot be read: ``check`` says why."""
        try:
            credentials = self._credentials.of(account)
        except WalletMisconfigured:
            return []
        return try_out(self._transport, credentials, origin=self._base_url, now=int(self._clock()))

    def facts(self, account: Account) -> Mapping[str, object]:
        return self._credentials.facts(account)

    def in_test_wallet(
        self, token: str, *, has_users: bool | None = None
    ) -> Mapping[str, object] | None:
        """What the phone of whoever has this save link's token shows (``StandIn.held``).

        None unless the stand-in is in use, the example account signed the token, and the stand-in
        has the pass. ``has_users`` first adds the pass or takes it off.
        """
        if not isinstance(self._test_transport, StandIn):
            return None
        try:
            named = named_in(token, self._credentials.of(None))
            return self._test_transport.held(*named, has_users) if named else None
        except WalletError as error:
            _log.warning("The stand-in has no answer: %s", error)
            return None

    def _push(
        self,
        content: PassContent,
        installations: Sequence[Installation],
        reason: Reason,
        *,
        urgent: bool,
    ) -> Sequence[Receipt]:
        line = self._line_with_class(content, urgent=urgent)
        return self._update(_change(content, installations, reason, line), installations)

    def _push_together(
        self, batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]]
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        """Campaigns only: their objects in one request, and what else each needs by itself."""
        answers: dict[int, Sequence[Receipt] | WalletError] = {}
        changes: dict[int, Change] = {}
        for number, (content, installations, reason) in enumerate(batch):
            try:
                line = self._line_with_class(content, urgent=False)
                changes[number] = _change(content, installations, reason, line)
            except WalletError as error:
                answers[number] = error
        with self._upkeep.in_one_request([*changes.values()], self._clock) as lines:
            for (number, change), line in zip(changes.items(), lines, strict=True):
                try:
                    answers[number] = self._update(replace(change, line=line), batch[number][1])
                except WalletError as error:
                    answers[number] = error
        return [answers[number] for number in range(len(batch))]

    def _update(self, change: Change, installations: Sequence[Installation]) -> Sequence[Receipt]:
        content, line = change.content, change.line
        loud = False
        try:
            loud = self._upkeep.update_object(content, line, announce=change.announce)
        except rest.NotThere:
            if installations and content.state is not State.VOID:
                self._upkeep.bring_object(content, line)
        told = content.account is not None or not isinstance(self._test_transport, StandIn)
        return [Receipt(Outcome.DELIVERED, told=told, loud=loud) for _ in installations]

    def _line_with_class(self, content: PassContent, *, urgent: bool) -> Line:
        """The card's way to Google, once its class is there."""
        # A class is always urgent: one request that all cards of its template wait for.
        self._upkeep.bring_class(content, self._line(content.account))
        return self._line(content.account, urgent=urgent)

    def _line(self, account: Account | None, *, urgent: bool = True) -> Line:
        credentials = self._credentials.of(account)
        if account:
            transport = self._transport if urgent else self._unhurried
            return Line(transport, self._site, credentials)
        transport = self._test_transport if urgent else self._test_unhurried
        return Line(transport, self._test_site, credentials)


def _change(
    content: PassContent, installations: Sequence[Installation], reason: Reason, line: Line
) -> Change:
    """Google announces changed balances of loyalty cards; nobody hears of a card nobody has."""
    announce = (
        reason is Reason.BALANCE
        and family(content.style) == "loyalty"
        and content.state is not State.VOID
        and bool(installations)
    )
    return Change(content, line, announce)
