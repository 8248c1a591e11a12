// A private PostgreSQL (fsync on), the service with two workers, and the sandbox, all on loopback
// and in a folder of their own, with means to hurt them. For the tests beside it.
import { execFile, execFileSync, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { chmodSync, closeSync, copyFileSync, existsSync, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, readdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Postgres } from "./postgres.mjs";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const NUMBER = "106540352242922";
export const WABA = "102290129340398";
export const SMS_NUMBER = "+15550100101";

export const run = promisify(execFile);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export const chance = (p) => Math.random() < p;
export const pick = (list) => list[Math.floor(Math.random() * list.length)];
const isRoot = process.getuid() === 0;
export const worlds = new Set();

// One that no outgoing connection takes (they begin at 32768), free at this moment. It is listened at later, so each
// process goes round in a part of its own: by chance two were given the same one.
let portsGiven = 0;
export const freePort = () =>
  new Promise((done, failed) => {
    const attempt = (left) => {
      const server = createServer();
      server.once("error", (error) => (left > 0 ? attempt(left - 1) : failed(error)));
      server.listen(20000 + 30 * (process.pid % 400) + portsGiven++ % 30, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => done(port));
      });
    };
    attempt(50);
  });

// One answer's status and text; 0 when there is none.
export const call = (port, { method = "GET", path, headers = {}, body, agent, timeout = 5000 }) =>
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

export const isAlive = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1][0] !== "Z";
  } catch {
    return false;
  }
};

export const childrenOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

export const killNow = (pid) => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
};

// --- the world: database, service and sandbox -----------------------------------------------

export class World {
  // `build` has the programs; `settings` are more lines of YAML; `sandbox` more arguments. `at`, a time,
  // is when all of this world begins; not for sanitized programs, which want to be loaded first.
  constructor({ name, build = join(root, "build/release"), settings = "", sandbox = [], at }) {
    this.folder = mkdtempSync(join(tmpdir(), `parley-${name}-`));
    this.settings = settings;
    this.sandboxArguments = sandbox;
    chmodSync(this.folder, 0o711);
    this.secret = randomBytes(16).toString("hex");
    this.token = `EAA${randomBytes(16).toString("hex")}`;
    this.twilioSid = `AC${randomBytes(16).toString("hex")}`;
    this.twilioToken = randomBytes(16).toString("hex");
    this.journal = join(this.folder, "journal");
    this.arrived = []; // as far as it was read
    this.journalRead = 0;
    this.databases = {};
    this.processes = {};
    this.metrics = [];
    this.office = null; // a PostOffice (post_office.mjs), for worlds with mail
    this.front = null; // the port where providers call, when somebody stands before the service
    this.crm = null; // a Crm (doors/crm.mjs), for worlds with one
    this.doors = []; // (doors/door.mjs)
    this.unknownWait = "2s";
    worlds.add(this);
    this.ahead = 0; // of the machine's clock, in milliseconds
    this.environment = process.env;
    if (at !== undefined) this.makeClock(at);
    // A build may replace the programs while they are being killed and started again.
    for (const name of ["parley", "parley-sandbox"]) copyFileSync(join(build, name), join(this.folder, name));
  }

  program(name) {
    return join(this.folder, name);
  }

  // --- its clock

