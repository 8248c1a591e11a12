#!/usr/bin/env node
// Files that customers send, over the whole way: the sandbox hands them out with faults, workers
// are killed while they fetch, and what lies in the document store is compared byte for byte.
// Once with a folder, once with a real S3 server from the registry, behind a gate that checks signatures.
//
//   tests/e2e/media.mjs [--build DIR] [--keep] [--store local|s3] [--rounds N] [WORDS...]
import { spawn } from "node:child_process";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { modules } from "./modules.mjs";
import { World, call, childrenOf, freePort, killNow, pause, root } from "./world.mjs";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: "string", default: join(root, "build/release") },
    keep: { type: "boolean", default: false },
    store: { type: "string" },
    rounds: { type: "string", default: "3" }, // of kills, with a folder; one with S3, which changes nothing of it
  },
});

const checks = [];
const check = (name, what, only) => checks.push({ name, what, only });
let world, s3;

const ok = (yes, what) => {
  if (!yes) throw new Error(what);
};
const is = (got, expected, what) => ok(got === expected, `${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
const soon = async (what, ask, within = 20_000) => {
  let last;
  for (const end = Date.now() + within; Date.now() < end; await pause(40)) {
    try {
      if ((last = await ask()) === true) return;
    } catch (error) {
      last = error.message;
    }
  }
  throw new Error(`not within ${within / 1000} s: ${what} (${last})`);
};

// --- files ---------------------------------------------------------------------------------------

const jpeg = (size = 60_000) => {
  const head = [0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
    0xff, 0xc0, 0, 11, 8, 0, 100, 0, 100, 1, 1, 0x11, 0, 0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0];
  return Buffer.concat([Buffer.from(head), randomBytes(size)]);
};
const pdf = (inside = "") => Buffer.from(`%PDF-1.4\n1 0 obj\n${inside}\nendobj\n${randomBytes(9).toString("hex")}\n%%EOF\n`);
const voice = () => Buffer.concat([Buffer.from("OggS\0\x02"), Buffer.alloc(20), Buffer.from("\x01\x13OpusHead\x01\x01"), randomBytes(4000)]);
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

// --- people, and what they do ----------------------------------------------------------------------

let people = 0;
const stranger = () => `+155503${String(10000 + ++people)}`;

const control = async (path, body) => {
  const { status, text } = await call(world.sandboxPort, {
    method: body === undefined ? "GET" : "POST", path: `/control/${path}`, timeout: 10_000,
    headers: { host: `127.0.0.1:${world.sandboxPort}` }, body: body === undefined ? undefined : JSON.stringify(body),
  });
  ok(status === 200, `the sandbox answers ${status} to ${path}: ${text}`);
  return text ? JSON.parse(text) : null;
};
const upload = async (bytes, mime, filename = "") => {
  const { status, text } = await call(world.sandboxPort, {
    method: "POST", path: `/control/media?filename=${filename}`, timeout: 10_000, body: bytes,
    headers: { host: `127.0.0.1:${world.sandboxPort}`, "content-type": mime, "content-length": bytes.length },
  });
  ok(status === 200, `the sandbox does not take a file: ${status} ${text}`);
  return JSON.parse(text).id;
};
const marks = new Map(); // how much each had heard when they last said something
const say = async (who, words) => {
  marks.set(who, (await said(who)).length);
  await control("say", { who, message: { type: "text", text: { body: words } } });
};
const send = async (who, bytes, { mime = "image/jpeg", type = "image", caption } = {}) => {
  const id = await upload(bytes, mime);
  await control("say", { who, message: { type, [type]: { id, ...(caption ? { caption } : {}) } } });
  return id;
};

const wordsOf = ({ body }) => body.text?.body ?? body.interactive?.body?.text ?? "";
const said = async (who) => (await world.arrivals()).filter(({ to }) => to.replace(/\D/g, "") === who.slice(1)).map(wordsOf);
const hears = (who, pattern, what = String(pattern)) => soon(`${who} hears ${what}`, async () => {
  const all = (await said(who)).slice(marks.get(who) ?? 0);
  return all.some((words) => pattern.test(words)) || `last: ${all.at(-1)}`;
});
const heard = async (who, pattern) => (await said(who)).filter((words) => pattern.test(words)).length;

// --- what the database and the store say ------------------------------------------------------------

const row = async (handle) => {
  const line = await world.sql(`select state, open, coalesce(encode(sha256, 'hex'), ''), coalesce(reason, ''), coalesce(mime, ''), org_id, attempts
    from documents where handle = '${handle}'`);
  const [state, open, sha256, reason, mime, org, attempts] = line.split("|");
  return { state, open: open === "t", sha256, reason, mime, org, attempts: Number(attempts) };
};
const becomes = (handle, state, within) => soon(`file ${handle} is ${state}`, async () => {
  const now = await row(handle);
  return now.state === state || JSON.stringify(now);
}, within);

const local = {
  name: "local",
  async start() {},
  settings: () => "",
  pathOf: ({ org, sha256 }) => join(world.folder, "documents", org, sha256.slice(0, 2), sha256),
  read(document) {
    const path = this.pathOf(document);
    if (!existsSync(path)) return null;
    is((statSync(path).mode & 0o777).toString(8), "600", "a file's rights");
    return readFileSync(path);
  },
  remove(document) {
    unlinkSync(this.pathOf(document));
  },
  stop() {},
};

// s3rver keeps objects as S3 does, but lets any signature of version 4 pass (its key and secret are
// both "S3RVER"). So a gate stands before it that signs each request again, as it came over the
// wire, and lets none pass that is signed otherwise.
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const isSigned = (asked, body) => {
  const found = /^AWS4-HMAC-SHA256 Credential=S3RVER\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
    .exec(asked.headers.authorization ?? "");
  if (!found) return false;
  const [, day, region, names, signature] = found;
  const [path, query = ""] = asked.url.split("?");
  const time = asked.headers["x-amz-date"];
  const at = Date.parse(time?.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  const all = names.split(";");
  if (!all.includes("host") || !all.includes("x-amz-date") || !(Math.abs(Date.now() - at) < 60_000)) return false;
  if (asked.headers["x-amz-content-sha256"] !== hash(body)) return false;
  const canonical = [asked.method, path, query, ...all.map((name) => `${name}:${asked.headers[name]}`), "", names, hash(body)].join("\n");
  const key = hmac(hmac(hmac(hmac("AWS4S3RVER", day), region), "s3"), "aws4_request");
  return hmac(key, ["AWS4-HMAC-SHA256", time, `${day}/${region}/s3/aws4_request`, hash(canonical)].join("\n")).toString("hex") === signature;
};

const bucket = {
  name: "s3",
  signed: 0,
  forged: 0,
  openGate() {
    this.server = createServer((asked, answer) => {
      const parts = [];
      asked.on("data", (part) => parts.push(part));
      asked.on("end", () => {
        const body = Buffer.concat(parts);
        if (!isSigned(asked, body)) {
          this.forged += asked.headers.authorization?.endsWith("0".repeat(64)) ? 0 : 1;
          answer.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
          return;
        }
        this.signed++;
        const on = request({ host: "127.0.0.1", port: this.port, method: asked.method, path: asked.url, headers: asked.headers }, (got) => {
          answer.writeHead(got.statusCode, got.headers);
          got.pipe(answer);
        });
        on.on("error", () => answer.destroy());
        on.end(body);
      });
    });
    return new Promise((done) => this.server.listen(this.gate, "127.0.0.1", done));
  },
  async start() {
    const folder = join(root, "build/s3");
    modules(folder, { s3rver: "3.7.1" });
    this.port = await freePort();
    this.gate = await freePort();
    await this.openGate();
    this.folder = join(world.folder, "s3");
    mkdirSync(this.folder);
    await this.startAgain();
  },
  async startAgain() {
    this.child = spawn("node", [join(root, "build/s3/node_modules/s3rver/bin/s3rver.js"), "-d", this.folder, "-a", "127.0.0.1",
      "-p", String(this.port), "--configure-bucket", "parley", "--silent"], { stdio: "ignore" });
    await soon("the S3 server starts", async () => (await call(this.port, { path: "/" })).status > 0);
  },
  settings() {
    return `documents:\n  store: s3\n  endpoint: http://127.0.0.1:${this.gate}\n  bucket: parley\n  key: S3RVER\n  secret: S3RVER\n`;
  },
  find({ sha256 }) {
    for (const name of readdirSync(join(this.folder, "parley"), { recursive: true }))
      if (name.includes(sha256) && name.endsWith("object")) return join(this.folder, "parley", name);
    return null;
  },
  read(document) {
    const path = this.find(document);
    return path === null ? null : readFileSync(path);
  },
  remove(document) {
    unlinkSync(this.find(document));
  },
  stop() {
    this.child?.kill("SIGKILL");
    this.server?.closeAllConnections();
    this.server?.close();
  },
};

