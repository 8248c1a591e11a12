// Stripe's own package as the other side: what it signs our door takes, what the sandbox plays as Stripe it
// reads, and what the sandbox signs it takes. See interop.mjs, which calls this.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

const version = "2026-10-28.endive";

// A customer's event that nobody here knows: taken, and nothing follows.
const strange = JSON.stringify({
  id: "evt_interop", object: "event", api_version: version, created: 1, livemode: false, pending_webhooks: 1,
  request: { id: null, idempotency_key: null }, type: "customer.created", data: { object: { id: "cus_1", object: "customer" } },
}, null, 2);

const door = async ({ Stripe, env, check }) => {
  const post = async (payload, header) =>
    (await fetch(`${env.PARLEY_URL}/api/webhooks/stripe`, {
      method: "POST", headers: { "content-type": "application/json", "stripe-signature": header }, body: payload,
    })).status;
  const { webhooks } = new Stripe("sk_test_x", { apiVersion: version });
  const secret = env.STRIPE_WEBHOOK_SECRET;
  const header = webhooks.generateTestHeaderString({ payload: strange, secret });
  check("PAY-8: what Stripe's package signs we take", await post(strange, header) === 200);
  check("PAY-8: and not with a letter changed", await post(strange.replace("cus_1", "cus_2"), header) === 401);
  check("PAY-8: nor with another secret",
    await post(strange, webhooks.generateTestHeaderString({ payload: strange, secret: "whsec_other" })) === 401);
  check("PAY-8: nor six minutes later",
    await post(strange, webhooks.generateTestHeaderString({ payload: strange, secret, timestamp: Math.floor(Date.now() / 1000) - 360 })) === 401);
};

const played = async ({ Stripe, program, control, until, check }) => {
  const heard = [];
  const server = createServer((request, answer) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      heard.push({ url: request.url, header: request.headers["stripe-signature"], body: Buffer.concat(parts).toString() });
      answer.writeHead(200).end();
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const child = spawn(program, [
    "--port", "0", "--webhook", `http://127.0.0.1:${server.address().port}/webhooks/whatsapp`, "--app-secret", "a", "--token", "b",
    "--stripe-key", "sk_test_interop", "--stripe-secret", "whsec_interop",
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((done) => createInterface({ input: child.stdout }).once("line", done));
  const { hostname, port } = new URL(url);
  const stripe = new Stripe("sk_test_interop", { apiVersion: version, host: hostname, port, protocol: "http", maxNetworkRetries: 0 });
  const ids = { parley_org: "o", parley_checkout: "c" };
  const wish = {
    mode: "payment", success_url: "https://shop.example/done", cancel_url: "https://shop.example/back", metadata: ids,
    payment_intent_data: { metadata: ids }, expires_at: Math.floor(Date.now() / 1000) + 3600,
    line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: 4200, product_data: { name: "Invoice 1" } } }],
  };
  const session = await stripe.checkout.sessions.create(wish, { idempotencyKey: "k1" });
  check("PAY-2: Stripe's package makes a link at the sandbox", session.status === "open" && session.url.startsWith(url) && session.amount_total === 4200);
  const again = await stripe.checkout.sessions.create(wish, { idempotencyKey: "k1" });
  check("PAY-2: and under the same key the same one", again.id === session.id && again.lastResponse.headers["idempotent-replayed"] === "true");
  const other = await stripe.checkout.sessions.create({ ...wish, mode: "payment", locale: "es" }, { idempotencyKey: "k1" }).catch((error) => error);
  check("PAY-2: another wish under that key is refused as the package knows it", other.type === "StripeIdempotencyError", other.message);
  await control("stripe", { session: session.id, act: "pay" }, url);
  const told = await until("the event", () => heard.find((one) => one.body.includes("checkout.session.completed")));
  const event = stripe.webhooks.constructEvent(told.body, told.header, "whsec_interop");
  check("PAY-3: Stripe's package takes what the sandbox signs", event.data.object.payment_status === "paid" && event.data.object.metadata.parley_checkout === "c");
  const paid = await stripe.checkout.sessions.retrieve(session.id);
  check("PAY-3: and sees that it is paid", paid.payment_status === "paid" && paid.url === null);
  const refund = await stripe.refunds.create({ payment_intent: paid.payment_intent, amount: 1200 }, { idempotencyKey: "k2" });
  check("CAN-4: a part goes back", refund.status === "succeeded" && refund.amount === 1200);
  const much = await stripe.refunds.create({ payment_intent: paid.payment_intent, amount: 9999 }, { idempotencyKey: "k3" }).catch((error) => error);
  check("CAN-4: and no more than is left", much.code === "charge_already_refunded", much.message);
  const second = await stripe.checkout.sessions.create({ ...wish, locale: "pl" }, { idempotencyKey: "k4" });
  check("PAY-2: a link that is closed is closed", (await stripe.checkout.sessions.expire(second.id, {}, { idempotencyKey: "k5" })).status === "expired");
  child.kill("SIGTERM");
  server.close();
};

export const withStripe = async (tools) => {
  await door(tools);
  await played(tools);
};
