"""An issuer that keeps one card and notes what it is told, and a browser on that card's page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

import pwa
from passes.wallet_port import (
    CardPage,
    NoSuchCard,
    NotAllowed,
    PassContent,
    Rating,
    State,
    WalletSettings,
)
from pwa.wallet import PwaWallet
from tests.pwa.conftest import BASE_URL, CONTENT, NOW, TOKEN
from web import headers, language

DEVICE = "AAECAwQFBgcICQoLDA0ODw"
KEY = "abcdefghij-_"
SUBSCRIPTION: dict[str, Any] = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/one",
    "expirationTime": None,
    "keys": {
        # RFC 8291, 5
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
        "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}
ADDRESS = {
    "endpoint": SUBSCRIPTION["endpoint"],
    **SUBSCRIPTION["keys"],
    "key": KEY,
}


class Noting:
    """Answers as the domain does, and notes each call that would change something."""

    def __init__(self) -> None:
        self.card: PassContent = CONTENT
        self.notes: list[tuple[Any, ...]] = []
        self.is_new = True
        self.refusal: NotAllowed | None = None

    def page(self, wallet: str, token: str) -> PassContent:
        assert wallet == "pwa"
        if token != TOKEN:
            raise NoSuchCard
        return self.card

    def card_page(self, wallet: str, token: str) -> CardPage:
        return CardPage(self.page(wallet, token), (), (), None, None)

    def versions(self, wallet: str, tokens: Any) -> dict[str, int]:
        assert wallet == "pwa"
        known = self.card.state is not State.VOID
        return {token: self.card.version for token in tokens if known and token == TOKEN}

    def _note(self, *what: Any) -> bool:
        if self.refusal is not None:
            raise self.refusal
        self.notes.append(what)
        return self.is_new

    def installed(self, wallet, serial, device, address, at=None) -> bool:
        return self._note("installed", wallet, serial, device, dict(address))

    def removed(self, wallet, serial, device, at=None) -> bool:
        return self._note("removed", wallet, serial, device)

    def listening(self, wallet, serial, device, address, at=None) -> bool:
        return self._note("listening", wallet, serial, device, dict(address))

    def silent(self, wallet, serial, device, at=None) -> bool:
        return self._note("silent", wallet, serial, device)

    def happened(self, wallet, token, event) -> bool:
        assert token == TOKEN
        return self._note("happened", wallet, event.value)

    def rated(self, wallet, token, stars, comment) -> Rating:
        assert token == TOKEN
        self._note("rated", wallet, stars, comment)
        return Rating(stars, comment, NOW, True)


class OwnPage:
    """A browser on the card's page: what its scripts and its form send."""

    def __init__(self, data_dir: Path) -> None:
        self.issuer = Noting()
        settings = WalletSettings(BASE_URL, data_dir, {}, lambda: NOW)
        mounted = pwa.mount(settings, self.issuer)
        assert mounted is not None
        wallet, routes = mounted
        assert isinstance(wallet, PwaWallet)
        self.wallet = wallet
        self.app = Flask("bare", static_folder=None)
        language.init_app(self.app)
        headers.init_app(self.app, BASE_URL)
        self.app.register_blueprint(routes)
        self.client = self.app.test_client()

    @property
    def notes(self) -> list[tuple[Any, ...]]:
        return self.issuer.notes

    def becomes(self, **changes: Any) -> None:
        self.issuer.card = replace(CONTENT, **changes)

    def send(self, path: str, body: Any = None, method: str = "POST", token: str = TOKEN, **more):
        sent = {"json": body} if body is not None else {}
        return self.client.open(f"/c/{token}/{path}", method=method, **sent, **more)

    def refused(self, status: int, path: str, body: Any = None, **more):
        """The problem of a report of which nothing may be kept."""
        answer = self.send(path, body, **more)
        assert answer.status_code == status, answer.text
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == status
        assert self.notes == []
        return answer.json
