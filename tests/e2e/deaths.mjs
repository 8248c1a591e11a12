// Who dies in a world, by kill -9: each kind before any comes again, so that a short run has them all.
import { pick } from "./world.mjs";

export class Deaths {
  // `more` are further kinds, by name.
  constructor(world, more = {}) {
    this.kinds = { worker: () => world.killWorker(), service: () => world.killService(), sandbox: () => world.killSandbox(), PostgreSQL: () => world.killPostgres(),
      "PostgreSQL after commit": () => world.killPostgresAfterCommit(), ...more };
    this.counts = Object.fromEntries(Object.keys(this.kinds).map((kind) => [kind, 0]));
  }

  async next() {
    const least = Math.min(...Object.values(this.counts));
    const kind = pick(Object.keys(this.kinds).filter((name) => this.counts[name] === least));
    await this.kinds[kind]();
    this.counts[kind]++;
  }

  get total() {
    return Object.values(this.counts).reduce((sum, n) => sum + n, 0);
  }

  toString() {
    return `${this.total} kills: ${Object.entries(this.counts).map(([kind, n]) => `${n} ${kind}`).join(", ")}`;
  }
}