let store;
const isKept = async (handle, bytes, within = 20_000) => {
  await becomes(handle, "kept", within);
  const document = await row(handle);
  is(document.sha256, hash(bytes), "the hash of what is kept");
  const got = store.read(document);
  ok(got !== null, "nothing lies in the store");
  ok(got.equals(bytes), `${got.length} bytes lie in the store, and they are not the ${bytes.length} that were sent`);
  return document;
};

// --- checks ---------------------------------------------------------------------------------------

const report = async (who, files) => {
  await say(who, "I want to report a problem");
  await hears(who, /Which order|What happened/);
  if ((await said(who)).at(-1).includes("Which order")) await say(who, "1");
  await hears(who, /What happened/);
  await say(who, "1");
  await hears(who, /Please tell me/);
  await say(who, `It came with a large crack in its side (${randomBytes(3).toString("hex")}).`); // else it is the same again
  await hears(who, /send photos or PDFs/);
  await files();
  await say(who, "done");
  await hears(who, /email/);
  await say(who, (await said(who)).at(-1).includes("Is that right") ? "1" : "skip");
  await hears(who, /Shall I send it/);
  await say(who, "1");
  await hears(who, /Its number is T-[A-Z]{4}-[A-Z]{4}/);
  return /T-[A-Z]{4}-[A-Z]{4}/.exec((await said(who)).findLast((words) => words.includes("Its number is")))[0];
};
const filesOf = (ticket) => world.sql(`select string_agg(d.state, ',' order by t.position) from tickets k join ticket_documents t using (org_id, ticket_id)
  join documents d using (org_id, document_id) where k.number = '${ticket}'`);

