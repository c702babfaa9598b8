"""The DER of a detached CMS signature, laid out once with three holes (RFC 5652).

Everything in the SignedData of one signer has a constant length, so only the signing time, the
digest of the manifest and the signature itself change from pass to pass.
"""

from __future__ import annotations

from dataclasses import dataclass

SEQUENCE, SET, OCTET_STRING, INTEGER, CONTEXT_0 = 0x30, 0x31, 0x04, 0x02, 0xA0

_OID_DATA = bytes.fromhex("06092a864886f70d010701")
_OID_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_SHA256 = bytes.fromhex("300d06096086480165030402010500")
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")
_VERSION_1 = bytes.fromhex("020101")

# The signed attributes, in DER's order for a SET: content type, signing time, message digest.
_CONTENT_TYPE = bytes.fromhex("301806092a864886f70d010903310b") + _OID_DATA
_SIGNING_TIME = bytes.fromhex("301c06092a864886f70d010905310f170d")
_MESSAGE_DIGEST = bytes.fromhex("302f06092a864886f70d01090431220420")
_TIME_LENGTH = len("YYMMDDhhmmssZ")
_DIGEST_LENGTH = 32


@dataclass(frozen=True, slots=True)
class SignatureTemplate:
    """The pieces between the holes, and the head of the attributes as they are signed."""

    before_time: bytes
    before_digest: bytes
    before_signature: bytes
    signed_head: bytes

    def attributes(self, signing_time: bytes, digest: bytes) -> bytes:
        """What the key signs: the attributes as an explicit SET (RFC 5652, section 5.4).

        ``signing_time`` is a UTCTime of 13 bytes, ``digest`` the SHA-256 of the content.
        """
        return b"".join((self.signed_head, signing_time, _MESSAGE_DIGEST, digest))

    def fill(self, signing_time: bytes, digest: bytes, signature: bytes) -> bytes:
        """The whole ContentInfo in DER."""
        return b"".join(
            (
                self.before_time,
                signing_time,
                self.before_digest,
                digest,
                self.before_signature,
                signature,
            )
        )


def compile_signature(
    leaf: bytes, intermediate: bytes, issuer: bytes, serial_number: int, signature_length: int
) -> SignatureTemplate:
    """Lays out a SignedData with SHA-256 and RSA for the signer ``leaf``.

    ``leaf`` and ``intermediate`` are certificates in DER and both enclosed, ``issuer`` is the
    leaf's issuer name in DER; ``signature_length`` in bytes.
    """
    time, digest = b"\0" * _TIME_LENGTH, b"\0" * _DIGEST_LENGTH
    attributes = b"".join((_CONTENT_TYPE, _SIGNING_TIME, time, _MESSAGE_DIGEST, digest))
    signer = tlv(
        SEQUENCE,
        _VERSION_1,
        tlv(SEQUENCE, issuer, _integer(serial_number)),
        _SHA256,
        tlv(CONTEXT_0, attributes),
        _RSA_ENCRYPTION,
        tlv(OCTET_STRING, b"\0" * signature_length),
    )
    signed_data = tlv(
        SEQUENCE,
        _VERSION_1,
        tlv(SET, _SHA256),
        tlv(SEQUENCE, _OID_DATA),
        tlv(CONTEXT_0, *sorted((leaf, intermediate))),
        tlv(SET, signer),
    )
    whole = tlv(SEQUENCE, _OID_SIGNED_DATA, tlv(CONTEXT_0, signed_data))

    # The signer's data close the structure, so each hole lies at a known distance from the end.
    signature_at = len(whole) - signature_length
    digest_at = whole.rindex(_MESSAGE_DIGEST) + len(_MESSAGE_DIGEST)
    time_at = whole.rindex(_SIGNING_TIME, 0, digest_at) + len(_SIGNING_TIME)
    return SignatureTemplate(
        before_time=whole[:time_at],
        before_digest=whole[time_at + _TIME_LENGTH : digest_at],
        before_signature=whole[digest_at + _DIGEST_LENGTH : signature_at],
        signed_head=tlv(SET, attributes)[: -_TIME_LENGTH - len(_MESSAGE_DIGEST) - _DIGEST_LENGTH],
    )


def tlv(tag: int, *parts: bytes) -> bytes:
    """One DER element: tag, length, the parts one after the other."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def _integer(value: int) -> bytes:
    """A DER INTEGER that is not negative (a leading zero byte where the top bit is set)."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
