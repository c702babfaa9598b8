"""``treuepass simulate google``: saves a card, shows it, stays and shows each update."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import requests

from wallet_google.simulate.callback import NoKey, read_root
from wallet_google.simulate.face import HeldPass, news, show
from wallet_google.simulate.phone import TEST_MODE_ONLY, Phone, Refused, SaveLink

ACCOUNTS = "simulated-google.json"
"""In the data folder: which card the simulated account holds, so that it can be removed later."""

_LISTEN = 0.25
"""Seconds between two looks at what the stand-in for Google has."""


def add_google(simulating: Any) -> None:
    help_ = "a small honest Google Wallet: saves the card, shows its face and each update as text"
    phone = simulating.add_parser("google", help=help_, description=help_)
    phone.add_argument("url", metavar="CARD_INSTALL_URL", help="the personal link, or /c/… or /i/…")
    phone.add_argument("--language", default="en", choices=("de", "en", "nl"))
    phone.add_argument("--remove", action="store_true", help="removes the card from the account")
    phone.add_argument("--once", action="store_true", help="ends when the card was shown")
    phone.set_defaults(command=google)


def google(parsed: argparse.Namespace, settings: Any, assemble: object) -> int:
    """Stays until it is interrupted or the card was withdrawn; 1 when the server misbehaved."""
    kept = settings.data_dir / ACCOUNTS
    try:
        phone = Phone(read_root(settings.data_dir / "certs_example"), parsed.language)
        link, held = _add(phone, parsed.url, kept)
        _say(f"{show(held, phone.language)}\n")
        if parsed.remove:
            phone.remove(link)
            _keep(kept, parsed.url, None)
            _say("Removed from the account.")
        elif not parsed.once:
            _stay(phone, link, held)
    except (requests.RequestException, NoKey, Refused) as error:
        sys.stderr.write(f"treuepass: {error}\n")
        return 1
    except KeyboardInterrupt:
        _say("\nThe card stays in the account. --remove takes it off.")
    return 0


def _add(phone: Phone, url: str, kept: Path) -> tuple[SaveLink, HeldPass]:
    """Saves the card, unless the account has it: Google opens a card that it has, and tells nobody
    of that. The page of a withdrawn card is gone, the card in the account is not."""
    known = _kept(kept).get(url)
    if known is not None:
        link = SaveLink(**known)
        held = phone.look(link)
        if held is not None and held.is_saved:
            _say("In the account already.\n")
            return link, held
    link = phone.follow(url)
    held = phone.add(link)
    _keep(kept, url, asdict(link))
    _say("Saved to the account.\n")
    return link, held


def _stay(phone: Phone, link: SaveLink, held: HeldPass) -> None:
    """Shows each version, until the card is withdrawn."""
    _say("Listening for updates (test mode).")
    while not held.is_withdrawn:
        time.sleep(_LISTEN)
        new = phone.look(link)
        if new is None:
            raise Refused(f"The stand-in for Google has this card no more. {TEST_MODE_ONLY}")
        if new.changes != held.changes:
            at = time.strftime("%H:%M:%S")
            said = "".join(f"\n{at}  lock screen: {line}" for line in news(held, new))
            _say(f"{said}\n{at}  the card now:\n{show(new, phone.language, details=False)}\n")
        held = new


def _kept(file: Path) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _keep(file: Path, url: str, link: dict[str, str] | None) -> None:
    links = _kept(file)
    links.pop(url, None)
    if link is not None:
        links[url] = link
    file.write_text(json.dumps(links))
    file.chmod(0o600)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
