// How fast it is, as ratios in one run: machines are noisy, so the sides take turns, several times
// over, and medians are compared.
//
//   tests/bench/run [--rounds 3] [--seconds 4] [--workers N] [--no-peer] [--large] [--keep]
//
//   tests/bench/run [--pg 'commit_delay = 100']... [--set 'turns: {batch_max: 32}']...   try settings
//   tests/bench/run --profile      no comparison: where the time of whole turns goes
//   tests/bench/run --callgrind    instructions for a turn by function: figures that hold still
//
//   tests/bench/run --harness      the same three sides under the generator in Node of ../shared, which is a
//                                  core's work by itself
//   tests/bench/run --serve        only the service, to be played with by hand until it is interrupted
//   tests/bench/run --large        a million conversations and ten million messages against none, by
//                                  turns (15 GB of disk, six minutes)
//
// The customers and the Graph API are `play`, in C; both are on the same cores as what they measure.

import { execFile } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { World, childrenOf, cpuOf, freePort, memoryOf, pause, until } from "./world.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/release") },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    workers: { type: "string", default: String(availableParallelism()) },
    users: { type: "string", default: "100" },
    "no-peer": { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    pg: { type: "string", multiple: true, default: [] },
    set: { type: "string", multiple: true, default: [] },
    callgrind: { type: "boolean", default: false },
    serve: { type: "boolean", default: false },
    harness: { type: "boolean", default: false },
    large: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const run = promisify(execFile);
const rounds = Number(options.rounds);

const SECRET = "s3cret";
const NUMBER = "15550000";
const ORG = "00000000-0000-4000-8000-000000000001";
const ACCOUNT = "00000000-0000-4000-8000-000000000002";
const PACE = 1000; // messages a second of the open loop
const CROWD = 400; // customers at once, where a batch may grow
const CONVERSATIONS = 10_000; // that pgbench's turns are spread over

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
const tell = (text = "") => console.log(text);

const get = (port, path) =>
  new Promise((done) => {
    const asked = request({ host: "127.0.0.1", port, path, timeout: 1000 }, (answer) => {
      answer.resume();
      done(answer.statusCode);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => done(0));
    asked.end();
  });

// --- the sides --------------------------------------------------------------------------------

// The service on a database of its own. `sends` off: somebody who is not there holds its lane for
// ever, so turns are kept and nothing leaves.
class Service {
  constructor(world, name, { sends = true } = {}) {
    Object.assign(this, { world, name, sends, config: join(world.folder, `${name}.yaml`) });
  }

  parley(...args) {
    return run(join(this.world.folder, "parley"), ["--config", this.config, ...args]);
  }

  async start() {
    const { world, name } = this;
    this.port = await freePort();
    this.graph = await freePort();
    mkdirSync(join(world.folder, `${name}.run`));
    writeFileSync(this.config, `
listen: 127.0.0.1:${this.port}
workers: ${options.callgrind ? 1 : options.workers}
database:
  url: ${world.url(name)}
whatsapp:
  base_url: http://127.0.0.1:${this.graph}/v26.0
  allow_http: true
  rate: 1000000
  rate_burst: 1000000
  pair_interval: 0
  read_receipts: false
  connections: 256
  apps:
    demo: {app_secret: ${SECRET}, verify_token: ${SECRET}, token: ${SECRET}}
outbox:
  claim_max: 512
flows:
  folder: ${root}
documents:
  path: ${join(world.folder, "documents")}
paths:
  state: ${join(world.folder, `${name}.run`)}
${options.set.join("\n")}
`);
    await world.sql(`create database ${name}`, "postgres");
    await this.parley("migrate");
    await this.parley("seed", "demo", "--app", "demo", "--number", NUMBER, "--business", "1");
    await world.sql(`update businesses set settings = settings || '{"reading": "known"}'`, name);
    if (!this.sends)
      await world.sql("insert into lanes (org_id, lane_id, holder, epoch, lease_until) select org_id, account_id, gen_random_uuid(), 1, 'infinity' from accounts", name);
    await this.serve();
  }

  async serve() {
    const command = [join(this.world.folder, "parley"), "--config", this.config, "serve"];
    if (options.callgrind) command.unshift("valgrind", "--tool=callgrind", `--callgrind-out-file=${this.world.folder}/callgrind.%p`);
    this.process = this.world.spawn(this.name, command[0], command.slice(1));
    await until(`${this.name} starts`, 30_000, async () => (await get(this.port, "/readyz")) === 200);
  }

  play(more = []) {
    return play(this.world, ["--target", this.port, "--graph", this.graph, "--path", "/webhooks/whatsapp", "--cpu", `service=${this.process.pid}`, ...more]);
  }

  memory() {
    return childrenOf(this.process.pid).map(memoryOf);
  }
}

// The hand-written Node service of ../shared, where that is at hand.
class Peer {
  static source = resolve(root, "../shared/peers/fastify-pg");

  static async make(world) {
    if (options["no-peer"]) return null;
    if (!existsSync(join(Peer.source, "bot.mjs"))) {
      tell("skipped: ../shared is not here, so there is no other service to compare with");
      return null;
    }
    const peer = new Peer();
    peer.world = world;
    peer.folder = join(root, "build/bench-peer");
    try {
      cpSync(Peer.source, peer.folder, { recursive: true });
      if (!existsSync(join(peer.folder, "node_modules"))) await run("npm", ["ci", "--silent", "--no-audit", "--no-fund"], { cwd: peer.folder });
    } catch (error) {
      tell(`skipped: the other service cannot be installed (${error.message.split("\n")[0]})`);
      return null;
    }
    return peer;
  }

  async start() {
    this.port = await freePort();
    this.graph = await freePort();
    await this.world.sql("create database peer", "postgres");
    // pg takes a folder as the host of a socket in this form.
    const env = { ...process.env, PORT: this.port, APP_SECRET: SECRET, GRAPH: `http://127.0.0.1:${this.graph}`,
      DATABASE_URL: `socket:${this.world.sockets}?db=peer&user=postgres`, PGUSER: "postgres" };
    this.process = this.world.spawn("peer", process.execPath, ["bot.mjs"], { cwd: this.folder, env });
    await until("the other service starts", 20_000, async () => (await get(this.port, "/webhook?hub.verify_token=verify&hub.challenge=1")) === 200);
  }

  play(more = []) {
    return play(this.world, ["--target", this.port, "--graph", this.graph, "--path", "/webhook", "--cpu", `service=${this.process.pid}`, ...more]);
  }
}

const play = async (world, args) => {
  const all = ["--secret", SECRET, "--number", NUMBER, "--users", options.users, "--seconds", options.seconds, "--cpu", `postgres=${world.postgres.pid}`, ...args];
  const { stdout } = await run(join(options.build, "play"), all.map(String)).catch((error) => (error.code === 1 ? error : Promise.reject(error)));
  return JSON.parse(stdout);
};

// Each side begins after a checkpoint, with old files to write its log over: not even one of them
// shall pay for another's log.
const afresh = async (world, side) => {
  await world.sql("checkpoint", "postgres");
  await side();
};

// How far the generator goes by itself.
const ceiling = async (world) => {
  const [port, graph] = [await freePort(), await freePort()];
  const mirror = world.spawn("mirror", join(options.build, "mirror"), ["--port", String(port), "--graph", String(graph)]);
  await until("mirror starts", 5000, async () => (await get(port, "/")) === 200);
  const found = await play(world, ["--target", port, "--graph", graph, "--seconds", 2]);
  mirror.kill();
  return found;
};

// The generator in Node of ../shared: the same closed loop, from one process that is a core's work.
const HARNESS = resolve(root, "../shared/peers/harness.mjs");
const TURNS = 300; // of each customer
const REPLY_SIZE = 800; // what Parley's replies to these customers have more than the mirror's

const harness = async (port, path, graph) => {
  const running = run(process.execPath, [HARNESS, "--target", `http://127.0.0.1:${port}${path}`, "--graph", graph, "--users", options.users, "--turns", TURNS, "--secret", SECRET].map(String));
  let used = 0; // of a core, by the generator itself
  const watch = setInterval(() => { try { used = cpuOf(running.child.pid); } catch { /* it has ended */ } }, 20);
  const { stdout } = await running;
  clearInterval(watch);
  const found = JSON.parse(stdout);
  found.busy = used / found.seconds;
  const bad = ["lost", "dupReplies", "unexpected", "ackErr"].filter((name) => found[name] > 0);
  return { ...found, bad: bad.map((name) => `${found[name]} ${name}`).join(", ") };
};

const underHarness = async (world) => {
  if (!existsSync(HARNESS)) return tell("skipped: ../shared is not here, and its generator neither");
  const whole = new Service(world, "whole");
  await whole.start();
  const peer = await Peer.make(world);
  await peer?.start();
  const mirrors = [];
  for (const size of [0, REPLY_SIZE]) {
    const [port, graph] = [await freePort(), await freePort()];
    const process = world.spawn("mirror", join(options.build, "mirror"), ["--port", port, "--graph", graph, "--size", size].map(String));
    await until("mirror starts", 5000, async () => (await get(port, "/")) === 200);
    mirrors.push({ port, graph, process });
  }
  const found = { ours: [], theirs: [], top: [], same: [] };
  const sides = [
    async () => found.ours.push(await harness(whole.port, "/webhooks/whatsapp", whole.graph)),
    async () => peer && found.theirs.push(await harness(peer.port, "/webhook", peer.graph)),
    async () => found.top.push(await harness(mirrors[0].port, "/", mirrors[0].graph)),
    async () => found.same.push(await harness(mirrors[1].port, "/", mirrors[1].graph)),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await afresh(world, side);
    tell(`round ${round + 1}: ` + Object.entries(found).map(([name, runs]) => `${name} ${n0(runs.at(-1)?.turns_per_s ?? 0)}`).join(", "));
  }
  for (const { process } of mirrors) process.kill();
  tell();
  tell(`| ${options.users} users of the generator in Node | turns/s | reply p50 ms | p99 | acknowledged p50 | p99 | the generator is busy | errors |`);
  tell("|---|---|---|---|---|---|---|---|");
  const names = { ours: `Parley, ${options.workers} workers`, theirs: "Node service", top: "a service that does nothing: the generator's ceiling", same: "with replies as long as Parley's" };
  for (const [name, runs] of Object.entries(found).filter(([, runs]) => runs.length > 0)) {
    const of = (pick) => median(runs.map(pick));
    tell(`| ${names[name]} | ${n0(of((f) => f.turns_per_s))} | ${n1(of((f) => f.e2e_ms.p50))} | ${n1(of((f) => f.e2e_ms.p99))} | ${n1(of((f) => f.ack_ms.p50))} | ${n1(of((f) => f.ack_ms.p99))} | ${n0(100 * of((f) => f.busy))} % | ${runs.map((f) => f.bad).filter(Boolean).join("; ") || "none"} |`);
  }
  const rate = (runs) => median(runs.map((f) => f.turns_per_s));
  tell();
  if (found.theirs.length > 0) tell(`To the Node service: ${(rate(found.ours) / rate(found.theirs)).toFixed(2)} (goal: 5, or the ceiling). To the ceiling: ${(rate(found.ours) / rate(found.top)).toFixed(2)}, with replies of one length ${(rate(found.ours) / rate(found.same)).toFixed(2)}.`);
};

// Tables for pgbench's turns: the service's own, with conversations in them.
const makeBare = async (world) => {
  await world.sql("create database bare template commits", "postgres");
  await world.sql(`
    insert into businesses (org_id, name, currency, settings) values ('${ORG}', 'bench', 'EUR', '{"reading": "known"}');
    insert into accounts (org_id, account_id, channel, external_id) values ('${ORG}', '${ACCOUNT}', 'whatsapp', 'bench');
    insert into contact_points (org_id, contact_id, channel, address)
      select '${ORG}', md5(n::text)::uuid, 'whatsapp', 'US.' || n from generate_series(1, ${CONVERSATIONS}) n;
    insert into conversations (org_id, conversation_id, account_id, contact_id)
      select '${ORG}', md5(n::text)::uuid, '${ACCOUNT}', md5(n::text)::uuid from generate_series(1, ${CONVERSATIONS}) n;
    analyze`, "bare");
};

// --- a large database -------------------------------------------------------------------------

const PEOPLE = 1_000_000;
const MESSAGES_EACH = 10;
const BASE = 15_560_000_000; // play's customers: their numbers follow

// Everyone who will write is in it, with ten messages. Foreign keys are not checked while it is
// filled, for time; every index is kept up.
const fill = async (world, name) => {
  const { bavail, bsize } = statfsSync(world.folder);
  if (bavail * bsize < 15e9) return tell("skipped: --large needs 15 GB of free disk"), false;
  const [org, account] = (await world.sql(`select org_id, account_id from accounts where external_id = '${NUMBER}'`, name)).split("|");
  const id = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
  const step = 50_000;
  for (let from = 0; from < PEOPLE; from += step) {
    const range = `generate_series(${from}, ${from + step - 1}) n where not exists (select from contact_points p where p.org_id = '${org}' and p.address = 'US.' || (${BASE} + n))`;
    await world.sql(`set session_replication_role = replica; set synchronous_commit = off; set jit = off;
      create temp table fresh as select n, ${id} id from ${range};
      insert into contact_points (org_id, contact_id, channel, address, phone, display_name)
        select '${org}', id, 'whatsapp', 'US.' || (${BASE} + n), '+' || (${BASE} + n), 'U' from fresh;
      insert into conversations (org_id, conversation_id, account_id, contact_id, seq, last_inbound_at)
        select '${org}', id, '${account}', id, ${MESSAGES_EACH}, now() - interval '1 day' from fresh;
      insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, delivery, provider_hash, provider_id)
        select '${org}', id, s, s % 2 = 1, 'text', repeat('where is my order? ', 6), now() - interval '1 day', 4,
               case when s % 2 = 0 then decode(md5(n || '.' || s), 'hex') end, 'wamid.' || n || '.' || s
          from fresh, generate_series(1, ${MESSAGES_EACH}) s;
      insert into seen (org_id, account_id, hash, at)
        select '${org}', '${account}', decode(md5('i' || n || '.' || s), 'hex'), now() - interval '1 day'
          from fresh, generate_series(1, ${MESSAGES_EACH / 2}) s`, name);
    process.stderr.write(`\r${from + step} conversations `);
  }
  process.stderr.write("\r                                \r");
  await world.sql("vacuum analyze", name);
  await world.sql("checkpoint", name);
  return true;
};

// What PostgreSQL read for a turn, by table: a statement that depends on history shows here.
const readsOf = async (world, name) => {
  await pause(1500); // backends tell their figures a second late
  const rows = await world.sql(`select relname, seq_tup_read + coalesce(idx_tup_fetch, 0), seq_scan from pg_stat_user_tables
    where relname in ('contact_points', 'conversations', 'messages', 'seen', 'outbox')`, name);
  return Object.fromEntries(rows.split("\n").map((row) => row.split("|")).map(([table, rows, scans]) => [table, { rows: Number(rows), scans: Number(scans) }]));
};

const reading = async (world, service, more) => {
  const before = await readsOf(world, service.name);
  const found = await service.play(["--warm", 0, ...more]);
  const after = await readsOf(world, service.name);
  const part = (table, what) => after[table][what] - before[table][what];
  return Object.keys(after).map((table) => `${table} ${(part(table, "rows") / found.turns).toFixed(1)}${part(table, "scans") > 0 ? ` (${part(table, "scans")} whole scans)` : ""}`).join(", ");
};

const large = async (world) => {
  const small = new Service(world, "small");
  const big = new Service(world, "big");
  await small.start();
  await big.start();
  for (const each of [small, big]) await each.play(["--seconds", 1]);
  if (!(await fill(world, "big"))) return;
  const found = { small: [], same: [], all: [] };
  const sides = [
    async () => found.small.push(await small.play()),
    async () => found.same.push(await big.play()),
    async () => found.all.push(await big.play(["--people", PEOPLE])),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await afresh(world, side);
    tell(`round ${round + 1}: without history ${n0(found.small.at(-1).per_s)}, with it ${n0(found.same.at(-1).per_s)}, a million people ${n0(found.all.at(-1).per_s)}`);
  }
  tell();
  printHead("1,000,000 conversations, 10,000,000 messages");
  const without = printWhole(`without them, ${options.users} customers`, found.small);
  const same = printWhole(`the same ${options.users} customers`, found.same);
  const all = printWhole("a million customers, each in turn", found.all);
  tell();
  tell(`To the database without history: ${(same / without).toFixed(2)}, and with a million customers ${(all / without).toFixed(2)} (goal: 0.90).`);
  tell(`Rows read for a turn without history: ${await reading(world, small, [])}; with it: ${await reading(world, big, [])}; a million customers: ${await reading(world, big, ["--people", PEOPLE])}.`);
};

// --- where the time goes ---------------------------------------------------------------------

const printStatements = async (world, name, turns) => {
  const rows = await world.sql(`select calls, total_exec_time, rows, shared_blks_hit + shared_blks_read, wal_bytes,
    left(regexp_replace(query, '\\s+', ' ', 'g'), 90) from pg_stat_statements order by total_exec_time desc limit 24`, name);
  tell("| us a turn | calls a turn | us a call | rows | pages a call | WAL bytes a turn | statement |");
  tell("|---|---|---|---|---|---|---|");
  for (const row of rows.split("\n")) {
    const [calls, ms, out, pages, wal, ...text] = row.split("|");
    tell(`| ${n1((ms * 1000) / turns)} | ${(calls / turns).toFixed(3)} | ${n0((ms * 1000) / calls)} | ${n1(out / calls)} | ${n0(pages / calls)} | ${n0(wal / turns)} | ${text.join("|")} |`);
  }
};

// What the service's backends wait for, by looking a hundred times.
const sampleWaits = async (world, name, seen) => {
  const rows = await world.sql(`select state || ' ' || coalesce(wait_event_type || ':' || wait_event, 'running'), count(*) from pg_stat_activity
    where datname = '${name}' and pid <> pg_backend_pid() and backend_type = 'client backend' group by 1`, name);
  for (const row of rows.split("\n").filter(Boolean)) {
    const [what, n] = row.split("|");
    seen.set(what, (seen.get(what) ?? 0) + Number(n));
  }
};

const metricsOf = async (port) => {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text());
  return Object.fromEntries([...text.matchAll(/^(parley_[a-z_]+(?:_total|_sum|_count)) ([\d.e+-]+)$/gm)].map(([, name, value]) => [name, Number(value)]));
};

const profile = async (world, service) => {
  await service.play(["--seconds", 3]);
  await world.sql("analyze; select pg_stat_statements_reset(); select pg_stat_reset_shared('wal')", service.name);
  const before = await metricsOf(service.port);
  const used = () => childrenOf(service.process.pid).map(cpuOf);
  const usedBefore = used();
  const seen = new Map();
  const sampler = setInterval(() => void sampleWaits(world, service.name, seen).catch(() => {}), 60);
  const found = await service.play(["--seconds", 8, "--warm", 0]);
  clearInterval(sampler);
  const after = await metricsOf(service.port);
  const usedAfter = used();
  printHead("while looked at");
  printWhole("Parley", [found]);
  tell();
  await printStatements(world, service.name, found.turns);
  tell();
  const all = [...seen.values()].reduce((sum, n) => sum + n, 0);
  tell(`Backends: ${[...seen].sort((a, b) => b[1] - a[1]).map(([what, n]) => `${what} ${((100 * n) / all).toFixed(0)} %`).join(", ")}.`);
  const [syncs, syncMs, writes, writeMs, bytes, images] = (await world.sql(
    "select wal_sync, wal_sync_time, wal_write, wal_write_time, wal_bytes, wal_fpi from pg_stat_wal", service.name)).split("|").map(Number);
  tell(`Workers' CPU: ${usedAfter.map((seconds, i) => `${((100 * (seconds - usedBefore[i])) / found.seconds).toFixed(0)} %`).join(", ")}.`);
  tell(`WAL: ${(syncs / found.turns).toFixed(3)} syncs a turn of ${n0((syncMs * 1000) / syncs)} us, ${(writes / found.turns).toFixed(3)} writes of ${n0((writeMs * 1000) / writes)} us, ${n0(bytes / found.turns)} bytes a turn, ${images} page images.`);
  tell(`Metrics: ${Object.keys(after).filter((name) => after[name] > before[name]).map((name) => `${name} ${n1(after[name] - before[name])}`).join(", ")}.`);
  const data = join(world.folder, "perf.data");
  const workers = childrenOf(service.process.pid).join(",");
  const playing = service.play(["--seconds", 8]);
  const traced = await run("perf", ["record", "-q", "-F", "499", "-g", "--call-graph", "dwarf,4096", "-p", workers, "-o", data, "--", "sleep", "6"]).then(() => true, (error) => tell(`skipped: perf: ${error.message.split("\n")[0]}`));
  await playing;
  if (!traced) return;
  for (const how of [["--no-children", "--sort", "dso"], ["--no-children", "--sort", "symbol"], ["--children", "--sort", "symbol"]]) {
    const { stdout } = await run("perf", ["report", "-i", data, "--stdio", "-g", "none", ...how], { maxBuffer: 1 << 26 });
    tell(`\nperf ${how.join(" ")}`);
    tell(stdout.split("\n").filter((line) => line.trim() && !line.startsWith("#")).slice(0, 60).join("\n"));
  }
};

// Instructions by function, what it calls included, for one turn of one worker.
const FUNCTIONS = ["http_callback", "conn_body_complete", "intake_delivery", "whatsapp_verify", "whatsapp_decode", "batch_take", "batch_rounds", "flow_turn_begin",
  "flow_turn_run", "reply_to_json", "batch_write", "batch_committed", "cycled", "send_row", "reply_from_json", "whatsapp_encode", "fetcher_start", "whatsapp_answer",
  "conn_ready", "flight_go", "flight_end", "curl_multi_socket_action", "curl_easy_setopt", "lws_service_fd_tsi", "lws_service_fd", "json_loadb", "json_dumps", "json_delete", "malloc", "calloc", "free",
  "arena_alloc", "arena_format", "PQconsumeInput", "PQgetResult", "PQsendQueryPrepared", "uv__io_poll"];

const countInstructions = async (world, service) => {
  const [worker] = childrenOf(service.process.pid);
  const found = await service.play(["--users", 20, "--seconds", 25, "--warm", 0, "--timeout", 60]);
  service.process.kill("SIGTERM");
  await service.process.ended;
  const file = join(world.folder, `callgrind.${worker}`);
  const annotated = async (inclusive) => (await run("callgrind_annotate", [`--inclusive=${inclusive}`, "--threshold=100", file], { maxBuffer: 1 << 28 })).stdout;
  const lines = (text) => [...text.matchAll(/^\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+(\S+:)?(.*?)(?: \[(.*)\])?$/gm)].map(([, n, , name, where]) =>
    ({ n: Number(n.replaceAll(",", "")) / found.deliveries, name: name.replace(/'\d+$/, ""), where: (where ?? "").replace(/.*\//, "") }));
  const inclusive = lines(await annotated("yes"));
  const own = lines(await annotated("no"));
  tell(`${found.deliveries} turns; instructions for one turn, what a function calls included`);
  tell("| function | instructions a turn |");
  tell("|---|---|");
  const most = new Map();
  for (const { name, n } of inclusive) most.set(name, Math.max(most.get(name) ?? 0, n));
  for (const name of FUNCTIONS) if (most.has(name)) tell(`| ${name} | ${n0(most.get(name))} |`);
  tell("\nby library, without what it calls");
  const by = new Map();
  for (const { where, n } of own) by.set(where, (by.get(where) ?? 0) + n);
  for (const [where, n] of [...by].sort((a, b) => b[1] - a[1]).slice(0, 12)) tell(`| ${where} | ${n0(n)} |`);
  tell("\nby function, without what it calls");
  for (const { name, where, n } of own.filter(({ name }) => !name.includes("PROGRAM")).slice(0, 45)) tell(`| ${name} (${where}) | ${n0(n)} |`);
};

const serve = async (world, service) => {
  tell(`${join(options.build, "play")} --target ${service.port} --graph ${service.graph} --secret ${SECRET} --number ${NUMBER} --cpu service=${service.process.pid} --cpu postgres=${world.postgres.pid}`);
  tell(`psql '${world.url(service.name)}'`);
  await new Promise((done) => ["SIGINT", "SIGTERM"].forEach((signal) => process.once(signal, done)));
};

// --- the tables -------------------------------------------------------------------------------

const flaws = (found) => ["missing", "late", "doubled", "disordered", "unasked", "refused", "broken", "garbled"].filter((name) => found[name] > 0).map((name) => `${found[name]} ${name}`).join(", ");
const n0 = (number) => Math.round(number).toLocaleString("en");
const n1 = (number) => number.toFixed(1);

const printHead = (what) => {
  tell(`| ${what} | turns/s | reply p50 ms | p99 | acknowledged p50 | p99 | service CPU us a turn | PostgreSQL | generator | errors |`);
  tell("|---|---|---|---|---|---|---|---|---|---|");
};

const printWhole = (name, runs) => {
  const of = (pick) => median(runs.map(pick));
  const cpu = (who) => n0(of((found) => found.cpu_us_per_turn[who]));
  tell(`| ${name} | ${n0(of((f) => f.per_s))} | ${n1(of((f) => f.reply_ms.p50))} | ${n1(of((f) => f.reply_ms.p99))} | ${n1(of((f) => f.ack_ms.p50))} | ${n1(of((f) => f.ack_ms.p99))} | ${cpu("service")} | ${cpu("postgres")} | ${cpu("play")} | ${runs.map(flaws).filter(Boolean).join("; ") || "none"} |`);
  return of((f) => f.per_s);
};

const main = async (world) => {
  for (const name of ["parley"]) copyFileSync(join(options.build, name), join(world.folder, name));
  await world.startPostgres();
  if (options.profile || options.callgrind || options.serve) {
    const whole = new Service(world, "whole");
    await whole.start();
    if (options.serve) return serve(world, whole);
    if (options.callgrind) return countInstructions(world, whole);
    await world.sql("create extension pg_stat_statements", "whole");
    return profile(world, whole);
  }
  if (options.large) return large(world);
  if (options.harness) return underHarness(world);
  const commits = new Service(world, "commits", { sends: false });
  const whole = new Service(world, "whole");
  await commits.start();
  await commits.play(["--unanswered", "yes", "--seconds", 0.1, "--warm", 0.5]); // the customers are known from here on
  await commits.process.kill("SIGTERM");
  await commits.process.ended;
  await makeBare(world);
  await commits.serve();
  await whole.start();
  const peer = await Peer.make(world);
  await peer?.start();

  const found = { bare: [], commits: [], crowd: [], whole: [], statuses: [], peer: [] };
  const sides = [
    async () => found.bare.push(await world.pgbench(join(here, "pgbench.sql"), "bare", { clients: 32, seconds: Number(options.seconds), variables: { conversations: CONVERSATIONS } })),
    async () => found.commits.push(await commits.play(["--unanswered", "yes"])),
    async () => found.crowd.push(await commits.play(["--unanswered", "yes", "--users", CROWD, "--connections", CROWD])),
    async () => found.whole.push(await whole.play()),
    async () => found.statuses.push(await whole.play(["--statuses", 2])),
    async () => peer && found.peer.push(await peer.play()),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) await afresh(world, side);
    tell(`round ${round + 1}: pgbench ${n0(found.bare.at(-1))}, committed ${n0(found.commits.at(-1).per_s)} and ${n0(found.crowd.at(-1).per_s)}, whole ${n0(found.whole.at(-1).per_s)}` + (peer ? `, Node ${n0(found.peer.at(-1).per_s)}` : ""));
  }
  const pace = ["--rate", PACE, "--people", 500];
  let calm, calmPeer;
  await afresh(world, async () => (calm = await whole.play(pace)));
  if (peer) await afresh(world, async () => (calmPeer = await peer.play(pace)));
  const top = await ceiling(world);

  tell();
  printHead(`whole turns at ${options.users} users`);
  const ours = printWhole(`Parley, ${options.workers} workers`, found.whole);
  printWhole("with two status callbacks each", found.statuses);
  const theirs = peer ? printWhole("Node service", found.peer) : 0;
  printWhole("a service that does nothing: the generator's ceiling", [{ ...top, cpu_us_per_turn: { ...top.cpu_us_per_turn, service: 0 } }]);
  tell();
  printHead(`${n0(PACE)} messages a second, whatever comes back`);
  printWhole(`Parley, ${options.workers} workers`, [calm]);
  if (calmPeer) printWhole("Node service", [calmPeer]);
  tell();
  const kept = median(found.commits.map((f) => f.per_s));
  const bare = median(found.bare);
  tell("| ratio | | goal |");
  tell("|---|---|---|");
  const crowd = median(found.crowd.map((f) => f.per_s));
  tell(`| committed turns of ${options.users} customers (${n0(kept)}/s) to pgbench's five statements at 32 clients (${n0(bare)}/s) | ${(kept / bare).toFixed(2)} | 2 |`);
  tell(`| of ${CROWD} customers (${n0(crowd)}/s) | ${(crowd / bare).toFixed(2)} | 2 |`);
  if (peer) tell(`| whole turns to the Node service | ${(ours / theirs).toFixed(2)} | 5 |`);
  tell(`| the generator's ceiling to whole turns | ${(top.per_s / ours).toFixed(1)} | |`);
  const memory = whole.memory();
  tell(`| memory of a worker, MB: ${memory.map((m) => n1(m.rss)).join(", ")} resident, ${memory.map((m) => n1(m.pss)).join(", ")} its share | ${n1(Math.max(...memory.map((m) => m.rss)))} | 40 |`);
};

const forProfile = ["shared_preload_libraries = 'pg_stat_statements'", "track_wal_io_timing = on"];
const world = new World({ settings: [...(options.profile ? forProfile : []), ...options.pg].join("\n") });
if (!options.serve) process.on("SIGINT", () => process.exit(1));
let good = false;
try {
  await main(world);
  good = true;
} catch (error) {
  console.error(error.stack);
} finally {
  await world.end(options.keep || !good);
}
process.exit(good ? 0 : 1);
