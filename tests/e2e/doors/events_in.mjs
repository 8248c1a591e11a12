// The CRM's events (CRM-1): singles and batches, several versions of each subject in any order, ids that come again.
// The row that stands is the newest version that was answered, and each new status is told once.
import { chance, pause, pick } from "../world.mjs";
import { order, person } from "./crm.mjs";
import { Door, range, rowsOf } from "./door.mjs";

const STATUSES = ["processing", "shipped", "delivered"];
const ORDERS_OF_ONE = 6;

export class EventsIn extends Door {
  static title = "events in";

  async begin() {
    this.subjects = range(this.comers).map(() => []);
    this.people = new Map(); // id -> newest name
    this.orders = new Map(); // id -> the newest that was answered, and what it said
    this.events = 0;
    this.older = range(this.comers).map(() => []); // held back, to come late
  }

  // The next version of something of this comer's; after a while of something new. Orders may come before their
  // customer, and wait.
  next(n) {
    const mine = this.subjects[n];
    if (mine.length === 0 || (chance(0.2) && mine.length < 400)) {
      const customer = `EI-${n}-${mine.length}`;
      mine.push({ kind: "customer", id: customer, version: 0 }, ...range(ORDERS_OF_ONE).map((k) => ({ kind: "order", id: `${customer}-${k}`, customer, version: 0, at: 0 })));
    }
    return this.version(pick(mine.slice(-3 * (ORDERS_OF_ONE + 1))));
  }

  version(subject) {
    const crm = this.world.crm;
    const version = ++subject.version;
    this.events++;
    if (subject.kind === "customer") return { subject, version, event: person(crm, subject.id, { name: `Version ${version}` }, version) };
    subject.at = Math.min(subject.at + (chance(0.3) ? 1 : 0), STATUSES.length - 1);
    const status = STATUSES[version === 1 ? 0 : subject.at];
    const status_at = new Date(Date.now() - 3_600_000 + version * 1000).toISOString();
    return { subject, version, status, event: order(crm, subject.id, subject.customer, { status, status_at, instructions: `version ${version}` }, version) };
  }

  heard({ subject, version, status }) {
    const all = subject.kind === "customer" ? this.people : this.orders;
    if ((all.get(subject.id)?.version ?? 0) < version) all.set(subject.id, { version, status });
  }

  async step(n) {
    const wishes = range(chance(0.5) ? 1 : 2 + Math.floor(Math.random() * 10)).map(() => this.next(n));
    const held = wishes.length > 1 && chance(0.3) ? [wishes.shift()] : [];
    const late = this.older[n].splice(0, chance(0.5) ? 5 : 0);
    this.older[n].push(...held);
    await this.tell([...wishes, ...late]);
  }

  async tell(wishes) {
    const events = wishes.map(({ event }) => event);
    // As they are, or in another order; at times one twice in one batch.
    if (chance(0.3)) events.reverse();
    if (chance(0.1)) events.push(events[0]);
    const answer = await this.knock(this.world.crm.delivery(events.length === 1 && chance(0.8) ? events[0] : events), { what: "events" });
    if (answer.status === 200) wishes.forEach((wish) => this.heard(wish));
  }

  async comer(n) {
    await super.comer(n);
    const unnamed = this.subjects[n].filter(({ kind, version }) => kind === "customer" && version === 0);
    const rest = [...this.older[n], ...unnamed.map((subject) => this.version(subject))];
    for (let at = 0; at < rest.length; at += 100) await this.tell(rest.slice(at, at + 100));
  }

  async waits() {
    const n = await this.world.sql("select count(*) from notices where state in ('waiting', 'placed') and due_at < now() + interval '5 minutes'");
    return n === "0" ? "" : `${n} notices are to be told`;
  }

  async judge() {
    const people = new Map((await rowsOf(this.world, "select external_id id, name from customers where external_id like 'EI-%'")).map(({ id, name }) => [id, name]));
    const orders = new Map((await rowsOf(this.world, "select external_id id, instructions, status from orders where external_id like 'EI-%'")).map((row) => [row.id, row]));
    const versions = new Map((await rowsOf(this.world, "select external_id id, version from crm_subjects where external_id like 'EI-%'")).map(({ id, version }) => [id, version]));
    const told = await rowsOf(this.world, `select o.external_id id, n.kind, count(*) filter (where n.state = 'told') n, array_agg(n.state) states
      from notices n join orders o using (org_id, order_id) where o.external_id like 'EI-%' and n.kind in ('shipped', 'delivered') group by 1, 2`);
    const toldOf = new Map(told.map((row) => [`${row.id} ${row.kind}`, row]));
    const stale = [...this.people].filter(([id, { version }]) => people.get(id) !== `Version ${version}`).concat(
      [...this.orders].filter(([id, { version, status }]) => orders.get(id)?.instructions !== `version ${version}` || orders.get(id)?.status !== status));
    this.kept = this.people.size + this.orders.size;
    this.told = told.reduce((sum, { n }) => sum + Number(n), 0);
    return [...this.common(),
      ["events in: not the newest version", stale],
      ["events in: not the newest number", [...this.people, ...this.orders].filter(([id, { version }]) => Number(versions.get(id)) !== version)],
      ["events in: a status told twice", told.filter(({ n }) => Number(n) > 1)],
      ["events in: a status never told", [...this.orders].filter(([id, { status }]) => status !== "processing" && Number(toldOf.get(`${id} ${status}`)?.n ?? 0) === 0)
        .map(([id, { status }]) => [id, status, toldOf.get(`${id} ${status}`)?.states])],
    ];
  }

  figures() {
    return `${this.events} events in ${this.answered} deliveries, ${this.repeats} repeats until then, ${this.again} once more: ${this.kept} subjects stand, ${this.told} statuses told`;
  }
}
