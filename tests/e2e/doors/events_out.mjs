// What the CRM is told (CRM-2): each event reaches it, under one id however often it comes, and in the order of its
// subject; though it answers late, with errors, or takes one and says that it did not. What customers of other doors
// do goes out, too; here some of them stop and start hearing from us.
import { call, pause, pick } from "../world.mjs";
import { Door, rowsOf } from "./door.mjs";

const MOODS = [{ status: 500, next: 3 }, { status: 503, retry_after: 1, next: 1 }, { drop: true, next: 2 }, { delay_ms: 1500, next: 2 }, { taken: true, status: 500, next: 2 }, {}];

export class EventsOut extends Door {
  static title = "events out";

  constructor(world) {
    super(world);
    this.comers = 6;
    this.rest = 400;
  }

  async begin() {
    this.wishes = new Map(); // telephone -> how often it was stopped or started
    this.moods = 0;
  }

  open() {
    super.open();
    this.loops.push(this.vary());
  }

  async vary() {
    while (this.working) {
      await pause(300 + Math.random() * 700);
      this.moods += (await this.plan(pick(MOODS))) ? 1 : 0;
    }
    for (let tries = 0; tries < 100 && !(await this.plan({})); tries++) await pause(100);
  }

  async plan(mood) {
    return (await call(this.world.sandboxPort, { method: "POST", path: "/control/crm", body: JSON.stringify(mood) })).status === 200;
  }

  async step(n) {
    const from = `1555036${1000 + n}`, before = this.wishes.get(from) ?? 0;
    await this.customers.say(from, before % 2 ? "START" : "STOP");
    this.answered++;
    this.wishes.set(from, before + 1);
    this.customers.stopped.add(from);
  }

  async waits() {
    const [{ n }] = await rowsOf(this.world, `select (select count(*) from event_deliveries where state = 'waiting') + (select count(*) from events_out where seq is null) n`);
    return n === 0 ? "" : `${n} events are to go out`;
  }

  async judge() {
    const { events: taken } = JSON.parse((await call(this.world.sandboxPort, { path: "/control/crm", timeout: 20_000 })).text);
    const rows = await rowsOf(this.world, "select e.event_id id, e.type, e.subject, e.seq, d.state from events_out e join event_deliveries d using (org_id, event_id)");
    const first = new Map(), bodies = new Map();
    const changed = [], disordered = [], last = new Map();
    for (const { event } of taken) {
      const body = JSON.stringify(event);
      if (bodies.has(event.id) && bodies.get(event.id) !== body) changed.push(event.id);
      if (bodies.has(event.id)) continue;
      bodies.set(event.id, body);
      first.set(event.id, event);
      const before = last.get(event.subject) ?? 0;
      if (Number(event.sequence) !== before + 1) disordered.push([event.subject, before, event.sequence]);
      last.set(event.subject, Number(event.sequence));
    }
    const opted = new Map();
    for (const { data, type } of first.values()) if (type.startsWith("contact.opted")) opted.set(data.address, [...(opted.get(data.address) ?? []), type]);
    const wrong = [...this.wishes].filter(([from, n]) => {
      const told = opted.get(`+${from}`) ?? [];
      return told.length !== n || told.some((type, i) => type !== (i % 2 ? "contact.opted_in" : "contact.opted_out"));
    });
    this.told = [first.size, taken.length - first.size, last.size];
    return [...this.common(),
      ["events out: made, and never taken", rows.filter(({ id }) => !first.has(id))],
      ["events out: not known to be taken", rows.filter(({ state }) => state !== "delivered")],
      ["events out: taken, and never made", [...first.keys()].filter((id) => !rows.some((row) => row.id === id))],
      ["events out: another one under the same id", changed],
      ["events out: not in their subject's order", disordered],
      ["events out: not every stop and start, once and in order", wrong.map(([from, n]) => [from, n, opted.get(`+${from}`)])],
    ];
  }

  figures() {
    const [events, more, subjects] = this.told;
    return `${events} events of ${subjects} subjects taken, ${more} came again, ${this.moods} moods`;
  }
}
