// The phone: who is speaking, what was said, and what is said next. It speaks to the sandbox
// only; the sandbox speaks to the service through signed webhooks and the Graph API.
//
// The chat lives in the sandbox. An entry that changes comes again whole, so the page keeps one
// element per id and replaces it; a reload, or a lost connection, asks for all of it again.

import { content, element, icon, replies, summary } from "./messages.js";
import { createMailbox } from "./mailbox.js";
import { createTexts } from "./texts.js";
import { createCrm } from "./crm.js";
import { sampleContact, samplePhoto, samplePlace, sampleVoice } from "./samples.js";

const $ = (id) => document.getElementById(id);
const emojis = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

const state = {
  who: null,
  people: [],
  entries: new Map(),
  version: 0,
  quoting: null,
  menuFor: null,
  typingUntil: 0,
  app: "whatsapp",
};

// --- the sandbox ----------------------------------------------------------------------------------

const trouble = (text) => {
  $("trouble").textContent = text ?? "";
  $("trouble").hidden = !text;
};

const ask = async (path, options = {}) => {
  const answer = await fetch(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `HTTP ${answer.status}`);
  return body;
};

const post = (path, body) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const say = async (message) => {
  const quoted = state.quoting;
  if (quoted && !message.context) message.context = { id: quoted };
  quote(null);
  try {
    await post("/control/say", { who: state.who, message });
    trouble(null);
  } catch (error) {
    trouble(`Not sent: ${error.message}`);
  }
};

const tell = (text) => say({ type: "text", text: { body: text } });

let seenWaits = null;
const tellSeen = () => {
  if (seenWaits || document.hidden) return;
  seenWaits = setTimeout(() => {
    seenWaits = null;
    post("/control/seen", { who: state.who }).catch(() => {});
  }, 400);
};

// --- the chat ----------------------------------------------------------------------------------------

const dayName = (date) => {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return date.toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
};

const ticks = {
  sending: ["clock", "being sent"],
  sent: ["tick", "sent"],
  delivered: ["ticks", "delivered"],
  read: ["ticks", "read"],
  failed: ["fail", "not sent"],
};

const meta = (entry) => {
  const at = new Date(entry.at);
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  const made = element("div", { class: "meta" }, element("time", { datetime: at.toISOString() }, time));
  if (entry.from !== "person") return made;
  const [symbol, label] = ticks[entry.status] ?? ticks.sending;
  made.append(icon(symbol, `${symbol === "ticks" ? "wide" : ""} ${entry.status}`),
    element("span", { class: "hidden-text" }, label));
  return made;
};

const quoted = (message) => {
  const id = message.context?.id ?? message.context?.message_id;
  const other = id && state.entries.get(id);
  if (!other || message.interactive?.list_reply || message.interactive?.button_reply) return null;
  return element("blockquote", { class: "quote", dir: "auto" }, summary(other.message));
};

const bubble = (entry) => {
  const { message } = entry;
  const more = element("button", { type: "button", class: "more", "aria-haspopup": "dialog", onclick: () => openMenu(entry) },
    icon("more"), element("span", { class: "hidden-text" }, `More about: ${summary(message).slice(0, 40)}`));
  return element("div", { class: "bubble" },
    element("span", { class: "hidden-text" }, entry.from === "person" ? "You: " : "Shop: "),
    quoted(message), ...content(message), meta(entry), more);
};

const tapper = (entry) => ({
  tap: (type, reply) =>
    type === "template"
      ? say({ type: "button", button: reply, context: { id: entry.id } })
      : say({ type: "interactive", interactive: { type, [type]: reply }, context: { id: entry.id } }),
  open: (action) => openChoices(entry, action),
  location: () => sendPlace(entry.id),
});

const reactionOf = (entry) => entry.reaction ?? entry.answer;

const messageRow = (entry) => {
  const own = entry.from === "person";
  const row = element("li", { class: `message ${own ? "own" : "bot"}`, "data-id": entry.id }, bubble(entry));
  if (reactionOf(entry))
    row.append(element("span", { class: "reacted" }, element("span", { class: "hidden-text" }, "Reaction: "), reactionOf(entry)));
  const below = own ? null : replies(entry.message, tapper(entry));
  if (below) row.append(below);
  return row;
};

const dayRow = (date) =>
  element("li", { class: "day", "data-day": date.toDateString() }, element("time", { datetime: date.toISOString().slice(0, 10) }, dayName(date)));

const atEnd = () => {
  const chat = $("chat");
  return chat.scrollHeight - chat.scrollTop - chat.clientHeight < 120;
};

