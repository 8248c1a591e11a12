// The promise under kill -9: no delivery that was answered 200 is lost or handled twice, and every
// message that was promised reaches the provider once and in its conversation's order.
//
//   tests/e2e/crash [MOMENTS]   so many kills (default 15), then a short run with lost answers
//   tests/e2e/crash --lossy     only the run with lost answers and callbacks
//
// A private PostgreSQL (fsync on), the service with two workers, and the sandbox, all on loopback
// and in a folder of their own. Customers repeat each delivery until it is answered 200, as Meta
// does, and sometimes once more. What is checked comes from the database and from the sandbox's
// journal, never from the service's own word.

import { execFile, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "string", default: join(root, "build/release") },
    customers: { type: "string", default: "40" },
    lossy: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const moments = Number(positionals[0] ?? 15);
if (!Number.isInteger(moments) || moments < 0) {
  console.error("usage: tests/e2e/crash [MOMENTS] [--lossy] [--build DIR] [--customers N] [--keep]");
  process.exit(2);
}

const NUMBER = "106540352242922";
const WABA = "102290129340398";
const WORDS = ["hi", "menu", "orders", "hello", "1", "2", "where is my order?", "back", "thanks", "xyzzy"];
const QUIET_WITHIN = 40_000;

const run = promisify(execFile);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const chance = (p) => Math.random() < p;
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const isRoot = process.getuid() === 0;
const worlds = new Set();

const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

// One answer's status and text; 0 when there is none.
const call = (port, { method = "GET", path, headers = {}, body, agent, timeout = 5000 }) =>
  new Promise((done) => {
    const asked = request({ host: "127.0.0.1", port, method, path, headers, agent, timeout }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => done({ status: answer.statusCode, text: Buffer.concat(parts).toString() }));
      answer.on("error", () => done({ status: 0, text: "" }));
    });
    asked.on("timeout", () => asked.destroy(new Error("timeout")));
    asked.on("error", () => done({ status: 0, text: "" }));
    asked.end(body);
  });

const isAlive = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1][0] !== "Z";
  } catch {
    return false;
  }
};

const childrenOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

const killNow = (pid) => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
};

// --- the world: database, service and sandbox -----------------------------------------------

