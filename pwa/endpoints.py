"""Which push services may be written to: an address comes from a browser, so it may be anybody's.

Sources: spec/web.md 6.4, spec/security.md 3 (SSRF by push endpoint). The names are checked when a
browser subscribes and once more before each push, the addresses behind them before each connection.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from passes.wallet_port import NotAllowed, WalletMisconfigured
from pwa import base64url
from pwa.webpush import BadKeys, checked_keys

PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "web.push.apple.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
SETTING = "TREUEPASS_WEBPUSH_EXTRA_HOSTS"
SIMULATOR = "127.0.0.1:8030"
"""Where the simulated browser has its push service; allowed where the server itself is for trials
on one machine."""
LONGEST = 2_048

_LABEL = "[A-Za-z0-9-]{1,63}"
_ENDPOINT = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<target>/[!\"$-\[\]-~]*)",  # no fragment, no backslash, nothing that is not ASCII
    re.ASCII,
)
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*", re.ASCII)
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?", re.ASCII)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """The name leads to an address that nobody outside may have us write to."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one browser is reached. ``target`` is as good as a key to it."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """For the header Host."""
        usual = 443 if self.scheme == "https" else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """What a VAPID token is made out to."""
        return f"{self.scheme}://{self.authority}"

    @property
    def is_on_this_machine(self) -> bool:
        return self.scheme == "http"


@dataclass(frozen=True, slots=True)
class PushHosts:
    """The names that are allowed (``*.`` stands for one label or more), and the ``host:port`` on
    this machine; a host alone stands for all of its ports."""

    names: tuple[str, ...] = PUSH_SERVICES
    loopback: tuple[str, ...] = ()

    def endpoint(self, url: str) -> Endpoint | None:
        """The endpoint at this address; None when it is none, or of nobody whom we know.

        Read by one strict pattern and never again, so that no two readers can differ over it.
        """
        found = _ENDPOINT.fullmatch(url) if len(url) <= LONGEST else None
        if found is None:
            return None
        scheme, host, target = found["scheme"], found["host"].lower(), found["target"]
        if scheme == "http":
            port = found["port"] or "80"
            if host not in self.loopback and f"{host}:{port}" not in self.loopback:
                return None
            return Endpoint(scheme, host, int(port), target)
        if found["port"] not in {None, "443"} or not self._knows(host):
            return None
        return Endpoint(scheme, host, 443, target)

    def accept(self, subscription: object) -> dict[str, str]:
        """``PushSubscription.toJSON()`` as it is kept: endpoint, p256dh and auth.

        Raises NotAllowed with one of these as its field.
        """
        given = subscription if isinstance(subscription, Mapping) else {}
        url, keys = given.get("endpoint"), given.get("keys")
        if not isinstance(url, str) or self.endpoint(url) is None:
            raise NotAllowed("endpoint", "endpoint must be the address of a known push service.")
        raw = {}
        for name in ("p256dh", "auth"):
            text = keys.get(name) if isinstance(keys, Mapping) else None
            try:
                # Some browsers write the padding.
                raw[name] = base64url.decoded(text.rstrip("=") if isinstance(text, str) else "?")
            except ValueError:
                raise NotAllowed(name, f"{name} must be a key in base64url.") from None
        try:
            checked_keys(raw["p256dh"], raw["auth"])
        except BadKeys as error:
            raise NotAllowed(error.field, str(error)) from None
        return {"endpoint": url} | {name: base64url.encoded(key) for name, key in raw.items()}

    def _knows(self, host: str) -> bool:
        return any(
            host.endswith(name[1:]) and len(host) >= len(name)
            if name.startswith("*.")
            else host == name
            for name in self.names
        )


def read_hosts(environment: Mapping[str, str], base_url: str) -> PushHosts:
    """The push services that everybody knows, and those that the settings name beside them.

    An entry is a name, ``*.`` and a name, or ``127.0.0.1`` or ``localhost``, with or without a
    port, for one on this machine, which is spoken to by http. Raises WalletMisconfigured.
    """
    parts = environment.get(SETTING, "").split(",")
    entries = [entry for part in parts if (entry := part.strip().lower())]
    for entry in entries:
        if not _NAME.fullmatch(entry) and not _LOOPBACK.fullmatch(entry):
            raise WalletMisconfigured(
                f"{SETTING} must list names such as push.example.com with commas between them;"
                f" {entry!r} is none."
            )
    loopback = [entry for entry in entries if _LOOPBACK.fullmatch(entry)]
    if re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])(:|/|$)", base_url):
        loopback.append(SIMULATOR)
    names = [entry for entry in entries if entry not in loopback]
    return PushHosts((*PUSH_SERVICES, *names), tuple(loopback))


def addresses(endpoint: Endpoint) -> list[str]:
    """The IP addresses behind an endpoint's name, each of which may be connected to.

    Raises Forbidden when one of them may not be, OSError when the name is not known.
    """
    found: Sequence[tuple[object, ...]] = socket.getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM
    )
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))  # type: ignore[index]  # a tuple
    for text in texts:
        address = ip_address(text.partition("%")[0])
        allowed = address.is_loopback if endpoint.is_on_this_machine else _is_global(address)
        if not allowed:
            raise Forbidden("The push service's name leads to an address that is not public.")
    return texts


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is somebody's on the public internet: a single host, also behind a translation."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    if address in _NAT64:
        return _is_global(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return _is_global(address.sixtofour)
    return address in _GLOBAL_UNICAST and address.is_global
