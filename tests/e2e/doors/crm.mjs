// The business's system beside a world, both ways: its signed events to the service, and the address at the sandbox
// where it takes the service's.
import { createHmac, randomBytes } from "node:crypto";

export const SOURCE = "https://crm.lark.example";

export class Crm {
  constructor(world) {
    this.world = world;
    this.secret = randomBytes(24);
    this.written = `whsec_${this.secret.toString("base64")}`;
    world.sandboxArguments.push("--crm-secret", this.written);
  }

  settings() {
    return `
crm:
  allow_private: true
  apps:
    demo:
      secret: ${this.written}
      url: http://127.0.0.1:${this.world.sandboxPort}/crm/events
events:
  timeout: 1s
  retry: "${["100ms", "200ms", "400ms", ...Array(10).fill("800ms"), "2s", "4s", "8s"].join(", ")}"
`;
  }

  event(type, data, more) {
    return { specversion: "1.0", source: SOURCE, id: `evt_${randomBytes(10).toString("hex")}`, type, time: new Date().toISOString(), ...more, data };
  }

  // One event, or several as a batch; signed anew for each time, under the same id.
  delivery(events) {
    const body = JSON.stringify(events), id = `msg_${randomBytes(10).toString("hex")}`;
    const type = Array.isArray(events) ? "application/cloudevents-batch+json" : "application/cloudevents+json";
    return () => {
      const at = String(Math.floor(Date.now() / 1000));
      const signature = createHmac("sha256", this.secret).update(`${id}.${at}.${body}`).digest("base64");
      const headers = { "content-type": type, "content-length": Buffer.byteLength(body), "webhook-id": id, "webhook-timestamp": at, "webhook-signature": `v1,${signature}` };
      return { method: "POST", path: "/v1/events", headers, body };
    };
  }
}

// Where it is noon when the tests begin: nobody's quiet hours.
const NOON = ((hours) => `Etc/GMT${hours < 0 ? "+" : "-"}${Math.abs(hours)}`)(12 - new Date().getUTCHours());

// A customer of a door's, with nothing of the demo's: its id says whose.
export const person = (crm, id, more, version = 1) =>
  crm.event("customer.upserted", { id, name: `Person ${id}`, email: `${id.toLowerCase()}@doors.example`, language: "en", time_zone: NOON, portal_access: true, ...more }, { version });

export const order = (crm, id, customer, more, version = 1) =>
  crm.event("order.upserted", { id, number: `ORD-${id}`, customer, status: "processing", placed_at: "2026-11-01T10:00:00Z", currency: "USD", total: "25.00",
    items: [{ code: "MUG", description: "Mug", qty: 1, unit_price: "25.00", total: "25.00" }], ...more }, { version });

export const invoice = (crm, number, customer, total) =>
  crm.event("invoice.upserted", { id: number, number, customer, issued_on: "2026-11-01", due_on: "2027-11-01", currency: "USD", total, lines: [{ description: "Mug", qty: 1, unit_price: total, total }] },
    { version: 1 });
