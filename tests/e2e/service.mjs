#!/usr/bin/env node
// The running service over real HTTP: what it refuses, what it takes, and what becomes of it.
//
//   tests/e2e/service.mjs [--build DIR] [--keep] [WORDS...]   only the checks whose names have them
//
// Each check is a sentence; each has customers of its own, so that they do not meet. What is
// checked comes from the answers, the database, the sandbox's journal and, at the end, the logs.
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { connect } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { NUMBER, WABA, World, call, childrenOf, killNow, pause, root } from "./world.mjs";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { build: { type: "string", default: join(root, "build/release") }, keep: { type: "boolean", default: false } },
});

const PATH = "/webhooks/whatsapp";
const checks = [];
const check = (name, what) => checks.push({ name, what });

let people = 0;
const person = () => `155502${String(10000 + ++people)}`;
const newId = () => `wamid.service.${randomBytes(9).toString("hex")}`;
const seconds = (at = Date.now()) => String(Math.floor(at / 1000));

const text = (from, words, id = newId()) => ({ from, id, timestamp: seconds(), type: "text", text: { body: words } });
const value = (messages, more = {}) => ({
  messaging_product: "whatsapp",
  metadata: { display_phone_number: "15550783881", phone_number_id: NUMBER },
  ...(messages.length > 0 ? { contacts: messages.map(({ from }) => ({ profile: { name: `Secretname ${from}` }, wa_id: from })), messages } : {}),
  ...more,
});
const envelope = (...values) => JSON.stringify({
  object: "whatsapp_business_account",
  entry: [{ id: WABA, changes: values.map((one) => ({ field: "messages", value: one })) }],
});
const statuses = (...list) => envelope(value([], {
  statuses: list.map(({ id, status, to, key, errors }) => ({
    id, status, timestamp: seconds(), recipient_id: to, ...(key ? { biz_opaque_callback_data: key } : {}), ...(errors ? { errors } : {}),
  })),
}));

// --- the world as checks see it ---------------------------------------------------------------

let world, agent;

const post = (body, { signature, headers = {}, timeout } = {}) =>
  call(world.port, {
    method: "POST", path: PATH, body, agent, timeout,
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), "x-hub-signature-256": signature ?? world.sign(body), ...headers },
  });

const is = (got, expected, what) => {
  if (got !== expected) throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
};
const ok = (yes, what) => {
  if (!yes) throw new Error(what);
};
const taken = async (body, what = "the delivery") => is((await post(body)).status, 200, what);
const say = (from, words, id) => taken(envelope(value([text(from, words, id)])));

const number = async (query) => Number(await world.sql(query));
const of = (from) => `c.contact_id in (select contact_id from contact_points where phone in ('${from}', '+${from}'))`;
const inbound = (from) => number(`select count(*) from messages m join conversations c using (org_id, conversation_id) where m.inbound and ${of(from)}`);
const arrived = async (from) => (await world.arrivals()).filter(({ to }) => to.replace(/\D/g, "") === from);
const wordsOf = ({ body }) => body.text?.body ?? body.interactive?.body?.text ?? "";
const settled = (from) => number(`select count(*) from outbox o join conversations c using (org_id, conversation_id) where ${of(from)}`);

const soon = async (what, ask, within = 20_000) => {
  let last;
  for (const end = Date.now() + within; Date.now() < end; await pause(30)) {
    try {
      if (await ask()) return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`not within ${within / 1000} s: ${what}${last ? ` (${last.message})` : ""}`);
};
const replies = (from, n) => soon(`${n} replies to ${from}`, async () => (await arrived(from)).length >= n);

// Bytes as they are, and what comes back until the other side closes or `within` is over.
const raw = (parts, { within = 3000, between = 0 } = {}) =>
  new Promise((done) => {
    const socket = connect(world.port, "127.0.0.1");
    let got = "", closed = false;
    const end = () => {
      closed = true;
      socket.destroy();
      done({ text: got, status: Number(/^HTTP\/1\.1 (\d+)/.exec(got)?.[1] ?? 0), all: [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code)) });
    };
    socket.on("data", (bytes) => (got += bytes));
    for (const event of ["end", "close", "error"]) socket.on(event, () => closed || end());
    setTimeout(() => closed || end(), within);
    (async () => {
      for (const part of parts) {
        if (closed) return;
        socket.write(part);
        if (between > 0) await pause(between);
      }
    })();
  });
