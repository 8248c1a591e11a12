// The promise under kill -9, on every channel and at every other door: no delivery that was answered 200 is
// lost or handled twice, and every message that was promised reaches the provider once and in its
// conversation's order.
//
//   tests/e2e/crash [MOMENTS]        so many kills (default 15), then a short run with lost answers;
//                                    from 50 on a quarter of them again, with mail by SMTP
//   tests/e2e/crash --lossy          only the run with lost answers and callbacks
//   tests/e2e/crash --away SECONDS   only a run over whose middle the database is away for so long
//   ... --everywhere                 the runs with lost answers or without a database use the other doors, too
//
// --channels says who writes (whatsapp,whatsapp,sms,resend,mime: a name that stands twice has twice
// the share), --doors which other doors are used in the runs with kills (doors/all.mjs has their names;
// "": none), --mail what carries mail that leaves (resend, or smtp, which is the run with lost answers' own).
//
// A private PostgreSQL (fsync on), the service with two workers, and the providers, all on loopback
// and in a folder of their own. Customers' providers come again as each of them does: until it is
// heard, or five times by SMS; and sometimes once more. A mail server knows no keys, so a mail may
// reach it twice when a kill leaves nobody who knows; that is counted.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { examine, judge, promisesOf, report, untilQuiet } from "./books.mjs";
import { CHANNEL_NAMES, Customers } from "./customers.mjs";
import { Deaths } from "./deaths.mjs";
import { DOORS, DOOR_NAMES } from "./doors/all.mjs";
import { Crm } from "./doors/crm.mjs";
import { PostOffice } from "./post_office.mjs";
import { World, pause, root, worlds } from "./world.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "string", default: join(root, "build/release") },
    customers: { type: "string", default: "50" },
    channels: { type: "string", default: "whatsapp,whatsapp,sms,resend,mime" },
    doors: { type: "string", default: DOOR_NAMES.join(",") },
    mail: { type: "string" },
    lossy: { type: "boolean", default: false },
    everywhere: { type: "boolean", default: false },
    away: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const moments = Number(positionals[0] ?? 15);
const away = Number(options.away ?? 0);
const channels = options.channels.split(",");
const doorNames = options.doors.split(",").filter(Boolean);
if (!Number.isInteger(moments) || moments < 0 || !(away >= 0) || !channels.every((name) => CHANNEL_NAMES.includes(name)) || !doorNames.every((name) => DOOR_NAMES.includes(name))) {
  console.error("usage: tests/e2e/crash [MOMENTS] [--lossy | --away SECONDS] [--everywhere] [--channels NAMES] [--doors NAMES] [--mail resend|smtp] [--build DIR] [--customers N] [--keep]");
  process.exit(2);
}

// --- worlds ---------------------------------------------------------------------------------

// `lossy`: an answer may be lost, so a message may arrive twice; how many may, the books say.
const inWorld = async (what, { transport = "resend", plan, sandbox = [], doors = true, lossy = false } = {}) => {
  const began = Date.now();
  const world = new World({ name: "crash", build: options.build, sandbox });
  world.office = new PostOffice(world, { transport: options.mail ?? transport, plan });
  world.crm = new Crm(world);
  world.lossy = lossy;
  // Where all die: longer than a provider whose callback was refused takes to come again, and to be heard.
  if (doors) world.unknownWait = "6s";
  if (doors) world.doors = doorNames.map((name) => new DOORS[name](world));
  let good = false;
  try {
    await world.start();
    good = await what(world, began);
  } finally {
    await world.end(!good || options.keep);
  }
  return good;
};

const customersOf = (world, more) => new Customers(world, { count: Number(options.customers), channels, ...more });

// Nothing is killed before all has begun.
const openDoors = async (world, customers) => {
  for (const door of world.doors) door.customers = customers;
  await Promise.all(world.doors.map((door) => door.begin()));
  world.doors.forEach((door) => door.open());
};

// What they say at last is said by customers, too.
const closeDoors = async (world, customers) => {
  await Promise.all(world.doors.map((door) => door.close()));
  await customers.stop();
};

// What nobody's kill may cost: one arrival each, but for mail by a server, which knows no keys.
const once = (world, found) => found.duplicated.filter(({ channel, n }) => channel !== "email" || world.office.transport !== "smtp" || n > 3);

const conclude = async (world, customers, began, title, more, quietWithin) => {
  const quiet = await untilQuiet(world, quietWithin);
  await world.sample();
  const found = await examine(world, customers);
  const promises = [...promisesOf(customers, found), ["channels that nobody used", [...new Set(channels)].filter((name) => !found.doors.has(name))], ...more(found)];
  for (const door of world.doors) promises.push(...(await door.judge()), [`${door.constructor.title}: nobody came`, door.answered === 0 ? ["nothing was answered"] : []]);
  console.log(title);
  report(world, customers, found, began);
  return judge(promises) && quiet && found.answered > 0;
};

