// The sandbox keeps its own promise: killed with -9 under load, it has every message that it
// answered for, and pays every callback that it owes.
//
//   node tests/e2e/sandbox_crash.mjs [--sandbox PROGRAM] [--moments N]

import { spawn, execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    sandbox: { type: "string", default: join(root, "build/release/parley-sandbox") },
    moments: { type: "string", default: "10" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "parley-sandbox-crash-"));
const journal = join(folder, "journal");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const heard = new Map(); // key -> set of statuses
const answered = new Set();
const said = new Set();
const delivered = new Map();

const service = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (Math.random() < 0.05) return void response.writeHead(503).end();
  const { value } = JSON.parse(Buffer.concat(parts)).entry[0].changes[0];
  for (const { biz_opaque_callback_data: key, status } of value.statuses ?? [])
    heard.set(key, (heard.get(key) ?? new Set()).add(status));
  for (const { id } of value.messages ?? []) delivered.set(id, (delivered.get(id) ?? 0) + 1);
  response.writeHead(200).end();
}).listen(0, "127.0.0.1");
await new Promise((ready) => service.once("listening", ready));

let port = 0;
const start = () =>
  new Promise((ready, failed) => {
    const sandbox = spawn(options.sandbox, [
      "--port", String(port), "--webhook", `http://127.0.0.1:${service.address().port}/webhooks/whatsapp`,
      "--app-secret", "s", "--token", "t", "--journal", journal, "--delivered-after", "20",
    ], { stdio: ["ignore", "pipe", "inherit"] });
    sandbox.once("error", failed);
    sandbox.stdout.once("data", (text) => {
      port = Number(new URL(text.toString().trim()).port);
      ready(sandbox);
    });
  });

let counter = 0;
let working = true;
const post = (path, body, headers = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body: JSON.stringify(body) });

const sender = async (n) => {
  while (working) {
    const key = `k${++counter}`;
    try {
      const to = `+1555010${String(1000 + n)}`;
      const message = { messaging_product: "whatsapp", to, type: "text", text: { body: key }, biz_opaque_callback_data: key };
      const answer = await post("/v26.0/106540352242922/messages", message, { authorization: "Bearer t" });
      if (answer.ok) answered.add(key);
      const inbound = await post("/control/say", { who: to, text: key });
      if (inbound.ok) said.add((await inbound.json()).id);
    } catch {
      await pause(10);
    }
  }
};

let sandbox = await start();
const senders = Array.from({ length: 16 }, (_, n) => sender(n));
for (let moment = 0; moment < Number(options.moments); moment++) {
  await pause(50 + Math.random() * 250);
  const ended = new Promise((done) => sandbox.once("exit", done));
  sandbox.kill("SIGKILL");
  await ended;
  sandbox = await start();
}
await pause(200);
working = false;
await Promise.all(senders);
for (let owed = 1, n = 0; owed > 0 && n < 300; n++) {
  await pause(100);
  ({ owed } = await (await fetch(`http://127.0.0.1:${port}/control/counts`)).json());
}
const ended = new Promise((done) => sandbox.once("exit", done));
sandbox.kill("SIGTERM");
await ended;
service.close();

const dump = execFileSync(options.sandbox, ["--dump", journal], { maxBuffer: 1 << 30 }).toString().trim().split("\n").map((line) => JSON.parse(line));
const kept = new Set(dump.map(({ key }) => key));
const lost = [...answered].filter((key) => !kept.has(key));
const unpaid = dump.filter(({ key }) => !heard.get(key)?.has("delivered") || !heard.get(key)?.has("sent"));
const unsaid = [...said].filter((id) => !delivered.has(id));
rmSync(folder, { recursive: true, force: true });
console.log(`${options.moments} kills: ${answered.size} answered, ${kept.size} kept, ${lost.length} lost; ` +
  `${unpaid.length} callbacks unpaid; ${said.size} said, ${unsaid.length} of them never delivered`);
process.exit(lost.length || unpaid.length || unsaid.length || answered.size < 100 ? 1 : 0);
