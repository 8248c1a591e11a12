// The providers' own packages as the other side: what they sign we accept, what is signed here they accept, and
// what we send they read back.
//
//   node tests/e2e/interop.mjs --env demo.env [--modules DIR] [--sandbox PROGRAM]
//
// twilio, resend, svix, standardwebhooks and stripe are installed into --modules (build/interop) when they are not there. Without them and
// without npm's registry it says so, and is skipped.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { withCrm } from "./interop_crm.mjs";
import { withStripe } from "./interop_stripe.mjs";
import { modules } from "./modules.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    env: { type: "string" },
    modules: { type: "string", default: join(root, "build/interop") },
    sandbox: { type: "string", default: join(root, "build/release/parley-sandbox") },
  },
});
const env = Object.fromEntries([...readFileSync(options.env, "utf8").matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));

const packages = { twilio: "6.2.0", resend: "6.38.0", svix: "2.5.0", stripe: "23.1.0", standardwebhooks: "1.0.0" };

let require;
try {
  require = modules(options.modules, packages);
} catch (error) {
  console.log(`skipped: npm's registry does not give twilio, resend, svix and stripe (${error.message.split("\n")[0]})`);
  process.exit(0);
}
const twilio = require("twilio");
const { Resend } = require("resend");
const { Webhook } = require("svix");
const Stripe = require("stripe");

