"""Settings: each wrong one names itself; the master key is made once (contract §1)."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from passes.settings import Settings, WrongSetting, read_settings

KEY = base64.b64encode(b"k" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()
POSTGRESQL = "postgresql+psycopg://treuepass:hidden@db/treuepass"


def read(folder: Path, **environment: str) -> Settings:
    return read_settings({"TREUEPASS_DATA_DIR": str(folder / "var"), **environment})


def test_a_bare_machine_needs_no_setting(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.uses_sqlite
    assert settings.database_url == f"sqlite:///{tmp_path}/var/treuepass.db"
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.proxies == 0
    [key] = settings.master_keys
    assert len(key) == 32
    assert (tmp_path / "var").stat().st_mode & 0o077 == 0
    assert (tmp_path / "var" / "master.key").stat().st_mode & 0o777 == 0o400
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["master.key"]
    assert read(tmp_path).master_keys == (key,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TREUEPASS_DATABASE_URL", "mysql://db"),
        ("TREUEPASS_DATABASE_URL", "sqlite:treuepass.db"),
        ("TREUEPASS_DATABASE_URL", "postgresql://db/treuepass"),
        ("TREUEPASS_DATABASE_URL", "postgresql+psycopg:db"),
        ("TREUEPASS_DATABASE_URL", "postgresql+psycopg://db:port/treuepass"),
        ("TREUEPASS_BASE_URL", "treuepass.example"),
        ("TREUEPASS_BASE_URL", "ftp://treuepass.example"),
        ("TREUEPASS_BASE_URL", "https://"),
        ("TREUEPASS_MASTER_KEY", "short"),
        ("TREUEPASS_MASTER_KEY", "schlüssel"),
        ("TREUEPASS_MASTER_KEY", base64.b64encode(b"k" * 31).decode()),
        ("TREUEPASS_MASTER_KEY", f"{KEY},short"),
        ("TREUEPASS_MASTER_KEY", " , "),
        ("TREUEPASS_PROXIES", "-1"),
        ("TREUEPASS_PROXIES", "one"),
        ("TREUEPASS_PROXIES", "1.5"),
    ],
)
def test_a_wrong_setting_names_itself(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=name) as refusal:
        read(tmp_path, **{"TREUEPASS_MASTER_KEY": KEY, name: value})
    assert len(str(refusal.value)) > len(name) + 10


def test_a_data_folder_that_is_a_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(WrongSetting, match="TREUEPASS_DATA_DIR"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"short"])
def test_a_broken_key_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "var").mkdir()
    file = tmp_path / "var" / "master.key"
    file.write_bytes(content)
    with pytest.raises(WrongSetting, match=r"master\.key"):
        read(tmp_path)
    assert file.read_bytes() == content


def test_postgresql_demands_the_master_key(tmp_path: Path) -> None:
    with pytest.raises(WrongSetting, match="TREUEPASS_MASTER_KEY is missing"):
        read(tmp_path, TREUEPASS_DATABASE_URL=POSTGRESQL)
    assert not (tmp_path / "var" / "master.key").exists()
    settings = read(tmp_path, TREUEPASS_DATABASE_URL=POSTGRESQL, TREUEPASS_MASTER_KEY=KEY)
    assert settings.master_keys == (b"k" * 32,)
    assert not settings.uses_sqlite


def test_earlier_master_keys_stay_readable(tmp_path: Path) -> None:
    settings = read(tmp_path, TREUEPASS_MASTER_KEY=f"{KEY}, {OTHER_KEY}")
    assert settings.master_keys == (b"k" * 32, b"o" * 32)


@pytest.mark.parametrize(
    ("host", "port", "base_url"),
    [
        ("127.0.0.1", 8001, "http://127.0.0.1:8001"),
        ("0.0.0.0", 8000, "http://127.0.0.1:8000"),
        ("::", 8000, "http://127.0.0.1:8000"),
        ("::1", 8000, "http://[::1]:8000"),
        ("shop.local", 80, "http://shop.local:80"),
    ],
)
def test_the_address_follows_host_and_port(
    tmp_path: Path, host: str, port: int, base_url: str
) -> None:
    environment = {"TREUEPASS_DATA_DIR": str(tmp_path)}
    assert read_settings(environment, host=host, port=port).base_url == base_url


def test_a_given_address_wins(tmp_path: Path) -> None:
    assert read(tmp_path, TREUEPASS_BASE_URL="https://a.example/").base_url == "https://a.example"


def test_a_file_beside_it_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "TREUEPASS_BASE_URL=https://file.example\nTREUEPASS_PROXIES=2\nTREUEPASS_DATA_DIR=here\n"
    )
    monkeypatch.delenv("TREUEPASS_DATA_DIR", raising=False)
    monkeypatch.setenv("TREUEPASS_BASE_URL", "https://process.example")
    settings = read_settings()
    assert settings.base_url == "https://process.example"
    assert settings.proxies == 2
    assert settings.data_dir == tmp_path / "here"


def test_secrets_never_show(tmp_path: Path) -> None:
    settings = read(tmp_path, TREUEPASS_DATABASE_URL=POSTGRESQL, TREUEPASS_MASTER_KEY=KEY)
    assert KEY not in repr(settings)
    assert repr(b"k" * 32) not in repr(settings)
    assert "hidden" not in repr(settings)


def test_sixteen_processes_make_one_master_key(tmp_path: Path) -> None:
    """One process forks them, and all wait for a file, so that they begin at the same moment."""
    program = (
        "import os, pathlib, time\n"
        "from passes.settings import read_settings\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "children = []\n"
        "for number in range(16):\n"
        "    children.append(os.fork())\n"
        "    if not children[-1]:\n"
        "        while not (folder / 'go').exists(): time.sleep(0.001)\n"
        "        found = read_settings({'TREUEPASS_DATA_DIR': str(folder / 'var')})\n"
        "        (folder / f'{number}.key').write_bytes(found.master_keys[0])\n"
        "        os._exit(0)\n"
        "(folder / 'go').touch()\n"
        "assert all(os.waitpid(child, 0)[1] == 0 for child in children)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    keys = {file.read_bytes() for file in tmp_path.glob("*.key")}
    assert len(list(tmp_path.glob("*.key"))) == 16
    assert [len(key) for key in keys] == [32]
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["master.key"]
