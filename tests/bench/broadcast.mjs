// Whether a broadcast slows conversations (BRO-2): the same service, database and customers, whose number may send
// `--lane` messages a second, with a broadcast under way and without, in pairs that begin now with the one and now
// with the other. What counts is the ratio within a pair, since machines change from minute to minute; the same ratio of
// one round without a broadcast to the next such one tells how much of it is noise.
//
//   node tests/bench/broadcast.mjs [--pairs 8] [--seconds 5] [--rate 100] [--lane 400] [--build DIR] [--awake] [--check]
//
// --check: ends with 1 when the median of the ratios of p99 is above 1.2.
// --awake: one core has something to do all the time. Else a virtual machine that does little is put to sleep by its
//   host and woken late: then p99 is the host's, more so without a broadcast, and nothing can be compared.
import { execFile, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { NUMBER, World, pause, root } from "../e2e/world.mjs";

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/release") }, pairs: { type: "string", default: "8" }, check: { type: "boolean", default: false },
    awake: { type: "boolean", default: false },
    seconds: { type: "string", default: "5" }, rate: { type: "string", default: "100" }, lane: { type: "string", default: "400" },
  },
});
const pairs = Number(options.pairs);
const PEOPLE = 2000 + pairs * (Number(options.seconds) + 3) * Number(options.lane);
const run = promisify(execFile);
const part = (list, share) => {
  const sorted = list.toSorted((a, b) => a - b), at = share * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
};
const told = (list, digits = 1) =>
  `${part(list, 0.5).toFixed(digits)} (${part(list, 0.25).toFixed(digits)} to ${part(list, 0.75).toFixed(digits)})`;

const customers = `
  insert into customers (org_id, customer_id, external_id, name, language)
    select b.org_id, md5('c' || n)::uuid, 'N' || n, 'Person ' || n, 'en' from businesses b, generate_series(1, ${PEOPLE}) n;
  insert into customer_phones (org_id, phone, customer_id)
    select b.org_id, '+1999' || to_char(n, 'FM0000000'), md5('c' || n)::uuid from businesses b, generate_series(1, ${PEOPLE}) n;
  insert into preferences (org_id, customer_id, topic, channel, wanted, at, source)
    select b.org_id, md5('c' || n)::uuid, 'offers', 'whatsapp', true, now(), 'bench' from businesses b, generate_series(1, ${PEOPLE}) n;
  insert into customer_settings (org_id, customer_id, quiet)
    select b.org_id, md5('c' || n)::uuid, false from businesses b, generate_series(1, ${PEOPLE}) n;
  insert into whatsapp_templates (org_id, account, name, language, status, updated_at)
    select org_id, 'bench', 'spring', 'en_US', 'APPROVED', now() from businesses;
  analyze customers; analyze customer_phones; analyze preferences; analyze contact_points`;

let code = 0;
const awake = options.awake ? spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" }) : undefined;
const world = new World({ name: "bench-broadcast", build: options.build });
const play = async () => {
  const { stdout } = await run(join(options.build, "play"), ["--target", world.port, "--graph", world.sandboxPort, "--path", "/webhooks/whatsapp",
    "--secret", world.secret, "--number", NUMBER, "--rate", options.rate, "--people", 500, "--seconds", options.seconds, "--each", "yes"].map(String))
    .catch((error) => (error.code === 1 ? error : Promise.reject(error)));
  return JSON.parse(stdout);
};
const sent = async () => Number(await world.sql("select count(*) from messages where why like 'broadcast/%' and delivery > 0"));

try {
  await world.makeDatabase();
  await world.writeSettings();
  const settings = join(world.folder, "parley.yaml");
  writeFileSync(settings, readFileSync(settings, "utf8").replaceAll("1000000", options.lane));
  await world.parley("migrate");
  await world.parley("seed", "demo", "--app", "demo", "--number", NUMBER);
  await world.sql(`update businesses set settings = settings || '{"reading": "known"}'`);
  await world.sql(customers);
  await world.sql("alter system set min_wal_size = '512MB'");
  await world.sql("select pg_reload_conf()");
  await world.startService();
  const words = join(world.folder, "words.yaml");
  writeFileSync(words, "template:\n  name: spring\n  languages: {en: en_US}\n  values: ['{{name}}']\notherwise: en\n");
  await world.parley("broadcast", "create", "spring", "--words", words, "--channel", "whatsapp");
  await world.parley("broadcast", "start", "spring");
  await world.until("the ledger is written", 300_000, async () => (await world.sql("select state from broadcasts")) === "running");
  await world.parley("broadcast", "pause", "spring");
  // A server that has run for a while writes its log into files that it has had before; a new one makes each, and all
  // commits wait for that, with a broadcast or without.
  for (let file = 0; file < 24; file++) await world.sql("select pg_logical_emit_message(false, 'bench', ''), pg_switch_wal()");
  await world.sql("checkpoint");
  await play(); // warm
  const without = async () => play();
  const during = async () => {
    await world.parley("broadcast", "resume", "spring");
    await world.until("it is sent", 10_000, async () => (await world.sql("select count(*) from outbox where priority = 2")) !== "0");
    const before = await sent(), from = Date.now();
    const one = await play();
    one.broadcast = ((await sent()) - before) / ((Date.now() - from) / 1000);
    await world.parley("broadcast", "pause", "spring");
    await pause(500);
    return one;
  };
  const found = { without: [], during: [] };
  for (let pair = 0; pair < pairs; pair++) {
    const order = pair % 2 ? ["during", "without"] : ["without", "during"];
    for (const name of order) found[name].push(await (name === "during" ? during : without)());
  }
  const state = await world.sql("select state || ' ' || paused from broadcasts");
  if (state !== "running true") throw new Error(`the broadcast was ${state} at the end: more people are needed`);
  const ratio = (what) => found.during.map((one, i) => what(one) / what(found.without[i]));
  const noise = (what) => found.without.slice(1).map((one, i) => what(one) / what(found.without[i]));
  const p50 = (one) => one.reply_ms.p50, p99 = (one) => one.reply_ms.p99;
  console.log(`${pairs} pairs of ${options.seconds} s, ${options.rate} messages a second; median (and quartiles)`);
  console.log(`broadcast: ${told(found.during.map((one) => one.broadcast), 0)} messages a second`);
  for (const [name, rounds] of Object.entries(found))
    console.log(`${name}: reply p50 ${told(rounds.map(p50))} ms, p99 ${told(rounds.map(p99))} ms, ${told(rounds.map((one) => one.per_s), 0)} turns/s`);
  console.log(`during / without: p50 ${told(ratio(p50), 2)}, p99 ${told(ratio(p99), 2)}`);
  const all = (name, share) => part(found[name].flatMap((one) => one.each_ms), share);
  for (const share of [0.5, 0.9, 0.99])
    console.log(`all replies together: p${100 * share} ${all("without", share).toFixed(1)} to ${all("during", share).toFixed(1)} ms, ${(all("during", share) / all("without", share)).toFixed(2)}`);
  console.log(`without / without: p50 ${told(noise(p50), 2)}, p99 ${told(noise(p99), 2)}`);
  if (options.check && part(ratio(p99), 0.5) > 1.2) code = 1;
} finally {
  awake?.kill();
  await world.end(false);
}
process.exit(code);
