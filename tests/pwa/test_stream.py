"""Server-sent events: who hears what, and when a stream ends."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

import pytest

from pwa.stream import Streams

PATIENCE = 20.0


class Cards:
    """Versions by token, as the domain tells them, and how often it was asked for which."""

    def __init__(self, **versions: int) -> None:
        self.versions = versions
        self.asked: list[set[str]] = []
        self.fails = 0
        self.was_asked = threading.Event()

    def __call__(self, tokens: Collection[str]) -> Mapping[str, int]:
        self.asked.append(set(tokens))
        self.was_asked.set()
        if self.fails:
            self.fails -= 1
            raise OSError("the database is away")
        return {token: self.versions[token] for token in tokens if token in self.versions}


@pytest.fixture
def cards() -> Cards:
    return Cards(one=1, two=5)


def changed(version: object) -> bytes:
    return f'event: changed\ndata: {{"version": {version}}}\n\n'.encode()


def first_of(stream) -> bytes:
    return next(stream)


def test_a_change_is_told_to_its_card_alone(cards):
    streams = Streams(cards, every=0.01)
    one, two = streams.open("one", 1), streams.open("two", 5)
    assert first_of(one) == b"retry: 2000\n\n" + changed(1)
    assert first_of(two) == b"retry: 2000\n\n" + changed(5)
    cards.versions["one"] = 2
    assert next(one) == changed(2)
    cards.versions["two"] = 6
    assert next(two) == changed(6)
    cards.versions["one"] = 3
    assert next(one) == changed(3)
    streams.stop()


def test_a_withdrawn_card_has_no_version_any_more(cards):
    streams = Streams(cards, every=0.01)
    stream = streams.open("one", 1)
    first_of(stream)
    del cards.versions["one"]
    assert next(stream) == changed("null")
    streams.stop()


def test_one_look_serves_all_streams(cards):
    streams = Streams(cards, every=0.01)
    opened = [streams.open(token, 1) for token in ("one", "two", "one", "one")]
    cards.asked.clear()
    cards.was_asked.clear()
    assert cards.was_asked.wait(PATIENCE)
    assert cards.asked[-1] == {"one", "two"}
    looking = [thread for thread in threading.enumerate() if thread.name == "streams"]
    assert len(looking) == 1
    for stream in opened:
        stream.close()
    looking[0].join(PATIENCE)
    assert not looking[0].is_alive()


def test_who_comes_after_all_have_left_is_served_again(cards):
    streams = Streams(cards, every=0.01)
    streams.open("one", 1).close()
    for thread in threading.enumerate():
        if thread.name == "streams":
            thread.join(PATIENCE)
    stream = streams.open("one", 1)
    first_of(stream)
    cards.versions["one"] = 2
    assert next(stream) == changed(2)
    streams.stop()


def test_the_twenty_fifth_gets_none_until_one_has_left(cards):
    streams = Streams(cards)
    opened = [streams.open("one", 1) for _ in range(24)]
    assert None not in opened
    assert streams.open("two", 5) is None
    opened[7].close()
    late = streams.open("two", 5)
    assert late is not None
    assert streams.open("two", 5) is None
    streams.stop()


def test_a_stream_that_nobody_closed_makes_room_when_its_time_is_over(cards):
    streams = Streams(cards, most=1, life=0.0)
    assert streams.open("one", 1) is not None
    assert streams.open("one", 1) is not None
    streams.stop()


def test_a_stream_says_that_it_is_there_and_ends(cards):
    streams = Streams(cards, life=0.5, keep_alive=0.1)
    said = list(streams.open("one", 1))
    assert said[0] == b"retry: 2000\n\n" + changed(1)
    assert set(said[1:]) == {b":\n\n"}
    assert 1 <= len(said[1:]) <= 4
    streams.stop()


def test_a_database_that_is_away_for_a_moment_ends_nothing(cards):
    streams = Streams(cards, every=0.01)
    cards.fails = 3
    stream = streams.open("one", 1)
    first_of(stream)
    cards.versions["one"] = 2
    assert next(stream) == changed(2)
    assert cards.fails == 0
    streams.stop()


def test_all_streams_end_when_the_server_does(cards):
    streams = Streams(cards)
    stream = streams.open("one", 1)
    first_of(stream)
    rest: list[bytes] = []
    reader = threading.Thread(target=lambda: rest.extend(stream), daemon=True)
    reader.start()
    streams.stop()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert rest == []
    assert streams.open("one", 1) is None
