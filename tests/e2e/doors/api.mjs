// What a business's programs do by the API with an Idempotency-Key: status, notes and photos of orders. Each that was
// answered was done once, and stands in the audit once.
import { randomBytes, randomUUID } from "node:crypto";
import { chance, pick } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, json, range, rowsOf, tally, word } from "./door.mjs";

const STATUSES = ["processing", "shipped", "delivered"];

// A picture of one pixel, unlike any other.
export const picture = () => {
  const bytes = Buffer.from("89504e470d0a1a0a0000000d4948445200000001000000010800000000" + "3a7e9b55" + "0000000a4944415478da63600000000200014" + "8afa471" + "0000000049454e44ae426082", "hex");
  return Buffer.concat([bytes, randomBytes(16)]);
};

export class Api extends Door {
  static title = "API";

  settings() {
    return "api:\n  rate: 1000\n  rate_burst: 1000\n";
  }

  async begin() {
    const { stdout } = await this.world.parley("key", "create", "crash", "--scopes", "orders:read,orders:write", "--as", "test");
    this.key = /pk_[^\s"]+/.exec(stdout)[0];
    this.notes = [];
    this.photos = [];
    this.statuses = []; // { number, status, was }
    this.orders = range(this.comers).map((n) => range(3).map((k) => ({ id: `API-${n}-${k}`, number: `ORD-API-${n}-${k}`, status: "processing" })));
    const crm = this.world.crm;
    await this.knock(crm.delivery([...range(this.comers).map((n) => person(crm, `API-${n}`)),
      ...this.orders.flatMap((mine, n) => mine.map(({ id }) => order(crm, id, `API-${n}`)))]), { what: "the API's orders" });
  }

  request(method, path, body, headers) {
    const key = randomUUID();
    return () => ({ method, path, body, headers: { ...headers, authorization: `Bearer ${this.key}`, "idempotency-key": key } });
  }

  async step(n) {
    const one = pick(this.orders[n]);
    await pick([() => this.note(one), () => this.photo(one), () => this.status(one), () => this.look(one)])();
  }

  async note({ number }) {
    const text = `note ${word()}`, body = JSON.stringify({ text });
    const answer = await this.knock(this.request("POST", `/v1/orders/${number}/notes`, body, json(body)), { what: "note" });
    if (answer.status === 201) this.notes.push(text);
  }

  async photo({ number }) {
    const caption = `photo-${word()}`, body = picture();
    const path = `/v1/orders/${number}/photos?category=progress&caption=${caption}`;
    const answer = await this.knock(this.request("POST", path, body, { "content-type": "image/png", "content-length": body.length }), { what: "photo" });
    if (answer.status === 201) this.photos.push(caption);
  }

  async status(one) {
    const status = pick(STATUSES.filter((name) => name !== one.status)), body = JSON.stringify({ status, quiet: chance(0.5) });
    const answer = await this.knock(this.request("PATCH", `/v1/orders/${one.number}`, body, json(body)), { what: "status" });
    if (answer.status === 200) this.statuses.push({ number: one.number, status });
    one.status = status;
  }

  async look({ number, status }) {
    const { status: code, text } = await this.knock(() => ({ path: `/v1/orders/${number}`, headers: { authorization: `Bearer ${this.key}` } }), { what: "look" });
    if (code === 200 && JSON.parse(text).status !== status) this.refused.push(`${number} is ${JSON.parse(text).status}, not ${status}`);
  }

  async judge() {
    const notes = tally((await rowsOf(this.world, "select body from order_notes where body like 'note %'")).map(({ body }) => body));
    const photos = tally((await rowsOf(this.world, "select p.caption from order_photos p join documents d using (org_id, document_id) where p.caption like 'photo-%' and d.state = 'kept'"))
      .map(({ caption }) => caption));
    const events = tally((await rowsOf(this.world, "select o.number, e.status from order_events e join orders o using (org_id, order_id) where e.actor = 'crash'"))
      .map(({ number, status }) => `${number} ${status}`));
    const standing = new Map((await rowsOf(this.world, "select number, status from orders where number like 'ORD-API-%'")).map(({ number, status }) => [number, status]));
    const audit = tally((await rowsOf(this.world, "select action, subject, detail->>'status' status, detail->>'note' note from audit where actor = 'crash'"))
      .map(({ action, subject, status, note }) => (action === "order.updated" ? `${subject} ${status ?? (note && "note")}` : action)));
    const asked = tally(this.statuses.map(({ number, status }) => `${number} ${status}`));
    const sum = (of) => [...of].filter(([name]) => name.endsWith(" note")).reduce((all, [, n]) => all + n, 0);
    return [...this.common(),
      ["API: a note not once", this.notes.filter((text) => notes.get(text) !== 1)],
      ["API: a photo not once", this.photos.filter((caption) => photos.get(caption) !== 1)],
      ["API: a status not as often as it was set", [...asked].filter(([name, n]) => events.get(name) !== n).map(([name, n]) => [name, n, events.get(name)])],
      ["API: a status in the audit not as often as it was set", [...asked].filter(([name, n]) => audit.get(name) !== n).map(([name, n]) => [name, n, audit.get(name)])],
      ["API: notes in the audit", sum(audit) === this.notes.length ? [] : [`${sum(audit)} of ${this.notes.length}`]],
      ["API: photos in the audit", (audit.get("photo.added") ?? 0) === this.photos.length ? [] : [[...audit].filter(([name]) => name.startsWith("photo")), this.photos.length]],
      ["API: does not stand as it was set last", this.orders.flat().filter(({ number, status }) => standing.get(number) !== status)],
    ];
  }

  figures() {
    return `${this.notes.length} notes, ${this.photos.length} photos, ${this.statuses.length} statuses; ${this.repeats} repeats until then, ${this.again} once more`;
  }
}
