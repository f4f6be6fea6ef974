// Saves page loads: nothing here is needed to use the portal. What is shown always comes from the server as HTML; the
// script only asks for it again and puts parts of it into the page.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const parse = (text) => new DOMParser().parseFromString(text, "text/html");

// Asks the server for a page. Throws when there is no answer, or none that is a page.
async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return { page: parse(await answer.text()), url: new URL(answer.url) };
}

// Puts the server's element in the place of ours. The focus and what was unfolded stay; a part that is read out when it
// changes stays as well and gets new contents, because a new one would not be read.
const CONTROLS = "a, button, input, select, textarea, summary";
function exchange(old, fresh) {
  const element = document.importNode(fresh, true);
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  const place = held ? all(CONTROLS, old).indexOf(held) : -1;
  const name = (details) => details.querySelector("summary")?.textContent;
  const unfolded = new Set(all("details[open]", old).map(name));
  for (const details of all("details", element)) if (unfolded.has(name(details))) details.open = true;
  const speaks = old.matches("[role=status]");
  if (speaks) old.replaceChildren(...element.childNodes);
  else old.replaceWith(element);
  const now = speaks ? old : element;
  prepare(now);
  if (held) {
    const again = (held.id && document.getElementById(held.id)) || all(CONTROLS, now)[place];
    again?.focus({ preventScroll: true });
  }
  return now;
}

// Exchanges each element of ours that `selector` names by the one with the same id.
function exchangeAll(selector, page, keep = () => false) {
  for (const old of all(selector)) {
    const fresh = old.id && page.getElementById(old.id);
    if (fresh && !keep(old)) exchange(old, fresh);
  }
}

// A banner of ours, for when the server did not answer and so could not say so itself.
function complain(near, title, text) {
  const make = (kind, parent) => parent.appendChild(document.createElement(kind));
  const draw = (kind, parent) => parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", kind));
  const banner = document.createElement("div");
  banner.className = "banner banner--bad";
  banner.dataset.complaint = "";
  banner.setAttribute("role", "alert");
  const icon = draw("svg", banner);
  icon.setAttribute("class", "icon");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  draw("path", icon).setAttribute("d", "M12 4 21 19.5H3zM12 10v4.5M12 17v.1");
  const words = make("p", make("div", banner));
  make("strong", words).textContent = title;
  words.append(` ${text}`);
  all("[data-complaint]").forEach((each) => each.remove());
  near.before(banner);
}

/* Copying ----------------------------------------------------------------------------------- */
const said = document.createElement("p");
said.className = "vh";
said.setAttribute("role", "status");
document.body.append(said);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-word]");
  if (button.dataset.copied) return;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    // Not allowed, or not over https: select it, so that one key is enough.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    return;
  }
  const before = word.textContent;
  button.dataset.copied = "yes";
  word.textContent = "Copied";
  said.textContent = "Copied";
  setTimeout(() => {
    word.textContent = before;
    said.textContent = "";
    delete button.dataset.copied;
  }, 2000);
});

/* Menu -------------------------------------------------------------------------------------- */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  const open = event.target.closest?.("details[open]") ?? document.querySelector("details.menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  const menu = document.querySelector("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});

/* Buttons that make one wait ------------------------------------------------------------------ */
document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (event.defaultPrevented || !button?.dataset.busy) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  button.dataset.words = button.textContent;
  button.setAttribute("aria-busy", "true");
  button.lastChild.textContent = button.dataset.busy;
});
// Coming back by the browser's own button shows the page as it was left: free it again.
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) delete form.dataset.sent;
  for (const button of all("[aria-busy][data-words]")) {
    button.removeAttribute("aria-busy");
    button.lastChild.textContent = button.dataset.words;
  }
});

/* Switches ------------------------------------------------------------------------------------ */
function flip(button, on) {
  button.setAttribute("aria-checked", String(on));
  button.dataset.word = on ? "On" : "Off";
}
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-switch]")) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const button = form.querySelector("[role=switch]");
  const on = button.getAttribute("aria-checked") === "true";
  flip(button, !on);
  try {
    const { page, url } = await ask(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) });
    if (url.pathname !== location.pathname) {
      location.assign(url); // not set up yet: the server leads to the set-up
      return;
    }
    takeOver(page);
  } catch {
    flip(button, on);
    delete form.dataset.sent;
    complain(form.closest(".card") ?? form, "Nothing has changed.", "The server did not answer. Try again in a minute.");
    button.focus({ preventScroll: true });
  }
});

// After an act that led back here: everything in main is as the server sees it now, its toast included.
function takeOver(page) {
  const fresh = page.getElementById("main");
  if (fresh) exchange(document.getElementById("main"), fresh);
  const here = all(".nav__count");
  const there = all(".nav__count", page);
  if (here.length === there.length) here.forEach((count, index) => count.replaceWith(document.importNode(there[index], true)));
}

/* Filters, tabs, pages ------------------------------------------------------------------------ */
let filtering = 0;
async function show(url, remember) {
  const turn = ++filtering;
  try {
    const { page, url: there } = await ask(url);
    if (turn !== filtering) return; // a later choice is under way
    if (there.pathname !== url.pathname) throw new Error("elsewhere"); // signed out, for example
    exchangeAll("[data-list]", page);
    if (remember) history.pushState({ list: true }, "", url);
    document.title = page.title;
  } catch {
    if (turn === filtering) location.assign(url);
  }
}
function filterUrl(form) {
  const url = new URL(form.getAttribute("action"), location.href); // a field may be called "action" too
  url.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
  return url;
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-filter]");
  if (form) show(filterUrl(form), true);
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-filter]") || !document.querySelector("[data-list]")) return;
  event.preventDefault();
  show(filterUrl(event.target), true);
});
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("[data-list] .tabs a, [data-list] .pages a");
  if (!link) return;
  event.preventDefault();
  show(new URL(link.href), true);
});
addEventListener("popstate", () => {
  if (document.querySelector("[data-list]")) location.reload();
});

