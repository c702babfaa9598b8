"""The simulated iPhone: registers, asks what changed, fetches, complains and unregisters.

Source: Apple, Adding a Web Service to Update Passes; what a device posts to the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import requests

from wallet_apple.simulate.face import HeldPass, messages, open_pass

TIMEOUT = 30.0
GRACE = timedelta(seconds=300)
"""A device does not complain about a change that is younger than this."""

USER_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)


class Refused(RuntimeError):
    """The server did not answer as Apple's protocol demands; the sentence says where."""


@dataclass(frozen=True, slots=True)
class Update:
    """A new version of a pass, and what the lock screen says about it."""

    held: HeldPass
    messages: tuple[str, ...]


@dataclass
class Phone:
    """One device with its passes. ``device`` and ``push_token`` are its own; it keeps both."""

    language: str = "en"
    device: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    push_token: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    scheme: str = "ApplePass"
    http: requests.Session = field(default_factory=requests.Session, repr=False)
    passes: dict[str, HeldPass] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def add(self, body: bytes, last_modified: str | None = None) -> HeldPass:
        """Opens the file and registers for updates. Raises NotAPass and Refused."""
        held = open_pass(body, self.language, last_modified)
        self.passes[held.serial] = held
        if "webServiceURL" in held.face:
            answer = self._send(
                "POST", self._registration(held), held, json={"pushToken": self.push_token}
            )
            if answer.status_code not in {200, 201}:
                raise Refused(f"The registration was answered with {answer.status_code}.")
        return held

    def wake(self) -> list[Update]:
        """What a push makes a device do: asks every web service it knows, fetches what changed."""
        services = {
            (str(held.face["webServiceURL"]), held.type_id)
            for held in self.passes.values()
            if "webServiceURL" in held.face
        }
        return [
            update
            for service, type_id in sorted(services)
            for update in self._ask(service, type_id)
        ]

    def fetch(self, serial: str) -> Update | None:
        """Asks for the newest version of a pass; None when there is none newer. Raises Refused."""
        held = self.passes[serial]
        since = {"If-Modified-Since": held.last_modified} if held.last_modified else {}
        url = f"{_service(held)}/v1/passes/{quote(held.type_id)}/{quote(serial, safe='')}"
        answer = self._send("GET", url, held, headers=since)
        if answer.status_code == requests.codes.not_modified:
            self._complain_if_old(
                held,
                answer,
                f"Server requested update to serial number '{serial}', but the pass was unchanged.",
            )
            return None
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The pass {serial} was answered with {answer.status_code}.")
        modified = answer.headers.get("Last-Modified")
        if modified is None:
            self._complain(
                held,
                f"Server returned the pass data for serial number '{serial}' but did not provide"
                " a 'last-modified' header.",
            )
        new = open_pass(answer.content, self.language, modified)
        if new.face == held.face:
            self._complain(
                held,
                f"Server ignored the 'if-modified-since' header ({held.last_modified}) and returned"
                f" the full unchanged pass data for serial number '{serial}'.",
            )
        self.passes[serial] = new
        return Update(new, tuple(messages(held, new)))

    def remove(self, serial: str) -> None:
        """Deletes the pass and unregisters. Raises Refused."""
        held = self.passes.pop(serial)
        answer = self._send("DELETE", self._registration(held), held)
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The removal was answered with {answer.status_code}.")

    def _ask(self, service: str, type_id: str) -> list[Update]:
        tag = self.tags.get(service)
        url = f"{service}/v1/devices/{self.device}/registrations/{quote(type_id)}"
        answer = self.http.get(
            url, params={"passesUpdatedSince": tag} if tag else {}, timeout=TIMEOUT
        )
        held = next(each for each in self.passes.values() if each.type_id == type_id)
        if answer.status_code == requests.codes.no_content:
            self._complain_if_old(
                held,
                answer,
                f"Device received spurious push. Request for passesUpdatedSince '{tag}' returned"
                f" no serial numbers. (Device = {self.device})",
            )
            return []
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The list of changes was answered with {answer.status_code}.")
        listed = answer.json()
        serials, newest = listed["serialNumbers"], listed.get("lastUpdated")
        if newest is None:
            self._complain(
                held,
                f"Response to 'What changed?' request included {len(serials)} serial numbers but"
                " omitted a lastUpdated tag.",
            )
        elif newest == tag:
            self._complain(
                held,
                f"Response to 'What changed?' request included {len(serials)} serial numbers but"
                f" the lastUpdated tag ({tag}) remained the same.",
            )
        updates = [self.fetch(serial) for serial in serials if serial in self.passes]
        if newest is not None:
            self.tags[service] = str(newest)
        return [update for update in updates if update is not None]

    def _registration(self, held: HeldPass) -> str:
        serial = quote(held.serial, safe="")
        type_id = quote(held.type_id)
        return f"{_service(held)}/v1/devices/{self.device}/registrations/{type_id}/{serial}"

    def _send(
        self,
        method: str,
        url: str,
        held: HeldPass,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> requests.Response:
        secret = f"{self.scheme} {held.face['authenticationToken']}"
        return self.http.request(
            method,
            url,
            headers={"Authorization": secret, **(headers or {})},
            json=json,
            timeout=TIMEOUT,
        )

    def _complain_if_old(self, held: HeldPass, answer: requests.Response, message: str) -> None:
        # By the server's clock; it is right that this phone has none of its own.
        changed, asked = held.last_modified, answer.headers.get("Date")
        if not changed or not asked:
            return
        if parsedate_to_datetime(asked) - parsedate_to_datetime(changed) >= GRACE:
            self._complain(held, message)

    def _complain(self, held: HeldPass, message: str) -> None:
        self.complaints.append(message)
        self.http.post(f"{_service(held)}/v1/log", json={"logs": [message]}, timeout=TIMEOUT)


def _service(held: HeldPass) -> str:
    return str(held.face["webServiceURL"]).rstrip("/")
