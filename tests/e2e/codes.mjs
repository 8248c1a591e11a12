#!/usr/bin/env node
// One-time codes on their way out: each arrives once, by SMS, whatever dies or gets lost on the
// way, and is nowhere to be read but on the phone that it was sent to.
//
//   tests/e2e/codes.mjs [--build DIR] [--keep] [WORDS...]   only the checks whose names have them
//
// Each check has customers of the demo's shop of its own, since codes are rationed.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NUMBER, SMS_NUMBER, WABA, World, call, childrenOf, killNow, pause, root, run } from "./world.mjs";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { build: { type: "string", default: join(root, "build/release") }, keep: { type: "boolean", default: false } },
});

const checks = [];
const check = (name, what) => checks.push({ name, what });
const STATUS = "/webhooks/twilio/status";

let world;
let customers = 0;
// The shop's own, in the order of its seed; those of 15 and 16 live elsewhere.
const customer = () => {
  customers++;
  if (customers === 15) customers = 17;
  if (customers > 20) throw new Error("the shop has no more customers");
  return `155501000${String(customers).padStart(2, "0")}`;
};

const is = (got, expected, what) => {
  if (got !== expected) throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
};
const ok = (yes, what) => {
  if (!yes) throw new Error(what);
};
const soon = async (what, ask, within = 10_000) => {
  for (const end = Date.now() + within; Date.now() < end; await pause(30)) if (await ask()) return;
  throw new Error(`not within ${within / 1000} s: ${what}`);
};

const say = async (from, words) => {
  const id = `wamid.codes.${randomBytes(9).toString("hex")}`;
  const value = {
    messaging_product: "whatsapp",
    metadata: { display_phone_number: "15550783881", phone_number_id: NUMBER },
    contacts: [{ profile: { name: "Somebody" }, wa_id: from }],
    messages: [{ from, id, timestamp: String(Math.floor(Date.now() / 1000)), type: "text", text: { body: words } }],
  };
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: WABA, changes: [{ field: "messages", value }] }] });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), "x-hub-signature-256": world.sign(body) };
  await soon("the delivery is taken", async () =>
    (await call(world.port, { method: "POST", path: "/webhooks/whatsapp", headers, body })).status === 200);
};

const sms = async (to) => (await world.arrivals()).filter((one) => one.t === "sms" && one.to === `+${to}`);
const codeIn = (text) => /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
const number = async (query) => Number(await world.sql(query));
const ofSms = (to) => `(select conversation_id from conversations join contact_points using (org_id, contact_id)
  where channel = 'sms' and address = '+${to}')`;
const open = (to) => number(`select count(*) from outbox where conversation_id in ${ofSms(to)}`);

const askCode = async (from) => {
  const before = (await sms(from)).length;
  await say(from, "verify");
  await soon("the code arrives", async () => (await sms(from)).length > before);
  return codeIn((await sms(from)).at(-1).body.body);
};

// Everything that is in the database, as text; columns of bytes as they were written.
const database = async () => {
  const { stdout } = await run(`${world.pgBin}/pg_dump`, ["-d", world.url(), "--data-only", "--inserts"], { maxBuffer: 1 << 30 });
  return stdout.replaceAll(/'\\x([0-9a-f]*)'/g, (_, hex) => `'${Buffer.from(hex, "hex").toString("latin1")}'`);
};
// By chance the digits stand in a fraction of a second, or in an id.
const standsIn = (text, code) => new RegExp(`(?<![\\w.+-])${code}(?![\\w-])`).exec(text);

// An accent would make each Spanish one cost twice as much.
check("OTP-1 a code asked for comes once, by SMS, from the shop's number, in the customer's language", async () => {
  for (const [from, word] of [[customer(), "code"], [customer(), "codigo"], [customer(), "kod"], [customer(), "رمز"]]) {
    const code = await askCode(from);
    const [first, ...more] = await sms(from);
    is(more.length, 0, "more SMS");
    is(first.body.from, SMS_NUMBER, "from");
    ok(/^\d{6}$/.test(code ?? ""), `a code of six digits: ${first.body.body}`);
    ok(first.body.body.toLowerCase().includes(word), `"${word}" in: ${first.body.body}`);
    ok(first.body.callback.startsWith(`http://127.0.0.1:${world.port}${STATUS}?key=p1.`), first.body.callback);
  }
});

