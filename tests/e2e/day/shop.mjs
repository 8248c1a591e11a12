// A shop with every door open: customers by WhatsApp, SMS and mail, a CRM that tells and is told, a
// page to pay on, people with an API key; all providers are the sandbox, all time is the world's own.
import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { NUMBER, WABA, World, call, pause, run } from "../world.mjs";
import { Courier } from "./courier.mjs";

export const MAILBOX = "support@in.larkfield.example";
export const SOURCE = "https://crm.lark.example";
const base64 = (n) => randomBytes(n).toString("base64");

export class Shop extends World {
  // `people` are { name, phone, mail, ... } by a short name; `seed` is for a courier who disturbs.
  constructor({ name, build, at, people, seed }) {
    const keys = { resend: base64(24), stripe: `whsec_${randomBytes(16).toString("hex")}`, crm: base64(24) };
    super({ name, build, at });
    this.people = people;
    this.keys = keys;
    this.courier = new Courier(this, keys, seed);
    this.stripeKey = `sk_test_${randomBytes(16).toString("hex")}`;
    this.resendKey = `re_${randomBytes(16).toString("hex")}`;
    const list = join(this.folder, "people.json");
    writeFileSync(list, JSON.stringify(Object.values(people).map(({ name: who, phone, mail }) => ({ phone, name: who, ...(mail ? { email: mail } : {}) }))));
    this.sandboxArguments.push("--people", list, "--mail-address", MAILBOX, "--resend-key", this.resendKey, "--resend-secret", `whsec_${keys.resend}`,
      "--stripe-key", this.stripeKey, "--stripe-secret", keys.stripe, "--crm-secret", `whsec_${keys.crm}`, "--mail-token", "unused");
  }

  async writeSettings() {
    await this.courier.open();
    this.front = this.courier.port;
    await super.writeSettings();
  }

  moreSettings() {
    const sandbox = `http://127.0.0.1:${this.sandboxPort}`;
    return `
mail:
  transport: resend
  authserv: mx.sandbox.example
  rate: 1000
  rate_burst: 1000
resend:
  base_url: ${sandbox}
  allow_http: true
  api_key: ${this.resendKey}
  webhook_secret: whsec_${this.keys.resend}
  authserv: mx.sandbox.example
stripe:
  base_url: ${sandbox}
  allow_http: true
  poll: 100ms
  secret_key: ${this.stripeKey}
  webhook_secret: ${this.keys.stripe}
crm:
  allow_private: true
  apps:
    demo:
      secret: whsec_${this.keys.crm}
      url: ${sandbox}/crm/events
fallback:
  after: 1d
`;
  }

  async seed() {
    await this.parley("seed", "demo", "--app", "demo", "--number", NUMBER, "--business", WABA, "--mail", MAILBOX);
    // Whoever wants to cancel waits for the CRM's word.
    await this.sql(`delete from cancellation_rules; insert into cancellation_rules (org_id, position, rule_id, phase, effect)
      select org_id, 1, 'ask-us', 'active', 'review' from businesses`);
    // Where the CRM says that files are, the sandbox has them, which has no TLS.
    await this.sql(`create function to_the_sandbox() returns trigger language plpgsql as $$ begin
        new.handle := replace(new.handle, 'https://files.example/', 'http://127.0.0.1:${this.sandboxPort}/pictures/');
        return new;
      end $$;
      create trigger to_the_sandbox before insert or update on documents for each row execute function to_the_sandbox()`);
    const { stdout } = await this.parley("key", "create", "desk", "--scopes", "orders:read,orders:write,handoff,customers:read,reviews");
    this.apiKey = /\bparley_\S+|\bpk_\S+/.exec(stdout)?.[0] ?? stdout.trim().split(/\s+/).at(-1);
  }

  endNow() {
    this.courier.close();
    super.endNow();
  }

  // --- asking

  async rows(query) {
    return JSON.parse(await this.sql(`select coalesce(json_agg(row_to_json(q)), '[]') from (${query}) q`));
  }

