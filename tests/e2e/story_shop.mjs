// What the shop does, as a customer sees it, in a real browser on the page of a running demo: an order that its
// system pushes (the README's own command) makes the phone buzz; an invoice is paid on the provider's page, the
// receipt opened, and their own page on the web; the parcel arrives, and a simulated day later they are asked how
// it was; an offer comes; and they talk to a person, who answers from the shop's system beside the phone.
//
//   node tests/e2e/story_shop.mjs --env demo.env [--screens DIR]
//
// Lets a day pass (deploy/demo --later), so nothing else should go on. Needs build/e2e, which `tests/run browser`
// makes, and pdftotext and pdftoppm.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Phone, ask, check, env, finish, folder, root, shell, until, wants } from "./phone.mjs";

const WHO = "+15550100001";
const state = env.PARLEY_STATE;
const phone = await Phone.open(WHO);
const { page } = phone;
const customer = `(select customer_id from customer_phones where phone = '${WHO}')`;
const told = async (type) => (await page.locator(`#crm-log li[data-type="${type}"]`).count()) > 0;
const hears = (what, type) =>
  until(type, 10_000, () => told(type)).then(() => check(what, true), (error) => check(what, false, error.message));

// --- an order is pushed -----------------------------------------------------------------------

// As it stands in the README, but for where this demo is.
const [, push] = /```\n(\. \.demo[^]*?)\n```/.exec(readFileSync(join(root, "README.md"), "utf8"));
await phone.say("menu");
const buzz = await phone.heard(() => shell(push.replaceAll(".demo/", `${state}/`)));
wants("CRM-1, NTF-1: the order that the README pushes with curl makes the phone buzz", buzz, /ORD-9001/);
await phone.screen("story-push");

// --- paying, the receipt, their own page ------------------------------------------------------

wants("PAY-1: the balance is told", await phone.prove("invoices"), /balance is \$/i);
wants("PAY-2: what would be paid is said before", await phone.say("pay INV-7007"), /128\.40/);
await phone.say("yes");
await until("the link to pay", 10_000, async () => /Pay securely/.test(await phone.last()));
const till = await phone.follow("Pay securely");
await phone.screen("story-pay", till);
const paid = await phone.heard(() => till.getByRole("button", { name: "Pay by card", exact: true }).click());
wants("PAY-3: the payment is told as soon as it is known", paid, /128\.40[^]*INV-7007|INV-7007[^]*128\.40/);
await till.close();
const owed = await ask(`select sum(minor) from ledger where customer_id = ${customer}
  and invoice_id = (select invoice_id from invoices where number = 'INV-7007')`);
check("PAY-8: to the cent", owed === "0", owed);

await phone.say("receipt");
const receipt = await phone.heard(async () => {
  await phone.choose("Documents", "Receipt INV-7007");
  await page.locator("#log .message.bot").getByRole("link", { name: /^receipt-INV-7007/ }).waitFor();
});
wants("WEB-6: the receipt comes as a PDF", receipt, /receipt-INV-7007-1\.pdf/);
const papers = mkdtempSync(join(tmpdir(), "parley-story-"));
const pdf = join(papers, "receipt.pdf");
writeFileSync(pdf, Buffer.from(await (await fetch(await phone.bots.last().getByRole("link").getAttribute("href").then((href) => new URL(href, env.PARLEY_PAGE_URL)))).arrayBuffer()));
wants("WEB-6: and says what was paid", await shell(`pdftotext -layout '${pdf}' -`), /Receipt[^]*INV-7007[^]*\$128\.40/);
if (folder()) await shell(`pdftoppm -r 60 -f 1 -l 1 -png -singlefile '${pdf}' '${join(folder(), "story-receipt")}'`);
rmSync(papers, { recursive: true });

await phone.prove("my page");
const own = await phone.follow("Open my page");
wants("WEB-1: the order is on their own page, too", await own.locator("body").innerText(), /ORD-9001/);
await phone.axe("their own page", own);
await phone.screen("story-own-page", own);
await own.close();

// --- it arrives, and a day later ---------------------------------------------------------------

await page.fill("#crm-number", "ORD-9001");
await page.selectOption("#crm-status", "delivered");
const arrived = await phone.heard(() => page.getByRole("button", { name: "Push it to Parley" }).click());
wants("NTF-1: the parcel has arrived, says the shop's system", arrived, /ORD-9001/);
const asked = await phone.heard(() => shell(`deploy/demo --later 25h --state '${state}'`), 30_000);
wants("REV-1: a simulated day later they are asked how it was", asked, /ORD-9001/);
await phone.screen("story-review");
wants("REV-1: the template's word brings the question, without a code", await phone.say("review"), /how happy.*ORD-9001/i);
wants("REV-1: stars", await phone.say("5"), /few words/i);
wants("REV-2: and where they may tell others", await phone.heard(() => phone.say("Came a day early.")), /google/i);

// --- an offer ----------------------------------------------------------------------------------

const words = join(state, "spring.yaml");
writeFileSync(words, `words:\n  en: {subject: "A gift", body: "20 % off everything until Sunday, {{first_name}}."}\notherwise: en\n`);
const parley = (line) => shell(`'${state}/parley' ${line}`);
await parley(`broadcast create spring${process.pid} --words '${words}' --prefix ${WHO} --since 2020-01-01`);
const plan = await parley(`broadcast dry-run spring${process.pid}`);
wants("BRO-1: a dry run says whom it reaches", plan, /1/);
const offer = await phone.heard(() => parley(`broadcast start spring${process.pid}`), 30_000);
wants("BRO-1: the offer comes", offer, /20 % off everything until Sunday, Amelia/);
await phone.screen("story-offer");

// --- a person ----------------------------------------------------------------------------------

wants("CRM-3: a person is asked for", await phone.say("talk to a person"), /person|team/i);
const talk = page.locator("#crm-talks .talk");
await talk.waitFor();
await page.fill("#text", "Can you wrap it as a gift?");
await page.press("#text", "Enter");
await talk.getByText("Can you wrap it as a gift?").waitFor();
const answer = await phone.heard(async () => {
  await talk.getByRole("textbox").fill("Of course, with a ribbon. This is Eve.");
  await page.keyboard.press("Enter");
});
wants("CRM-3: who answers from their own system", answer, /with a ribbon/);
await phone.axe("a conversation held by a person");
await phone.screen("story-person");
const back = await phone.heard(() => talk.getByRole("button", { name: "Give back to the bot" }).click());
wants("CRM-3: and gives it back", back, /bot|back|assistant/i);
await talk.waitFor({ state: "detached" });

for (const type of ["customer.verified", "invoice.viewed", "payment.made", "review.completed", "handoff.asked", "message.received", "handoff.returned"])
  await hears(`CRM-2, STF-5: the shop's system was told ${type}`, type);
await finish("the shop's story is whole");
