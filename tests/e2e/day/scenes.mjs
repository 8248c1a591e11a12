// The day of the shop, as data: when, who, and what happens.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "../world.mjs";
import { PEOPLE, knownPhones } from "./people.mjs";
import { CODE } from "./play.mjs";

const all = Object.values(PEOPLE);
const price = (minor) => (minor / 100).toFixed(2);

// --- what the CRM says -----------------------------------------------------------------------

const customer = ({ id, name, mail, language, zone, ...one }) => ({ id, name, email: mail, language, time_zone: zone, phones: knownPhones(one), portal_access: true });

// tell(event, ...), each a delivery of its own; an array is a batch.
const tell = (...deliveries) => async (day, { firm }) => {
  const { shop } = day, concerned = deliveries.map((events) => [events].flat().filter((one) => day.concerns(one.data))).filter((events) => events.length > 0);
  const told = concerned.map((events) => events.map(({ type, data, id, ...more }) => ({ ...shop.event(type, data, more), ...(id ? { id } : {}) })));
  await shop.courier.tell(told.map((events) => ({ id: events[0].id, events })), firm);
};
const event = (type, data, more = {}) => ({ type, data, ...more });

const minor = (one) => 1990 + Number(one.id.slice(2)) * 101;
const order = (one, status, version, more = {}) => event("order.upserted", {
  id: `O-${one.id}`, number: one.order, customer: one.id, workflow: "shop", status, currency: "USD", subtotal: price(minor(one)), total: price(minor(one)), address: "1 Elm St",
  placed_at: "2027-03-01T13:00:00Z", items: [{ code: "CUP", description: "Cup", qty: 1, unit_price: price(minor(one)), total: price(minor(one)) }], ...more.data,
}, { version, ...more.event });
const invoice = (one, version = 1) => event("invoice.upserted", {
  id: `I-${one.id}`, number: one.invoice, customer: one.id, order: `O-${one.id}`, issued_on: "2027-03-01", due_on: "2027-03-15", currency: "USD", subtotal: price(minor(one)),
  total: price(minor(one)), lines: [{ description: "Cup", qty: 1, unit_price: price(minor(one)), total: price(minor(one)) }],
}, { version });


// --- what others do --------------------------------------------------------------------------

// On the page to pay on, with the newest link of theirs that is open.
const onPage = (act) => async ({ shop }, { who }) => {
  const session = await shop.sql(`select c.session_id from checkouts c join customers u using (org_id, customer_id)
    where u.external_id = '${PEOPLE[who].id}' and c.session_id is not null order by c.made_at desc limit 1`);
  await shop.control("stripe", { session, act });
};

// A photo, by the person's channel.
const photo = (name, caption) => async ({ shop }, { who }) => {
  const { door, phone } = PEOPLE[who];
  const id = await shop.upload(await shop.picture(name), "image/png", name);
  if (door === "whatsapp") await shop.control("say", { who: phone, message: { type: "image", image: { id, caption } } });
  else await shop.control(door, { who: phone, text: caption, media: [id] });
};

const staff = (method, path, body, status = 200) => async ({ shop }) => {
  for (const _ of [1, 2].slice(shop.courier.dice && method === "POST" ? 0 : 1)) {
    const told = await shop.api(method, path, body, method === "POST" ? `day-${path}` : undefined);
    if (told.status !== status) throw new Error(`${method} ${path}: ${told.status} ${told.text}`);
  }
};

// The CRM's endpoint is ill for its next `next` requests.
const crmFails = (plan) => async ({ shop }) => void (await shop.control("crm", plan));

const stripeFails = (plan) => async ({ shop }) => void (await shop.control("stripe", plan));

const answered = (one, text, close) => async (day, scene) => {
  const ticket = await day.shop.sql(`select k.number from tickets k join customers u using (org_id, customer_id) where u.external_id = '${one.id}' order by k.created_at desc limit 1`);
  await tell(event("ticket.answered", { ticket, text, author: "Eve", close, of: one.id }))(day, scene);
};

const agent = (one, type, data) => async (day, scene) => {
  const conversation = await day.shop.sql(`select h.conversation_id from handoffs h join conversations c using (org_id, conversation_id)
    join contact_points p using (org_id, contact_id) join customers u using (org_id, customer_id) where u.external_id = '${one.id}' order by h.asked_at desc limit 1`);
  await tell(event(type, { conversation, agent: "Eve", of: one.id, ...data }))(day, scene);
};

