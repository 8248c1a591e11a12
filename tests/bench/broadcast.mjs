// Whether a broadcast slows conversations: replies while one is under way against replies without, by turns,
// over the same service, whose number may send `--lane` messages a second.
//
//   node tests/bench/broadcast.mjs [--rounds 5] [--seconds 5] [--rate 100] [--lane 400] [--build DIR]
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { NUMBER, World, pause, root } from "../e2e/world.mjs";

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/release") }, rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" }, rate: { type: "string", default: "100" }, lane: { type: "string", default: "400" },
  },
});
const PEOPLE = 12_000;
const run = promisify(execFile);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

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

const world = new World({ name: "bench-broadcast", build: options.build });
const play = async () => {
  const { stdout } = await run(join(options.build, "play"), ["--target", world.port, "--graph", world.sandboxPort, "--path", "/webhooks/whatsapp",
    "--secret", world.secret, "--number", NUMBER, "--rate", options.rate, "--people", 500, "--seconds", options.seconds].map(String))
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
  await world.startService();
  const words = join(world.folder, "words.yaml");
  writeFileSync(words, "template:\n  name: spring\n  languages: {en: en_US}\n  values: ['{{name}}']\notherwise: en\n");
  await world.parley("broadcast", "create", "spring", "--words", words, "--channel", "whatsapp");
  await world.parley("broadcast", "start", "spring");
  await world.until("the ledger is written", 300_000, async () => (await world.sql("select state from broadcasts")) === "running");
  await world.parley("broadcast", "pause", "spring");
  await play(); // warm
  const found = { without: [], during: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    found.without.push(await play());
    await world.parley("broadcast", "resume", "spring");
    const before = await sent();
    const one = await play();
    one.broadcast = (await sent()) - before;
    found.during.push(one);
    await world.parley("broadcast", "pause", "spring");
    await pause(500);
  }
  for (const [name, rounds] of Object.entries(found)) {
    const of = (what) => median(rounds.map(what));
    console.log(`${name}: reply p50 ${of((r) => r.reply_ms.p50).toFixed(1)} ms, p99 ${of((r) => r.reply_ms.p99).toFixed(1)} ms` +
      ` (${rounds.map((r) => r.reply_ms.p99.toFixed(1)).join(" ")}), ${of((r) => r.per_s).toFixed(0)} turns/s` +
      (name === "during" ? `, ${of((r) => r.broadcast)} of the broadcast in each` : ""));
  }
} finally {
  await world.end(false);
}
process.exit(0);
