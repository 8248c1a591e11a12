// Estimates (ORD-8): the CRM asks, the customer decides once, and it stands and is told as they decided.
import { pause, pick } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, PATIENCE, rowsOf } from "./door.mjs";

export class Estimates extends Door {
  static title = "estimates";

  constructor(world) {
    super(world);
    this.comers = 2;
    this.rest = 500;
    this.made = 0;
  }

  async begin() {
    this.decided = new Map(); // order's number -> approved, declined
  }

  async step() {
    const id = `ES-${++this.made}`, number = `ORD-${id}`, phone = `1555039${1000 + this.made}`, crm = this.world.crm;
    const [word, decision] = pick([["approve", "approved"], ["decline", "declined"]]);
    await this.knock(crm.delivery([person(crm, id, { phones: [`+${phone}`] }), order(crm, id, id)]), { what: "whose estimate" });
    await this.customers.say(phone, "hi");
    await this.proved(phone);
    const items = [{ description: "Work", qty: 1, unit_price: "50.00", total: "50.00" }];
    await this.knock(crm.delivery(crm.event("estimate.upserted", { id: `E-${id}`, order: id, status: "sent", currency: "USD", total: "50.00", items }, { version: 1 })), { what: "an estimate" });
    for (const words of [`estimate for ${number}`, word, "yes"]) await this.customers.say(phone, words);
    this.decided.set(number, decision);
  }

  // As if a code had been given.
  async proved(phone) {
    const ask = `update conversations c set verified_until = now() + interval '29 minutes' from contact_points p
      where p.org_id = c.org_id and p.contact_id = c.contact_id and p.phone = '+${phone}' returning 1`;
    await this.world.until("a proved session", PATIENCE, () => this.world.sql(ask).then((found) => found !== "", () => pause(100)));
  }

  async judge() {
    const rows = new Map((await rowsOf(this.world, `select o.number, array_agg(e.status) status, (select coalesce(array_agg(v.data ->> 'decision'), '{}') from events_out v
      where v.subject = 'order/' || o.number and v.type = 'order.estimate_decided') told from orders o join estimates e using (org_id, order_id) where o.number like 'ORD-ES-%' group by 1, o.org_id`))
      .map((row) => [row.number, row]));
    return [...this.common(),
      ["estimates: not decided and told as it was, once", [...this.decided].filter(([number, decision]) => rows.get(number)?.status.join() !== decision || rows.get(number)?.told.join() !== decision)
        .map(([number, decision]) => [number, decision, rows.get(number)])],
    ];
  }

  figures() {
    return `${this.decided.size} decided`;
  }
}
