"""Every byte of a signed pass is vouched for, and no bytes at all can upset the validator."""

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet_apple.format.check import check_document, check_package
from wallet_apple.format.remarks import has_errors


def content(body):
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            return {entry.filename: package.read(entry) for entry in package.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return None


@pytest.fixture(scope="module")
def files(signed):
    return content(signed)


def test_a_thousand_changed_bytes_are_refused(signed, roots):
    """What the ZIP says twice or to nobody may change, as long as what it holds does not."""
    dice, whole, excused = random.Random(3), content(signed), 0
    for _ in range(1000):
        body = bytearray(signed)
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
        if not has_errors(check_package(bytes(body), roots)):
            assert content(bytes(body)) == whole
            excused += 1
    assert excused < 300


def test_every_byte_of_the_signature_counts(files, roots):
    body, missed = files["signature"], []
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
        if not has_errors(check_package(pack({**files, "signature": changed}), roots)):
            missed.append(at)
    assert missed == []


@pytest.mark.parametrize("name", ["manifest.json", "pass.json", "icon.png"])
def test_every_byte_of_a_file_counts(files, roots, name):
    dice, body = random.Random(4), files[name]
    for at in dice.sample(range(len(body)), 60):
        changed = body[:at] + bytes([body[at] ^ 1 << dice.randrange(8)]) + body[at + 1 :]
        assert has_errors(check_package(pack({**files, name: changed}), roots)), at


def pack(files):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as package:
        for name, inside in files.items():
            package.writestr(name, inside)
    return body.getvalue()


# --- whatever the bytes ---------------------------------------------------------------------------


@given(body=st.binary(max_size=600))
@settings(deadline=None, max_examples=200)
def test_garbage_is_refused_quietly(body):
    assert has_errors(check_package(body))
    assert has_errors(check_package(b"PK\3\4" + body))


def test_cut_and_torn_passes_are_refused_quietly(signed):
    dice = random.Random(5)
    for _ in range(300):
        body = bytearray(signed[: dice.randrange(len(signed))])
        for _ in range(dice.randrange(20)):
            if body:
                body[dice.randrange(len(body))] = dice.randrange(256)
        assert has_errors(check_package(bytes(body)))
    end = len(signed) - 400
    for _ in range(300):
        # The directory of the ZIP stands at its end.
        body = bytearray(signed)
        for _ in range(4):
            body[dice.randrange(end, len(body))] = dice.randrange(256)
        check_package(bytes(body))


def test_torn_signatures_are_refused_quietly(files):
    dice = random.Random(6)
    for _ in range(400):
        body = bytearray(files["signature"])
        for _ in range(dice.randrange(1, 6)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        if bytes(body) != files["signature"]:
            cut = bytes(body)[: dice.choice([len(body), dice.randrange(len(body))])]
            assert has_errors(check_package(pack({**files, "signature": cut}))) or cut
    deep = b"\x30\x80" * 20_000
    assert has_errors(check_package(pack({**files, "signature": deep})))


NAMES = st.text(max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_value_at_any_key(base, data):
    """No key of pass.json, and none below, can hold something that upsets the validator."""
    document = base()
    known = [
        *document, "locations", "beacons", "nfc", "semantics", "featuredActions", "relevantDates",
        "upcomingPassInformation", "preferredStyleSchemes", "eventTicket", "boardingPass",
        "posterGeneric", "barcode", "userInfo",
    ]  # fmt: skip
    document[data.draw(st.sampled_from(known))] = data.draw(ANY_JSON)
    field = {"key": "x", "value": 1, "attributedValue": "x", "changeMessage": "%@"}
    field[data.draw(st.sampled_from(["row", *field]))] = data.draw(ANY_JSON)
    document["coupon"] = {"auxiliaryFields": [field, data.draw(ANY_JSON)]}
    code = {"format": data.draw(ANY_JSON), "message": data.draw(ANY_JSON)}
    check_document({**document, "barcodes": [code, data.draw(ANY_JSON)]}, {})
