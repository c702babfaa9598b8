"""The simulated browser: does over HTTP what the script of a card's page does.

Source: spec/web.md 1.2, 1.3 and 6.4, as card.js follows them: an app that was started from the home
screen says so, subscribes, and shows its subscription each time it is opened.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from passes.wallet_port import PageEvent
from pwa import base64url
from pwa.simulate import page
from pwa.simulate.inbox import PushService

TIMEOUT = 30.0
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Mobile Safari/537.36"
)
_FROM_THE_HOME_SCREEN = "?src=hs"
_REMOVED = "removed"


class Refused(RuntimeError):
    """The server did not do what a page needs; the sentence says where."""


class Withdrawn(RuntimeError):
    """The card is gone, for good."""


def new_device() -> str:
    """A device's name as card.js makes it: 22 characters of base64url."""
    return base64url.encoded(secrets.token_bytes(16))


@dataclass
class Browser:
    """One browser on one device. ``device`` is its own for one card; it keeps it."""

    language: str = "en"
    device: str = field(default_factory=new_device, repr=False)
    http: requests.Session = field(default_factory=requests.Session, repr=False)
    url: str = field(default="", repr=False)
    """The address of the card's page, once it was opened."""
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def open(self, url: str) -> None:
        """Opens a card's page, or the one that an install link leads to, in a tab. Raises
        Refused and Withdrawn."""
        opened, address = self._page(url)
        if not opened.is_card:
            if opened.card_link is None:
                raise Refused("The page of this link offers no card in the browser.")
            opened, address = self._page(urljoin(address, opened.card_link))
            if not opened.is_card:
                raise Refused("The link to the card leads to a page that is none.")
        self.url = address.partition("?")[0].partition("#")[0]
        self._keep(opened)

    def start(self) -> None:
        """Starts the card from the home screen, which is the proof that it is on a device."""
        opened, _ = self._page(self.url + _FROM_THE_HOME_SCREEN)
        self._keep(opened)
        self._report(PageEvent.STARTED.value)

    def subscribe(self, push: PushService) -> None:
        """Subscribes to pushes and tells the server where they go. Raises Refused."""
        try:
            server_key = base64url.decoded(self.facts.get("data-push-key", ""))
        except ValueError:
            server_key = b""
        if not server_key:
            raise Refused("The page has no key to subscribe to pushes with.")
        made = push.subscribe(server_key)
        told = {
            "device": self.device,
            "mode": "standalone",
            "subscription": made.keys.subscription(made.endpoint),
            "key": self.facts.get("data-push-key-id", ""),
        }
        answer = self._send("POST", "push-subscription", told)
        if not answer.ok:
            raise Refused(
                f"The subscription was answered with {_said(answer)}\nPushes to the simulator go to"
                f" this machine: start the server with TREUEPASS_WEBPUSH_EXTRA_HOSTS={push.host}"
            )

    def unsubscribe(self) -> None:
        """Wants no more pushes; the card stays on the home screen."""
        self._send("DELETE", "push-subscription", {"device": self.device, "mode": "standalone"})

    def state(self) -> dict[str, Any]:
        """What state.json holds now. Raises Withdrawn and Refused."""
        answer = self._get(urljoin(self.url, "state.json"))
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The state of the card was answered with {answer.status_code}.")
        return dict(answer.json())

    def remove(self) -> None:
        """Takes the card off this device, as the page's own button does. Raises Refused."""
        self.unsubscribe()
        self._report(_REMOVED)

    def _page(self, url: str) -> tuple[page.Opened, str]:
        """A page and its address, behind all redirects."""
        answer = self._get(url)
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The link was answered with {answer.status_code}.")
        return page.read(answer.text), answer.url

    def _keep(self, opened: page.Opened) -> None:
        self.title, self.facts = opened.title, opened.facts

    def _get(self, url: str) -> requests.Response:
        headers = {"User-Agent": USER_AGENT, "Accept-Language": self.language}
        answer = self.http.get(url, headers=headers, timeout=TIMEOUT)
        if answer.status_code == requests.codes.gone:
            raise Withdrawn("This card is no longer valid.")
        return answer

    def _report(self, name: str) -> None:
        told = {"n": name, "mode": "standalone", "device": self.device}
        answer = self._send("POST", "event", told)
        if not answer.ok:
            raise Refused(f"The event {name} was answered with {_said(answer)}")

    def _send(self, method: str, what: str, told: Mapping[str, object]) -> requests.Response:
        """As a script's ``fetch`` on the page sends it. Raises Withdrawn."""
        parts = urlsplit(self.url)
        answer = self.http.request(
            method,
            urljoin(self.url, what),
            json=told,
            headers={
                "User-Agent": USER_AGENT,
                "Origin": f"{parts.scheme}://{parts.netloc}",
                "Sec-Fetch-Site": "same-origin",
                "Sec-Fetch-Mode": "cors",
            },
            timeout=TIMEOUT,
        )
        if answer.status_code == requests.codes.gone:
            raise Withdrawn("This card is no longer valid.")
        return answer


def _said(answer: requests.Response) -> str:
    """The status, and what a problem document says of it."""
    try:
        told = answer.json()
        wrong = [f"{each['field']}: {each['message']}" for each in told.get("fields", ())]
        said = "; ".join(wrong) or told["detail"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.status_code}."
    return f"{answer.status_code}: {said}"
