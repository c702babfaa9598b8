"""Callbacks that must change nothing, each with its name: not JSON, forged, or signed and wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes import google_callbacks as fake
from tests.fakes.google_callbacks import DAY, PROTOCOL, SENDER, CallbackSigner, compact, signature
from tests.google_saves import HOUR, GoogleSaves, milliseconds

Case = tuple[str, bytes]
NOTHING: dict[str, object] = {
    "null": None, "number": 1, "fraction": 1.5, "true": True, "empty": "", "list": [], "object": {},
    "nested": [["x"]],
}  # fmt: skip
OUTER = ("signature", "intermediateSigningKey", "protocolVersion", "signedMessage")
INNER = ("signedKey", "signatures")


@dataclass
class Hostile:
    """Starts from what Google would send about ``card``, and spoils it."""

    google: GoogleSaves
    card: Any

    def envelope(self) -> dict[str, Any]:
        return json.loads(self.google.body(self.card, "save"))

    def message(self) -> dict[str, Any]:
        return json.loads(self.envelope()["signedMessage"])

    def signed(self, message: str, recipient: str | None = None) -> bytes:
        """Any text, properly signed."""
        recipient = self.google.issuer_id if recipient is None else recipient
        ends = milliseconds() + DAY
        return json.dumps(self.google.signer.envelope(recipient, message, ends)).encode()

    def refused(self) -> list[Case]:
        """To be answered 4xx."""
        parts = (self._no_json, self._shapes, self._encodings, self._forged, self._fields)
        return [case for part in parts for case in part()]

    def _no_json(self) -> Iterator[Case]:
        body = self.google.body(self.card, "save")
        text = body.decode()
        yield from {
            "nothing": b"", "blank": b" ", "brace": b"{", "null": b"null", "true": b"true",
            "number": b"1", "text": b'"x"', "list": b"[]", "list of objects": b"[{}]",
            "object": b"{}", "no UTF-8": b"\xff\xfe\x00", "NUL": b"\x00", "XML": b"<?xml?>",
            "deep list": b"[" * 16_000, "deep object": b'{"a":' * 3_000,
            "deep inside": b'{"signedMessage":' + b"[" * 8_000 + b"]" * 8_000 + b"}",
            "byte order mark": b"\xef\xbb\xbf" + body, "UTF-16": text.encode("utf-16"),
            "cut off": body[: len(body) // 2], "more behind": body + b"x", "twice": body + body,
            "in a list": b"[" + body + b"]", "as text": json.dumps(text).encode(),
            "single quotes": text.replace('"', "'").encode(), "NaN": b'{"a":NaN,' + body[1:],
            "form": b"callback=" + quote(text).encode(), "number too long": b'{"a":' + b"9" * 9_000,
            "huge": b'{"padding":"' + b"x" * 17_000 + b'",' + body[1:],
            "huge blank": body + b" " * 1_000_000, "half a pair": b'{"signedMessage":"\\ud800"}',
        }.items()  # fmt: skip

    def _shapes(self) -> Iterator[Case]:
        for name in OUTER:
            given = self.envelope()
            del given[name]
            yield f"without {name}", json.dumps(given).encode()
            for called, value in NOTHING.items():
                yield f"{name} {called}", json.dumps(self.envelope() | {name: value}).encode()
        for name in INNER:
            inner = self.envelope()["intermediateSigningKey"]
            del inner[name]
            yield f"without {name}", self._with_inner(inner)
            for called, value in NOTHING.items():
                inner = self.envelope()["intermediateSigningKey"] | {name: value}
                yield f"{name} {called}", self._with_inner(inner)
        body, message = self.google.body(self.card, "save"), json.dumps(compact(self.message()))
        again = b'"signedMessage":' + message.encode()
        yield "message twice, ours first", b"{" + again + b"," + body[1:]
        yield "message twice, ours last", body[:-1] + b"," + again + b"}"
        yield "protocol twice", b'{"protocolVersion":"ECv1",' + body[1:]

    def _with_inner(self, inner: object) -> bytes:
        return json.dumps(self.envelope() | {"intermediateSigningKey": inner}).encode()

    def _encodings(self) -> Iterator[Case]:
        good = self.envelope()["signature"]
        raw = base64.b64decode(good)
        spoilt = {
            "no base64": "%%%", "blanks": good[:8] + " " + good[8:], "a line": good + "\n",
            "no padding": good.rstrip("=") + "A", "not ASCII": "ü" + good[1:], "NUL": "\x00" + good,
            "of another": self.envelope()["intermediateSigningKey"]["signatures"][0],
            "zeros": base64.b64encode(bytes(64)).decode(), "no DER": "AAAA",
            "cut off": base64.b64encode(raw[:-1]).decode(),
            "a byte more": base64.b64encode(raw + b"\x00").decode(),
            "r and s are 0": base64.b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode(),
            "r and s are 1": base64.b64encode(b"\x30\x06\x02\x01\x01\x02\x01\x01").decode(),
            "empty sequence": base64.b64encode(b"\x30\x00").decode(),
            "length of 2 GB": base64.b64encode(b"\x30\x84\x7f\xff\xff\xff" + raw).decode(),
        }  # fmt: skip
        for called, value in spoilt.items():
            yield (
                f"signature: {called}",
                json.dumps(self.envelope() | {"signature": value}).encode(),
            )
            if called != "of another":
                inner = self.envelope()["intermediateSigningKey"] | {"signatures": [value]}
                yield f"signature of the key: {called}", self._with_inner(inner)

    def _forged(self) -> Iterator[Case]:
        google, signer, message = self.google, self.google.signer, self.message()
        stranger = CallbackSigner()
        yield "foreign root", self._by(stranger)
        yield "foreign root, known key", self._by(CallbackSigner(intermediate=signer.intermediate))
        yield "the key signs keys", self._by(CallbackSigner(root=signer.intermediate))
        for sender in (
            "Google",
            "GoogleWalletPasses",
            "googlepaypasses",
            "GooglePayPasses\x00",
            "",
        ):
            other = CallbackSigner(signer.root, signer.intermediate)
            other.sender = sender
            yield f"sender {sender!r}", self._by(other)
        for protocol in ("ECv1", "ECv2", "ECv2SigningOnly "):
            other = CallbackSigner(signer.root, signer.intermediate)
            other.protocol = protocol
            yield f"protocol {protocol!r}", self._by(other)
        text = compact(message)
        for recipient in (
            "",
            f"merchant:{google.issuer_id}",
            f"{google.issuer_id}0",
            "338800000000",
        ):
            yield f"meant for {recipient!r}", self.signed(text, recipient)
        for name, value in {
            "eventType": "del", "nonce": "another", "expTimeMillis": milliseconds() + 9 * HOUR,
            "objectId": message["objectId"][:-1] + "0", "count": 2,
        }.items():  # fmt: skip
            changed = compact(message | {name: value})
            given = self.envelope() | {"signedMessage": changed}
            yield f"{name} changed", json.dumps(given).encode()
        yield "a blank more", json.dumps(self.envelope() | {"signedMessage": text + " "}).encode()
        old = json.loads(google.body(self.card, "save"))
        for ends in (milliseconds(), milliseconds() - DAY, 0):
            given = signer.envelope(google.issuer_id, text, ends)
            yield f"key ended {ends}", json.dumps(given).encode()
        for called, key in {
            "without an end": compact({"keyValue": fake.public_text(signer.intermediate)}),
            "with a number as its end": signer.signed_key(0).replace('"0"', "9999999999999"),
            "that is no JSON": "{", "that is a list": "[]",
        }.items():  # fmt: skip
            inner = {
                "signedKey": key,
                "signatures": [signature(signer.root, SENDER, PROTOCOL, key)],
            }
            yield f"key {called}", json.dumps(old | {"intermediateSigningKey": inner}).encode()
        yield "lengths in characters", self._counting_characters()

    def _by(self, signer: CallbackSigner) -> bytes:
        return GoogleSaves(self.google.client, signer, self.google.issuer_id).body(
            self.card, "save"
        )

    def _counting_characters(self) -> bytes:
        """What a verifier accepts that takes the length of a text for the length of its bytes."""
        signer, text = self.google.signer, compact(self.message() | {"note": "käse"})
        given = signer.envelope(self.google.issuer_id, text, milliseconds() + DAY)
        parts = (SENDER, self.google.issuer_id, PROTOCOL, text)
        data = b"".join(len(part).to_bytes(4, "little") + part.encode() for part in parts)
        proof = signer.intermediate.sign(data, ECDSA(SHA256()))
        return json.dumps(given | {"signature": base64.b64encode(proof).decode()}).encode()

    def _fields(self) -> Iterator[Case]:
        """Properly signed, and no message of ours all the same."""
        message, issuer_id, now = self.message(), self.google.issuer_id, milliseconds()
        for name in ("classId", "objectId", "eventType", "expTimeMillis", "nonce"):
            without = {each: value for each, value in message.items() if each != name}
            yield f"signed without {name}", self.signed(compact(without))
            for called, value in NOTHING.items():
                if (name, called) != ("expTimeMillis", "number"):
                    yield f"signed {name} {called}", self.signed(compact(message | {name: value}))
        wrong: dict[str, list[object]] = {
            "eventType": ["SAVE", "delete", "save ", "sáve", "\x00"],
            "expTimeMillis": [now, now - 1, 0, -1, 2**63, 10**400, -(2**63), 253_402_300_800_000,
                              str(now + HOUR), [now + HOUR]],
            "nonce": ["\x00", "a\x00b", "\n", "x" * 201, "\u202e", "\ufeff", "\x1b[31m"],
            "classId": ["x", issuer_id, f"{issuer_id}.", ".x", f"{issuer_id}.x\x00", "..", "0.x",
                        f"{issuer_id}.../x", f"{issuer_id}.' OR 1=1 --", f" {issuer_id}.x",
                        "３３８８.x", f"{issuer_id}.{'x' * 65}", f"{'3' * 400}.x",
                        "3388000000099999999.x"],
            "objectId": ["x", issuer_id, f"{issuer_id}.", f"{issuer_id}.x\x00", f"{issuer_id}.🎂",
                         f"{issuer_id}.{'9' * 65}", f"-1.{message['objectId']}",
                         "3388000000033333333." + message["objectId"].partition(".")[2]],
        }  # fmt: skip
        for name, values in wrong.items():
            for number, value in enumerate(values, 1):
                text = compact(message | {name: value})
                yield f"signed {name}, wrong {number}", self.signed(text)
        for called, text in {
            "is a list": f"[{compact(message)}]", "is text": json.dumps(compact(message)),
            "is no JSON": "save", "is deep": "[" * 8_000, "has a mark": "\ufeff" + compact(message),
            "says it twice": compact(message)[:-1] + ',"eventType":"del"}',
            "has half a pair": compact(message | {"nonce": "HALF"}).replace("HALF", "\\ud800"),
            "never ends": compact(message)[:-1] + ',"expTimeMillis":1e999}',
        }.items():  # fmt: skip
            yield f"signed message {called}", self.signed(text)
