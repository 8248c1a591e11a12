// A person of the business (CRM-3): customers ask for one, and think better of it ("menu") or are answered by the CRM's
// agent and answer back, until the agent is done. Each word reaches the other side once and in order, each handoff is
// asked and ended once, as it was ended.
import { pause, pick } from "../world.mjs";
import { person } from "./crm.mjs";
import { Door, PATIENCE, range, rowsOf, tally, word } from "./door.mjs";

const ENDS = ["released", "released", "withdrawn"];

export class Handoffs extends Door {
  static title = "handoffs";

  constructor(world) {
    super(world);
    this.comers = 3;
    this.rest = 400;
    this.made = 0;
  }

  async begin() {
    this.talks = []; // { conversation, end, agent: words, customer: words }
  }

  async step() {
    const id = `HO-${++this.made}`, phone = `1555037${1000 + this.made}`, crm = this.world.crm;
    await this.knock(crm.delivery(person(crm, id, { phones: [`+${phone}`] })), { what: "who wants a person" });
    await this.customers.say(phone, "human");
    const talk = { conversation: await this.conversationOf(phone), end: pick(ENDS), agent: [], customer: [] };
    if (talk.end === "withdrawn") await this.customers.say(phone, "menu");
    else await this.talk(talk, phone);
    this.talks.push(talk);
  }

  async talk(talk, phone) {
    const crm = this.world.crm, { conversation } = talk;
    for (const _ of range(1 + Math.floor(Math.random() * 3))) {
      talk.agent.push(word());
      await this.knock(crm.delivery(crm.event("agent.message", { conversation, agent: "Eve", text: talk.agent.at(-1) })), { what: "an agent's words" });
      talk.customer.push(word());
      await this.customers.say(phone, talk.customer.at(-1));
    }
    await this.knock(crm.delivery(crm.event("handoff.released", { conversation, agent: "Eve" })), { what: "the agent is done" });
  }

  async conversationOf(phone) {
    const ask = `select h.conversation_id from handoffs h join conversations c using (org_id, conversation_id) join contact_points p using (org_id, contact_id)
      where p.phone = '+${phone}' and h.state = 'offered'`;
    let found = "";
    await this.world.until("a person is asked for", PATIENCE, async () => (found = await this.world.sql(ask).catch(() => pause(100).then(() => ""))) !== "");
    return found;
  }

  async waits() {
    const n = await this.world.sql("select count(*) from jobs where kind = 'handoff' and name = 'handoff.released'");
    return n === "0" ? "" : `${n} conversations are to be given back`;
  }

  async judge() {
    const ended = new Map((await rowsOf(this.world, "select conversation_id id, count(*) n, min(state) state, min(ended_why) why from handoffs group by 1")).map((row) => [row.id, row]));
    const events = await rowsOf(this.world, "select type, data ->> 'conversation' id, data ->> 'text' text, data ->> 'why' why from events_out where type like 'handoff.%' or type = 'message.received' order by subject, seq");
    const told = (id, type) => events.filter((event) => event.id === id && event.type === type);
    const arrived = (await this.world.arrivals()).map(({ body }) => body?.text?.body ?? "").filter((text) => text.startsWith("*Eve:* "));
    const counts = tally(arrived), place = new Map(arrived.map((text, i) => [text, i]).reverse()); // where each came first
    const ofEve = ({ agent }) => agent.map((words) => `*Eve:* ${words}`);
    const unordered = (talk) => ofEve(talk).some((text, i, all) => i > 0 && place.get(text) < place.get(all[i - 1]));
    return [...this.common(),
      ["handoffs: not ended once, as it was", this.talks.filter(({ conversation, end }) => ended.get(conversation)?.n !== 1 || ended.get(conversation).state !== "done" || ended.get(conversation).why !== end)
        .map((talk) => [talk.end, ended.get(talk.conversation)])],
      ["handoffs: an agent's words did not arrive once", this.talks.flatMap(ofEve).filter((text) => !this.arrivedOnce(counts.get(text))).map((text) => [text, counts.get(text)])],
      ["handoffs: an agent's words in another order", this.talks.filter(unordered)],
      ["handoffs: not all that the customer said was told, once and in order", this.talks.filter(({ conversation, customer }) => told(conversation, "message.received").map(({ text }) => text).join() !== customer.join())],
      ["handoffs: asked or returned not once", this.talks.filter(({ conversation, end }) => told(conversation, "handoff.asked").length !== 1 || told(conversation, "handoff.returned").map(({ why }) => why).join() !== end)],
    ];
  }

  figures() {
    const by = tally(this.talks.map(({ end }) => end));
    return `${this.talks.length} conversations with a person (${[...by].map(([end, n]) => `${n} ${end}`).join(", ")}), ${this.talks.reduce((sum, { agent }) => sum + agent.length, 0)} words each way`;
  }
}
