"""Templates of Apple's Pass Designer are read, filled in, and keep what nobody here knows."""

import io
import json
import zipfile

import pytest

from wallet_apple.format.check import check_package
from wallet_apple.format.template import (
    BadTemplate,
    packed,
    read_template,
    read_value,
    to_pass,
)


@pytest.fixture
def face(base):
    """As the Designer saves one: who makes the pass is open, and there are keys of its own."""
    face = base()
    for name in ("passTypeIdentifier", "teamIdentifier", "serialNumber"):
        face[name] = ""
    for name in ("webServiceURL", "authenticationToken"):
        del face[name]
    face["posterGeneric"] = {"primaryFields": [{"key": "balance", "value": 0, "glow": {"x": 1.5}}]}
    face["keyOfTomorrow"] = {"deep": [1, None, {"é": "ü"}]}
    return face


@pytest.fixture
def folder(tmp_path, face, base_files):
    folder = tmp_path / "Card.pkpasstemplate"
    (folder / "de.lproj").mkdir(parents=True)
    (folder / "pass.json").write_text(json.dumps(face))
    (folder / "tooling.json").write_text('{"designerVersion": "1.0"}')
    (folder / "de.lproj" / "pass.strings").write_text('"Balance" = "Guthaben";')
    (folder / ".DS_Store").write_bytes(b"x")
    for name, body in base_files.items():
        (folder / name).write_bytes(body)
    return folder


def zipped(folder):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return body.getvalue()


def test_a_folder_and_its_zip_read_alike(folder, face):
    template = read_template(folder)
    assert template.face == face
    assert template == read_template(zipped(folder))
    assert set(template.files) == {
        "icon.png", "icon@2x.png", "icon@3x.png", "tooling.json", "de.lproj/pass.strings",
    }  # fmt: skip


def test_values_are_set_in_every_style(folder, credentials):
    files = to_pass(read_template(folder), {"balance": 7, "serialNumber": "9"}, credentials)
    made = json.loads(files["pass.json"])
    assert made["storeCard"]["primaryFields"][0]["value"] == 7
    assert made["posterGeneric"]["primaryFields"][0]["value"] == 7
    assert made["storeCard"]["backFields"][0]["value"] == "None."
    assert made["serialNumber"] == "9"
    assert made["passTypeIdentifier"] == "pass.example.treuepass"
    assert made["teamIdentifier"] == "EXAMPLE123"


def test_a_round_trip_keeps_what_is_unknown(folder, face, credentials, now, roots):
    template = read_template(folder)
    body = packed(
        to_pass(template, {"serialNumber": "9"}, credentials),
        lambda manifest: credentials.sign(manifest, now),
    )
    assert [remark for remark in check_package(body, roots) if remark.level.value != "note"] == []
    again = read_template(body)
    identity = {
        "passTypeIdentifier": "pass.example.treuepass", "teamIdentifier": "EXAMPLE123",
        "serialNumber": "9",
    }  # fmt: skip
    assert again.face == {**face, **identity}
    assert again.files == template.files


def test_the_template_itself_stays_as_it_is(folder, face, credentials):
    template = read_template(folder)
    to_pass(template, {"balance": 7}, credentials)
    assert template.face == face


def test_a_value_replaces_a_link(folder, face, credentials):
    face["storeCard"]["backFields"][0]["attributedValue"] = "<a href='https://a.example'>x</a>"
    (folder / "pass.json").write_text(json.dumps(face))
    made = json.loads(to_pass(read_template(folder), {"terms": "New"}, credentials)["pass.json"])
    assert made["storeCard"]["backFields"][0] == {"key": "terms", "label": "Terms", "value": "New"}


def test_typed_values(folder):
    template = read_template(folder)
    assert read_value(template, "balance", "12") == 12
    assert read_value(template, "balance", "3.50") == 3.5
    assert read_value(template, "terms", "12") == "12"
    for typed in ("twelve", "", "true", "[1]", "NaN"):
        with pytest.raises(BadTemplate, match="shows a number at balance"):
            read_value(template, "balance", typed)


def test_a_key_that_no_field_has(folder, credentials):
    with pytest.raises(BadTemplate, match=r"no field balanse\. It has balance, terms"):
        to_pass(read_template(folder), {"balanse": 1}, credentials)


def test_what_is_no_template(folder):
    for body in (b"", b"x" * 100, zipped(folder)[:200]):
        with pytest.raises(BadTemplate):
            read_template(body)
    (folder / "pass.json").write_text("[]")
    with pytest.raises(BadTemplate, match=r"pass.json: The file must hold an object"):
        read_template(folder)
    (folder / "pass.json").unlink()
    with pytest.raises(BadTemplate, match=r"no pass.json"):
        read_template(folder)


def test_links_in_a_folder_are_not_followed(folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    (folder / "logo.png").symlink_to(secret)
    assert "logo.png" not in read_template(folder).files
