// The SMS app: one thread with the shop's number. What each message costs stands under it.

import { element } from "./messages.js";

const $ = (id) => document.getElementById(id);

const timeOf = (at) => {
  const date = new Date(at);
  return element("time", { datetime: date.toISOString() }, date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
};

// Links open beside the page; all else is text.
export const words = (text) => {
  const parts = text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/u);
  return element("p", { class: "words", dir: "auto" }, ...parts.map((part, i) =>
    i % 2 ? element("a", { href: part, target: "_blank", rel: "noreferrer" }, part) : part));
};

// The newest stays in sight when a picture has come.
const picture = (address) =>
  element("img", { src: address, alt: "Picture", onload: () => ($("texts").scrollTop = $("texts").scrollHeight) });

const pictures = (message) => [
  ...(message.files ?? []).map((file) =>
    file.mime.startsWith("image/") ? picture(`/control/media?id=${file.id}`)
      : element("a", { class: "file-link", href: `/control/media?id=${file.id}`, target: "_blank" }, file.mime)),
  ...(message.media ? [picture(message.media)] : []),
];

const cost = ({ segments, alphabet }) =>
  segments ? `${segments} segment${segments === 1 ? "" : "s"}, ${alphabet}` : "";

const states = { sent: "sent", delivered: "delivered", failed: "not delivered" };

const row = ({ id, from, at, message, status }) => {
  const own = from === "own-sms";
  const told = [cost(message), message.by_twilio ? "from Twilio itself" : "", states[status]].filter(Boolean).join(" · ");
  return element("li", { class: `message turn ${own ? "own" : "bot"}`, "data-id": id },
    element("div", { class: "bubble" },
      element("span", { class: "hidden-text" }, own ? "You: " : "Shop: "),
      ...pictures(message), message.body ? words(message.body) : null,
      element("div", { class: "meta" }, element("span", {}, told), timeOf(at))));
};

export const createTexts = ({ post, upload, trouble, who }) => {
  const list = $("texts-log");
  let files = [];

  const toEnd = () => ($("texts").scrollTop = $("texts").scrollHeight);

  const show = (entry) => {
    const made = row(entry);
    const old = [...list.children].find((one) => one.dataset.id === entry.id);
    if (old) old.replaceWith(made);
    else list.append(made);
    $("texts-empty").hidden = true;
    if (!old) toEnd();
  };

  const listFiles = () => {
    $("texts-files").textContent = files.map((file) => file.name).join(", ");
    $("texts-files").hidden = files.length === 0;
  };

  const send = async (text) => {
    try {
      const media = await Promise.all(files.map((file) => upload(file, file.name)));
      await post("/control/sms", { who: who(), text, media, opt_out: $("opt-out").checked });
      files = [];
      listFiles();
      trouble(null);
    } catch (error) {
      trouble(`Not sent: ${error.message}`);
    }
  };

  $("texts-composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("texts-text").value.trim();
    if (!text && files.length === 0) return;
    $("texts-text").value = "";
    send(text);
    $("texts-text").focus();
  });
  $("texts-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("texts-composer").requestSubmit();
    }
  });
  $("texts-attach").addEventListener("click", () => $("texts-file").click());
  $("texts-file").addEventListener("change", (event) => {
    files = [...files, ...event.target.files].slice(0, 10);
    event.target.value = "";
    listFiles();
    $("texts-text").focus();
  });

  const clear = () => {
    list.replaceChildren();
    $("texts-empty").hidden = false;
    files = [];
    listFiles();
  };
  return { show, clear, toEnd };
};