  // Time goes on at its usual pace, and jumps (tests/e2e/clock.c). What waits for a while
  // (CLOCK_MONOTONIC) knows nothing of it.
  makeClock(at) {
    const library = join(this.folder, "clock.so");
    this.clock = join(this.folder, "clock");
    execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, join(root, "tests/e2e/clock.c")]);
    writeFileSync(this.clock, Buffer.alloc(8));
    this.fakes = { LD_PRELOAD: library, DEMO_CLOCK: this.clock };
    this.environment = { ...process.env, ...this.fakes };
    this.jump((Date.parse(at) - Date.now()) / 1000);
  }

  // What the time is there, in milliseconds.
  now() {
    return Date.now() + this.ahead;
  }

  // All of its programs see it with their next look.
  jump(seconds) {
    const microseconds = Buffer.alloc(8);
    this.ahead += Math.round(seconds * 1000);
    microseconds.writeBigInt64LE(BigInt(this.ahead) * 1000n);
    const file = openSync(this.clock, "r+");
    writeSync(file, microseconds, 0, 8, 0);
    closeSync(file);
  }

  // --- processes

  spawn(name, program, args) {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: name === "postgres" ? "/" : this.folder,
      env: name === "postgres" ? process.env : this.environment });
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
    const fakes = Object.entries(this.fakes ?? {}).map(([name, value]) => `${name}=${value}`);
    return isRoot
      ? ["setpriv", [`--reuid=${this.pgUser}`, `--regid=${this.pgGroup}`, "--init-groups", "env", ...fakes, program, ...args]]
      : ["env", [...fakes, program, ...args]];
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

  sql(query, database = "parley") {
    this.databases[database] ??= new Postgres(this.url(database));
    return this.databases[database].ask(query);
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

  // Nothing of it runs, and connections stay open: who asks waits.
  freezePostgres() {
    const { pid } = this.processes.postgres;
    process.kill(pid, "SIGSTOP"); // first, so that it starts no more
    this.frozen = [pid, ...childrenOf(pid)];
    this.frozen.slice(1).forEach((one) => process.kill(one, "SIGSTOP"));
  }

  // What was frozen runs on for as long as it takes to end: it may still commit, and tell nobody.
  async stopPostgres() {
    const { postgres } = this.processes;
    postgres.kill("SIGQUIT");
    this.frozen?.forEach((pid) => isAlive(pid) && process.kill(pid, "SIGCONT"));
    await postgres.ended;
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
public_url: http://127.0.0.1:${this.front ?? this.port}
secrets:
  key: ${randomBytes(32).toString("hex")}
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
twilio:
  base_url: http://127.0.0.1:${this.sandboxPort}
  allow_http: true
  timeout: 2s
  rate: 1000
  rate_burst: 1000
  account_sid: ${this.twilioSid}
  auth_token: ${this.twilioToken}
  phone_number: "${SMS_NUMBER}"
outbox:
  unknown_wait: ${this.unknownWait}
  lease: 2s
  poll: 50ms
  retry_first: 100ms
  retry_max: 1s
  max_attempts: 100
turns:
  deadline: 3s
flows:
  folder: ${root}
${this.documents || "documents:\n"}  path: ${join(this.folder, "documents")}
  timeout: 2s
  poll: 100ms
  retry_first: 100ms
  retry_max: 1s
spool:
  dir: ${join(this.folder, "spool")}
paths:
  state: ${join(this.folder, "run")}
${this.office?.settings() ?? ""}${this.moreSettings()}`);
  }

  // Asked for when all ports are chosen.
  moreSettings() {
    return `${this.crm?.settings() ?? ""}${this.doors.map((door) => door.settings()).join("")}${this.settings}`;
  }

  parley(...args) {
    return run(this.program("parley"), ["--config", join(this.folder, "parley.yaml"), ...args], { maxBuffer: 1 << 26, env: this.environment });
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

  async restartService() {
    const { service } = this.processes;
    await this.sample();
    this.workers = childrenOf(service.pid);
    service.kill("SIGTERM");
    await service.ended;
    await this.startService();
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

  // As Meta signs.
  sign(body, secret = this.secret) {
    return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  }

  // As Twilio signs: the address it calls, and each field's name and value.
  signForm(path, fields, token = this.twilioToken) {
    const text = Object.keys(fields).sort().map((name) => name + fields[name]).join("");
    return createHmac("sha1", token).update(`http://127.0.0.1:${this.port}${path}${text}`).digest("base64");
  }

  // On this node now; undefined when nobody answers.
  async gauge(name) {
    const { text } = await call(this.port, { path: "/metrics", timeout: 1000 });
    const [, value] = new RegExp(`^parley_${name} (\\d+)`, "m").exec(text) ?? [];
    return value === undefined ? undefined : Number(value);
  }

  counted(name) {
    return this.metrics.reduce((sum, life) => sum + (life[`parley_${name}_total`] ?? 0), 0);
  }

  // --- the sandbox

  async startSandbox() {
    const child = this.spawn("sandbox", this.program("parley-sandbox"), [
      "--port", String(this.sandboxPort), "--webhook", `http://127.0.0.1:${this.front ?? this.port}/webhooks/whatsapp`,
      "--app-secret", this.secret, "--token", this.token, "--number", `${NUMBER}=15550783881`, "--waba", WABA,
      "--twilio-sid", this.twilioSid, "--twilio-token", this.twilioToken, "--sms-number", SMS_NUMBER,
      "--journal", this.journal, "--delivered-after", "20", "--no-user-ids", ...this.sandboxArguments,
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

  // What arrived, as the sandbox's journal has it, read on from where the last look ended: some look
  // thirty times a second. A torn line is none yet.
  arrivals() {
    if (!existsSync(this.journal)) return [];
    const file = openSync(this.journal, "r");
    const bytes = Buffer.alloc(fstatSync(file).size - this.journalRead);
    readSync(file, bytes, 0, bytes.length, this.journalRead);
    closeSync(file);
    const whole = bytes.lastIndexOf("\n") + 1;
    this.journalRead += whole;
    for (const line of bytes.toString("utf8", 0, whole).split("\n").filter(Boolean)) {
      const record = JSON.parse(line);
      if (["got", "sms", "mail"].includes(record.t)) this.arrived.push(record);
      this.arrived.push(...(record.mails ?? []));
    }
    return [...this.arrived];
  }

  // --- life

  async seed() {
    await this.parley("seed", "demo", "--app", "demo", "--number", NUMBER, "--business", WABA);
    // These worlds are about messages and not about codes: whoever is known may read.
    await this.sql(`update businesses set settings = settings || '{"reading": "known"}'`);
  }

  async start() {
    await this.makeDatabase();
    await this.office?.open();
    await this.writeSettings();
    await this.parley("migrate");
    await this.seed();
    await this.office?.addAddress();
    await this.startSandbox();
    await this.startService();
    this.sampler = setInterval(() => void this.sample(), 400);
  }

  endNow() {
    clearInterval(this.sampler);
    this.office?.close();
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
