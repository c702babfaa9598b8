"""Runs commands as a shell does, over a database of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import commands
from app import WALLETS, assemble
from commands.parts import Assemble, Parts
from passes.settings import Settings
from tests.conftest import MASTER_KEY, Clock


@dataclass
class Done:
    """A command that has ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def data_dir(
    monkeypatch: pytest.MonkeyPatch,
    now: Clock,
    database_url: str,
    tmp_path: Path,
    certificates: Path,
) -> Path:
    """The data folder that the environment names, with the example certificates."""
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copytree(certificates, folder / "certs_example")
    monkeypatch.chdir(tmp_path)  # a .env file of the project must not count
    for name, value in {
        "TREUEPASS_DATA_DIR": str(folder),
        "TREUEPASS_DATABASE_URL": database_url,
        "TREUEPASS_MASTER_KEY": MASTER_KEY,
        "TREUEPASS_BASE_URL": "https://cards.example",
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def assembled(data_dir: Path) -> Iterator[Assemble]:
    """Puts everything together as ``app.assemble`` does; what a process end closes is closed."""
    made: list[Parts] = []

    def put_together(settings: Settings) -> Parts:
        made.append(assemble(settings))
        return made[-1]

    yield put_together
    for parts in made:
        parts.store.close()


@pytest.fixture
def treuepass(assembled: Assemble, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs ``treuepass …``."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = commands.run(arguments, assembled, WALLETS)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err)

    return run
