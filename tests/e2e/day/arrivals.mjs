// What the providers took, as the sandbox's journal has it: to whom, by which channel, of what kind, and
// its words.
const CODE = /(?<!\d)\d{6}(?!\d)/;

const wordsOf = ({ t, body }) => {
  if (t === "mail") return body.text ?? "";
  if (t === "sms") return body.body;
  const { type } = body, part = body[type];
  if (type === "text") return part.body;
  if (type === "interactive") return [part.body.text, ...optionsOf(part.action)].join("\n");
  if (type === "template") return [part.name, part.language.code, ...(part.components ?? []).flatMap(({ parameters }) => parameters.map(({ text }) => text))].join("\n");
  return [part.caption ?? "", part.filename ?? ""].join("\n").trim();
};
const optionsOf = ({ buttons, sections, parameters }) => [
  ...(buttons ?? []).map(({ reply }) => `[${reply.title}]`),
  ...(sections ?? []).flatMap(({ rows }) => rows.map(({ title, description }) => `[${title}] ${description ?? ""}`.trim())),
  ...(parameters ? [`[${parameters.display_text}] ${parameters.url}`] : []),
];

const CODE_WORDS = /code|código|codigo|kod|رمز/i;
const kindOf = ({ t, body }, words) => {
  const files = t === "mail" ? (body.attachments ?? []).length : (body.media ?? []).length;
  if (CODE.test(words) && CODE_WORDS.test(words) && words.length < 1000 && (t !== "mail" || /code|código|kod|رمز/i.test(body.subject))) return "code";
  if (t === "got") return body.type === "interactive" ? body.interactive.type : body.type;
  return files > 0 ? "with a file" : "words";
};

const CHANNELS = { got: "whatsapp", sms: "sms", mail: "mail" };

// `people` as of people.mjs; whoever is not among them is a stranger.
export const readArrivals = (people, journal) => {
  const names = new Map(Object.entries(people).flatMap(([who, { phone, mail }]) => [[phone, who], ...(mail ? [[mail, who]] : [])]));
  return journal.map((one) => {
    const words = wordsOf(one);
    return { who: names.get(one.to) ?? `a stranger, ${one.to}`, channel: CHANNELS[one.t], kind: kindOf(one, words), words, subject: one.body.subject, key: one.key ?? one.body.biz_opaque_callback_data,
      html: one.body.html, n: one.n };
  });
};

export const codeIn = ({ words }) => CODE.exec(words)[0];
