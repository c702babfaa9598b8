"""Which addresses a browser may have us write to; what leads astray: test_web_push_ssrf.py."""

import socket
from typing import Any

import pytest

from passes.wallet_port import NotAllowed, WalletMisconfigured
from pwa.endpoints import Endpoint, Forbidden, PushHosts, addresses, read_hosts
from pwa.simulate.keys import new_keys

KEYS = new_keys()
FCM = "https://fcm.googleapis.com/fcm/send/abc:def"


def subscription(endpoint=FCM, **keys):
    given: dict[str, Any] = KEYS.subscription(endpoint)
    return {**given, "keys": {**given["keys"], **keys}}


@pytest.mark.parametrize(
    "url",
    [
        FCM,
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA_-=",
        "https://eu.updates.push.services.mozilla.com/wpush/v2/x",
        "https://web.push.apple.com/QGuQyavXutnMH",
        "https://api.push.apple.com/3/x",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2bR%2b",
        "https://fcm.googleapis.com:443/fcm/send/x",
        "https://FCM.GoogleAPIs.com/fcm/send/x",
    ],
)
def test_the_push_services_of_all_browsers_are_taken(url):
    kept = PushHosts().accept(subscription(url))
    assert kept["endpoint"] == url
    found = PushHosts().endpoint(url)
    assert (found.scheme, found.port) == ("https", 443)
    assert found.host == found.host.lower()
    assert url.endswith(found.target)
    assert found.origin == f"https://{found.host}"


def test_a_subscription_is_kept_as_four_texts_without_padding():
    given = subscription()
    padded = {name: key + "=" for name, key in given["keys"].items()}
    for keys in (given["keys"], padded):
        assert PushHosts().accept({**given, "keys": keys}) == {"endpoint": FCM, **given["keys"]}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "endpoint"),
        ([], "endpoint"),
        ({}, "endpoint"),
        ({"endpoint": 5}, "endpoint"),
        (subscription("https://example.com/x"), "endpoint"),
        ({"endpoint": FCM}, "p256dh"),
        ({"endpoint": FCM, "keys": "x"}, "p256dh"),
        (subscription(p256dh=None), "p256dh"),
        (subscription(p256dh="?"), "p256dh"),
        (subscription(p256dh="AAAA"), "p256dh"),
        (subscription(p256dh="B" + "A" * 86), "p256dh"),
        (subscription(auth=None), "auth"),
        (subscription(auth=""), "auth"),
        (subscription(auth="AAAA"), "auth"),
        (subscription(auth="+" * 22), "auth"),
    ],
)
def test_what_is_wrong_with_a_subscription_is_named(given, field):
    with pytest.raises(NotAllowed) as refusal:
        PushHosts().accept(given)
    assert refusal.value.field == field


def test_an_endpoint_has_at_most_2048_characters():
    start = "https://fcm.googleapis.com/"
    assert PushHosts().endpoint(start + "x" * (2_048 - len(start))) is not None
    assert PushHosts().endpoint(start + "x" * (2_049 - len(start))) is None


def test_the_address_of_a_browser_shows_in_no_repr():
    assert "abc:def" not in repr(PushHosts().endpoint(FCM))


def test_more_push_services_come_by_setting_only():
    hosts = read_hosts(
        {
            "TREUEPASS_WEBPUSH_EXTRA_HOSTS": "push.cafe.example, *.push.example.org,"
            "127.0.0.1:8123,localhost:8124"
        },
        "https://cards.example.com",
    )
    for url, origin in (
        ("https://push.cafe.example/1", "https://push.cafe.example"),
        ("https://a.b.push.example.org/1", "https://a.b.push.example.org"),
        ("http://127.0.0.1:8123/1", "http://127.0.0.1:8123"),
        ("http://localhost:8124/1", "http://localhost:8124"),
        (FCM, "https://fcm.googleapis.com"),
    ):
        assert hosts.endpoint(url).origin == origin
        assert hosts.accept(subscription(url))["endpoint"] == url
    for url in (
        "http://push.cafe.example/1",
        "https://push.example.org/1",
        "https://127.0.0.1:8123/1",
        "http://127.0.0.1:8124/1",
        "http://localhost:8123/1",
        "http://127.0.0.1/1",
    ):
        assert hosts.endpoint(url) is None, url


def test_a_host_of_this_machine_without_a_port_stands_for_all_of_them():
    hosts = read_hosts({"TREUEPASS_WEBPUSH_EXTRA_HOSTS": "127.0.0.1"}, "https://cards.example.com")
    assert hosts.endpoint("http://127.0.0.1:8123/1").origin == "http://127.0.0.1:8123"
    assert hosts.endpoint("http://127.0.0.1/1").origin == "http://127.0.0.1"
    assert hosts.endpoint("http://localhost:8123/1") is None
    assert hosts.endpoint("https://127.0.0.1:8123/1") is None


@pytest.mark.parametrize(
    "entry", ["https://push.example.org", "push.example.org:8443", "10.0.0.1", "10.0.0.1:80", "*",
              "*.", "com", "127.0.0.1:", "push.example.org/x", "a..b", "[::1]:80", "0.0.0.0:80"],
)  # fmt: skip
def test_a_setting_that_is_no_list_of_names_stops_the_start(entry):
    with pytest.raises(WalletMisconfigured, match="TREUEPASS_WEBPUSH_EXTRA_HOSTS"):
        read_hosts({"TREUEPASS_WEBPUSH_EXTRA_HOSTS": f"push.example.org,{entry}"}, "")


def test_a_server_for_trials_on_this_machine_may_write_to_the_simulated_browser():
    url = "http://127.0.0.1:8030/push/x"
    assert read_hosts({}, "http://127.0.0.1:8000").endpoint(url) is not None
    assert read_hosts({}, "http://127.0.0.1:8000").endpoint(url.replace("8030", "8031")) is None
    for base_url in (
        "https://cards.example.com",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
    ):
        assert read_hosts({}, base_url).endpoint(url) is None


def resolver(*found):
    def look_up(host, port, *arguments, **options):
        family = socket.AF_INET6 if ":" in found[0] else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return look_up


OUTSIDE = PushHosts().endpoint(FCM)


@pytest.mark.parametrize(
    "address",
    [
        "142.250.185.74",
        "8.8.8.8",
        "2a00:1450:4001:82a::200a",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_public_addresses_may_be_connected_to(monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", resolver(address, address))
    assert addresses(OUTSIDE) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.254", "192.0.0.1",
        "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:8.8.8.8", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1",
        "ff02::1", "100::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:a00:1::1",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_spoils_the_name(monkeypatch, address):
    public = "2a00:1450:4001:82a::200a" if ":" in address else "8.8.8.8"
    for found in ((address,), (public, address), (address, public)):
        monkeypatch.setattr(socket, "getaddrinfo", resolver(*found))
        with pytest.raises(Forbidden):
            addresses(OUTSIDE)


def test_a_name_for_this_machine_must_stay_on_it(monkeypatch):
    here = Endpoint("http", "localhost", 8123, "/x")
    monkeypatch.setattr(socket, "getaddrinfo", resolver("127.0.0.1"))
    assert addresses(here) == ["127.0.0.1"]
    for elsewhere in ("8.8.8.8", "10.0.0.1"):
        monkeypatch.setattr(socket, "getaddrinfo", resolver("127.0.0.1", elsewhere))
        with pytest.raises(Forbidden):
            addresses(here)
