"""Nothing that opens a card or an account reaches the log."""

from __future__ import annotations

import pytest

from commands.logs import mask

TOKEN = "Zk3vQ9rT8uW1xY2zA4bC5d"


@pytest.mark.parametrize(
    "name", ["password", "Authorization", "api_key", "install_token", "client_secret", "cookie"]
)
def test_what_is_secret_by_its_name_is_hidden(name: str) -> None:
    assert TOKEN not in str(mask(None, "info", {"event": "x", name: TOKEN}))


@pytest.mark.parametrize("place", ["/i/", "/c/"])
def test_tokens_in_addresses_are_told_apart_but_not_shown(place: str) -> None:
    def logged(token: str) -> str:
        return str(mask(None, "info", {"event": "opened", "path": f"{place}{token}/"})["path"])

    assert TOKEN not in logged(TOKEN)
    assert logged(TOKEN) == logged(TOKEN) != logged(TOKEN[::-1])


def test_api_keys_are_hidden_wherever_they_stand() -> None:
    key = "tp_0123456789ab_" + TOKEN
    masked = mask(None, "info", {"event": f"refused {key}", "detail": f"Bearer {key}"})
    assert TOKEN not in str(masked)


def test_everything_else_stays_as_it_is() -> None:
    event = {"event": "delivered", "card": "1234-5678-9012", "count": 3}
    assert mask(None, "info", dict(event)) == event