check("ISS-1 two photos of a report are kept byte for byte, though every worker is killed in the middle", async () => {
  const who = "+15550100001";
  const photos = [jpeg(400_000), jpeg(700_000)];
  const ids = [];
  await world.faults({ reset: true, media_delay_ms: 600 });
  const ticket = await report(who, async () => {
    ids.push(await send(who, photos[0]), await send(who, photos[1], { caption: "the other side" }));
    await hears(who, /choose "Done"/);
    await pause(150);
    for (const pid of childrenOf(world.processes.service.pid)) killNow(pid);
  });
  for (const [i, id] of ids.entries()) await isKept(id, photos[i]);
  is(await filesOf(ticket), "kept,kept", "the report's files");
  is(await world.sql(`select caption from documents where handle = '${ids[1]}'`), "the other side", "the caption");
  is(await heard(who, /choose "Done"/), 1, "answers to an album");
  await say(who, "my reports");
  await hears(who, /Your reports/);
  await say(who, "1");
  await hears(who, /Files kept: 2/);
});

check("CH-1 files survive whatever kills the service, at any moment", async () => {
  await world.faults({ reset: true, media_delay_ms: 200 });
  for (let round = 0; round < (store.name === "s3" ? 1 : Number(options.rounds)); round++) {
    const who = stranger();
    const bytes = [jpeg(), pdf(), jpeg(200_000)];
    const ids = [await send(who, bytes[0]), await send(who, bytes[1], { mime: "application/pdf", type: "document" }), await send(who, bytes[2])];
    await soon("the files are wanted", async () => (await world.sql(`select count(*) from documents where handle in ('${ids.join("','")}')`)) === "3");
    await pause(Math.random() * 500);
    if (round % 3 === 0) await world.killService();
    else if (round % 3 === 1) await world.restartService(); // as an upgrade does
    else for (const pid of childrenOf(world.processes.service.pid)) killNow(pid);
    for (const [i, id] of ids.entries()) await isKept(id, bytes[i], 30_000);
  }
});

