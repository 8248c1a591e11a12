// The promise under kill -9: no delivery that was answered 200 is lost or handled twice, and every
// message that was promised reaches the provider once and in its conversation's order.
//
//   tests/e2e/crash [MOMENTS]   so many kills (default 15), then a short run with lost answers
//   tests/e2e/crash --lossy     only the run with lost answers and callbacks
//
// A private PostgreSQL (fsync on), the service with two workers, and the sandbox, all on loopback
// and in a folder of their own. Customers write by WhatsApp and by SMS, and repeat each delivery until it
// is answered 200, as Meta does and Twilio where it is told to, and sometimes once more. What is checked comes from the database and from the sandbox's
// journal, never from the service's own word.

import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NUMBER, SMS_NUMBER, WABA, World, call, chance, pause, pick, root, worlds } from "./world.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "string", default: join(root, "build/release") },
    customers: { type: "string", default: "40" },
    texters: { type: "string", default: "12" }, // by SMS
    lossy: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const moments = Number(positionals[0] ?? 15);
if (!Number.isInteger(moments) || moments < 0) {
  console.error("usage: tests/e2e/crash [MOMENTS] [--lossy] [--build DIR] [--customers N] [--keep]");
  process.exit(2);
}

// Nothing that is not understood twice in a row, and no "2": a stranger's second button is a person
// of the team, and then the bot is rightly silent.
const WORDS = ["hi", "menu", "orders", "hello", "1", "where is my order?", "back", "help"];
// Of the demo's shop.
const ASKERS = Array.from({ length: 14 }, (_, n) => `155501000${String(n + 1).padStart(2, "0")}`);
const QUIET_WITHIN = 40_000;

// --- customers ------------------------------------------------------------------------------

class Customers {
  constructor(world) {
    this.world = world;
    this.agent = new Agent({ keepAlive: true, maxSockets: Infinity });
    this.working = true;
    this.answered = [];
    this.repeats = 0;
    this.again = 0;
    this.unheard = 0;
    this.loops = [...Array.from({ length: Number(options.customers) }, (_, n) => this.customer(n)),
      ...Array.from({ length: Number(options.texters) }, (_, n) => this.texter(n)), ...ASKERS.map((from, n) => this.asker(from, n))];
  }

  delivery(from, id, text) {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const value = {
      messaging_product: "whatsapp",
      metadata: { display_phone_number: "15550783881", phone_number_id: NUMBER },
      contacts: [{ profile: { name: `Customer ${from.slice(-3)}` }, wa_id: from }],
      messages: [{ from, id, timestamp, type: "text", text: { body: text } }],
    };
    const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: WABA, changes: [{ field: "messages", value }] }] });
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), "x-hub-signature-256": this.world.sign(body) };
    return { method: "POST", path: "/webhooks/whatsapp", headers, body, agent: this.agent };
  }

  sms(from, id, text) {
    const fields = { MessageSid: id, SmsStatus: "received", To: SMS_NUMBER, From: `+${from}`, Body: text, NumMedia: "0", FromCity: "" };
    const body = new URLSearchParams(fields).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body),
      "x-twilio-signature": this.world.signForm("/webhooks/twilio", fields) };
    return { method: "POST", path: "/webhooks/twilio", headers, body, agent: this.agent };
  }

  customer(n) {
    const from = `1555019${String(1000 + n)}`;
    return this.writer(() => {
      const id = `wamid.crash.${from}.${randomBytes(8).toString("hex")}`;
      return [id, this.delivery(from, id, pick(WORDS))];
    });
  }

  texter(n) {
    const from = `1555020${String(1000 + n)}`;
    return this.writer(() => {
      const id = `SM${randomBytes(16).toString("hex")}`;
      return [id, this.sms(from, id, pick(WORDS))];
    });
  }

  async writer(next) {
    await pause(Math.random() * 300);
    while (this.working) {
      const [id, delivery] = next();
      if (await this.repeatUntilHeard(delivery)) this.answered.push(id);
      else this.unheard++;
      if (chance(0.05)) {
        this.again++;
        await call(this.world.port, delivery);
      }
      await pause(Math.random() * 120);
    }
  }

  // A customer of the shop's, who asks for one code: it leaves by SMS, on a lane of its own.
  async asker(from, n) {
    await pause(300 + n * 450);
    const id = `wamid.crash.${from}.${randomBytes(4).toString("hex")}`;
    if (await this.repeatUntilHeard(this.delivery(from, id, "verify"))) this.answered.push(id);
    else this.unheard++;
  }

  async repeatUntilHeard(delivery) {
    for (const end = Date.now() + 60_000; Date.now() < end; this.repeats++) {
      if ((await call(this.world.port, delivery)).status === 200) return true;
      await pause(50 + Math.random() * 150);
    }
    return false;
  }

  async stop() {
    this.working = false;
    await Promise.all(this.loops);
    this.agent.destroy();
  }
}

