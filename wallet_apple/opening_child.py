"""The child process that opens a key file: little memory, little time, no mercy.

A .p12 or an encrypted key says itself how often the password is to be stirred, and a hostile one
says so often that it takes hours. Standard input: a JSON object with ``form`` ("p12" or "key"),
``data`` (base64) and ``password`` (or null). Standard output: a JSON object with ``key`` (PEM,
PKCS #8, or null) and ``certificates`` (PEM), or with ``refused`` alone: "password", "password or
cipher", "cipher", "kind" or "unreadable". Stands alone: it is run by its path.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

MEMORY = 512 * 1024 * 1024
SECONDS = 3
SMALLEST, LARGEST = 2048, 4096

OLD_CIPHERS = tuple(bytes.fromhex(f"060a2a864886f70d010c010{last}") for last in range(1, 7))
"""pbeWithSHAAnd… of PKCS #12, with RC4, 3DES and RC2; as object identifiers in DER."""


class Refused(Exception):
    """It cannot be used; the text is one of the words above."""


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    given = json.load(sys.stdin)
    data = base64.b64decode(given["data"])
    password = given["password"].encode() if given["password"] else None
    try:
        answer = _open_p12(data, password) if given["form"] == "p12" else _open_key(data, password)
    except Refused as refused:
        answer = {"refused": str(refused)}
    except Exception:  # noqa: BLE001 - whatever a parser throws at a hostile file
        answer = {"refused": "unreadable"}
    json.dump(answer, sys.stdout)
    return 0


def _open_p12(data: bytes, password: bytes | None) -> dict[str, Any]:
    is_old = any(cipher in data for cipher in OLD_CIPHERS)
    try:
        key, certificate, others = _load_p12(data, password)
    except UnsupportedAlgorithm:
        raise Refused("cipher") from None
    except ValueError as error:
        # OpenSSL says the same of a wrong password and of a file whose parts do not fit.
        if "password" not in str(error).lower():
            raise Refused("cipher" if is_old else "unreadable") from None
        raise Refused("password or cipher" if is_old else "password") from None
    found = [certificate, *others] if certificate is not None else others
    return {
        "key": _pem(key) if key is not None else None,
        "certificates": [each.public_bytes(Encoding.PEM).decode() for each in found],
    }


def _load_p12(data: bytes, password: bytes | None) -> Any:
    try:
        return pkcs12.load_key_and_certificates(data, password)
    except ValueError:
        if password is not None:
            raise
        # An empty password and none at all are two things in PKCS #12, and the same to people.
        return pkcs12.load_key_and_certificates(data, b"")


def _open_key(data: bytes, password: bytes | None) -> dict[str, Any]:
    try:
        key = load_pem_private_key(data, password)
    except TypeError:
        if password is None:
            raise Refused("password") from None
        key = load_pem_private_key(data, None)  # a password for a key that has none does no harm
    except ValueError as error:
        raise Refused("password" if "password" in str(error).lower() else "unreadable") from None
    return {"key": _pem(key), "certificates": []}


def _pem(key: object) -> str:
    # Apple issues RSA-2048 for passes; whether a device takes any other kind is not documented.
    if not isinstance(key, RSAPrivateKey) or not SMALLEST <= key.key_size <= LARGEST:
        raise Refused("kind")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


if __name__ == "__main__":
    sys.exit(main())