/* Preview and live check ------------------------------------------------------------------------ */
// The form as it stands, without what makes a press count: asking for a preview changes nothing.
function draft(form) {
  const data = new FormData(form);
  data.delete("idempotency");
  return new URLSearchParams(data);
}
const waiting = new WeakMap();
async function refresh(form, url, selector) {
  waiting.get(form)?.abort();
  const stop = new AbortController();
  waiting.set(form, stop);
  try {
    const { page } = await ask(url, { method: "POST", body: draft(form), signal: stop.signal });
    exchangeAll(selector, page);
  } catch {
    // Without an answer the page keeps what was last checked: its buttons still work.
  }
}
let pause = 0;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-preview]");
  if (!form || event.target.matches("[data-check-on]")) return;
  clearTimeout(pause);
  pause = setTimeout(() => refresh(form, form.dataset.preview, "[data-preview-target]"), 300);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-check]");
  if (!form || !event.target.matches("[data-check-on]")) return;
  clearTimeout(pause);
  refresh(form, form.dataset.check, "[data-check-target], [data-preview-target]");
});
// The preview follows what one edits: a field names the choice of what is shown, whose value is the field's name.
document.addEventListener("focusin", (event) => {
  const choice = event.target.dataset?.shownBy && document.getElementById(event.target.dataset.shownBy);
  if (!choice || choice.value === event.target.name) return;
  choice.value = event.target.name;
  choice.dispatchEvent(new Event("input", { bubbles: true }));
});

/* Counts under texts -------------------------------------------------------------------------- */
document.addEventListener("input", (event) => {
  const count = event.target.id && document.querySelector(`[data-count="${CSS.escape(event.target.id)}"]`);
  if (!count) return;
  const figure = (number) => number.toLocaleString("en-IN");
  count.textContent = `${figure([...event.target.value].length)} of ${figure(event.target.maxLength)} characters`;
});

/* The last question, in a dialog --------------------------------------------------------------- */
function openDialog(page) {
  const form = page.querySelector("form[data-confirm]");
  const title = page.querySelector("h1");
  if (!form || !title) return false;
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "dialog-title");
  const inside = document.importNode(form, true);
  inside.classList.remove("card");
  const head = document.createElement("div");
  head.className = "card__head";
  const words = document.createElement("h2");
  words.id = "dialog-title";
  words.textContent = title.textContent;
  head.append(words);
  inside.prepend(head);
  dialog.append(inside);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.showModal();
  return true;
}
async function askInDialog(url) {
  try {
    const { page } = await ask(url);
    if (openDialog(page)) return;
  } catch {
    // The page itself says what is wrong.
  }
  location.assign(url);
}
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const link = event.target.closest("a[data-dialog]");
  if (!link) return;
  event.preventDefault();
  askInDialog(link.href);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-dialog]") || form.method !== "get") return;
  event.preventDefault();
  askInDialog(filterUrl(form));
});

/* Live parts ------------------------------------------------------------------------------------ */
// A part in which somebody writes or chooses stays as it is: nothing typed is ever lost to news.
const touched = new WeakSet();
document.addEventListener("input", (event) => {
  const part = event.target.closest("[data-live-part]");
  if (part) touched.add(part);
});
const inUse = (part) => touched.has(part) || part.contains(document.activeElement?.closest("input, select, textarea"));

function follow(part) {
  const button = document.querySelector(`[data-live-new="${CSS.escape(part.id)}"]`);
  const known = () => new Set(all(".tl[id]").map((entry) => entry.id));
  let news = null;
  let asking = false;
  let again = false;

  function apply() {
    exchangeAll("[data-live-part]", news, inUse);
    const badge = news.querySelector("main h1 + .badge");
    const old = document.querySelector("main h1 + .badge");
    if (badge && old) old.replaceWith(document.importNode(badge, true));
    if (button) button.hidden = true;
    news = null;
  }

  async function look() {
    if (asking) {
      again = true; // it changed while we asked: ask once more
      return;
    }
    asking = true;
    try {
      const { page, url } = await ask(location.href);
      if (url.pathname !== location.pathname) {
        location.assign(url); // signed out, for example
        return;
      }
      news = page;
      const before = known();
      const count = all(".tl[id]", news).filter((entry) => !before.has(entry.id)).length;
      const scrolled = document.getElementById(part.id).getBoundingClientRect().top < 0;
      if (button && count && scrolled) {
        button.textContent = `${count} new`;
        button.hidden = false;
      } else {
        apply();
      }
    } catch {
      // The stream connects again by itself, and what is shown says when it was read.
    } finally {
      asking = false;
      if (again) {
        again = false;
        look();
      }
    }
  }

  button?.addEventListener("click", () => {
    if (news) apply();
    document.getElementById(part.id).scrollIntoView({ block: "start" });
  });
  const source = new EventSource(part.dataset.live);
  source.addEventListener("changed", look);
  source.addEventListener("time", (event) => {
    if (news === null) for (const time of all("[data-as-of]")) time.textContent = event.data;
  });
  addEventListener("pagehide", () => source.close());
}

/* At the start ---------------------------------------------------------------------------------- */
// What only works with this script becomes visible.
function prepare(root) {
  for (const button of all("[data-copy][hidden]", root)) button.hidden = false;
}
prepare(document);
document.querySelector(".summary")?.focus();
for (const part of all("[data-live]")) if (part.id) follow(part);
