// One shop on three channels, in a real browser on the page of a running demo: a customer proves who they are,
// follows a parcel, cancels an order and reports damage with a photo, by SMS and by mail; changes channel in the
// middle; taps a mail's button; says STOP and unsubscribes; and machines that answer mails are not answered.
// What they see is compared with what the database has.
//
//   node tests/e2e/channels.mjs --env demo.env [--screens DIR]
//
// The people should be new to SMS and mail (deploy/demo --reset). Needs build/e2e, which `tests/run browser`
// makes.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER, modules } from "./modules.mjs";
import { Postgres } from "./postgres.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    env: { type: "string" },
    screens: { type: "string" },
    modules: { type: "string", default: join(root, "build/e2e") },
  },
});
const env = Object.fromEntries([...readFileSync(options.env, "utf8").matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
const require = modules(options.modules, BROWSER);
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", "--disable-gpu"] });

let failures = 0;
const check = (what, ok, detail = "") => {
  console.log(`${ok ? "ok" : "not ok"} - ${what}${ok ? "" : `: ${detail}`}`);
  if (!ok) failures++;
};
const wants = (what, text, pattern) => check(what, pattern.test(text), text);

const database = new Postgres(env.PARLEY_DATABASE_URL);
const ask = (sql) => database.ask(sql);
const until = async (what, within, look) => {
  for (const end = Date.now() + within; Date.now() < end; await new Promise((done) => setTimeout(done, 100))) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${within / 1000} s`);
};

const control = async (path, body) => {
  const answer = await fetch(new URL(`/control/${path}`, env.PARLEY_PAGE_URL),
    body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {});
  return answer.json();
};
const log = async (who) => (await control(`chat?who=${encodeURIComponent(who)}&after=0`)).entries;
// The newest code, which comes another way than the answer and perhaps later.
const used = new Set();
const codeOf = (who) =>
  until(`a code for ${who}`, 15_000, async () => {
    const { code } = await control(`code?who=${encodeURIComponent(who)}`);
    return code && !used.has(code) && used.add(code) && code;
  });

// One message after the other has left; nothing of it waits.
const hasLeft = async () => (await ask("select exists (select from outbox where priority < 2)")) === "f";

// --- a person at the page --------------------------------------------------------------------------

class Person {
  static async open(who, settings = {}) {
    const person = new Person();
    person.who = who;
    person.page = await browser.newPage({ viewport: { width: 1160, height: 860 }, reducedMotion: "reduce", timezoneId: "UTC", ...settings });
    person.problems = [];
    person.page.on("pageerror", (error) => person.problems.push(error.message));
    person.page.on("console", (message) => message.type() === "error" && person.problems.push(message.text()));
    await person.page.goto(`${env.PARLEY_PAGE_URL}#${encodeURIComponent(who)}`);
    await person.page.waitForSelector("html[data-ready]");
    return person;
  }

  // Do something, and wait until the shop has said all that it says to it on this channel.
  async after(channel, act, quiet = false) {
    const here = async () => (await log(this.who)).filter((entry) => entry.from === channel).map((entry) => entry.id);
    const before = new Set(await here());
    await act();
    if (quiet) {
      await this.page.waitForTimeout(1500);
      return "";
    }
    const fresh = async () => (await here()).filter((id) => !before.has(id));
    await until(`an answer by ${channel} to ${this.who}`, 20_000, async () => (await fresh()).length > 0);
    await until("all of the answer", 20_000, hasLeft);
    const entries = (await log(this.who)).filter((entry) => entry.from === channel);
    return entries.at(-1);
  }

  // As it is shown in the thread.
  async text(words, files = [], quiet = false) {
    await this.page.click("#tab-sms");
    const entry = await this.after("sms", async () => {
      if (files.length) await this.page.setInputFiles("#texts-file", files);
      await this.page.fill("#texts-text", words);
      await this.page.press("#texts-text", "Enter");
    }, quiet);
    return quiet ? "" : this.page.locator(`#texts-log [data-id="${entry.id}"]`).innerText();
  }

  // The newest mail of the shop's is answered, if there is one; what comes back is read as plain text.
  async mail(words, { files = [], subject, quiet = false } = {}) {
    await this.page.click("#tab-mail");
    if (await this.page.locator("#mail-back").isVisible()) await this.page.click("#mail-back");
    if (subject) {
      await this.page.click("#mail-new");
      await this.page.fill("#writer-subject", subject);
    } else if (!(await this.page.locator("#mail-writer").isVisible())) {
      await this.page.locator("#mails li").filter({ hasNot: this.page.locator(".initial", { hasText: "↗" }) }).first().locator("button").click();
      await this.page.click("#mail-answer");
    }
    await this.page.fill("#writer-text", words);
    if (files.length) await this.page.setInputFiles("#writer-file", files);
    const entry = await this.after("mail", () => this.page.click("#mail-writer button[type=submit]"), quiet);
    if (quiet) return "";
    return this.read(entry.id);
  }

  async read(id) {
    await this.page.click("#tab-mail");
    if (await this.page.locator("#mail-back").isVisible()) await this.page.click("#mail-back");
    await this.page.click(`#mails [data-id="${id}"] button`);
    await this.page.click("#show-plain");
    const text = await this.page.locator("#mail-plain").innerText();
    await this.page.click("#show-html");
    return text;
  }

  // A mail's button: a page that asks once more, and is sent.
  async tap(name) {
    const [tab] = await Promise.all([
      this.page.context().waitForEvent("page"),
      this.page.frameLocator("#mail-html").getByRole("link", { name }).click(),
    ]);
    await tab.waitForLoadState();
    const shown = await tab.locator("body").innerText();
    const entry = await this.after("mail", () => tab.locator("button").first().click());
    const done = await tab.locator("body").innerText();
    await tab.close();
    return { shown, done, text: await this.read(entry.id) };
  }

  async screen(name, whole = false) {
    if (!options.screens) return;
    mkdirSync(options.screens, { recursive: true });
    await this.page.evaluate(() => document.activeElement.blur());
    await this.page.mouse.move(5, 5);
    await this.page.waitForTimeout(300);
    await this.page.screenshot({ path: join(options.screens, `channels-${name}.png`), ...(whole ? {} : { clip: { x: 352, y: 0, width: 456, height: 860 } }) });
  }

  async axe(where) {
    await this.page.evaluate(axeSource);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { iframes: false, resultTypes: ["violations"] }));
    check(`axe: ${where}`, violations.length === 0, violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target).join(" ")}`).join("; "));
  }
}

const photoFile = async (page, name) => {
  const data = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const paint = canvas.getContext("2d");
    paint.fillStyle = "#d9c7a3";
    paint.fillRect(0, 0, 320, 240);
    paint.strokeStyle = "#222";
    paint.lineWidth = 6;
    paint.beginPath(), paint.moveTo(90, 40), paint.lineTo(150, 110), paint.lineTo(120, 200), paint.stroke();
    return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
  });
  return { name, mimeType: "image/jpeg", buffer: Buffer.from(data, "base64") };
};

const customerOf = (who) => `(select customer_id from customer_phones where phone = '${who}')`;
const filesOf = (who) => ask(`select count(*) from documents d join ticket_documents t using (org_id, document_id) join tickets k using (org_id, ticket_id)
  where k.customer_id = ${customerOf(who)} and d.state = 'kept'`);

// --- by SMS ------------------------------------------------------------------------------------------

const bySms = async () => {
  const who = "+15550100001";
  const amelia = await Person.open(who);
  wants("OTP-9: orders are not shown to just any number", await amelia.text("orders"), /code to \S*@/);
  wants("OTP-5: the code that came by another way is taken", await amelia.text(await codeOf(who)), /Active|Which|ORD-/);
  const tracked = await amelia.text("track ORD-1001");
  wants("CH-4: a parcel is followed by SMS", tracked, /ORD-1001[^]*Shipped/i);
  check("CH-4: what an SMS costs stands under it", /segments?, (GSM-7|UCS-2)/.test(tracked), tracked);
  await amelia.screen("sms-track");
  await amelia.axe("the SMS app");
  wants("CAN-1: cancelling asks for a reason", await amelia.text("cancel ORD-1002"), /why/i);
  wants("CAN-1: a note may be added", await amelia.text("5"), /add|skip/i);
  wants("CAN-1: all is shown before it happens", await amelia.text("My old bag will do."), /old bag/);
  wants("CAN-1: it is done, or on its way", await amelia.text("yes"), /cancel|team|request/i);
  await amelia.screen("sms-cancel");
  check("CAN-1: reason and note are kept",
    (await ask(`select count(*) from cancellations where customer_id = ${customerOf(who)} and note = 'My old bag will do.'`)) === "1");

  await amelia.text("report damaged");
  await amelia.text("ORD-1001");
  await amelia.text("1");
  await amelia.text("The lamp's glass has a crack.");
  await amelia.text("", [await photoFile(amelia.page, "crack.jpg")]);
  check("ISS-1: the picture stands in the thread", (await amelia.page.locator("#texts-log .own img").count()) === 1);
  await amelia.screen("sms-photo");
  let said = await amelia.text("done");
  for (let i = 0; i < 3 && !/24/.test(said); i++) said = await amelia.text("yes");
  wants("ISS-1: a ticket and a promise of 24 hours", said, /24/);
  check("CH-4: the photo of an MMS is in the document store", (await until("the photo", 15_000, async () => (await filesOf(who)) === "1").catch(() => false)) === true, await filesOf(who));
  return amelia;
};

// --- and goes on by mail -------------------------------------------------------------------------------

const onByMail = async (amelia) => {
  const { who } = amelia;
  let said = await amelia.mail("my cancellations", { subject: "My bag" });
  if (/code/i.test(said)) said = await amelia.mail(await codeOf(who));
  wants("CH-1: who began by SMS goes on by mail, with the same orders", said, /ORD-1002/);
  await amelia.screen("mail-cancellations");
  await amelia.axe("a mail that is read");
  check("CH-5: the mail's own frame runs no script", (await amelia.page.getAttribute("#mail-html", "sandbox")) === "allow-popups allow-popups-to-escape-sandbox");
  await amelia.mail("where is my order?");
  const { shown, text } = await amelia.tap(/ORD-1001/);
  wants("CH-6: a mail's button opens a page that asks once more", shown, /ORD-1001|Larkfield/);
  wants("CH-6: and acts with one tap", text, /ORD-1001/);
  await amelia.screen("mail-order");
  await amelia.page.click("#show-head");
  const head = await amelia.page.locator("#mail-head").innerText();
  check("CH-5: an answer is in its thread", /In-Reply-To/.test(head) && /support\+\w+@/.test(head), head);
  await amelia.page.click("#mail-back");
  await amelia.screen("mailbox");
  await amelia.axe("the mailbox");
  check("nothing is wrong in the console", amelia.problems.length === 0, amelia.problems.join("; "));
  await amelia.page.close();
};

// --- all by mail, in Polish ------------------------------------------------------------------------------

const byMail = async () => {
  const who = "+15550100003";
  const zofia = await Person.open(who);
  let said = await zofia.mail("Dzień dobry, chcę anulować zamówienie ORD-1132", { subject: "Moje zamówienie" });
  if (/kod/i.test(said)) said = await zofia.mail(await codeOf(who));
  wants("CH-5: a cancellation by mail asks for a reason", said, /dlaczego/i);
  await zofia.mail("5");
  wants("CAN-1: all is shown before it happens", await zofia.mail("Mam już inne, dziękuję."), /Mam już inne/);
  wants("CAN-1: it is done, or on its way", await zofia.mail("tak"), /anulowan|zesp|prośb/i);
  const note = await ask(`select note from cancellations where customer_id = ${customerOf(who)} and note <> '' order by asked_at desc limit 1`);
  check("CH-5: of an answered mail only what is new is kept", note === "Mam już inne, dziękuję.", note);
  await zofia.screen("mail-polish");

  await zofia.mail("zgłoś problem");
  await zofia.mail("ORD-1127");
  await zofia.mail("1");
  await zofia.mail("Karton był rozdarty i pusty.");
  said = await zofia.mail("To zdjęcie kartonu.", { files: [await photoFile(zofia.page, "karton.jpg")] });
  for (let i = 0; i < 4 && !/24/.test(said); i++) said = await zofia.mail(i === 0 ? "gotowe" : "tak");
  wants("ISS-1: a ticket and a promise of 24 hours", said, /24/);
  check("CH-5: the photo of a mail is in the document store", (await until("the photo", 15_000, async () => (await filesOf(who)) === "1").catch(() => false)) === true, await filesOf(who));
  return zofia;
};

// --- no more of it ------------------------------------------------------------------------------------------

const parley = (...words) =>
  execFileSync(process.env.PARLEY ?? join(root, "build/release/parley"), ["--config", env.PARLEY_CONFIG, ...words], { encoding: "utf8" });
const mailsTo = async (who) => (await log(who)).filter((entry) => entry.from === "mail");
const linkOf = (entry) => entry.message.html.match(/href="([^"]*\/u\/[^"]*)"/)?.[1];

// What staff decide is told by a mail, unless it is not to be.
const decide = async (who, id, how, quiet = false) => {
  const { length } = await mailsTo(who);
  const fresh = async () => (await mailsTo(who)).slice(length)[0];
  parley("cancellation", "decide", id, how);
  if (!quiet) return until("the notice", 15_000, fresh);
  await new Promise((done) => setTimeout(done, 2500));
  return fresh();
};
const unwanted = async (who) => Number(await ask(`select count(*) from preferences where customer_id = ${customerOf(who)} and channel = 'email' and not wanted`));

const waysOut = async ({ who, page }) => {
  const first = await ask(`select cancellation_id from cancellations where customer_id = ${customerOf(who)} and status = 'submitted' order by asked_at desc limit 1`);
  const told = await decide(who, first, "review");
  check("NTF-1: what nobody asked for has a way out in its head and in its words",
    /^<(mailto:|https:)/.test(told?.message.headers["List-Unsubscribe"] ?? "") && Boolean(linkOf(told)), JSON.stringify(told?.message.headers));
  await fetch(linkOf(told)); // as a scanner does
  check("NTF-1: to look at the way out is not to take it", (await unwanted(who)) === 0);
  await page.click("#tab-mail");
  if (await page.locator("#mail-back").isVisible()) await page.click("#mail-back");
  await page.click(`#mails [data-id="${told.id}"] button`);
  const [tab] = await Promise.all([
    page.context().waitForEvent("page"),
    page.frameLocator("#mail-html").getByRole("link", { name: "Wypisz się" }).click(),
  ]);
  await tab.waitForLoadState();
  wants("NTF-1: the page says what it will do, in the mail's language", await tab.locator("body").innerText(), /Larkfield[^]*[ąćęłńóśźż]/);
  await Promise.all([tab.waitForLoadState("load"), tab.locator("button").first().click()]);
  await until("the unsubscribing", 10_000, async () => (await unwanted(who)) > 0);
  await tab.close();
  check("NTF-1: and the next notice does not come by mail", (await decide(who, first, "reject", true)) === undefined);

  await ask(`delete from preferences where customer_id = ${customerOf(who)} and source = 'unsubscribe'`);
  const second = await ask(`insert into cancellations select (jsonb_populate_record(c, jsonb_build_object('cancellation_id', gen_random_uuid(),
      'order_id', o.order_id, 'status', 'submitted'))).* from cancellations c join orders o using (org_id, customer_id)
    where c.cancellation_id = '${first}' and o.number = 'ORD-1101' returning cancellation_id`);
  const again = await decide(who, second, "review");
  const { status } = await fetch(linkOf(again), { method: "POST", redirect: "error",
    headers: { "content-type": "application/x-www-form-urlencoded" }, body: "List-Unsubscribe=One-Click" });
  check("NTF-1: one click of a mail program, without a page, does the same (RFC 8058)", status === 200 && (await unwanted(who)) > 0, String(status));
  check("NTF-1: and the next notice does not come by mail", (await decide(who, second, "reject", true)) === undefined);
  await ask(`delete from preferences where customer_id = ${customerOf(who)} and source = 'unsubscribe'`);
};

