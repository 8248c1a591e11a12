// A customer's afternoon, in a real browser on the page of a running demo: they prove who they are with the
// code that lies beside the phone, cancel an order with a reason and a note, report damage with two photos,
// change the language to Polish and see it all again. What they see is compared with what the database has.
//
//   node tests/e2e/story.mjs --env demo.env [--screens DIR]
//
// The person should be new to the shop's phone (deploy/demo --reset). Needs build/e2e, which
// `tests/run browser` makes.

import { Phone, ask, check, finish, until, wants } from "./phone.mjs";

const WHO = "+15550100006";
const phone = await Phone.open(WHO);
const { page } = phone;
const say = (text) => phone.say(text);
const screen = (name) => phone.screen(name);

// --- who is it? -------------------------------------------------------------------------------

wants("OTP-9: orders are not shown to just anybody", await say("orders"), /code/i);
const code = await phone.code();
await page.waitForSelector("#sms:not([hidden])");
await screen("story-code");
check("OTP-1: a code of six digits lies beside the phone", code.length === 6);
wants("OTP-1: the code is taken, and the orders come that were asked for", await say(code), /ORD-|Which one|Active/);

// --- cancel with a reason and a note ----------------------------------------------------------

const customer = `(select customer_id from customer_phones where phone = '${WHO}')`;
const number = await ask(`select number from orders where customer_id = ${customer} and status = 'processing' order by placed_at desc limit 1`);
wants("CAN-1: the order is shown and a reason is asked for", await say(`cancel ${number}`), /why/i);
const noted = await say("2");
wants("CAN-1: a note may be added", noted, /note|anything/i);
const confirm = await say("The colour is not what I thought. Sorry!");
wants("CAN-1: all is shown before it happens", confirm, /colour is not/);
await screen("story-cancel");
const done = await say("yes");
wants("CAN-1: it is done, or on its way", done, /cancel|team|request/i);
const kept = await ask(`select count(*) from cancellations where customer_id = ${customer} and note like 'The colour%'`);
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
await phone.after(async () => { // an album is one answer
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
const stored = await until("both photos", 10_000, async () => (await ask(`select count(*) from documents d join ticket_documents t using (org_id, document_id)
  join tickets k using (org_id, ticket_id) where k.customer_id = ${customer} and d.state = 'kept'`)) === "2").catch(() => false);
check("ISS-1: both photos are in the document store", stored);

// --- photos of the work -----------------------------------------------------------------------

await say("REP-2003");
wants("ORD-6: the photos are offered, and come", await say("photos"), /see|Step by step/i);
const shown = page.locator("#log > .message.bot img");
await shown.last().waitFor({ timeout: 20_000 });
const [address, width] = await shown.last().evaluate(async (image) => [image.src, (await image.decode(), image.naturalWidth)]);
check("CH-2: the picture on the phone is the file that was uploaded", /control\/media\?id=\d+$/.test(address) && width === 320, `${address} ${width}`);
const handle = await ask(`select u.media_id from uploads u join order_photos p using (org_id, document_id) join orders o using (org_id, order_id)
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

await finish("the story is whole");