const toEnd = () => {
  const chat = $("chat");
  chat.scrollTop = chat.scrollHeight;
  $("jump").hidden = true;
};

const rowOf = (id) => [...$("log").children].find((row) => row.dataset.id === id);

const appendRow = (entry, fresh) => {
  const log = $("log");
  const date = new Date(entry.at);
  const days = log.querySelectorAll(".day");
  const typing = log.querySelector(".typing");
  const put = (row) => log.insertBefore(row, typing);
  if (days[days.length - 1]?.dataset.day !== date.toDateString()) put(dayRow(date));
  const row = messageRow(entry);
  const before = typing ? typing.previousElementSibling : log.lastElementChild;
  const side = entry.from === "person" ? "own" : "bot";
  row.classList.toggle("turn", !before?.classList.contains(side));
  row.classList.toggle("fresh", fresh);
  put(row);
};

const replaceRow = (entry, old) => {
  const row = messageRow(entry);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const index = focused ? [...old.querySelectorAll("button, a")].indexOf(focused) : -1;
  row.classList.toggle("turn", old.classList.contains("turn"));
  old.replaceWith(row);
  if (index >= 0) row.querySelectorAll("button, a")[index]?.focus();
};

// A change of ticks alone must not read the whole message out again.
const updateMeta = (entry, row) => row.querySelector(".meta").replaceWith(meta(entry));

// --- SMS and codes: they come to the same phone, and lie beside the chat -------------------------------

const codeIn = (text) => /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];

const writeCode = (code) => {
  if (state.app === "mail") {
    mailbox.writeCode(code);
    return;
  }
  const text = $(state.app === "sms" ? "texts-text" : "text");
  text.value = code;
  fit();
  text.focus();
};

const smsRow = ({ id, at, message }) => {
  const code = codeIn(message.body);
  const from = /<([^>]*)>/.exec(message.from)?.[1] ?? message.from;
  const time = new Date(at);
  const use = code &&
    element("button", { type: "button", class: "use", onclick: () => writeCode(code) }, `Write ${code}`);
  return element("li", { "data-id": id },
    element("p", { class: "quiet" }, element("span", { dir: "ltr" }, from), " · ",
      element("time", { datetime: time.toISOString() }, time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }))),
    element("p", { class: "words", dir: "auto" }, message.body), use);
};

// The newest stands first. What is new is said once; what was there before is not.
const showSms = (entry, fresh) => {
  if (state.entries.has(entry.id)) return;
  state.entries.set(entry.id, entry);
  $("sms-log").prepend(smsRow(entry));
  $("sms").hidden = state.app === "sms" || (!fresh && state.app !== "whatsapp");
  if (fresh) $("sms-said").textContent = `SMS: ${entry.message.body}`;
};

const clearSms = () => {
  $("sms-log").replaceChildren();
  $("sms-said").textContent = "";
  $("sms").hidden = true;
};

$("sms-hide").addEventListener("click", () => {
  $("sms").hidden = true;
  if (state.app === "whatsapp") $("text").focus();
});

// What came to an app that is not looked at is counted on its tab.
const notice = (app) => {
  if (state.app === app) return;
  const count = $(`tab-${app}`).querySelector(".count");
  count.hidden = false;
  count.textContent = String(Number(count.textContent) + 1);
};

// A code that came by mail is wanted here.
const showMailedCode = (entry, fresh) => {
  const body = entry.message.text?.split("\n")[0] ?? "";
  const { from, id, at } = entry;
  if (from !== "mail" || !codeIn(body) || state.entries.has(id)) return;
  state.entries.set(id, entry);
  $("sms-log").prepend(smsRow({ id, at, message: { from: entry.message.from, body } }));
  $("sms").hidden = state.app === "mail" || (!fresh && state.app !== "whatsapp");
  if (fresh) $("sms-said").textContent = `Mail: ${body}`;
};

const showElsewhere = (entry, fresh) => {
  if (entry.from.endsWith("mail")) {
    mailbox.show(entry, fresh);
    showMailedCode(entry, fresh);
    return;
  }
  if (entry.from === "sms") {
    if (fresh && !state.entries.has(entry.id)) notice("sms");
    showSms(entry, fresh);
  }
  texts.show(entry);
};

