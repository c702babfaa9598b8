"""``treuepass simulate iphone``: adds a card, shows it, stays and shows each update."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from wallet_apple.shown_pushes import device_hash
from wallet_apple.simulate.face import HeldPass, NotAPass, show
from wallet_apple.simulate.phone import TIMEOUT, USER_AGENT, Phone, Refused, Update

PHONES = "simulated-iphones.json"
"""In the data folder: which simulated phone holds which card, so that it can be removed later."""

_LISTEN = 0.25
"""Seconds between two looks into the visible log of test mode."""
_PULL = 5.0
"""Seconds between two pulls where pushes go to Apple and cannot be heard here."""
_LINK = re.compile(r"<a\b[^>]*\bdata-wallet=[\"']apple[\"'][^>]*>")
_HREF = re.compile(r"\bhref=[\"']([^\"']+)[\"']")


def add_iphone(simulating: Any) -> None:
    help_ = "a small honest iPhone: adds the card, shows its face and each update as text"
    phone = simulating.add_parser("iphone", help=help_, description=help_)
    phone.add_argument("url", metavar="CARD_INSTALL_URL", help="the personal link, or /c/… or /i/…")
    phone.add_argument("--language", default="en", choices=("de", "en", "nl"))
    phone.add_argument("--remove", action="store_true", help="removes the card from the phone")
    phone.add_argument("--once", action="store_true", help="ends when the card was shown")
    phone.set_defaults(command=iphone)


def iphone(parsed: argparse.Namespace, settings: Any, assemble: object) -> int:
    """Stays until it is interrupted or the card was withdrawn; 1 when the server misbehaved."""
    kept = settings.data_dir / PHONES
    try:
        phone, held = _add(parsed.url, parsed.language, kept)
        _say(f"Added to the phone.\n\n{show(held)}\n")
        if parsed.remove:
            phone.remove(held.serial)
            _keep(kept, parsed.url, None)
            _say("Removed from the phone.")
        elif not parsed.once:
            _stay(phone, held)
    except (requests.RequestException, NotAPass, Refused) as error:
        sys.stderr.write(f"treuepass: {error}\n")
        return 1
    except KeyboardInterrupt:
        _say("\nThe card stays on the phone. --remove takes it off.")
    return 0


def download(http: requests.Session, url: str, language: str) -> requests.Response:
    """Opens an install link as Safari does and taps on Apple Wallet. Raises Refused."""
    headers = {"User-Agent": USER_AGENT, "Accept-Language": language}
    page = http.get(url, headers=headers, timeout=TIMEOUT)
    if page.status_code != requests.codes.ok:
        raise Refused(f"The link was answered with {page.status_code}.")
    link = _LINK.search(page.text)
    address = _HREF.search(link[0]) if link else None
    if address is None:
        raise Refused("The page of this link offers no Apple Wallet.")
    answer = http.get(urljoin(page.url, unescape(address[1])), headers=headers, timeout=TIMEOUT)
    if answer.status_code != requests.codes.ok:
        raise Refused(f"The pass was answered with {answer.status_code}.")
    kind = answer.headers.get("Content-Type", "")
    if kind != "application/vnd.apple.pkpass":
        raise Refused(f"Safari cannot open a file of the type {kind!r}.")
    return answer


def _add(url: str, language: str, kept: Path) -> tuple[Phone, HeldPass]:
    phone = Phone(language=language)
    known = _kept(kept).get(url)
    if known is not None:
        phone.device, phone.push_token = known["device"], known["push_token"]
    answer = download(phone.http, url, language)
    held = phone.add(answer.content, answer.headers.get("Last-Modified"))
    _keep(kept, url, {"device": phone.device, "push_token": phone.push_token})
    return phone, held


def _stay(phone: Phone, held: HeldPass) -> None:
    """Wakes with each push and shows what it brings, until the card is withdrawn."""
    base = str(held.face["webServiceURL"])
    pushes = f"{base}/v1/test-pushes/{device_hash(phone.push_token)}"
    first = phone.http.get(pushes, timeout=TIMEOUT)
    listens = first.status_code == requests.codes.ok
    position = first.json()["position"] if listens else ""
    if listens:
        _say("Listening for pushes (test mode).")
    else:
        _say(f"Pushes go to Apple, so the card is pulled down every {_PULL:g} seconds.")
    while not phone.passes[held.serial].voided:
        time.sleep(_LISTEN if listens else _PULL)
        if listens:
            heard = phone.http.get(pushes, params={"after": position}, timeout=TIMEOUT).json()
            position = heard["position"]
            if not heard["pushes"]:
                continue
        for update in phone.wake():
            _say(_shown(update))


def _shown(update: Update) -> str:
    at = time.strftime("%H:%M:%S")
    said = "".join(f"\n{at}  lock screen: {message}" for message in update.messages)
    return f"{said}\n{at}  the card now:\n{show(update.held, back=False)}\n"


def _kept(file: Path) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _keep(file: Path, url: str, phone: dict[str, str] | None) -> None:
    phones = _kept(file)
    phones.pop(url, None)
    if phone is not None:
        phones[url] = phone
    file.write_text(json.dumps(phones))
    file.chmod(0o600)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
