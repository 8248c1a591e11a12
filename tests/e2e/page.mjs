// The phone page in a real browser (Debian's Chromium): a chat is held, by pointer and by keyboard
// alone, and axe finds nothing in light, dark and narrow windows.
//
//   node tests/e2e/page.mjs [--sandbox PROGRAM] [--modules DIR] [--screens DIR] [--env demo.env]
//
// Without --env it starts the sandbox and a stand-in for the service (page_stub.mjs). With it the
// page of a running demo is tested, and only what any service answers is asked for. playwright-core
// and axe-core are installed into --modules (build/e2e) when they are not there.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER, modules } from "./modules.mjs";
import { startStub } from "./page_stub.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    sandbox: { type: "string", default: join(root, "build/release/parley-sandbox") },
    modules: { type: "string", default: join(root, "build/e2e") },
    screens: { type: "string" },
    env: { type: "string" },
  },
});

// --- tools -----------------------------------------------------------------------------------------

const require = modules(options.modules, BROWSER);
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let failures = 0;
const check = (what, ok, detail = "") => {
  console.log(`${ok ? "ok" : "not ok"} - ${what}${ok ? "" : ` ${detail}`}`);
  if (!ok) failures++;
};

// --- what is under test -------------------------------------------------------------------------------

const readEnv = (file) =>
  Object.fromEntries([...readFileSync(file, "utf8").matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));

const startSandbox = async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-page-"));
  let url;
  process.env.WHATSAPP_APP_SECRET = "secret";
  process.env.WHATSAPP_TOKEN = "token";
  process.env.TWILIO_ACCOUNT_SID = "ACpage";
  process.env.TWILIO_AUTH_TOKEN = "twilio token";
  process.env.TWILIO_PHONE_NUMBER = "+15550100101";
  const stub = await startStub(0, () => url);
  const people = [
    { phone: "+15550100001", name: "Ann Marlow", language: "en", orders: 3 },
    { phone: "+48550100002", name: "Łucja Kowalska", language: "pl", orders: 1 },
    { phone: "+20550100003", name: "منى حداد", language: "ar", orders: 2 },
    { user_id: "ES.1234567890", name: "Pablo (no number)", language: "es" },
  ];
  writeFileSync(join(folder, "people.json"), JSON.stringify(people));
  const sandbox = spawn(options.sandbox, [
    "--port", "0", "--webhook", `http://127.0.0.1:${stub.address().port}/webhooks/whatsapp`,
    "--journal", join(folder, "journal"), "--people", join(folder, "people.json"),
  ], { stdio: ["ignore", "pipe", "inherit"], env: process.env });
  url = await new Promise((found, failed) => {
    sandbox.on("error", failed);
    sandbox.on("exit", (code) => failed(new Error(`the sandbox ended with ${code}`)));
    sandbox.stdout.once("data", (text) => found(text.toString().trim()));
  });
  const stop = async () => {
    sandbox.removeAllListeners("exit");
    const ended = new Promise((done) => sandbox.once("exit", (code, signal) => done(signal ?? code)));
    sandbox.kill("SIGTERM");
    const status = await ended;
    stub.close();
    rmSync(folder, { recursive: true, force: true });
    return status;
  };
  return { url: `${url}/`, stop };
};

const target = options.env
  ? { url: readEnv(options.env).PARLEY_PAGE_URL, stop: async () => 0 }
  : await startSandbox();
const stubbed = !options.env;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium-headless-shell",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const open = async (settings = {}, who) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(target.url) && !/^(blob|data):/.test(request.url()) && !/\.example\//.test(request.url()))
      page.problems.push(`asked another host: ${request.url()}`);
  });
  await page.goto(who ? `${target.url}#${encodeURIComponent(who)}` : target.url);
  await page.waitForSelector("html[data-ready]", { timeout: 10000 });
  return page;
};

