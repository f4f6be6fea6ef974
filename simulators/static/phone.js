// Keeps the phone live: asks each second whether the page would look different, and takes over the server's own HTML.
// Without this file everything still works by forms and links.
"use strict";

const live = () => document.querySelectorAll("[data-live]");
const known = new Map();
let version = document.body.dataset.version;
let busy = false;

// The HTML that the server sent last, by id: what a person typed meanwhile does not count as a difference.
function remember(root) {
  for (const child of root.children) if (child.id) known.set(child.id, child.outerHTML);
}
live().forEach(remember);

// Exchange what differs, child by child, so that focus, scroll place and half-written fields survive.
function takeOver(old, fresh) {
  if (![...fresh.children].every((child) => child.id) || !fresh.children.length) {
    if (!old.isEqualNode(fresh)) old.replaceChildren(...fresh.childNodes);
    return;
  }
  const wanted = new Set([...fresh.children].map((child) => child.id));
  for (const child of [...old.children]) if (!wanted.has(child.id)) child.remove();
  let place = old.firstElementChild;
  for (const child of [...fresh.children]) {
    const html = child.outerHTML;
    let mine = [...old.children].find((each) => each.id === child.id);
    if (mine && known.get(child.id) !== html) {
      const held = mine.contains(document.activeElement) ? document.activeElement : null;
      const index = held ? [...mine.querySelectorAll("a, button, input")].indexOf(held) : -1;
      if (mine === place) place = child;
      mine.replaceWith(child);
      if (index >= 0) child.querySelectorAll("a, button, input")[index]?.focus({ preventScroll: true });
      mine = child;
    }
    known.set(child.id, html);
    if (!mine) {
      old.insertBefore(child, place);
    } else if (mine === place) {
      place = place.nextElementSibling;
    } else {
      old.insertBefore(mine, place);
    }
  }
}

// A notice belongs to the act that caused it: it stays until the next one, whatever else is new.
function show(text, afterAct) {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (!page.body.dataset.version) return;
  version = page.body.dataset.version;
  for (const old of live()) {
    const fresh = page.getElementById(old.id);
    if (fresh && (afterAct || old.id !== "notice")) takeOver(old, document.importNode(fresh, true));
  }
}

function say(connected) {
  const badge = document.getElementById("connection");
  const words = connected ? "Connected" : "Not connected";
  if (badge.textContent === words) return;
  badge.hidden = false;
  badge.className = connected ? "badge badge--ok" : "badge badge--bad";
  badge.textContent = words;
}

async function look() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const answer = await fetch(document.body.dataset.watch);
    if (!answer.ok) throw new Error(String(answer.status));
    if ((await answer.json()).version !== version) {
      const page = await fetch(location.pathname);
      if (page.ok) show(await page.text(), false);
    }
    say(true);
  } catch {
    say(false);
  } finally {
    busy = false;
  }
}
setInterval(look, 1000);
look();

function toTheEnd() {
  document.querySelector(".log").scrollTop = 0; // filled from the bottom: 0 is the newest message
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-quiet]")) return;
  event.preventDefault();
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) });
    if (!answer.ok) throw new Error(String(answer.status));
    const inSheet = form.closest(".sheet");
    if (inSheet) location.hash = "main";
    if (form.matches(".composer")) form.reset();
    show(await answer.text(), true);
    if (!form.closest(".behind")) toTheEnd();
    say(true);
  } catch {
    say(false);
  } finally {
    delete form.dataset.sending;
  }
});

document.getElementById("whose").addEventListener("change", (event) => event.target.form.requestSubmit());

// A sheet keeps the focus inside while it is open, and gives it back.
let opener = null;
function turn() {
  const sheet = location.hash.startsWith("#sheet-") ? document.getElementById(location.hash.slice(1)) : null;
  for (const part of document.querySelectorAll(".log, .composer, .chat__head, .phones, .behind, .stage__top")) part.inert = Boolean(sheet);
  if (sheet) {
    const first = ["input:checked", ".input", ".menu-row", "a"].map((each) => sheet.querySelector(each)).find(Boolean);
    first.focus({ preventScroll: true });
  } else if (opener?.isConnected) {
    opener.focus({ preventScroll: true });
    opener = null;
  }
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#sheet-']");
  if (link) opener = link;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && location.hash.startsWith("#sheet-")) location.hash = "main";
});
addEventListener("hashchange", turn);
turn();