check("CH-1 a provider that is slow, breaks off and sends other bytes only delays it", async () => {
  const who = stranger();
  await world.faults({ reset: true, seed: 7, media_delay_ms: 300, media_drop: 0.3, media_gone: 0.2 });
  const bytes = [jpeg(), jpeg(), pdf(), jpeg()];
  const ids = [];
  for (const one of bytes) ids.push(await send(who, one, one[0] === 0x25 ? { mime: "application/pdf", type: "document" } : {}));
  for (const [i, id] of ids.entries()) await isKept(id, bytes[i], 40_000);
  // Of three tries two are cut: whoever looks for the first and says "enough" may be too late on a busy machine.
  await world.faults({ reset: true, media_cut: 2 });
  const cut = await send(who, bytes[0] = jpeg());
  await isKept(cut, bytes[0]);
  ok((await row(cut)).attempts >= 3, "two tries brought half a file");
});

check("CH-1 voice is kept as voice", async () => {
  const who = stranger();
  await world.faults({ reset: true });
  const bytes = voice();
  const id = await send(who, bytes, { mime: "audio/ogg", type: "audio" });
  is((await isKept(id, bytes)).mime, "audio/ogg", "its kind");
});

check("ISS-1 what is no photo or PDF, lies about it, is too large or could do harm is refused", async () => {
  const who = stranger();
  await world.faults({ reset: true });
  const refused = async (reason, bytes, how) => {
    const id = await send(who, bytes, how);
    await becomes(id, "refused");
    const { reason: why, sha256 } = await row(id);
    is(why, reason, "why");
    is(sha256, "", "it was never stored");
  };
  await refused("kind", Buffer.from("<html><script>alert(1)</script></html>"), { mime: "image/png" });
  await refused("kind", Buffer.from("MZ and a program that goes on for a while"), { mime: "application/pdf", type: "document" });
  await refused("kind", voice(), { mime: "image/jpeg" });
  await refused("hostile", pdf("<< /S /JavaScript /JS (app.alert\\(1\\)) >>"), { mime: "application/pdf", type: "document" });
  await refused("too_large", jpeg(11 * 1024 * 1024), {});
  await world.faults({ reset: true, media_small: true });
  await refused("too_large", jpeg(11 * 1024 * 1024), {}); // the look-up says: 1 byte
  await world.faults({ reset: true, media_wrong: 1 });
  await refused("damaged", jpeg(), {});
  is(await heard(who, /could not be kept/), 0, "nobody who asked for nothing is told");
});

