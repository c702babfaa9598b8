"""Plants a violation in a copy of the repository, and proves that ``make check`` finds it."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checks import machine

ROOT = Path(__file__).parent.parent
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "var", "node_modules", "__pycache__", ".*_cache", "*.egg-info", ".hypothesis"
)
GERMAN = Path("passes/locale/de/LC_MESSAGES/messages.po")
DUTCH = Path("passes/locale/nl/LC_MESSAGES/messages.po")


@pytest.fixture
def tree(tmp_path):
    return Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=NOT_COPIED))


def check(tree, name):
    """Exit code and output of one check, run in the copy and on its modules."""
    answer = subprocess.run(
        [sys.executable, "-m", "checks", name],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, answer.stdout + answer.stderr


def lint_imports(tree):
    answer = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.returncode, answer.stdout + answer.stderr


def plant(path, line):
    path.write_text(f"{path.read_text()}\n{line}\n")


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# --- directions of imports -----------------------------------------------------------------------


def test_the_imports_are_in_order(tree):
    code, output = lint_imports(tree)
    assert code == 0, output


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("passes/clock.py", "import flask", "The domain knows no web framework"),
        ("passes/clock.py", "import requests", "The domain knows no web framework"),
        ("passes/clock.py", "import wallet_apple", "The domain knows no web framework"),
        (
            "passes/wallet_port/page.py",
            "from passes import errors",
            "The port imports nothing of ours",
        ),
        ("wallet_apple/__init__.py", "import wallet_google", "No wallet knows another"),
        ("wallet_google/__init__.py", "from pwa import routes", "No wallet knows another"),
        ("pwa/__init__.py", "from passes import store", "A wallet imports of the domain its port"),
        ("web/__init__.py", "import wallet_apple", "Only app.py names the wallets"),
        ("passes/store.py", "from passes import ledger", "The domain reads from the ground up"),
        ("web/__init__.py", "import tests.postgres", "What is shipped needs no tests"),
    ],
)
def test_a_wrong_import_is_found(tree, file, line, contract):
    plant(tree / file, line)
    code, output = lint_imports(tree)
    assert code == 1
    assert re.search(re.escape(contract) + r".* BROKEN", output), output


# --- texts ---------------------------------------------------------------------------------------


def test_the_catalogues_are_in_order(tree):
    assert check(tree, "catalogues") == (0, "catalogues: in order\n")


def test_a_missing_german_text_is_found(tree):
    first = re.search(r'\n\nmsgid ("[^"]+")\nmsgstr "[^"]+"\n', (tree / GERMAN).read_text())
    assert first
    replace(tree / GERMAN, first[0], "\n")
    code, output = check(tree, "catalogues")
    assert code == 1
    assert "de lacks" in output
    assert first[1].strip('"') in output


def test_a_new_text_is_missed_in_every_language(tree):
    plant(tree / "passes/clock.py", 'from passes import i18n\ni18n.text("Planted {n}", n=1)')
    code, output = check(tree, "catalogues")
    assert code == 1
    for language in ("de", "en", "nl"):
        assert re.search(rf"passes/clock\.py:\d+: {language} lacks 'Planted {{n}}'", output)


def test_a_new_text_in_a_template_is_missed(tree):
    template = next((tree / "web/templates").rglob("*.html"))
    plant(template, "{{ _('Planted') }}")
    code, output = check(tree, "catalogues")
    assert code == 1
    assert "de lacks 'Planted'" in output


@pytest.mark.parametrize(
    ("entry", "finding"),
    [
        ('msgid "Planted"\nmsgstr "Gepflanzt"', "nothing uses 'Planted'"),
        ('msgid "Planted"\nmsgstr ""', "empty: 'Planted'"),
        ('#, fuzzy\nmsgid "Planted"\nmsgstr "Gepflanzt"', "fuzzy: 'Planted'"),
        ('msgid "Planted {n}"\nmsgstr "Gepflanzt {m}"', "the placeholders differ: 'Planted {n}'"),
        ('#~ msgid "Planted"\n#~ msgstr "Gepflanzt"', "obsolete: 'Planted'"),
    ],
)
def test_a_bad_entry_is_found(tree, entry, finding):
    plant(tree / DUTCH, f"\n{entry}")
    code, output = check(tree, "catalogues")
    assert code == 1
    assert finding in output


def test_a_text_of_a_wallet_without_german_is_found(tree):
    plant(tree / "wallet_google/__init__.py", 'PLANTED = {"en": "Planted", "nl": "Geplant"}')
    code, output = check(tree, "catalogues")
    assert code == 1
    assert re.search(r"wallet_google/__init__\.py:\d+: the text lacks de\n", output)


# --- the database --------------------------------------------------------------------------------


def test_the_migrations_are_in_order(tree):
    assert check(tree, "migrations") == (0, "migrations: in order\n")


@pytest.mark.parametrize(
    "planted",
    [
        'Base.metadata.tables["merchant"].append_column(Column("planted", Text))',
        'Table("planted", Base.metadata, Column("id", Text, primary_key=True))',
        'Index("ix_planted", Base.metadata.tables["merchant"].c.name)',
    ],
)
def test_a_change_without_a_migration_is_found(tree, planted):
    models = tree / "passes/models.py"
    plant(models, f"from sqlalchemy import Column, Index, Table, Text\n{planted}")
    code, output = check(tree, "migrations")
    assert code == 1
    assert "planted" in output


# --- documents -----------------------------------------------------------------------------------


def test_the_documents_are_in_order(tree):
    assert check(tree, "docs") == (0, "docs: in order\n")


def test_a_stale_document_is_found(tree):
    path = tree / "docs/openapi.json"
    document = json.loads(path.read_text())
    document["info"]["title"] = "Planted"
    path.write_text(json.dumps(document))
    code, output = check(tree, "docs")
    assert code == 1
    assert "docs/openapi.json" in output


# --- pins ----------------------------------------------------------------------------------------


def test_every_dependency_is_pinned_with_hashes_and_no_address():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = (ROOT / "constraints.txt").read_text()
    everything = run + (ROOT / "constraints-dev.txt").read_text()
    for requirements, pins in (
        (project["dependencies"], run),
        (project["optional-dependencies"]["dev"], everything),
    ):
        for requirement in requirements:
            name = re.match(r"[a-z0-9-]+", requirement)[0]
            assert re.search(rf"^{name}(\[.*\])?==.*\\\n +--hash=sha256:", pins, re.MULTILINE), name
    assert "://" not in everything
    for line in everything.splitlines():
        assert re.match(r"#|-r constraints\.txt$|[a-z0-9._-]+==| +--hash=sha256:[0-9a-f]{64}", line)


def test_the_packages_from_npm_are_pinned_with_hashes_and_no_address():
    lock = json.loads((ROOT / "checks/npm/package-lock.json").read_text())
    packages = [entry for path, entry in lock["packages"].items() if path]
    assert packages
    assert all(entry["integrity"] for entry in packages)
    assert not any("resolved" in entry for entry in packages)


# --- the machine ---------------------------------------------------------------------------------


def test_what_cannot_be_installed_is_said_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["machine", "chromium", "java"])
    machine.main()
    said = capsys.readouterr().err
    assert "Chromium is missing" in said
    assert "Java is missing" in said
