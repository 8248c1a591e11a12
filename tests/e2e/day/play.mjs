// Plays scenes in a shop: the clock goes to each scene's time, what is said and told happens, and before
// the next one all has come to rest.
import { pause } from "../world.mjs";
import { codeIn, readArrivals } from "./arrivals.mjs";
import { PEOPLE } from "./people.mjs";
import { Shop } from "./shop.mjs";

const MIDNIGHT = Date.parse("2027-03-01T05:00:00Z"); // where the shop is: New York, a Monday
const SECOND = 1000, HOUR = 3_600_000;
const FAR = 6 * HOUR; // before such a jump nothing is left behind: no network holds anything for so long
const A_WHILE = 10; // seconds: what is told of one cause is collected for five, and what failed is tried again

// "09:30" or "2 09:30": the day, and the shop's clock. In milliseconds since 1970.
export const timeOf = (at) => {
  const [, day = "1", hour, minute] = /^(?:(\d+) )?(\d\d):(\d\d)$/.exec(at);
  return MIDNIGHT + (Number(day) - 1) * 24 * HOUR + Number(hour) * HOUR + Number(minute) * 60_000;
};

export const CODE = Symbol("the code that came");

export class Day {
  // `only` are the names of those who live through it; all, if there are none.
  constructor({ name, build, seed, only, loud = false }) {
    this.loud = loud;
    this.only = only?.length > 0 ? new Set(only) : null;
    this.shop = new Shop({ name, build, seed, people: PEOPLE, at: new Date(timeOf("08:00")).toISOString() });
    this.played = 0;
    this.seen = 0; // arrivals that were shown
    this.kept = {}; // what scenes remember for later ones
  }

  async start() {
    await this.shop.start();
    // Statuses come before the answer that says that a message was taken.
    if (this.shop.courier.dice) await this.shop.faults({ delay_ms: 20, delay_max_ms: 80 });
    await this.shop.rest("the start");
  }

  async arrivals() {
    return readArrivals(PEOPLE, await this.shop.arrivals());
  }

  // What this person got since the last look.
  async fresh(who) {
    return (await this.arrivals()).slice(this.mark).filter((one) => one.who === who);
  }

  async play(scenes) {
    for (const scene of scenes) await this.playOne(scene);
    await this.settle();
  }

  // Of an event: whether somebody of them has to do with it.
  concerns(event) {
    const text = JSON.stringify(event);
    return !this.only || [...this.only].some((who) => text.includes(PEOPLE[who].id));
  }

  async playOne(scene) {
    const { shop } = this;
    if (this.only && scene.who && !this.only.has(scene.who)) return this.passOver(scene);
    const gap = timeOf(scene.at) + SECOND - shop.now(); // never a moment before the minute
    if (gap > FAR) await this.settle();
    if (gap > 0) shop.jump(gap / 1000);
    if (this.loud) console.log(`\n=== ${scene.at} ${scene.what}`);
    this.mark = (await shop.arrivals()).length;
    if (gap > 0) await shop.rest(`before ${scene.what}`, { aside: false }); // what became due by the jump
    shop.courier.mayBeLate = !scene.firm;
    for (const step of scene.does) await this.step(scene, step);
    await shop.rest(scene.what, { aside: false });
    shop.jump(A_WHILE);
    await shop.rest(`a while after ${scene.what}`, { aside: false });
    // Nothing may be on the wire when the clock jumps: its lease would lapse, and it would be repeated.
    await shop.courier.sceneEnds();
    await shop.rest(`what came late to ${scene.what}`);
    this.played++;
    if (this.loud) await this.show();
  }

  // A scene of somebody who is not here. What is late comes after it nevertheless: a parcel that is told to
  // have left when it is already out for delivery is news of one thing, and not of two.
  async passOver(scene) {
    if ((await this.shop.courier.sceneEnds()) > 0) await this.shop.rest(`what came late to ${scene.what}`, { aside: false });
  }

  // Nothing is on its way any more.
  async settle() {
    while (this.shop.courier.late.length > 0) {
      await this.shop.courier.sceneEnds();
      await this.shop.rest("what came late");
    }
    await this.shop.rest("all that is on its way");
  }

  async step(scene, step) {
    const { shop } = this;
    if (typeof step === "function") {
      await step(this, scene);
    } else if (step instanceof RegExp) {
      await this.wants(scene, step);
      return;
    } else {
      const words = step === CODE ? await this.code(scene.who) : step;
      if (this.loud) console.log(`  ${scene.who} < ${words}`);
      this.mark = (await shop.arrivals()).length;
      await shop.say(scene.who, scene.door ?? PEOPLE[scene.who].door, words);
    }
    await shop.rest(`${scene.what}: ${String(step)}`, { aside: false });
    if (this.loud) await this.show();
  }

  async wants({ who, what }, pattern) {
    const fresh = await this.fresh(who);
    if (!fresh.some(({ words }) => pattern.test(words))) throw new Error(`${what}: ${who} should have got ${pattern}, and got ${JSON.stringify(fresh.map(({ words }) => words))}`);
  }

  async code(who) {
    const codes = (await this.arrivals()).filter((one) => one.who === who && one.kind === "code");
    if (codes.length === 0) throw new Error(`${who} has no code`);
    return codeIn(codes.at(-1));
  }

  async show() {
    const all = await this.arrivals();
    for (const { who, channel, kind, words } of all.slice(this.seen)) console.log(`  ${who} > (${channel} ${kind}) ${words.split("\n-- \n")[0].slice(0, 700).replaceAll("\n", "\n       | ")}`);
    this.seen = all.length;
  }
}
