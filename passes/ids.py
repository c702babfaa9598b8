"""Names that the outside sees: row ids, serial numbers, referral codes, till codes, tokens, and
passwords that are good once.

R-ID-1..3 of the loyalty specification. Nothing secret is made of anything but random bits or a
keyed hash of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from uuid import UUID

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERRAL_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

_CROCKFORD_VALUE = {letter: value for value, letter in enumerate(CROCKFORD)} | {
    # What people read for these letters, by Crockford's rules.
    "O": 0,
    "I": 1,
    "L": 1,
}


def new_id() -> UUID:
    """A random id that sorts by the time it was made (UUID version 7, RFC 9562).

    The bits after the millisecond are its fraction (section 6.2, method 3), so that what one
    process makes in a row stays in that order.
    """
    millisecond, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4_096 // 1_000_000
    value = millisecond << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | secrets.randbits(62)
    return UUID(int=value)


def luhn_digit(digits: str) -> str:
    """The check digit that Luhn's rule appends to ``digits``."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def new_serial_number() -> str:
    """12 digits, the last one Luhn's check digit, never starting with 0 (R-ID-1)."""
    digits = str(secrets.randbelow(9 * 10**10) + 10**10)
    return digits + luhn_digit(digits)


def read_serial_number(typed: str) -> str | None:
    """The serial number that somebody typed, with or without dashes and blanks; None if wrong."""
    digits = re.sub(r"[\s-]", "", typed)
    if not re.fullmatch(r"[0-9]{12}", digits):
        return None
    return digits if luhn_digit(digits[:-1]) == digits[-1] else None


def show_serial_number(serial: str) -> str:
    """1234-5678-9012."""
    return "-".join((serial[:4], serial[4:8], serial[8:]))


def new_referral_code() -> str:
    """8 letters and digits without 0, O, 1 and I (R-ID-2)."""
    return "".join(secrets.choice(REFERRAL_ALPHABET) for _ in range(8))


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)


def derived_token(key: bytes, purpose: str, subject: UUID, version: int) -> str:
    """A secret of 128 bits as 22 base64url characters, different for every purpose.

    Derived, not stored: raising ``version`` makes a new one and the old one worthless.
    """
    secret = _derived(key, purpose, subject, version)[:16]
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def derived_key(key: bytes, purpose: str, subject: UUID, version: int) -> bytes:
    """The same as a key of 160 bits, the length that RFC 4226 (section 4, R6) recommends."""
    return _derived(key, purpose, subject, version)[:20]


def _derived(key: bytes, purpose: str, subject: UUID, version: int) -> bytes:
    message = b"\x00".join((purpose.encode(), subject.bytes, str(version).encode()))
    return hmac.digest(key, message, "sha256")


def fingerprint(token: str) -> str:
    """What is stored of a token so that it can be looked up: SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def till_code(key: bytes, serial: str) -> str:
    """The 16 Crockford letters in every barcode: the serial number and a keyed check (R-ID-3)."""
    number = int(serial)
    check = hmac.digest(key, b"till code\x00" + serial.encode(), "sha256")[:5]
    return _crockford(number, 8) + _crockford(int.from_bytes(check, "big"), 8)


def read_till_code(key: bytes, scanned: str) -> str | None:
    """The serial number in a till code; None when it is not one of this key's."""
    letters = re.sub(r"[\s-]", "", scanned).upper()
    if len(letters) != 16 or not all(letter in _CROCKFORD_VALUE for letter in letters):
        return None
    number = 0
    for letter in letters[:8]:
        number = number * 32 + _CROCKFORD_VALUE[letter]
    serial = str(number)
    if read_serial_number(serial) is None:
        return None
    plain = "".join(CROCKFORD[_CROCKFORD_VALUE[letter]] for letter in letters)
    return serial if hmac.compare_digest(plain, till_code(key, serial)) else None


def one_time_password(key: bytes, step: int, digits: int) -> str:
    """HOTP (RFC 4226, section 5.3) for a counter; a TOTP (RFC 6238) when that counts periods."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def is_timely(given: str, key: bytes, at: float, *, period: int, digits: int) -> bool:
    """Whether ``given`` (ASCII) is the TOTP of ``at`` (seconds since 1970), of the period before or
    the one after, for clocks differ (RFC 6238, section 5.2). Takes the same time for any answer.
    """
    step = int(at) // period
    found = [
        hmac.compare_digest(given, one_time_password(key, near, digits))
        for near in range(max(step - 1, 0), step + 2)
    ]
    return any(found)


def slug_of(name: str) -> str:
    """A name as part of an address: lower case, a-z, 0-9 and dashes, at most 40 characters."""
    for letter, replacement in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.replace(letter, replacement).replace(letter.upper(), replacement)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "card"


def _crockford(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, value = divmod(number, 32)
        letters.append(CROCKFORD[value])
    return "".join(reversed(letters))
