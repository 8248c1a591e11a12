// Customers' own pages (WEB-1, ISS-4): a page is there, or asks to come again, and shows nothing of anybody else's;
// a report that was answered with success is there once, with its files, however often its form was sent.
import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { call, chance, pause, pick } from "../world.mjs";
import { picture } from "./api.mjs";
import { invoice, order, person } from "./crm.mjs";
import { Door, PATIENCE, range, rowsOf, tally, word } from "./door.mjs";

const REQUESTS_OF_A_LINK = 80; // a hundred in an hour, and some are repeated
const LINKS = 9; // ten in an hour

export class Portal extends Door {
  static title = "portal";

  constructor(world) {
    super(world);
    this.comers = 5;
    this.rest = 200;
  }

  async begin() {
    this.pages = 0;
    this.leaks = [];
    this.reports = []; // { story, hashes }
    this.links = range(this.comers).map(() => ({ path: "", left: 0, made: 0 }));
    const crm = this.world.crm;
    await this.world.sql(`update businesses set settings = settings || '{"tickets_a_day": 100000}'`);
    await this.knock(crm.delivery(range(this.comers).flatMap((n) => [person(crm, `PT-${n}`, { phones: [`+${this.phone(n)}`] }), order(crm, `PT-${n}`, `PT-${n}`), invoice(crm, `INV-PT-${n}`, `PT-${n}`, "25.00")])),
      { what: "who has pages" });
    await Promise.all(range(this.comers).map((n) => this.customers.say(this.phone(n), "hi")));
    await this.world.sql(`update conversations c set verified_until = now() + interval '29 minutes' from contact_points p
      where p.org_id = c.org_id and p.contact_id = c.contact_id and p.phone like '+1555034%'`);
    await Promise.all(range(this.comers).map((n) => this.freshLink(n)));
  }

  phone(n) {
    return `1555034${1000 + n}`;
  }

  // Asked for in the chat; it comes as a button there.
  async freshLink(n) {
    const link = this.links[n], before = link.path;
    await this.customers.say(this.phone(n), "my documents online");
    await this.world.until("a link comes", PATIENCE, async () => {
      const { text } = await call(this.world.sandboxPort, { path: `/control/chat?who=%2B${this.phone(n)}` });
      const found = [...text.matchAll(/\/customer\/[A-Za-z0-9_-]+/g)].at(-1)?.[0];
      return found !== undefined && found !== before ? ((link.path = found), true) : (await pause(100), false);
    });
    link.left = REQUESTS_OF_A_LINK;
    link.made++;
  }

  async step(n) {
    const link = this.links[n];
    if (link.left < 8 && link.made >= LINKS) return pause(1000); // had all that there is for an hour
    if (link.left < 8) await this.freshLink(n);
    await pick([() => this.report(n), () => this.look(n, "", "ORD-PT-"), () => this.look(n, `/orders/ORD-PT-${n}`, "ORD-PT-"), () => this.look(n, `/papers/invoice/INV-PT-${n}.pdf`, "%PDF"),
      () => this.look(n, "/documents.zip", "PK"), () => this.trespass(n)])();
  }

  // Whatever is answered, it is nobody else's.
  seen(n, answer) {
    const others = [...answer.text.matchAll(/PT-(\d+)/g)].filter(([, whose]) => Number(whose) !== n);
    if (others.length > 0) this.leaks.push([n, answer.status, others[0][0]]);
    return answer;
  }

  get(n, path) {
    return () => (this.links[n].left--, { path: `${this.links[n].path}${path}`, timeout: 10_000 });
  }

  async look(n, path, wanted) {
    const { status, text } = this.seen(n, await this.knock(this.get(n, path), { what: `a page ${path}` }));
    if (status === 200 && !text.includes(wanted)) this.refused.push(`${path} has no ${wanted}: ${text.slice(0, 100)}`);
    if (status === 200) this.pages++;
    return text;
  }

  async trespass(n) {
    const other = (n + 1) % this.comers, path = pick([`/orders/ORD-PT-${other}`, `/papers/order/ORD-PT-${other}.pdf`, `/papers/invoice/INV-PT-${other}.pdf`]);
    const { status } = this.seen(n, await this.knock(this.get(n, path), { what: "somebody else's", also: [404] }));
    if (status === 200) this.leaks.push([n, path]);
  }

  async report(n) {
    const page = await this.look(n, "/report", "name=\"once\"");
    const [, once] = /name="once" value="([^"]+)"/.exec(page) ?? [];
    if (once === undefined) return;
    const story = `It came broken, ${word()}`, files = range(Math.floor(Math.random() * 3)).map(picture);
    const fields = { once, order: `ORD-PT-${n}`, kind: "damaged", story, email: `pt-${n}@doors.example` }, boundary = `----crash${randomBytes(8).toString("hex")}`;
    const body = Buffer.concat([
      ...Object.entries(fields).map(([name, value]) => Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)),
      ...files.flatMap((bytes, i) => [Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="${i}.png"\r\nContent-Type: image/png\r\n\r\n`), bytes, Buffer.from("\r\n")]),
      Buffer.from(`--${boundary}--\r\n`)]);
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": body.length, "sec-fetch-site": "same-origin" };
    const make = () => (this.links[n].left--, { method: "POST", path: `${this.links[n].path}/report`, headers, body });
    // Who is impatient presses twice.
    const answers = await Promise.all(range(chance(0.25) ? 2 : 1).map(() => this.knock(make, { what: "a report" })));
    answers.forEach((answer) => this.seen(n, answer));
    if (answers.some(({ status }) => status === 200)) this.reports.push({ story, hashes: files.map((bytes) => createHash("sha256").update(bytes).digest("hex")).sort() });
  }

  async judge() {
    const rows = await rowsOf(this.world, `select k.description story, k.ticket_id, coalesce(array_agg(encode(d.sha256, 'hex') order by encode(d.sha256, 'hex')) filter (where d.state = 'kept'), '{}') hashes,
      count(t.document_id) n from tickets k left join ticket_documents t using (org_id, ticket_id) left join documents d using (org_id, document_id) where k.description like 'It came broken, %' group by 1, 2`);
    const times = tally(rows.map(({ story }) => story)), hashesOf = new Map(rows.map(({ story, hashes, n }) => [story, `${hashes} ${n}`]));
    const kept = new Set(readdirSync(join(this.world.folder, "documents"), { recursive: true }).map((path) => path.split("/").at(-1)));
    return [...this.common(),
      ["portal: somebody else's was shown", this.leaks],
      ["portal: a report not once", this.reports.filter(({ story }) => times.get(story) !== 1).map(({ story }) => [story, times.get(story)])],
      ["portal: a report without its files", this.reports.filter(({ story, hashes }) => hashesOf.get(story) !== `${hashes} ${hashes.length}`).map(({ story, hashes }) => [story, hashes.length, hashesOf.get(story)])],
      ["portal: a file is not in the store", this.reports.flatMap(({ hashes }) => hashes).filter((hash) => !kept.has(hash))],
      ["portal: a report that nobody sent", [...times].filter(([, n]) => n > 1)],
    ];
  }

  figures() {
    return `${this.pages} pages, ${this.reports.length} reports with ${this.reports.flatMap(({ hashes }) => hashes).length} files; ${this.repeats} repeats until then, ${this.again} once more`;
  }
}
