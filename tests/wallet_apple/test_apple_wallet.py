"""The wallet behind the port: what it offers, pushes and complains about."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

import wallet_apple
from certs_example.make import make_all
from passes.wallet_port import (
    Account,
    Crop,
    Download,
    Fit,
    Installation,
    Issuer,
    Outcome,
    Platform,
    Reason,
    Visitor,
    WalletMisconfigured,
    WalletSettings,
)
from wallet_apple.wallet import AppleWallet

IPHONE = Visitor(Platform.IOS, "de")


def test_it_mounts_under_its_name(tmp_path, make_content, now):
    settings = WalletSettings("https://cards.example", tmp_path, {}, lambda: now)
    mounted = wallet_apple.mount(settings, cast(Issuer, object()))
    assert mounted is not None
    wallet, blueprint = mounted
    assert (wallet.kind, wallet.title, blueprint.name) == ("apple", "Apple Wallet", "apple")
    make_all(tmp_path / "certs_example", now=now)
    assert isinstance(wallet.offer(make_content(), IPHONE), Download)


@pytest.mark.parametrize(
    ("platform", "fit"),
    [(Platform.IOS, Fit.NATIVE), (Platform.ANDROID, Fit.NO), (Platform.OTHER, Fit.POSSIBLE)],
)
def test_whom_it_suits(wallet, platform, fit):
    assert wallet.suits(Visitor(platform, "de")) is fit


def test_the_pictures_it_wants(wallet):
    sizes = {size.name: (size.role, size.width, size.height, size.crop) for size in wallet.pictures}
    assert len(sizes) == len(wallet.pictures) == 9
    assert sizes["apple-icon@1x"] == ("icon", 38, 38, Crop.CONTAIN)
    assert sizes["apple-icon@3x"] == ("icon", 114, 114, Crop.CONTAIN)
    assert sizes["apple-logo@2x"] == ("logo", 320, 100, Crop.SHRINK)
    assert sizes["apple-strip@3x"] == ("strip", 1125, 432, Crop.COVER)


def test_the_offer_is_a_file(wallet, make_content):
    offer = wallet.offer(make_content(), IPHONE)
    assert isinstance(offer, Download)
    assert offer.media_type == "application/vnd.apple.pkpass"
    assert offer.filename == "cafe-kranz.pkpass"
    assert offer.body[:4] == b"PK\x03\x04"


@pytest.mark.parametrize(
    ("merchant", "filename"),
    [
        ("../../etc/passwd", "etc-passwd.pkpass"),
        ('a"b\r\nX: y', "a-b-x-y.pkpass"),
        ("咖啡", "card.pkpass"),
        ("x" * 200, "x" * 60 + ".pkpass"),
    ],
)
def test_a_filename_is_harmless(wallet, make_content, merchant, filename):
    offer = wallet.offer(make_content(merchant=merchant), IPHONE)
    assert offer.filename == filename


def test_a_merchants_own_certificate(certificates, make_content, account, tmp_path):
    """Without any example certificates in reach."""
    wallet = AppleWallet("https://cards.example", tmp_path, lambda: make_content().changed_at)
    assert isinstance(wallet.offer(make_content(account=account), IPHONE), Download)
    with pytest.raises(WalletMisconfigured, match="example certificates are missing"):
        wallet.offer(make_content(), IPHONE)


def test_credentials_are_parsed_once_per_version(wallet, account):
    first = wallet.credentials(account)
    assert wallet.credentials(replace(account, data=str(account.data))) is first
    assert wallet.credentials(replace(account, version=2)) is not first
    with pytest.raises(WalletMisconfigured):
        wallet.credentials(Account(account.id, 3, "{}"))


def test_new_example_certificates_are_taken_up(tmp_path, now):
    make_all(tmp_path, now=now)
    wallet = AppleWallet("https://cards.example", tmp_path, lambda: now)
    before = wallet.credentials(None)
    assert wallet.credentials(None) is before
    make_all(tmp_path, now=now + timedelta(days=370))
    assert wallet.credentials(None).expires > before.expires


def test_an_expired_certificate_signs_nothing(certificates, make_content, now):
    late = now + timedelta(days=400)
    wallet = AppleWallet("https://cards.example", certificates, lambda: late)
    with pytest.raises(WalletMisconfigured, match="Import a current one"):
        wallet.offer(make_content(), IPHONE)


def test_a_repeated_pass_is_not_signed_again(certificates, make_content, make_field, now):
    times = iter([now, now + timedelta(minutes=1), now + timedelta(minutes=2)])
    wallet = AppleWallet("https://cards.example", certificates, lambda: next(times))
    first = wallet.signed_pass(make_content())
    assert wallet.signed_pass(make_content()) == first
    assert wallet.signed_pass(make_content(fields=(make_field(value=8),))) != first


@pytest.mark.parametrize(
    ("days", "stops", "words"),
    [(0, None, ""), (360, None, ""), (366, False, "ends on"), (394, False, "ends on"),
     (395, True, "ended on"), (500, True, "ended on")],
)  # fmt: skip
def test_check_watches_the_example_certificate(wallet, now, days, stops, words):
    findings = wallet.check(now + timedelta(days=days))
    assert [finding.stops for finding in findings] == ([] if stops is None else [stops])
    for finding in findings:
        assert finding.wallet == "apple"
        assert words in finding.sentence
        assert "treuepass certs example" in finding.sentence


def test_check_misses_the_example_certificate(tmp_path, now):
    [finding] = AppleWallet("https://cards.example", tmp_path, lambda: now).check(now)
    assert finding.stops
    assert "missing" in finding.sentence


@pytest.fixture
def installations(now):
    return [
        Installation(f"device-{n}", {"token": f"token-{n}"}, registered_at=now) for n in range(3)
    ]


def test_a_push_in_test_mode_is_shown_in_the_log(wallet, make_content, installations, caplog):
    caplog.set_level(logging.INFO, logger="wallet_apple")
    receipts = wallet.push(make_content(version=5), installations, Reason.BALANCE)
    assert [receipt.outcome for receipt in receipts] == [Outcome.DELIVERED] * 3
    assert {receipt.detail for receipt in receipts} == {"test mode: shown in the log"}
    [line] = caplog.messages
    assert "123456789015" in line
    assert "version 5" in line
    assert "device-" not in line
    assert "token-" not in line


def test_a_push_to_nobody(wallet, make_content, caplog):
    caplog.set_level(logging.INFO, logger="wallet_apple")
    assert list(wallet.push(make_content(), [], Reason.CONTENT)) == []
    assert not caplog.messages


def test_many_pushes(wallet, make_content, installations):
    batch = [
        (make_content(), installations[:1], Reason.BALANCE),
        (make_content(), [], Reason.STATE),
        (make_content(), installations, Reason.MESSAGE),
    ]
    assert [len(receipts) for receipts in wallet.push_many(batch)] == [1, 0, 3]


def test_a_card_has_no_other_id_at_apple(wallet):
    assert dict(wallet.identity("kranz", "123456789015", None)) == {}
