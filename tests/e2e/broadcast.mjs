// BRO-2 under kill -9: of everybody whom a broadcast reaches nobody is passed over, and nobody gets it
// twice, whatever dies while it is planned, written down, fed and sent.
//
//   tests/e2e/broadcast [RECIPIENTS [KILLS]]     (2000, 4)
//
// A private PostgreSQL (fsync on), the service with two workers, and the sandbox. It is judged by the
// sandbox's journal and the ledger. A provider whose answer a kill took away may have the message or not, so
// it is not sent again: such a message is in the ledger as failed with an unknown outcome, and is counted.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Deaths } from "./deaths.mjs";
import { World, pause, root } from "./world.mjs";
import { writeFileSync } from "node:fs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { build: { type: "string", default: join(root, "build/release") }, keep: { type: "boolean", default: false } },
});
const recipients = Number(positionals[0] ?? 2000), kills = Number(positionals[1] ?? 4);
if (!Number.isInteger(recipients) || recipients < 100 || recipients > 1_000_000 || !Number.isInteger(kills)) {
  console.error("usage: tests/e2e/broadcast [RECIPIENTS [KILLS]] [--build DIR] [--keep]");
  process.exit(2);
}
const UNDER_WAY = 256; // of a lane, at most: so many may be unknown by one kill

// Every hundredth did not ask for it, every hundredth said STOP, every fiftieth has two numbers.
const makeCustomers = (world) => world.sql(`
  insert into customers (org_id, customer_id, external_id, name, language)
    select b.org_id, md5('c' || n)::uuid, 'N' || n, 'Person ' || n, (array['en', 'es', 'pl', 'ar'])[n % 4 + 1]
      from businesses b, generate_series(1, ${recipients}) n;
  insert into customer_phones (org_id, phone, customer_id)
    select b.org_id, '+1999' || to_char(n, 'FM0000000'), md5('c' || n)::uuid from businesses b, generate_series(1, ${recipients}) n
    union all
    select b.org_id, '+1998' || to_char(n, 'FM0000000'), md5('c' || n)::uuid from businesses b, generate_series(1, ${recipients}) n where n % 50 = 7;
  insert into preferences (org_id, customer_id, topic, channel, wanted, at, source)
    select b.org_id, md5('c' || n)::uuid, 'offers', 'whatsapp', n % 100 <> 3, now(), 'test' from businesses b, generate_series(1, ${recipients}) n;
  insert into customer_settings (org_id, customer_id, quiet)
    select b.org_id, md5('c' || n)::uuid, false from businesses b, generate_series(1, ${recipients}) n;
  insert into contact_points (org_id, contact_id, channel, address, phone, customer_id, stopped_at)
    select b.org_id, gen_random_uuid(), 'sms', '+1999' || to_char(n, 'FM0000000'), '+1999' || to_char(n, 'FM0000000'),
           md5('c' || n)::uuid, now() from businesses b, generate_series(1, ${recipients}) n where n % 100 = 5;
  insert into whatsapp_templates (org_id, account, name, language, status, updated_at)
    select b.org_id, 'test', 'spring', l, 'APPROVED', now() from businesses b, unnest(array['en_US', 'es', 'pl', 'ar']) l;
  analyze customers; analyze customer_phones; analyze preferences; analyze contact_points;`);
const numbersOf = (kind) => Array.from({ length: recipients }, (_, i) => i + 1).filter((n) => n % 100 === kind).length;

const makeBroadcast = async (world) => {
  const words = join(world.folder, "words.yaml"), list = join(world.folder, "list.csv");
  writeFileSync(words, "template:\n  name: spring\n  languages: {en: en_US, es: es, pl: pl, ar: ar}\n  values: ['{{name}}', '{{code}}']\n");
  // Everybody stands in it, and every twentieth twice: by number and by id.
  const lines = Array.from({ length: recipients }, (_, i) => `,N${i + 1},A${i + 1}\n${i % 20 ? "" : `+1999${String(i + 1).padStart(7, "0")},,B${i + 1}\n`}`);
  writeFileSync(list, `phone,id,code\n${lines.join("")}`);
  await world.parley("broadcast", "create", "spring", "--words", words, "--list", list, "--channel", "whatsapp");
  await world.parley("broadcast", "start", "spring");
};

