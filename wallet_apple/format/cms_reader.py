"""Reads the signature of a pass: a detached CMS SignedData with one signer (RFC 5652)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from wallet_apple.format import der
from wallet_apple.format.der import BadDer, Element

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_TIME = bytes.fromhex("2a864886f70d010905")
_DIGESTS = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
# What signs, and the digest that its name fixes ("" where it fixes none).
_ALGORITHMS = {
    bytes.fromhex("2a864886f70d010101"): ("rsa", ""),
    bytes.fromhex("2a864886f70d010105"): ("rsa", "sha1"),
    bytes.fromhex("2a864886f70d01010b"): ("rsa", "sha256"),
    bytes.fromhex("2a864886f70d01010c"): ("rsa", "sha384"),
    bytes.fromhex("2a864886f70d01010d"): ("rsa", "sha512"),
    bytes.fromhex("2a8648ce3d0201"): ("ec", ""),
    bytes.fromhex("2a8648ce3d0401"): ("ec", "sha1"),
    bytes.fromhex("2a8648ce3d040302"): ("ec", "sha256"),
    bytes.fromhex("2a8648ce3d040303"): ("ec", "sha384"),
    bytes.fromhex("2a8648ce3d040304"): ("ec", "sha512"),
}
_SKI_TAG, _SIGNED_TAG, _UNSIGNED_TAG = 0x80, 0xA0, 0xA1
_CERTIFICATES_TAG, _CRLS_TAG = 0xA0, 0xA1
_MOST_CERTIFICATES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature file says. Nothing of it is verified yet.

    ``certificates`` in DER. The signer is named by ``issuer`` (a Name in DER) and
    ``serial_number``, or by ``key_id``. ``signed`` is what the key signed: the signed attributes
    as an explicit SET, None where there are none and the content was signed itself.
    ``signing_time`` in UTC.
    """

    is_attached: bool
    is_der: bool
    certificates: tuple[bytes, ...]
    issuer: bytes
    serial_number: int
    key_id: bytes | None
    digest: str
    algorithm: str
    message_digest: bytes | None
    signing_time: datetime | None
    signed: bytes | None
    value: bytes


def read_signature(body: bytes) -> Signature:
    """Reads a signature file. Raises BadDer."""
    outer = der.read(body).expect(der.SEQUENCE)
    kind, wrapper = _exactly(outer, 2)
    if kind.oid() != _SIGNED_DATA:
        raise BadDer("no signed data")
    [signed_data] = _exactly(wrapper.expect(0xA0), 1)
    version, digests, content, *rest = _at_least(signed_data.expect(der.SEQUENCE), 4)
    known = {_digest(digest) for digest in digests.expect(der.SET).children()}
    content_type, *attached = content.expect(der.SEQUENCE).children()
    if content_type.oid() != _DATA:
        raise BadDer("another content type")
    certificates: list[bytes] = []
    if rest[0].tag == _CERTIFICATES_TAG:
        certificates = [each.expect(der.SEQUENCE).whole for each in rest.pop(0).children()]
    if rest and rest[0].tag == _CRLS_TAG:
        rest.pop(0)
    if len(rest) != 1 or len(certificates) > _MOST_CERTIFICATES:
        raise BadDer("more or fewer parts than signed data have")
    [signer] = _exactly(rest[0].expect(der.SET), 1)
    # RFC 5652, 5.1: as the signer's own version, with plain certificates and content.
    if version.integer() != _at_least(signer, 1)[0].integer():
        raise BadDer("another version than the signer's")
    return _signer(
        signer.expect(der.SEQUENCE),
        known,
        tuple(certificates),
        is_attached=bool(attached),
        is_der=not (outer.is_open or signed_data.is_open),
    )


def _signer(
    signer: Element,
    known: set[str],
    certificates: tuple[bytes, ...],
    *,
    is_attached: bool,
    is_der: bool,
) -> Signature:
    version, named, digest_algorithm, *rest = _at_least(signer, 5)
    issuer, serial_number, key_id = b"", 0, None
    if version.integer() == 3:
        key_id = named.expect(_SKI_TAG).body
    elif version.integer() == 1:
        name, number = _exactly(named.expect(der.SEQUENCE), 2)
        issuer, serial_number = name.expect(der.SEQUENCE).whole, number.integer()
    else:
        raise BadDer("an unknown version of a signer")
    digest = _digest(digest_algorithm)
    if digest not in known:
        raise BadDer("a digest that was not announced")
    attributes = rest.pop(0) if rest[0].tag == _SIGNED_TAG else None
    if len(rest) == 3:
        rest.pop().expect(_UNSIGNED_TAG)
    if len(rest) != 2:
        raise BadDer("more or fewer parts than a signer has")
    found = _attributes(attributes) if attributes is not None else {}
    if attributes is not None and found.get(_CONTENT_TYPE, _EMPTY).oid() != _DATA:
        raise BadDer("another content type in the attributes")
    time, message_digest = found.get(_SIGNING_TIME), found.get(_MESSAGE_DIGEST)
    return Signature(
        is_attached=is_attached,
        is_der=is_der,
        certificates=certificates,
        issuer=issuer,
        serial_number=serial_number,
        key_id=key_id,
        digest=digest,
        algorithm=_algorithm(rest[0], digest),
        message_digest=message_digest.expect(der.OCTET_STRING).body if message_digest else None,
        signing_time=_time(time) if time else None,
        # RFC 5652, 5.4: the tag that marks the place is replaced by that of a SET.
        signed=bytes((der.SET,)) + attributes.whole[1:] if attributes is not None else None,
        value=rest[1].expect(der.OCTET_STRING).body,
    )


_EMPTY = Element(der.NULL, b"", b"")


def _attributes(attributes: Element) -> dict[bytes, Element]:
    found: dict[bytes, Element] = {}
    for attribute in attributes.children():
        kind, values = _exactly(attribute.expect(der.SEQUENCE), 2)
        if kind.oid() in found:
            raise BadDer("an attribute twice")
        inside = values.expect(der.SET).children()
        if inside:
            found[kind.oid()] = inside[0]
    return found


def _digest(algorithm: Element) -> str:
    name = _DIGESTS.get(_algorithm_id(algorithm))
    if name is None:
        raise BadDer("an unknown digest")
    return name


def _algorithm(algorithm: Element, digest: str) -> str:
    name, fixed = _ALGORITHMS.get(_algorithm_id(algorithm), ("", ""))
    if not name or fixed not in {"", digest}:
        raise BadDer("an unknown signature algorithm")
    return name


def _algorithm_id(algorithm: Element) -> bytes:
    identifier, *parameters = _at_least(algorithm.expect(der.SEQUENCE), 1)
    for parameter in parameters:
        if len(parameters) > 1 or parameter.expect(der.NULL).body:
            raise BadDer("parameters that no such algorithm has")
    return identifier.oid()


def _time(element: Element) -> datetime:
    forms = {der.UTC_TIME: "%y%m%d%H%M%SZ", der.GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
    try:
        return datetime.strptime(element.body.decode("ascii"), forms[element.tag]).replace(
            tzinfo=UTC
        )
    except (KeyError, ValueError) as error:
        raise BadDer("a time in the wrong form") from error


def _exactly(element: Element, count: int) -> list[Element]:
    children = element.children()
    if len(children) != count:
        raise BadDer("more or fewer parts than there should be")
    return children


def _at_least(element: Element, count: int) -> list[Element]:
    children = element.children()
    if len(children) < count:
        raise BadDer("fewer parts than there should be")
    return children
