// The mail side of a world (world.mjs): Resend, whose API and webhooks are played here, or a mail
// server for what leaves, and a gateway for what comes in raw.
//
// Mails that leave for Resend pass through to the sandbox, which knows idempotency keys and can be
// killed. What this adds is memory that no kill touches: the mails that people wrote, until Parley
// has asked for them, and the webhooks about ours, which are repeated until they are answered 200,
// sent twice at times, and overtake each other.
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import { join } from "node:path";
import { call, chance, freePort, pause, root } from "./world.mjs";

export const MAILBOX = "support@in.lark.example";
export const AUTHSERV = "mx.lark.example";
const SINK = join(root, "tests/support/smtp_sink.py");
const bytesOf = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
};

export class PostOffice {
  // `transport` carries what leaves: "resend" or "smtp"; `plan` is the mail server's.
  constructor(world, { transport = "resend", plan = {} } = {}) {
    this.world = world;
    this.transport = transport;
    this.plan = plan;
    this.gatewayToken = randomBytes(16).toString("hex");
    this.apiKey = `re_${randomBytes(16).toString("hex")}`;
    this.secret = randomBytes(24);
    this.waiting = new Map(); // mails that Resend holds for us, by id
    this.keys = new Map(); // of ours that were taken: what each said
    this.owed = 0;
    this.paid = new Set();
    this.agent = new Agent({ keepAlive: true });
    this.taken = join(world.folder, "mails");
    world.sandboxArguments.push("--resend-key", this.apiKey);
  }

  async open() {
    this.server = createServer((asked, answer) => void this.serve(asked, answer).catch(() => asked.socket.destroy()));
    await new Promise((ready) => this.server.listen(0, "127.0.0.1", ready));
    if (this.transport === "smtp") await this.startServer();
  }

  close() {
    this.closed = true;
    this.server?.close();
    this.server?.closeAllConnections();
    this.agent.destroy();
  }

  settings() {
    const server = `smtp:\n  host: 127.0.0.1\n  port: ${this.smtpPort}\n  tls: none\n`;
    return `
resend:
  base_url: http://127.0.0.1:${this.server.address().port}
  allow_http: true
  api_key: ${this.apiKey}
  webhook_secret: whsec_${this.secret.toString("base64")}
mail:
  transport: ${this.transport}
  gateway_token: ${this.gatewayToken}
  authserv: ${AUTHSERV}
  rate: 1000
  rate_burst: 1000
  connect_timeout: 2s
  timeout: 2s
  in_timeout: 3s
${this.transport === "smtp" ? server : ""}`;
  }

  // The shop's address, as docs/operate.md gives it.
  async addAddress() {
    await this.world.sql(`with a as (insert into accounts (org_id, account_id, channel, external_id, address)
      select org_id, gen_random_uuid(), 'email', '${MAILBOX}', '${MAILBOX}' from businesses limit 1 returning *)
      insert into directory (kind, external_id, org_id, account_id) select 'email', external_id, org_id, account_id from a`);
  }

  // --- a mail server

  async startServer() {
    this.smtpPort ??= await freePort();
    const child = this.world.spawn("mail server", "/usr/bin/python3",
      [SINK, "--port", String(this.smtpPort), "--keep", this.taken, "--plan", JSON.stringify(this.plan)]);
    await this.world.until("the mail server starts", 20_000, async () => {
      if (child.exitCode !== null) throw new Error("the mail server ended at once: is python3-aiosmtpd installed?");
      return readFileSync(join(this.world.folder, "mail server.log"), "utf8").split(`port ${this.smtpPort}`).length > (this.lives ?? 0) + 1;
    });
    this.lives = (this.lives ?? 0) + 1;
  }

  async killServer() {
    const child = this.world.processes["mail server"];
    child.kill("SIGKILL");
    await child.ended;
    await this.startServer();
  }

  // As the sandbox's journal has the others. A repetition has the Message-ID of the first.
  arrivals() {
    if (!existsSync(this.taken)) return [];
    return readFileSync(this.taken, "utf8").split("\n").filter(Boolean).map((line) => {
      const mail = JSON.parse(line);
      const [, id] = mail.headers.find(([name]) => name.toLowerCase() === "message-id") ?? [];
      return { t: "mail", to: mail.to[0], key: /^<(p1\.[^@]+)@/.exec(id ?? "")?.[1] };
    });
  }

  // --- Resend