const shipment = (one, status, version, at, more = {}) => event("shipment.upserted", { id: `S-${one.id}`, order: `O-${one.id}`, carrier: "ups", tracking_number: "1Z999AA10123456784",
  status, status_at: at, shipped_at: at, expected_at: "2027-03-03T20:00:00Z" }, { version, ...more });
const tracking = (one, status, at, more = {}) => event("tracking.added", { shipment: `S-${one.id}`, status, at, place: "Albany" }, more);
const { ann, eva, ola, amal, tom, teo, jan, tala, mia, mar, mila, mona } = PEOPLE;


// --- pages and papers ------------------------------------------------------------------------

const get = async ({ shop }, path, what) => {
  const told = await call(shop.port, { path, timeout: 10_000 });
  if (told.status !== 200) throw new Error(`${what} ${path}: ${told.status}`);
  return told.text;
};

// The link that came, and all that stands behind it.
const visit = async (day, { who }) => {
  const { words } = (await day.fresh(who)).find((one) => /\/customer\//.test(one.words));
  const home = /\/customer\/[\w-]+/.exec(words)[0];
  const index = await get(day, home, "the index");
  const within = [...new Set([...index.matchAll(/href="([^"]*\/customer\/[^"#]*)"/g)].map(([, link]) => link.replace(/^https?:\/\/[^/]*/, "").replaceAll("&amp;", "&")))].filter((link) => link !== home);
  for (const link of within) await get(day, link, "a page");
  day.kept.pages = within.map((link) => link.slice(home.length)).sort();
};

// One click on what the last of their mails says of unsubscribing.
const unsubscribe = async (day, { who }) => {
  const mail = (await day.arrivals()).filter((one) => one.who === who && /\/u\/[\w-]+/.test(one.words)).at(-1);
  const body = "List-Unsubscribe=One-Click", path = /\/u\/[\w-]+/.exec(mail.words)[0];
  const told = await call(day.shop.port, { method: "POST", path, body, headers: { "content-type": "application/x-www-form-urlencoded", "content-length": body.length } });
  if (told.status !== 200) throw new Error(`unsubscribing: ${told.status}`);
};

const stop = (words) => async ({ shop }, { who }) => void (await shop.say(who, "sms", words, { opt_out: true }));

const handoff = (one, act, body) => async (day, scene) => {
  const id = await day.shop.sql(`select h.handoff_id from handoffs h join conversations c using (org_id, conversation_id)
    join contact_points p using (org_id, contact_id) join customers u using (org_id, customer_id) where u.external_id = '${one.id}' order by h.asked_at desc limit 1`);
  await staff("POST", `/v1/handoffs/${id}/${act}`, body)(day, scene);
};

const broadcast = async ({ shop }) => {
  const words = join(shop.folder, "spring.yaml");
  writeFileSync(words, ["words:", ...["en", "es", "pl", "ar"].map((language) => `  ${language}: {subject: "Spring ${language}", body: "20 % off until Sunday (${language}), {{first_name}}."}`), ""].join("\n"));
  await shop.parley("broadcast", "create", "spring", "--words", words);
  await shop.parley("broadcast", "start", "spring");
};

const templates = async ({ shop }) => {
  await shop.parley("templates", "push");
  await shop.until("the templates are approved", 10_000, async () => (await shop.sql("select count(*) from whatsapp_templates where status <> 'APPROVED'")) === "0");
};

const shipped = (one, version, status_at) => [order(one, "shipped", version, { data: { status_at }, event: { causeid: `ship-${one.id}` } }), shipment(one, "picked_up", 1, status_at, { causeid: `ship-${one.id}` })];
const delivered = (one, version, status_at) => [order(one, "delivered", version, { data: { status_at, delivered_at: status_at }, event: { causeid: `done-${one.id}` } }),
  tracking(one, "delivered", status_at, { causeid: `done-${one.id}` })];
const utc = (day, clock) => `2027-03-${String(day).padStart(2, "0")}T${clock}:00Z`; // five hours ahead of the shop

export const SCENES = [
  { at: "09:00", what: "the CRM tells of its customers", firm: true, does: [
    templates,
    tell(all.slice(0, 6).map((one) => event("customer.upserted", customer(one), { version: 2 })), all.slice(6).map((one) => event("customer.upserted", customer(one), { version: 2 }))),
    tell(event("customer.upserted", { ...customer(ann), name: "Old Name" }, { version: 1, id: "evt-old" })),
    tell(event("customer.upserted", { ...customer(ann), name: "Old Name" }, { version: 1, id: "evt-old" })),
  ] },
  { at: "09:10", what: "and of their orders", firm: true, does: [tell(all.map((one) => order(one, "processing", 1)))] },
  { at: "09:20", what: "and of their invoices", firm: true, does: [tell(all.map((one) => invoice(one)))] },
  { at: "09:30", who: "ann", what: "Ann looks at her orders", does: ["my orders", CODE, "1"] },
  { at: "09:32", who: "eva", what: "Eva mira sus pedidos", does: ["mis pedidos", CODE, "preferencias", "7", "1", "menú"] },
  { at: "09:34", who: "ola", what: "Ola ogląda zamówienia", does: ["moje zamówienia", CODE] },
  { at: "09:36", who: "amal", what: "Amal", does: ["طلباتي", CODE] },
  { at: "09:38", who: "tom", what: "Tom", does: ["my orders", CODE] },
  { at: "09:40", who: "teo", what: "Teo", does: ["mis pedidos", CODE] },
  { at: "09:42", who: "jan", what: "Jan", does: ["moje zamowienia", CODE, "ustawienia"] },
  { at: "09:44", who: "tala", what: "Tala", does: ["طلباتي", CODE] },
  { at: "09:46", who: "mia", what: "Mia", does: ["my orders", CODE, "preferences", "7", "3", "menu"] },
  { at: "09:48", who: "mar", what: "Mar", does: ["mis pedidos", CODE] },
  { at: "09:50", who: "mila", what: "Mila", does: ["moje zamówienia", CODE] },
  { at: "09:52", who: "mona", what: "Mona", does: ["طلباتي", CODE] },
  { at: "09:54", who: "tom", what: "Tom wants to hear by SMS", does: ["preferences", "1", "2", "back", "3", "2", "back", "5", "2", "back", "7", "2", "menu"] },
  { at: "09:55", who: "jan", what: "Jan, too", does: ["preferencje", "2", "2", "wstecz", "6", "2", "menu"] },
  { at: "09:56", who: "ann", what: "Ann pays", does: ["pay INV-2011", "1", onPage("pay")] },
  { at: "09:58", firm: true, who: "tom", what: "Tom: declined, expired, paid", does: ["pay INV-2021", "1", onPage("fail"), "pay INV-2021", "1", onPage("expire"), "1", "1", onPage("pay")] },
  { at: "10:02", who: "mona", what: "Mona pays a part", does: ["ادفع INV-2034", "2", "20", "1", onPage("pay")] },
  { at: "10:04", who: "teo", what: "Teo pays by bank", does: ["pagar INV-2022", "1", onPage("bank"), onPage("settle")] },
  { at: "10:06", who: "tom", what: "Tom wants to cancel; the CRM is away", does: [crmFails({ status: 503, next: 4 }), "cancel my order DAY-1021", "1", "skip", "yes"] },
  { at: "10:08", who: "ola", what: "Ola wants to cancel", does: ["anuluj DAY-1013", CODE, "1", "pomiń", "tak"] },
  { at: "10:10", what: "the CRM decides: Tom's yes, Ola's no; Stripe is ill, so the money goes back a little later", does: [stripeFails({ fail: 6, http: 500 }),
    tell(event("cancellation.decided", { order: `O-${tom.id}`, decision: "approve" }), event("cancellation.decided", { order: `O-${ola.id}`, decision: "reject", note: "It is packed." }))] },
  { at: "10:14", who: "ann", what: "Ann reports damage, with a photo", does: ["report a problem", "1", "1", "The cup has a long crack in its handle.", photo("lamp.png", "the crack"), "done", "1", "1"] },
  { at: "10:16", who: "mar", what: "Mar, too", does: ["informar de un problema", "1", "1", "La taza llegó con una grieta muy larga.", photo("lamp.png", "la grieta"), "listo", "1", "1"] },
  { at: "10:20", who: "ann", what: "the team answers Ann", does: [answered(ann, "A new cup is on its way.", true)] },
  { at: "10:22", who: "eva", what: "Eva asks for a paper", does: ["quiero mis documentos", CODE, "1"] },
  { at: "10:24", who: "mia", what: "Mia, too", does: ["send me my documents", CODE, "1"] },
  { at: "10:26", who: "teo", what: "Teo, too", does: ["quiero mis documentos", "1"] },
  { at: "10:30", firm: true, who: "mila", what: "Mila wants a person", does: ["człowiek", agent(mila, "agent.message", { text: "Dzień dobry, tu Ewa." }), "Kiedy będzie paczka?", agent(mila, "agent.message", { text: "Jutro." }), agent(mila, "handoff.released", {})] },
  { at: "10:34", who: "eva", what: "Eva, too, and somebody takes it by the API", does: ["persona", handoff(eva, "take"), handoff(eva, "say", { text: "Hola, soy Eva." }), "gracias", handoff(eva, "release")] },
  { at: "10:40", who: "ann", what: "Ann's page", does: ["my documents online", visit] },
  { at: "11:10", who: "tala", what: "Tala says STOP", does: [stop("STOP")] },
  { at: "11:12", who: "amal", what: "Amal, too", does: ["stop"] },
  { at: "11:14", who: "mar", what: "Mar unsubscribes", does: [unsubscribe] },
  { at: "11:20", what: "parcels leave, also of those who stopped", does: [tell(...[ann, eva, mia, tala, amal, mar, jan].map((one) => shipped(one, 2, utc(1, "16:15"))))] },
  { at: "11:40", who: "mona", what: "staff: notes, statuses", does: [staff("POST", "/v1/orders/DAY-1034/notes", { text: "Wrapped twice.", visible: true }, 201), staff("PATCH", "/v1/orders/DAY-1034", { status: "shipped", note: "On the van." })] },
  { at: "11:50", what: "out for delivery", does: [tell(tracking(ann, "out_for_delivery", utc(1, "16:50")), tracking(mia, "out_for_delivery", utc(1, "16:50")))] },
  { at: "12:10", what: "a photo, a document", does: [
    tell(event("photo.added", { id: "P-1", order: `O-${ola.id}`, category: "progress", url: "https://files.example/lamp.png", caption: "Packed.", taken_at: utc(1, "17:00"), visible: true }),
      event("document.added", { id: "D-1", customer: ola.id, order: `O-${ola.id}`, kind: "other", name: "Warranty", url: "https://files.example/rack.png" }),
      event("document.added", { id: "D-2", customer: mona.id, order: `O-${mona.id}`, kind: "other", name: "Warranty", url: "https://files.example/bell.png" }))] },
  { at: "12:20", who: "mia", what: "Mia tracks her parcel", does: ["where is my parcel?", CODE] },
  { at: "12:30", who: "tala", what: "Tala says START", does: [stop("START")] },
  { at: "12:32", who: "amal", what: "Amal, too", does: ["start"] },
  { at: "14:00", what: "delivered to Eva, Mia, Amal", does: [crmFails({ status: 500, next: 2 }), tell(...[eva, mia, amal].map((one) => delivered(one, 3, utc(1, "18:50"))))] },
  { at: "15:00", what: "a broadcast", does: [broadcast] },
  { at: "17:00", what: "late in Warsaw: Ola and Mila hear of their parcels in the morning", does: [tell(shipped(ola, 2, utc(1, "21:55")), shipped(mila, 2, utc(1, "21:55")))] },
  { at: "22:00", what: "late here: Ann's parcel arrived, Mona's, Jan's", does: [tell(delivered(ann, 3, utc(2, "02:50")), delivered(jan, 3, utc(2, "02:50")), order(mona, "delivered", 2, { data: { status_at: utc(2, "02:50"), delivered_at: utc(2, "02:50") } }))] },
  { at: "2 02:05", what: "morning in Warsaw", does: [] },
  { at: "2 08:05", what: "morning here", does: [] },
  { at: "2 12:00", what: "delivered to Ola, whose window is closed", does: [tell(delivered(ola, 3, utc(2, "16:50")))] },
  { at: "2 13:55", what: "they are asked how it was", does: [] },
  { at: "2 14:00", who: "eva", what: "Eva is happy", does: ["opinión", "5", "¡Muy bonita!"] },
  { at: "2 14:02", who: "mia", what: "Mia would rather not", does: ["not now"] },
  { at: "3 08:05", what: "the others are asked", does: [] },
  { at: "3 08:10", who: "mona", what: "Mona is not", does: ["1", "وصل الكوب مكسورًا."] },
  { at: "3 08:20", who: "ann", what: "Ann is", does: ["review", "4", "skip"] },
  { at: "3 13:00", what: "Ola is asked", does: [] },
  { at: "6 18:00", what: "reminders", does: [] },
  { at: "9 12:00", what: "nothing more", does: [] },
];
