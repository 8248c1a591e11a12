// What crash.mjs checks: what was promised against what arrived. All of it comes from the database,
// the sandbox's journal and the mail server's, and never from the service's own word.
import { ASKERS } from "./customers.mjs";
import { call, pause } from "./world.mjs";

const rowsOf = async (world, query) => JSON.parse(await world.sql(`select coalesce(json_agg(row_to_json(q)), '[]') from (${query}) q`));

const tally = (list) => list.reduce((counts, name) => counts.set(name, (counts.get(name) ?? 0) + 1), new Map());

// Until nothing waits: in the outbox, in the spool, with those who owe us callbacks, and at the doors. Nothing has to move
// for `within` before that is given up: after long runs there is much to be sent.
export const untilQuiet = async (world, within = 40_000) => {
  for (let left = "", moved = Date.now(); ; await pause(200)) {
    const before = left;
    const outbox = await world.sql("select coalesce(string_agg(state || ': ' || n, ', '), '') from (select state, count(*) n from outbox group by state order by 1) o");
    const spooled = await world.gauge("spool_deliveries");
    const { owed = NaN } = JSON.parse((await call(world.sandboxPort, { path: "/control/counts" })).text || "{}");
    left = [outbox && `outbox has state ${outbox}`, spooled !== 0 && `spool has ${spooled}`, owed !== 0 && `sandbox owes ${owed}`,
      world.office.owed !== 0 && `Resend owes ${world.office.owed}`, ...(await Promise.all(world.doors.map((door) => door.waits())))].filter(Boolean).join("; ");
    if (left === "") return true;
    if (left !== before) moved = Date.now();
    if (Date.now() - moved < within) continue;
    console.log(`BROKEN: not at rest: ${left}`);
    return false;
  }
};

const outOfOrder = (arrivals) => {
  const last = new Map();
  return arrivals.filter(({ key }) => {
    const [, conversation, seq] = key.split(".");
    const late = Number(seq) < (last.get(conversation) ?? 0);
    last.set(conversation, Math.max(Number(seq), last.get(conversation) ?? 0));
    return late;
  });
};

// Each customer writes one after the other, and is to be heard so.
const heardOutOfOrder = (answered, messages) => {
  const written = new Map(answered.map(({ id }, n) => [id, n])), last = new Map();
  return messages.filter(({ inbound, c, id }) => {
    if (!inbound || !written.has(id)) return false;
    const late = written.get(id) < (last.get(c) ?? -1);
    last.set(c, Math.max(written.get(id), last.get(c) ?? -1));
    return late;
  });
};

// Two kills in a row hit the same message before it was on the wire. An unknown sending is repeated
// once and no more: it is then kept as failed, with this reason, and that is counted here.
const isGivenUp = ({ delivery, attempts, reason }) => delivery === 2 && attempts >= 2 && reason === "outcome unknown";

// The answer to START that was still to be sent when STOP came again.
const isStopped = (customers, { delivery, reason, address }) => delivery === 2 && reason === "stopped" && customers.stopped.has(address?.replace("+", ""));

// Of a raw mail only its bytes are its name; in them is the id that its writer gave it.
const MESSAGES = `select conversation_id c, m.seq, m.inbound, m.delivery, m.cause, m.attempts, m.reason, a.channel, coalesce(k.phone, k.address) address,
  case when m.inbound and p.provider = 'mime' then substring(encode(p.body, 'escape') from 'Message-ID: <([^@>]+)@') else m.provider_id end as id
  from messages m join conversations v using (org_id, conversation_id) join accounts a using (org_id, account_id) join contact_points k using (org_id, contact_id)
  left join payloads p using (org_id, payload_id) order by 1, 2`;

