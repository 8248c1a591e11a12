// Whoever brings deliveries to the service: providers call here, and what they bring is passed on.
//
// Without a seed, as it came. With one, as the worst of networks would: each delivery one to three
// times, signed anew each time as its provider signs repetitions; what providers tell (statuses,
// payments) and what the CRM tells of different things in any order; some of it not before the next
// scene is over. Only what people write keeps its order, since no provider changes that, and each
// repetition of it may come late.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { call, freePort, pause } from "../world.mjs";

const SPREAD = 150; // milliseconds within which a scene's deliveries overtake each other
const hmac = (key, text, encoding) => createHmac("sha256", key).update(text).digest(encoding);

const bytesOf = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

// A generator of dice that are the same for a seed (mulberry32).
const diceOf = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

// What a person wrote is heard in its order; all else is news of a provider's.
const isSaid = (path, body) =>
  path === "/webhooks/twilio" ||
  (path === "/webhooks/whatsapp" && body.includes('"messages":[')) ||
  (path === "/webhooks/resend" && body.includes('"email.received"'));
const DELIVERIES = /^\/(webhooks\/|api\/webhooks\/)/;

export class Courier {
  // `keys` are what providers sign with: { resend, stripe, crm } as text after "whsec_".
  constructor(world, keys, seed) {
    // The CRM has dice of its own: in which order providers come depends on the machine, and with one pair for
    // all so would whose news is late.
    const [dice, crmDice] = seed === undefined ? [null, null] : [diceOf(seed), diceOf(seed + 1_000_003)];
    Object.assign(this, { world, keys, dice, crmDice });
    this.late = []; // { parcel, scene }: to be brought when that scene is over
    this.scene = 0;
    this.mayBeLate = true;
    this.underWay = 0;
    this.brought = 0;
    this.repeated = 0;
    this.delayed = 0;
    this.refused = []; // what the service would not have, for good
  }

  async open() {
    this.port = await freePort();
    this.server = createServer((asked, answer) => void this.serve(asked, answer).catch((error) => {
      this.refused.push(`${asked.url}: ${error.message}`);
      asked.socket.destroy();
    }));
    await new Promise((ready) => this.server.listen(this.port, "127.0.0.1", ready));
  }

  close() {
    this.closed = true;
    this.server?.close();
    this.server?.closeAllConnections();
  }

  // --- signing, as of now

  signed(parcel) {
    const { path, headers, body } = parcel, at = String(Math.floor(this.world.now() / 1000));
    const svix = (prefix, key, id) => ({
      ...headers, [`${prefix}-id`]: id, [`${prefix}-timestamp`]: at,
      [`${prefix}-signature`]: `v1,${hmac(Buffer.from(key, "base64"), `${id}.${at}.${body}`, "base64")}`,
    });
    if (path === "/webhooks/resend") return svix("svix", this.keys.resend, headers["svix-id"]);
    if (path === "/v1/events") return svix("webhook", this.keys.crm, parcel.id);
    if (path === "/api/webhooks/stripe")
      return { ...headers, "stripe-signature": `t=${at},v1=${hmac(this.keys.stripe, `${at}.${body}`, "hex")}` };
    return headers;
  }

  // --- bringing

  // Until it is taken. A 4xx is the end, and a finding.
  async bring(parcel) {
    this.underWay++;
    try {
      for (let tries = 0; !this.closed; tries++) {
        const { method, path, body } = parcel;
        const told = await call(this.world.port, { method, path, headers: this.signed(parcel), body, timeout: 10_000 });
        if (told.status >= 200 && told.status < 500 && told.status !== 429) {
          if (told.status >= 300) this.refused.push(`${path}: ${told.status} ${told.text.slice(0, 200)}`);
          this.brought++;
          return told;
        }
        if (tries > 100) throw new Error(`${path} is never taken: ${told.status} ${told.text}`);
        await pause(Math.min(50 * 2 ** tries, 1000));
      }
      return { status: 0, text: "" };
    } finally {
      this.underWay--;
    }
  }

  // Somewhen within this scene.
  soon(parcel, dice = this.dice) {
    this.underWay++;
    void pause(dice() * SPREAD).then(() => this.bring(parcel)).catch((error) => this.refused.push(error.message)).finally(() => this.underWay--);
  }

  // Not before the next scene is over.
  keep(parcel) {
    this.delayed++;
    this.late.push({ parcel, scene: this.scene + 1 });
  }

  // One to three times in all, `first` of them done already; `held`: the first comes late, and so do all.
  scatter(parcel, first, held, dice = this.dice) {
    const more = Math.floor(dice() * 3) + 1 - first;
    for (let n = 0; n < more; n++) {
      if (n + first > 0) this.repeated++;
      if (held || (this.mayBeLate && n + first > 0 && dice() < 0.3)) this.keep(parcel);
      else this.soon(parcel, dice);
    }
  }

  isHeld(dice = this.dice) {
    return this.mayBeLate && dice() < 0.2;
  }

  // The scene is over: what waited for this comes now, in any order.
  async sceneEnds() {
    this.scene++;
    const due = this.late.filter(({ scene }) => scene < this.scene);
    this.late = this.late.filter(({ scene }) => scene >= this.scene);
    for (const { parcel } of due) this.soon(parcel);
    return due.length;
  }

  // --- what providers bring

  async serve(asked, answer) {
    const body = await bytesOf(asked), path = asked.url;
    const { host, connection, ...headers } = asked.headers;
    const parcel = { method: asked.method, path, headers, body };
    if (!this.dice || !DELIVERIES.test(path) || isSaid(path, body)) {
      const told = await call(this.world.port, { ...parcel, timeout: 20_000 });
      if (DELIVERIES.test(path)) this.brought++;
      if (this.dice && told.status === 200 && isSaid(path, body)) this.scatter(parcel, 1, false);
      return void (told.status === 0 ? asked.socket.destroy() : answer.writeHead(told.status, { "content-type": "text/plain" }).end(told.text));
    }
    answer.writeHead(200).end();
    this.scatter(parcel, 0, this.isHeld());
  }

  // --- what the CRM brings: a list of deliveries { id, events }; of one subject in their order, since a
  // CRM tells of one thing one after the other.

  parcelOf({ id, events }) {
    const batch = events.length !== 1;
    const body = JSON.stringify(batch ? events : events[0]);
    const headers = { "content-type": batch ? "application/cloudevents-batch+json" : "application/cloudevents+json", "content-length": Buffer.byteLength(body) };
    return { method: "POST", path: "/v1/events", headers, body, id };
  }

  // `firm`: the next scene counts on it, so nothing of it is late but repetitions.
  async tell(deliveries, firm) {
    if (!this.dice) {
      const told = [];
      for (const delivery of deliveries) told.push(await this.bring(this.parcelOf(delivery)));
      return told;
    }
    const order = [...deliveries];
    for (let n = order.length - 1; n > 0; n--) {
      const m = Math.floor(this.crmDice() * (n + 1));
      [order[n], order[m]] = [order[m], order[n]];
    }
    for (const delivery of order) {
      const parcel = this.parcelOf(delivery);
      if (!firm && this.isHeld(this.crmDice)) {
        this.scatter(parcel, 0, true, this.crmDice);
      } else {
        await this.bring(parcel);
        this.scatter(parcel, 1, false, this.crmDice);
      }
    }
    return [];
  }
}
