// OPS-5 under load: PostgreSQL is away for most of the time, workers and whole services are killed
// meanwhile, and customers go on writing by SMS.
//
//   tests/e2e/away [SECONDS]   for so long (default 60)
//
// The customers' Twilio is the real one's: it calls again where the connection breaks, as the
// address asks for by #rc=5&rp=all, and takes any answer for the last word. So an answer 200 is a
// promise, and anything else is a message lost. What is checked comes from the database.

import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SMS_NUMBER, World, call, pause, root, worlds } from "./world.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "string", default: join(root, "build/release") },
    customers: { type: "string", default: "40" },
    keep: { type: "boolean", default: false },
  },
});
const seconds = Number(positionals[0] ?? 60);
if (!Number.isInteger(seconds) || seconds < 10) {
  console.error("usage: tests/e2e/away [SECONDS] [--build DIR] [--customers N] [--keep]    10 seconds at least");
  process.exit(2);
}
const DOOR = "/webhooks/twilio";

class Customers {
  constructor(world) {
    this.world = world;
    this.agent = new Agent({ keepAlive: true, maxSockets: Infinity });
    this.working = true;
    this.answered = [];
    this.refused = [];
    this.broken = 0;
    this.slowest = 0;
    this.loops = Array.from({ length: Number(options.customers) }, (_, n) => this.customer(n));
  }

  async customer(n) {
    const from = `+1555029${String(1000 + n)}`;
    await pause(Math.random() * 300);
    for (let count = 0; this.working; count++) {
      const id = `SM${randomBytes(16).toString("hex")}`;
      const fields = { MessageSid: id, AccountSid: this.world.twilioSid, From: from, To: SMS_NUMBER, Body: `item ${count}`, NumMedia: "0" };
      const status = await this.post(fields);
      if (status === 200) this.answered.push(id);
      else this.refused.push({ id, status });
      await pause(Math.random() * 200);
    }
  }

  async post(fields) {
    const body = new URLSearchParams(fields).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body),
      "x-twilio-signature": this.world.signForm(DOOR, fields) };
    for (const end = Date.now() + 60_000; Date.now() < end; this.broken++) {
      const began = Date.now();
      const { status } = await call(this.world.port, { method: "POST", path: DOOR, headers, body, agent: this.agent, timeout: 15_000 });
      if (status >= 100) {
        this.slowest = Math.max(this.slowest, Date.now() - began);
        return status;
      }
      await pause(100);
    }
    return 0;
  }

  async stop() {
    this.working = false;
    await Promise.all(this.loops);
    this.agent.destroy();
  }
}

const haltPostgres = async (world) => {
  const { postgres } = world.processes;
  postgres.kill("SIGQUIT");
  await postgres.ended;
};

// The supervisor dies, and the next one has to do without a database.
const reviveService = async (world) => {
  const { service } = world.processes;
  service.kill("SIGKILL");
  await service.ended;
  world.metrics.push({});
  let child = null;
  await world.until("the service starts", 30_000, async () => {
    if (child === null || child.exitCode !== null) child = world.spawn("service", world.program("parley"), ["--config", join(world.folder, "parley.yaml"), "serve"]);
    await pause(50);
    return child.exitCode === null && (await call(world.port, { path: "/healthz", timeout: 1000 })).status === 200;
  });
};

const spooled = async (world) => {
  const { text } = await call(world.port, { path: "/metrics", timeout: 1000 });
  return Number(/^parley_spool_deliveries (\d+)/m.exec(text ?? "")?.[1] ?? -1);
};

const examine = async (world, customers) => {
  const rows = JSON.parse(await world.sql("select coalesce(json_agg(json_build_object('id', provider_id, 'c', conversation_id, 'body', body) order by conversation_id, seq), '[]')" +
    " from messages where inbound and kind <> 'parked'"));
  // What was being stepped at two deaths is parked, however innocent: it may be so where so many die.
  const dead = JSON.parse(await world.sql("select coalesce(json_agg(json_build_object('id', item, 'reason', reason)), '[]') from dead_letters"));
  const struck = dead.filter(({ reason }) => reason === "a worker died over it twice");
  const known = new Set(struck.map(({ id }) => id));
  const times = rows.reduce((counts, { id }) => counts.set(id, (counts.get(id) ?? 0) + 1), new Map());
  const last = new Map();
  const overtaken = rows.filter(({ c, body }) => {
    const number = Number(body.slice(5));
    const late = number < (last.get(c) ?? 0);
    last.set(c, Math.max(number, last.get(c) ?? 0));
    return late;
  });
  return [
    ["answered, but not handled", customers.answered.filter((id) => !times.has(id) && !known.has(id))],
    ["handled twice", [...times].filter(([id, n]) => n > 1 && id !== "")],
    ["handled before one that came earlier", overtaken],
    ["refused, so lost", customers.refused],
    ["parked", dead.filter((one) => !struck.includes(one))],
    ["struck twice by chance, too often for that", struck.length > customers.answered.length / 100 ? struck : []],
    ["hardly anybody wrote, so little was proved", customers.answered.length < 200 ? [customers.answered.length] : []],
  ];
};

const away = async (world) => {
  const began = Date.now(), customers = new Customers(world);
  let most = 0, workers = 0, services = 0, outages = 0, gone = 0;
  await pause(1500);
  while (Date.now() - began < seconds * 1000) {
    await haltPostgres(world);
    const since = Date.now(), length = Math.min(4000 + Math.random() * seconds * 250, seconds * 500);
    outages++;
    while (Date.now() - since < length) {
      await pause(300 + Math.random() * 1500);
      if (Math.random() < 0.15) {
        await reviveService(world);
        services++;
      } else {
        await world.killWorker();
        workers++;
      }
      most = Math.max(most, await spooled(world));
    }
    gone += Date.now() - since;
    await world.startPostgres();
    for (const end = Date.now() + 3000; Date.now() < end; workers++) {
      await pause(500 + Math.random() * 500);
      await world.killWorker(); // while it drains
    }
  }
  await customers.stop();
  await world.until("the spool is drained", 60_000, () => !readdirSync(join(world.folder, "spool")).some((name) => name.endsWith(".spool")));
  await world.until("the metrics say so", 5_000, async () => (await spooled(world)) === 0);
  await world.until("the outbox is empty", 60_000, async () => (await world.sql("select count(*) from outbox")) === "0");
  const promises = await examine(world, customers);
  const broken = promises.filter(([, list]) => list.length > 0);
  console.log(`away: ${outages} times, ${(gone / 1000).toFixed(0)} s of ${((Date.now() - began) / 1000).toFixed(0)} s; ${workers} workers and ${services} services killed`);
  console.log(`  ${customers.answered.length} messages answered, the slowest in ${customers.slowest} ms, ${customers.broken} connections broke; ${most} waited on the disk at most`);
  for (const [promise, list] of broken)
    console.log(`BROKEN: ${promise}: ${list.length}, such as ${list.slice(0, 5).map((one) => JSON.stringify(one)).join(" ")}`);
  return broken.length === 0 && most > 0;
};

const stop = (why) => {
  console.error(`away: ${why}`);
  for (const world of worlds) {
    world.endNow();
    console.error(`what there is of it is in ${world.folder}`);
  }
  process.exit(1);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
setTimeout(() => stop("not done in time"), 240_000 + seconds * 2000).unref();

const world = new World({ name: "away", build: options.build });
try {
  await world.start();
  const good = await away(world);
  await world.end(!good || options.keep);
  process.exit(good ? 0 : 1);
} catch (error) {
  stop(error.stack);
}
