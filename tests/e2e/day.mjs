#!/usr/bin/env node
// A shop's days under a clock of their own, from the CRM's first event to the last word about a review,
// on all channels (day/scenes.mjs), and exactly what became of them (day/expected.mjs): every message,
// event, notice and cent. Twice: as it should be, and with a courier who repeats, reorders and delays
// every delivery. Both have to end the same.
//
//   tests/e2e/day.mjs [--build DIR] [--seed N] [--once] [--tell] [--show] [--keep]
//
//   --seed N   the courier's dice (default: 1); the same seed disturbs alike
//   --once     only the disturbed day, held against the counts
//   --tell     every word of the undisturbed day as it happens
//   --show     the counts as they are, for day/expected.mjs
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Books, difference } from "./day/books.mjs";
import { EXPECTED } from "./day/expected.mjs";
import { Day } from "./day/play.mjs";
import { SCENES } from "./day/scenes.mjs";
import { root, worlds } from "./world.mjs";

const { values: options } = parseArgs({
  options: {
    build: { type: "string", default: join(root, "build/release") },
    seed: { type: "string", default: "1" },
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

const PARTS = ["messages", "events", "notices", "cents", "cash"];

const live = async (name, seed) => {
  const began = Date.now();
  const day = new Day({ name, build: options.build, seed, loud: options.tell && seed === undefined });
  try {
    await day.start();
    await day.play(SCENES);
    const books = await new Books(day).open();
    const counts = {};
    for (const part of PARTS) counts[part] = await books[part]();
    const { brought, repeated, delayed } = day.shop.courier;
    const took = `${SCENES.length} scenes, ${brought} deliveries, ${repeated} of them again, ${delayed} late; ${((Date.now() - began) / 1000).toFixed(1)} s`;
    return { name, day, counts, broken: await books.broken(), pages: await books.all(), took };
  } catch (error) {
    failures++;
    options.keep = true;
    console.log(`FAIL  ${name}: ${error.message}`);
    return { name, day };
  }
};

const compare = (got, wanted) => {
  const lines = wanted.trim().split("\n").map((line) => line.trim());
  return [...lines.filter((line) => !got.includes(line)).map((line) => `expected: ${line}`), ...got.filter((line) => !lines.includes(line)).map((line) => `got:      ${line}`)];
};

process.on("exit", () => worlds.forEach((world) => world.endNow()));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const wanted = [["the disturbed day", Number(options.seed)]];
if (!options.once) wanted.unshift(["the day", undefined]);
const days = await Promise.all(wanted.map(([name, seed]) => live(name.replaceAll(" ", "-"), seed)));
for (const { name, counts, broken, took } of days.filter((one) => one.counts)) {
  console.log(`${name}: ${took}`);
  if (options.show) for (const part of PARTS) console.log(`  ${part}: \`\n${counts[part].map((line) => `    ${line}\n`).join("")}  \`,`);
  check(`CH-1 PLT-1 ${name}: nothing is left due, parked, dead or unanswered, nothing came twice or out of order, and the cents agree with Stripe`, broken);
  for (const part of PARTS) check(`${name}: ${part}, exactly`, compare(counts[part], EXPECTED[part]));
}
if (days.every((one) => one.pages) && days.length === 2) check("both days end the same, in every table and word", difference(days[0].pages, days[1].pages));
await Promise.all(days.map(({ day }) => day.shop.end(options.keep)));
process.exit(failures === 0 ? 0 : 1);
