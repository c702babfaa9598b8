/* Keeps one card for times without a network, shows what is pushed to it, and touches no other
   card of this origin. The server puts a line "self.CARD = {...}" above this text. */

"use strict";

const CARD = self.CARD;
const SHELL = `card-shell:${CARD.base}:${CARD.version}`; // stylesheets, scripts, pictures
const DATA = `card-data:${CARD.base}`; // the page and its figures
const STATE = `${CARD.base}state.json`;
const DEVICE = `${CARD.base}device`; // not an address: the name under which the page's id is kept
const PATIENCE = 4000; // milliseconds until a figure that was kept is better than none

let isWithdrawn = false;

self.addEventListener("install", (event) => {
  self.skipWaiting(); // nothing on a card can be lost half-way
  event.waitUntil(Promise.all([refreshPages(), refreshState()]));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(`card-shell:${CARD.base}:`) && name !== SHELL;
  event.waitUntil(deleteCaches(old).then(() => self.clients.claim()));
});

/* The manifest and this script always come from the network: a phone must see each change. */
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === STATE) event.respondWith(stateFor(event));
  else if (url.pathname === CARD.base) event.respondWith(pageFor(event, url));
  else if (url.searchParams.has("v")) event.respondWith(asset(request));
});

// --- the page ------------------------------------------------------------------------------------

/* At once what was kept, and the new one behind it; the page itself asks whether it is current.
   A script that fetches the page wants it new. */
async function pageFor(event, url) {
  const { request } = event;
  const key = pageKey(url);
  if (key === null) return fetch(request).catch(() => kept(CARD.base));
  const fresh = fetchPage(key);
  event.waitUntil(fresh.catch(() => {}));
  if (request.mode === "navigate") {
    const answer = await match(key);
    if (answer) return answer;
  }
  return fresh.catch(async () => (await match(key)) ?? kept(CARD.base));
}

/* The name that a page is kept under: one for each language. Null: a page for this moment only. */
function pageKey(url) {
  const others = [...url.searchParams.keys()].filter((name) => !/^(src|view|utm_\w+)$/.test(name));
  if (others.length === 0) return CARD.base;
  return others.join() === "lang" ? `${CARD.base}?lang=${url.searchParams.get("lang")}` : null;
}

async function fetchPage(key) {
  const answer = await fetch(key, { cache: "no-cache", headers: { accept: "text/html" } });
  if (isGone(answer)) await withdraw();
  else if (answer.ok) await keepPage(key, answer.clone());
  return answer;
}

async function keepPage(key, answer) {
  const page = await answer.clone().text();
  const before = await match(key);
  if (before && pageVersion(await before.text()) > pageVersion(page)) return;
  await Promise.all(assetsOf(page).map(keepAsset));
  await put(DATA, key, answer);
}

const pageVersion = (page) => Number(/ data-version="(\d+)"/.exec(page)?.[1] ?? -1);

/* What the page needs, as far as it never changes under its address ("?v="). */
function assetsOf(page) {
  const named = [...page.matchAll(/ (?:href|src)="([^"]+[?&](?:amp;)?v=[^"]*)"/g)];
  const urls = named.map(([, url]) => new URL(url.replaceAll("&amp;", "&"), pageUrl()));
  return urls.filter((url) => url.origin === self.location.origin).map((url) => url.href);
}

async function refreshPages() {
  const data = await caches.open(DATA);
  const keys = (await data.keys()).map(({ url }) => new URL(url));
  const pages = keys.filter((url) => url.pathname === CARD.base).map(pageKey);
  await Promise.all([...new Set([CARD.base, ...pages])].map(fetchPage));
}

async function asset(request) {
  const shell = await caches.open(SHELL);
  const before = await shell.match(request);
  if (before) return before;
  const answer = await fetch(request);
  if (answer.ok) await put(SHELL, request, answer.clone());
  return answer;
}

async function keepAsset(url) {
  const shell = await caches.open(SHELL);
  if (await shell.match(url)) return;
  const answer = await fetch(url).catch(() => null); // a card without its picture is a card
  if (answer?.ok) await put(SHELL, url, answer);
}

// --- its figures ---------------------------------------------------------------------------------

/* The network's answer, if it comes in time; else what was kept, marked as such. */
async function stateFor(event) {
  const fresh = refreshState();
  event.waitUntil(fresh.catch(() => {}));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const answer = await Promise.race([fresh.catch(() => undefined), late]);
  if (answer && (answer.ok || isGone(answer))) return answer;
  const before = await match(STATE);
  if (!before) return answer ?? fresh;
  const headers = new Headers(before.headers);
  headers.set("x-from", "cache");
  return new Response(before.body, { status: before.status, headers });
}

