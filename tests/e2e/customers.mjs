// Customers on every channel, for crash.mjs, each with the manners of the provider that brings what
// they write: who comes again until it is heard, and who gives up after a few tries.
import { randomBytes, randomUUID } from "node:crypto";
import { Agent } from "node:http";
import { NUMBER, SMS_NUMBER, WABA, call, chance, pause, pick } from "./world.mjs";

// Nothing that is not understood twice in a row, and no "2": a stranger's second button is a person
// of the team, and then the bot is rightly silent.
const WORDS = ["hi", "menu", "orders", "hello", "1", "where is my order?", "back", "help"];
// Of the demo's shop.
export const ASKERS = Array.from({ length: 14 }, (_, n) => `155501000${String(n + 1).padStart(2, "0")}`);

// More than thirty mails at once is no person's doing, and is not answered.
const MAILS_OF_ONE = 20;

const unique = () => randomBytes(12).toString("hex");
const json = (body, more) => ({ "content-type": "application/json", "content-length": Buffer.byteLength(body), ...more });

const CHANNELS = {
  whatsapp: {
    address: (n) => `1555019${1000 + n}`,
    id: () => `wamid.crash.${unique()}`,
    request(world, from, id, text) {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const value = {
        messaging_product: "whatsapp",
        metadata: { display_phone_number: "15550783881", phone_number_id: NUMBER },
        contacts: [{ profile: { name: `Customer ${from.slice(-3)}` }, wa_id: from }],
        messages: [{ from, id, timestamp, type: "text", text: { body: text } }],
      };
      const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: WABA, changes: [{ field: "messages", value }] }] });
      return { method: "POST", path: "/webhooks/whatsapp", headers: json(body, { "x-hub-signature-256": world.sign(body) }), body };
    },
  },
  // Five repeats and no more, as its address asks for with #rc=5&rp=all, within 15 s in all.
  sms: {
    tries: 6,
    pace: 3, // slower than the others: while the database is away these alone are answered

    address: (n) => `+1555018${1000 + n}`,
    id: () => `SM${randomBytes(16).toString("hex")}`,
    request(world, from, id, text) {
      const fields = { AccountSid: world.twilioSid, ApiVersion: "2010-04-01", Body: text, From: from, MessageSid: id, NumMedia: "0", NumSegments: "1",
        SmsMessageSid: id, SmsSid: id, SmsStatus: "received", To: SMS_NUMBER };
      const body = new URLSearchParams(fields).toString(), path = "/webhooks/twilio";
      const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body), "x-twilio-signature": world.signForm(path, fields) };
      return { method: "POST", path, headers, body };
    },
  },
  resend: {
    address: (n, count) => `writer${n}.${Math.floor(count / MAILS_OF_ONE)}@shop.example`,
    id: randomUUID,
    request: (world, from, id, text) => world.office.webhook(world.office.receive(from, id, text)),
  },
  mime: {
    address: (n, count) => `reader${n}.${Math.floor(count / MAILS_OF_ONE)}@people.example`,
    id: () => `mime.${unique()}`,
    request: (world, from, id, text) => world.office.raw(from, id, text),
  },
};
export const CHANNEL_NAMES = Object.keys(CHANNELS);

export class Customers {
  // `channels` are names of the above, each as often as its share wants; `patience` is how long the
  // patient providers come again.
  constructor(world, { count, channels, patience = 60_000, rest = 120 }) {
    Object.assign(this, { world, patience, rest, working: true, repeats: 0, again: 0 });
    this.agent = new Agent({ keepAlive: true, maxSockets: Infinity });
    this.answered = []; // { channel, from, id }, of each customer in the order of writing
    this.unheard = [];
    this.stopped = new Set(); // who said STOP: what was still to be sent then is not
    this.loops = Array.from({ length: count }, (_, n) => this.customer(channels[n % channels.length], n));
    this.asked = channels.includes("whatsapp");
    if (this.asked) this.loops.push(...ASKERS.map((from, n) => this.asker(from, n)));
  }

  async customer(channel, n) {
    const mine = [];
    await pause(Math.random() * 300);
    for (let count = 0; this.working; count++) {
      const from = CHANNELS[channel].address(n, count);
      const id = CHANNELS[channel].id();
      const text = pick(WORDS);
      const delivery = { channel, from, id, request: () => CHANNELS[channel].request(this.world, from, id, text) };
      // A raw mail is known by its bytes, so a repetition has to have the same.
      await this.deliver(delivery);
      mine.push(delivery);
      // Once more what was just heard, or what is long answered and comes late.
      if (chance(0.05)) await this.deliverAgain(delivery);
      if (chance(0.03)) await this.deliverAgain(pick(mine));
      await pause(Math.random() * this.rest * (CHANNELS[channel].pace ?? 1));
    }
  }

  // A customer of the shop's, who asks for one code: it leaves by another channel.
  async asker(from, n) {
    await pause(300 + n * 450);
    const id = `wamid.crash.${from}.${unique()}`;
    await this.deliver({ channel: "whatsapp", from, id, request: () => CHANNELS.whatsapp.request(this.world, from, id, "verify") });
  }

  // By somebody of a door's (doors/), on WhatsApp: heard, and judged, as all others are.
  async say(from, text) {
    const id = `wamid.crash.${unique()}`;
    await this.deliver({ channel: "whatsapp", from, id, request: () => CHANNELS.whatsapp.request(this.world, from, id, text) });
  }

  async deliverAgain({ request }) {
    this.again++;
    await call(this.world.port, { ...request(), agent: this.agent });
  }

  async deliver({ channel, from, id, request }) {
    const { tries = Infinity } = CHANNELS[channel];
    const end = Date.now() + (tries === Infinity ? this.patience : 15_000);
    for (let n = 0; n < tries && Date.now() < end; n++) {
      if (n > 0) {
        this.repeats++;
        await pause((0.5 + Math.random()) * Math.min(100 * 2 ** n, tries === Infinity ? 1000 : 4000));
      }
      if ((await call(this.world.port, { ...request(), agent: this.agent })).status === 200) return void this.answered.push({ channel, from, id });
    }
    this.unheard.push({ channel, id });
  }

  async stop() {
    this.working = false;
    await Promise.all(this.loops);
    this.agent.destroy();
  }
}
