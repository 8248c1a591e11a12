// Paying (PAY-2, 3): an invoice comes from the CRM, its customer asks for a link in the chat, and does at Stripe what
// people do: pays, pays by a bank that takes its time or says no, is declined, lets it expire, gets some back, disputes it. Stripe
// is the sandbox, which forgets nothing; the ledger has to say to the cent what Stripe says, and the customer has to
// have heard of each thing once.
import { call, chance, pause, pick } from "../world.mjs";
import { invoice, person } from "./crm.mjs";
import { Door, PATIENCE, range, rowsOf, tally } from "./door.mjs";

const ENDS = [["pay"], ["pay"], ["pay", "refund"], ["bank", "settle"], ["bank", "bounce"], ["fail", "pay"], ["expire"],
  ["pay", "needs_response"], ["pay", "needs_response", "won"], ["pay", "needs_response", "lost"]];
const DISPUTES = ["needs_response", "won", "lost"];
const KEY = "sk_test_crash", SECRET = "whsec_crash";

export class Pay extends Door {
  static title = "paying";

  constructor(world) {
    super(world);
    this.comers = 4;
    this.rest = 200;
    world.sandboxArguments.push("--stripe-key", KEY, "--stripe-secret", SECRET);
  }

  settings() {
    return `stripe:\n  base_url: http://127.0.0.1:${this.world.sandboxPort}\n  allow_http: true\n  secret_key: ${KEY}\n  webhook_secret: ${SECRET}\n  timeout: 2s\n  poll: 100ms\n`;
  }

  async begin() {
    this.invoices = new Map(); // number -> total
    this.wanting = []; // no link came
    this.acts = [];
    this.disputed = new Map(); // session -> how it stands
    const crm = this.world.crm;
    await this.knock(crm.delivery(range(this.comers).map((n) => person(crm, `PY-${n}`, { phones: [`+${this.phone(n)}`] }))), { what: "who pays" });
    await Promise.all(range(this.comers).map((n) => this.customers.say(this.phone(n), "hi")));
    await this.world.sql(`update conversations c set verified_until = now() + interval '29 minutes' from contact_points p
      where p.org_id = c.org_id and p.contact_id = c.contact_id and p.phone like '+1555033%'`);
  }

  phone(n) {
    return `1555033${1000 + n}`;
  }

  // What there is at Stripe; null when it is away.
  async stripe(wish) {
    const asked = wish === undefined ? { path: "/control/stripe" } : { method: "POST", path: "/control/stripe", body: JSON.stringify(wish) };
    const { status, text } = await call(this.world.sandboxPort, { ...asked, timeout: 20_000 });
    return status === 200 ? JSON.parse(text) : status === 409 ? {} : null;
  }

  async step(n) {
    const number = `INV-${33000000 + this.invoices.size}`, cents = 1000 + Math.floor(Math.random() * 9000), crm = this.world.crm;
    this.invoices.set(number, cents);
    await this.knock(crm.delivery(invoice(crm, number, `PY-${n}`, (cents / 100).toFixed(2))), { what: "an invoice" });
    await this.customers.say(this.phone(n), `pay ${number}`);
    await this.customers.say(this.phone(n), "yes");
    const id = await this.sessionOf(n, number);
    if (id === undefined) return void this.wanting.push(number);
    for (const act of pick(ENDS)) {
      await pause(Math.random() * 300);
      if (act === "refund") await this.refund(id, cents);
      else if (DISPUTES.includes(act)) await this.dispute(id, act);
      else await this.act({ session: id, act });
      this.acts.push(act);
    }
  }

