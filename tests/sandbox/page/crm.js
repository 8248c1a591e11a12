// The shop's own system, beside the phone: what Parley told it, conversations that wait for a person or
// have one, and an order to push. The sandbox signs what goes out and checks what comes in.

import { element } from "./messages.js";

const $ = (id) => document.getElementById(id);
const AGENT = "Eve";
const SHOWN = 40;

const timeOf = (at) => {
  const date = new Date(at);
  return element("time", { datetime: date.toISOString() }, date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
};

const channels = { whatsapp: "WhatsApp", sms: "SMS", email: "mail" };

const row = (event) =>
  element("li", { "data-type": event.type, "data-subject": event.subject },
    element("details", {},
      element("summary", {}, element("span", { class: "type" }, event.type), " ",
        element("span", { class: "quiet" }, event.subject.replace(/^(customer|contact|handoff)\/.*/, "$1"), " · ", timeOf(event.time))),
      element("pre", { tabindex: "0" }, JSON.stringify(event.data, null, 1))));

const line = (from, name, text) =>
  element("li", { class: from === "agent" ? "agent" : "" },
    element("strong", { dir: "auto" }, from === "agent" ? AGENT : from === "bot" ? "Bot" : name), ": ", element("span", { dir: "auto" }, text));

export const createCrm = ({ post, ask, trouble, person }) => {
  const talks = new Map(); // by subject, of handoffs that are not over

  const push = async (type, data) => {
    const { status, answer } = await post("/control/crm-push", { type, data });
    if (status === 200) return answer;
    const wrong = answer?.errors?.[0];
    throw new Error(wrong ? `${wrong.path}: ${wrong.expected}, and not ${wrong.got}` : `the service answered ${status}`);
  };

  // --- conversations

  const said = (talk, from, text) => {
    talk.lines.append(line(from, talk.name, text));
    talk.lines.scrollTop = talk.lines.scrollHeight;
  };

  const answer = async (talk, field) => {
    const text = field.value.trim();
    if (!text) return;
    try {
      await push("agent.message", { conversation: talk.conversation, agent: AGENT, text });
      said(talk, "agent", text);
      field.value = "";
      field.focus();
      trouble(null);
    } catch (error) {
      trouble(`Not answered: ${error.message}`);
    }
  };

  const giveBack = async (talk) => {
    try {
      await push("handoff.released", { conversation: talk.conversation, agent: AGENT });
      trouble(null);
    } catch (error) {
      trouble(`Not given back: ${error.message}`);
    }
  };

  const openTalk = ({ subject, data }) => {
    const talk = { conversation: data.conversation, name: data.name || data.address || "Somebody" };
    const field = element("input", { "aria-label": `Answer ${talk.name} as ${AGENT}`, dir: "auto", maxlength: "1000", autocomplete: "off", placeholder: `Answer as ${AGENT}` });
    talk.lines = element("ol", { class: "lines", tabindex: "0", "aria-label": `Conversation with ${talk.name}` });
    talk.card = element("form", { class: "talk", autocomplete: "off", onsubmit: (event) => (event.preventDefault(), answer(talk, field)) },
      element("h3", { dir: "auto" }, `${talk.name}, by ${channels[data.channel] ?? data.channel}`),
      talk.lines, field,
      element("p", { class: "does" }, element("button", { type: "submit", class: "pill strong" }, "Answer"),
        element("button", { type: "button", class: "pill", onclick: () => giveBack(talk) }, "Give back to the bot")));
    for (const { from, text } of (data.transcript ?? []).slice(-5)) text && said(talk, from, text);
    talks.get(subject)?.card.remove();
    talks.set(subject, talk);
    $("crm-talks").append(talk.card);
    talk.lines.scrollTop = talk.lines.scrollHeight;
  };

  const closeTalk = (subject) => {
    const talk = talks.get(subject);
    const focused = talk?.card.contains(document.activeElement);
    talk?.card.remove();
    talks.delete(subject);
    if (focused) $("crm-number").focus();
  };

  // --- what came

  const show = ({ event }, fresh = true) => {
    const talk = talks.get(event.subject);
    if (event.type === "handoff.asked") openTalk(event);
    if (event.type === "message.received" && talk) said(talk, "customer", event.data.text || event.data.kind);
    if (event.type === "handoff.returned") closeTalk(event.subject);
    $("crm-log").prepend(row(event));
    while ($("crm-log").children.length > SHOWN) $("crm-log").lastElementChild.remove();
    $("crm-empty").hidden = true;
    const sign = { "handoff.asked": "A customer asks for a person.", "message.received": "A customer waits for an answer." }[event.type];
    if (fresh && sign) $("crm-said").textContent = sign;
  };

  const load = async () => {
    const { n } = await ask(`/control/crm?after=${Number.MAX_SAFE_INTEGER}`);
    const { events } = await ask(`/control/crm?after=${Math.max(0, n - 200)}`);
    talks.clear();
    $("crm-talks").replaceChildren();
    $("crm-log").replaceChildren();
    for (const one of events) show(one, false);
  };

  // --- an order

  const told = ({ kept = 0, waiting = 0, older = 0 }) =>
    kept ? "It is kept, and the phone hears of it if it has not just said the same." : waiting ? "It waits for its customer." : older ? "There is newer news already." : "It was known.";

  // Whoever is not in the CRM is put there first.
  const customerId = async () => {
    const { crm, phone, name } = person();
    if (crm || !phone) return crm;
    const id = `C-${phone.slice(1)}`;
    await push("customer.upserted", { id, name, phones: [phone] });
    return id;
  };

  $("crm-order").addEventListener("submit", async (event) => {
    event.preventDefault();
    const number = $("crm-number").value.trim();
    const status = $("crm-status").value;
    try {
      const customer = await customerId();
      if (!customer) throw new Error("the CRM knows nobody without a phone number");
      const answered = await push("order.upserted", {
        id: number.replaceAll(/\D/g, "") || number, number, customer, status, status_at: "now", placed_at: "now", currency: "USD", total: "25.50",
        items: [{ description: "Enamel mug", qty: 1, unit_price: "25.50", total: "25.50" }],
        ...(status === "delivered" ? { delivered_at: "now" } : {}),
      });
      $("crm-said").textContent = `${number}: ${told(answered)}`;
    } catch (error) {
      $("crm-said").textContent = `${number}: not taken. ${error.message}`;
    }
  });

  return { show, load };
};
