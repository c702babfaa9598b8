"""Push in a real Chromium: its own service is out of reach, so the test delivers to the worker.

Chromium asks a server of its maker's for a subscription; the page's call is answered with one that
looks like it (spec: web.md 6.6). What the worker does with a push is real.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Worker, expect

from tests.browser.phones import IssuedCard, Phone, Shop, until

pytestmark = pytest.mark.browser

FIGURE = ".figure .value"
# RFC 8291, 5: a public key on the curve, and a secret.
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SUBSCRIBE = """
(() => {
  const bytes = text => Uint8Array.from(
      atob(text.replace(/-/g, '+').replace(/_/g, '/')), letter => letter.charCodeAt(0));
  const known = name => JSON.parse(localStorage.getItem('test:' + name));
  const keep = (name, value) => localStorage.setItem('test:' + name, JSON.stringify(value));
  const subscription = ({endpoint, key}) => ({
    endpoint,
    options: {applicationServerKey: bytes(key).buffer},
    toJSON: () => ({endpoint, expirationTime: null, keys: KEYS}),
    unsubscribe: async () => { keep('gone', [...(known('gone') ?? []), endpoint]);
                               keep('subscription', null); return true; },
  });
  PushManager.prototype.getSubscription = async () =>
      known('subscription') && subscription(known('subscription'));
  PushManager.prototype.subscribe = async function ({userVisibleOnly, applicationServerKey}) {
    if (!userVisibleOnly) throw new TypeError('only visible ones');
    const made = (known('made') ?? 0) + 1;
    keep('made', made);
    keep('subscription', {endpoint: `https://fcm.googleapis.com/fcm/send/${made}`,
                          key: applicationServerKey});
    return this.getSubscription();
  };
})();
""".replace("KEYS", json.dumps({"p256dh": P256DH, "auth": AUTH}))
OTHER_KEY = """localStorage['test:subscription'] =
    localStorage['test:subscription'].replace(/"key":"..../, '"key":"BBBB')"""
LISTEN_IN = """() => {
  self.shown = [];
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
    self.shown.push({title, ...options});
    return show.call(this, title, options);
  };
}"""


@pytest.fixture
def phone(open_phone: Callable[..., Phone], shop: Shop) -> Phone:
    """It has allowed notifications, and its subscriptions are made by the test."""
    started = open_phone()
    started.context.add_init_script(SUBSCRIBE)
    started.context.grant_permissions(["notifications"], origin=shop.url)
    return started


def worker_of(phone: Phone, card: IssuedCard) -> Worker:
    found: list[Worker] = []

    def is_there() -> bool:
        found[:] = [
            each for each in phone.context.service_workers if each.url == f"{card.url}sw.js"
        ]
        return bool(found)

    until(is_there, phone.context.pages[0])
    found[0].evaluate(LISTEN_IN)
    return found[0]


def deliver(page: Page, card: IssuedCard, data: str) -> None:
    """What the push service would bring, decrypted."""
    inspector = page.context.new_cdp_session(page)
    known: list[Any] = []
    inspector.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: known.extend(event["registrations"]),
    )
    inspector.send("ServiceWorker.enable")
    until(lambda: [each for each in known if each["scopeURL"] == card.url], page)
    [own] = {each["registrationId"] for each in known if each["scopeURL"] == card.url}
    push = {"origin": card.shop.url, "registrationId": own, "data": data}
    inspector.send("ServiceWorker.deliverPushMessage", push)


def payload(card: IssuedCard, **changes: Any) -> str:
    notification = {
        "title": "Café Kranz",
        "body": "Ten-coffee card: 4 visits",
        "lang": "en",
        "dir": "ltr",
        "navigate": card.url,
        "silent": False,
        "tag": "balance",
        "app_badge": "1",
        **changes,
    }
    return json.dumps({"web_push": 8030, "notification": notification, "app_badge": 1})


