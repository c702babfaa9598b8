"""Apple's web service against a trivial JSON view of the same server: lists, 304s, changed passes.

One granian process as ``treuepass serve`` starts it, and a client in this process with four
connections that are kept, so that the server always has something to do.
"""

from __future__ import annotations

import shutil
from itertools import cycle
from pathlib import Path

from sqlalchemy import update

import migrations
from app import assemble
from benchmarks import rounds, served
from benchmarks.devices_server import TRIVIAL
from benchmarks.table import Note, Row
from commands.parts import Parts
from passes import clock
from passes.card_templates import templates
from passes.card_templates.kinds import Kind
from passes.cards import utm
from passes.cards.issue import Origin, issue
from passes.cards.models import Installation
from passes.content.draw import draw
from passes.customers import customers
from passes.customers.details import Details
from passes.delivery.issuer import DomainIssuer
from passes.merchants import merchants
from passes.settings import read_settings
from passes.wallet_port import PassContent

TITLE = "Apple's web service, SQLite, one server process, requests per second"
CARDS = 1_200
"""More than the wallet remembers signatures for, so that each pass is signed anew."""
CONNECTIONS = 4
SERVER = "benchmarks.devices_server:create_app"
TYPE = "pass.example.treuepass"
BASE = f"/wallet/apple/{TYPE}/v1"


def run(folder: Path, seconds: float, *, with_peers: bool = True) -> list[Row | Note]:
    """Rows of the report; ``with_peers`` makes no difference here."""
    data_dir = folder / "devices"
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
    port = served.free_port()
    environment = {
        "TREUEPASS_DATA_DIR": str(data_dir.resolve()),
        "TREUEPASS_BASE_URL": f"http://127.0.0.1:{port}",
    }
    parts = assemble(read_settings(environment))
    migrations.upgrade(parts.store.engine)
    held = _wallet_of_cards(parts)
    one = held[0]
    proof = f"Authorization: ApplePass {one.secret}\r\n"
    since = one.changed_at.strftime("If-Modified-Since: %a, %d %b %Y %H:%M:%S GMT\r\n")
    asked = {
        "trivial": served.get(TRIVIAL),
        "list": served.get(f"{BASE}/devices/phone-0/registrations/{TYPE}?passesUpdatedSince=0"),
        "nothing": served.get(
            f"{BASE}/devices/phone-0/registrations/{TYPE}?passesUpdatedSince=999999999"
        ),
        "unchanged": served.get(f"{BASE}/passes/{TYPE}/{one.serial}", proof + since),
    }
    changed = cycle(
        served.get(
            f"{BASE}/passes/{TYPE}/{each.serial}", f"Authorization: ApplePass {each.secret}\r\n"
        )
        for each in held
    )
    with (
        served.server(SERVER, environment, port),
        served.connected(port, CONNECTIONS) as client,
    ):
        for name, status in (("trivial", 200), ("list", 200), ("nothing", 204), ("unchanged", 304)):
            assert client.ask([asked[name]]) == [status], name
            client.ask([asked[name]] * 200)
        batches: dict[str, rounds.Batch] = {
            name: served.batch(client, [request] * 400) for name, request in asked.items()
        }

        def changed_passes() -> float:
            _forget_fetches(parts)  # so that each fetch is news, and written down
            return served.batch(client, [next(changed) for _ in range(200)], 200)()

        changed_passes()
        found = rounds.interleave({**batches, "changed": changed_passes}, seconds)
    parts.store.close()
    trivial = found["trivial"]
    return [
        Row("a trivial JSON view", trivial),
        Row("list of changes, one named", found["list"], "trivial", trivial, 0.33),
        Row("list of changes, none (204)", found["nothing"], "trivial", trivial, 0.33),
        Row("a pass that is unchanged (304)", found["unchanged"], "trivial", trivial, 0.33),
        Row("a pass that changed, signed", found["changed"], "trivial", trivial, 0.2),
        Note("Each changed pass is drawn, signed and noted as fetched (a write)."),
    ]


def _wallet_of_cards(parts: Parts) -> list[PassContent]:
    """Cards of one merchant, each on a phone of its own and changed once."""
    store, now = parts.store, clock.now()
    merchant_id = merchants.set_up(store, name="Café Kranz", now=now)
    with store.write(merchant_id) as session:
        template = templates.create(session, Kind.MULTIPASS, {"name": "Zehnerkarte"}, now)
    contents = []
    issuer = DomainIssuer(store, parts.settings.base_url, clock.now)
    with store.write(merchant_id) as session:
        for number in range(CARDS):
            holder = customers.create(session, Details(first_name=f"Gast {number}"), now)
            card = issue(session, template, holder, Origin("api", utm.Utm("api")), now)
            contents.append(draw(session, card, "apple", parts.settings.base_url, now))
    for number, content in enumerate(contents):
        address = {"token": f"{number:064x}", "topic": TYPE, "scheme": "ApplePass"}
        issuer.installed("apple", content.serial, f"{TYPE}/phone-{number}", address)
    return contents


def _forget_fetches(parts: Parts) -> None:
    with parts.store.write_all() as session:
        session.execute(
            update(Installation)
            .values(fetched_version=0)
            .execution_options(synchronize_session=False)
        )