// --- what was promised ------------------------------------------------------------------------

const untilQuiet = async (world) => {
  let left = "";
  try {
    await world.until("the outbox is empty", QUIET_WITHIN, async () => {
      left = await world.sql("select coalesce(string_agg(state || ': ' || n, ', '), '') from (select state, count(*) n from outbox group by state) o");
      if (left !== "") await pause(200);
      return left === "";
    });
    return true;
  } catch {
    console.log(`BROKEN: the outbox is not empty: state ${left}`);
    return false;
  }
};

const rowsOf = async (world, query) => JSON.parse(await world.sql(`select coalesce(json_agg(row_to_json(q)), '[]') from (${query}) q`));

const tally = (list) => list.reduce((counts, name) => counts.set(name, (counts.get(name) ?? 0) + 1), new Map());

const outOfOrder = (arrivals) => {
  const last = new Map();
  return arrivals.filter(({ key }) => {
    const [, conversation, seq] = key.split(".");
    const late = Number(seq) < (last.get(conversation) ?? 0);
    last.set(conversation, Math.max(Number(seq), last.get(conversation) ?? 0));
    return late;
  });
};

// Two kills in a row hit the same message before it was on the wire. An unknown sending is repeated
// once and no more: it is then kept as failed, with this reason, and that is counted here.
const isGivenUp = ({ delivery, attempts, reason }) => delivery === 2 && attempts >= 2 && reason === "outcome unknown";

const examine = async (world, customers) => {
  const messages = await rowsOf(world, "select conversation_id c, seq, inbound, provider_id id, delivery, cause, attempts, reason from messages order by 1, 2");
  const dead = await rowsOf(world, "select item, reason from dead_letters");
  const arrivals = await world.arrivals();
  const handled = tally(messages.filter(({ inbound }) => inbound).map(({ id }) => id));
  const promised = messages.filter(({ inbound }) => !inbound).map((message) => ({ ...message, key: `p1.${message.c}.${message.seq}` }));
  const known = new Set(promised.map(({ key }) => key));
  const arrived = tally(arrivals.map(({ key }) => key ?? "without a key"));
  const causes = new Set(promised.map(({ c, cause }) => `${c}.${cause}`));
  const held = new Set((await rowsOf(world, "select conversation_id c from conversations where held_until > now()")).map(({ c }) => c));
  const lastCause = promised.reduce((last, { c, cause }) => last.set(c, Math.max(last.get(c) ?? 0, cause ?? 0)), new Map());
  return {
    answered: customers.answered.length, turns: handled.size, promised: promised.length, arrivals: arrivals.length,
    bySms: [...handled.keys()].filter((id) => id.startsWith("SM")).length,
    notHandled: customers.answered.filter((id) => !handled.has(id)),
    handledTwice: [...handled].filter(([, n]) => n > 1).map(([id]) => id),
    // Once a person of the team has the conversation, the bot is silent.
    withoutReply: messages.filter(({ inbound, c, seq }) => inbound && !causes.has(`${c}.${seq}`) && !(held.has(c) && seq > lastCause.get(c))),
    dead,
    codeless: ASKERS.filter((from) => !arrivals.some(({ t, to }) => t === "sms" && to === `+${from}`)),
    missing: promised.filter((message) => !arrived.has(message.key) && !isGivenUp(message)),
    givenUp: promised.filter((message) => !arrived.has(message.key) && isGivenUp(message)),
    duplicated: [...arrived].filter(([, n]) => n > 1).map(([key, n]) => ({ key, n })),
    surplus: [...arrived.values()].reduce((sum, n) => sum + n - 1, 0),
    strangers: [...arrived.keys()].filter((key) => !known.has(key)),
    disordered: outOfOrder(arrivals.filter(({ key }) => key)),
    failed: promised.filter(({ delivery }) => delivery === 2),
  };
};

const judge = (promises) => {
  const broken = promises.filter(([, list]) => list.length > 0);
  for (const [promise, list] of broken)
    console.log(`BROKEN: ${promise}: ${list.length}, such as ${list.slice(0, 5).map((one) => JSON.stringify(one)).join(" ")}`);
  return broken.length === 0;
};