const show = (entry, fresh = true) => {
  if (entry.from !== "person" && entry.from !== "bot") {
    showElsewhere(entry, fresh);
    return;
  }
  const known = state.entries.get(entry.id);
  const follow = atEnd();
  state.entries.set(entry.id, entry);
  state.version = Math.max(state.version, entry.v);
  const row = known && rowOf(entry.id);
  if (row && reactionOf(known) === reactionOf(entry)) updateMeta(entry, row);
  else if (row) replaceRow(entry, row);
  else appendRow(entry, fresh);
  $("empty").hidden = true;
  if (entry.from === "bot") {
    if (!known) showTyping(0);
    if (!known && fresh) notice("whatsapp");
    if (entry.status !== "read" && state.app === "whatsapp") tellSeen();
  }
  if (follow || (!known && entry.from === "person")) toEnd();
  else if (!known) $("jump").hidden = false;
};

const showTyping = (until) => {
  state.typingUntil = until;
  const there = $("log").querySelector(".typing");
  const wanted = until > Date.now();
  $("presence").textContent = wanted ? "typing…" : "Business account";
  if (!wanted) there?.remove();
  else if (!there) {
    const follow = atEnd();
    $("log").append(element("li", { class: "message bot turn typing", "aria-hidden": "true" },
      element("div", { class: "bubble" }, element("i"), element("i"), element("i"))));
    if (follow) toEnd();
  }
};
setInterval(() => state.typingUntil && state.typingUntil < Date.now() && showTyping(0), 1000);

// What is told while a chat is being read may be newer than what is read: it waits, and is shown after it.
let loading = 0;
const waiting = [];

const load = async () => {
  loading++;
  try {
    await read();
  } finally {
    loading--;
    const told = loading ? [] : waiting.splice(0);
    told.forEach(hear);
  }
};

const hear = (news) => {
  if (loading) {
    waiting.push(news);
    return;
  }
  if (news.who !== state.who) return;
  if (news.entry) show(news.entry);
  if (news.typing) showTyping(Date.now() + 25000);
};

const read = async () => {
  const who = state.who;
  const chat = await ask(`/control/chat?who=${encodeURIComponent(who)}&after=0`);
  if (who !== state.who) return;
  $("chat").setAttribute("aria-busy", "true");
  $("log").replaceChildren();
  state.entries.clear();
  clearSms();
  texts.clear();
  mailbox.clear(state.people.find((one) => one.who === who));
  for (const entry of chat.entries) show(entry, false);
  for (const count of document.querySelectorAll(".count")) {
    count.hidden = true;
    count.textContent = "";
  }
  $("empty").hidden = chat.entries.some((entry) => entry.from === "person" || entry.from === "bot");
  showTyping(chat.typing ? Date.now() + 25000 : 0);
  $("chat").removeAttribute("aria-busy");
  toEnd();
};

// --- people --------------------------------------------------------------------------------------------

const remember = (who) => {
  try {
    localStorage.setItem("parley-who", who);
  } catch {
    // a private window forgets, and that is all
  }
  history.replaceState(null, "", `#${encodeURIComponent(who)}`);
};

const remembered = () => {
  const named = decodeURIComponent(location.hash.slice(1));
  if (named) return named;
  try {
    return localStorage.getItem("parley-who");
  } catch {
    return null;
  }
};

const become = async (who) => {
  state.who = who;
  remember(who);
  quote(null);
  await load();
  if (who !== state.who) return;
  const person = state.people.find((one) => one.who === who);
  $("who-name").textContent = person?.name ?? who; // over their chat, and not over the one before
};

const languages = { en: "English", es: "Español", pl: "Polski", ar: "العربية" };

const personRow = (person) => {
  const count = person.orders > 0 ? `${person.orders} order${person.orders === 1 ? "" : "s"}` : null;
  const about = [person.phone || "no phone number", languages[person.language], count ?? person.note].filter(Boolean).join(" · ");
  const choose = () => {
    $("people").close();
    become(person.who);
    $("text").focus();
  };
  return element("li", {},
    element("button", { type: "button", class: "row-button", "aria-current": person.who === state.who ? "true" : "false", onclick: choose },
      element("span", { class: "initial", "aria-hidden": "true" }, [...person.name][0]?.toUpperCase() ?? "?"),
      element("span", { class: "grow" }, element("span", { dir: "auto" }, person.name), element("span", { class: "quiet" }, about)),
      element("span", { class: "ring", "aria-hidden": "true" })));
};

const listPeople = () => {
  const wanted = $("people-find").value.trim().toLowerCase();
  const shown = state.people.filter((one) => `${one.name} ${one.who}`.toLowerCase().includes(wanted));
  $("people-list").replaceChildren(...shown.map(personRow));
};