def shown_by(worker: Worker, count: int = 1) -> Any:
    until(lambda: worker.evaluate("shown.length") == count)
    return worker.evaluate("shown")


def test_a_push_shows_the_notification_and_the_new_balance_even_offline(
    shop: Shop, phone: Phone
) -> None:
    card = shop.card()
    page = phone.open(card.url)
    expect(page.locator(FIGURE)).to_have_text("0")
    elsewhere = phone.open(shop.card("gift").url)
    worker = worker_of(phone, card)
    page.goto("about:blank")
    card.add_visits(4)
    deliver(elsewhere, card, payload(card))
    [notification] = shown_by(worker)
    assert notification.pop("icon").startswith(f"{shop.url}/pictures/")
    assert notification == {
        "title": "Café Kranz",
        "body": "Ten-coffee card: 4 visits",
        "lang": "en",
        "dir": "ltr",
        "tag": "balance",
        "renotify": True,
        "data": {"navigate": card.url},
    }
    kept = f"caches.match('{card.url}state.json').then(kept => kept.json()).then(s => s.version)"
    until(lambda: worker.evaluate(kept) == card.now["version"])
    phone.context.set_offline(True)
    page.goto(card.url)
    expect(page.locator(FIGURE)).to_have_text("4")
    assert phone.troubles == [each for each in phone.troubles if "DISCONNECTED" in each]


