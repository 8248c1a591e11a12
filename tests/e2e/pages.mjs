// Customers' own pages as people see them: each in every language, in Debian's Chromium.
//
//   node tests/e2e/pages.mjs [--build build/asan] [--out docs/pictures]
//
// test_web_page writes the pages; each is opened on a narrow phone, a phone and a desktop, in light
// and dark, without script. Nothing may be wider than the window, what can be tapped is 48 px high,
// nothing is fetched but our own pictures, and axe finds nothing. With --out some pictures are drawn.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BROWSER, modules } from "./modules.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/asan") },
    modules: { type: "string", default: join(root, "build/e2e") },
    out: { type: "string" },
  },
});
const require = modules(options.modules, BROWSER);
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "parley-pages-"));
execFileSync(join(resolve(options.build), "test_web_page"), { cwd: root, stdio: "ignore", env: { ...process.env, PARLEY_TEST_PAGES: folder } });
const pages = readdirSync(folder).sort();

let checks = 0;
const wrong = [];
const check = (what, good, detail = "") => {
  checks++;
  if (!good) wrong.push(`${what}${detail ? `: ${detail}` : ""}`);
};

const measure = () => {
  const told = { width: document.documentElement.scrollWidth, small: [] };
  for (const element of document.querySelectorAll("a, button, input, select, textarea")) {
    const box = element.getBoundingClientRect();
    if (element.type !== "hidden" && (box.height < 48 || box.width < 48)) told.small.push(`${box.width}x${box.height} ${element.textContent.trim()}`);
  }
  return told;
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });
for (const [width, scheme] of [[320, "light"], [390, "light"], [390, "dark"], [1000, "light"], [1000, "dark"]]) {
  const page = await browser.newPage({ viewport: { width, height: 740 }, colorScheme: scheme });
  const fetched = [];
  page.on("request", (request) => request.url().startsWith("file:") || fetched.push(request.url()));
  for (const name of pages) {
    const where = `${name} ${width} ${scheme}`;
    await page.goto(`file://${join(folder, name)}`);
    const told = await page.evaluate(measure);
    check(`${where}: nothing is wider than the window`, told.width <= width, `${told.width}`);
    check(`${where}: what can be tapped is 48 px`, told.small.length === 0, told.small.join("; "));
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    check(`${where}: axe finds nothing`, violations.length === 0,
      violations.map(({ id, nodes }) => `${id} ${nodes.map((node) => node.target).join(" ")}`).join("; "));
    if (options.out && ((width === 390 && name === "index.en.html" && scheme === "light") || (width === 390 && name === "order.ar.html" && scheme === "dark")))
      await page.screenshot({ path: join(options.out, `page_${name.replace(".html", "").replace(".", "_")}.png`) });
  }
  check(`${width} ${scheme}: nothing is fetched`, fetched.length === 0, fetched.join(" "));
  await page.close();
}
await browser.close();
rmSync(folder, { recursive: true });
console.log(`pages: ${checks} checks, ${wrong.length} wrong`);
for (const one of wrong) console.log(`  ${one}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