const loadPeople = async () => {
  const answer = await ask("/control/people");
  state.people = answer.people;
  $("texts-number").textContent = answer.sms ?? "";
  for (const app of ["sms", "mail"]) $(`tab-${app}`).disabled = !answer[app];
  $("crm").hidden = !answer.crm;
  $("business").textContent = answer.business;
  $("avatar").textContent = [...answer.business][0] ?? "P";
  document.title = `${answer.business}: a phone to try it with`;
  listPeople();
};

const randomId = () =>
  `US.${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte % 10).join("")}`;

$("people-new").addEventListener("submit", async (event) => {
  event.preventDefault();
  const phone = $("new-phone").value.replaceAll(/[\s().-]/g, "");
  if (phone && !/^\+?[0-9]{6,15}$/.test(phone)) {
    $("new-error").textContent = "A phone number has 6 to 15 digits and starts with +.";
    $("new-phone").setAttribute("aria-invalid", "true");
    $("new-phone").focus();
    return;
  }
  const who = phone ? (phone.startsWith("+") ? phone : `+${phone}`) : randomId();
  const name = $("new-name").value.trim() || (phone ? "" : "No number");
  const made = await post("/control/people", { who, name });
  $("new-error").textContent = "";
  $("new-phone").removeAttribute("aria-invalid");
  event.target.reset();
  $("people").close();
  await loadPeople();
  await become(made.who);
  $("text").focus();
});

$("who").addEventListener("click", async () => {
  await loadPeople().catch(() => {});
  $("people").showModal();
});
$("people-find").addEventListener("input", listPeople);

// --- sheets ------------------------------------------------------------------------------------------------

for (const sheet of document.querySelectorAll("dialog")) {
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  sheet.querySelector("[data-close]").addEventListener("click", () => sheet.close());
}

const choiceRow = (entry, row) => {
  const pick = () => {
    $("choices").close();
    tapper(entry).tap("list_reply", row);
    $("text").focus();
  };
  return element("li", {},
    element("button", { type: "button", class: "row-button", onclick: pick },
      element("span", { class: "grow", dir: "auto" }, row.title, row.description ? element("span", { class: "quiet" }, row.description) : null),
      element("span", { class: "ring", "aria-hidden": "true" })));
};

const openChoices = (entry, action) => {
  $("choices-title").textContent = action.button;
  $("choices-list").replaceChildren(...action.sections.flatMap((section) => [
    ...(section.title ? [element("h3", { dir: "auto" }, section.title)] : []),
    element("ul", { class: "rows" }, ...section.rows.map((row) => choiceRow(entry, row))),
  ]));
  $("choices").showModal();
};

const quote = (entry) => {
  state.quoting = entry?.id ?? null;
  $("quoting").hidden = !entry;
  $("quoting-text").textContent = entry ? summary(entry.message) : "";
};

const react = (emoji) => {
  const entry = state.menuFor;
  $("message-menu").close();
  const removed = entry.reaction === emoji;
  const reaction = removed ? { message_id: entry.id } : { message_id: entry.id, emoji };
  quote(null);
  say({ type: "reaction", reaction });
};

const openMenu = (entry) => {
  state.menuFor = state.entries.get(entry.id) ?? entry;
  $("reactions").replaceChildren(...emojis.map((emoji) =>
    element("button", { type: "button", "aria-pressed": state.menuFor.reaction === emoji ? "true" : "false", onclick: () => react(emoji) }, emoji)));
  $("message-menu").showModal();
};

$("menu-reply").addEventListener("click", () => {
  $("message-menu").close();
  quote(state.menuFor);
  $("text").focus();
});
$("quoting-stop").addEventListener("click", () => {
  quote(null);
  $("text").focus();
});

// --- attachments ----------------------------------------------------------------------------------------------

const upload = async (blob, filename) => {
  const name = filename ? `?filename=${encodeURIComponent(filename)}` : "";
  const { id } = await ask(`/control/media${name}`, { method: "POST", headers: { "content-type": blob.type }, body: blob });
  return id;
};

const kindOf = (type) => {
  const kind = type.split("/")[0];
  return ["image", "audio", "video"].includes(kind) ? kind : "document";
};

const sendFile = async (blob, filename, extra = {}) => {
  const type = kindOf(blob.type);
  try {
    const id = await upload(blob, filename);
    await say({ type, [type]: { id, ...(type === "document" ? { filename } : {}), ...extra } });
  } catch (error) {
    trouble(`Not sent: ${error.message}`);
  }
};

const sendPlace = (context) =>
  say({ type: "location", location: samplePlace, ...(context ? { context: { id: context } } : {}) });

const chooseFile = (accept) => {
  $("file").accept = accept;
  $("file").click();
};

