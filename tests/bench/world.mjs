// What a bench runs on: a private PostgreSQL in a folder of its own, and processes that end with
// it. Nothing is reached from outside: a socket in the folder, and loopback.

import { execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const isRoot = process.getuid() === 0;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export const freePort = () =>
  new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });

export const until = async (what, within, ask) => {
  for (const end = Date.now() + within; Date.now() < end; await pause(25)) if (await ask()) return;
  throw new Error(`${what}: not within ${within / 1000} s`);
};

export const childrenOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

// Seconds of CPU that a process has used.
export const cpuOf = (pid) => {
  const part = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(part[11]) + Number(part[12])) / 100;
};

// Resident memory of a process in MB: all of it, and its own share of what is shared.
export const memoryOf = (pid) => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mb = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)[1]) / 1024;
  return { rss: mb("Rss"), pss: mb("Pss") };
};

export class World {
  constructor({ settings = "" } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
    chmodSync(this.folder, 0o711);
    this.settings = settings;
    this.processes = [];
  }

  spawn(name, program, args, options = {}) {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = spawn(program, args, { stdio: ["ignore", log, log], cwd: this.folder, ...options });
    child.on("error", (error) => console.error(`${name}: ${error.message}`));
    child.ended = new Promise((done) => child.once("exit", done));
    this.processes.push(child);
    return child;
  }

  asPostgres(program, args) {
    return isRoot
      ? ["setpriv", [`--reuid=${this.pgUser}`, `--regid=${this.pgGroup}`, "--init-groups", program, ...args]]
      : [program, args];
  }

  async startPostgres() {
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
    writeFileSync(join(this.data, "pg_hba.conf"), "local all all peer map=bench\n");
    writeFileSync(join(this.data, "pg_ident.conf"),
      [...new Set(["root", me, this.pgUser ?? me])].map((name) => `bench ${name} postgres\n`).join(""));
    writeFileSync(join(this.data, "postgresql.conf"),
      `listen_addresses = ''\nunix_socket_directories = '${this.sockets}'\nmax_connections = 200\nmax_wal_size = 4GB\nmin_wal_size = 1GB\ntimezone = 'UTC'\n${this.settings}\n`);
    this.postgres = this.spawn("postgres", ...this.asPostgres(`${this.pgBin}/postgres`, ["-D", this.data]), { cwd: "/" });
    await until("PostgreSQL starts", 60_000, () => this.sql("select 1", "postgres").then(() => true, () => false));
    // A database that has run for a while writes its log over old files; a new one would be
    // measured making them.
    await this.sql(Array(60).fill("select pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()").join(";"), "postgres");
    await this.sql("checkpoint", "postgres");
  }

  url(database) {
    return `postgresql:///${database}?host=${this.sockets}&user=postgres`;
  }

  async sql(query, database) {
    const { stdout } = await run(`${this.pgBin}/psql`, ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", this.url(database), "-c", query],
      { maxBuffer: 1 << 28 });
    return stdout.trim();
  }

  // Turns a second of a script of ours.
  async pgbench(script, database, { clients, seconds, variables = {} }) {
    const defines = Object.entries(variables).flatMap(([name, value]) => ["-D", `${name}=${value}`]);
    const { stdout } = await run("pgbench", ["-n", "-M", "prepared", "-c", String(clients), "-j", "2", "-T", String(seconds), "-f", script,
      ...defines, this.url(database)], { maxBuffer: 1 << 24 });
    return Number(/tps = ([\d.]+)/.exec(stdout)[1]);
  }

  // The service, PostgreSQL last.
  async end(kept) {
    const [postgres, ...others] = this.processes;
    for (const child of others) if (child.exitCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => others.forEach((child) => child.kill("SIGKILL")), 15_000);
    await Promise.all(others.map((child) => child.ended));
    clearTimeout(timer);
    if (postgres?.exitCode === null) postgres.kill("SIGINT");
    await postgres?.ended;
    if (kept) console.log(`logs and database are kept in ${this.folder}`);
    else rmSync(this.folder, { recursive: true, force: true });
  }
}
