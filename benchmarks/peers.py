"""Other makers of Apple passes: each in a scratch environment, run by its own script."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("peer_script.py")


class PeerFailed(Exception):
    """The peer makes no passes here."""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    distribution: str


PEERS = (
    Peer("py-pkpass", "py-pkpass==1.0.2"),
    Peer("wallet-py3k", "wallet-py3k==0.0.4"),
    Peer("django-walletpass", "django-walletpass==5.0.1"),
)


def install(peer: Peer, folder: Path) -> str | None:
    """Installs the peer from PyPI into an environment of its own, once.

    Returns None, or the trouble if that cannot be done.
    """
    environment = folder / "peers" / peer.name
    done = environment / "installed"
    if done.exists() and done.read_text() == peer.distribution:
        return None
    for command in (
        (sys.executable, "-m", "venv", "--clear", str(environment)),
        (python_of(peer, folder), "-m", "pip", "install", "--quiet", peer.distribution),
    ):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            return _last_line(run.stderr)
    done.write_text(peer.distribution)
    return None


def rate(peer: Peer, folder: Path, pictures: Path, seconds: float) -> float:
    """Passes a second in a process of its own, whose start is not counted.

    Raises PeerFailed with the last line that it wrote.
    """
    certificates = folder / "certs_example"
    run = subprocess.run(
        (python_of(peer, folder), SCRIPT, peer.name, certificates, pictures, str(seconds)),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise PeerFailed(_last_line(run.stderr))
    return float(json.loads(run.stdout)["per_second"])


def python_of(peer: Peer, folder: Path) -> str:
    """The interpreter of the peer's environment."""
    return str(folder / "peers" / peer.name / "bin" / "python")


def _last_line(text: str) -> str:
    return (text.strip() or "it said nothing").splitlines()[-1]
