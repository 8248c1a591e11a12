// Messages as elements. What arrives is the Graph API's own JSON (from the shop) or a webhook's
// (from the person); text only ever becomes text nodes.

export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

export const icon = (name, classes = "") => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", `icon ${classes}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
};

// --- formatting: *bold*, _italic_, ~struck~, ```plain```, links -------------------------------

const marks = [
  { pattern: /```([\s\S]+?)```/u, tag: "code", deep: false },
  { pattern: /`([^`\n]+)`/u, tag: "code", deep: false },
  { pattern: /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/u, link: true },
  { pattern: /(?<![\p{L}\p{N}])\*(?![\s*])([^*\n]*[^\s*])\*(?![\p{L}\p{N}])/u, tag: "strong", deep: true },
  { pattern: /(?<![\p{L}\p{N}])_(?![\s_])([^_\n]*[^\s_])_(?![\p{L}\p{N}])/u, tag: "em", deep: true },
  { pattern: /(?<![\p{L}\p{N}])~(?![\s~])([^~\n]*[^\s~])~(?![\p{L}\p{N}])/u, tag: "s", deep: true },
];

const firstMark = (text) => {
  let best = null;
  for (const mark of marks) {
    const match = mark.pattern.exec(text);
    if (match && (!best || match.index < best.match.index)) best = { mark, match };
  }
  return best;
};

export const formatted = (text) => {
  const parts = [];
  for (let rest = text; rest; ) {
    const found = firstMark(rest);
    if (!found) {
      parts.push(rest);
      break;
    }
    const { mark, match } = found;
    if (match.index > 0) parts.push(rest.slice(0, match.index));
    if (mark.link)
      parts.push(element("a", { href: match[0], target: "_blank", rel: "noopener noreferrer" }, match[0]));
    else parts.push(element(mark.tag, {}, ...(mark.deep ? formatted(match[1]) : [match[1]])));
    rest = rest.slice(match.index + match[0].length);
  }
  return parts;
};

const words = (text, classes = "words") =>
  text ? element("div", { class: classes, dir: "auto" }, ...formatted(text)) : null;

// --- what a message says in one line, for quotes and labels -------------------------------------

const kinds = {
  image: "Photo", video: "Video", audio: "Voice note", document: "Document", sticker: "Sticker",
  location: "Location", contacts: "Contact", template: "Message", reaction: "Reaction",
};

export const summary = (message) => {
  const { type } = message;
  const interactive = message.interactive ?? {};
  return (
    message.text?.body ??
    interactive.body?.text ??
    interactive.list_reply?.title ??
    interactive.button_reply?.title ??
    message.button?.text ??
    message[type]?.caption ??
    message.words ??
    kinds[type] ??
    "Message"
  ).replaceAll(/[*_~`]/g, "");
};

// --- kinds ------------------------------------------------------------------------------------------

const mediaUrl = (content) =>
  content.id ? `/control/media?id=${encodeURIComponent(content.id)}` : content.link;

const isWeb = (url) => /^(https?:\/\/|\/)/.test(url ?? "");

const picture = (content, alt) => {
  const image = element("img", { src: mediaUrl(content), alt, loading: "lazy" });
  image.addEventListener("error", () => image.replaceWith(card("photo", alt, "cannot be shown")));
  return image;
};

const card = (symbol, title, detail, href) => {
  const name = isWeb(href)
    ? element("a", { href, class: "file-link", target: "_blank", rel: "noopener noreferrer" }, title)
    : title;
  return element("div", { class: "card" }, icon(symbol),
    element("div", {}, name, detail ? element("span", { class: "quiet" }, detail) : null));
};

const mediaPart = (type, content) => {
  const url = mediaUrl(content);
  if (type === "image" || type === "sticker")
    return [picture(content, content.caption ? `Photo: ${content.caption}` : "Photo")];
  if (type === "audio") return [element("audio", { controls: true, src: url, "aria-label": "Voice note" })];
  if (type === "video") return [element("video", { controls: true, src: url, "aria-label": "Video" })];
  return [card("file", content.filename ?? "Document", "Document", url)];
};

const headerPart = (header) => {
  if (!header) return [];
  if (header.type === "text") return [element("div", { class: "heading", dir: "auto" }, header.text)];
  return mediaPart(header.type, header[header.type] ?? {});
};

const templatePart = (template, said) => {
  if (said) return [words(said)];
  const values = (template.components ?? [])
    .flatMap((component) => component.parameters ?? [])
    .map((parameter) => parameter.text ?? parameter.payload ?? parameter.type);
  return [
    element("div", { class: "heading" }, template.name.replaceAll("_", " ")),
    words(values.join(" · ")),
  ];
};

const place = (location) => {
  const { latitude, longitude } = location;
  return card("pin", location.name ?? "A place", location.address ??
    `${Number(latitude).toFixed(4)}, ${Number(longitude).toFixed(4)}`);
};

export const content = (message) => {
  const { type } = message;
  if (type === "text") return [words(message.text.body)];
  if (type === "location") return [place(message.location)];
  if (type === "contacts")
    return message.contacts.map((one) =>
      card("person", one.name?.formatted_name ?? "Contact", one.phones?.[0]?.phone));
  if (type === "template") return templatePart(message.template, message.words);
  if (type === "button") return [words(message.button.text)];
  if (type === "interactive") {
    const interactive = message.interactive;
    const reply = interactive.list_reply ?? interactive.button_reply;
    if (reply) return [words(reply.title), words(reply.description, "footnote")];
    return [...headerPart(interactive.header), words(interactive.body?.text), words(interactive.footer?.text, "footnote")];
  }
  if (message[type]) return [...mediaPart(type, message[type]), words(message[type].caption)];
  return [words("(a message of a kind that this phone does not know)")];
};

// The buttons under a message; `tap` gets the webhook's interactive part, `open` a list's action.
export const replies = (message, { tap, open, location }) => {
  const interactive = message.interactive;
  const action = interactive?.action;
  if (message.type === "template") return templateReplies(message.template, tap);
  if (!action) return null;
  const made = [];
  for (const { reply } of action.buttons ?? [])
    made.push(element("button", { type: "button", dir: "auto", onclick: () => tap("button_reply", reply) },
      icon("reply"), reply.title));
  if (action.sections)
    made.push(element("button", { type: "button", dir: "auto", "aria-haspopup": "dialog", onclick: () => open(action) },
      icon("list"), action.button));
  if (action.name === "cta_url" && isWeb(action.parameters?.url))
    made.push(element("a", { href: action.parameters.url, dir: "auto", target: "_blank", rel: "noopener noreferrer" },
      icon("link"), action.parameters.display_text));
  if (action.name === "send_location")
    made.push(element("button", { type: "button", onclick: location }, icon("pin"), "Send location"));
  return made.length ? element("div", { class: "replies" }, ...made) : null;
};

const templateReplies = (template, tap) => {
  const made = (template.components ?? [])
    .filter((component) => component.sub_type === "quick_reply")
    .map((component) => component.parameters?.[0]?.payload ?? "")
    .map((payload) => element("button", { type: "button", onclick: () => tap("template", { payload, text: payload }) }, payload));
  return made.length ? element("div", { class: "replies" }, ...made) : null;
};
