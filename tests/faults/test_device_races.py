"""Devices that speak at once: a phone and its watch register within milliseconds of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from flask import Flask

from tests.apple_device import Device, Pass
from tests.conftest import Shop

ROUNDS = 5
AT_ONCE = 8


def together(asked: Sequence[Callable[[], Any]]) -> list[int]:
    """The statuses of requests that are sent at the same time."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return [answer.status_code for answer in pool.map(lambda ask: ask(), asked)]


def devices(app: Flask, number: int) -> list[Device]:
    return [Device(app.test_client(), f"device {each}") for each in range(number)]


def places(shop: Shop, card: Any) -> list[str]:
    return [place["status"] for place in shop.get(f"/cards/{card['id']}")["installations"]]


def new_card(app: Flask, shop: Shop) -> tuple[Any, Pass]:
    card = shop.card(shop.template("multipass")["id"])
    return card, Device(app.test_client()).download(card)


def test_phone_and_watch_register_at_once(app: Flask, alma: Shop) -> None:
    for _ in range(ROUNDS):
        card, held = new_card(app, alma)
        several = devices(app, AT_ONCE)
        assert together([partial(each.register, held) for each in several]) == [201] * AT_ONCE
        assert places(alma, card) == ["active"] * AT_ONCE
        installed = [
            event["data"]["additional"]
            for event in alma.get(f"/cards/{card['id']}/events")["items"]
            if event["type"] == "installed"
        ]
        assert sorted(installed) == [False] + [True] * (AT_ONCE - 1)


def test_one_device_registers_several_times_at_once(app: Flask, alma: Shop) -> None:
    for _ in range(ROUNDS):
        card, held = new_card(app, alma)
        same = [Device(app.test_client(), "phone") for _ in range(AT_ONCE)]
        answers = together([partial(each.register, held) for each in same])
        assert sorted(answers) == [200] * (AT_ONCE - 1) + [201]
        assert places(alma, card) == ["active"]


def test_a_device_registers_and_unregisters_at_once(app: Flask, alma: Shop) -> None:
    for _ in range(ROUNDS):
        card, held = new_card(app, alma)
        same = [Device(app.test_client(), "phone") for _ in range(AT_ONCE)]
        asked = [
            partial(each.register if number % 2 else each.unregister, held)
            for number, each in enumerate(same)
        ]
        assert set(together(asked)) <= {200, 201}
        shown = alma.get(f"/cards/{card['id']}")
        [place] = shown["installations"]
        expected = {"active": "installed", "removed": "deleted"}[place["status"]]
        assert shown["status"] == expected
        # And the last word is believed.
        same[0].register(held)
        assert alma.get(f"/cards/{card['id']}")["status"] == "installed"


def test_a_whole_wallet_while_the_till_works(app: Flask, alma: Shop) -> None:
    """Registering, listing, fetching, posting and removing at once: no request fails here."""
    made = [new_card(app, alma) for _ in range(3)]

    def live(name: str) -> list[int]:
        said = []
        for card, held in made * 3:
            device = Device(app.test_client(), name)
            said.append(device.register(held).status_code)
            device.list(held)
            headers = device.proof(held)
            said.append(device.client.get(held.path, headers=headers).status_code)
            path = f"/cards/{card['id']}/add-visits"
            said.append(alma.call("POST", path, {"value": 1}).status_code)
            said.append(device.unregister(held).status_code)
        return said

    with ThreadPoolExecutor(4) as pool:
        answers = [status for said in pool.map(live, ["phone", "watch"] * 2) for status in said]
    assert set(answers) <= {200, 201}
    for card, held in made:
        figures = alma.get(f"/cards/{card['id']}")["figures"]
        assert figures["available_visits"] == 3 * 4
        again = Device(app.test_client(), "tablet").add(card)
        assert again.serial == held.serial
        assert again.figures["available_visits"] == 12