const head = (lines) => [`POST ${PATH} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", ...lines, "", ""].join("\r\n");

const noEcho = (answer, body, what) => {
  const right = world.sign(body).slice(7);
  ok(!answer.text.includes(right), `${what}: the answer shows what the signature should have been`);
  ok(!answer.text.includes(world.secret), `${what}: the answer shows the secret`);
};

// --- the door -----------------------------------------------------------------------------------

check("CH-1 the challenge is answered to the right token only", async () => {
  const ask = (query) => call(world.port, { path: `${PATH}?${query}` });
  const right = await ask(`hub.mode=subscribe&hub.verify_token=${world.secret}&hub.challenge=1158201444`);
  is(`${right.status} ${right.text}`, "200 1158201444", "the right token");
  is((await ask("hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1")).status, 403, "a wrong token");
  is((await ask(`hub.mode=unsubscribe&hub.verify_token=${world.secret}&hub.challenge=1`)).status, 403, "another mode");
  is((await ask("")).status, 403, "nothing");
});

check("CH-1 a forged, unsigned or misshapen signature is refused, and nothing is told", async () => {
  const from = person(), body = envelope(value([text(from, "hi")])), right = world.sign(body);
  const wrong = [`sha256=${"0".repeat(64)}`, "", "sha256=", right.slice(0, -1), `${right}0`, right.replace("sha256=", "sha1="), right.slice(7),
    world.sign(body, "another secret"), world.sign(`${body} `)];
  for (const signature of wrong) {
    const answer = await post(body, { signature });
    is(answer.status, 401, `the signature ${JSON.stringify(signature.slice(0, 20))}`);
    noEcho(answer, body, "a refusal");
  }
  const answer = await raw([head([`Content-Length: ${body.length}`, "Connection: close"]) + body]);
  is(answer.status, 401, "no signature at all");
  is(await inbound(from), 0, "turns of what was refused");
});

check("CH-1 a body that ends early, lies about its length, or is too large harms nobody", async () => {
  const from = person(), body = envelope(value([text(from, "hi")]));
  const signed = (lines) => head([`X-Hub-Signature-256: ${world.sign(body)}`, ...lines]);
  const early = raw([signed([`Content-Length: ${body.length + 100}`]) + body], { within: 1500 });
  const large = await raw([signed(["Content-Length: 4194304"])], { within: 3000 });
  ok(large.status === 413 || large.status === 400 || large.text === "", `4 MB announced: ${large.text.slice(0, 60)}`);
  const both = await raw([signed([`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"]) + body], { within: 1500 });
  ok(both.status !== 200, "two lengths at once must not be taken");
  const negative = await raw([signed(["Content-Length: -1"]) + body], { within: 1500 });
  ok(negative.status !== 200, "a length below zero must not be taken");
  const short = await raw([signed([`Content-Length: ${body.length - 2}`, "Connection: close"]) + body], { within: 1500 });
  ok(short.status !== 200, "a shorter length than was signed must not be taken");
  ok((await early).status !== 200, "half a body must not be taken");
  is(await inbound(from), 0, "turns of what was refused");
  await say(from, "hi");
  await replies(from, 1);
});

check("CH-1 a slow sender is served, and keeps nobody waiting", async () => {
  const from = person(), body = envelope(value([text(from, "hi")]));
  const bytes = head([`X-Hub-Signature-256: ${world.sign(body)}`, `Content-Length: ${body.length}`, "Connection: close"]) + body;
  const parts = bytes.match(/[\s\S]{1,40}/g);
  const slow = raw(parts, { between: 60, within: 8000 });
  const began = Date.now();
  await say(person(), "hi");
  ok(Date.now() - began < 1500, "another customer waited for the slow one");
  is((await slow).status, 200, "the slow one");
  await replies(from, 1);
});

