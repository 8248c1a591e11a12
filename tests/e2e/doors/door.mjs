// What the doors of crash.mjs have in common. Those who come to one do what the real ones do: they come again
// with the same until they are answered, and sometimes once more.
//
//   settings()   lines of YAML for the service
//   begin()      makes what has to be there before anything is killed
//   step(n)      one thing that the n-th who comes does; what was answered is a promise
//   waits()      what is still under way, in words; "" for nothing
//   judge()      [promise, what breaks it] pairs, from the database and those who were told
//   figures()    a line on what was tried
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { call, chance, pause } from "../world.mjs";

// How long something may take that goes through the chat: while all die again and again, until they do not.
export const PATIENCE = 300_000;

export class Door {
  constructor(world, customers) {
    Object.assign(this, { world, customers, comers: 4, rest: 250, working: true, answered: 0, repeats: 0, again: 0 });
    this.agent = new Agent({ keepAlive: true, maxSockets: Infinity });
    this.unheard = [];
    this.refused = [];
  }

  settings() {
    return "";
  }

  async begin() {}

  async waits() {
    return "";
  }

  async judge() {
    return [];
  }

  figures() {
    return "";
  }

  open() {
    this.loops = Array.from({ length: this.comers }, (_, n) => this.comer(n));
  }

  async comer(n) {
    await pause(Math.random() * this.rest);
    while (this.working) {
      await this.step(n);
      await pause(Math.random() * this.rest * 2);
    }
  }

  async close() {
    this.working = false;
    await Promise.all(this.loops);
    this.agent.destroy();
  }

  // `make` gives the request, for each time anew. Answered is what is neither unwell (5xx) nor too much (429); an
  // answer that is not 2xx is kept as refused, unless it is among `also`.
  async knock(make, { patience = 60_000, also = [], what = "" } = {}) {
    const end = Date.now() + patience;
    for (let tries = 0; Date.now() < end; tries++) {
      if (tries > 0) {
        this.repeats++;
        await pause((0.5 + Math.random()) * Math.min(100 * 2 ** tries, 1000));
      }
      const answer = await call(this.world.port, { agent: this.agent, ...make() });
      if (answer.status === 0 || answer.status >= 500 || answer.status === 429) continue;
      this.answered++;
      if (answer.status >= 300 && !also.includes(answer.status)) this.refused.push(`${what}: ${answer.status} ${plain(answer.text)}`);
      if (chance(0.05)) await this.knockAgain(make);
      return answer;
    }
    this.unheard.push(what);
    return { status: 0, text: "" };
  }

  async knockAgain(make) {
    this.again++;
    await call(this.world.port, { agent: this.agent, ...make() });
  }

  // Where answers are lost a message may come twice.
  arrivedOnce(n) {
    return n === 1 || (this.world.lossy && n > 1);
  }

  // What every door promises.
  common() {
    return [[`${this.constructor.title}: never answered`, this.unheard], [`${this.constructor.title}: refused`, this.refused]];
  }
}

// Of a page its words.
const plain = (text) => text.replace(/<style.*?<\/style>/gs, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").slice(0, 300);
export const rowsOf = async (world, query) => JSON.parse(await world.sql(`select coalesce(json_agg(row_to_json(q)), '[]') from (${query}) q`));
// Unlike any other, and without a digit: who writes many may have written a card's number.
export const word = () => Array.from(randomBytes(20), (byte) => String.fromCharCode(97 + (byte % 26))).join("");
export const json = (body, more) => ({ "content-type": "application/json", "content-length": Buffer.byteLength(body), ...more });
export const tally = (list) => list.reduce((counts, name) => counts.set(name, (counts.get(name) ?? 0) + 1), new Map());
export const range = (n) => Array.from({ length: n }, (_, i) => i);