async function refreshState() {
  const answer = await fetch(STATE, { cache: "no-cache" });
  if (isGone(answer)) await withdraw();
  else if (answer.ok) await keepState(answer.clone());
  return answer;
}

async function keepState(answer) {
  const before = await match(STATE);
  const { version } = await answer.clone().json();
  if (before && (await before.json()).version > version) return;
  await put(DATA, STATE, answer);
}

// --- what is kept --------------------------------------------------------------------------------

const pageUrl = () => new URL(CARD.base, self.location.origin);
const isGone = (answer) => answer.status === 404 || answer.status === 410;
const match = async (key) => (await caches.open(DATA)).match(key);
const kept = async (key) => (await match(key)) ?? Response.error();

async function put(name, key, answer) {
  if (isWithdrawn) return;
  const headers = new Headers(answer.headers);
  headers.set("x-cached-at", new Date().toISOString());
  const { status, statusText } = answer;
  const copy = new Response(await answer.blob(), { status, statusText, headers });
  await (await caches.open(name)).put(key, copy);
}

async function deleteCaches(which) {
  const names = (await caches.keys()).filter(which);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/* The card is no more: nothing of it stays, and the pages say so. */
async function withdraw() {
  isWithdrawn = true;
  await deleteCaches((name) => name === DATA || name.startsWith(`card-shell:${CARD.base}:`));
  await tell({ type: "withdrawn" });
  await self.registration.unregister();
}

async function ownPages() {
  const all = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return all.filter((client) => inside(client.url) === client.url);
}

const tell = async (message) => (await ownPages()).forEach((page) => page.postMessage(message));

// --- push ----------------------------------------------------------------------------------------

/* A device that shows nothing for a push loses its subscription, so neither a message that cannot
   be read nor a network that hangs may stand in the way. */
self.addEventListener("push", (event) => {
  const said = read(event.data);
  const refreshed = Promise.all([refreshPages(), refreshState()]);
  const told = refreshed.then(() => tell({ type: "changed" }));
  event.waitUntil(Promise.allSettled([show(said), badge(said), told]));
});

function read(data) {
  try {
    const { notification } = data.json();
    if (typeof notification.title === "string" && notification.title) return notification;
  } catch {
    // Empty, or not ours: the card's own words follow.
  }
  return { title: CARD.title, body: CARD.body, lang: CARD.lang };
}

async function show({ title, body, lang, dir, tag, silent, navigate }) {
  const options = { icon: CARD.icon ?? undefined, data: { navigate: inside(navigate) } };
  for (const [name, value] of Object.entries({ body, lang, tag })) {
    if (typeof value === "string") options[name] = value;
  }
  if (["auto", "ltr", "rtl"].includes(dir)) options.dir = dir;
  if (silent === true) options.silent = true;
  else if (options.tag) options.renotify = true; // a second change is news, too
  await self.registration.showNotification(title, options);
}

async function badge({ app_badge: count }) {
  await self.navigator.setAppBadge?.(Number(count) || 1);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const cleared = Promise.resolve(self.navigator.clearAppBadge?.());
  event.waitUntil(Promise.allSettled([open(event.notification.data?.navigate), cleared]));
});

async function open(url) {
  const [page] = await ownPages();
  await (page ? page.focus() : self.clients.openWindow(inside(url)));
}

/* The address if it belongs to this card, else the card's own: a push leads nowhere else. */
function inside(given) {
  try {
    const url = new URL(given); // a payload names it in full
    if (url.origin === self.location.origin && url.pathname.startsWith(CARD.base)) return url.href;
  } catch {
    // no address at all
  }
  return pageUrl().href;
}

/* The browser renewed its subscription, or took it away (Chromium 138, not iOS). */
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(resubscribe(event)));

async function resubscribe({ newSubscription }) {
  const device = await (await match(DEVICE))?.json();
  if (!device) return; // the page will report it when it is opened
  const applicationServerKey = CARD.pushKey;
  const options = { userVisibleOnly: true, applicationServerKey };
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(options));
  await fetch(`${CARD.base}push-subscription`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...device, subscription, key: CARD.pushKeyId }),
  });
}

self.addEventListener("message", (event) => {
  const { type, device, mode } = event.data;
  if (type === "device") event.waitUntil(put(DATA, DEVICE, Response.json({ device, mode })));
});
