"""What the environment says; read once, at the start of a process."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from passes import ids

MASTER_KEY_FILE = "master.key"


class WrongSetting(ValueError):
    """A setting cannot be used; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of contract.md §1 that the domain and the edges share.

    ``master_keys``: the current one first, then earlier ones that stay readable.
    ``environment`` goes to the wallets, which read their own settings from it.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    base_url: str
    master_keys: tuple[bytes, ...] = field(repr=False)
    proxies: int
    environment: Mapping[str, str] = field(repr=False)

    @property
    def uses_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def read_settings(
    environment: Mapping[str, str] | None = None, *, host: str = "127.0.0.1", port: int = 8000
) -> Settings:
    """Settings from ``environment`` (the process's own when None) and a ``.env`` file beside it.

    Makes the data folder and, on SQLite, the master key in it. Raises WrongSetting.
    """
    if environment is None:
        file = {key: value for key, value in dotenv_values(".env").items() if value is not None}
        environment = {**file, **os.environ}
    data_dir = Path(environment.get("TREUEPASS_DATA_DIR") or "var").absolute()
    database_url = environment.get("TREUEPASS_DATABASE_URL") or f"sqlite:///{data_dir}/treuepass.db"
    if not _is_database_url(database_url):
        raise WrongSetting(
            "TREUEPASS_DATABASE_URL must be sqlite:///path/to/file or"
            " postgresql+psycopg://user:password@host:port/database"
        )
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"TREUEPASS_DATA_DIR cannot be used: {error}") from error
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        base_url=_base_url(environment, host, port),
        master_keys=_master_keys(environment, data_dir, database_url),
        proxies=_number(environment, "TREUEPASS_PROXIES", 0),
        environment=environment,
    )


def _is_database_url(given: str) -> bool:
    try:
        make_url(given)
    except (ArgumentError, ValueError):
        return False
    return given.startswith(("sqlite:///", "postgresql+psycopg://"))


def _base_url(environment: Mapping[str, str], host: str, port: int) -> str:
    given = environment.get("TREUEPASS_BASE_URL")
    if not given:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
    if not re.match("https?://[^/?#]", given):
        raise WrongSetting("TREUEPASS_BASE_URL must start with https:// (or http:// for trials)")
    return given.rstrip("/")


def _master_keys(
    environment: Mapping[str, str], data_dir: Path, database_url: str
) -> tuple[bytes, ...]:
    given = environment.get("TREUEPASS_MASTER_KEY")
    source = "TREUEPASS_MASTER_KEY"
    if not given:
        file = data_dir / MASTER_KEY_FILE
        source = str(file)
        if not file.exists():
            if not database_url.startswith("sqlite"):
                raise WrongSetting(
                    "TREUEPASS_MASTER_KEY is missing: 32 random bytes in base64, the same on every"
                    " machine (openssl rand -base64 32). Keep a copy: without it no secret and no"
                    " installed pass can be read again."
                )
            _write_once(file, base64.b64encode(ids.new_key()).decode() + "\n")
        given = file.read_text(errors="replace")
    keys = []
    for part in given.replace("\n", ",").split(","):
        if not part.strip():
            continue
        try:
            key = base64.b64decode(part.strip(), validate=True)
        except ValueError:
            key = b""
        keys.append(key)
    if not keys or any(len(key) != 32 for key in keys):
        raise WrongSetting(f"{source} must be 32 bytes in base64, or several of these with commas")
    return tuple(keys)


def _write_once(file: Path, content: str) -> None:
    # Two processes may start at once: the first to link its file wins, both read the same key.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())  # what is sealed under the key outlives a power cut, so must it
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    given = environment.get(name)
    if not given:
        return otherwise
    if not given.isdecimal():
        raise WrongSetting(f"{name} must be a whole number")
    return int(given)
