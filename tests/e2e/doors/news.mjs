// What customers hear that they did not ask for (NTF-1): a parcel's leaving is told once, at one place: in an open
// chat, by a template where WhatsApp's window is closed, or by mail.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { WABA, pause, root } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, PATIENCE, rowsOf, tally } from "./door.mjs";

const PLACES = ["whatsapp", "template", "email"];

export class News extends Door {
  static title = "news";

  constructor(world) {
    super(world);
    this.comers = 3;
    this.rest = 500;
    this.made = 0;
  }

  // As if Meta had approved all of our templates.
  async begin() {
    this.shipped = []; // { number, place }
    const names = readdirSync(join(root, "templates/whatsapp")).map((file) => `'${file.replace(".yaml", "")}'`);
    await this.world.sql(`insert into whatsapp_templates (org_id, account, name, language, status, updated_at)
      select org_id, '${WABA}', n, 'en', 'APPROVED', now() from businesses, unnest(array[${names}]) n on conflict do nothing`);
  }

  async step(n) {
    const id = `NW-${++this.made}`, place = PLACES[this.made % 3], phone = `1555032${1000 + this.made}`, crm = this.world.crm;
    await this.knock(crm.delivery(person(crm, id, { phones: [`+${phone}`] })), { what: "somebody new" });
    if (place !== "email") await this.customers.say(phone, "hi");
    if (place === "template") await this.closeWindow(phone);
    await this.knock(crm.delivery(order(crm, id, id)), { what: "their order" });
    await pause(Math.random() * 500);
    await this.knock(crm.delivery(order(crm, id, id, { status: "shipped" }, 2)), { what: "it has left" });
    this.shipped.push({ number: `ORD-${id}`, place });
  }

  // They last wrote two days ago, and have been answered.
  async closeWindow(phone) {
    const ask = `update conversations c set last_inbound_at = now() - interval '2 days' from contact_points p
      where p.org_id = c.org_id and p.contact_id = c.contact_id and p.channel = 'whatsapp' and p.phone = '+${phone}'
      and not exists (select from outbox o where o.org_id = c.org_id and o.conversation_id = c.conversation_id) returning 1`;
    await this.world.until("the window closes", PATIENCE, () => this.world.sql(ask).then((found) => found !== "", () => pause(100)));
  }

  async judge() {
    const told = new Map((await rowsOf(this.world, `select o.number, count(*) filter (where n.state = 'told') n, array_agg(n.state) states, min(a.channel) channel, bool_or(m.kind = 'template') by_template
      from notices n join orders o using (org_id, order_id) left join messages m on m.org_id = n.org_id and m.conversation_id = n.conversation_id and m.seq = n.seq and not m.inbound
      left join conversations v on v.org_id = n.org_id and v.conversation_id = n.conversation_id left join accounts a on a.org_id = v.org_id and a.account_id = v.account_id
      where o.number like 'ORD-NW-%' and n.kind = 'shipped' group by 1`)).map((row) => [row.number, row]));
    // Each message that has its number, against the messages that told of it.
    const named = tally((await rowsOf(this.world, "select substring(body from 'ORD-NW-[0-9]+') number from messages where not inbound and body like '%ORD-NW-%'")).map(({ number }) => number));
    const should = new Map((await rowsOf(this.world, `select o.number, count(distinct (n.conversation_id, n.seq)) n from notices n join orders o using (org_id, order_id)
      where o.number like 'ORD-NW-%' and n.state = 'told' group by 1`)).map(({ number, n }) => [number, n]));
    const elsewhere = ({ number, place }) => {
      const { channel, by_template } = told.get(number) ?? {};
      return channel !== (place === "email" ? "email" : "whatsapp") || by_template !== (place === "template");
    };
    this.by = tally(this.shipped.map(({ place }) => place));
    return [...this.common(),
      ["news: not told once", this.shipped.filter(({ number }) => told.get(number)?.n !== 1).map(({ number, place }) => [number, place, told.get(number)?.states])],
      ["news: told elsewhere", this.shipped.filter(elsewhere).map((one) => [one, told.get(one.number)])],
      ["news: more or fewer messages than news", [...should].filter(([number, n]) => named.get(number) !== n).map(([number, n]) => [number, n, named.get(number)])],
    ];
  }

  figures() {
    return `${this.shipped.length} parcels told of once (${[...this.by].map(([place, n]) => `${n} ${place}`).join(", ")})`;
  }
}
