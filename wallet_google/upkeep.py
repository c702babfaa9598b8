"""Brings classes and objects to Google, with as few requests as that takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from passes.wallet_port import ContentRefused, PassContent, State, WalletError
from wallet_google import objects, rest
from wallet_google.addresses import Site
from wallet_google.answered import Answered, Known
from wallet_google.batch import Call
from wallet_google.credentials import Credentials
from wallet_google.objects import Body
from wallet_google.sent import Mark, Sent
from wallet_google.transport import Transport

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """How one merchant's passes reach Google, or the stand-in."""

    transport: Transport
    site: Site
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Change:
    """What ``update_object`` is called with."""

    content: PassContent
    line: Line
    announce: bool


class Upkeep:
    """Knows what this process sent last; safe to use from several threads."""

    def __init__(self) -> None:
        self._classes = Sent()
        self._objects = Sent()

    def bring_class(self, content: PassContent, line: Line) -> None:
        """Sends the class unless this process sent it like that, or a newer one. Threads that need
        the same one wait for it: it is sent once."""
        body = objects.class_body(content, line.credentials.issuer_id, line.site)
        class_id = str(body["id"])
        # Without the rows: they follow the template's version, while single cards may lack a field.
        compared = {name: value for name, value in body.items() if name != "classTemplateInfo"}
        mark = Mark.of(content.template_version, compared)
        with self._classes.alone(class_id):
            last = self._classes.last(class_id)
            if last and (last == mark or last.version > mark.version):
                return
            with self._classes.sending(class_id, mark):
                resource = f"{objects.family(content.style)}Class"
                rest.upsert(line.transport, line.credentials, resource, body)

    def bring_object(self, content: PassContent, line: Line) -> None:
        """Sees to it that the object is at Google as the card is now, and its class with it."""
        body, mark = _object_of(content, line)
        object_id = str(body["id"])
        with self._objects.alone(object_id):
            last = self._objects.last(object_id)
            if last and last.version > mark.version:
                return
            with self._objects.sending(object_id, mark):
                try:
                    self._put(content, line, body, is_known=last is not None)
                except rest.NotThere:
                    # It or its class went away: a stand-in or a test issuer that was reset.
                    self._classes.forget(str(body["classId"]))
                    self.bring_class(content, line)
                    self._put(content, line, body, is_known=False)

    def update_object(self, content: PassContent, line: Line, *, announce: bool) -> bool:
        """Brings an object up to date that is at Google; whether Google was asked to tell of it.

        What this process sent last is not sent again, unless it is to be announced. Raises
        NotThere.
        """
        body, mark = _object_of(content, line)
        object_id = str(body["id"])
        with self._objects.alone(object_id):
            last = self._objects.last(object_id)
            if last and _has_it(last, mark, announce=announce):
                return False
            with self._objects.sending(object_id, mark):
                return _update(content, line, body, announce=announce)

    @contextmanager
    def in_one_request(
        self, changes: Sequence[Change], clock: Callable[[], float]
    ) -> Iterator[list[Line]]:
        """Sends the first request that ``update_object`` would make for each, all in one batch.

        On the lines that it yields the changes find theirs answered. Inside, no other thread sends
        these objects. ``clock`` gives seconds.
        """
        drawn = [_object_of(each.content, each.line) for each in changes]
        with ExitStack() as doors:
            for object_id in sorted({str(body["id"]) for body, _ in drawn}):
                doors.enter_context(self._objects.alone(object_id))
            calls = [
                self._first_call(change, *shown)
                for change, shown in zip(changes, drawn, strict=True)
            ]
            yield _answered(changes, calls, clock)

    def _first_call(self, change: Change, body: Body, mark: Mark) -> Call | None:
        """None: there is nothing to send, or nothing that may be sent."""
        last = self._objects.last(str(body["id"]))
        if last and _has_it(last, mark, announce=change.announce):
            return None
        resource = _resource(change.content)
        try:
            if change.content.state is State.VOID:
                return rest.replace_call(resource, body)
            return rest.update_call(resource, _loud(body) if change.announce else body)
        except ContentRefused:
            return None

    def _put(self, content: PassContent, line: Line, body: Body, *, is_known: bool) -> None:
        resource = _resource(content)
        put = rest.update if is_known else rest.upsert
        put(line.transport, line.credentials, resource, body)


def _has_it(last: Mark, mark: Mark, *, announce: bool) -> bool:
    if last.version > mark.version:
        return True  # drawn earlier than what is there
    # Beyond the next version another process may have sent something in between.
    return not announce and last.digest == mark.digest and mark.version - last.version <= 1


def _update(content: PassContent, line: Line, body: Body, *, announce: bool) -> bool:
    resource, transport, credentials = _resource(content), line.transport, line.credentials
    if content.state is State.VOID:
        rest.replace(transport, credentials, resource, body)
        return False
    if announce:
        try:
            rest.update(transport, credentials, resource, _loud(body))
            return True
        except rest.NotificationsSpent:
            _log.info("Google announces no more today of %s; updated silently", body["id"])
    rest.update(transport, credentials, resource, body)
    return False


def _loud(body: Body) -> Body:
    return body | {"notifyPreference": "NOTIFY_ON_UPDATE"}


def _answered(
    changes: Sequence[Change], calls: Sequence[Call | None], clock: Callable[[], float]
) -> list[Line]:
    """The changes' lines, after the calls of each account went in one request."""
    known: dict[Call, Known] = {}
    lines = {each.line.credentials: each.line for each in changes}
    for credentials, line in lines.items():
        own = [
            call
            for call, each in zip(calls, changes, strict=True)
            if call and each.line.credentials is credentials
        ]
        if len(own) < 2:
            continue
        answers: Sequence[Known]
        try:
            answers = line.transport.send_many(credentials, own)
        except WalletError as error:
            answers = [error] * len(own)
        known |= zip(own, answers, strict=True)
    return [
        replace(each.line, transport=Answered(each.line.transport, call, known[call], clock))
        if call in known
        else each.line
        for each, call in zip(changes, calls, strict=True)
    ]


def _object_of(content: PassContent, line: Line) -> tuple[Body, Mark]:
    """A withdrawn card keeps nothing personal at Google, which deletes no object."""
    shape = objects.blank_object_body if content.state is State.VOID else objects.object_body
    body = shape(content, line.credentials.issuer_id, line.site)
    return body, Mark.of(content.version, body)


def _resource(content: PassContent) -> str:
    return f"{objects.family(content.style)}Object"