  async serve(asked, answer) {
    const body = await bytesOf(asked);
    const [, id] = /^\/emails\/receiving\/([^/?]+)(?:\?|$)/.exec(asked.url) ?? [];
    if (id === undefined) return this.pass(asked, body, answer);
    if (chance(0.01)) return; // and nothing is said for ever
    if (chance(0.02)) return void asked.socket.destroy();
    if (asked.headers.authorization !== `Bearer ${this.apiKey}`) return void answer.writeHead(401).end();
    if (!this.waiting.has(id)) return void answer.writeHead(404).end();
    if (chance(0.04)) return void answer.writeHead(500).end("{}");
    answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(this.waiting.get(id)));
  }

  // What breaks behind it, breaks before it.
  pass(asked, body, answer) {
    const { method, url: path, headers } = asked;
    const onward = request({ host: "127.0.0.1", port: this.world.sandboxPort, method, path, headers, agent: this.agent, timeout: 5000 }, async (told) => {
      const text = await bytesOf(told).catch(() => null);
      if (text === null) return void asked.socket.destroy();
      if (method === "POST") this.look(told.statusCode, JSON.parse(body), text);
      answer.writeHead(told.statusCode, told.headers).end(text);
    });
    onward.on("timeout", () => onward.destroy(new Error("timeout")));
    onward.on("error", () => asked.socket.destroy());
    onward.end(body);
  }

  // A key that was used for other words was taken before, by a sandbox that died over the answer. Several
  // mails in one request have their ids in one answer, in the same order.
  look(status, asked, answer) {
    try {
      const { id, data, name } = JSON.parse(answer);
      const mails = Array.isArray(asked) ? asked : [asked];
      if (status === 200) mails.forEach((mail, i) => this.took(mail, data ? data[i].id : id));
      else if (name === "invalid_idempotent_request") mails.forEach((mail) => this.took(mail, randomUUID()));
    } catch {
      // a fault made garbage of it
    }
  }

  took(mail, id) {
    const tag = mail.tags?.find(({ name }) => name === "key")?.value;
    if (this.keys.has(tag)) return;
    this.keys.set(tag, id);
    const at = new Date().toISOString();
    const data = { email_id: id, created_at: at, from: mail.from, to: mail.to, subject: mail.subject, tags: { key: tag } };
    for (const type of ["email.sent", "email.delivered"]) void this.owe({ type, created_at: at, data }, tag, Math.random() * 60);
  }

  async owe(news, tag, after) {
    this.owed++;
    await pause(after);
    for (let tries = 0; !this.closed && (await this.post(news)).status !== 200; tries++) await pause(Math.min(100 * 2 ** tries, 2000));
    if (chance(0.1)) await this.post(news);
    if (news.type === "email.delivered" && !this.closed) this.paid.add(tag.replaceAll("_", "."));
    this.owed--;
  }

  post(news) {
    return call(this.world.port, this.webhook(news));
  }

  // As Svix signs, with an id that is the same on repeats; signed anew for each.
  webhook(news, agent) {
    const body = JSON.stringify(news), id = `msg_${news.data.email_id}.${news.type}`, at = String(Math.floor(Date.now() / 1000));
    const signature = createHmac("sha256", this.secret).update(`${id}.${at}.${body}`).digest("base64");
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), "svix-id": id, "svix-timestamp": at, "svix-signature": `v1,${signature}` };
    return { method: "POST", path: "/webhooks/resend", headers, body, agent };
  }

  // --- what people write

  // Into Resend's hands: what it says of the mail.
  receive(from, id, text) {
    this.waiting.set(id, { object: "email", id, to: [MAILBOX], from: `Customer <${from}>`, created_at: new Date().toISOString(), subject: "Hello", html: null,
      text, headers: {}, bcc: [], cc: [], reply_to: [], message_id: `<${id}@shop.example>`, attachments: [] });
    return { type: "email.received", created_at: new Date().toISOString(), data: { email_id: id, from: `Customer <${from}>`, to: [MAILBOX], subject: "Hello" } };
  }

  // As a gateway posts it; whether the sender is who it says stands in its head.
  raw(from, id, text, agent) {
    const body = [`Authentication-Results: ${AUTHSERV}; dmarc=${id.charCodeAt(id.length - 1) % 2 ? "pass" : "none"} header.from=people.example`,
      `From: Customer <${from}>`, `To: <${MAILBOX}>`, "Subject: Hello", `Message-ID: <${id}@people.example>`, "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8", "", text, "", "On Fri, 20 Nov 2026 at 10:15, Lark <x@lark.example> wrote:", "> Hello", ""].join("\r\n");
    const headers = { "content-type": "message/rfc822", "content-length": Buffer.byteLength(body), authorization: `Bearer ${this.gatewayToken}` };
    return { method: "POST", path: `/webhooks/mail/${MAILBOX}`, headers, body, agent };
  }
}
