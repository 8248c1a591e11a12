// Mails as people see them: every kind of reply in every language, in Debian's Chromium.
//
//   node tests/e2e/faces.mjs [--build build/asan] [--out docs/pictures]
//
// test_face writes the mails; each is opened on a phone, a narrow one and a desktop, in light and
// dark, and once more without its style sheet, which some mail programs drop. Nothing may be wider
// than the window, every pair of colours has the contrast of WCAG 2.2 AA, what can be tapped is
// 48 px high, nothing is fetched, and axe finds nothing. With --out some pictures are drawn.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
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
const BYTES_MAX = 120_000;
const require = modules(options.modules, BROWSER);
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const folder = mkdtempSync(join(tmpdir(), "parley-faces-"));
execFileSync(join(resolve(options.build), "test_face"), { cwd: root, stdio: "ignore", env: { ...process.env, PARLEY_TEST_FACES: folder } });
const mails = readdirSync(folder).filter((name) => name.endsWith(".html")).sort();

let checks = 0;
const wrong = [];
const check = (what, good, detail = "") => {
  checks++;
  if (!good) wrong.push(`${what}${detail ? `: ${detail}` : ""}`);
};

// What a mail looks like, measured in the page: {overflow, contrast, small, direction}.
const measure = () => {
  const luminance = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const colour = (text) => text.match(/[\d.]+/g).map(Number);
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const told = { overflow: [], contrast: [], small: [], texts: 0 };
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) told.overflow.push(`the page is ${document.documentElement.scrollWidth}`);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const style = getComputedStyle(element);
    if (!node.data.trim() || !element.checkVisibility()) continue;
    told.texts++;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects())
      if (box.left < -0.5 || box.right > width + 0.5) told.overflow.push(node.data.trim().slice(0, 30));
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = ratio(colour(style.color), paper(element));
    if (found < (large ? 3 : 4.5)) told.contrast.push(`${found.toFixed(2)} ${node.data.trim().slice(0, 30)}`);
  }
  for (const element of document.querySelectorAll("a")) {
    const box = element.getBoundingClientRect();
    const inText = element.closest("p, li, h1") && !element.matches(".g");
    if (!inText && (box.height < 48 || box.width < 48)) told.small.push(`${box.width}x${box.height} ${element.textContent.trim()}`);
    if (element.matches(".o")) {
      const found = ratio(colour(getComputedStyle(element).borderTopColor), paper(element.parentElement));
      if (found < 3) told.contrast.push(`${found.toFixed(2)} border of ${element.textContent.trim()}`);
    }
    if (element.matches(".g")) {
      const style = getComputedStyle(element);
      const found = Math.max(ratio(colour(style.borderTopColor), paper(element.parentElement)),
        ratio(colour(style.backgroundColor), paper(element.parentElement)));
      if (found < 3) told.contrast.push(`${found.toFixed(2)} edge of ${element.textContent.trim()}`);
    }
  }
  const shown = [...document.querySelectorAll("h1, p")].find((one) => one.checkVisibility() && one.getAttribute("dir") === null);
  told.start = getComputedStyle(shown).textAlign === "start" && getComputedStyle(shown).direction;
  const labels = [...document.querySelectorAll("a.o")].map((one) => one.querySelector(".n").getBoundingClientRect().left -
    one.getBoundingClientRect().left < one.getBoundingClientRect().width / 2);
  told.numbersLeft = labels.length === 0 ? null : labels.every(Boolean);
  return told;
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });
const windows = [[320, "light"], [390, "light"], [390, "dark"], [800, "light"], [800, "dark"]];
for (const [width, scheme] of windows) {
  const page = await browser.newPage({ viewport: { width, height: 740 }, colorScheme: scheme });
  const fetched = [];
  page.on("request", (request) => request.url().startsWith("file:") || fetched.push(request.url()));
  for (const name of mails) {
    const language = name.split(".")[1];
    await page.goto(`file://${join(folder, name)}`);
    for (const bare of [false, true]) {
      // Without its sheet a mail is what its elements' own styles say: light, always.
      if (bare && scheme === "dark") continue;
      if (bare) await page.evaluate(() => document.querySelectorAll("style").forEach((one) => one.remove()));
      const where = `${name}, ${width} px, ${scheme}${bare ? ", without its sheet" : ""}`;
      const told = await page.evaluate(measure);
      check(`something is said: ${where}`, told.texts > 3);
      check(`nothing is too wide: ${where}`, told.overflow.length === 0, told.overflow.join(", "));
      check(`contrast: ${where}`, told.contrast.length === 0, told.contrast.join(", "));
      check(`48 px to tap: ${where}`, told.small.length === 0, told.small.join(", "));
      check(`direction: ${where}`, told.start === (language === "ar" ? "rtl" : "ltr"), String(told.start));
      check(`numbers at the beginning: ${where}`, told.numbersLeft === null || told.numbersLeft === (language !== "ar"));
      if (bare || width !== 390) continue;
      await page.evaluate(axeSource);
      const { violations } = await page.evaluate(() =>
        globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
      check(`axe finds nothing: ${where}`, violations.length === 0, violations.map((one) => `${one.id} ${one.nodes[0].html}`).join("; "));
    }
  }
  check(`nothing is fetched, ${width} px, ${scheme}`, fetched.length === 0, fetched.join(" "));
  await page.close();
}

const pictures = [
  { name: "mail-order", mail: "detail.en.html", width: 390, scheme: "light" },
  { name: "mail-list", mail: "list.ar.html", width: 390, scheme: "dark" },
  { name: "mail-code", mail: "code.pl.html", width: 660, scheme: "light" },
];
if (options.out) mkdirSync(options.out, { recursive: true });
for (const { name, mail, width, scheme } of options.out ? pictures : []) {
  const page = await browser.newPage({ viewport: { width, height: 300 }, colorScheme: scheme });
  await page.goto(`file://${join(folder, mail)}`);
  const path = join(options.out, `${name}.png`);
  await page.screenshot({ path, fullPage: true });
  console.log(`${name}.png ${statSync(path).size} bytes`);
  check(`${name}.png is small`, statSync(path).size <= BYTES_MAX);
  await page.close();
}
await browser.close();
rmSync(folder, { recursive: true });
console.log(`${mails.length} mails in ${windows.length} windows: ${checks - wrong.length} checks passed, ${wrong.length} failed`);
for (const one of wrong.slice(0, 40)) console.log(`FAILED ${one}`);
process.exit(wrong.length > 0 || mails.length !== 40 ? 1 : 0);