const attachments = {
  photo: () => chooseFile("image/*"),
  document: () => chooseFile("application/pdf,.doc,.docx,.xls,.xlsx,.txt"),
  sample: async () => sendFile(await samplePhoto(), "parcel.jpg", { caption: "It arrived like this" }),
  voice: () => sendFile(sampleVoice(), "voice.ogg", { voice: true }),
  location: () => sendPlace(null),
  contact: () => say({ type: "contacts", contacts: [sampleContact] }),
  reaction: () => {
    const last = [...state.entries.values()].filter((entry) => entry.from === "bot").at(-1);
    if (last) openMenu(last);
    else trouble("There is nothing to react to yet.");
  },
};

$("attach").addEventListener("click", () => $("attachments").showModal());
$("attachments").addEventListener("click", (event) => {
  const name = event.target.closest("[data-attach]")?.dataset.attach;
  if (!name) return;
  if (name !== "photo" && name !== "document") $("attachments").close();
  attachments[name]();
});
$("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  $("attachments").close();
  event.target.value = "";
  if (file) sendFile(new Blob([file], { type: file.type || "application/octet-stream" }), file.name);
});

// --- the other apps -------------------------------------------------------------------------------------------

const inner = { post, upload, trouble, who: () => state.who };
const texts = createTexts(inner);
const mailbox = createMailbox({ ...inner, unread: () => notice("mail") });

const crm = createCrm({ ...inner, ask, person: () => state.people.find((one) => one.who === state.who) ?? {} });

const tabs = [...document.querySelectorAll("[data-app]")];
const openApp = (app) => {
  state.app = app;
  for (const tab of tabs) {
    const chosen = tab.dataset.app === app;
    tab.setAttribute("aria-selected", chosen ? "true" : "false");
    tab.tabIndex = chosen ? 0 : -1;
    $(`pane-${tab.dataset.app}`).hidden = !chosen;
  }
  const count = $(`tab-${app}`).querySelector(".count");
  count.hidden = true;
  count.textContent = "";
  if (app === "sms") {
    $("sms").hidden = true;
    texts.toEnd();
  }
  if (app === "whatsapp") {
    toEnd();
    tellSeen();
  }
};
for (const tab of tabs) {
  tab.addEventListener("click", () => openApp(tab.dataset.app));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = tabs.filter((one) => !one.disabled);
    const next = open[(open.indexOf(tab) + step + open.length) % open.length];
    openApp(next.dataset.app);
    next.focus();
  });
}

// --- the composer -------------------------------------------------------------------------------------------------

const fit = () => {
  const text = $("text");
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight + 2, 128)}px`;
};

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  fit();
  tell(text);
  $("text").focus();
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
$("text").addEventListener("input", fit);
$("tries").addEventListener("click", (event) => event.target.dataset.say && (openApp("whatsapp"), tell(event.target.dataset.say)));
$("jump").addEventListener("click", toEnd);
// Pictures grow when they have come: whoever was at the end stays there.
let following = true;
$("chat").addEventListener("scroll", () => {
  following = atEnd();
  if (following) $("jump").hidden = true;
}, { passive: true });
new ResizeObserver(() => following && toEnd()).observe($("log"));
document.addEventListener("visibilitychange", () => !document.hidden && tellSeen());
addEventListener("hashchange", () => remembered() !== state.who && become(remembered()));

// --- start -----------------------------------------------------------------------------------------------------------

// Each time that the stream opens, the first as well, all is read: what came before it opened nobody told us. The phone
// is ready when that is done, and misses nothing from then on.
const listen = () => {
  const events = new EventSource("/control/events");
  events.addEventListener("open", async () => {
    trouble(null);
    try {
      await Promise.all([load(), crm.load()]);
      document.documentElement.dataset.ready = "yes";
    } catch (error) {
      trouble(`The sandbox does not answer: ${error.message}`);
    }
  });
  events.addEventListener("error", () => trouble("The sandbox does not answer; trying again."));
  events.addEventListener("message", ({ data }) => {
    const news = JSON.parse(data);
    if (news.crm) crm.show(news.crm);
    hear(news);
  });
};

const begin = async () => {
  try {
    await loadPeople();
    const wanted = remembered();
    const first = state.people.find((one) => one.seeded)?.who ?? state.people[0]?.who ?? "+15550100099";
    const made = await post("/control/people", { who: wanted ?? first }).catch(() => post("/control/people", { who: first }));
    if (!state.people.some((one) => one.who === made.who)) await loadPeople();
    await become(made.who);
    listen();
  } catch (error) {
    trouble(`The sandbox does not answer: ${error.message}`);
    setTimeout(begin, 1000);
  }
};

begin();
