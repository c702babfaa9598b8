"""Figures for Prometheus: what the database knows of all processes, and what this one counted."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from passes.delivery import backlog
from passes.delivery.reports import reports
from passes.ledger.proof import proven
from web import Services, services

blueprint = Blueprint("metrics", __name__)

_GAUGES: tuple[tuple[str, str, Callable[[backlog.Backlog], float]], ...] = (
    ("deliveries_due", "Deliveries that are due.", lambda each: each.due),
    (
        "deliveries_oldest_due_seconds",
        "For how long the oldest of them has been due.",
        lambda each: each.oldest_seconds,
    ),
    (
        "deliveries_till_oldest_due_seconds",
        "For how long the oldest of those has been due that happened at a till.",
        lambda each: each.oldest_till_seconds,
    ),
    ("deliveries_dead", "Deliveries that were given up.", lambda each: each.dead),
    ("wallet_pauses", "Merchants whose wallet is paused.", lambda each: each.pauses),
)
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    """For this machine, and for who knows the token; nobody else learns how busy shops are."""
    made = services()
    if not (_is_this_machine() or _knows(made.settings.environment.get("TREUEPASS_METRICS_TOKEN"))):
        abort(403)
    registry = CollectorRegistry()
    registry.register(_Database(made))
    figures = generate_latest(registry) + generate_latest(REGISTRY)
    return Response(figures, content_type=CONTENT_TYPE_LATEST)


def _is_this_machine() -> bool:
    """Whether the request began here. A proxy that is not in TREUEPASS_PROXIES hides who asks, so
    what came through one counts as foreign."""
    proxied = not services().settings.proxies and any(
        name in request.headers for name in _FORWARDED
    )
    address = request.remote_addr
    return not proxied and address is not None and ip_address(address).is_loopback


def _knows(token: str | None) -> bool:
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(shown.encode(), (token or "").encode())


class _Database(Collector):
    """Gauges of the deliveries of all processes, read when Prometheus asks."""

    def __init__(self, made: Services) -> None:
        self._made = made

    def collect(self) -> Iterator[Metric]:
        now = self._made.now()
        with self._made.store.read_all() as session:
            known = backlog.by_wallet(session, now)
            complaints = reports(session)
            ledger = proven(session)
        found = defaultdict(backlog.Backlog, known)
        wallets = sorted({*self._made.wallets, *known})
        for name, about, figure in _GAUGES:
            family = GaugeMetricFamily(f"treuepass_{name}", about, labels=["wallet"])
            for wallet in wallets:
                family.add_metric([wallet], figure(found[wallet]))
            yield family
        said = CounterMetricFamily(
            "treuepass_device_complaints",
            "What devices complained about.",
            labels=["wallet", "subject", "complaint"],
        )
        for report in complaints:
            labels = [report.wallet, report.subject, report.complaint.value]
            said.add_metric(labels, report.times)
        yield said
        yield GaugeMetricFamily(
            "treuepass_ledger_wrong_cards",
            "Cards whose figures were not what their entries add up to, at the last nightly look.",
            value=ledger.wrong_cards,
        )
        if ledger.oldest_at is not None:
            yield GaugeMetricFamily(
                "treuepass_ledger_unproven_seconds",
                "How long ago that look was, at the merchant where it is longest.",
                value=(now - ledger.oldest_at).total_seconds(),
            )
