// Reviews (REV-1): what is delivered is asked about once; stars and words stand as they were given, a bad one is one
// report, and the CRM hears of each.
import { pause, pick } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, PATIENCE, rowsOf, tally, word } from "./door.mjs";

export class Reviews extends Door {
  static title = "reviews";

  constructor(world) {
    super(world);
    this.comers = 2;
    this.rest = 500;
    this.made = 0;
  }

  async begin() {
    this.given = new Map(); // order's number -> { stars, comment }
  }

  async step() {
    const id = `RV-${++this.made}`, number = `ORD-${id}`, phone = `1555038${1000 + this.made}`, crm = this.world.crm;
    const stars = pick([1, 2, 4, 5]), comment = word();
    await this.knock(crm.delivery(person(crm, id, { phones: [`+${phone}`] })), { what: "who reviews" });
    await this.customers.say(phone, "hi");
    await this.knock(crm.delivery(order(crm, id, id, { status: "delivered", delivered_at: new Date().toISOString() })), { what: "what is reviewed" });
    await this.asked(number);
    await this.customers.say(phone, String(stars));
    await this.customers.say(phone, comment);
    this.given.set(number, { stars, comment });
  }

  // The day between is not waited for.
  async asked(number) {
    const of = `from orders o where o.number = '${number}' and x.org_id = o.org_id and x.order_id = o.order_id`;
    const ask = `update notices x set due_at = now() ${of} and x.kind = 'review_asked' and x.state = 'waiting' and x.due_at > now() + interval '1 hour';
      select x.state ${of.replace("from orders o", "from reviews x, orders o")}`;
    await this.world.until("they are asked", PATIENCE, async () => (await this.world.sql(ask).catch(() => "")) === "asked" || pause(200));
  }

  async judge() {
    const rows = new Map((await rowsOf(this.world, `select o.number, r.state, r.rating, r.comment, (select count(*) from tickets t where t.org_id = o.org_id and t.order_id = o.order_id) tickets,
      (select count(*) from events_out e where e.subject = 'order/' || o.number and e.type = 'review.completed') told
      from orders o join reviews r using (org_id, order_id) where o.number like 'ORD-RV-%'`)).map((row) => [row.number, row]));
    const asked = tally((await rowsOf(this.world, "select substring(body from 'ORD-RV-[0-9]+ is finished') number from messages where not inbound and body like '%ORD-RV-%'"))
      .map(({ number }) => number?.replace(" is finished", "")));
    const wrong = ([number, { stars, comment }]) => {
      const { state, rating, comment: kept, tickets, told } = rows.get(number) ?? {};
      return state !== "completed" || rating !== stars || kept !== comment || tickets !== (stars < 3 ? 1 : 0) || told !== 2;
    };
    return [...this.common(),
      ["reviews: not as they were given", [...this.given].filter(wrong).map(([number, given]) => [number, given, rows.get(number)])],
      ["reviews: not asked once", [...this.given.keys()].filter((number) => asked.get(number) !== 1).map((number) => [number, asked.get(number)])],
    ];
  }

  figures() {
    return `${this.given.size} asked for and given`;
  }
}
