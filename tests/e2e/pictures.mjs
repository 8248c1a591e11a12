// The pictures of docs/pictures: the phone page of a running demo, in Debian's Chromium.
//
//   node tests/e2e/pictures.mjs --env .demo/demo.env [--out docs/pictures]
//
// The people are taken from the demo's seed and their chats should be new (deploy/demo --reset),
// so that every run draws the same. Needs build/e2e, which `tests/run browser` makes, and the
// Debian package fonts-noto-color-emoji.

import { mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER, modules } from "./modules.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    env: { type: "string", default: join(root, ".demo/demo.env") },
    out: { type: "string", default: join(root, "docs/pictures") },
    modules: { type: "string", default: join(root, "build/e2e") },
  },
});
const BYTES_MAX = 120_000;

const url = /^PARLEY_PAGE_URL='(.*)'$/m.exec(readFileSync(options.env, "utf8"))[1];
const { chromium } = modules(options.modules, BROWSER)("playwright-core");
const people = (await (await fetch(new URL("control/people", url))).json()).people;
const seeded = (language) => people.find((one) => one.seeded && one.language === language && one.orders > 0).who;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });

const pictures = [
  { name: "chat", who: seeded("en"), lines: ["where is my order?", "/code"], scheme: "light", width: 390 },
  { name: "code", who: seeded("en"), lines: ["log out", "verify"], scheme: "light", width: 1160, from: 352 },
  { name: "arabic", who: seeded("ar"), lines: ["أين طلبي؟", "/code"], scheme: "dark", width: 390 },
];

// The code that came by SMS to this person's phone.
const codeOf = async (who) => {
  for (let i = 0; i < 50; i++) {
    const { code } = await (await fetch(new URL(`control/code?who=${encodeURIComponent(who)}`, url))).json();
    if (code) return code;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`no code has come to ${who}`);
};

const say = async (page, text) => {
  const answers = page.locator("#log > .message.bot:not(.typing)");
  const before = await answers.count();
  await page.fill("#text", text);
  await page.press("#text", "Enter");
  await answers.nth(before).waitFor({ timeout: 15_000 });
  await page.waitForTimeout(900); // ticks and the bubbles' entrance
};

mkdirSync(options.out, { recursive: true });
let failed = false;
for (const { name, who, lines, scheme, width, from = 0 } of pictures) {
  const page = await browser.newPage({
    viewport: { width, height: 760 }, colorScheme: scheme, reducedMotion: "reduce", timezoneId: "UTC",
  });
  await page.goto(`${url}#${encodeURIComponent(who)}`);
  await page.waitForSelector("html[data-ready]");
  for (const line of lines) await say(page, line === "/code" ? await codeOf(who) : line);
  if (from > 0) await page.waitForSelector("#sms:not([hidden])");
  await page.evaluate(() => document.activeElement.blur());
  const path = join(options.out, `${name}.png`);
  await page.screenshot({ path, clip: { x: from, y: 0, width: width - from, height: 760 } });
  const { size } = statSync(path);
  console.log(`${name}.png ${size} bytes`);
  failed ||= size > BYTES_MAX;
  await page.close();
}
await browser.close();
process.exit(failed ? 1 : 0);