check("CH-1 expect: 100-continue, and requests one behind the other, are answered", async () => {
  const [a, b] = [person(), person()];
  const one = (from, more = []) => {
    const body = envelope(value([text(from, "hi")]));
    return head([`X-Hub-Signature-256: ${world.sign(body)}`, `Content-Length: ${body.length}`, ...more]) + body;
  };
  const expecting = await raw([one(a, ["Expect: 100-continue", "Connection: close"])]);
  ok(expecting.all.includes(200), `100-continue: ${expecting.text.slice(0, 60)}`);
  // Behind one another on one connection: taken or refused, but never hanging and never half.
  await raw([one(b) + one(person()) + one(person(), ["Connection: close"])], { within: 2000 });
  await say(b, "menu");
  await replies(b, 1);
});

check("CH-1 a compressed or unsigned-for encoding is refused", async () => {
  const body = gzipSync(envelope(value([text(person(), "hi")])));
  const answer = await post(body, { headers: { "content-encoding": "gzip", "content-length": body.length } });
  ok(answer.status === 200 || answer.status === 415 || answer.status === 400, `gzip: ${answer.status}`);
});

// --- deliveries --------------------------------------------------------------------------------

check("CH-1 a thousand messages of a thousand customers in one delivery, given eight times at once, are each handled once", async () => {
  const base = 15550300000, all = Array.from({ length: 1000 }, (_, n) => String(base + n));
  const body = envelope(value(all.map((from) => text(from, "hi"))));
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(body, { timeout: 30_000 })));
  for (const { status } of answers) ok(status === 200 || status === 503, `answered ${status}`);
  ok(answers.some(({ status }) => status === 200), "none of eight was taken");
  const handled = () => number(`select count(*) from messages m join conversations c using (org_id, conversation_id)
    join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id where m.inbound and p.phone between '+${base}' and '+${base + 999}'`);
  await soon("all are handled", async () => (await handled()) >= 1000, 15_000);
  await soon("all are answered", async () => (await world.arrivals()).filter(({ to }) => all.includes(to.replace(/\D/g, ""))).length >= 1000, 20_000);
  await pause(300);
  is(await handled(), 1000, "turns");
  is((await world.arrivals()).filter(({ to }) => all.includes(to.replace(/\D/g, ""))).length, 1000, "replies");
});

check("CH-1 a bad item harms none of its neighbours", async () => {
  const [a, b] = [person(), person()];
  const bad = [{ from: 7, id: {}, timestamp: [], type: "text" }, { type: "text", text: null }, {}, { from: person(), id: newId(), timestamp: "x", type: "telepathy", telepathy: { mood: 1e300 } }];
  await taken(envelope(value([text(a, "hi")]), value(bad.map((one) => ({ from: person(), ...one }))), value([text(b, "hi")])));
  await replies(a, 1);
  await replies(b, 1);
});

check("CH-1 what cannot be read is answered 200 and kept", async () => {
  const kept = () => number("select count(*) from unrouted");
  const before = await kept();
  const odd = [
    envelope(value([text(person(), "a\u0000b")])),
    envelope(value([text(person(), "lone")])).replace("lone", "\\ud800"),
    "{\"object\":\"whatsapp_business_account\",\"entry\":[",
    "[".repeat(5000) + "]".repeat(5000),
    "\u00ff\u00fe nothing of this kind",
  ];
  for (const [n, body] of odd.entries()) is((await post(body)).status, 200, `odd body ${n}`);
  await soon("all are kept", async () => (await kept()) >= before + odd.length);
});