def test_a_push_refreshes_the_page_that_is_open(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    page = phone.open(card.url)
    worker = worker_of(phone, card)
    page.evaluate("window.EventSource = undefined")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # its stream ends
    card.add_visits(2)
    deliver(page, card, payload(card))
    expect(page.locator(FIGURE)).to_have_text("2")
    assert len(shown_by(worker)) == 1
    assert phone.all_troubles(page) == []


@pytest.mark.parametrize(
    "data",
    ["", "garbage", "{}", "null", "[]", '{"notification":{"title":7}}', '{"notification":1}'],
)
def test_what_cannot_be_read_is_shown_all_the_same(shop: Shop, phone: Phone, data: str) -> None:
    """Three pushes without a notification, and iOS takes the subscription away (web.md 3)."""
    card = shop.card(language="de")
    page = phone.open(card.url)
    worker = worker_of(phone, card)
    deliver(page, card, data)
    [notification] = shown_by(worker)
    assert (notification["title"], notification["body"]) == ("Café Kranz", "Kaffee-Zehnerkarte")
    assert notification["data"] == {"navigate": card.url}


def test_only_known_options_and_addresses_of_the_card_are_used(shop: Shop, phone: Phone) -> None:
    card, other = shop.card(), shop.card()
    page = phone.open(card.url)
    worker = worker_of(phone, card)
    hostile = ["https://evil.example/", other.url, "javascript:alert(1)", "//evil.example/c/", 5]
    for number, address in enumerate(hostile, 1):
        more = {"navigate": address, "actions": [{"action": "x"}], "image": "/x.png", "body": 5}
        deliver(page, card, payload(card, **more))
        last = shown_by(worker, number)[-1]
        assert last["data"] == {"navigate": card.url}
        assert not {"actions", "image", "body"} & last.keys()


def test_a_tap_on_the_notification_leads_to_the_card_and_nowhere_else(
    shop: Shop, phone: Phone
) -> None:
    card = shop.card()
    phone.open(card.url)
    worker = worker_of(phone, card)
    opened = worker.evaluate(
        """async url => {
            const done = [];
            self.clients.matchAll = async () => [];
            self.clients.openWindow = async url => done.push(url);
            const waits = [];
            const notification = {close: () => done.push('closed'), data: {navigate: url}};
            const event = Object.assign(new Event('notificationclick'),
                {notification, waitUntil: each => waits.push(each)});
            self.dispatchEvent(event);
            await Promise.all(waits);
            return done;
        }""",
        "https://evil.example/",
    )
    assert opened == ["closed", card.url]


def test_a_renewed_subscription_is_reported_by_the_worker(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    phone.open(card.url)
    worker = worker_of(phone, card)
    until(lambda: worker.evaluate(f"caches.match('{card.url}device').then(Boolean)"))
    worker.evaluate(
        """async ([p256dh, auth]) => {
            const newSubscription = {toJSON: () => ({
                endpoint: 'https://fcm.googleapis.com/fcm/send/renewed', keys: {p256dh, auth}})};
            const waits = [];
            self.dispatchEvent(Object.assign(new Event('pushsubscriptionchange'),
                {newSubscription, waitUntil: each => waits.push(each)}));
            await Promise.all(waits);
        }""",
        [P256DH, AUTH],
    )
    assert card.now["listeners"] == 1


def test_the_pages_own_button_subscribes_and_turns_off(shop: Shop, phone: Phone) -> None:
    card = shop.card()
    page = phone.open(card.url)
    # Permission is there, but nobody asked for it on this card.
    button = page.get_by_role("button", name="Notify me when my balance changes")
    with page.expect_response("**/push-subscription") as told:
        button.click()
    assert told.value.status == 204
    body = told.value.request.post_data_json
    assert body["mode"] == "browser"
    assert body["key"] == page.evaluate("document.body.dataset.pushKeyId")
    assert body["subscription"]["endpoint"] == "https://fcm.googleapis.com/fcm/send/1"
    expect(page.get_by_text("This device tells you when your balance changes.")).to_be_visible()
    assert (card.now["listeners"], card.now["status"]) == (1, "not_installed")
    with page.expect_response("**/push-subscription") as told:
        page.get_by_role("button", name="Turn off").click()
    assert (told.value.status, told.value.request.method) == (204, "DELETE")
    expect(button).to_be_visible()
    assert card.now["listeners"] == 0
    assert page.evaluate("localStorage['test:gone']") == (
        '["https://fcm.googleapis.com/fcm/send/1"]'
    )
    assert phone.all_troubles(page) == []


@pytest.mark.parametrize(
    ("happens", "endpoint"),
    [
        ("nothing", "https://fcm.googleapis.com/fcm/send/1"),
        ("localStorage['test:subscription'] = null", "https://fcm.googleapis.com/fcm/send/2"),
        (OTHER_KEY, "https://fcm.googleapis.com/fcm/send/2"),
    ],
    ids=["still there", "lost", "another key"],
)
def test_each_opening_brings_the_subscription_up_to_date(
    shop: Shop, phone: Phone, happens: str, endpoint: str
) -> None:
    card = shop.card()
    page = phone.open(card.url)
    with page.expect_response("**/push-subscription"):
        page.get_by_role("button", name="Notify me when my balance changes").click()
    if happens != "nothing":
        page.evaluate(happens)
    with page.expect_response("**/push-subscription") as told:
        page.reload()
    assert told.value.request.post_data_json["subscription"]["endpoint"] == endpoint
    assert card.now["listeners"] == 1


def test_who_refused_is_told_where_to_allow_it(shop: Shop, open_phone: Any) -> None:
    card = shop.card()
    phone = open_phone()
    phone.context.add_init_script(
        "Object.defineProperty(Notification, 'permission', {get: () => 'denied'})"
    )
    page = phone.open(card.url)
    expect(page.locator('[data-notify="denied"]')).to_be_visible()
    expect(page.locator("#notify-yes")).to_be_hidden()


def test_an_iphone_is_asked_to_install_first(shop: Shop, open_phone: Any) -> None:
    phone = open_phone(
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
    )
    page = phone.open(shop.card().url)
    expect(page.locator('[data-notify="install-first"]')).to_be_visible()
    page.get_by_text("Put this card on your home screen", exact=True).click()
    expect(page.locator(".hint-ios")).to_be_visible()
    expect(page.locator(".hint-android")).to_be_hidden()