class World {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "parley-crash-"));
    chmodSync(this.folder, 0o711);
    this.secret = randomBytes(16).toString("hex");
    this.token = `EAA${randomBytes(16).toString("hex")}`;
    this.journal = join(this.folder, "journal");
    this.processes = {};
    this.metrics = [];
    worlds.add(this);
    // A build may replace the programs while they are being killed and started again.
    for (const name of ["parley", "parley-sandbox"]) copyFileSync(join(options.build, name), join(this.folder, name));
  }

  program(name) {
    return join(this.folder, name);
  }

  spawn(name, program, args) {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: name === "postgres" ? "/" : this.folder });
    child.on("error", (error) => console.error(`${name}: ${error.message}`));
    child.ended = new Promise((done) => child.once("exit", done));
    this.processes[name] = child;
    return child;
  }

  async until(what, within, ask) {
    for (const end = Date.now() + within; Date.now() < end; await pause(25)) if (await ask()) return;
    throw new Error(`${what}: not within ${within / 1000} s`);
  }

  // --- PostgreSQL

  asPostgres(program, args) {
    return isRoot
      ? ["setpriv", [`--reuid=${this.pgUser}`, `--regid=${this.pgGroup}`, "--init-groups", program, ...args]]
      : [program, args];
  }

  async makeDatabase() {
    const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(a) - Number(b));
    this.pgBin = `/usr/lib/postgresql/${versions.at(-1)}/bin`;
    this.data = join(this.folder, "pg");
    this.sockets = join(this.folder, "s");
    for (const folder of [this.data, this.sockets]) mkdirSync(folder);
    const me = (await run("id", ["-un"])).stdout.trim();
    if (isRoot) {
      this.pgUser = /^postgres:/m.test(readFileSync("/etc/passwd", "utf8")) ? "postgres" : "nobody";
      this.pgGroup = (await run("id", ["-gn", this.pgUser])).stdout.trim();
      await run("chown", [`${this.pgUser}:${this.pgGroup}`, this.data, this.sockets]);
    }
    const [program, args] = this.asPostgres(`${this.pgBin}/initdb`,
      ["-D", this.data, "-U", "postgres", "-A", "peer", "--no-locale", "-E", "UTF8", "-N"]);
    await run(program, args, { cwd: "/" });
    writeFileSync(join(this.data, "pg_hba.conf"), "local all all peer map=crash\n");
    writeFileSync(join(this.data, "pg_ident.conf"),
      [...new Set(["root", me, this.pgUser ?? me])].map((name) => `crash ${name} postgres\n`).join(""));
    writeFileSync(join(this.data, "postgresql.conf"), `
listen_addresses = ''
unix_socket_directories = '${this.sockets}'
shared_buffers = 64MB
max_connections = 50
max_wal_senders = 1
fsync = on
synchronous_commit = on
timezone = 'UTC'
`);
    await this.startPostgres();
    await this.sql("create database parley", "postgres");
  }

  url(database = "parley") {
    return `postgresql:///${database}?host=${this.sockets}&user=postgres`;
  }

  async sql(query, database) {
    const { stdout } = await run(`${this.pgBin}/psql`, ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", this.url(database), "-c", query],
      { maxBuffer: 1 << 30, env: { ...process.env, PGCONNECT_TIMEOUT: "10" } });
    return stdout.trim();
  }

  // What its last life left of shared memory is in the way until every backend has ended: again.
  async startPostgres() {
    let child = null;
    await this.until("PostgreSQL starts", 60_000, async () => {
      if (child === null || child.exitCode !== null) {
        if (child !== null) await pause(50);
        child = this.spawn("postgres", ...this.asPostgres(`${this.pgBin}/postgres`, ["-D", this.data]));
      }
      return this.sql("select 1", "postgres").then(() => true, () => false);
    });
  }

  async killPostgres() {
    const { postgres } = this.processes;
    postgres.kill("SIGKILL");
    await postgres.ended;
    await this.startPostgres();
  }

  // The cruellest moment: commits are on the disk, and nobody has been told. They wait for a
  // standby that there is not, until the kill.
  async killPostgresAfterCommit() {
    await this.sql("alter system set synchronous_standby_names = 'nobody'", "postgres");
    await this.sql("select pg_reload_conf()", "postgres");
    await pause(100 + Math.random() * 200);
    await this.sql("alter system reset synchronous_standby_names", "postgres");
    await this.killPostgres();
  }

  // --- the service

  async writeSettings() {
    this.port = await freePort();
    this.sandboxPort = await freePort();
    mkdirSync(join(this.folder, "run"));
    writeFileSync(join(this.folder, "parley.yaml"), `
listen: 127.0.0.1:${this.port}
workers: 2
database:
  url: ${this.url()}
  connect_timeout: 2s
whatsapp:
  base_url: http://127.0.0.1:${this.sandboxPort}/v26.0
  allow_http: true
  timeout: 2s
  rate: 1000000
  rate_burst: 1000000
  pair_interval: 0
  apps:
    demo:
      app_secret: ${this.secret}
      verify_token: ${this.secret}
      token: ${this.token}
outbox:
  unknown_wait: 2s
  lease: 2s
  poll: 50ms
  retry_first: 100ms
  retry_max: 1s
  max_attempts: 100
turns:
  deadline: 3s
flows:
  folder: ${root}
paths:
  state: ${join(this.folder, "run")}
`);
  }

  parley(...args) {
    return run(this.program("parley"), ["--config", join(this.folder, "parley.yaml"), ...args], { maxBuffer: 1 << 26 });
  }

  async startService() {
    await this.until("the service's port is free", 20_000, () => !this.workers?.some(isAlive));
    const child = this.spawn("service", this.program("parley"), ["--config", join(this.folder, "parley.yaml"), "serve"]);
    this.metrics.push({});
    await this.until("the service starts", 20_000, async () => {
      if (child.exitCode !== null) throw new Error("the service ended at once");
      return (await call(this.port, { path: "/readyz", timeout: 1000 })).status === 200;
    });
  }

  async killService() {
    const { service } = this.processes;
    await this.sample();
    this.workers = childrenOf(service.pid);
    service.kill("SIGKILL");
    this.workers.forEach(killNow);
    await service.ended;
    await this.startService();
  }

  // The supervisor starts it again by itself.
  async killWorker() {
    const workers = childrenOf(this.processes.service.pid);
    if (workers.length > 0) killNow(pick(workers));
  }

  // The counters of a life of the service end with it: the last look at each is added up.
  async sample() {
    const { status, text } = await call(this.port, { path: "/metrics", timeout: 1000 });
    if (status !== 200) return;
    const life = this.metrics.at(-1);
    for (const [, name, value] of text.matchAll(/^(parley_[a-z_]+_total)(?:\{[^}]*\})? (\d+)/gm)) life[name] = Number(value);
  }

  counted(name) {
    return this.metrics.reduce((sum, life) => sum + (life[`parley_${name}_total`] ?? 0), 0);
  }

  // --- the sandbox

  async startSandbox() {
    const child = this.spawn("sandbox", this.program("parley-sandbox"), [
      "--port", String(this.sandboxPort), "--webhook", `http://127.0.0.1:${this.port}/webhooks/whatsapp`,
      "--app-secret", this.secret, "--token", this.token, "--number", `${NUMBER}=15550783881`, "--waba", WABA,
      "--journal", this.journal, "--delivered-after", "20", "--no-user-ids",
    ]);
    await this.until("the sandbox starts", 20_000, async () => {
      if (child.exitCode !== null) throw new Error("the sandbox ended at once");
      return (await call(this.sandboxPort, { path: "/control/health", timeout: 1000 })).status === 200;
    });
  }

  async killSandbox() {
    const { sandbox } = this.processes;
    sandbox.kill("SIGKILL");
    await sandbox.ended;
    await this.startSandbox();
  }

  async faults(wish) {
    const { status, text } = await call(this.sandboxPort, { method: "POST", path: "/control/faults", body: JSON.stringify(wish) });
    if (status !== 200) throw new Error(`the sandbox refuses these faults: ${text}`);
  }

  async arrivals() {
    const { stdout } = await run(this.program("parley-sandbox"), ["--dump", this.journal], { maxBuffer: 1 << 30 });
    return stdout.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  // --- life

  async start() {
    await this.makeDatabase();
    await this.writeSettings();
    await this.parley("migrate");
    await this.parley("seed", "demo", "--app", "demo", "--number", NUMBER, "--business", WABA);
    await this.startSandbox();
    await this.startService();
    this.sampler = setInterval(() => void this.sample(), 400);
  }

  endNow() {
    clearInterval(this.sampler);
    const { service } = this.processes;
    const workers = service ? childrenOf(service.pid) : [];
    for (const child of Object.values(this.processes)) if (child.exitCode === null) child.kill("SIGKILL");
    workers.forEach(killNow);
  }

  async end(kept) {
    this.endNow();
    await Promise.all(Object.values(this.processes).map((child) => child.ended));
    worlds.delete(this);
    if (kept) return console.log(`logs, database and journal are kept in ${this.folder}`);
    // Backends notice a moment later that their postmaster is gone.
    for (let n = 0; existsSync(this.folder); n++) {
      try {
        rmSync(this.folder, { recursive: true, force: true });
      } catch (error) {
        if (n === 50) throw error;
        await pause(100);
      }
    }
  }
}

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
    this.loops = Array.from({ length: Number(options.customers) }, (_, n) => this.customer(n));
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
    const mac = createHmac("sha256", this.world.secret).update(body).digest("hex");
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), "x-hub-signature-256": `sha256=${mac}` };
    return { method: "POST", path: "/webhooks/whatsapp", headers, body, agent: this.agent };
  }

  async customer(n) {
    const from = `1555019${String(1000 + n)}`;
    await pause(Math.random() * 300);
    for (let count = 0; this.working; count++) {
      const id = `wamid.crash.${from}.${count}.${randomBytes(4).toString("hex")}`;
      const delivery = this.delivery(from, id, pick(WORDS));
      if (await this.repeatUntilHeard(delivery)) this.answered.push(id);
      else this.unheard++;
      if (chance(0.05)) {
        this.again++;
        await call(this.world.port, delivery);
      }
      await pause(Math.random() * 120);
    }
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
  return {
    answered: customers.answered.length, turns: handled.size, promised: promised.length, arrivals: arrivals.length,
    notHandled: customers.answered.filter((id) => !handled.has(id)),
    handledTwice: [...handled].filter(([, n]) => n > 1).map(([id]) => id),
    withoutReply: messages.filter(({ inbound, c, seq }) => inbound && !causes.has(`${c}.${seq}`)),
    dead,
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
  console.log(`  ${found.turns} turns, ${found.promised} messages promised, ${found.arrivals} arrivals`);
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
];

const inWorld = async (what) => {
  const began = Date.now();
  const world = new World();
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