export const examine = async (world, customers) => {
  const messages = await rowsOf(world, MESSAGES);
  const dead = await rowsOf(world, "select item, reason from dead_letters");
  const unrouted = await rowsOf(world, "select reason from unrouted");
  const arrivals = [...(await world.arrivals()), ...world.office.arrivals()];
  const handled = tally(messages.filter(({ inbound }) => inbound).map(({ id }) => id));
  const promised = messages.filter(({ inbound }) => !inbound).map((message) => ({ ...message, key: `p1.${message.c}.${message.seq}` }));
  const channelOf = new Map(promised.map(({ key, channel }) => [key, channel]));
  const arrived = tally(arrivals.map(({ key }) => key ?? "without a key"));
  const causes = new Set(promised.map(({ c, cause }) => `${c}.${cause}`));
  const toPerson = new Set((await rowsOf(world, "select data ->> 'conversation' c, data ->> 'seq' seq from events_out where type = 'message.received'")).map(({ c, seq }) => `${c}.${seq}`));
  const held = new Set((await rowsOf(world, "select conversation_id c from conversations where held_until > now()")).map(({ c }) => c));
  const lastCause = promised.reduce((last, { c, cause }) => last.set(c, Math.max(last.get(c) ?? 0, cause ?? 0)), new Map());
  const repeated = [...arrived].filter(([, n]) => n > 1).map(([key, n]) => ({ key, n, channel: channelOf.get(key) }));
  // A code goes to the address of mail that the shop has on record, or by SMS.
  const places = new Map((await rowsOf(world, "select f.phone, u.email from customer_phones f join customers u using (org_id, customer_id)"))
    .map(({ phone, email }) => [phone, [phone, email]]));
  const reports = ({ channel }) => channel !== "email" || world.office.transport === "resend";
  return {
    answered: customers.answered.length, turns: handled.size, promised: promised.length, arrivals: arrivals.length, dead, unrouted,
    channels: tally(promised.map(({ channel }) => channel)),
    doors: tally(customers.answered.map(({ channel }) => channel)),
    notHandled: customers.answered.filter(({ id }) => !handled.has(id)),
    handledTwice: [...handled].filter(([, n]) => n > 1).map(([id]) => id),
    misheard: heardOutOfOrder(customers.answered, messages),
    // Once a person of the team has the conversation, the bot is silent, and they are told.
    withoutReply: messages.filter(({ inbound, c, seq }) => inbound && !causes.has(`${c}.${seq}`) && !toPerson.has(`${c}.${seq}`) && !(held.has(c) && seq > lastCause.get(c))),
    codeless: customers.asked ? ASKERS.filter((from) => !arrivals.some(({ t, to }) => t !== "got" && places.get(`+${from}`)?.includes(to))) : [],
    missing: promised.filter((message) => !arrived.has(message.key) && !isGivenUp(message) && !isStopped(customers, message)),
    givenUp: promised.filter((message) => !arrived.has(message.key) && isGivenUp(message)),
    duplicated: repeated,
    surplus: [...arrived.values()].reduce((sum, n) => sum + n - 1, 0),
    strangers: [...arrived.keys()].filter((key) => !channelOf.has(key)),
    disordered: outOfOrder(arrivals.filter(({ key }) => key)),
    failed: promised.filter(({ delivery }) => delivery === 2),
    // Every callback was paid, whatever their order: the log has to say so.
    untold: promised.filter((message) => arrived.has(message.key) && reports(message) && message.delivery < 3),
  };
};

export const promisesOf = (customers, found) => [
  ["deliveries never answered", customers.unheard],
  ["answered, but not handled", found.notHandled],
  ["handled twice", found.handledTwice],
  ["handled in another order than written", found.misheard],
  ["handled without a reply", found.withoutReply],
  ["parked", found.dead],
  ["taken for nobody's", found.unrouted],
  ["promised, but never arrived", found.missing],
  ["arrived, but never promised", found.strangers],
  ["arrived out of order", found.disordered],
  ["asked for a code and got none", found.codeless],
  ["hardly anybody was answered, so little was proved", found.promised < found.turns * 0.8 ? [`${found.promised} messages in ${found.turns} turns`] : []],
];

export const judge = (promises) => {
  const broken = promises.filter(([, list]) => list.length > 0);
  for (const [promise, list] of broken)
    console.log(`BROKEN: ${promise}: ${list.length}, such as ${list.slice(0, 5).map((one) => JSON.stringify(one)).join(" ")}`);
  return broken.length === 0;
};

const listed = (counts) => [...counts].sort().map(([name, n]) => `${n} ${name}`).join(", ");

export const report = (world, customers, found, began) => {
  console.log(`  ${found.answered} deliveries answered (${listed(found.doors)}), ${customers.repeats} repeats until then, ${customers.again} sent once more`);
  console.log(`  ${found.turns} turns, ${found.promised} messages promised (${listed(found.channels)}), ${found.arrivals} arrivals; mail leaves by ${world.office.transport}`);
  console.log(`  ${found.missing.length} missing, ${found.givenUp.length} hit twice and given up, ${found.surplus} duplicated, ${found.disordered.length} out of order, ` +
    `${found.notHandled.length} not handled, ${found.handledTwice.length} handled twice, ${found.dead.length} parked`);
  console.log(`  seen in the metrics: ${world.counted("send_unknown")} unknown, ${world.counted("send_repeated")} repeated, ` +
    `${world.counted("send_given_up")} given up, ${world.counted("send_retries")} retries, ${world.counted("deliveries_spooled")} spooled, ${world.counted("worker_deaths")} worker deaths`);
  for (const door of world.doors) console.log(`  ${door.constructor.title}: ${door.figures()}`);
  console.log(`  ${((Date.now() - began) / 1000).toFixed(1)} s`);
};