const state = async (world) => (await world.sql("select state from broadcasts").catch(() => "away")) || "away";

const hurt = async (world, deaths, done) => {
  while (deaths.total < kills && !done()) {
    await pause(100 + Math.random() * Math.min(5000, recipients / 4));
    await deaths.next();
  }
};

const examine = async (world, killed) => {
  const rows = JSON.parse(await world.sql(`select json_agg(row_to_json(q)) from (
    select r.state, r.reason, r.address, m.delivery, m.reason as why from broadcast_recipients r
      left join messages m on m.org_id = r.org_id and m.conversation_id = r.conversation_id and m.seq = r.seq) q`));
  const arrived = new Map();
  for (const { to, t } of await world.arrivals()) if (t === "got") arrived.set(to.replace(/^\+?/, "+"), (arrived.get(to.replace(/^\+?/, "+")) ?? 0) + 1);
  const ours = rows.filter(({ state }) => state !== "excluded");
  const missing = ours.filter(({ address }) => !arrived.has(address));
  const given = missing.filter(({ why }) => why === "outcome unknown");
  const people = new Set([...arrived.keys()].map((to) => to.slice(5)));
  const out = (reason) => rows.filter((row) => row.reason === reason).length;
  const broken = Object.entries({
    "passed over": missing.filter(({ why }) => why !== "outcome unknown"),
    "written to twice": [...arrived].filter(([, n]) => n > 1),
    "written to on both numbers": [arrived.size - people.size].filter(Boolean),
    "not ended": rows.filter(({ state }) => state === "waiting" || state === "placed"),
    "reached though not in the ledger": [...arrived.keys()].filter((to) => !ours.some(({ address }) => address === to)).slice(0, 3),
    "not asked, and not left out": [numbersOf(3) - out("no_consent")].filter(Boolean),
    "stopped, and not left out": [numbersOf(5) - out("stopped")].filter(Boolean),
    "twice in the list, and not found": [Math.ceil(recipients / 20) - out("duplicate")].filter(Boolean),
    "more unknown than kills explain": [given.length].filter((n) => n > killed * UNDER_WAY),
    "in the ledger": [ours.length - (recipients - numbersOf(3) - numbersOf(5))].filter(Boolean),
  }).filter(([, list]) => list.length > 0);
  for (const [what, list] of broken) console.log(`BROKEN: ${what}: ${list.length}, such as ${JSON.stringify(list.slice(0, 3))}`);
  console.log(`  ${rows.length} in the ledger, ${ours.length} to be written to, ${arrived.size} got it, ${given.length} unknown and not sent again`);
  return broken.length === 0;
};

const world = new World({ name: "broadcast", build: options.build });
const began = Date.now();
let good = false;
try {
  await world.start();
  await makeCustomers(world);
  const from = Date.now();
  await makeBroadcast(world);
  let over = false;
  const deaths = new Deaths(world), killing = hurt(world, deaths, () => over);
  await world.until("the broadcast is over", 60_000 + recipients * 10, async () => (await pause(200), (over = (await state(world)) === "done")));
  await killing;
  // A kill at the very end: what it left comes to rest.
  await world.until("nothing waits", 30_000, async () => (await world.sql("select count(*) from outbox where priority = 2").catch(() => "")) === "0");
  console.log(`${recipients} recipients in ${((Date.now() - from) / 1000).toFixed(1)} s, ${deaths}`);
  good = await examine(world, deaths.total);
} catch (error) {
  console.error(error);
} finally {
  await world.end(!good || options.keep);
}
console.log(`${good ? "ok" : "BROKEN"} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
process.exit(good ? 0 : 1);
