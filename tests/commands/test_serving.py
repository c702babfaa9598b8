"""The server's own process: open pages neither keep others waiting nor hold up its end."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import requests

from commands.serving import gate
from tests.running import PATIENCE, Running, free_port, treuepass, wait_until_ready

OPEN_PAGES = 24


class Listener:
    """An open page: reads events until the server ends them."""

    def __init__(self, url: str) -> None:
        self.answer = requests.get(f"{url}events", stream=True, timeout=PATIENCE)
        self.heard: list[str] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
            with self._news:
                self.heard.append(line)
                self._news.notify_all()

    def wait_for(self, version: int) -> None:
        said = f'data: {{"version": {version}}}'
        with self._news:
            assert self._news.wait_for(lambda: said in self.heard, PATIENCE), self.heard

    def wait_for_the_end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("more", [(), ("--no-worker",)])
def test_open_pages_hear_of_changes_and_are_in_nobodys_way(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {"TREUEPASS_DATA_DIR": str(tmp_path / "var"), "TREUEPASS_BASE_URL": base}
    with Running(("serve", "--demo", "--port", str(port), *more), environment) as server:
        wait_until_ready(base)
        demo = json.loads(treuepass("demo", "--json", environment=environment))
        card, page = demo["card"], demo["card"]["links"]["pwa"]
        pages = [Listener(page) for _ in range(OPEN_PAGES)]
        for each in pages:
            each.wait_for(card["version"])
        refused = requests.get(f"{page}events", timeout=PATIENCE)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
        assert requests.get(page, timeout=PATIENCE).status_code == 200

        changed = requests.post(
            f"{base}/api/v1/cards/{card['id']}/add-visits",
            json={"value": 1},
            headers={"Authorization": f"Bearer {demo['api_key']}"},
            timeout=PATIENCE,
        )
        assert changed.status_code == 201
        for each in pages:
            each.wait_for(changed.json()["card"]["version"])

        before = [len(each.heard) for each in pages]
        server.process.terminate()
        assert server.wait() == 0
    for each, heard in zip(pages, before, strict=True):
        each.wait_for_the_end()
        # Who had been waited for would have said that it is still there.
        assert ":" not in each.heard[heard:]


def test_only_so_many_requests_are_worked_on_at_once_and_an_answer_may_go_on() -> None:
    busy, most = 0, 0
    lock, all_in = threading.Lock(), threading.Barrier(2)

    def app(environ, start_response):
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        all_in.wait(PATIENCE)
        with lock:
            busy -= 1
        return iter([b"so", b"far"])

    gated = gate(app, 2)
    answers: list[object] = []
    requests_ = [
        threading.Thread(target=lambda: answers.append(gated({}, lambda *_: None)))
        for _ in range(6)
    ]
    for each in requests_:
        each.start()
    for each in requests_:
        each.join(PATIENCE)
    assert most == 2
    # None of the six was read to its end, and all have begun.
    assert len(answers) == 6
