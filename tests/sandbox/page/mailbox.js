// The mailbox: all that went between this person and the shop by mail, and what a mail program
// does with one. A mail's HTML is shown in a frame of its own that runs no script; its links
// open in another tab.

import { element, icon } from "./messages.js";
import { words } from "./texts.js";

const $ = (id) => document.getElementById(id);

const when = (at) => {
  const date = new Date(at);
  return element("time", { datetime: date.toISOString() }, date.toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }));
};

const nameOf = (address) => /^"?([^"<]*?)"?\s*</.exec(address ?? "")?.[1] || address || "";
const headerOf = (message, name) =>
  Object.entries(message.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1] ?? "";
const isOwn = (entry) => entry.from === "own-mail";
const snippet = ({ said, text }) => (said ?? text ?? "").replaceAll(/\s+/g, " ").slice(0, 90);

const states = { sent: "sent", delivered: "delivered", failed: "returned: there is no such mailbox" };

export const createMailbox = ({ post, upload, trouble, who, unread }) => {
  const entries = new Map();
  let files = [];
  let answering = null;
  let open = null;

  // --- the list

  const row = (entry) => {
    const { message } = entry;
    const label = isOwn(entry) ? (message.automatic ? "You (automatic)" : "You") : nameOf(message.from);
    return element("li", { "data-id": entry.id, class: entry.seen || isOwn(entry) ? "" : "unseen" },
      element("button", { type: "button", class: "row-button", onclick: () => read(entry.id) },
        element("span", { class: "initial", "aria-hidden": "true" }, isOwn(entry) ? "↗" : [...label][0]),
        element("span", { class: "grow" },
          element("span", { class: "mail-top" }, element("span", { dir: "auto", class: "mail-from" }, entry.seen || isOwn(entry) ? "" : element("span", { class: "hidden-text" }, "New: "), label), when(entry.at)),
          element("span", { class: "mail-subject", dir: "auto" }, message.subject || "(no subject)"),
          element("span", { class: "quiet", dir: "auto" }, snippet(message)))));
  };

  const show = (entry, fresh) => {
    const known = entries.get(entry.id);
    entry.seen = known?.seen ?? !fresh;
    entries.set(entry.id, entry);
    const made = row(entry);
    const old = [...$("mails").children].find((one) => one.dataset.id === entry.id);
    if (old) old.replaceWith(made);
    else $("mails").prepend(made);
    $("mails-empty").hidden = true;
    if (!known && fresh && !isOwn(entry)) unread();
    if (open === entry.id) $("mail-state").textContent = states[entry.status] ?? "";
  };

  const view = (name) => {
    for (const one of ["list", "reader", "writer"]) $(`mail-${one}`).hidden = one !== name;
  };

  const list = () => {
    open = null;
    $("mail-html").removeAttribute("src");
    view("list");
  };

  // --- the reader

  const fact = (name, value) => [element("dt", {}, name), element("dd", { dir: "auto" }, value)];

  const headers = (message) => [
    ...fact("From", message.from), ...fact("To", [message.to].flat().join(", ")),
    ...(message.reply_to ? fact("Reply-To", [message.reply_to].flat().join(", ")) : []),
    ...fact("Subject", message.subject ?? ""),
    ...Object.entries(message.headers ?? {}).filter(([name]) => !/^(from|to|subject)$/i.test(name)).flatMap(([name, value]) => fact(name, value)),
  ];

  const attachments = (message) => (message.attachments ?? []).map((file) => {
    const address = file.id ? `/control/media?id=${file.id}`
      : `data:${file.content_type ?? "application/octet-stream"};base64,${file.content}`;
    return element("li", {}, element("a", { class: "file-link", href: address, download: file.filename, target: "_blank" }, icon("file"), file.filename));
  });

  const part = (name) => {
    for (const one of ["html", "plain", "head"]) {
      $(`mail-${one}`).hidden = one !== name;
      $(`show-${one}`).setAttribute("aria-pressed", one === name ? "true" : "false");
    }
  };

  const read = (id) => {
    const entry = entries.get(id);
    const { message } = entry;
    open = id;
    entry.seen = true;
    show(entry, false);
    $("mail-title").textContent = message.subject || "(no subject)";
    $("mail-by").replaceChildren(isOwn(entry) ? "You, to " : `${nameOf(message.from)}, to you`, isOwn(entry) ? element("span", { dir: "ltr" }, message.to[0]) : "", " · ", when(entry.at));
    $("mail-state").textContent = states[entry.status] ?? "";
    $("mail-html").src = `/control/letter?who=${encodeURIComponent(who())}&id=${encodeURIComponent(id)}`;
    $("mail-plain").replaceChildren(words(message.text ?? ""));
    $("mail-head").replaceChildren(...headers(message));
    $("mail-files").replaceChildren(...attachments(message));
    $("mail-answer").hidden = isOwn(entry);
    $("mail-unsubscribe").hidden = isOwn(entry) || !headerOf(message, "list-unsubscribe");
    part("html");
    view("reader");
    $("mail-back").focus();
  };

  for (const one of ["html", "plain", "head"]) $(`show-${one}`).addEventListener("click", () => part(one));
  $("mail-back").addEventListener("click", () => {
    const before = open;
    list();
    [...$("mails").children].find((one) => one.dataset.id === before)?.querySelector("button").focus();
  });
  $("mail-unsubscribe").addEventListener("click", async () => {
    try {
      const { status, mailed } = await post("/control/unsubscribe", { who: who(), id: open });
      $("mail-state").textContent = mailed ? "A mail that says stop is on its way."
        : status === 200 ? "Unsubscribed with one click." : `The shop answered ${status}.`;
    } catch (error) {
      trouble(`Not done: ${error.message}`);
    }
  });

  // --- the writer

  const listFiles = () => {
    $("writer-files").textContent = files.map((file) => file.name).join(", ");
    $("writer-files").hidden = files.length === 0;
  };

  const write = (entry) => {
    answering = entry?.id ?? null;
    files = [];
    listFiles();
    $("writer-title").textContent = entry ? `Answer: ${entry.message.subject}` : "New mail";
    $("writer-subject").value = "";
    $("writer-subject-field").hidden = !!entry;
    $("writer-text").value = "";
    view("writer");
    $(entry ? "writer-text" : "writer-subject").focus();
  };

  $("mail-new").addEventListener("click", () => write(null));
  $("mail-answer").addEventListener("click", () => write(entries.get(open)));
  $("writer-back").addEventListener("click", () => (answering ? read(answering) : list()));
  $("writer-attach").addEventListener("click", () => $("writer-file").click());
  $("writer-file").addEventListener("change", (event) => {
    files = [...files, ...event.target.files].slice(0, 10);
    event.target.value = "";
    listFiles();
  });
  $("mail-writer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("writer-text").value.trim();
    if (!text && files.length === 0) return;
    try {
      const media = await Promise.all(files.map((file) => upload(file, file.name)));
      await post("/control/mail", {
        who: who(), text, media, subject: $("writer-subject").value.trim(),
        ...(answering ? { answers: answering } : {}),
        aligned: !$("not-aligned").checked, gateway: $("by-gateway").checked,
      });
      trouble(null);
      list();
      $("mail-new").focus();
    } catch (error) {
      trouble(`Not sent: ${error.message}`);
    }
  });

  // --- what is odd about this mailbox

  for (const [id, name] of [["is-away", "away"], ["no-mailbox", "no_mailbox"]])
    $(id).addEventListener("change", ({ target }) =>
      post("/control/mailbox", { who: who(), [name]: target.checked }).catch((error) => trouble(error.message)));

  const clear = (person) => {
    entries.clear();
    $("mails").replaceChildren();
    $("mails-empty").hidden = false;
    $("mail-own").textContent = person?.mail || "no mailbox";
    $("is-away").checked = person?.away ?? false;
    $("no-mailbox").checked = person?.no_mailbox ?? false;
    list();
  };
  const writeCode = (code) => {
    const newest = [...entries.values()].filter((entry) => !isOwn(entry)).at(-1);
    if ($("mail-writer").hidden) write(newest);
    $("writer-text").value = code;
    $("writer-text").focus();
  };
  return { show, clear, writeCode };
};
