"""Google's root keys: fetched once, kept as long as the document says, fetched anew in need."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from certs_example.make import make_all
from passes.wallet_port import WalletDown, WalletMisconfigured
from tests.fakes.google_callbacks import DAY, CallbackSigner, KeyServer
from tests.wallet_google.conftest import mounted
from wallet_google.root_keys import RootKeys, example_keys, refetch_seconds

START = 1_790_000_000.0
HOUR = 3_600.0


@dataclass
class Watch:
    seconds: float = START

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def google() -> CallbackSigner:
    return CallbackSigner()


@pytest.fixture
def served(google: CallbackSigner) -> Iterator[KeyServer]:
    with KeyServer(google.document(int(START * 1000) + 30 * DAY)) as server:
        yield server


@pytest.fixture
def keys(served: KeyServer, watch: Watch) -> RootKeys:
    return RootKeys(served.url, watch)


def ends(found: tuple) -> list[float]:
    return [key.expires_at / 1000 - START for key in found]


def test_nothing_is_fetched_before_it_is_needed(keys: RootKeys, served: KeyServer) -> None:
    assert served.fetches == 0
    assert ends(keys.get()) == [30 * DAY / 1000]
    assert served.fetches == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "public, max-age=20000"}, 20_000),
        ({"Cache-Control": "max-age=20000", "Age": "5000"}, 15_000),
        ({"Cache-Control": "private,MAX-AGE=900, must-revalidate"}, 900),
        ({"Cache-Control": "s-maxage=50, max-age=800"}, 800),
        ({"Cache-Control": "max-age=20000", "Age": "soon"}, 20_000),
        ({"Cache-Control": "no-cache"}, 3_600),
        ({}, 3_600),
        ({"Cache-Control": "max-age=0"}, 1),
        ({"Cache-Control": "max-age=10", "Age": "60"}, 1),
    ],
)
def test_the_document_is_kept_for_its_max_age(
    keys: RootKeys, served: KeyServer, watch: Watch, headers: dict[str, str], seconds: int
) -> None:
    served.headers = headers
    keys.get()
    watch.seconds = START + seconds - 0.5
    keys.get()
    assert served.fetches == 1
    watch.seconds = START + seconds
    keys.get()
    assert served.fetches == 2


def test_it_is_not_kept_beyond_the_first_end_of_a_key(
    keys: RootKeys, served: KeyServer, watch: Watch, google: CallbackSigner
) -> None:
    soon, late = int((START + 600) * 1000), int((START + 9_000) * 1000)
    served.document = {"keys": [google.listed(late), CallbackSigner().listed(soon)]}
    assert ends(keys.get()) == [9_000, 600]
    watch.seconds = START + 599
    keys.get()
    assert served.fetches == 1
    watch.seconds = START + 600
    served.status = 500
    assert ends(keys.get()) == [9_000]
    assert served.fetches == 2


def test_many_at_once_fetch_once(keys: RootKeys, served: KeyServer) -> None:
    served.answering.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(keys.get) for _ in range(8)]
        served.answering.set()
        found = [ends(each.result()) for each in asked]
    assert (found, served.fetches) == ([[30 * DAY / 1000]] * 8, 1)


def test_who_has_old_keys_does_not_wait_for_new_ones(
    keys: RootKeys, served: KeyServer, watch: Watch
) -> None:
    kept = keys.get()
    watch.seconds += 2 * HOUR
    served.answering.clear()
    first = threading.Thread(target=keys.get)
    first.start()
    while served.fetches < 2:
        first.join(0.01)
    assert keys.get() == kept  # would hang
    served.answering.set()
    first.join()
    assert served.fetches == 2


def _status(code: int) -> Callable[[KeyServer], None]:
    return lambda server: setattr(server, "status", code)


def _raw(body: bytes) -> Callable[[KeyServer], None]:
    return lambda server: setattr(server, "raw", body)


def _redirects(server: KeyServer) -> None:
    server.status, server.headers = 302, {"Location": server.url + "/elsewhere"}


@pytest.mark.parametrize(
    "trouble",
    [
        _status(404),
        _status(500),
        _status(204),
        _redirects,
        _raw(b""),
        _raw(b"<html>"),
        _raw(b'{"keys": []}'),
        _raw(b'{"keys": [{"keyValue": "AAAA", "protocolVersion": "ECv2SigningOnly"}]}'),
        _raw(b'{"keys": [' + b" " * 300_000 + b"]}"),
        _raw(b"[" * 100_000),
    ],
)
def test_old_keys_serve_while_the_document_cannot_be_had(
    keys: RootKeys, served: KeyServer, watch: Watch, trouble: Callable[[KeyServer], None]
) -> None:
    kept = keys.get()
    trouble(served)
    watch.seconds += 2 * HOUR
    assert keys.get() == kept
    assert keys.get() == kept
    assert served.fetches == 2  # not at every callback
    watch.seconds += 60
    assert keys.get() == kept
    assert served.fetches == 3
    watch.seconds = START + 31 * DAY / 1000
    with pytest.raises(WalletDown):
        keys.get()


def test_without_any_keys_there_is_a_time_to_come_back(
    keys: RootKeys, served: KeyServer, watch: Watch
) -> None:
    served.status = 503
    for _ in range(5):
        with pytest.raises(WalletDown) as down:
            keys.get()
        assert down.value.retry_after == 5
    assert served.fetches == 1
    served.status = 200
    watch.seconds += 1
    assert len(keys.get()) == 1


def test_nobody_there(watch: Watch) -> None:
    with pytest.raises(WalletDown, match="cannot be fetched"):
        RootKeys("http://127.0.0.1:9/keys", watch).get()


def test_bad_signatures_have_it_fetched_once_a_minute(
    keys: RootKeys, served: KeyServer, watch: Watch
) -> None:
    seen = keys.get()
    assert [keys.newer_than(seen) for _ in range(20)] == [None] * 20
    assert served.fetches == 2
    watch.seconds += 59
    assert keys.newer_than(seen) is None
    assert served.fetches == 2
    watch.seconds += 1
    assert keys.newer_than(seen) is None
    assert served.fetches == 3


def test_a_new_root_key_is_found_although_the_old_document_is_fresh(
    keys: RootKeys, served: KeyServer, google: CallbackSigner
) -> None:
    seen = keys.get()
    successor = CallbackSigner()
    end = int(START * 1000) + 30 * DAY
    served.document = {"keys": [google.listed(end), successor.listed(end)]}
    newer = keys.newer_than(seen)
    assert newer is not None
    assert len(newer) == 2
    # Whoever else still has the old keys gets the new ones without another fetch.
    assert keys.newer_than(seen) == newer
    assert served.fetches == 2


def test_a_key_that_is_taken_from_the_document_counts_no_more(
    keys: RootKeys, served: KeyServer, watch: Watch
) -> None:
    [withdrawn] = keys.get()
    served.document = CallbackSigner().document(int(START * 1000) + 30 * DAY)
    watch.seconds += HOUR
    [listed] = keys.get()
    assert listed.key != withdrawn.key


def test_a_clock_that_is_put_back_blocks_nothing(
    keys: RootKeys, served: KeyServer, watch: Watch
) -> None:
    seen = keys.get()
    keys.newer_than(seen)
    watch.seconds -= HOUR
    keys.newer_than(seen)
    assert served.fetches == 3


@pytest.mark.parametrize(("given", "seconds"), [("", 60.0), ("5", 5.0), ("0", 0.0), (" 0.5 ", 0.5)])
def test_the_pause_is_a_setting(given: str, seconds: float) -> None:
    assert refetch_seconds({"TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS": given}) == seconds
    assert refetch_seconds({}) == 60


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf", "1e3", "1,5", "9999999"])
def test_a_pause_that_is_none_is_refused_at_the_start(given: str) -> None:
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS"):
        refetch_seconds({"TREUEPASS_GOOGLE_KEYS_REFETCH_SECONDS": given})


@pytest.mark.parametrize("url", ["http://keys.example/k", "ftp://127.0.0.1/k", "/k", "https://"])
def test_keys_come_from_https_or_from_this_machine(tmp_path: Path, url: str) -> None:
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_GOOGLE_CALLBACK_KEYS_URL"):
        mounted(tmp_path, GOOGLE_CALLBACK_KEYS_URL=url)


def test_example_keys_are_read_from_the_data_folder(tmp_path: Path, google: CallbackSigner) -> None:
    folder = tmp_path / "certs_example"
    assert example_keys(tmp_path) == ()
    folder.mkdir()
    file = folder / "google-callback-keys.json"
    file.write_text("not JSON")
    assert example_keys(tmp_path) == ()
    file.write_text(json.dumps(google.document(int(START * 1000))))
    assert len(example_keys(tmp_path)) == 1


def test_the_example_keys_that_are_made_can_be_read(tmp_path: Path) -> None:
    make_all(tmp_path / "certs_example")
    assert len(example_keys(tmp_path)) == 1