  async control(path, wish) {
    const { status, text } = await call(this.sandboxPort, { method: wish === undefined ? "GET" : "POST", path: `/control/${path}`, body: wish === undefined ? undefined : JSON.stringify(wish) });
    if (status !== 200) throw new Error(`the sandbox says ${status} to ${path} ${JSON.stringify(wish)}: ${text}`);
    return JSON.parse(text);
  }

  // --- rest: nothing is under way, and nothing that is due waits

  // `aside`: what the CRM has yet to hear, which nobody in a conversation waits for.
  async due(aside) {
    const left = [];
    if (this.courier.underWay > 0) left.push(`${this.courier.underWay} deliveries under way`);
    const { owed } = await this.control("counts");
    const { telling } = await this.control("stripe");
    if (owed > 0) left.push(`the sandbox owes ${owed}`);
    if (telling > 0) left.push(`Stripe tells ${telling}`);
    const counted = await this.sql(aside ? DUE : DUE_HERE);
    if (counted !== "") left.push(counted);
    return left.join("; ");
  }

  async rest(what, { aside = true, within = 30_000 } = {}) {
    let left = "";
    for (const end = Date.now() + within, calm = { n: 0 }; Date.now() < end; await pause(calm.n > 0 ? 2 : 15)) {
      left = await this.due(aside);
      calm.n = left === "" ? calm.n + 1 : 0;
      if (calm.n === 2) return;
    }
    throw new Error(`${what}: not at rest within ${within / 1000} s: ${left}`);
  }

  // --- what people do

  find(who) {
    const person = this.people[who];
    if (!person) throw new Error(`nobody is called ${who}`);
    return person;
  }

  async say(who, door, words, more = {}) {
    const { phone } = this.find(who);
    await this.control(door === "whatsapp" ? "say" : door, { who: phone, text: words, ...more });
  }

  async upload(bytes, type, filename) {
    const { status, text } = await call(this.sandboxPort, { method: "POST", path: `/control/media?filename=${filename}`, headers: { "content-type": type, "content-length": bytes.length }, body: bytes });
    if (status !== 200) throw new Error(`the sandbox keeps no ${filename}: ${text}`);
    return JSON.parse(text).id;
  }

  // One of the sandbox's drawings, as a file.
  async picture(name) {
    const { stdout } = await run(this.program("parley-sandbox"), ["--picture", name], { encoding: "buffer", maxBuffer: 1 << 24 });
    return stdout;
  }

  api(method, path, body, key) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return call(this.port, { method, path, body: text, headers: { authorization: `Bearer ${this.apiKey}`, ...(text ? { "content-type": "application/json", "content-length": Buffer.byteLength(text) } : {}), ...(key ? { "idempotency-key": key } : {}) } });
  }

  event(type, data, more = {}) {
    return { specversion: "1.0", source: SOURCE, id: `evt-${randomUUID()}`, type, time: new Date(this.now()).toISOString(), data, ...more };
  }
}

// What is due by the database's clock and waits, by kind.
const dueOf = (...more) => `select coalesce(string_agg(what || ' ' || n, ', '), '') from (
  select 'outbox' as what, count(*) as n from outbox
  union all select 'jobs', count(*) from jobs where due_at <= now()
  union all select 'notices', count(*) from notices where state in ('waiting', 'placed') and due_at <= now()
  union all select 'papers', count(*) from papers where state in ('wanted', 'kept')
  union all select 'checkouts', count(*) from checkouts where due_at <= now()
  union all select 'refunds', count(*) from refunds where due_at <= now()
  union all select 'uploads', count(*) from uploads where open
  union all select 'files', count(*) from documents where state in ('wanted', 'storing')
  ${more.map((query) => `union all ${query}`).join("\n  ")}
) due where n > 0`;
const DUE_HERE = dueOf();
const DUE = dueOf(
  "select 'events', count(*) from events_out where seq is null",
  `select 'deliveries', count(*) from event_deliveries d join event_endpoints e using (org_id, endpoint)
     where d.state = 'waiting' and d.due_at <= now() and coalesce(e.held_until, now()) <= now()`,
  "select 'broadcasts', count(*) from broadcasts where state in ('gathering', 'running')",
);
