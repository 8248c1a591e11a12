// Papers that are asked for in the chat (WEB-4) arrive as often as they were asked for, each the one that was asked for.
import { pick } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, range, rowsOf, tally } from "./door.mjs";

const OF_ONE = 25; // a customer gets thirty in an hour

export class Papers extends Door {
  static title = "papers";

  constructor(world) {
    super(world);
    this.comers = 3;
    this.rest = 500;
  }

  async begin() {
    this.asked = []; // numbers
    this.people = range(this.comers).map(() => ({ life: -1, left: 0 }));
  }

  // Somebody new, when this one has enough.
  async somebody(n) {
    const one = this.people[n];
    if (one.left-- > 0) return one;
    const id = `PA-${n}-${++one.life}`, crm = this.world.crm;
    Object.assign(one, { id, phone: `1555035${1000 + n * 1000 + one.life}`, left: OF_ONE });
    one.orders = range(3).map((k) => `${id}-${k}`);
    await this.knock(crm.delivery([person(crm, id, { phones: [`+${one.phone}`] }), ...one.orders.map((number) => order(crm, number, id))]), { what: "papers' people" });
    return one;
  }

  async step(n) {
    const { phone, orders } = await this.somebody(n), number = `ORD-${pick(orders)}`;
    await this.customers.say(phone, `order confirmation for ${number}`);
    this.answered++;
    this.asked.push(number);
  }

  async waits() {
    const n = await this.world.sql("select count(*) from papers where state in ('wanted', 'kept')");
    return n === "0" ? "" : `${n} papers are to be sent`;
  }

  async judge() {
    const asked = tally(this.asked);
    const arrived = tally((await this.world.arrivals()).map(({ body }) => /^order-(ORD-PA-.+)\.pdf$/.exec(body?.document?.filename ?? "")?.[1]).filter(Boolean));
    const rows = await rowsOf(this.world, "select subject, state, reason from papers where subject like 'ORD-PA-%'");
    return [...this.common(),
      ["papers: not as often as they were asked for", [...asked].filter(([number, n]) => !this.arrivedOnce((arrived.get(number) ?? 0) - n + 1)).map(([number, n]) => [number, n, arrived.get(number)])],
      ["papers: nobody asked for it", [...arrived].filter(([number]) => !asked.has(number))],
      ["papers: not told", rows.filter(({ state }) => state !== "told")],
    ];
  }

  figures() {
    return `${this.asked.length} asked for`;
  }
}
