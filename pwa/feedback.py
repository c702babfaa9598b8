"""What the form on a card's page says of a visit (D.16)."""

from __future__ import annotations

from collections.abc import Mapping

from passes.wallet_port import NotAllowed

MOST_STARS = 5
LONGEST_COMMENT = 2_000


def rating_in(form: Mapping[str, str]) -> tuple[int, str]:
    """Stars and comment of the form. Raises NotAllowed with ``stars`` or ``comment``.

    Browsers send a line break of a text as two characters; it counts as one.
    """
    stars = form.get("stars", "")
    if stars not in {str(number) for number in range(1, MOST_STARS + 1)}:
        raise NotAllowed("stars", f"A whole number from 1 to {MOST_STARS}.")
    comment = form.get("comment", "").replace("\r\n", "\n").strip()
    if len(comment) > LONGEST_COMMENT:
        raise NotAllowed("comment", f"At most {LONGEST_COMMENT} characters.")
    return int(stars), comment
