// A person at the page of a running demo, in a real browser: what they write and tap on WhatsApp, and what they
// see. For the stories beside it (story.mjs, story_shop.mjs).

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { BROWSER, modules } from "./modules.mjs";
import { Postgres } from "./postgres.mjs";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    env: { type: "string" },
    screens: { type: "string" },
    modules: { type: "string", default: join(root, "build/e2e") },
  },
});
export const env = Object.fromEntries([...readFileSync(options.env, "utf8").matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
const require = modules(options.modules, BROWSER);
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", "--disable-gpu"] });

let failures = 0;
export const check = (what, ok, detail = "") => {
  console.log(`${ok ? "ok" : "not ok"} - ${what}${ok ? "" : `: ${detail}`}`);
  if (!ok) failures++;
};
export const wants = (what, text, pattern) => check(what, pattern.test(text), text);

const run = promisify(execFile);
const database = new Postgres(env.PARLEY_DATABASE_URL);
export const ask = (sql) => database.ask(sql);
export const shell = async (commands) => (await run("bash", ["-euo", "pipefail", "-c", commands], { cwd: root, env: { ...process.env, LC_ALL: "C.UTF-8" } })).stdout;

export const until = async (what, within, look) => {
  for (const end = Date.now() + within; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${within / 1000} s`);
};

const control = async (path) => (await fetch(new URL(`/control/${path}`, env.PARLEY_PAGE_URL))).json();

// One message after the other has left; nothing of it waits.
const hasLeft = async () => (await ask("select exists (select from outbox where priority < 2)")) === "f";

export class Phone {
  static async open(who) {
    const phone = new Phone();
    phone.who = who;
    phone.page = await browser.newPage({ viewport: { width: 1160, height: 860 }, reducedMotion: "reduce", timezoneId: "UTC" });
    phone.bots = phone.page.locator("#log > .message.bot:not(.typing)");
    await phone.page.goto(`${env.PARLEY_PAGE_URL}#${encodeURIComponent(who)}`);
    await phone.page.waitForSelector("html[data-ready]");
    return phone;
  }

  async last() {
    return (await this.bots.last().innerText()).trim();
  }

  // Do something, and wait until the shop has said all that it says to it, and it is seen.
  async after(act, within = 20_000) {
    const before = await this.bots.count();
    await act();
    await this.bots.nth(before).waitFor({ timeout: within });
    await until("all of the answer", within, hasLeft);
    const { entries } = await control(`chat?who=${encodeURIComponent(this.who)}&after=0`);
    await this.bots.nth(entries.filter(({ from }) => from === "bot").length - 1).waitFor();
    return this.last();
  }

  // All that is new after it.
  async heard(act, within) {
    const before = await this.bots.count();
    await this.after(act, within);
    return (await this.bots.allInnerTexts()).slice(before).join("\n");
  }

  say(text) {
    return this.after(async () => {
      await this.page.fill("#text", text);
      await this.page.press("#text", "Enter");
    });
  }

  // A row of the last message's list.
  choose(list, row) {
    return this.after(async () => {
      await this.bots.last().getByRole("button", { name: list }).click();
      await this.page.locator("#choices").getByRole("button", { name: row }).click();
    });
  }

  // The newest code lies beside the phone, whichever way it came.
  async code() {
    const { code } = await until("a code", 15_000, async () => {
      const found = await control(`code?who=${encodeURIComponent(this.who)}`);
      return found.code && found.code !== this.used && found;
    });
    this.used = code;
    return code;
  }

  // Something that only the right person may see: if it asks for a code, it gets it.
  async prove(text) {
    const answer = await this.say(text);
    return /6 digits/.test(answer) ? this.say(await this.code()) : answer;
  }

  // A link of the last message, in a tab of its own.
  async follow(name) {
    const link = this.bots.last().getByRole("link", { name });
    const [tab] = await Promise.all([this.page.context().waitForEvent("page"), link.click()]);
    await tab.waitForLoadState();
    return tab;
  }

  async axe(where, page = this.page) {
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    check(`axe: ${where}`, violations.length === 0, violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target).join(" ")}`).join("; "));
  }

  // The phone and what lies beside it; or another page, as far as it goes.
  async screen(name, page) {
    if (!options.screens) return;
    mkdirSync(options.screens, { recursive: true });
    if (page) {
      await page.setViewportSize({ width: 560, height: 640 });
      await page.screenshot({ path: join(options.screens, `${name}.png`) });
      return;
    }
    await this.page.evaluate(() => document.activeElement.blur());
    await this.page.screenshot({ path: join(options.screens, `${name}.png`), clip: { x: 352, y: 0, width: 808, height: 860 } });
  }
}

export const folder = () => options.screens;

// Tell what became of it, and end.
export const finish = async (well) => {
  await browser.close();
  console.log(failures === 0 ? well : `${failures} parts of the story are broken`);
  process.exit(failures === 0 ? 0 : 1);
};