let failures = 0;
const check = (what, ok, detail = "") => {
  console.log(`${ok ? "ok" : "not ok"} - ${what}${ok ? "" : `: ${detail}`}`);
  if (!ok) failures++;
};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look) => {
  for (const end = Date.now() + 15_000; Date.now() < end; await pause(150)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within 15 s`);
};
const control = async (path, body, base = env.PARLEY_SANDBOX_URL) => {
  const answer = await fetch(`${base}/control/${path}`,
    body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {});
  return answer.json();
};

// --- what they sign, we accept --------------------------------------------------------------------------

const hex = (n) => Array.from(crypto.getRandomValues(new Uint8Array(n)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const postForm = async (url, fields, token) => {
  const signature = twilio.getExpectedTwilioSignature(token, url, fields);
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature },
    body: new URLSearchParams(fields),
  });
  return { status: answer.status, text: await answer.text() };
};

const theyTwilio = async () => {
  const who = "+15550100013";
  const sid = `SM${hex(16)}`;
  const fields = {
    MessageSid: sid, SmsSid: sid, SmsMessageSid: sid, AccountSid: env.TWILIO_ACCOUNT_SID, From: who, To: env.TWILIO_PHONE_NUMBER,
    Body: " zażółć 📦 & = + ", NumMedia: "0", NumSegments: "1", SmsStatus: "received", ApiVersion: "2010-04-01", FromCity: "", Unheard: "of",
  };
  const url = `${env.PARLEY_URL}/webhooks/twilio`;
  const taken = await postForm(url, fields, env.TWILIO_AUTH_TOKEN);
  check("CH-4: a form that Twilio's package signed is taken", taken.status === 200 && taken.text.includes("<Response>"), JSON.stringify(taken));
  check("CH-4: and is not with another token", (await postForm(url, fields, "another")).status === 401);
  const tampered = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": twilio.getExpectedTwilioSignature(env.TWILIO_AUTH_TOKEN, url, fields) },
    body: new URLSearchParams({ ...fields, Body: "something else" }),
  });
  check("CH-4: nor when a word has changed", tampered.status === 401, String(tampered.status));
  const message = await until("an answer by SMS", async () =>
    (await control(`chat?who=${encodeURIComponent(who)}&after=0`)).entries.find((entry) => entry.from === "sms"));
  const status = await postForm(message.message.callback,
    { MessageSid: message.id, SmsSid: message.id, MessageStatus: "delivered", SmsStatus: "delivered", AccountSid: env.TWILIO_ACCOUNT_SID, From: env.TWILIO_PHONE_NUMBER, To: who },
    env.TWILIO_AUTH_TOKEN);
  check("CH-4: a status under the address that we gave is taken", status.status === 204 || status.status === 200, JSON.stringify(status));
  return { who, message };
};

const postSvix = async (body, secret, id = `msg_${hex(8)}`, at = new Date()) => {
  const signature = new Webhook(secret).sign(id, at, body);
  const answer = await fetch(`${env.PARLEY_URL}/webhooks/resend`, {
    method: "POST",
    headers: { "content-type": "application/json", "svix-id": id, "svix-timestamp": String(Math.floor(at / 1000)), "svix-signature": signature },
    body,
  });
  return answer.status;
};

const theySvix = async () => {
  const body = JSON.stringify({
    type: "email.delivered", created_at: new Date().toISOString(),
    data: { email_id: "00000000-0000-4000-a000-000000000000", from: `Shop <${env.PARLEY_MAIL_ADDRESS}>`, to: ["nobody@example.net"], subject: "Ž", tags: {} },
  });
  check("CH-5: a webhook that Svix's package signed is taken", (await postSvix(body, env.RESEND_WEBHOOK_SECRET)) === 200);
  const other = `whsec_${Buffer.from(hex(12)).toString("base64")}`;
  check("CH-5: and is not with another secret", (await postSvix(body, other)) === 401);
  check("CH-5: nor ten minutes later", (await postSvix(body, env.RESEND_WEBHOOK_SECRET, "msg_old", new Date(Date.now() - 600_000))) === 401);
};

// What the demo's service tells its CRM of somebody who says STOP.
const ourEvents = async () => {
  const who = `+1555019${hex(2).replace(/\D/g, "0").padStart(4, "7").slice(0, 4)}`;
  const already = (await control("crm")).n;
  await control("say", { who, text: "STOP" });
  const told = await until("an event", async () =>
    (await control(`crm?after=${already}`)).events.find(({ event }) => event.type === "contact.opted_out" && event.data.channel === "whatsapp"));
  const { body, ...headers } = told.raw;
  const read = JSON.parse(body);
  let taken = true, refused = false;
  try {
    new Webhook(env.CRM_SECRET).verify(body, headers);
  } catch {
    taken = false;
  }
  check("CRM-2: Svix's package takes what we sign by Standard Webhooks", taken && read.id === headers["webhook-id"] && read.specversion === "1.0", body);
  try {
    new Webhook(env.CRM_SECRET).verify(body.replace("opted_out", "opted_in"), headers);
  } catch {
    refused = true;
  }
  check("CRM-2: and refuses it when a word has changed", refused);
  await control("say", { who, text: "START" });
};

// --- what is signed here, they accept ------------------------------------------------------------------------

// A sandbox of its own, whose webhooks come to us.
const hereSigned = async () => {
  const heard = [];
  const server = createServer((request, answer) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      heard.push({ url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      answer.writeHead(200).end();
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${server.address().port}`;
  const child = spawn(options.sandbox, [
    "--port", "0", "--webhook", `${base}/webhooks/whatsapp`, "--app-secret", "a", "--token", "b", "--twilio-sid", env.TWILIO_ACCOUNT_SID,
    "--twilio-token", env.TWILIO_AUTH_TOKEN, "--sms-number", "+15550100101", "--resend-key", "re_x", "--resend-secret", env.RESEND_WEBHOOK_SECRET,
    "--mail-address", "support@in.shop.example",
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const [url] = await new Promise((done) => createInterface({ input: child.stdout }).once("line", (line) => done([line])));
  const who = "+15550100001";
  await control("sms", { who, text: "żółw & = + 🐢", opt_out: true }, url);
  await control("mail", { who, text: "Hello", subject: "Grüße" }, url);
  const form = await until("the form", () => heard.find((one) => one.url === "/webhooks/twilio"));
  const event = await until("the event", () => heard.find((one) => one.url === "/webhooks/resend"));
  const fields = Object.fromEntries(new URLSearchParams(form.body));
  check("CH-4: Twilio's package takes what the sandbox signs as Twilio",
    twilio.validateRequest(env.TWILIO_AUTH_TOKEN, form.headers["x-twilio-signature"], `${base}/webhooks/twilio`, fields) && fields.Body === "żółw & = + 🐢");
  const headers = { id: event.headers["svix-id"], timestamp: event.headers["svix-timestamp"], signature: event.headers["svix-signature"] };
  const resend = new Resend("re_x", { baseUrl: url });
  const read = await resend.webhooks.verify({ payload: event.body, headers, webhookSecret: env.RESEND_WEBHOOK_SECRET });
  check("CH-5: Resend's package takes what the sandbox signs as Resend", read.type === "email.received" && read.data.subject === "Grüße", JSON.stringify(read));
  let refused = false;
  try {
    await resend.webhooks.verify({ payload: event.body.replace("Gr", "gr"), headers, webhookSecret: env.RESEND_WEBHOOK_SECRET });
  } catch {
    refused = true;
  }
  check("CH-5: and refuses it when a letter has changed", refused);
  process.env.RESEND_BASE_URL = url;
  const received = await fetch(`${url}/emails/receiving/${read.data.email_id}`, { headers: { authorization: "Bearer re_x" } });
  check("CH-5: the mail that was announced can be asked for", (await received.json()).text === "Hello");
  child.kill("SIGTERM");
  server.close();
};

// --- what we send, they read back -------------------------------------------------------------------------------

// Twilio's package knows one host only: its requests are led to the sandbox.
const led = {
  request: async ({ method, uri, username, password, params, data, headers }) => {
    const url = new URL(uri);
    for (const [name, value] of Object.entries(params ?? {})) url.searchParams.set(name, value);
    const answer = await fetch(`${env.PARLEY_SANDBOX_URL}${url.pathname}${url.search}`, {
      method,
      headers: { ...headers, authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` },
      body: data ? new URLSearchParams(data) : undefined,
    });
    const text = await answer.text();
    return { statusCode: answer.status, body: text ? JSON.parse(text) : "", headers: Object.fromEntries(answer.headers) };
  },
};

const theyRead = async ({ who, message }) => {
  const client = twilio(env.TWILIO_ACCOUNT_SID, env.TWILIO_AUTH_TOKEN, { httpClient: led });
  const one = await client.messages(message.id).fetch();
  check("CH-4: Twilio's package reads our message back", one.body === message.message.body && one.to === who && one.from === env.TWILIO_PHONE_NUMBER, JSON.stringify(one));
  check("CH-4: with its time, its direction and what it cost", one.dateCreated instanceof Date && one.direction === "outbound-api" && Number(one.numSegments) >= 1);
  const many = await client.messages.list({ to: who, limit: 20 });
  check("CH-4: and finds it among those of its number", many.some(({ sid }) => sid === message.id));
};

try {
  const sent = await theyTwilio();
  await theySvix();
  await ourEvents();
  await withCrm({ Svix: Webhook, Standard: require("standardwebhooks").Webhook, env, check });
  await hereSigned();
  await theyRead(sent);
  await withStripe({ Stripe: Stripe.default ?? Stripe, env, program: options.sandbox, control, until, check });
} catch (error) {
  check("the test runs to its end", false, error.stack);
}
console.log(failures === 0 ? "the providers' packages and we agree" : `${failures} parts are broken`);
process.exit(failures === 0 ? 0 : 1);
