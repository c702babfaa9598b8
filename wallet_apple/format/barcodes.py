"""Codes on a pass: which formats there are, and what each of them can hold.

Source: Apple, Wallet Passes (Pass.Barcodes); ISO/IEC 16388, 15417, 16390, 15420 and the
specification of Codabar for the characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from wallet_apple.format.remarks import ERROR, NOTE, WARNING, Remark, quoted

LEGACY = (
    "PKBarcodeFormatQR", "PKBarcodeFormatPDF417", "PKBarcodeFormatAztec", "PKBarcodeFormatCode128",
)  # fmt: skip
SINCE_27 = (
    "PKBarcodeFormatCode39", "PKBarcodeFormatCodabar", "PKBarcodeFormatEAN13",
    "PKBarcodeFormatI2of5",
)  # fmt: skip
FORMATS = LEGACY + SINCE_27

# What the formats hold at most, in bytes.
_MOST_BYTES = {
    "PKBarcodeFormatQR": 2953,
    "PKBarcodeFormatPDF417": 1108,
    "PKBarcodeFormatAztec": 1914,
}
_CHARACTERS = {
    "PKBarcodeFormatCode128": (re.compile(r"[\x00-\x7f]+"), "letters of ASCII and digits"),
    "PKBarcodeFormatCode39": (
        re.compile(r"[0-9A-Z \-.$/+%]+"),
        "capital letters, digits, spaces and - . $ / + %",
    ),
    "PKBarcodeFormatCodabar": (
        re.compile(r"[A-D]?[0-9\-$:/.+]+[A-D]?"),
        "digits and - $ : / . + between the start and stop letters A to D",
    ),
    "PKBarcodeFormatEAN13": (re.compile(r"[0-9]{12,13}"), "12 or 13 digits"),
    "PKBarcodeFormatI2of5": (re.compile(r"(?:[0-9]{2})+"), "an even number of digits"),
}
# Only names of plain character sets are tried: Python knows other and costly codecs besides.
_ENCODING = re.compile(
    r"(iso-?8859-?\d{1,2}|latin-?1|utf-?8|utf-?16(le|be)?|us-ascii|ascii|(windows|cp)-?125\d"
    r"|shift_?jis|euc-(jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5|koi8-r|macintosh)",
    re.IGNORECASE,
)


def check_codes(codes: Sequence[object], where: str) -> Iterator[Remark]:
    """Remarks on the list ``barcodes``."""
    for position, code in enumerate(codes):
        if isinstance(code, dict):
            yield from check_code(code, f"{where}[{position}]")
    formats = [str(code.get("format")) for code in codes if isinstance(code, dict)]
    recent = [at for at, name in enumerate(formats) if name in SINCE_27]
    if recent and not any(name in LEGACY for name in formats[recent[0] :]):
        sentence = (
            f"iOS 26 and earlier cannot show {_short(formats[recent[0]])}. Put a QR, PDF417, Aztec "
            "or Code 128 code behind it in the list."
        )
        yield Remark(WARNING, f"{where}[{recent[0]}].format", sentence)
    if formats and set(formats) == {"PKBarcodeFormatCode128"}:
        sentence = "A watch cannot show Code 128. A QR code behind it would be shown there."
        yield Remark(NOTE, f"{where}[0].format", sentence)


def check_code(code: dict[str, object], where: str) -> Iterator[Remark]:
    """Remarks on one code; that its parts are texts is checked elsewhere."""
    form, message, encoding = (code.get(key) for key in ("format", "message", "messageEncoding"))
    if isinstance(form, str) and form not in FORMATS:
        known = ", ".join(map(_short, FORMATS))
        sentence = f"{quoted(form)} is no code that Wallet knows. It can show {known}."
        yield Remark(ERROR, f"{where}.format", sentence)
    if not isinstance(message, str):
        return
    if not message:
        yield Remark(ERROR, f"{where}.message", "The code is empty. Give it something to say.")
        return
    if isinstance(form, str) and form in FORMATS:
        yield from _check_message(form, message, where)
    if isinstance(encoding, str):
        yield from _check_encoding(form, message, encoding, where)


def _check_message(form: str, message: str, where: str) -> Iterator[Remark]:
    allowed, words = _CHARACTERS.get(form, (None, ""))
    if allowed is not None and allowed.fullmatch(message) is None:
        sentence = f"{_short(form)} holds {words}; {quoted(message)} is something else."
        yield Remark(ERROR, f"{where}.message", sentence)
    elif form == "PKBarcodeFormatEAN13" and len(message) == 13:
        right = ean13_digit(message[:12])
        if message[-1] != right:
            sentence = (
                f"The check digit of {quoted(message)} is wrong: it must end in {right}. Correct "
                "the number, or leave the last digit out."
            )
            yield Remark(ERROR, f"{where}.message", sentence)


def _check_encoding(form: object, message: str, encoding: str, where: str) -> Iterator[Remark]:
    if _ENCODING.fullmatch(encoding) is None:
        sentence = (
            f"{quoted(encoding)} is no usual name of a character set. Use iso-8859-1, or utf-8 if "
            "the message needs it."
        )
        yield Remark(ERROR, f"{where}.messageEncoding", sentence)
        return
    try:
        size = len(message.encode(encoding))
    except (LookupError, UnicodeError):
        sentence = (
            f"The message has characters that {encoding} cannot hold. Use the encoding utf-8, or "
            "plain characters."
        )
        yield Remark(ERROR, f"{where}.message", sentence)
        return
    most = _MOST_BYTES.get(form, size) if isinstance(form, str) else size
    if size > most:
        sentence = (
            f"The message has {size} bytes, but {_short(form)} holds {most} at most. Shorten it."
        )
        yield Remark(ERROR, f"{where}.message", sentence)


def ean13_digit(twelve: str) -> str:
    """The check digit after twelve digits (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(twelve))
    return str(-total % 10)


def _short(form: object) -> str:
    return str(form).removeprefix("PKBarcodeFormat")