check("CH-1 a number that no business has is answered 200, kept, and replayed once it is known", async () => {
  const from = person(), stranger = "299990000000001";
  const one = value([text(from, "hi")]);
  one.metadata.phone_number_id = stranger;
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: "299990000000000", changes: [{ field: "messages", value: one }] }] });
  await taken(body);
  const list = async () => (await world.parley("dead", "list", "--json", "--limit", "1000")).stdout.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  let letter;
  await soon("it is listed", async () => (letter = (await list()).find(({ reason }) => reason === "an account that no business has")) !== undefined);
  const refusal = await world.parley("dead", "replay", letter.id).then(() => "", (error) => error.stderr);
  ok(/no business has the number/.test(refusal), `a replay before it is known: ${refusal}`);
  is((await world.parley("dead", "show", letter.id, "--raw")).stdout, body, "the delivery as it came");
  await world.sql(`set parley.org_id = '${await world.sql("select org_id from businesses limit 1")}';
    insert into accounts (org_id, account_id, channel, external_id, app) select org_id, gen_random_uuid(), 'whatsapp', '${stranger}', 'demo' from businesses;
    insert into directory (kind, external_id, org_id, account_id, app) select 'whatsapp', external_id, org_id, account_id, 'demo' from accounts where external_id = '${stranger}';`);
  await pause(1100); // the service looks again for an unknown number once a second
  await world.parley("dead", "replay", letter.id);
  await soon("it is handled", async () => (await inbound(from)) === 1);
  ok(!(await list()).some(({ id }) => id === letter.id), "it is still listed");
});

check("a parked message is replayed alone and once, through a kill and twice over", async () => {
  const [a, b, c] = [person(), person(), person()];
  const three = [a, b, c].map((from) => text(from, "hi"));
  const body = envelope(value(three));
  await taken(envelope(value([three[0]])));
  await taken(envelope(value([three[2]])));
  await taken(envelope(value([three[1]])));
  const org = await world.sql("select org_id from businesses limit 1");
  const id = (await world.sql(`insert into dead_letters (org_id, dead_id, at, provider, account_id, reason, item, payload)
    select '${org}', gen_random_uuid(), max(s.at), 'whatsapp', (select account_id from accounts where external_id = '${NUMBER}'), 'as a test wants it', '${three[1].id}',
      convert_to($body$${body}$body$, 'utf8') from seen s returning dead_id`)).split("\n")[0];
  ok((await world.parley("dead", "list")).stdout.includes(id), "it is not listed");
  await world.parley("dead", "replay", id);
  await soon("it is handled again", async () => (await inbound(b)) === 2);
  const again = await world.parley("dead", "replay", id).then(() => "", (error) => error.stderr);
  ok(/replayed already/.test(again), `a second replay: ${again}`);
  await world.sql(`update dead_letters set replayed_at = null where dead_id = '${id}'`); // killed before the mark
  await world.parley("dead", "replay", "--all");
  await pause(200);
  is(`${await inbound(a)} ${await inbound(b)} ${await inbound(c)}`, "1 2 1", "turns of the three");
  is(await number("select count(*) from audit where action = 'dead letter replayed'"), 2, "entries in the audit log");
  const unknown = await world.parley("dead", "show", org).then(() => "", (error) => error.stderr);
  ok(/there is no dead letter/.test(unknown), `an unknown id: ${unknown}`);
  const wrong = await world.parley("dead", "replay", "12").then(() => "", (error) => error.stderr);
  ok(/is not an id/.test(wrong), `not an id: ${wrong}`);
});

check("CH-1 unknown kinds and fields are recorded and passed over", async () => {
  const from = person();
  const body = JSON.parse(envelope(value([{ ...text(from, "hi"), brand_new: { deep: [1, { x: null }] } }])));
  body.entry[0].changes.push({ field: "something_new_in_2027", value: { a: [1, 2, 3] } });
  body.from_the_future = true;
  await taken(JSON.stringify(body));
  await replies(from, 1);
});

// --- turns ---------------------------------------------------------------------------------------

check("two messages at the same instant on two workers are two turns, one after the other", async () => {
  for (let round = 0; round < 5; round++) {
    const from = person();
    await Promise.all([say(from, "hi"), say(from, "help")]);
    await replies(from, 2);
    const seqs = (await arrived(from)).map(({ key }) => Number(key.split(".")[2]));
    is(JSON.stringify(seqs), JSON.stringify([...seqs].sort((x, y) => x - y)), "the order of the replies");
    is(await inbound(from), 2, "turns");
  }
});

check("sixty deliveries of three customers at once are all handled, and none is taken for bad data", async () => {
  const three = [person(), person(), person()], parked = () => number("select count(*) from dead_letters");
  const before = await parked();
  await Promise.all(Array.from({ length: 60 }, (_, n) => say(three[n % 3], n % 2 ? "menu" : "help")));
  for (const from of three) {
    is(await inbound(from), 20, `turns of ${from}`);
    await replies(from, 20);
  }
  is(await parked(), before, "parked");
});