// --- machines, strangers and ways out ------------------------------------------------------------------------

const machines = async (zofia) => {
  const { who, page } = zofia;
  await page.click("#mail-back").catch(() => {});
  await page.locator(".odd summary:visible").click();
  await page.click("#is-away");
  await zofia.mail("menu");
  await page.waitForTimeout(2500);
  const entries = await log(who);
  const automatic = entries.filter((entry) => entry.message.automatic).length;
  const mails = entries.filter((entry) => entry.from === "mail").length;
  await page.waitForTimeout(2500);
  check("CH-5: a machine's answer is not answered",
    automatic > 0 && (await log(who)).filter((entry) => entry.from === "mail").length === mails, `${automatic} ${mails}`);
  await control("mailbox", { who, away: false });
  const last = (await log(who)).filter((entry) => entry.from === "mail").at(-1).id;
  await control("mailbox", { who, no_mailbox: true });
  await zofia.mail("pomoc").catch(() => "");
  const newest = async () => (await log(who)).filter((entry) => entry.from === "mail").at(-1);
  await until("the bounce", 10_000, async () => (await newest()).status === "failed").catch(() => {});
  // a mail server says no at once, and nothing is there to come back
  check("CH-5: a mail to nobody bounces", (await newest()).status === "failed" || (await newest()).id === last, (await newest()).status);
  const given = async () => Number(await ask(`select count(*) from contact_points where customer_id = ${customerOf(who)}
    and channel = 'email' and unreachable and stopped_at is not null`));
  const came = async (what, ask) => until(what, 10_000, ask).then(() => true, () => false);
  check("CH-7: and nothing more is mailed there", await came("the stop", async () => (await given()) === 1));
  await control("mailbox", { who, no_mailbox: false });
  const { length } = await log(who);
  await control("mail", { who, text: "menu", subject: "Jestem" });
  check("CH-5: until they write from there", await came("an answer", async () =>
    (await given()) === 0 && (await log(who)).slice(length).some((entry) => entry.from === "mail" && entry.status !== "failed")));
  await page.close();
};

