"""What is told of certificates: their ends in time and in sentences, never anything secret."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from passes.wallet_port import Account
from tests.wallet_apple.authorities import (
    NOW,
    PTID,
    Authority,
    accept,
    key_pem,
    make_apple,
    p12,
    pem,
    stored,
)
from wallet_apple.wallet import AppleWallet

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def apple(certificates):
    return make_apple(certificates)


@pytest.fixture(scope="module")
def account(wallet, apple):
    return stored(accept(wallet, {"p12": p12(apple.key, apple.leaf, "x"), "password": "x"}))


def said(wallet, moment, *accounts):
    return [(finding.stops, finding.sentence) for finding in wallet.check(moment, accounts)]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (60 * DAY, "in 60 days. Plan for a new one."),
        (31 * DAY, "in 31 days. Plan for a new one."),
        (30 * DAY, "in 30 days. Get a new one now."),
        (14 * DAY, "in 14 days. Get a new one now: after that day no pass can be added"),
        (7 * DAY, "in 7 days. Get a new one today"),
        (DAY, "in 1 day. Get a new one today"),
        (SECOND, "in less than a day. Get a new one today"),
    ],
)
def test_the_end_of_a_certificate_is_told_60_30_14_and_7_days_before(
    wallet, apple, account, before, words
):
    end = apple.leaf.not_valid_after_utc
    [(stops, sentence)] = said(wallet, end - before, account)
    assert not stops
    assert sentence.startswith(f"The Apple certificate for {PTID} ends on {end:%Y-%m-%d}, ")
    assert words in sentence
    assert "same pass type identifier" in sentence


def test_earlier_there_is_nothing_to_say_and_afterwards_it_stops(wallet, apple, account):
    end = apple.leaf.not_valid_after_utc
    assert said(wallet, NOW, account) == []
    assert said(wallet, end - 60 * DAY - SECOND, account) == []
    for moment in (end, end + 400 * DAY):
        [(stops, sentence)] = said(wallet, moment, account)
        assert stops
        assert f"ended on {end:%Y-%m-%d}: no pass can be added" in sentence


def test_the_intermediate_is_watched_as_well(wallet, apple):
    old = Authority.made("G2", ends=NOW + 40 * DAY)
    leaf = old.issue(apple.key.public_key())
    given = {"certificate": pem(leaf), "private_key": key_pem(apple.key), "wwdr": old.pem}
    account = stored(accept(wallet, given))
    [(stops, sentence)] = said(wallet, NOW, account)
    assert not stops
    assert f"(generation G2) behind {PTID} ends on 2026-12-31, in 40 days" in sentence
    [(stops, sentence)] = said(wallet, NOW + 40 * DAY, account)
    assert stops
    assert "newer intermediate" in sentence


def test_a_new_certificate_silences_the_old_ones_end(wallet, apple, account):
    end = apple.leaf.not_valid_after_utc
    newer = apple.g4.issue(apple.key.public_key(), begins=end - 20 * DAY)
    both = stored(accept(wallet, {"certificate": pem(newer)}, [account], now=end - 10 * DAY))
    assert len(said(wallet, end - 10 * DAY, account)) == 1
    assert said(wallet, end - 10 * DAY, both) == []
    facts = wallet.facts(both)
    assert facts["expires_at"] == newer.not_valid_after_utc
    assert len(facts["certificates"]) == 2


def test_a_certificate_that_does_not_hold_yet(wallet, apple):
    leaf = apple.g4.issue(apple.key.public_key(), begins=NOW + 3 * DAY)
    account = stored(accept(wallet, {"p12": p12(apple.key, leaf, "x"), "password": "x"}))
    [(stops, sentence)] = said(wallet, NOW, account)
    assert stops
    assert "only from 2026-11-24 on" in sentence
    assert said(wallet, NOW + 3 * DAY, account) == []


def test_each_account_is_told_of_and_the_examples_only_without_any(wallet, account, tmp_path):
    bare = AppleWallet("https://cards.example", tmp_path, lambda: NOW)
    assert said(bare, NOW, account) == []
    assert len(said(bare, NOW)) == 1
    broken = Account("b" * 32, 1, '{"certificates": [{"certificate": "a secret"}]}', "pass.x")
    [(stops, sentence)] = said(wallet, NOW, account, broken)
    assert stops
    assert sentence.startswith("pass.x: The stored Apple credentials are incomplete")


@pytest.mark.parametrize(
    "data", ["", "[]", "null", "{}", '{"certificates": []}', '{"certificates": 5}', '{"csr": 5}']
)
def test_what_cannot_be_read_has_a_finding_and_no_facts(wallet, data):
    account = Account("b" * 32, 1, data, "pass.x")
    assert [stops for stops, _ in said(wallet, NOW, account)] == [True]
    assert not {"team", "certificates"} & set(wallet.facts(account))


def test_stored_parts_that_are_no_certificates(wallet):
    parts = {"certificate": "x", "private_key": "y", "wwdr": "z"}
    account = Account("b" * 32, 1, json.dumps({"certificates": [parts]}), "pass.x")
    [(stops, sentence)] = said(wallet, NOW, account)
    assert (stops, sentence) == (
        True,
        "pass.x: The stored Apple credentials cannot be read. Import them again.",
    )
    assert wallet.facts(account) == {}


def test_facts_hold_nothing_secret(wallet, account):
    facts = wallet.facts(account)
    assert facts["team"] == "TEAM123456"
    assert "PRIVATE" not in repr(facts)
    assert "BEGIN" not in repr(facts)
    for part in json.loads(account.data)["certificates"]:
        assert part["private_key"] not in repr((facts, account))


def test_passes_are_signed_with_the_certificate_that_holds(wallet, certificates, apple, account):
    """The change from the old certificate to the new one needs nobody, and no restart."""
    end = apple.leaf.not_valid_after_utc
    newer = apple.g4.issue(apple.key.public_key(), begins=end - 5 * DAY)
    both = stored(accept(wallet, {"certificate": pem(newer)}, [account], now=end - 10 * DAY))
    moments = iter([end - 6 * DAY, end - 5 * DAY, end + 300 * DAY])
    moving = AppleWallet("https://cards.example", certificates, lambda: next(moments))
    used = [moving.credentials(both).certificate for _ in range(3)]
    assert used == [apple.leaf, newer, newer]
