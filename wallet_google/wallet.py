"""Google Wallet behind the port: what it offers to a visitor, and how a change reaches Google."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    Visitor,
    WalletError,
    WalletMisconfigured,
    push_each,
)
from wallet_google import rest
from wallet_google.addresses import API_BASE, Site, is_loopback
from wallet_google.credentials import TEST_ISSUER_ID, Credentials, CredentialStore
from wallet_google.objects import HERO, LOGO, Body, class_body, family, object_body, resource_id
from wallet_google.save_link import save_link
from wallet_google.stand_in import StandIn
from wallet_google.transport import HttpTransport, Transport

_log = logging.getLogger(__name__)


class GoogleWallet:
    """The wallet of Android phones. Google keeps the pass; we insert it and tell every change."""

    kind = "google"
    title = "Google Wallet"
    pace: float | None = 15.0
    loud_a_day: int | None = 3
    pictures: tuple[PictureSize, ...] = (
        PictureSize(LOGO, "logo", 660, 660, Crop.CONTAIN),
        PictureSize(HERO, "strip", 1032, 336, Crop.COVER),
    )

    def __init__(
        self,
        *,
        base_url: str,
        data_dir: Path,
        api_base: str | None,
        save_url: str,
        clock: Callable[[], float],
    ) -> None:
        """``api_base`` None: Google's own, and a stand-in for merchants in test mode.

        ``clock`` gives seconds since 1970.
        """
        self._base_url = base_url
        self._save_url = save_url
        self._clock = clock
        near = api_base is not None and is_loopback(api_base)
        self._site = Site(base_url, near)
        self._test_site = Site(base_url, near or api_base is None)
        self._transport: Transport = HttpTransport(api_base or API_BASE, clock)
        self._test_transport: Transport = StandIn() if api_base is None else self._transport
        self._credentials = CredentialStore(data_dir, loopback_tokens=near)
        self._classes: dict[str, tuple[int, bytes]] = {}

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
        line = self._line(content)
        self._bring_class(content, line)
        self._bring_object(content, line)
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
        """Updates class and object; a changed balance asks Google to tell the customer.

        A card that Google does not have is inserted only when it is installed: without an
        installation nobody chose Google, and Google must not learn of the customer.
        """
        line = self._line(content)
        self._bring_class(content, line)
        try:
            self._update_object(content, line, notify=reason is Reason.BALANCE)
        except rest.NotThere:
            if installations:
                self._bring_object(content, line)
        told = not isinstance(line.transport, StandIn)
        return [Receipt(Outcome.DELIVERED, told=told) for _ in installations]

    def push_many(
        self,
        batch: Sequence[tuple[PassContent, Sequence[Installation], Reason]],
        *,
        urgent: bool = True,
    ) -> Sequence[Sequence[Receipt] | WalletError]:
        return push_each(self, batch)

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
        return []

    def facts(self, account: Account) -> Mapping[str, object]:
        return self._credentials.facts(account)

    def _line(self, content: PassContent) -> _Line:
        credentials = self._credentials.of(content.account)
        if content.account:
            return _Line(self._transport, self._site, credentials)
        return _Line(self._test_transport, self._test_site, credentials)

    def _bring_class(self, content: PassContent, line: _Line) -> None:
        """Sends the class when this process has not sent it, or it changed since."""
        body = class_body(content, line.credentials.issuer_id, line.site)
        fingerprint = (content.template_version, _digest(body))
        class_id = str(body["id"])
        if self._classes.get(class_id) != fingerprint:
            resource = f"{family(content.style)}Class"
            rest.upsert(line.transport, line.credentials, resource, body)
            self._classes[class_id] = fingerprint

    def _bring_object(self, content: PassContent, line: _Line) -> None:
        resource = f"{family(content.style)}Object"
        body = object_body(content, line.credentials.issuer_id, line.site)
        try:
            rest.upsert(line.transport, line.credentials, resource, body)
        except rest.NotThere:
            # The class went away without us: a stand-in or a test issuer that was reset.
            self._classes.pop(str(body["classId"]), None)
            self._bring_class(content, line)
            rest.upsert(line.transport, line.credentials, resource, body)

    def _update_object(self, content: PassContent, line: _Line, *, notify: bool) -> None:
        resource = f"{family(content.style)}Object"
        body = object_body(content, line.credentials.issuer_id, line.site)
        if notify and family(content.style) == "loyalty":
            loud = body | {"notifyPreference": "NOTIFY_ON_UPDATE"}
            try:
                rest.update(line.transport, line.credentials, resource, loud)
                return
            except rest.NotificationsSpent:
                _log.info("Google notifies no more today of %s; updated silently", body["id"])
        rest.update(line.transport, line.credentials, resource, body)


@dataclass(frozen=True, slots=True)
class _Line:
    """How one merchant's passes reach Google, or the stand-in."""

    transport: Transport
    site: Site
    credentials: Credentials


def _digest(body: Body) -> bytes:
    # Without the rows: they follow the template's version, while single cards may lack a field.
    compared = {name: value for name, value in body.items() if name != "classTemplateInfo"}
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).digest()
