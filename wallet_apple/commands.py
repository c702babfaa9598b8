"""The commands that this wallet adds to ``treuepass``: passes as files, and a simulated phone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cryptography import x509

from wallet_apple.format.archive import MOST_BYTES_OF_BUNDLE, BadArchive
from wallet_apple.format.check import check_folder, check_package
from wallet_apple.format.folders import read_folder
from wallet_apple.format.remarks import ERROR, Remark, has_errors
from wallet_apple.format.signature import Roots
from wallet_apple.format.template import BadTemplate, packed, read_template, read_value, to_pass
from wallet_apple.signing import read_folder as read_credentials
from wallet_apple.simulate.command import add_iphone


def add_commands(simulating: Any, passes: Any) -> None:
    """Adds to ``treuepass simulate`` and ``treuepass pass``, which are argparse's subparsers."""
    add_iphone(simulating)
    _add_check(passes)
    _add_import(passes)


# --- treuepass pass check ------------------------------------------------------------------------


def _add_check(passes: Any) -> None:
    help_ = "says what is wrong with passes, bundles, folders of passes and templates"
    checking = passes.add_parser("check", help=help_, description=help_)
    checking.add_argument("files", nargs="+", type=Path, metavar="FILE")
    checking.add_argument("--json", action="store_true")
    checking.add_argument(
        "--root", action="append", type=Path, default=[], metavar="CERTIFICATE",
        help="a root certificate, such as Apple's, that the chain may end at",
    )  # fmt: skip
    checking.set_defaults(command=check)


def check(parsed: argparse.Namespace, settings: Any, assemble: object) -> int:
    """Prints the remarks; 1 when a file has an error or cannot be read."""
    try:
        named = [_certificate(path) for path in parsed.root]
        roots = Roots((*_example_root(settings), *named), are_all=bool(named))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"treuepass: a root certificate cannot be read: {error}\n")
        return 1
    found = {str(path): check_path(path, roots) for path in parsed.files}
    if parsed.json:
        shown = {name: [_as_json(each) for each in remarks] for name, remarks in found.items()}
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    else:
        for name, remarks in found.items():
            sys.stdout.write(_as_text(name, remarks))
    return 1 if any(map(has_errors, found.values())) else 0


def check_path(path: Path, roots: Roots) -> list[Remark]:
    """Remarks on a file or folder; one that cannot be read is an error too."""
    is_template = path.suffix == ".pkpasstemplate"
    try:
        if path.is_dir():
            return check_folder(read_folder(path), is_template=is_template, roots=roots)
        if path.stat().st_size > MOST_BYTES_OF_BUNDLE:
            return [Remark(ERROR, "", "The file is larger than any pass or bundle may be.")]
        if is_template:
            template = read_template(path)
            face = json.dumps(template.face).encode()
            return check_folder({**template.files, "pass.json": face}, is_template=True)
        return check_package(path.read_bytes(), roots)
    except (BadArchive, BadTemplate) as error:
        return [Remark(ERROR, "", str(error))]
    except OSError as error:
        return [Remark(ERROR, "", f"The file cannot be read: {error.strerror}.")]


def _example_root(settings: Any) -> tuple[x509.Certificate, ...]:
    path = settings.data_dir / "certs_example" / "root.pem"
    return (_certificate(path),) if path.exists() else ()


def _certificate(path: Path) -> x509.Certificate:
    """A certificate in PEM or DER. Raises OSError and ValueError."""
    body = path.read_bytes()
    if b"-----BEGIN" in body:
        return x509.load_pem_x509_certificate(body)
    return x509.load_der_x509_certificate(body)


def _as_text(name: str, remarks: list[Remark]) -> str:
    counts = [
        f"{count} {level}{'s' if count != 1 else ''}"
        for level in ("error", "warning", "note")
        if (count := sum(remark.level.value == level for remark in remarks))
    ]
    lines = [f"{name}: {', '.join(counts) or 'nothing to remark'}"]
    for remark in remarks:
        where = f"{remark.where}: " if remark.where else ""
        lines.append(f"  {remark.level.value:<8}{where}{remark.sentence}")
    # Names in a foreign file may hold what commands the terminal.
    return "".join(map(_printable, lines))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line) + "\n"


def _as_json(remark: Remark) -> dict[str, str]:
    return {"level": remark.level.value, "where": remark.where, "sentence": remark.sentence}


# --- treuepass pass import -----------------------------------------------------------------------


def _add_import(passes: Any) -> None:
    help_ = "makes a pass of a template (.pkpasstemplate), signed with the example certificate"
    importing = passes.add_parser("import", help=help_, description=help_)
    importing.add_argument("template", type=Path, metavar="TEMPLATE")
    importing.add_argument("--out", type=Path, required=True, metavar="FILE.pkpass")
    importing.add_argument(
        "--set", action="append", type=_pair, default=[], metavar="KEY=VALUE",
        help="the value of a field, or serialNumber, description, organizationName, logoText",
    )  # fmt: skip
    importing.set_defaults(command=import_template)


def import_template(parsed: argparse.Namespace, settings: Any, assemble: Any) -> int:
    """Writes the pass, unless it has errors; prints the remarks. 1 when nothing was written."""
    # Putting everything together makes the example certificates where they are missing.
    now = assemble(settings).wallets["apple"].now()
    credentials = read_credentials(settings.data_dir / "certs_example")
    try:
        template = read_template(parsed.template)
        given = {key: read_value(template, key, text) for key, text in parsed.set}
        files = to_pass(template, given, credentials)
    except (BadTemplate, OSError) as error:
        sys.stderr.write(f"treuepass: {error}\n")
        return 1
    body = packed(files, lambda manifest: credentials.sign(manifest, now))
    remarks = check_package(body, Roots(_example_root(settings)))
    sys.stdout.write(_as_text(str(parsed.out), remarks))
    if has_errors(remarks):
        sys.stderr.write("treuepass: nothing was written, because of the errors\n")
        return 1
    parsed.out.write_bytes(body)
    return 0


def _pair(typed: str) -> tuple[str, str]:
    key, equals, value = typed.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError("must be KEY=VALUE")
    return key, value
