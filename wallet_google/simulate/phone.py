"""The simulated phone: follows a save link, keeps the pass, and tells the server as Google does.

The server's stand-in for Google knows who has which pass; the callbacks that Google would send come
from here. Sources: Google, "REST Resource: Jwt" and "Use callbacks".
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric import ec

from wallet_google.simulate.callback import signed
from wallet_google.simulate.face import HeldPass

TIMEOUT = 30.0
LONGEST_TOKEN = 1_799
"""Some browsers fail on longer save links (Google's own pass converter stops at 1,800)."""
USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Mobile Safari/537.36"
)
TEST_MODE_ONLY = (
    "The simulated Google Wallet works in test mode only: while the merchant has no Google account"
    " of its own and TREUEPASS_GOOGLE_API_BASE is not set."
)

_LINK = re.compile(r"<a\b[^>]*\bdata-wallet=[\"']google[\"'][^>]*>")
_HREF = re.compile(r"\bhref=[\"']([^\"']+)[\"']")
_SEE_OTHER = {301, 302, 303, 307, 308}


class Refused(RuntimeError):
    """The server did not do what Google would need; the sentence says where."""


@dataclass(frozen=True, slots=True)
class SaveLink:
    """What a save link says, and the server that handed it out."""

    server: str
    family: str
    token: str = field(repr=False)


@dataclass
class Phone:
    """One Google account on one phone. ``root`` signs the callbacks that Google would send."""

    root: ec.EllipticCurvePrivateKey = field(repr=False)
    language: str = "en"
    http: requests.Session = field(default_factory=requests.Session, repr=False)

    def follow(self, url: str) -> SaveLink:
        """Opens an install link as Chrome does and taps on Google Wallet. Raises Refused."""
        headers = {"User-Agent": USER_AGENT, "Accept-Language": self.language}
        page = self.http.get(url, headers=headers, timeout=TIMEOUT)
        if page.status_code != requests.codes.ok:
            raise Refused(f"The link was answered with {page.status_code}.")
        link = _LINK.search(page.text)
        address = _HREF.search(link[0]) if link else None
        if address is None:
            raise Refused("The page of this link offers no Google Wallet.")
        answer = self.http.get(
            urljoin(page.url, unescape(address[1])),
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if answer.status_code not in _SEE_OTHER:
            raise Refused(f"Google Wallet's link was answered with {answer.status_code}.")
        token = urlsplit(answer.headers.get("Location", "")).path.rpartition("/")[2]
        return SaveLink(urljoin(page.url, "/"), _family_in(token), token)

    def look(self, link: SaveLink) -> HeldPass | None:
        """The pass as Google has it now; None when it has none. Raises Refused."""
        return self._ask("GET", link)

    def add(self, link: SaveLink) -> HeldPass:
        """Saves the pass to the account, of which Google tells the server. Raises Refused."""
        held = self._ask("POST", link)
        if held is None:
            raise Refused(TEST_MODE_ONLY)
        self._tell(link, held, "save")
        return held

    def remove(self, link: SaveLink) -> None:
        """Takes the pass off the account, of which Google tells the server. Raises Refused."""
        held = self._ask("DELETE", link)
        if held is None:
            raise Refused(TEST_MODE_ONLY)
        self._tell(link, held, "del")

    def _ask(self, method: str, link: SaveLink) -> HeldPass | None:
        answer = self.http.request(
            method,
            urljoin(link.server, "/wallet/google/test-wallet"),
            headers={"Authorization": f"Bearer {link.token}"},
            timeout=TIMEOUT,
        )
        if answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code != requests.codes.ok:
            raise Refused(f"The stand-in for Google answered with {answer.status_code}.")
        told = answer.json()
        return HeldPass(
            link.family,
            told["class"],
            told["object"],
            told["changes"],
            told["notified"],
            told["at"],
        )

    def _tell(self, link: SaveLink, held: HeldPass, event: str) -> None:
        body = signed(self.root, str(held.body["classId"]), str(held.body["id"]), event, held.at)
        answer = self.http.post(
            urljoin(link.server, "/wallet/google/callback"),
            data=body,
            headers={"Content-Type": "application/json", "User-Agent": "Googlebot"},
            timeout=TIMEOUT,
        )
        if not answer.ok:
            raise Refused(f"Google's callback was answered with {answer.status_code}.")


def _family_in(token: str) -> str:
    """The family of the one object that the token names. Raises Refused where Google would."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        raise Refused(f"A save link's token has 1 to {LONGEST_TOKEN} characters, not {len(token)}.")
    header, claims = (_decoded(part) for part in token.split(".")[:2]) if "." in token else ({}, {})
    if header.get("alg") != "RS256" or claims.get("aud") != "google":
        raise Refused("The save link holds no token that Google would take.")
    if claims.get("typ") != "savetowallet" or not claims.get("iss") or not claims.get("iat"):
        raise Refused("The token of the save link lacks typ, iss or iat.")
    match claims.get("payload"):
        case dict(payload) if len(payload) == 1:
            [(kind, objects)] = payload.items()
            if kind.endswith("Objects") and isinstance(objects, list) and len(objects) == 1:
                return str(kind.removesuffix("Objects"))
    raise Refused("The token of the save link does not name one object.")


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
