"""Opens key files that a merchant brought, in a child process with limits on memory and time."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from passes.wallet_port import CredentialsRefused

SECONDS = 8
"""Of the clock; of the processor the child gets fewer."""

CONVERT = (
    "Convert it with `openssl pkcs12 -legacy -in old.p12 -nodes -out pass.pem`, import pass.pem as "
    "the certificate (it holds the key too), and delete pass.pem."
)

_CHILD = Path(__file__).with_name("opening_child.py")
_KIND = "The private key is of the wrong kind: Apple's pass certificates use RSA with 2048 bit."


@dataclass(frozen=True, slots=True)
class Opened:
    """What a key file held: a private key without password, and certificates, all as PEM."""

    key: str | None = field(repr=False)
    certificates: tuple[str, ...] = ()


def open_p12(data: bytes, password: str | None) -> Opened:
    """The content of a PKCS #12 file. Raises CredentialsRefused for p12 or password."""
    answer = _ask("p12", "p12", data, password)
    match answer.get("refused"):
        case None:
            return Opened(answer["key"], tuple(answer["certificates"]))
        case "password" if password:
            raise CredentialsRefused("password", "This password does not open the .p12 file.")
        case "password":
            raise CredentialsRefused("password", "The .p12 file needs its password.")
        case "password or cipher":
            raise CredentialsRefused(
                "password",
                "The .p12 file does not open: the password is wrong, or OpenSSL here refuses the "
                f"old cipher (RC2 or 3DES) that encrypts it. If the password is right: {CONVERT}",
            )
        case "cipher":
            raise CredentialsRefused(
                "p12",
                "The .p12 file is encrypted with an old cipher (RC2 or 3DES) that OpenSSL here "
                f"refuses. {CONVERT}",
            )
        case "kind":
            raise CredentialsRefused("p12", _KIND)
    raise CredentialsRefused(
        "p12", "The .p12 file cannot be read. Export it anew, with the private key and a password."
    )


def open_key(source: str, pem: bytes, password: str | None) -> str:
    """The private key as PEM without password. Raises CredentialsRefused for ``source`` or
    password."""
    answer = _ask("key", source, pem, password)
    match answer.get("refused"):
        case None:
            return str(answer["key"])
        case "password" if password:
            raise CredentialsRefused("password", "This password does not open the private key.")
        case "password":
            raise CredentialsRefused("password", "The private key needs its password.")
        case "kind":
            raise CredentialsRefused(source, _KIND)
    raise CredentialsRefused(
        source, "The private key cannot be read. It must be in PEM form, RSA, with 2048 bit."
    )


def _ask(form: str, source: str, data: bytes, password: str | None) -> dict[str, Any]:
    asked = {"form": form, "data": base64.b64encode(data).decode(), "password": password}
    try:
        child = subprocess.run(  # noqa: S603 - our own file; what is given goes to its input
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        child = None
    if child is None or child.returncode != 0:
        raise CredentialsRefused(
            source, "This file takes too long to open. Export it anew with an ordinary tool."
        )
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer
