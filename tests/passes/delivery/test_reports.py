"""What devices complain about is counted, also when several complain at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from passes import i18n
from passes.delivery import reports
from passes.delivery.issuer import DomainIssuer
from passes.merchants.accounts import keep_wallet_account
from passes.store import Store
from passes.wallet_port import Complaint
from tests.passes.conftest import NOON, Shop


def found(store: Store, **options: object) -> list[reports.Report]:
    with store.read_all() as session:
        return reports.reports(session, **options)


def test_complaints_add_up_by_subject(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    for moment, subject, complaints in (
        (NOON, "pass.a", {Complaint.UNCHANGED: 2, Complaint.NO_TAG: 1}),
        (later, "pass.a", {Complaint.UNCHANGED: 3}),
        (NOON, "pass.b", {Complaint.UNCHANGED: 1}),
    ):
        with store.write_all() as session:
            reports.count(session, "noted", subject, complaints, moment)
    newest = found(store)[0]
    assert (newest.subject, newest.complaint, newest.times) == ("pass.a", Complaint.UNCHANGED, 5)
    assert (newest.first_at, newest.last_at) == (NOON, later)
    assert sum(report.times for report in found(store)) == 7
    assert [report.times for report in found(store, since=later)] == [5]


def test_many_may_complain_at_once(store: Store) -> None:
    issuer = DomainIssuer(store, "https://treuepass.example", lambda: NOON)
    everything = dict.fromkeys(Complaint, 1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: issuer.reported("noted", "pass.a", everything), range(24)))
    assert {report.complaint: report.times for report in found(store)} == dict.fromkeys(
        Complaint, 24
    )


def test_every_complaint_has_its_sentence() -> None:
    assert set(reports.SENTENCES) == set(Complaint)
    for sentence in reports.SENTENCES.values():
        assert len({sentence[language] for language in i18n.LANGUAGES}) == len(i18n.LANGUAGES)


def test_only_an_account_that_signs_is_served(alma: Shop, bruno: Shop) -> None:
    issuer = DomainIssuer(alma.store, "https://treuepass.example", lambda: NOON)
    with alma.write() as session:
        keep_wallet_account(session, "noted", "pass.a", "{}", NOON)
    assert issuer.serves("noted", "pass.a")
    assert not issuer.serves("other", "pass.a")
    assert not issuer.serves("noted", "pass.b")
