"""What devices complain about, counted, with a sentence for each complaint (Apple's log, §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from passes import i18n
from passes.cards.models import DeviceReport
from passes.store import rows_changed
from passes.wallet_port import Complaint, Text

RECENT = timedelta(days=14)
"""For so long after the last complaint it is a finding."""

SENTENCES: Mapping[Complaint, Text] = {
    Complaint.UNCHANGED: i18n.text("Devices were told of changes to passes that had not changed."),
    Complaint.UNDATED: i18n.text("Devices got passes without the time of their last change."),
    Complaint.SENT_AGAIN: i18n.text("Devices were sent passes again that they had already."),
    Complaint.NOTHING_NEW: i18n.text("Devices were woken, and then there was nothing new."),
    Complaint.NOT_ITS_OWN: i18n.text("Devices were told of passes that they do not have."),
    Complaint.NO_TAG: i18n.text("Devices got a list of changes without its tag."),
    Complaint.SAME_TAG: i18n.text("Devices got a list of changes with the tag of the list before."),
}


@dataclass(frozen=True, slots=True)
class Report:
    """One complaint about one vendor's id, such as a pass type identifier."""

    wallet: str
    subject: str
    complaint: Complaint
    times: int
    first_at: datetime
    last_at: datetime

    @property
    def sentence(self) -> Text:
        return SENTENCES[self.complaint]


def count(
    session: Session, wallet: str, subject: str, complaints: Mapping[Complaint, int], now: datetime
) -> None:
    """Adds complaints up. In a session of the system: no merchant stands behind them."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # Always in the same order, so that two that report at once do not wait for each other.
    for complaint, times in sorted(complaints.items(), key=lambda item: item[0].value):
        key = {"wallet": wallet, "subject": subject, "code": complaint.value}
        made = session.execute(
            insert(DeviceReport)
            .values(**key, times=times, first_at=now, last_at=now)
            .on_conflict_do_nothing()
            .returning(DeviceReport.times)
        )
        if made.first() is not None:
            continue
        added = session.execute(
            update(DeviceReport)
            .where(*(getattr(DeviceReport, name) == value for name, value in key.items()))
            .values(times=DeviceReport.times + times, last_at=now)
            .execution_options(synchronize_session=False)
        )
        assert rows_changed(added) == 1  # noqa: S101 - the row was in the way a moment ago


def reports(session: Session, since: datetime | None = None) -> list[Report]:
    """What was complained about, last since ``since``; the newest first. In a session that may
    read all merchants, or any: the rows are nobody's."""
    query = select(DeviceReport).order_by(DeviceReport.last_at.desc(), DeviceReport.code)
    if since is not None:
        query = query.where(DeviceReport.last_at >= since)
    known = {complaint.value: complaint for complaint in Complaint}
    return [
        Report(row.wallet, row.subject, known[row.code], row.times, row.first_at, row.last_at)
        for row in session.scalars(query)
        if row.code in known
    ]