check("the same message again, at once and later, is one turn", async () => {
  const from = person(), id = newId(), body = envelope(value([text(from, "hi", id)]));
  await Promise.all(Array.from({ length: 10 }, () => taken(body)));
  await taken(body);
  await replies(from, 1);
  await pause(200);
  is(`${await inbound(from)} ${(await arrived(from)).length}`, "1 1", "turns and replies");
});

check("CH-8 after STOP nothing leaves but its confirmation, until START", async () => {
  const from = person();
  await say(from, "hi");
  await replies(from, 1);
  await say(from, "STOP");
  await replies(from, 2);
  for (const words of ["hello?", "orders", "stop"]) await say(from, words);
  await pause(500);
  is((await arrived(from)).length, 2, "messages after STOP");
  await say(from, "START");
  await replies(from, 3);
});

check("FLW an old button is answered for what it was, or kindly refused", async () => {
  const from = person();
  await say(from, "hi");
  await replies(from, 1);
  const [{ body }] = await arrived(from);
  const row = body.interactive.action.sections[0].rows.find(({ title }) => title === "Help");
  await say(from, "orders");
  await replies(from, 2);
  const tap = (id) => ({ from, id: newId(), timestamp: seconds(), type: "interactive", interactive: { type: "list_reply", list_reply: { id, title: "Help" } } });
  await taken(envelope(value([tap(row.id)])));
  await replies(from, 3);
  await taken(envelope(value([tap("p1.00000000.menu.main.c:help")])));
  await replies(from, 4);
  await taken(envelope(value([tap("not one of ours")])));
  await replies(from, 5);
});

// --- statuses -----------------------------------------------------------------------------------

const deliveryOf = (key) => {
  const [, conversation, seq] = key.split(".");
  return number(`select delivery from messages where conversation_id = '${conversation}' and seq = ${seq}`);
};

check("statuses only move forward, in any order and however often", async () => {
  const from = person();
  await say(from, "hi");
  await replies(from, 1);
  const [{ id, key }] = await arrived(from);
  await soon("it was delivered", async () => (await deliveryOf(key)) >= 3);
  const tell = (status) => taken(statuses({ id, status, to: from, key }));
  await tell("read");
  const read = await deliveryOf(key);
  for (const status of ["sent", "delivered", "read", "sent", "failed"]) await tell(status);
  is(await deliveryOf(key), read, "the state after older statuses");
});

check("a status that comes before we know the message counts, by our key and by its id", async () => {
  const from = person(), early = `wamid.early.${randomBytes(6).toString("hex")}`;
  await taken(statuses({ id: early, status: "delivered", to: from }));
  is(await number("select count(*) from early_statuses"), 1, "statuses that wait");
  await say(from, "hi");
  await replies(from, 1);
  const [{ id, key }] = await arrived(from);
  await taken(statuses({ id, status: "read", to: from }));
  await soon("by the id alone it counts", async () => (await deliveryOf(key)) === 4);
});

// --- what the provider says ----------------------------------------------------------------------

const withFaults = async (wish, what) => {
  await world.faults(wish);
  try {
    await what();
  } finally {
    await world.faults({ reset: true });
  }
};
const failing = (code, http, from, next) => ({ fail: [{ code, http, next, to: `+${from}` }] });
const reasonOf = (from) => world.sql(`select m.delivery || ' ' || m.error || ' ' || m.attempts from messages m join conversations c using (org_id, conversation_id) where not m.inbound and ${of(from)} order by m.seq desc limit 1`);

for (const [code, http, what] of [[130429, 400, "too much in all"], [131056, 400, "too fast for one person"], [131000, 500, "a fault of theirs"]])
  check(`OUT ${code}, ${what}, is tried again and arrives once`, async () => {
    const from = person();
    await withFaults(failing(code, http, from, 1), async () => {
      await say(from, "hi");
      await soon("it arrives", async () => (await arrived(from)).length === 1, 12_000);
    });
    await soon("it is settled", async () => (await settled(from)) === 0);
    is((await arrived(from)).length, 1, "arrivals");
  });

