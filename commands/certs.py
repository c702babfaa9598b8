"""Certificates: makes the example ones."""

from __future__ import annotations

import argparse

from certs_example.make import make_all
from commands.parts import Assemble
from passes.settings import Settings


def example(parsed: argparse.Namespace, settings: Settings, assemble: Assemble) -> int:
    """Makes the example certificates where they are missing or old, and says where they are."""
    folder = settings.data_dir / "certs_example"
    make_all(folder)
    for file in sorted(folder.iterdir()):
        if not file.name.startswith("."):
            print(file)
    return 0
