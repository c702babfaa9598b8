"""Several passes in one file, which Safari offers to add all at once.

Source: Apple, Distributing and updating a pass: 10 passes or 150 MB, whichever is less.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO

from passes.wallet_port import ContentRefused

MEDIA_TYPE = "application/vnd.apple.pkpasses"
MOST_PASSES = 10
MOST_BYTES = 150_000_000


def pack(passes: Sequence[bytes]) -> bytes:
    """A .pkpasses of finished .pkpass files, in their order. Raises ContentRefused."""
    if not 1 <= len(passes) <= MOST_PASSES:
        raise ContentRefused(f"A file of passes holds 1 to {MOST_PASSES} of them.")
    if sum(map(len, passes)) > MOST_BYTES:
        raise ContentRefused("These passes are too large to be handed out together.")
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as package:
        for number, one in enumerate(passes, start=1):
            package.writestr(zipfile.ZipInfo(f"{number:02}.pkpass"), one)
    return file.getvalue()