check("ISS-1 a report tells when its files could not be kept", async () => {
  const who = "+15550100002";
  await world.faults({ reset: true, media_drop: 1 }); // they do not come ...
  await say(who, "english");
  await hears(who, /in English/);
  const ids = [];
  const ticket = await report(who, async () => {
    ids.push(await send(who, jpeg()), await send(who, jpeg()));
    await hears(who, /choose "Done"/);
  });
  await world.faults({ reset: true, media_gone: 1 }); // ... and never will
  for (const id of ids) await becomes(id, "lost", 30_000);
  await soon("it is told", async () => (await heard(who, /could not be kept/)) >= 1);
  await pause(500);
  ok((await heard(who, /could not be kept/)) <= 2, "it is told once, or once for each time that one was lost");
  is(await world.sql("select count(*) from documents where open and state in ('refused', 'lost')"), "0", "left to tell");
  // another may be added
  await world.faults({ reset: true });
  await say(who, "my reports");
  await hears(who, /Your reports/);
  await say(who, "1");
  await hears(who, /Files that could not be kept: 2/);
  await say(who, "1");
  await hears(who, /Send the photos or PDFs/);
  const bytes = jpeg();
  const more = await send(who, bytes);
  await hears(who, /choose "Done"/);
  await say(who, "done");
  await hears(who, new RegExp(`added them to report ${ticket}`));
  await isKept(more, bytes);
  is(await filesOf(ticket), "lost,lost,kept", "the report's files");
});

check("ISS-1 files that were lost before the report was sent are told of with its number", async () => {
  const who = "+15550100003";
  await say(who, "english");
  await hears(who, /in English/);
  await world.faults({ reset: true });
  const ticket = await report(who, async () => {
    const bad = await send(who, Buffer.from("no picture at all, whatever it says"));
    await hears(who, /choose "Done"/);
    await becomes(bad, "refused");
  });
  is(await filesOf(ticket), "refused", "the report's files");
  is(await heard(who, /Some of the files could not be kept/), 1, "said with the number");
  await pause(300);
  is(await heard(who, /that you sent with your report could not be kept/), 0, "and not said again");
});

check("ISS-2 the team sees a report with its files, answers it and closes it", async () => {
  const who = "+15550100001";
  await world.faults({ reset: true });
  const bytes = [jpeg(), pdf()];
  const ids = [];
  const ticket = await report(who, async () => {
    ids.push(await send(who, bytes[0], { caption: "*here*" }));
    ids.push(await send(who, bytes[1], { mime: "application/pdf", type: "document" }));
    await pause(300);
  });
  for (const [i, id] of ids.entries()) await isKept(id, bytes[i]);
  const list = (await world.parley("ticket", "list")).stdout;
  ok(list.includes(ticket), "the report is listed");
  ok(!list.includes("crack"), "the list has no word of a customer");
  const folder = join(world.folder, `saved-${store.name}`);
  mkdirSync(folder);
  const typed = ticket.toLowerCase().replaceAll("-", " ");
  const shown = (await world.parley("ticket", "show", typed, "--save", folder)).stdout;
  ok(shown.includes("large crack in its side") && shown.includes("*here*"), `what is shown: ${shown}`);
  ok(readFileSync(join(folder, `${ticket}-1.jpg`)).equals(bytes[0]) && readFileSync(join(folder, `${ticket}-2.pdf`)).equals(bytes[1]), "the saved files");
  await world.parley("ticket", "answer", ticket, "We send you a new one tomorrow.", "--as", "Ann");
  await hears(who, new RegExp(`About your report ${ticket}:\\nWe send you a new one tomorrow`));
  await say(who, "my reports");
  await hears(who, /Your reports/);
  await say(who, "1");
  await hears(who, /🟢 Answered[^]*We send you a new one tomorrow/);
  await world.parley("ticket", "close", ticket);
  await hears(who, new RegExp(`Your report ${ticket} is closed`));
  const refused = await world.parley("ticket", "answer", ticket, "once more").then(() => "", (error) => error.stderr);
  ok(/closed already/.test(refused), `a closed one: ${refused}`);
  const whole = JSON.parse((await world.parley("ticket", "show", ticket, "--json")).stdout);
  is(whole.status, "closed", "its status");
  is(whole.answers[0].by, "Ann", "who answered");
});