  // The link is in the chat: who has not seen it cannot pay.
  async sessionOf(n, number) {
    const link = new RegExp(`Here you can pay [^"]*${number}[^]*?/c/pay/(cs_\\w+)`);
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(200)) {
      const { text } = await call(this.world.sandboxPort, { path: `/control/chat?who=%2B${this.phone(n)}` });
      const [, id] = link.exec(text) ?? [];
      if (id !== undefined) return id;
    }
  }

  // Until it is done: 409 says that it was, before the answer was lost.
  async act(wish) {
    for (let tries = 0; tries < 200 && (await this.stripe(wish)) === null; tries++) await pause(50);
  }

  // Told twice when the answer was lost, as Stripe may.
  async dispute(session, status) {
    for (let tries = 0; tries < 200; tries++, await pause(50)) {
      const { payments = {}, sessions } = (await this.stripe()) ?? {};
      const [id] = Object.entries(payments).find(([, payment]) => payment.session === session) ?? [];
      if (id === undefined && sessions) return;
      if (id !== undefined && (await this.stripe({ dispute: id, status })) !== null) return void this.disputed.set(session, status);
    }
  }

  async refund(session, cents) {
    for (let tries = 0; tries < 200; tries++, await pause(50)) {
      const { payments = {}, sessions } = (await this.stripe()) ?? {};
      const [id, { refunded } = {}] = Object.entries(payments).find(([, payment]) => payment.session === session) ?? [];
      if (id === undefined && sessions) return;
      if (refunded > 0) return; // the answer was lost
      if (id !== undefined && (await this.stripe({ refund: id, amount: Math.floor(cents / 3) })) !== null) return;
    }
  }

  // Nothing is on its way, neither here nor at Stripe.
  async waits() {
    const books = await this.stripe();
    const due = await this.world.sql("select (select count(*) from checkouts where state = 'wanted' or to_tell is not null) + (select count(*) from refunds where state = 'wanted') + (select count(*) from stripe_early)");
    return books?.telling === 0 && due === "0" ? "" : `Stripe has ${books?.telling} to tell, and ${due} payments are under way`;
  }

  async judge() {
    const { sessions, payments, refunds } = await this.stripe();
    const numberOf = (id) => [...this.invoices.keys()].find((number) => sessions[id]?._name?.includes(number));
    const sums = new Map([...this.invoices].map(([number, total]) => [number, { total, came: 0, back: 0, taken: 0 }])), paidFor = new Map(), links = new Map(), checkouts = tally(Object.values(sessions).map(({ metadata }) => metadata.parley_checkout));
    for (const id of Object.keys(sessions)) links.set(numberOf(id), (links.get(numberOf(id)) ?? 0) + 1);
    for (const { session, amount, refunded } of Object.values(payments)) {
      if (sessions[session].payment_status !== "paid") continue;
      const taken = ["needs_response", "lost"].includes(this.disputed.get(session)) ? amount : 0;
      const sum = sums.get(numberOf(session));
      sum.came += amount, sum.back += refunded, sum.taken += taken;
      paidFor.set(numberOf(session), (paidFor.get(numberOf(session)) ?? 0) + 1);
    }
    const ledger = new Map((await rowsOf(this.world, `select i.number, s.outstanding, s.paid from invoices i, invoice_stands(i.org_id, i.invoice_id, current_date) s where i.number like 'INV-33______'`))
      .map(({ number, outstanding, paid }) => [number, `${outstanding} owed, ${paid} paid`]));
    // What is given back settles what was too much and is a gift beyond that; what a bank takes is owed again.
    const stands = ({ total, came, back, taken }) => `${(came <= total ? total - came : Math.min(total - came + back, 0)) + taken} owed, ${came - back - taken} paid`;
    const words = await rowsOf(this.world, "select body from messages where not inbound and body like '%INV-33______%'");
    const said = (number, pattern) => words.reduce((n, { body }) => n + body.split(/\\n/).filter((line) => line.includes(number) && pattern.test(line)).length, 0);
    const unlike = (pattern, counts) => [...this.invoices.keys()].filter((number) => said(number, pattern) !== (counts.get(number) ?? 0)).map((number) => [number, counts.get(number) ?? 0, said(number, pattern)]);
    const back = tally(Object.values(refunds).map(({ payment_intent }) => numberOf(payments[payment_intent].session)));
    const made = tally((await rowsOf(this.world, "select subject from events_out where type = 'payment.made'")).map(({ subject }) => subject.replace("invoice/", "")));
    this.sums = [Object.keys(sessions).length, Object.keys(payments).length, Object.keys(refunds).length];
    return [...this.common(),
      ["paying: no link came", this.wanting],
      ["paying: the ledger is not what Stripe says", [...sums].filter(([number, sum]) => ledger.get(number) !== stands(sum)).map(([number, sum]) => [number, stands(sum), ledger.get(number)])],
      ["paying: two sessions of one wish", [...checkouts].filter(([, n]) => n > 1)],
      ["paying: a link not told once", unlike(/Here you can pay/, links)],
      ["paying: a receipt not told once", unlike(/processed successfully/, paidFor)],
      ["paying: money back not told once", unlike(/is on its way back/, back)],
      ["paying: not told to the CRM once", [...this.invoices.keys()].filter((number) => (made.get(number) ?? 0) !== (paidFor.get(number) ?? 0))],
    ];
  }

  figures() {
    const [sessions, payments, refunds] = this.sums;
    return `${this.invoices.size} invoices, ${sessions} links, ${payments} payments, ${refunds} refunds (${[...tally(this.acts)].map(([act, n]) => `${n} ${act}`).join(", ")})`;
  }
}