const report = (world, customers, found, began) => {
  console.log(`  ${found.answered} deliveries answered, ${customers.repeats} repeats until then, ${customers.again} sent once more`);
  console.log(`  ${found.turns} turns (${found.bySms} by SMS), ${found.promised} messages promised, ${found.arrivals} arrivals`);
  console.log(`  ${found.missing.length} missing, ${found.givenUp.length} hit twice and given up, ${found.surplus} duplicated, ${found.disordered.length} out of order, ` +
    `${found.notHandled.length} not handled, ${found.handledTwice.length} handled twice, ${found.dead.length} parked`);
  console.log(`  seen in the metrics: ${world.counted("send_unknown")} unknown, ${world.counted("send_repeated")} repeated, ` +
    `${world.counted("send_given_up")} given up, ${world.counted("send_retries")} retries, ${world.counted("worker_deaths")} worker deaths`);
  console.log(`  ${((Date.now() - began) / 1000).toFixed(1)} s`);
};

const promisesOf = (customers, found) => [
  ["deliveries never answered", Array(customers.unheard).fill("no 200 in a minute")],
  ["answered, but not handled", found.notHandled],
  ["handled twice", found.handledTwice],
  ["handled without a reply", found.withoutReply],
  ["parked", found.dead],
  ["promised, but never arrived", found.missing],
  ["arrived, but never promised", found.strangers],
  ["arrived out of order", found.disordered],
  ["asked for a code and got none", found.codeless],
  ["nobody wrote by SMS", found.bySms > 0 ? [] : ["no turn"]],
  ["hardly anybody was answered, so little was proved", found.promised < found.turns * 0.8 ? [`${found.promised} messages in ${found.turns} turns`] : []],
];

const inWorld = async (what) => {
  const began = Date.now();
  const world = new World({ name: "crash", build: options.build });
  let good = false;
  try {
    await world.start();
    good = await what(world, began);
  } finally {
    await world.end(!good || options.keep);
  }
  return good;
};

// --- the two runs -----------------------------------------------------------------------------

const crashRun = (world, began) => {
  const kinds = { worker: () => world.killWorker(), service: () => world.killService(), sandbox: () => world.killSandbox(), PostgreSQL: () => world.killPostgres(),
    "PostgreSQL after commit": () => world.killPostgresAfterCommit() };
  const kills = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]));
  return (async () => {
    const customers = new Customers(world);
    await pause(500);
    for (let moment = 0; moment < moments; moment++) {
      // Each kind before any comes again, so that a short run has them all.
      const least = Math.min(...Object.values(kills));
      const kind = pick(Object.keys(kinds).filter((name) => kills[name] === least));
      await pause(100 + Math.random() * 900);
      await kinds[kind]();
      kills[kind]++;
    }
    await pause(500);
    await customers.stop();
    const quiet = await untilQuiet(world);
    await world.sample();
    const found = await examine(world, customers);
    console.log(`crash: ${moments} kills: ${Object.entries(kills).map(([kind, n]) => `${n} ${kind}`).join(", ")}`);
    report(world, customers, found, began);
    return judge([...promisesOf(customers, found), ["arrived more than once", found.duplicated]]) && quiet && found.answered > 0;
  })();
};

// Answers and callbacks get lost and nobody is killed: an unknown sending may be repeated once, so
// no more arrives twice than the service says it repeated.
const lossyRun = async (world, began) => {
  await world.faults({ seed: 7, lose_answer: 0.05, lose_callback: 0.3, duplicate_callback: 0.1, reorder_callback: 0.2 });
  const customers = new Customers(world);
  await pause(6000);
  await customers.stop();
  const quiet = await untilQuiet(world);
  await world.sample();
  const found = await examine(world, customers);
  const repeated = world.counted("send_repeated");
  console.log("lossy: answers, callbacks, and both of one message lost");
  report(world, customers, found, began);
  const excess = found.surplus > repeated ? [`${found.surplus} duplicates of ${repeated} repeats`] : [];
  const unseen = world.counted("send_unknown") === 0 ? ["no unknown was counted"] : [];
  return judge([...promisesOf(customers, found), ["more duplicates than repeats", excess], ["nothing was lost", unseen],
    ["arrived more than twice", found.duplicated.filter(({ n }) => n > 2)]]) && quiet && found.answered > 0;
};

const stop = (why) => {
  console.error(`crash: ${why}`);
  for (const world of worlds) {
    world.endNow();
    console.error(`what there is of it is in ${world.folder}`);
  }
  process.exit(1);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
setTimeout(() => stop("not done in time"), 240_000 + moments * 5000).unref();

try {
  const results = [];
  if (!options.lossy) results.push(await inWorld(crashRun));
  results.push(await inWorld(lossyRun));
  process.exit(results.every(Boolean) ? 0 : 1);
} catch (error) {
  stop(error.stack);
}