check("OUT 131026, no WhatsApp there, is given up with the reason, and the next message goes", async () => {
  const from = person();
  await withFaults(failing(131026, 400, from, 1), async () => {
    await say(from, "hi");
    await soon("it is settled", async () => (await inbound(from)) === 1 && (await settled(from)) === 0);
  });
  is(await reasonOf(from), "2 131026 1", "state, error and attempts");
  await say(from, "menu");
  await replies(from, 1);
});

check("OUT a lost answer with a callback is one arrival; without one it is repeated once", async () => {
  const [a, b] = [person(), person()];
  await withFaults({ lose_answer: 1 }, async () => {
    await say(a, "hi");
    await replies(a, 1);
  });
  await soon("the callback settles it", async () => (await settled(a)) === 0);
  await withFaults({ lose_answer: 1, lose_callback: 1 }, async () => {
    await say(b, "hi");
    await replies(b, 1);
  });
  await soon("it is repeated", async () => (await arrived(b)).length === 2 && (await settled(b)) === 0, 12_000);
  await pause(2500);
  is(`${(await arrived(a)).length} ${(await arrived(b)).length}`, "1 2", "arrivals");
});

check("OUT a request that got lost on the way, and a slow answer, end with one arrival", async () => {
  const [a, b] = [person(), person()];
  await withFaults({ lose_request: 1 }, async () => {
    await say(a, "hi");
    await pause(300);
  });
  await soon("the lost one arrives", async () => (await arrived(a)).length === 1, 12_000);
  await withFaults({ delay_ms: 700 }, async () => {
    await say(b, "hi");
    await replies(b, 1);
    await soon("the slow one is settled", async () => (await settled(b)) === 0);
  });
  is((await arrived(b)).length, 1, "arrivals of the slow one");
});

check("OUT what got lost twice still arrives, once, when the provider has reported on all else", async () => {
  const from = person();
  await withFaults({ lose_request: 1 }, async () => {
    await say(from, "hi");
    await soon("it is lost a second time", async () =>
      (await number(`select count(*) from outbox o join conversations c using (org_id, conversation_id) where o.state = 2 and o.repeats = 1 and ${of(from)}`)) === 1);
  });
  for (let n = 0; n < 50 && (await arrived(from)).length === 0; n++) {
    await say(person(), "hi");
    await pause(60);
  }
  await soon("it arrives", async () => (await arrived(from)).length === 1 && (await settled(from)) === 0, 12_000);
});

check("OUT a refused token stops the lane with an alert, and nothing is lost", async () => {
  const from = person();
  await withFaults(failing(190, 401, from, 1), async () => {
    await say(from, "hi");
    await soon("the lane stops", async () => /^parley_lane_stopped\{[^}]*\} 1/m.test((await call(world.port, { path: "/metrics" })).text));
  });
  ok(readFileSync(join(world.folder, "service.log"), "utf8").includes("alert lane.stopped"), "no alert in the log");
  is((await arrived(from)).length, 0, "arrivals while the token is refused");
  await world.restartService(); // as docs/operate.md says
  await replies(from, 1);
});

// --- the service's own troubles --------------------------------------------------------------------

check("a worker that is killed is back, and nothing is lost", async () => {
  const from = person(), before = childrenOf(world.processes.service.pid);
  killNow(before[0]);
  await soon("there are two again", () => {
    const now = childrenOf(world.processes.service.pid);
    return now.length === 2 && now.some((pid) => !before.includes(pid));
  });
  await soon("a delivery is taken", async () => (await post(envelope(value([text(from, "hi")])))).status === 200);
  await replies(from, 1);
});

check("OPS-3 where the database lacks what the program asks for, it is not ready", async () => {
  const anew = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'parley'";
  await world.sql(`alter table short_links rename column url to url_then; ${anew}`);
  await soon("it is not ready, and says what to do", async () => {
    const answer = await call(world.port, { path: "/readyz" });
    return answer.status === 503 && answer.text.includes("parley migrate");
  });
  await world.sql("alter table short_links rename column url_then to url");
  await soon("it is ready by itself", async () => (await call(world.port, { path: "/readyz" })).status === 200, 15_000);
});