check("OTP-1 the code is in no log, no message and, once it is settled, no outbox", async () => {
  // On a busy machine it may be settled before we look: then once more, for somebody else.
  let from;
  let code;
  await world.faults({ delay_ms: 6000 });
  for (let i = 0; i < 5; i++) {
    from = customer();
    code = await askCode(from);
    if ((await open(from)) === 1) break;
  }
  is(await number(`select count(*) from outbox where sealed is not null and conversation_id in ${ofSms(from)}`), 1, "sealed promises");
  const during = await database();
  ok(standsIn(during, code) === null, `in the database while it is under way: ${during.slice(Math.max(0, standsIn(during, code)?.index - 200), standsIn(during, code)?.index + 40)}`);
  await world.faults({ reset: true });
  await soon("it is settled", async () => (await open(from)) === 0);
  const after = await database();
  ok(standsIn(after, code) === null, "in the database afterwards");
  const shown = await world.sql(`select body from messages where conversation_id in ${ofSms(from)}`);
  ok(shown.includes("\u2022\u2022\u2022\u2022\u2022\u2022"), `masked: ${shown}`);
  for (const name of ["service.log", "postgres.log"])
    ok(standsIn(readFileSync(join(world.folder, name), "utf8"), code) === null, `in ${name}`);
});

check("OTP-1 the code that came opens what needed it", async () => {
  const from = customer();
  const code = await askCode(from);
  await say(from, code);
  await soon("it is settled who writes", () => number(`select count(*) from conversations c join contact_points p using (org_id, contact_id)
    where p.channel = 'whatsapp' and p.phone in ('${from}', '+${from}') and c.verified_until > now()`));
});

check("CH-4 statuses of an SMS move its message to delivered", async () => {
  const from = customer();
  await askCode(from);
  await soon("delivered", async () => (await world.sql(`select delivery from messages where conversation_id in ${ofSms(from)}`)) === "3");
});

check("once: a code arrives once when the worker that sends it is killed, at whatever moment", async () => {
  const all = [customer(), customer(), customer(), customer()];
  await world.faults({ delay_ms: 150 });
  for (const [n, from] of all.entries()) {
    const asked = say(from, "verify");
    await pause(10 + n * 70);
    childrenOf(world.processes.service.pid).forEach(killNow);
    await asked;
  }
  await world.faults({ reset: true });
  await soon("each has its code", async () => (await Promise.all(all.map(sms))).every((list) => list.length > 0), 30_000);
  await soon("all is settled", async () => (await number("select count(*) from outbox")) === 0, 30_000);
  const counts = (await Promise.all(all.map(sms))).map((list) => list.length);
  is(counts.join(" "), "1 1 1 1", "SMS of each");
});

check("once: a lost answer is made good by Twilio's own report, and nothing is sent again", async () => {
  const from = customer();
  await world.faults({ lose_answer: 1 });
  await say(from, "verify");
  await soon("it arrives", async () => (await sms(from)).length > 0);
  await world.faults({ reset: true });
  await soon("it is settled", async () => (await open(from)) === 0, 15_000);
  await pause(2500); // longer than an unknown sending waits
  is((await sms(from)).length, 1, "SMS");
  is(await number(`select count(*) from messages where conversation_id in ${ofSms(from)} and delivery >= 1 and error = 0`), 1, "sent");
});

check("once: a request that got lost is sent again, once", async () => {
  const from = customer();
  await world.faults({ lose_request: 1 });
  await say(from, "verify");
  await soon("it is unknown", async () => (await number(`select count(*) from outbox where state = 2 and conversation_id in ${ofSms(from)}`)) === 1);
  await world.faults({ reset: true });
  await soon("it is settled", async () => (await open(from)) === 0, 15_000);
  is((await sms(from)).length, 1, "SMS");
});

check("CH-4 what Twilio refuses is kept with its reason, and is not tried again", async () => {
  const from = customer();
  await world.faults({ fail: [{ code: 21614, http: 400, probability: 1, to: `+${from}` }] });
  await say(from, "verify");
  await soon("it is settled", async () => (await number(`select count(*) from messages where delivery = 2 and error = 21614 and conversation_id in ${ofSms(from)}`)) === 1);
  is(await open(from), 0, "promises left");
  is((await sms(from)).length, 0, "SMS");
  await world.faults({ reset: true });
});

