/* What the buttons of a card's page do: push, the home screen, sharing, the code in large. Each part
   does nothing where its element or the browser's ability is missing. card.js comes first. */

"use strict";

(() => {
  if (!self.card) return; // a card that is no more
  const { base, isStandalone, ready, find, show, recall, remember, toBase64url } = self.card;
  const { send, report, end } = self.card;
  const body = document.body;
  const isIos =
    /iPhone|iPad|iPod/.test(navigator.userAgent) ||
    (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

  // --- push --------------------------------------------------------------------------------------

  const key = () => body.dataset.pushKey;
  const showPush = (which) => {
    show("[data-notify]", false);
    show(`[data-notify="${which}"]`);
    show("#notify", Boolean(which));
  };

  /* On every open: nobody tells a page of iOS that its subscription is gone, and a subscription is
     bound to the key that it was made with. */
  async function resyncPush() {
    if (!key()) return showPush(null);
    if (isIos && !isStandalone) return showPush("install-first");
    const registration = await ready;
    const canPush = registration?.pushManager && "Notification" in window;
    if (!canPush) return showPush("unsupported");
    if (Notification.permission === "denied") return showPush("denied");
    if (Notification.permission !== "granted") return showPush("ask");
    const subscription = await registration.pushManager.getSubscription().catch(() => null);
    if (!subscription && recall("push") !== "wanted") return showPush("ask");
    await subscribe(subscription);
  }

  async function subscribe(existing) {
    try {
      const { pushManager } = await ready;
      let subscription = existing;
      const madeWith = subscription?.options?.applicationServerKey;
      if (madeWith && toBase64url(new Uint8Array(madeWith)) !== key()) {
        await subscription.unsubscribe();
        subscription = null;
      }
      const options = { userVisibleOnly: true, applicationServerKey: key() };
      subscription ??= await pushManager.subscribe(options);
      const keyId = body.dataset.pushKeyId;
      const answer = await send("POST", "push-subscription", { subscription, key: keyId });
      remember("push", "wanted");
      // Without a network it is told at the next opening.
      showPush(answer === null || answer.ok ? "on" : "ask");
    } catch {
      showPush(Notification.permission === "denied" ? "denied" : "ask");
    }
  }

  async function startPush() {
    const permission = await Notification.requestPermission();
    if (permission === "granted") report("push_permission_granted");
    if (permission === "denied") report("push_permission_denied");
    if (permission === "granted") await subscribe(null);
    else showPush(permission === "denied" ? "denied" : "ask");
  }

  async function stopPush() {
    remember("push", null);
    const registration = await ready;
    const subscription = await registration?.pushManager?.getSubscription().catch(() => null);
    await subscription?.unsubscribe().catch(() => {});
    await send("DELETE", "push-subscription", {});
    showPush("ask");
  }

  // --- the home screen ---------------------------------------------------------------------------

  function offerInstallation() {
    const platform = isIos ? "ios" : /Android/.test(navigator.userAgent) ? "android" : "desktop";
    for (const each of ["ios", "android", "desktop"]) {
      show(`.hint-${each}`, each === platform && !isStandalone);
    }
    const isInApp = /FBAN|FBAV|Instagram|Line\/|TikTok|musical_ly|Snapchat|; wv\)/;
    show("#in-app", !isStandalone && isInApp.test(navigator.userAgent));
    addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault();
      invitation = event;
      show("#install");
      report("pwa_prompt_shown");
    });
    addEventListener("appinstalled", () => {
      show("#install", false);
      report("pwa_installed");
    });
  }

  let invitation = null;

  async function install() {
    const { outcome } = await invitation.prompt().then(() => invitation.userChoice);
    report(outcome === "accepted" ? "pwa_prompt_accepted" : "pwa_prompt_dismissed");
    show("#install", false); // a browser lets each invitation be used once
  }

  async function forget() {
    await stopPush();
    await report("removed");
    end("#forgotten");
    await (await ready)?.unregister();
    const isOwn = (name) => name === `card-data:${base}` || name.startsWith(`card-shell:${base}:`);
    const names = (await self.caches?.keys()) ?? [];
    await Promise.all(names.filter(isOwn).map((name) => caches.delete(name)));
    for (const name of ["device", "push"]) remember(name, null);
  }

  // --- buttons -----------------------------------------------------------------------------------

  let light = null;

  async function stayAwake() {
    light = await navigator.wakeLock?.request("screen").catch(() => null);
  }

  function openDialog(dialog) {
    if (!dialog || dialog.open) return;
    dialog.showModal();
    if (dialog.id !== "code-view") return;
    const again = () => !document.hidden && stayAwake(); // a hidden page loses its lock
    stayAwake();
    document.addEventListener("visibilitychange", again);
    dialog.addEventListener("close", () => {
      document.removeEventListener("visibilitychange", again);
      light?.release();
    }, { once: true });
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // the link stands beside the button
    }
    const say = (what) => {
      for (const words of button.querySelectorAll("[data-said]")) {
        words.hidden = words.dataset.said !== what;
      }
    };
    say("done");
    setTimeout(say, 2500, "do");
  }

  async function share({ dataset: { url, text } }) {
    const isShared = await navigator.share({ url, text }).then(() => true, () => false);
    if (isShared) report("referral_shared");
  }

  const buttons = {
    "#notify-yes": startPush,
    "#notify-no": stopPush,
    "#install-yes": install,
    "#forget": forget,
    "#copy-link": (button) => copy(location.origin + base, button),
    "[data-copy]": (button) => copy(button.dataset.copy, button),
    "[data-share]": share,
    "[data-dialog]": (button) => openDialog(find(`#${button.dataset.dialog}`)),
    "[data-wallet]": ({ dataset: { wallet } }) =>
      ["apple", "google"].includes(wallet) && report(`${wallet}_click`),
  };

  function followClicks() {
    document.addEventListener("click", ({ target }) => {
      for (const [selector, act] of Object.entries(buttons)) {
        const button = target.closest?.(selector);
        if (button) return act(button);
      }
      if (target instanceof HTMLDialogElement) target.close(); // beside what it shows
    });
  }

  /* Buttons that the browser can serve; those of #live come anew with each version. */
  function offer() {
    show("[data-copy]", Boolean(navigator.clipboard));
    show("[data-share]", Boolean(navigator.share));
    show("[data-dialog]", "showModal" in HTMLElement.prototype || "HTMLDialogElement" in window);
    show("#forget");
  }

  function tidyAddress() {
    const url = new URL(location.href);
    if (!url.pathname.endsWith("/")) return; // a form with errors: reloading sends it again
    const isCode = url.searchParams.get("view") === "code";
    if (url.searchParams.has("thanks")) fetch(base).catch(() => {}); // the worker keeps the new form
    const names = [...url.searchParams.keys()].filter((name) => name !== "lang");
    names.forEach((name) => url.searchParams.delete(name));
    if (names.length) history.replaceState(history.state, "", url);
    if (isCode) openDialog(find("#code-view"));
  }

  followClicks();
  offer();
  document.addEventListener("card:drawn", offer);
  offerInstallation();
  tidyAddress();
  resyncPush();
})();
