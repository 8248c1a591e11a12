// A customer's afternoon, in a real browser on the page of a running demo: they prove who they are with the
// code that lies beside the phone, cancel an order with a reason and a note, report damage with two photos,
// change the language to Polish and see it all again. What they see is compared with what the database has.
//
//   node tests/e2e/story.mjs --env demo.env [--screens DIR]
//
// The person should be new to the shop's phone (deploy/demo --reset). Needs build/e2e, which
// `tests/run browser` makes.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER, modules } from "./modules.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    env: { type: "string" },
    screens: { type: "string" },
    modules: { type: "string", default: join(root, "build/e2e") },
    who: { type: "string", default: "+15550100006" },
  },
});
const env = Object.fromEntries([...readFileSync(options.env, "utf8").matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
const { chromium } = modules(options.modules, BROWSER)("playwright-core");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1160, height: 860 }, reducedMotion: "reduce", timezoneId: "UTC" });

let failures = 0;
const check = (what, ok, detail = "") => {
  console.log(`${ok ? "ok" : "not ok"} - ${what}${ok ? "" : `: ${detail}`}`);
  if (!ok) failures++;
};

const ask = (sql) => execFileSync("psql", ["-XAtq", env.PARLEY_DATABASE_URL, "-c", sql], { encoding: "utf8" }).trim();

const bots = page.locator("#log > .message.bot:not(.typing)");
const last = async () => (await bots.last().innerText()).trim();

// Do something, and wait until the shop has said all that it says to it.
const after = async (act) => {
  const before = await bots.count();
  await act();
  await bots.nth(before).waitFor({ timeout: 20_000 });
  for (let seen = -1; seen !== (await bots.count()); ) {
    seen = await bots.count();
    await page.waitForTimeout(400);
  }
  return last();
};
const say = (text) => after(async () => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
});
const screen = async (name) => {
  if (!options.screens) return;
  mkdirSync(options.screens, { recursive: true });
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: join(options.screens, `${name}.png`), clip: { x: 352, y: 0, width: 808, height: 860 } });
};
const wants = (what, text, pattern) => check(what, pattern.test(text), text);

// --- who is it? -------------------------------------------------------------------------------

await page.goto(`${env.PARLEY_PAGE_URL}#${encodeURIComponent(options.who)}`);
await page.waitForSelector("html[data-ready]");
wants("OTP-9: orders are not shown to just anybody", await say("orders"), /code/i);
await page.waitForSelector("#sms:not([hidden])");
await screen("story-code");
const code = /\b\d{6}\b/.exec(await page.locator("#sms").innerText())?.[0] ?? "";
check("OTP-1: a code of six digits lies beside the phone", code.length === 6);
wants("OTP-1: the code is taken, and the orders come that were asked for", await say(code), /ORD-|Which one|Active/);

// --- cancel with a reason and a note ----------------------------------------------------------

const customer = `(select customer_id from customer_phones where phone = '${options.who}')`;
const number = ask(`select number from orders where customer_id = ${customer} and status = 'processing' order by placed_at desc limit 1`);
wants("CAN-1: the order is shown and a reason is asked for", await say(`cancel ${number}`), /why/i);
const noted = await say("2");
wants("CAN-1: a note may be added", noted, /note|anything/i);
const confirm = await say("The colour is not what I thought. Sorry!");
wants("CAN-1: all is shown before it happens", confirm, /colour is not/);
await screen("story-cancel");
const done = await say("yes");
wants("CAN-1: it is done, or on its way", done, /cancel|team|request/i);
const kept = ask(`select count(*) from cancellations where customer_id = ${customer} and note like 'The colour%'`);
check("CAN-1: reason and note are kept", kept === "1", kept);

// --- damage, with two photos ------------------------------------------------------------------

wants("ISS-1: a report begins", await say("report damaged"), /order|which|what/i);
await say("1"); // the order
await say("1"); // arrived damaged
await say("One of the two cups came with a long crack in its handle.");
const photo = (colour) => page.evaluate((fill) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
  const paint = canvas.getContext("2d");
  paint.fillStyle = fill;
  paint.fillRect(0, 0, 320, 240);
  paint.strokeStyle = "#222";
  paint.lineWidth = 6;
  paint.beginPath(), paint.moveTo(90, 40), paint.lineTo(150, 110), paint.lineTo(120, 200), paint.stroke();
  return canvas.toDataURL("image/jpeg", 0.9).split(",")[1];
}, colour);
const photos = [];
for (const [name, colour] of [["crack.jpg", "#d9c7a3"], ["handle.jpg", "#a3b9d9"]])
  photos.push({ name, mimeType: "image/jpeg", buffer: Buffer.from(await photo(colour), "base64") });
await after(async () => { // an album is one answer
  for (const file of photos) {
    await page.setInputFiles("#file", file);
    await page.waitForTimeout(300);
  }
});
await screen("story-photos");
await say("done");
wants("ISS-1: all is shown before it is sent", await say("yes"), /long crack[^]*2 files/);
const ticket = await say("yes");
wants("ISS-1: a ticket number and a promise of 24 hours", ticket, /24/);
await screen("story-ticket");
let stored = "";
for (let i = 0; i < 40 && stored !== "2"; i++) {
  stored = ask(`select count(*) from documents d join ticket_documents t using (org_id, document_id) join tickets k using (org_id, ticket_id)
    where k.customer_id = ${customer} and d.state = 'kept'`);
  await page.waitForTimeout(250);
}
check("ISS-1: both photos are in the document store", stored === "2", stored);

// --- photos of the work -----------------------------------------------------------------------

await say("REP-2003");
wants("ORD-6: the photos are offered, and come", await say("photos"), /see|Step by step/i);
const shown = page.locator("#log > .message.bot img");
await shown.last().waitFor({ timeout: 20_000 });
const [address, width] = await shown.last().evaluate(async (image) => [image.src, (await image.decode(), image.naturalWidth)]);
check("CH-2: the picture on the phone is the file that was uploaded", /control\/media\?id=\d+$/.test(address) && width === 320, `${address} ${width}`);
const handle = ask(`select u.media_id from uploads u join order_photos p using (org_id, document_id) join orders o using (org_id, order_id)
  where o.number = 'REP-2003' and not u.open`);
check("CH-2: by the handle that is kept", handle !== "" && address.endsWith(`=${handle}`), `${handle}: ${address}`);
await screen("story-repair");

// --- and all of it in Polish ------------------------------------------------------------------

await say("menu");
await say("language");
wants("FLW-5: the language changes", await say("Polski"), /polsku|pomóc|Wybierz/i);
wants("ORD-1: orders in Polish", await say("zamówienia"), /Aktywne[^]*ORD-|Aktywne/);
await screen("story-polish");
wants("CAN-3: the cancellation in Polish", await say("moje anulowania"), /nulowan/);
wants("ISS-2: the report in Polish", await say("moje zgłoszenia"), /głosze/);

await browser.close();
console.log(failures === 0 ? "the story is whole" : `${failures} parts of the story are broken`);
process.exit(failures === 0 ? 0 : 1);