// --- the runs ---------------------------------------------------------------------------------

const crashRun = (moments) => async (world, began) => {
  const deaths = new Deaths(world, world.office.transport === "smtp" ? { "mail server": () => world.office.killServer() } : {});
  const customers = customersOf(world);
  await openDoors(world, customers);
  await pause(500);
  for (let moment = 0; moment < moments; moment++) {
    await pause(100 + Math.random() * 900);
    await deaths.next();
  }
  await pause(500);
  await closeDoors(world, customers);
  return conclude(world, customers, began, `crash: ${deaths}`, (found) => [["arrived more than once", once(world, found)], ["arrived, and not known to have", found.untold]]);
};

// Answers and callbacks get lost and nobody is killed: an unknown sending may be repeated once, so
// no more arrives twice than the service says it repeated.
const lossyRun = async (world, began) => {
  await world.faults({ seed: 7, lose_answer: 0.05, lose_callback: 0.3, duplicate_callback: 0.1, reorder_callback: 0.2 });
  const customers = customersOf(world);
  await openDoors(world, customers);
  await pause(4000);
  await closeDoors(world, customers);
  return conclude(world, customers, began, "lossy: answers, callbacks, and both of one message lost", (found) => {
    const repeated = world.counted("send_repeated");
    return [["more duplicates than repeats", found.surplus > repeated ? [`${found.surplus} duplicates of ${repeated} repeats`] : []],
      ["nothing was lost", world.counted("send_unknown") === 0 ? ["no unknown was counted"] : []],
      ["arrived more than twice", found.duplicated.filter(({ n }) => n > 2)]];
  });
};

// First it hangs, with its connections open, then it is gone, and a worker dies over it. Who comes
// again gets a 503 for it; what Twilio brings waits on the disk. The worker may die with a message on
// the wire, and its status, which nobody could keep, may come again only after `unknown_wait`: then it
// is repeated, and counted.
const awayRun = async (world, began) => {
  const customers = customersOf(world, { patience: 60_000 + away * 1000, rest: 400 });
  await openDoors(world, customers);
  await pause(1000);
  world.freezePostgres();
  await pause(away * 333);
  await world.stopPostgres();
  await pause(away * 167);
  await world.killWorker();
  await pause(away * 500);
  await world.startPostgres();
  await pause(1000);
  await closeDoors(world, customers);
  return conclude(world, customers, began, `away: the database hung for ${Math.round(away / 3)} s, and was gone for ${away - Math.round(away / 3)} s more`, (found) => [
    ["more duplicates than repeats", once(world, found).length > world.counted("send_repeated") ? once(world, found) : []],
    ["arrived more than twice", once(world, found).filter(({ n }) => n > 2)],
    ["arrived, and not known to have", found.untold],
    ["nothing was spooled", channels.includes("sms") && world.counted("deliveries_spooled") === 0 ? ["no delivery went through the spool"] : []],
    ["nobody had to come again", customers.repeats === 0 ? ["no delivery was refused"] : []],
  ], 120_000);
};

const stop = (why) => {
  console.error(`crash: ${why}`);
  for (const world of worlds) {
    world.endNow();
    console.error(`what there is of it is in ${world.folder}`);
  }
  process.exit(1);
};
for (const failure of ["uncaughtException", "unhandledRejection"]) process.on(failure, (error) => stop(error.stack));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop(signal));
setTimeout(() => stop("not done in time"), 240_000 + moments * 5000 + away * 3000).unref();

// Callbacks come twice and late among kills, too, also from a sandbox that was killed.
const UNRULY = ["--faults", JSON.stringify({ duplicate_callback: 0.1, reorder_callback: 0.1 })];
const LOSING = { lose_answer: 0.03, lose_mail: 0.01, later: 0.02, busy: 0.02 };

try {
  const results = [];
  if (away > 0) {
    results.push(await inWorld(awayRun, { sandbox: [...UNRULY], doors: options.everywhere, lossy: true }));
  } else {
    if (!options.lossy) results.push(await inWorld(crashRun(moments), { sandbox: [...UNRULY] }));
    // Where there is time, once more with mail by the carrier that knows no keys.
    if (!options.lossy && moments >= 50) results.push(await inWorld(crashRun(Math.floor(moments / 4)), { transport: "smtp", sandbox: [...UNRULY] }));
    results.push(await inWorld(lossyRun, { transport: "smtp", plan: LOSING, doors: options.everywhere, lossy: true }));
  }
  process.exit(results.every(Boolean) ? 0 : 1);
} catch (error) {
  stop(error.stack);
}
