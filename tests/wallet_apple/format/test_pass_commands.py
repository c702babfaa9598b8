"""``treuepass pass check`` and ``pass import``, as they are typed."""

import argparse
import json
from types import SimpleNamespace

import pytest

from wallet_apple import add_commands
from wallet_apple.format.check import check_package


@pytest.fixture
def treuepass(certificates, now):
    """Runs ``treuepass pass …``; the exit code."""
    parser = argparse.ArgumentParser()
    groups = parser.add_subparsers()
    add_commands(
        groups.add_parser("simulate").add_subparsers(), groups.add_parser("pass").add_subparsers()
    )
    settings = SimpleNamespace(data_dir=certificates.parent / "data")
    settings.data_dir.mkdir(exist_ok=True)
    link = settings.data_dir / "certs_example"
    if not link.exists():
        link.symlink_to(certificates)
    parts = SimpleNamespace(wallets={"apple": SimpleNamespace(now=lambda: now)})

    def run(*typed):
        parsed = parser.parse_args(["pass", *map(str, typed)])
        return parsed.command(parsed, settings, lambda _: parts)

    return run


@pytest.fixture
def template(tmp_path, base, base_files):
    folder = tmp_path / "Card.pkpasstemplate"
    folder.mkdir()
    face = {**base(), "serialNumber": "", "passTypeIdentifier": "pass."}
    (folder / "pass.json").write_text(json.dumps(face))
    for name, body in base_files.items():
        (folder / name).write_bytes(body)
    return folder


def test_a_good_pass(treuepass, signed, tmp_path, capsys):
    path = tmp_path / "card.pkpass"
    path.write_bytes(signed)
    assert treuepass("check", path) == 0
    assert capsys.readouterr().out == f"{path}: nothing to remark\n"


def test_a_bad_one_among_good_ones(treuepass, signed, tmp_path, capsys):
    good, bad = tmp_path / "good.pkpass", tmp_path / "bad.pkpass"
    good.write_bytes(signed)
    bad.write_bytes(signed[:-1])
    assert treuepass("check", good, bad, tmp_path / "none.pkpass") == 1
    out = capsys.readouterr().out
    assert "bad.pkpass: 1 error\n  error   The file is no ZIP archive" in out
    assert "none.pkpass: 1 error\n  error   The file cannot be read: No such file" in out


def test_json(treuepass, signed, tmp_path, capsys):
    path = tmp_path / "bad.pkpass"
    path.write_bytes(b"")
    assert treuepass("check", "--json", path) == 1
    [(name, [remark])] = json.loads(capsys.readouterr().out).items()
    assert name == str(path)
    assert remark["level"] == "error"
    assert set(remark) == {"level", "where", "sentence"}


def test_folders_and_templates(treuepass, template, capsys):
    assert treuepass("check", template) == 0
    assert "serialNumber is open" in capsys.readouterr().out
    folder = template.rename(template.with_suffix(".pass"))
    assert treuepass("check", folder) == 1
    assert "serialNumber is empty" in capsys.readouterr().out


def test_a_foreign_file_does_not_command_the_terminal(treuepass, template, capsys):
    face = json.loads((template / "pass.json").read_text())
    (template / "pass.json").write_text(json.dumps({**face, "\x1b[2J\n": 1}))
    assert treuepass("check", template) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_another_root(treuepass, signed, tmp_path, certificates, capsys):
    path = tmp_path / "card.pkpass"
    path.write_bytes(signed)
    assert treuepass("check", path, "--root", certificates / "root.pem") == 0
    assert treuepass("check", path, "--root", path) == 1
    assert "a root certificate cannot be read" in capsys.readouterr().err


def test_import(treuepass, template, tmp_path, roots, capsys):
    out = tmp_path / "card.pkpass"
    typed = ["--set", "balance=3.5", "--set", "serialNumber=A=1"]
    assert treuepass("import", template, "--out", out, *typed) == 0
    assert check_package(out.read_bytes(), roots) == []
    assert capsys.readouterr().out == f"{out}: nothing to remark\n"


def test_nothing_is_written_with_errors(treuepass, template, tmp_path, capsys):
    out = tmp_path / "card.pkpass"
    assert treuepass("import", template, "--out", out) == 1
    assert not out.exists()
    told = capsys.readouterr()
    assert "serialNumber is empty" in told.out
    assert "nothing was written" in told.err
    assert treuepass("import", template, "--out", out, "--set", "balanse=1") == 1
    assert "no field balanse" in capsys.readouterr().err
    assert treuepass("import", tmp_path / "none", "--out", out) == 1
    with pytest.raises(SystemExit):
        treuepass("import", template, "--out", out, "--set", "balance")
