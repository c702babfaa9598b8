"""The code that the till scans: one that stands still, or one that changes with time (RFC 6238)."""

from __future__ import annotations

from passes.wallet_port import CodeFormat, PassContent, State
from wallet_google.parts import Body, readable

_FORMATS = {
    CodeFormat.QR: "QR_CODE",
    CodeFormat.PDF417: "PDF_417",
    CodeFormat.AZTEC: "AZTEC",
    CodeFormat.CODE128: "CODE_128",
}
_MAY_ROTATE = {CodeFormat.QR, CodeFormat.PDF417}
"""Google: a RotatingBarcode is one of these two."""


def code_of(content: PassContent) -> Body:
    """``barcode`` or ``rotatingBarcode``; neither for a card that was withdrawn.

    Never both: Google falls back to the one that stands still, which a screenshot carries on. The
    object holds the key of a rotating code, so it must not stand in a save link.
    """
    if content.state is State.VOID:
        return {}
    code: Body = {
        "type": _FORMATS[content.code_format],
        "alternateText": readable(content.serial),
    }
    rotating = content.rotating
    if rotating is None or content.code_format not in _MAY_ROTATE:
        return {"barcode": code | {"value": content.code}}
    return {
        "rotatingBarcode": code
        | {
            "valuePattern": f"{content.code}.{{totp_value_0}}",
            "totpDetails": {
                "algorithm": "TOTP_SHA1",
                "periodMillis": str(rotating.period * 1000),
                "parameters": [{"key": rotating.key.hex(), "valueLength": rotating.digits}],
            },
        }
    }