const strangers = async () => {
  const who = "+15550100009";
  const before = (await log(who)).length;
  await control("mail", { who, text: "orders", subject: "Orders", aligned: false });
  await until("an answer", 15_000, async () => (await log(who)).some((entry) => entry.from === "mail"));
  const harriet = (await log(who)).slice(before).filter((entry) => entry.from === "mail").map((entry) => entry.message.text).join("\n");
  check("OTP-9: who only says that they are somebody sees no orders", !/ORD-\d/.test(harriet), harriet);
};

const byGateway = async () => {
  const who = "+15550100012";
  const { length } = await log(who);
  await control("mail", { who, text: "menu", subject: "Ménu, s'il vous plaît", gateway: true });
  const mail = await until("an answer", 15_000, async () => (await log(who)).slice(length).find((entry) => entry.from === "mail"));
  wants("CH-5: a mail that a gateway posts is answered", mail.message.text, /1\./);
};

const stop = async () => {
  const noah = await Person.open("+15550100014", { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  wants("NTF-1: STOP is confirmed once", await noah.text("STOP"), /START/);
  await noah.text("hello?", [], true);
  wants("NTF-1: START begins again", await noah.text("START"), /again|back|welcome|Done|help/i);
  await noah.axe("the SMS app, small and dark");
  await noah.screen("sms-dark", true);
  await noah.page.locator("#pane-sms summary").click();
  await noah.page.check("#opt-out");
  const twilio = await noah.text("STOP");
  wants("CH-4: with advanced opt-out Twilio answers STOP itself", twilio, /unsubscribed[^]*Twilio/);
  const before = (await log(noah.who)).length;
  await noah.page.waitForTimeout(2000);
  check("CH-4: and the shop adds nothing", (await log(noah.who)).length === before);
  await noah.page.close();
};

try {
  const inTurn = (...parts) => parts.reduce((before, part) => before.then(part), Promise.resolve());
  // Who has nothing to do with each other does not wait for each other.
  await Promise.all([
    inTurn(bySms, onByMail),
    inTurn(byMail, async (zofia) => (await waysOut(zofia), machines(zofia))),
    inTurn(strangers, byGateway, stop),
  ]);
  const { refused, undescribed, last } = await control("violations");
  check("all that was sent is as the providers describe it", refused === 0 && undescribed === 0, JSON.stringify(last.map(({ kind, detail }) => [kind, detail])));
} catch (error) {
  check("the test runs to its end", false, error.stack);
}
await browser.close();
console.log(failures === 0 ? "all channels are whole" : `${failures} parts are broken`);
process.exit(failures === 0 ? 0 : 1);
