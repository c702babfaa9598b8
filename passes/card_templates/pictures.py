"""Takes a picture that somebody uploaded and keeps it in every size that the wallets need.

Uploads are hostile until proved otherwise: they are decoded in a child process with limits on
memory and time, only PNG and JPEG by content, always written anew (spec/security.md 5.2.x).
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from passes import ids
from passes.card_templates.models import Rendition, UploadedPicture
from passes.errors import Invalid, NotFound
from passes.store import merchant_of
from passes.wallet_port import Picture, PictureSize

LARGEST_UPLOAD = 2 * 1024 * 1024
SECONDS = 10
ROLES = ("icon", "logo", "strip", "photo")
"""The pictures of a look, by their names there."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"


def upload(
    session: Session, role: str, data: bytes, sizes: Sequence[PictureSize], now: datetime
) -> UUID:
    """Keeps a picture for a role; its id, for ``look``. Raises Invalid when it is no good."""
    if role not in ROLES:
        raise Invalid.field("role", f"must be one of {', '.join(ROLES)}")
    wanted = [size for size in sizes if size.role == role]
    master, *renditions = _render(data, wanted)
    width, height = struct.unpack(">II", master[16:24])
    picture_id = ids.new_id()
    merchant_id = merchant_of(session)
    session.add(
        UploadedPicture(
            merchant_id=merchant_id,
            id=picture_id,
            role=role,
            width=width,
            height=height,
            png=master,
            created_at=now,
        )
    )
    session.flush()
    _keep(session, picture_id, wanted, renditions)
    return picture_id


def complete(session: Session, sizes: Sequence[PictureSize]) -> int:
    """Makes the renditions that are missing, as after a wallet was added; how many."""
    merchant_id = merchant_of(session)
    made = 0
    pictures = session.scalars(
        select(UploadedPicture)
        .where(UploadedPicture.merchant_id == merchant_id)
        .options(undefer(UploadedPicture.png))
    ).all()
    for picture in pictures:
        known = set(renditions_of(session, picture.id))
        missing = [size for size in sizes if size.role == picture.role and size.name not in known]
        if missing:
            _, *renditions = _render(picture.png, missing)
            _keep(session, picture.id, missing, renditions)
            made += len(missing)
    return made


def renditions_of(session: Session, picture_id: UUID) -> Mapping[str, tuple[str, bytes]]:
    """SHA-256 and PNG of each rendition by the name of its size."""
    rows = session.execute(
        select(Rendition.name, Rendition.sha256, Rendition.png).where(
            Rendition.merchant_id == merchant_of(session), Rendition.picture_id == picture_id
        )
    )
    return {row.name: (row.sha256, row.png) for row in rows}


def rendition(session: Session, picture_id: UUID, name: str) -> bytes:
    """One rendition's PNG. Raises NotFound."""
    png = session.scalar(
        select(Rendition.png).where(
            Rendition.merchant_id == merchant_of(session),
            Rendition.picture_id == picture_id,
            Rendition.name == name,
        )
    )
    if png is None:
        raise NotFound("picture")
    return png


def address(base_url: str, merchant_id: UUID, picture_id: UUID, name: str, sha256: str) -> str:
    """The public address of a rendition; its content never changes."""
    return f"{base_url}/pictures/{merchant_id.hex}/{picture_id.hex}/{name}.png?v={sha256[:12]}"


def pictures_of(
    session: Session, base_url: str, picture_ids: Sequence[UUID | None]
) -> dict[str, Picture]:
    """All renditions of a look's pictures, by the name of the size."""
    merchant_id = merchant_of(session)
    return {
        name: Picture(
            name=name,
            sha256=sha256,
            png=png,
            url=address(base_url, merchant_id, picture_id, name, sha256),
        )
        for picture_id in picture_ids
        if picture_id is not None
        for name, (sha256, png) in renditions_of(session, picture_id).items()
    }


def _keep(
    session: Session, picture_id: UUID, sizes: Sequence[PictureSize], pngs: Sequence[bytes]
) -> None:
    session.add_all(
        Rendition(
            merchant_id=merchant_of(session),
            picture_id=picture_id,
            name=size.name,
            sha256=hashlib.sha256(png).hexdigest(),
            png=png,
        )
        for size, png in zip(sizes, pngs, strict=True)
    )
    session.flush()


def _render(data: bytes, sizes: Sequence[PictureSize]) -> list[bytes]:
    """The picture written anew as PNG, then one PNG per size. Raises Invalid."""
    if not data:
        raise Invalid.field("picture", "is empty")
    if len(data) > LARGEST_UPLOAD:
        raise Invalid.field("picture", "must not be larger than 2 MB", "TOO_LARGE")
    if not data.startswith((_PNG, _JPEG)):
        raise Invalid.field("picture", "must be a PNG or JPEG picture", "WRONG_TYPE")
    order = json.dumps(
        [{"width": s.width, "height": s.height, "crop": s.crop.value} for s in sizes]
    ).encode()
    try:
        child = subprocess.run(
            [sys.executable, "-m", "passes.card_templates.picture_child"],
            input=struct.pack(">I", len(order)) + order + data,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Invalid.field("picture", "takes too long to read", "TOO_COMPLEX") from None
    if child.returncode != 0:
        reason = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
        known = reason[0].removeprefix("refused: ") if reason else ""
        if not reason or not reason[0].startswith("refused: "):
            known = "cannot be read"
        raise Invalid.field("picture", known, "UNREADABLE")
    return _frames(child.stdout)


def _frames(output: bytes) -> list[bytes]:
    frames = []
    at = 0
    while at < len(output):
        (length,) = struct.unpack_from(">I", output, at)
        frames.append(output[at + 4 : at + 4 + length])
        at += 4 + length
    return frames
