"""The shape of the house, where an import contract cannot say it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WALLET_FOLDERS = [wallet.__name__ for wallet in app.WALLETS]
SHIPPED = ["app.py", "commands", "passes", "web", "certs_example", "migrations", *WALLET_FOLDERS]

# Modules that read the clock by themselves, and why they may.
READ_THE_CLOCK = {
    "passes/clock.py": "is the clock",
    "passes/ids.py": "a UUID of version 7 holds the moment it was made in",
    "certs_example/make.py": "runs by itself and dates certificates; told the time in tests",
    "pwa/simulate/inbox.py": "plays a machine of somebody else, which has a clock of its own",
}
# Distributions that answer to the name of an imported module.
PACKAGES = metadata.packages_distributions()
FLASK_BRINGS = {"itsdangerous", "jinja2", "markupsafe", "werkzeug"}
# The database's address and the time zone's name bring these in.
NEVER_IMPORTED = {"psycopg", "tzdata"}
CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}


def modules(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """Path beneath the root and syntax tree of every module in the files and folders."""
    for place in places:
        start = ROOT / place
        for path in [start] if start.is_file() else sorted(start.rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Every module that is imported anywhere in the tree, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def belongs_to(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_the_port_imports_the_standard_library_only():
    names = {name for _, tree in modules("passes/wallet_port") for name in imported(tree)}
    others = {name for name in names if not belongs_to(name, {"passes.wallet_port"})}
    assert {name.split(".")[0] for name in others} <= sys.stdlib_module_names


@pytest.mark.parametrize("folder", WALLET_FOLDERS)
def test_a_wallet_is_mounted_by_its_folder(folder):
    wallet = sys.modules[folder]
    assert callable(wallet.mount)


@pytest.mark.parametrize("folder", WALLET_FOLDERS)
def test_a_wallet_meets_flask_at_its_door_only(folder):
    doors = {f"{folder}/__init__.py", f"{folder}/routes.py"}
    inside = {
        path
        for path, tree in modules(folder)
        if any(belongs_to(name, {"flask", "werkzeug"}) for name in imported(tree))
    }
    assert inside <= doors


@pytest.mark.parametrize("folder", WALLET_FOLDERS)
def test_the_import_contracts_know_every_wallet(folder):
    assert folder in PROJECT["tool"]["importlinter"]["root_packages"]
    independent = next(
        contract["modules"]
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if contract["type"] == "independence"
    )
    assert folder in independent


def test_only_app_names_the_wallets():
    for path, tree in modules("commands", "passes", "web", "certs_example", "migrations"):
        named = {name for name in imported(tree) if belongs_to(name, set(WALLET_FOLDERS))}
        assert not named, path


def test_nothing_stands_above_app():
    """The commands are handed what app.py puts together; they import it for its types alone."""
    for path, tree in modules("passes", "web", "certs_example", "migrations", *WALLET_FOLDERS):
        assert not any(belongs_to(name, {"app"}) for name in imported(tree)), path


def test_the_domain_opens_no_connection():
    """Whatever talks to the world is a wallet, or an edge that calls the domain."""
    network = {"http", "urllib.request", "socket", "ssl", "smtplib", "asyncio", "socketserver"}
    for path, tree in modules("passes"):
        opened = {name for name in imported(tree) if belongs_to(name, network)}
        assert not opened, path


def test_every_package_is_declared_and_used():
    requirements = PROJECT["project"]["dependencies"]
    declared = {re.match(r"[a-z0-9-]+", requirement)[0] for requirement in requirements}
    names = {
        package.lower().replace("_", "-")
        for _, tree in modules(*SHIPPED)
        for name in imported(tree)
        for package in PACKAGES.get(name.split(".")[0], ())
    }
    assert names - FLASK_BRINGS - {"treuepass"} == declared - NEVER_IMPORTED


def test_one_place_reads_the_clock():
    readers = set()
    for path, tree in modules(*SHIPPED):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                if node.attr in CLOCKS.get(owner, ()):
                    readers.add(path)
    assert readers == set(READ_THE_CLOCK)


def test_the_order_of_the_domain_names_all_of_it():
    order = next(
        contract["layers"]
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        if contract.get("containers") == ["passes"]
    )
    named = {name.strip(" ()") for layer in order for name in layer.replace("|", ":").split(":")}
    present = {
        path.stem
        for path in (ROOT / "passes").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert present - {"__init__"} == named


def test_no_folder_for_what_has_no_name():
    vague = ("utils", "helpers", "common", "misc")
    for path, _ in modules(*SHIPPED, "checks", "benchmarks"):
        stem = Path(path).stem
        assert stem not in vague, path
        assert not stem.endswith(("_manager", "_helper", "_service", "_utils")), path