check("ORD-6 before and after go out byte for byte, once, though the service is killed in the middle", async () => {
  const who = "+15550100001";
  await world.faults({ reset: true });
  await world.sql("delete from order_photos");
  const files = [["damage", "before.jpg", jpeg(300_000)], ["completed", "after.jpg", jpeg(500_000)], ["completed", "report.pdf", pdf()]];
  for (const [category, name, bytes] of files) {
    const path = join(world.folder, name);
    writeFileSync(path, bytes);
    await world.parley("photo", "add", "rep 2001", path, "--category", category, "--caption", `This is ${name}`, "--as", "Ann");
  }
  await world.faults({ reset: true, upload_delay_ms: 500 });
  await say(who, "REP-2001");
  await hears(who, /REP-2001/);
  await say(who, "photos");
  await hears(who, /Which photos/);
  await say(who, "1");
  await soon("the files are wanted", async () => (await world.sql("select count(*) from uploads")) === "3");
  await pause(300);
  await world.killService();
  const shown = async (name) => (await world.arrivals()).filter(({ body }) => (body.image ?? body.document)?.caption?.includes(`This is ${name}`));
  for (const [, name, bytes] of files) {
    await soon(`${name} comes`, async () => (await shown(name)).length >= 1, 40_000);
    const [{ body }, ...more] = await shown(name);
    is(more.length, 0, `how often ${name} came again`);
    is(body.document?.filename, name.endsWith("pdf") ? name : undefined, "the name of a document");
    const got = await fetch(`http://127.0.0.1:${world.sandboxPort}/control/media?id=${(body.image ?? body.document).id}`);
    ok(Buffer.from(await got.arrayBuffer()).equals(bytes), `${name} is not what was kept`);
  }
  await hears(who, /What would you like to see/);
});