check("CH-4 what fails after Twilio took it is kept, and a person is told of what needs one", async () => {
  const from = customer();
  await world.faults({ fail: [{ code: 30007, probability: 1, late: true, to: `+${from}` }] });
  await askCode(from);
  await soon("it is known as failed", async () => (await number(`select count(*) from messages where delivery = 2 and error = 30007 and conversation_id in ${ofSms(from)}`)) === 1);
  await soon("an alert", async () => /outbox\.refused_later .*30007/.test(readFileSync(join(world.folder, "service.log"), "utf8")));
  is((await sms(from)).length, 1, "SMS");
  await world.faults({ reset: true });
});

check("CH-4 a callback that Twilio did not sign is refused, and changes nothing", async () => {
  const key = `p1.${await world.sql("select conversation_id || '.' || seq from messages where kind = 'text' and not inbound and why = 'code' limit 1")}`;
  const fields = { MessageSid: "SMforged", MessageStatus: "undelivered", ErrorCode: "30003", From: SMS_NUMBER, To: "+15550100001", AccountSid: world.twilioSid };
  const before = await world.sql("select md5(string_agg(m::text, '' order by conversation_id, seq)) from messages m");
  const send = (path, signature, more = {}) => {
    const body = new URLSearchParams({ ...fields, ...more }).toString();
    return call(world.port, { method: "POST", path, body, headers: { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body), ...(signature ? { "x-twilio-signature": signature } : {}) } });
  };
  const path = `${STATUS}?key=${key}`;
  is((await send(path)).status, 401, "unsigned");
  is((await send(path, "AAAA")).status, 401, "nonsense");
  is((await send(path, world.signForm(path, fields, "another token"))).status, 401, "another's token");
  is((await send(path, world.signForm(STATUS, fields))).status, 401, "signed without the key");
  is((await send(path, world.signForm(path, fields), { More: "1" })).status, 401, "a field more");
  is((await send(STATUS, world.signForm(path, fields))).status, 401, "the key taken out");
  is(await world.sql("select md5(string_agg(m::text, '' order by conversation_id, seq)) from messages m"), before, "messages");
  is((await call(world.port, { path: STATUS })).status, 405, "a GET");
  for (const bad of ["p1.x.1", "p1.0192d3a4-0000-7000-8000-000000000001.1", "'; drop table messages; --", ""]) {
    const there = bad ? `${STATUS}?key=${encodeURIComponent(bad)}` : STATUS;
    const { status } = await send(there, world.signForm(bad && /^[\w.-]+$/.test(bad) ? there : STATUS, fields));
    ok(status === 204 || status === 401, `a strange key is answered ${status}`);
  }
  is((await send(path, world.signForm(path, { ...fields, MessageStatus: "read", MessageSid: "SMtrue" }), { MessageStatus: "read", MessageSid: "SMtrue" })).status, 204, "a true one");
});

check("the provider found nothing wrong, and no secret is in a log", async () => {
  const { refused, undescribed, last } = JSON.parse((await call(world.sandboxPort, { path: "/control/violations" })).text);
  is(`${refused} ${undescribed}`, "0 0", `violations ${JSON.stringify(last).slice(0, 300)}`);
  const log = readFileSync(join(world.folder, "service.log"), "utf8");
  for (const [what, secret] of [["Twilio's token", world.twilioToken], ["a customer's number", "155501000"]])
    ok(!log.includes(secret), `the log has ${what}: ${log.split("\n").find((line) => line.includes(secret))}`);
  ok(!/AddressSanitizer|runtime error|LeakSanitizer/.test(log), `a sanitizer spoke: ${/.*(Sanitizer|runtime error).*/.exec(log)?.[0]}`);
});

// --- all of it ------------------------------------------------------------------------------------

const runAll = async () => {
  let failed = 0;
  for (const { name, what } of checks) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
    const began = Date.now();
    try {
      await what();
      console.log(`ok    ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${name}\n      ${error.message}`);
      await world.faults({ reset: true }).catch(() => {});
    }
  }
  return failed;
};

const description = join(root, "../shared/providers/twilio-messages.openapi.json");
let described = [];
try {
  readFileSync(description);
  described = ["--twilio-openapi", description];
} catch {
  console.log("skipped: ../shared is not here");
}
world = new World({ name: "codes", build: options.build, sandbox: described });
let failed = 1;
setTimeout(() => {
  console.error("codes: not done in time");
  world.endNow();
  process.exit(1);
}, 240_000).unref();
try {
  await world.start();
  failed = await runAll();
} catch (error) {
  console.error(`codes: ${error.stack}`);
} finally {
  await world.end(failed > 0 || options.keep);
}
process.exit(failed > 0 ? 1 : 0);