check("OPS-5 while the database is away deliveries are refused with 503, and nothing is lost", async () => {
  const from = person(), body = envelope(value([text(from, "hi")]));
  const { postgres } = world.processes;
  postgres.kill("SIGINT");
  await postgres.ended;
  await soon("it is not ready", async () => (await call(world.port, { path: "/readyz" })).status === 503);
  is((await call(world.port, { path: "/healthz" })).status, 200, "it lives");
  is((await post(body, { timeout: 10_000 })).status, 503, "a delivery");
  await world.startPostgres();
  await soon("it is ready by itself", async () => (await call(world.port, { path: "/readyz" })).status === 200, 15_000);
  // Each worker finds the database by itself; the provider tries again until one takes it.
  await soon("the delivery is taken", async () => (await post(body)).status === 200);
  await replies(from, 1);
});

check("on SIGTERM under load what was answered 200 is handled, the leases are given back, and it ends well", async () => {
  await pause(2200); // what a worker that was killed before held has lapsed
  const all = Array.from({ length: 150 }, person);
  const answers = all.map((from) => post(envelope(value([text(from, "hi")]))).then(({ status }) => ({ from, status })));
  await pause(15);
  const { service } = world.processes;
  service.kill("SIGTERM");
  await Promise.race([service.ended, pause(15_000)]);
  is(service.exitCode, 0, "the exit status");
  is(await number("select count(*) from lanes where holder is not null and lease_until > now()"), 0, "leases still held");
  await world.startService();
  const heard = (await Promise.all(answers)).filter(({ status }) => status === 200);
  for (const { from } of heard) {
    ok((await inbound(from)) === 1, `answered 200 and not handled: ${from}`);
  }
  await soon("all of them are answered", async () => {
    const to = new Set((await world.arrivals()).map((one) => one.to.replace(/\D/g, "")));
    return heard.every(({ from }) => to.has(from));
  }, 15_000);
});

// --- the end -----------------------------------------------------------------------------------------

check("the figures are Prometheus's text, and agree with the database", async () => {
  const { text: page } = await call(world.port, { path: "/metrics" });
  for (const line of page.split("\n").filter(Boolean))
    ok(/^(# (HELP|TYPE) (parley|process)_\w+ .+|(parley|process)_\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? -?(\d+(\.\d+)?(e[+-]?\d+)?|\+Inf|NaN))$/.test(line), `a line: ${line}`);
  await world.restartService();
  const before = await number("select count(*) from messages where inbound");
  for (let n = 0; n < 7; n++) await say(person(), "hi");
  const figure = async (name) => Number(new RegExp(`^parley_${name} (\\d+)`, "m").exec((await call(world.port, { path: "/metrics" })).text)?.[1]);
  is((await number("select count(*) from messages where inbound")) - before, 7, "turns in the database");
  is(await figure("turns_total"), 7, "turns in the figures");
});

check("OPS no personal data and no secret is in the log", async () => {
  const log = readFileSync(join(world.folder, "service.log"), "utf8");
  for (const [what, secret] of [["a name", "Secretname"], ["a number", "155502100"], ["another number", "1555030"], ["words", "where is my order"], ["the app's secret", world.secret], ["the token", world.token]])
    ok(!log.includes(secret), `the log has ${what}: ${log.split("\n").find((line) => line.includes(secret))?.slice(0, 200)}`);
  ok(!/AddressSanitizer|runtime error|LeakSanitizer/.test(log), `a sanitizer spoke: ${/.*(Sanitizer|runtime error).*/.exec(log)?.[0]}`);
});

// --- all of it ---------------------------------------------------------------------------------------

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
    }
  }
  return failed;
};

world = new World({ name: "service", build: options.build });
agent = new Agent({ keepAlive: true, maxSockets: 512 });
let failed = 1;
setTimeout(() => {
  console.error("service: not done in time");
  world.endNow();
  process.exit(1);
}, 240_000).unref();
try {
  await world.start();
  failed = await runAll();
} catch (error) {
  console.error(`service: ${error.stack}`);
} finally {
  agent.destroy();
  await world.end(failed > 0 || options.keep);
}
process.exit(failed > 0 ? 1 : 0);
