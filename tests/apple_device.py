"""A device with Apple Wallet, as far as the tests of the web service need one: it says over HTTP
what such a device says, and remembers what it would."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from flask.testing import FlaskClient


@dataclass(frozen=True)
class Pass:
    """What a downloaded .pkpass says about where it belongs."""

    face: dict[str, Any]

    @classmethod
    def read(cls, file: bytes) -> Pass:
        with zipfile.ZipFile(io.BytesIO(file)) as package:
            return cls(json.loads(package.read("pass.json")))

    @property
    def serial(self) -> str:
        return self.face["serialNumber"]

    @property
    def type(self) -> str:
        return self.face["passTypeIdentifier"]

    @property
    def secret(self) -> str:
        return self.face["authenticationToken"]

    @property
    def base(self) -> str:
        return f"{urlsplit(self.face['webServiceURL']).path}/v1"

    @property
    def path(self) -> str:
        return f"{self.base}/passes/{self.type}/{quote(self.serial, safe='')}"

    @property
    def figures(self) -> dict[str, Any]:
        [style] = [self.face[key] for key in ("storeCard", "coupon", "generic") if key in self.face]
        return {each["key"]: each["value"] for group in style.values() for each in group}


@dataclass
class Device:
    """One phone or watch. ``tag`` is what it got with the last list, ``dates`` what it would send
    as If-Modified-Since."""

    client: FlaskClient
    name: str = "phone"
    scheme: str = "ApplePass"
    tag: str | None = None
    dates: dict[str, str] = field(default_factory=dict)

    def download(self, card: Any) -> Pass:
        """Follows the link of a card of the API's; the pass is not in the wallet yet."""
        response = self.client.get(urlsplit(card["links"]["apple"]).path)
        assert response.status_code == 200, response.text
        return Pass.read(response.data)

    def registration(self, held: Pass) -> str:
        name, serial = quote(self.name, safe=""), quote(held.serial, safe="")
        return f"{held.base}/devices/{name}/registrations/{held.type}/{serial}"

    def proof(self, held: Pass) -> dict[str, str]:
        return {"Authorization": f"{self.scheme} {held.secret}"}

    def register(self, held: Pass, token: str = "") -> Any:
        body = {"pushToken": token or f"token-of-{self.name}"}
        return self.client.post(self.registration(held), json=body, headers=self.proof(held))

    def unregister(self, held: Pass) -> Any:
        return self.client.delete(self.registration(held), headers=self.proof(held))

    def list(self, held: Pass) -> list[str]:
        """What changed, as the device asks after a push; keeps the tag."""
        name = quote(self.name, safe="")
        response = self.client.get(
            f"{held.base}/devices/{name}/registrations/{held.type}",
            query_string={} if self.tag is None else {"passesUpdatedSince": self.tag},
        )
        if response.status_code == 204:
            assert response.data == b""
            return []
        assert response.status_code == 200
        before, self.tag = self.tag, response.json["lastUpdated"]
        assert before != self.tag, "a device takes the same tag for a fault (code 6)"
        serials: list[str] = response.json["serialNumbers"]
        return serials

    def fetch(self, held: Pass) -> Pass | None:
        """The newest pass; None when this one is."""
        headers = self.proof(held)
        if held.serial in self.dates:
            headers["If-Modified-Since"] = self.dates[held.serial]
        response = self.client.get(held.path, headers=headers)
        if response.status_code == 304:
            return None
        assert response.status_code == 200, response.status_code
        self.dates[held.serial] = response.headers["Last-Modified"]
        return Pass.read(response.data)

    def add(self, card: Any) -> Pass:
        """Downloads the pass and puts it into the wallet."""
        held = self.download(card)
        assert self.register(held).status_code == 201
        return held