const axe = async (page, where) => {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const told = violations.map((one) => `\n    ${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  check(`axe finds nothing: ${where}`, violations.length === 0, told.join(""));
};

const screen = async (page, name) => {
  if (!options.screens) return;
  mkdirSync(options.screens, { recursive: true });
  await page.screenshot({ path: join(options.screens, `${name}.png`) });
};

const say = async (page, text) => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
};

// waitForFunction needs eval, which the page's policy rightly forbids; asking again does not.
const until = async (page, wanted, argument, timeout = 15000) => {
  for (const end = Date.now() + timeout; Date.now() < end; ) {
    if (await page.evaluate(wanted, argument)) return true;
    await page.waitForTimeout(50);
  }
  return false;
};

const bots = (page) => page.locator("#log > .message.bot:not(.typing)");

const answerAfter = async (page, act) => {
  const before = await bots(page).count();
  await act();
  const come = await until(page, (n) => document.querySelectorAll("#log > .message.bot:not(.typing)").length > n, before);
  if (!come) throw new Error("no answer came");
  return bots(page).last().innerText();
};

// --- the tests --------------------------------------------------------------------------------------------

// Of a demo somebody whom no other test plays, since they may run beside this one.
const anyService = async () => {
  const page = await open({}, stubbed ? undefined : "+15550100019");
  const greeting = await answerAfter(page, () => say(page, "hi"));
  check("ch_10_a_chat_is_held_on_the_page", greeting.length > 0);
  check("ticks_reach_read", await until(page, () => Boolean(document.querySelector("#log .own .meta .read"))));
  await axe(page, "a chat, light");
  await screen(page, "light");
  const who = await page.evaluate(() => decodeURIComponent(location.hash.slice(1)));
  const count = await page.locator("#log > .message").count();
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  check("a_reload_shows_the_chat", (await page.locator("#log > .message").count()) >= count);
  check("the_page_stays_with_its_person", (await page.evaluate(() => decodeURIComponent(location.hash.slice(1)))) === who);
  check("no_error_in_the_console", page.problems.length === 0, page.problems.join("; "));
  const dark = await open({ colorScheme: "dark" }, who);
  await axe(dark, "a chat, dark");
  await screen(dark, "dark");
  await dark.context().close();
  const narrow = await open({ viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true }, who);
  await axe(narrow, "a chat, 320 px wide");
  const sideways = await narrow.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  check("nothing_scrolls_sideways_at_320_px", !sideways);
  await screen(narrow, "narrow");
  await narrow.context().close();
  await page.context().close();
};

const kinds = async () => {
  const page = await open({}, "+15550100001");
  await answerAfter(page, () => say(page, "menu"));
  await page.getByRole("button", { name: "Choose" }).last().click();
  await page.waitForSelector("#choices[open]");
  await page.waitForTimeout(300);
  await axe(page, "a list's sheet");
  await screen(page, "list");
  const tapped = await answerAfter(page, () => page.getByRole("button", { name: /My orders/ }).click());
  check("a_row_of_a_list_can_be_tapped", tapped.includes("My orders"), tapped);
  await answerAfter(page, () => say(page, "buttons"));
  const first = await answerAfter(page, () => page.getByRole("button", { name: "Yes, cancel" }).click());
  check("a_button_can_be_tapped", first.includes("Yes, cancel"), first);
  const again = await answerAfter(page, () => page.getByRole("button", { name: "Keep it" }).click());
  check("an_old_button_stays_tappable", again.includes("Keep it"), again);
  await answerAfter(page, () => say(page, "link"));
  const link = page.getByRole("link", { name: "Track parcel" });
  check("a_link_button_leads_out_safely", (await link.getAttribute("href")) === "https://shop.example/t/1001" && (await link.getAttribute("rel")).includes("noopener"));
  await answerAfter(page, () => say(page, "document"));
  check("a_document_is_shown", await page.getByRole("link", { name: "invoice-1001.pdf" }).isVisible());
  const said = await answerAfter(page, () => say(page, "<b>not bold</b> *bold* _it_"));
  check("what_is_written_is_never_markup", said.includes("<b>not bold</b>"), said);
  check("stars_make_bold", (await page.locator(".own .words strong").last().innerText()) === "bold");
  check("an_answer_quotes", (await page.locator(".bot blockquote").count()) > 0);
  await screen(page, "kinds");
  for (const [name, expected] of [["sample", "image"], ["voice", "audio"], ["location", "location"], ["contact", "contacts"]]) {
    await page.click("#attach");
    const text = await answerAfter(page, () => page.click(`[data-attach="${name}"]`));
    check(`${expected}_can_be_sent`, text.includes(expected), text);
  }
  await page.click("#attach");
  await page.waitForTimeout(300);
  await axe(page, "the attachments");
  await screen(page, "attach");
  await page.click('[data-attach="reaction"]');
  await axe(page, "a message's menu");
  await page.click("#reactions button >> nth=0");
  await page.waitForSelector(".reacted");
  check("a_reaction_is_shown", (await page.locator(".reacted").innerText()).includes("👍"));
  const bubble = bots(page).last();
  await bubble.locator(".bubble").hover();
  await bubble.locator(".more").click();
  await page.click("#menu-reply");
  const quoted = await answerAfter(page, () => say(page, "about this"));
  check("a_message_can_be_quoted", quoted.includes("about this") && (await page.locator(".own blockquote").count()) > 0);
  await axe(page, "all kinds of messages");
  await screen(page, "media");
  check("no_error_in_the_console_for_any_kind", page.problems.length === 0, page.problems.join("; "));
  const light = await page.locator("#log > .message").count();
  const dark = await open({ colorScheme: "dark" }, "+15550100001");
  check("another_window_shows_the_same_chat", (await dark.locator("#log > .message").count()) === light);
  await axe(dark, "all kinds of messages, dark");
  await screen(dark, "kinds-dark");
  await dark.context().close();
  await page.context().close();
};

const tabTo = async (page, selector) => {
  for (let i = 0; i < 80; i++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return true;
    await page.keyboard.press("Tab");
  }
  return false;
};

const keyboard = async () => {
  const page = await open({}, "+48550100002");
  check("tab_reaches_the_message_field", await tabTo(page, "#text"));
  await page.keyboard.type("menu");
  const menu = await answerAfter(page, () => page.keyboard.press("Enter"));
  check("enter_sends", menu.includes("Choose"));
  await page.evaluate(() => document.activeElement.blur());
  check("tab_reaches_a_list", await tabTo(page, ".replies button"));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#choices[open]");
  check("tab_reaches_a_row", await tabTo(page, "#choices .row-button"));
  const picked = await answerAfter(page, () => page.keyboard.press("Enter"));
  check("a_row_is_picked_by_keyboard", picked.includes("My orders"), picked);
  check("focus_returns_to_the_message_field", await page.evaluate(() => document.activeElement.id === "text"));
  check("shift_tab_and_escape_work_in_the_people_sheet", await tabTo(page, "#who"));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#people[open]");
  await page.waitForTimeout(300);
  await axe(page, "the people");
  await screen(page, "people");
  await page.keyboard.press("Escape");
  check("escape_closes_and_focus_returns", await page.evaluate(() => !document.querySelector("#people[open]") && document.activeElement.id === "who"));
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("button, a, textarea, summary")]
      .filter((one) => one.checkVisibility() && !one.closest(".words"))
      .map((one) => ({ name: one.id || one.className || one.textContent, box: one.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
      .map(({ name }) => name));
  check("every_target_has_24_px", small.length === 0, small.join(", "));
  await page.context().close();
};

const people = async () => {
  const page = await open();
  await page.click("#who");
  const nobody = page.getByRole("button", { name: /no number/ }), name = await nobody.locator("[dir=auto]").innerText();
  await nobody.click();
  // The name changes with the chat; an answer is counted in theirs, and not in the one before.
  await until(page, (wanted) => document.querySelector("#who-name").textContent === wanted, name);
  const text = await answerAfter(page, () => say(page, "hi"));
  check("ch_1_a_person_without_a_number_is_answered", text.includes("You said: hi"), text);
  await page.click("#who");
  await page.fill("#new-phone", "12");
  await page.getByRole("button", { name: "Be this person" }).click();
  check("a_wrong_number_is_refused_in_words", (await page.locator("#new-error").innerText()).length > 10);
  await page.fill("#new-phone", "+1 555 010 0077");
  await page.fill("#new-name", "Nora New");
  await page.getByRole("button", { name: "Be this person" }).click();
  await until(page, () => document.querySelector("#who-name").textContent === "Nora New");
  const hello = await answerAfter(page, () => say(page, "hello"));
  check("someone_new_is_answered", hello.includes("hello"), hello);
  await page.context().close();
  const arabic = await open({ viewport: { width: 390, height: 800 } }, "+20550100003");
  await say(arabic, "أين طلبي؟");
  await answerAfter(arabic, () => say(arabic, "arabic"));
  await arabic.waitForTimeout(300);
  const direction = await bots(arabic).last().locator(".words").evaluate((one) => getComputedStyle(one).direction);
  check("an_arabic_answer_runs_from_right_to_left", direction === "rtl", direction);
  await axe(arabic, "an Arabic chat");
  await screen(arabic, "arabic");
  await arabic.context().close();
};

const sendSms = (to, body) =>
  fetch(new URL("/2010-04-01/Accounts/ACpage/Messages.json", target.url), {
    method: "POST",
    headers: { authorization: `Basic ${btoa("ACpage:twilio token")}` },
    body: new URLSearchParams({ To: to, From: "+15550100101", Body: body }),
  });

const sms = async () => {
  const who = "+15550100001";
  const page = await open({}, who);
  check("no_sms_no_notice", !(await page.locator("#sms").isVisible()));
  const sent = await sendSms(who, "123456 is your code for Parley Demo Shop.");
  check("ch_4_the_sandbox_takes_an_sms", sent.status === 201, String(sent.status));
  await page.waitForSelector("#sms:not([hidden])");
  check("otp_1_an_sms_lies_beside_the_phone", (await page.locator("#sms-log").innerText()).includes("123456 is your code"));
  check("an_sms_is_announced_once", (await page.locator("#sms-said[role=status]").textContent()) === "SMS: 123456 is your code for Parley Demo Shop.");
  check("an_sms_is_not_in_the_chat", !(await page.locator("#log").innerText()).includes("is your code"));
  await axe(page, "an SMS beside the phone");
  await screen(page, "sms");
  await page.getByRole("button", { name: "Write 123456" }).click();
  check("the_code_is_written_by_a_tap", (await page.inputValue("#text")) === "123456");
  await page.fill("#text", "");
  await sendSms(who, "654321 to twoj kod <b>x</b>");
  await until(page, () => document.querySelectorAll("#sms-log li").length === 2);
  check("the_newest_sms_stands_first", (await page.locator("#sms-log li").first().innerText()).includes("654321 to twoj kod <b>x</b>"));
  const { code } = await (await fetch(new URL(`/control/code?who=${encodeURIComponent(who)}`, target.url))).json();
  check("the_newest_code_is_known", code === "654321", String(code));
  await page.getByRole("button", { name: "Put the SMS away" }).click();
  check("an_sms_can_be_put_away", !(await page.locator("#sms").isVisible()) && (await page.evaluate(() => document.activeElement.id === "text")));
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  check("after_a_reload_it_is_there_and_not_announced_again",
    (await page.locator("#sms-log li").count()) === 2 && (await page.locator("#sms-said").textContent()) === "");
  await page.click("#who");
  await page.getByRole("button", { name: /Łucja/ }).click();
  await until(page, () => document.querySelector("#who-name").textContent.includes("Łucja"));
  check("another_person_does_not_see_it", await page.waitForSelector("#sms", { state: "hidden", timeout: 10_000 }).then(() => true, () => false));
  await page.context().close();
  const small = await open({ viewport: { width: 390, height: 800 }, colorScheme: "dark" }, who);
  await small.waitForSelector("#sms:not([hidden])");
  await axe(small, "an SMS over a small phone, dark");
  await screen(small, "sms-small");
  check("no_sms_trouble_in_the_console", small.problems.length === 0, small.problems.join("; "));
  await small.context().close();
  const wrong = await fetch(new URL("/2010-04-01/Accounts/ACpage/Messages.json", target.url), { method: "POST", body: "To=%2B1" });
  check("an_sms_without_credentials_is_refused", wrong.status === 401 && (await wrong.json()).code === 20003);
};

const calm = async () => {
  const page = await open({ reducedMotion: "reduce" });
  await answerAfter(page, () => say(page, "hi"));
  const moving = await page.evaluate(() => document.getAnimations().length);
  check("nothing_moves_when_less_motion_is_asked_for", moving === 0, String(moving));
  await page.context().close();
};

const refusals = async () => {
  const refused = async (path, headers) => (await fetch(new URL(path, target.url), { headers })).status;
  check("another_site_may_not_ask_the_sandbox", (await refused("/control/people", { origin: "https://evil.example" })) === 403);
  const page = await fetch(target.url);
  check("the_page_allows_nothing_foreign", page.headers.get("content-security-policy")?.includes("default-src 'none'"));
};

try {
  await anyService();
  await refusals();
  if (stubbed) {
    await kinds();
    await keyboard();
    await people();
    await sms();
    await calm();
  }
} catch (error) {
  check("the test runs to its end", false, error.stack);
} finally {
  await browser.close();
  const status = await target.stop();
  check("the sandbox stops cleanly", status === 0, String(status));
}
console.log(failures ? `${failures} failed` : "all passed");
process.exit(failures ? 1 : 0);
