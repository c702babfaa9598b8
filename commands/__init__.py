"""The command line: ``treuepass serve``, ``worker``, ``migrate``, ``doctor``, ``demo`` …"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from commands import cards, certs, demo, doctor, keys, logs, serve
from commands.parts import Assemble
from passes.errors import RuleBroken
from passes.settings import WrongSetting, read_settings
from passes.wallet_port import WalletMisconfigured


def run(arguments: Sequence[str], assemble: Assemble, wallets: Sequence[ModuleType]) -> int:
    """Runs one command; its exit code: 0 done, 1 refused or broken, 2 misspelt.

    A wallet's folder may have commands of its own, in the groups ``simulate`` and ``pass``: its
    function ``add_commands`` gets the two, as argparse's subparsers.
    """
    parsed = _parser(wallets).parse_args(arguments)
    logs.configure()
    host, port = getattr(parsed, "host", "127.0.0.1"), getattr(parsed, "port", 8000)
    try:
        settings = read_settings(host=host, port=port)
        return int(parsed.command(parsed, settings, assemble))
    except (WrongSetting, WalletMisconfigured) as error:
        print(f"treuepass: {error}", file=sys.stderr)
    except RuleBroken as error:
        print(f"treuepass: {error}", file=sys.stderr)
    return 1


def _parser(wallets: Sequence[ModuleType]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="treuepass", description="Loyalty cards in Apple Wallet, Google Wallet and the browser"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, help_: str, command: Callable[..., int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        sub.set_defaults(command=command)
        return sub

    serving = add("serve", "the web server, with the worker inside", serve.serve)
    serving.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    serving.add_argument("--port", type=_port, default=os.environ.get("PORT") or 8000)
    serving.add_argument("--no-worker", action="store_true", help="web alone")
    serving.add_argument("--demo", action="store_true", help="the demo merchant if there is none")

    add("worker", "background work alone; any number against one PostgreSQL", serve.work)
    add("migrate", "brings the database up to date", serve.migrate)

    checking = add(
        "doctor", "checks settings, database and wallets, and says what to do", doctor.run
    )
    checking.add_argument("--json", action="store_true")
    checking.add_argument(
        "--online", action="store_true", help="asks the vendors about each merchant's account, too"
    )

    showing = add("demo", "makes or finds the demo merchant", demo.run)
    showing.add_argument("--json", action="store_true")
    showing.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    showing.add_argument("--port", type=_port, default=os.environ.get("PORT") or 8000)

    key = commands.add_parser("api-key", help="keys of programs").add_subparsers(required=True)
    making = key.add_parser("create", help="prints a new key, once")
    making.add_argument("--merchant", required=True, metavar="SLUG")
    making.add_argument("--scopes", default="all", help="all, or some of read,issue,transact,…")
    making.add_argument("--name", default="command line")
    making.set_defaults(command=keys.create)

    card = commands.add_parser("card", help="cards").add_subparsers(required=True)
    cards.add_parsers(card)

    certificates = commands.add_parser("certs", help="certificates").add_subparsers(required=True)
    certs.add_parsers(certificates)

    simulating = commands.add_parser(
        "simulate", help="behaves as a phone does, for people who have none at hand"
    ).add_subparsers(required=True, metavar="DEVICE")
    passes = commands.add_parser("pass", help="files of passes").add_subparsers(
        required=True, metavar="COMMAND"
    )
    for wallet in wallets:
        if hasattr(wallet, "add_commands"):
            wallet.add_commands(simulating, passes)
    return parser


def _port(typed: str) -> int:
    number = int(typed)
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError("must be 1 to 65535")
    return number
