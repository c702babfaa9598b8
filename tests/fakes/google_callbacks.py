"""Google as far as its callbacks go: signs them as it does, serves the document of its root keys.

    google = CallbackSigner()
    body = google.callback("3388…", "save", class_id=…, object_id=…, expires_at=…)
    with KeyServer(google.document(expires_at=…)) as keys:
        settings = {"TREUEPASS_GOOGLE_CALLBACK_KEYS_URL": keys.url}

Written from spec/google.md §3 alone and sharing nothing with the verifier: compact JSON, ``=`` as
``\\u003d`` inside the strings that are signed, keyExpiration as a string of milliseconds.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)

SENDER = "GooglePayPasses"
PROTOCOL = "ECv2SigningOnly"

DAY = 24 * 60 * 60 * 1000
"""Milliseconds."""

# Tink's published test keys for this protocol (PaymentMethodTokenRecipientTest.java, Apache-2.0).
TINK_ROOT = (
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRi9hSdY+knJ08odnYtZFMRi7ZYeMoasAijLhD4GiQ1yhRANC"
    "AAQ1e9irEPlZrIpiG5dB690Z0sDyJ9XguxFLa4q8WjzDDKLCBAcH0OIrMbpP8/UW70GXvNbL+x7kPLjCTWYmg+7G"
)
TINK_ROOT_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENXvYqxD5WayKYhuXQevdGdLA8ifV4LsRS2uKvFo8wwyiwgQHB9DiKzG6T/P1"
    "Fu9Bl7zWy/se5Dy4wk1mJoPuxg=="
)
TINK_INTERMEDIATE = (
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+Jvpkq26tpZ0sTTZVh4teEI41SnJdmkBzM8VZ5ZirE2hRANC"
    "AATw5q6vC9vJibwlYOAU9FMgODT+RxBMUBDi3GLkg/QDIzVCJqDBGENR+OmpmSnDzG38NfDJZgzQN0eqh5VMqqZh"
)
TINK_INTERMEDIATE_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8OaurwvbyYm8JWDgFPRTIDg0/kcQTFAQ4txi5IP0AyM1QiagwRhDUfjpqZkp"
    "w8xt/DXwyWYM0DdHqoeVTKqmYQ=="
)
TINK_OTHER_PUBLIC = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU8E6JppGKFG40r5dDU1idHRN52NuwsemFzXZh1oUqh3bGUPgPioH+RoWnmVS"
    "UQz1WfM2426w9f0GADuXzpUkcw=="
)


def private_key(pkcs8: str) -> ec.EllipticCurvePrivateKey:
    key = load_der_private_key(base64.b64decode(pkcs8), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    """Base64 of its SubjectPublicKeyInfo."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def compact(value: object) -> str:
    """JSON as Google's servers write it into the strings that they sign."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("=", "\\u003d").replace("<", "\\u003c").replace(">", "\\u003e")


def signature(key: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    """Base64 of the DER signature over the parts, each behind the length of its UTF-8 bytes."""
    data = b"".join(struct.pack("<I", len(part.encode())) + part.encode() for part in parts)
    return base64.b64encode(key.sign(data, ec.ECDSA(SHA256()))).decode()


class CallbackSigner:
    """A root key and the key of these days that it signs; fresh ones unless given."""

    def __init__(
        self,
        root: ec.EllipticCurvePrivateKey | None = None,
        intermediate: ec.EllipticCurvePrivateKey | None = None,
    ) -> None:
        self.root = root or ec.generate_private_key(ec.SECP256R1())
        self.intermediate = intermediate or ec.generate_private_key(ec.SECP256R1())
        self.sender = SENDER
        self.protocol = PROTOCOL

    def listed(self, expires_at: int) -> dict[str, str]:
        """The root key as the document lists it; ``expires_at`` in milliseconds since 1970."""
        return {
            "keyValue": public_text(self.root),
            "protocolVersion": PROTOCOL,
            "keyExpiration": str(expires_at),
        }

    def document(self, expires_at: int) -> dict[str, list[dict[str, str]]]:
        return {"keys": [self.listed(expires_at)]}

    def signed_key(self, expires_at: int) -> str:
        key = public_text(self.intermediate)
        return compact({"keyValue": key, "keyExpiration": str(expires_at)})

    def envelope(self, recipient: str, message: str, key_expires_at: int) -> dict:
        """The outer JSON around any message, before it is written down."""
        signed_key = self.signed_key(key_expires_at)
        return {
            "signature": signature(
                self.intermediate, self.sender, recipient, self.protocol, message
            ),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [signature(self.root, self.sender, self.protocol, signed_key)],
            },
            "protocolVersion": self.protocol,
            "signedMessage": message,
        }

    def callback(
        self,
        issuer_id: str,
        event_type: str,
        *,
        class_id: str,
        object_id: str,
        expires_at: int,
        nonce: str | None = None,
        **changes: object,
    ) -> bytes:
        """The body of one callback; ``changes`` replace fields of its message."""
        message = {
            "classId": class_id,
            "objectId": object_id,
            "eventType": event_type,
            "expTimeMillis": expires_at,
            "count": 1,
            "nonce": nonce or str(uuid4()),
            **changes,
        }
        envelope = self.envelope(issuer_id, compact(message), expires_at + 7 * DAY)
        return json.dumps(envelope, separators=(",", ":")).replace("=", "\\u003d").encode()


class KeyServer:
    """Serves a key document on loopback while the ``with`` block runs; change it at any time."""

    def __init__(self, document: object) -> None:
        self.document = document
        self.headers: dict[str, str] = {"Cache-Control": "public, max-age=3600"}
        self.status = 200
        self.raw: bytes | None = None
        self.fetches = 0
        self.answering = threading.Event()
        """Cleared: requests wait until it is set."""
        self.answering.set()

    def __enter__(self) -> KeyServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/gp/m/issuer/keys"
        return self

    def __exit__(self, *_: object) -> None:
        self.answering.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(server: KeyServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.fetches += 1
            server.answering.wait(10)
            body = json.dumps(server.document).encode() if server.raw is None else server.raw
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: tests read ``fetches`` instead."""

    return Handler
