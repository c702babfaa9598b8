/* Keeps an open card current, tells the server that it is looked at, and registers its worker.
   Every sentence stands in the page already; buttons.js does the rest with what stands here at the
   end. */

"use strict";

(() => {
  const body = document.body;
  const base = new URL("./", location.href).pathname; // /c/<token>/
  const find = (selector) => document.querySelector(selector);
  const show = (selector, isShown = true) => {
    for (const element of document.querySelectorAll(selector)) element.hidden = !isShown;
  };
  const isStandalone =
    matchMedia("(display-mode: standalone), (display-mode: minimal-ui)").matches ||
    navigator.standalone === true;
  const mode = isStandalone ? "standalone" : "browser";
  let isOver = false; // withdrawn, or forgotten by this device

  // --- what this browser remembers of the card ---------------------------------------------------

  const mine = (name) => `card:${body.dataset.serialHash}:${name}`;
  const forMeanwhile = new Map(); // where storage is forbidden, it lasts as long as the page

  function recall(name) {
    try {
      return localStorage.getItem(mine(name));
    } catch {
      return forMeanwhile.get(name) ?? null;
    }
  }

  function remember(name, value) {
    try {
      if (value === null) localStorage.removeItem(mine(name));
      else localStorage.setItem(mine(name), value);
    } catch {
      forMeanwhile.set(name, value);
    }
  }

  /* 22 characters of base64url, made once: what the server knows this device of the card by. */
  function device() {
    const known = recall("device");
    if (known) return known;
    const made = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
    remember("device", made);
    return made;
  }

  const toBase64url = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // --- what is reported --------------------------------------------------------------------------

  /* The answer, or null where there is no network. */
  async function send(method, path, what) {
    if (!navigator.onLine) return null;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ device: device(), mode, ...what });
    const keepalive = true; // it outlives the page
    return fetch(base + path, { method, headers, body, keepalive }).catch(() => null);
  }

  const report = (n) => send("POST", "event", { n });

  /* Programs that look at links open pages, too; people look at them for a while or touch them. */
  function whenSomebodyLooks(act) {
    if (document.prerendering) {
      const again = () => whenSomebodyLooks(act);
      document.addEventListener("prerenderingchange", again, { once: true });
      return;
    }
    const touches = ["pointerdown", "keydown", "scroll"];
    let timer = null;
    const done = () => {
      if (document.hidden) return;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wait);
      for (const touch of touches) removeEventListener(touch, done);
      act();
    };
    const wait = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(done, 2000);
    };
    document.addEventListener("visibilitychange", wait);
    for (const touch of touches) addEventListener(touch, done, { passive: true });
    wait();
  }

  function reportOpening() {
    if (isStandalone) return void report("pwa_open"); // no program starts an app
    whenSomebodyLooks(() => {
      report("link_opened");
      const wallets = [...document.querySelectorAll("[data-wallet]")];
      if (wallets.some((wallet) => wallet.checkVisibility?.())) report("wallet_choice_shown");
    });
  }

  // --- current or not ----------------------------------------------------------------------------

  const shownVersion = () => Number(body.dataset.version);
  let source = null; // server-sent events
  let poll = null;
  let failures = 0;
  let askUntil = 0; // no stream before: there was no room
  let mayBeOld = Boolean(navigator.serviceWorker?.controller); // it came from the worker's cache
  let knownAt = body.dataset.drawnAt; // when what is shown was last known to be true

  let last = Promise.resolve();

  /* One after the other: an answer that was asked for before a change says nothing of it. */
  const check = () => (last = last.then(look).catch(showStale));

  /* Asks for the version; swaps the page's living part when it is another one, and says since when
     nobody knows any better when there is no answer. */
  async function look() {
    if (isOver) return;
    // Until the answer is here, a page that may be old says so; one that has just come does not.
    const slow = mayBeOld ? setTimeout(showStale, 1000) : null;
    mayBeOld = true;
    let answer = null;
    try {
      answer = await fetch(`${base}state.json`, { cache: "no-cache" });
    } catch {
      // no network, and no worker that has anything
    }
    clearTimeout(slow);
    if (answer?.status === 404 || answer?.status === 410) return end("#withdrawn");
    if (!answer?.ok) return showStale();
    const { version, state } = await answer.json();
    const cachedAt =
      answer.headers.get("x-from") === "cache" ? answer.headers.get("x-cached-at") : null;
    const isOther = version !== shownVersion() || state !== body.dataset.state;
    if (version >= shownVersion() && isOther && !(await swap(version)) && !cachedAt) {
      return showStale();
    }
    if (cachedAt) {
      if (version === shownVersion() && new Date(cachedAt) > new Date(knownAt)) knownAt = cachedAt;
      return showStale();
    }
    knownAt = new Date().toISOString();
    show("#offline", false);
    listen();
  }

  function showStale() {
    const time = find("#offline-since");
    if (!time || isOver) return;
    const language = document.documentElement.lang;
    const style = { dateStyle: "medium", timeStyle: "short" };
    time.dateTime = knownAt;
    time.textContent = new Intl.DateTimeFormat(language, style).format(new Date(knownAt));
    show("#offline");
    askNowAndThen();
  }

  /* Whether the page as it is now could be had; its #live takes the place of the old one. */
  async function swap(version) {
    const language = new URLSearchParams(location.search).get("lang");
    const query = language ? `?lang=${encodeURIComponent(language)}` : "";
    const answer = await fetch(base + query, { cache: "no-cache" }).catch(() => null);
    if (!answer?.ok || isOver) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [before, after] = [find("#live"), page.querySelector("#live")];
    if (!before || !after || Number(page.body.dataset.version) < version) return false;
    const unfolded = [...before.querySelectorAll("details")].map((part) => part.open);
    before.replaceWith(after);
    after.querySelectorAll("details").forEach((part, place) => (part.open = unfolded[place]));
    Object.assign(body.dataset, page.body.dataset);
    recolour(page);
    knownAt = body.dataset.drawnAt;
    document.dispatchEvent(new Event("card:drawn"));
    return true;
  }

  /* A new design has other colours. */
  function recolour(page) {
    for (const [selector, name] of [["#theme", "href"], ["#theme-color", "content"]]) {
      const [mine, theirs] = [find(selector), page.querySelector(selector)?.getAttribute(name)];
      if (mine && theirs && mine.getAttribute(name) !== theirs) mine.setAttribute(name, theirs);
    }
  }

  /* An open stream costs the server a thread, so only a page that is looked at has one, and who
     gets none asks. */
  function listen() {
    if (isOver || document.hidden || source || Date.now() < askUntil) return;
    if (!("EventSource" in window)) return askNowAndThen();
    source = new EventSource(`${base}events`);
    source.onopen = () => (failures = 0);
    source.addEventListener("changed", ({ data }) => {
      if (JSON.parse(data).version !== shownVersion()) check();
    });
    source.onerror = () => {
      // Each stream ends after a while and is opened again; twice in a row is no such end.
      failures += 1;
      const isRefused = source.readyState === EventSource.CLOSED;
      if (!isRefused && failures < 2) return;
      if (isRefused) askUntil = Date.now() + 60_000;
      deafen();
      check().then(askNowAndThen);
    };
    clearInterval(poll);
    poll = null;
  }

  function askNowAndThen() {
    if (!isOver && !document.hidden && !source) poll ??= setInterval(check, 15_000);
  }

  function deafen() {
    source?.close();
    clearInterval(poll);
    [source, poll, failures] = [null, null, 0];
  }

  function followVisibility() {
    document.addEventListener("visibilitychange", () => {
      deafen();
      if (document.hidden) return;
      welcome();
    });
    addEventListener("pageshow", ({ persisted }) => persisted && check());
    addEventListener("online", check);
    addEventListener("offline", check);
  }

  function welcome() {
    navigator.clearAppBadge?.().catch(() => {});
    check();
  }

  /* The card is no more, or this device shall forget it: nothing of it stays on the screen. */
  function end(template) {
    isOver = true;
    deafen();
    document.querySelectorAll("dialog").forEach((dialog) => dialog.remove());
    const words = find(template)?.content.cloneNode(true);
    find("main")?.replaceChildren(...(words ? [words] : []));
  }

  // --- the worker --------------------------------------------------------------------------------

  /* The registration when its worker runs; null where there can be none. */
  async function register() {
    const container = navigator.serviceWorker;
    if (!container) return null;
    container.addEventListener("message", ({ data }) => {
      if (data.type === "withdrawn") end("#withdrawn");
      if (data.type === "changed") check();
    });
    try {
      await container.register(`${base}sw.js`, { scope: base, updateViaCache: "none" });
    } catch {
      return null; // a private window, for one
    }
    const registration = await container.ready;
    // It cannot read this page's storage, and may have to report a new subscription.
    registration.active.postMessage({ type: "device", device: device(), mode });
    if (isStandalone) navigator.storage?.persist?.().catch(() => {});
    return registration;
  }

  if (!find("#live")) return;
  const ready = register();
  self.card = { base, mode, isStandalone, ready, find, show, recall, remember, toBase64url };
  Object.assign(self.card, { send, report, end });
  reportOpening();
  followVisibility();
  if (!document.hidden) welcome();
})();
