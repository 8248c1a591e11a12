#!/usr/bin/env node
// A shop's days under a clock of their own, from the CRM's first event to the last word about a review,
// on all channels (day/scenes.mjs), and exactly what became of them (day/expected.mjs): every message,
// event, notice and cent. Once as it should be, and then with a courier who repeats, reorders and delays
// every delivery. All have to end the same.
//
//   tests/e2e/day.mjs [--build DIR] [--days N] [--seed N] [--short] [--once] [--tell] [--show] [--keep]
//
//   --days N   so many disturbed days (default: 1), each with dice of its own
//   --seed N   the first one's dice (default: 1); the same seed disturbs alike
//   --short    only Ann, Tom and Mia, of each channel one
//   --once     only the disturbed day, held against the counts
//   --tell     every word of the undisturbed day as it happens
//   --show     the counts as they are, for day/expected.mjs
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Books, difference } from "./day/books.mjs";
import { EXPECTED } from "./day/expected.mjs";
import { PEOPLE } from "./day/people.mjs";
import { Day } from "./day/play.mjs";
import { SCENES } from "./day/scenes.mjs";
import { root, worlds } from "./world.mjs";

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/release") },
    days: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    short: { type: "boolean", default: false },
    once: { type: "boolean", default: false },
    tell: { type: "boolean", default: false },
    show: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

let failures = 0;
const check = (what, lines) => {
  console.log(`${lines.length === 0 ? "ok   " : "FAIL "} ${what}`);
  for (const line of lines) console.log(`      ${line}`);
  if (lines.length > 0) failures++;
};

const SHORT = options.short ? ["ann", "tom", "mia"] : [];
// What is counted, and what that shows.
const PARTS = {
  messages: "CH-1 CH-4 CH-5 CH-8 OTP-1", events: "CRM-2 STF-5", notices: "NTF-1 NTF-2 NTF-3 NTF-5 REV-1 BRO-1", cents: "PAY-7", cash: "PAY-2 PAY-3",
};

const live = async (name, seed) => {
  const began = Date.now();
  const day = new Day({ name: name.replaceAll(" ", "-"), build: options.build, seed, only: SHORT, loud: options.tell && seed === undefined });
  try {
    await day.start();
    await day.play(SCENES);
    const books = await new Books(day).open();
    const counts = {};
    for (const part of Object.keys(PARTS)) counts[part] = await books[part]();
    const { brought, repeated, delayed } = day.shop.courier;
    const took = `${day.played} scenes, ${brought} deliveries, ${repeated} of them again, ${delayed} late; ${((Date.now() - began) / 1000).toFixed(1)} s`;
    return { name, day, counts, broken: await books.broken(), pages: await books.all(), took };
  } catch (error) {
    failures++;
    options.keep = true;
    console.log(`FAIL  ${name}: ${error.message}`);
    return { name, day };
  }
};

const compare = (got, wanted) => {
  const ours = SHORT.length > 0 ? [...SHORT, ...SHORT.map((who) => PEOPLE[who].id), "a stranger"] : [""];
  const lines = wanted.trim().split("\n").map((line) => line.trim()).filter((line) => ours.some((who) => line.startsWith(who)));
  return [...lines.filter((line) => !got.includes(line)).map((line) => `expected: ${line}`), ...got.filter((line) => !lines.includes(line)).map((line) => `got:      ${line}`)];
};

process.on("exit", () => worlds.forEach((world) => world.endNow()));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const wanted = Array.from({ length: Number(options.days) }, (_, n) => [`day ${Number(options.seed) + n}`, Number(options.seed) + n]);
if (!options.once) wanted.unshift(["the day", undefined]);

const report = ({ name, counts, broken, took }) => {
  console.log(`${name}: ${took}`);
  if (options.show) for (const part of Object.keys(PARTS)) console.log(`  ${part}: \`\n${counts[part].map((line) => `    ${line}\n`).join("")}  \`,`);
  check(`CRM-1 CRM-2 PAY-3 ${name}: nothing is left due, parked, dead or unanswered, nothing came twice or out of order, and the cents agree with Stripe`, broken);
  for (const [part, ids] of Object.entries(PARTS)) check(`${ids} ${name}: ${part}, exactly`, compare(counts[part], EXPECTED[part]));
};

// Two at a time: they wait more than they work.
const days = [];
const next = async () => {
  for (let one; (one = wanted.shift()); ) {
    const day = await live(...one);
    days.push(day);
    if (day.counts) report(day);
  }
};
await Promise.all([next(), next()]);
const plain = days.find(({ name }) => name === "the day");
for (const { name, pages } of days)
  if (pages && plain?.pages && name !== "the day") check(`CH-8 CRM-1 PAY-3 the day and ${name} end the same, in every table and word`, difference(plain.pages, pages));
await Promise.all(days.map(({ day }) => day.shop.end(options.keep)));
process.exit(failures === 0 ? 0 : 1);
