"""Answers in Google's place while nothing may leave the machine: test mode without an API base."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from passes.wallet_port import WalletDown
from wallet_google.batch import Call
from wallet_google.credentials import Credentials
from wallet_google.transport import Answer

FILE_NAME = "stand-in-google.db"
MOST_KEPT = 10_000
LOUD_A_DAY = 3
"""Announcements of one pass in 24 hours: so many of changes, and so many of messages."""
MOST_MESSAGES = 10

_ANNOUNCED = ("loyaltyPoints", "secondaryLoyaltyPoints")
"""Google announces a changed balance of a loyalty card, and of an object nothing else."""
_DAY = 86_400
_PATIENCE = 10.0  # seconds that a process waits for another one
_TABLE = """
CREATE TABLE IF NOT EXISTS kept (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,       -- loyaltyObject/3388….123
    of_class TEXT,                   -- loyaltyClass/3388….abc, of objects
    body TEXT NOT NULL,
    has_users INTEGER NOT NULL DEFAULT 0,
    changes INTEGER NOT NULL DEFAULT 1,
    notified INTEGER NOT NULL DEFAULT 0,
    announced TEXT NOT NULL DEFAULT '{}'  -- when, in the last 24 hours, by kind
);
CREATE INDEX IF NOT EXISTS kept_of_class ON kept (of_class);
"""

_log = logging.getLogger("wallet_google.stand_in")


@dataclass(slots=True)
class _Row:
    id: int
    path: str
    body: dict[str, object]
    has_users: bool
    changes: int
    notified: int
    announced: dict[str, list[float]]


class StandIn:
    """Keeps classes and objects in a file and behaves as Google does; every request is logged.

    All processes of one machine share the file. It forgets the oldest beyond 10,000, and
    everything with the file, which may be deleted at any time: then an insert answers 404 for a
    class that is gone, as Google would, and the wallet sends the class again.
    """

    def __init__(self, file: Path, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds since 1970."""
        self._file = file
        self._clock = clock

    def send(
        self, credentials: Credentials, method: str, path: str, body: Mapping[str, object]
    ) -> Answer:
        """As ``Transport.send``. Raises WalletDown when the file cannot be used."""
        resource, _, rest = path.partition("?")[0].partition("/")
        name, _, action = rest.partition("/")
        with self._opened() as db:
            answer = self._answer(db, method, path, dict(body))
        _log.info(
            "Google's stand-in (nothing left this machine): %s %s %s -> %s",
            f"{method} {action}".strip(),
            resource,
            name or body.get("id"),
            answer.status,
        )
        return answer

    def send_many(self, credentials: Credentials, calls: Sequence[Call]) -> Sequence[Answer]:
        """As ``Transport.send_many``."""
        return [self.send(credentials, call.method, call.path, call.body) for call in calls]

    def kept(self, resource: str, resource_id: str) -> Mapping[str, object] | None:
        """What Google would have now, e.g. ``kept("loyaltyObject", "3388….123")``."""
        with self._opened() as db:
            row = _find(db, f"{resource}/{resource_id}")
        return row.body if row else None

    def held(
        self, family: str, object_id: str, has_users: bool | None = None
    ) -> Mapping[str, object] | None:
        """What a phone knows of a pass; None when there is none of this name.

        ``class`` and ``object`` as Google has them, ``changes``: a number that another version of
        either raises, ``notified``: how often the phone announced one, ``at``: the stand-in's
        clock in milliseconds. ``has_users`` first notes that somebody added it or took it off.
        """
        with self._opened() as db:
            row = _find(db, f"{family}Object/{object_id}")
            of_class = _find(db, f"{family}Class/{row.body.get('classId')}") if row else None
            if row is None or of_class is None:
                return None
            if has_users is not None:
                row.has_users = has_users
                _write(db, row)
        return {
            "class": of_class.body,
            "object": _shown(row),
            "changes": row.changes + of_class.changes,
            "notified": row.notified,
            "at": int(self._clock() * 1000),
        }

    def _answer(
        self, db: sqlite3.Connection, method: str, path: str, body: dict[str, object]
    ) -> Answer:
        path, _, query = path.partition("?")
        match method, path.split("/"):
            case "POST", [resource]:
                return _insert(db, resource, body)
            case "GET", [resource]:
                return _list(db, resource, parse_qs(query))
            case "GET", [_, _] if row := _find(db, path):
                return Answer(200, _shown(row))
            case "PATCH" | "PUT", [_, _] if row := _find(db, path):
                return self._change(db, row, row.body | body if method == "PATCH" else body)
            case "POST", [resource, name, "addMessage"] if row := _find(db, f"{resource}/{name}"):
                return self._add_message(db, row, body.get("message"))
        return _refusal(404, f"Wallet Object {path.partition('/')[2]} not found.")

    def _change(self, db: sqlite3.Connection, row: _Row, body: dict[str, object]) -> Answer:
        # Asked for with each change anew, never kept (Google: notifyPreference).
        loud = body.pop("notifyPreference", None) == "NOTIFY_ON_UPDATE"
        loud &= any(_balance(body, name) != _balance(row.body, name) for name in _ANNOUNCED)
        if loud and not self._announce(row, "update"):
            return _spent(row)
        row.changes += body != row.body
        row.body = body
        _write(db, row)
        return Answer(200, _shown(row))

    def _add_message(self, db: sqlite3.Connection, row: _Row, message: object) -> Answer:
        known = row.body.get("messages")
        messages = [*(known if isinstance(known, list) else []), message]
        if not isinstance(message, dict) or len(messages) > MOST_MESSAGES:
            return _refusal(400, f"A pass has at most {MOST_MESSAGES} messages.")
        loud = message.get("messageType") == "TEXT_AND_NOTIFY"
        if loud and not self._announce(row, "message"):
            return _spent(row)
        row.body = {**row.body, "messages": messages}
        row.changes += 1
        _write(db, row)
        return Answer(200, {"resource": _shown(row)})

    def _announce(self, row: _Row, what: str) -> bool:
        """Counts an announcement; False when there were too many in the last 24 hours."""
        now = self._clock()
        recent = [at for at in row.announced.get(what, ()) if now - _DAY < at <= now]
        if len(recent) >= LOUD_A_DAY:
            return False
        row.announced[what] = [*recent, now]
        row.notified += 1
        return True

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction. A connection for each, so that the file can be deleted at any time."""
        try:
            self._file.touch(0o600)
            with closing(
                sqlite3.connect(self._file, timeout=_PATIENCE, isolation_level=None)
            ) as db:
                # What a dying machine loses here is sent again.
                db.execute("PRAGMA synchronous=OFF")
                db.execute("BEGIN IMMEDIATE")
                for statement in _TABLE.split(";"):
                    db.execute(statement)
                yield db
                db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise WalletDown(
                f"Google's stand-in cannot use its file {self._file.name} ({error}). Delete the"
                " file: everything is sent anew."
            ) from error


def _insert(db: sqlite3.Connection, resource: str, body: dict[str, object]) -> Answer:
    path, of_class = f"{resource}/{body.get('id')}", None
    if _find(db, path):
        return _refusal(409, f"Wallet Object {body.get('id')} already exists.")
    if resource.endswith("Object"):
        of_class = f"{resource.removesuffix('Object')}Class/{body.get('classId')}"
        if not _find(db, of_class):
            return _refusal(404, f"Wallet Object Class {body.get('classId')} not found.")
    body.pop("notifyPreference", None)
    db.execute(
        "INSERT INTO kept (path, of_class, body) VALUES (?, ?, ?)",
        (path, of_class, json.dumps(body)),
    )
    # Ids count on without gaps, for nothing else is ever deleted.
    db.execute("DELETE FROM kept WHERE id <= (SELECT max(id) FROM kept) - ?", (MOST_KEPT,))
    return Answer(200, body)


def _list(db: sqlite3.Connection, resource: str, query: Mapping[str, list[str]]) -> Answer:
    """A page of a class's objects, or of an issuer's classes; all of them without maxResults."""

    def asked(name: str, default: str) -> str:
        return query.get(name, [default])[0]

    most, after = asked("maxResults", "-1"), asked("token", "0")
    if not (most.removeprefix("-").isdecimal() and after.isdecimal()):
        return _refusal(400, "Invalid page.")
    if resource.endswith("Object"):
        of_class = f"{resource.removesuffix('Object')}Class/{asked('classId', '')}"
        if not _find(db, of_class):
            return _refusal(404, f"Wallet Object Class {asked('classId', '')} not found.")
        where, value = "of_class = ?", of_class
    else:
        where, value = "instr(path, ?) = 1", f"{resource}/{asked('issuerId', '')}."
    found = db.execute(
        f"SELECT * FROM kept WHERE {where} AND id > ? ORDER BY id LIMIT ?",  # noqa: S608 - ours
        (value, int(after), int(most)),
    )
    rows = [_read(each) for each in found]
    pagination: dict[str, object] = {"resultsPerPage": len(rows)}
    if rows and len(rows) == int(most):
        pagination["nextPageToken"] = str(rows[-1].id)
    return Answer(200, {"resources": [_shown(row) for row in rows], "pagination": pagination})


def _find(db: sqlite3.Connection, path: str) -> _Row | None:
    found = db.execute("SELECT * FROM kept WHERE path = ?", (path,)).fetchone()
    return _read(found) if found else None


def _read(found: tuple[int, str, str, str, int, int, int, str]) -> _Row:
    number, path, _, body, has_users, changes, notified, announced = found
    return _Row(
        number, path, json.loads(body), bool(has_users), changes, notified, json.loads(announced)
    )


def _write(db: sqlite3.Connection, row: _Row) -> None:
    db.execute(
        "UPDATE kept SET body = ?, has_users = ?, changes = ?, notified = ?, announced = ?"
        " WHERE id = ?",
        (
            json.dumps(row.body),
            row.has_users,
            row.changes,
            row.notified,
            json.dumps(row.announced),
            row.id,
        ),
    )


def _shown(row: _Row) -> dict[str, object]:
    is_object = row.path.partition("/")[0].endswith("Object")
    return {**row.body, "hasUsers": row.has_users} if is_object else row.body


def _balance(body: Mapping[str, object], name: str) -> object:
    points = body.get(name)
    return points.get("balance") if isinstance(points, dict) else None


def _spent(row: _Row) -> Answer:
    return _refusal(403, f"Quota exceeded for {row.path.partition('/')[2]}.", "quotaExceeded")


def _refusal(status: int, message: str, reason: str = "") -> Answer:
    """Google's error format."""
    named = {"message": message, "domain": "walletobjects", "reason": reason}
    return Answer(status, {"error": {"code": status, "message": message, "errors": [named]}})