check("OPS-7 the token goes to Meta's hosts only", async () => {
  const who = stranger();
  const bytes = jpeg();
  await world.faults({ reset: true, media_abroad: true });
  const id = await send(who, bytes);
  await soon("it was refused to follow", async () => /not Meta's/.test((await row(id)).reason) || JSON.stringify(await row(id)));
  await world.faults({ reset: true });
  await isKept(id, bytes);
});

check("CH-1 what was stored before a death is found, and not fetched again", async () => {
  const who = stranger();
  const bytes = jpeg();
  await world.faults({ reset: true });
  const id = await send(who, bytes);
  await isKept(id, bytes);
  await world.faults({ reset: true, media_gone: 1 }); // whoever fetches now has lost
  await world.sql(`update documents set state = 'storing', open = true, due_at = now(), kept_at = null where handle = '${id}'`);
  await isKept(id, bytes);
  // and where it was not, it is fetched again
  await world.faults({ reset: true });
  store.remove(await row(id));
  await world.sql(`update documents set state = 'storing', open = true, due_at = now() where handle = '${id}'`);
  await isKept(id, bytes);
});

check("CH-1 what a death left half written is swept, and nothing else", async () => {
  const fresh = join(world.folder, "documents/new");
  writeFileSync(join(fresh, "00ff"), "half a fi");
  writeFileSync(join(fresh, "11ff"), "another half");
  const old = new Date(statSync(join(fresh, "00ff")).mtimeMs - 2 * 3600_000); // by the clock of the files
  utimesSync(join(fresh, "00ff"), old, old);
  const bytes = jpeg();
  await world.faults({ reset: true });
  await isKept(await send(stranger(), bytes), bytes);
  // A worker that was killed a moment ago may have left another, as young as 11ff.
  const left = readdirSync(fresh);
  ok(!left.includes("00ff") && left.includes("11ff"), `what is left there: ${left}`);
}, "local");

check("CH-1 files that belong to nothing go after their time; the same bytes of others stay", async () => {
  await world.faults({ reset: true });
  const [one, other] = [stranger(), stranger()];
  const [shared, alone] = [jpeg(), jpeg()];
  const ids = [await send(one, shared), await send(other, shared), await send(one, alone)];
  for (const [i, id] of ids.entries()) await isKept(id, [shared, shared, alone][i]);
  const before = await row(ids[2]);
  const counted = await world.sql("select count(*) from documents where ticketed and state = 'kept'");
  await world.sql(`update documents set at = now() - interval '40 days' where ticketed or handle in ('${ids[0]}', '${ids[2]}')`);
  await world.restartService(); // a service sweeps when it starts, and each hour
  for (const id of [ids[0], ids[2]]) await becomes(id, "gone");
  await soon("the file is removed", async () => store.read(before) === null);
  await isKept(ids[1], shared);
  is(await world.sql("select count(*) from documents where ticketed and state = 'kept'"), counted, "files of reports, older or not");
  await soon("the row is closed", async () => !(await row(ids[2])).open);
});

check("CH-1 a store that is away only delays it", async () => {
  const who = stranger();
  const bytes = jpeg();
  await world.faults({ reset: true });
  s3.child.kill("SIGKILL");
  const id = await send(who, bytes);
  await soon("it was tried", async () => /document store/.test((await row(id)).reason) || JSON.stringify(await row(id)));
  await s3.startAgain();
  await isKept(id, bytes, 30_000);
}, "s3");

check("every request to S3 is signed as it is sent, and what is not is refused", async () => {
  ok(s3.signed > 20, `only ${s3.signed} requests came`);
  is(s3.forged, 0, "requests with a wrong signature");
  const { status } = await call(s3.gate, { path: "/parley/x", headers: { authorization: "AWS4-HMAC-SHA256 Credential=S3RVER/20260101/us-east-1/s3/aws4_request, "
    + `SignedHeaders=host, Signature=${"0".repeat(64)}` } });
  is(status, 403, "a forged request");
}, "s3");

check("OPS-3 nothing personal and no secret is in the log", async () => {
  const log = readFileSync(join(world.folder, "service.log"), "utf8");
  for (const secret of [world.token, "S3RVER", "crack in its side", "the other side"]) ok(!log.includes(secret), `the log has: ${secret}`);
  ok(!/AddressSanitizer|runtime error|LeakSanitizer/.test(log), "a sanitizer spoke");
  ok(/document\.kept/.test(log), "the log tells of no file");
});

// --- all of it ---------------------------------------------------------------------------------------

const runAll = async () => {
  let failed = 0;
  for (const { name, what, only } of checks) {
    if ((only && only !== store.name) || (wanted.length > 0 && !wanted.some((word) => name.includes(word)))) continue;
    const began = Date.now();
    try {
      await what();
      console.log(`ok    ${store.name}: ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${store.name}: ${name}\n      ${error.message}`);
    }
  }
  return failed;
};

const play = async (which) => {
  let failed = 1;
  store = which;
  s3 = bucket;
  world = new World({ name: "media", build: options.build });
  try {
    await which.start();
  } catch (error) {
    console.log(`skipped: an S3 server (s3rver) cannot be had from the registry here: ${String(error.message).split("\n")[0]}`);
    await world.end(false);
    return 0;
  }
  try {
    world.documents = which.settings();
    await world.start();
    // this is not about who speaks
    await world.sql("update businesses set settings = settings || '{\"reading\": \"known\", \"tickets_a_day\": 50}'");
    failed = await runAll();
  } catch (error) {
    console.error(`media: ${error.stack}`);
  } finally {
    await world.end(failed > 0 || options.keep);
    which.stop();
  }
  return failed;
};

setTimeout(() => {
  console.error("media: not done in time");
  world.endNow();
  bucket.stop();
  process.exit(1);
}, 420_000).unref();

let failures = 0;
for (const which of [local, bucket]) if (!options.store || options.store === which.name) failures += await play(which);
process.exit(failures > 0 ? 1 : 0);
