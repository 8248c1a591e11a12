// The end of a day: what every side counted, exactly, and everything that is kept with ids and times taken
// out, so that two days can be held against each other.

// --- without ids and times -------------------------------------------------------------------

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const PLAIN = [
  [/http:\/\/127\.0\.0\.1:\d+/g, "http://here"],
  [/\/(t|u|s|f|customer)\/[\w-]{8,}/g, "/$1/«token»"],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)/g, "«time»"],
  [/\b1[78]\d{14}\b/g, "«time»"], // microseconds
  [/\b(?:evt|pi|cs|re|ch|re_sandbox)_[\w-]+/g, "«id»"],
  [/\bwamid\.[\w=+/-]+/g, "«id»"],
  [/\b(?:SM|MM)[0-9a-f]{32}\b/g, "«id»"],
  [/\bp1\.[\w.«»-]+/g, "«key»"],
  [/\\\\x[0-9a-f]{16,}/g, "«hash»"],
  [/#1[0-9a-f]{10}(?=~)/g, "#«stamp»"],
  [/\b1[78]\d{17}\b/g, "«file»"], // the sandbox's names of files
  [/"seq":\d+,"from"/g, '"from"'], // in a transcript: news comes between
  [/"(body|text)":"\d{6}"/g, '"$1":"«code»"'],
  [/\b[0-9a-f]{32,}\b/g, "«hash»"],
  [/(?:look\.)?«id»(?:\.refund\.succeeded)?/g, "«id»"], // a refund is told by an answer or an event, whichever is first
];

// Ids have names that say whose they are.
const NAMES = `
  select customer_id as id, 'customer ' || coalesce(external_id, name) as name from customers
  union all select order_id, 'order ' || number from orders
  union all select invoice_id, 'invoice ' || number from invoices
  union all select contact_id, 'contact ' || channel || ' ' || address from contact_points
  union all select conversation_id, 'conversation ' || p.channel || ' ' || p.address from conversations join contact_points p using (org_id, contact_id)
  union all select cancellation_id, 'cancellation of ' || o.number from cancellations join orders o using (org_id, order_id)
  union all select review_id, 'review of ' || o.number from reviews join orders o using (org_id, order_id)
  union all select ticket_id, 'ticket of ' || u.external_id || ' about ' || coalesce(o.number, 'nothing') || ' ' || k.kind
    from tickets k join customers u using (org_id, customer_id) left join orders o on o.org_id = k.org_id and o.order_id = k.order_id
  union all select handoff_id, 'handoff of ' || p.channel || ' ' || p.address from handoffs join conversations using (org_id, conversation_id) join contact_points p using (org_id, contact_id)
  union all select account_id, 'account ' || channel from accounts`;

// What is no business of a comparison, and why.
const LEFT_OUT = {
  lanes: "who holds a lane, and since when",
  payloads: "the bytes of each delivery, repetitions too",
  event_endpoints: "when the receiver was ill",
};
const LEFT_OUT_COLUMNS = {
  api_answers: ["etag"],
  audit: ["chain", "position"],
  documents: ["attempts"],
  event_deliveries: ["attempts", "status", "reason", "failed_at"], // how often it was ill
  messages: ["attempts", "seq", "cause", "provider_hash", "provider_id", "payload_id"], // news comes between other words
  notices: ["seq"],
  events_out: ["n"],
  handoffs: ["seq", "heard_seq"],
  broadcast_recipients: ["seq"],
  verifications: ["code_hash"],
  short_links: ["code"],
  api_keys: ["hash", "prefix"],
  directory: ["external_id"],
  portal_links: ["token_hash"],
  flow_versions: ["files"],
};

export class Books {
  constructor(day) {
    this.day = day;
    this.shop = day.shop;
  }

  async open() {
    const { shop } = this;
    this.names = new Map((await shop.rows(NAMES)).map(({ id, name }) => [id, name]));
    this.tickets = new Map((await shop.rows("select number, ticket_id from tickets")).map(({ number, ticket_id: id }) => [number, this.names.get(id)]));
    this.arrivals = await this.day.arrivals();
    this.told = (await shop.control("crm")).events.map(({ event }) => event);
    this.stripe = await shop.control("stripe");
    return this;
  }

  plain(text) {
    let words = text.replace(UUID, (id) => this.names.get(id) ?? "«id»");
    words = words.replace(/\bT-[A-Z]{4}-[A-Z]{4}\b/g, (number) => this.tickets.get(number) ?? "«ticket»");
    return PLAIN.reduce((so_far, [pattern, by]) => so_far.replace(pattern, by), words);
  }

  // --- what the sides counted

  // Every message that a provider took: of whom, by which channel, of what kind.
  messages() {
    return grouped(this.arrivals, ({ who, channel }) => `${who}, ${channel}`, ({ kind }) => kind);
  }

  events() {
    return grouped(this.told, ({ data }) => data.customer ?? "a stranger", ({ type }) => type);
  }

  async notices() {
    return grouped(await this.shop.rows(`select coalesce(u.external_id, u.name) as who, n.kind, n.state, n.template, p.channel from notices n join customers u using (org_id, customer_id)
      left join conversations c on c.org_id = n.org_id and c.conversation_id = n.conversation_id left join contact_points p on p.org_id = n.org_id and p.contact_id = c.contact_id`),
    ({ who }) => who, ({ kind, state, template, channel }) => `${kind} ${state === "told" ? template ? `by the template ${template}` : `by ${channel}` : state}`);
  }

  // Of each customer that the CRM told of: what was charged, paid, paid back, and is owed, in cents.
  async cents() {
    const rows = await this.shop.rows(`select u.external_id as who, l.kind, sum(l.minor) as minor from ledger l join customers u using (org_id, customer_id)
      where u.external_id ~ '^C-[0-9]{2}$' group by 1, 2 order by 1, 2`);
    const of = new Map();
    for (const { who, kind, minor } of rows) of.set(who, { ...of.get(who), [kind]: minor });
    return [...of].map(([who, kinds]) => `${who} charged ${kinds.charge ?? 0} paid ${-(kinds.payment ?? 0)} paid back ${kinds.refund ?? 0} voided ${-(kinds.adjustment ?? 0)} owes ${Object.values(kinds).reduce((sum, n) => sum + n, 0)}`).sort();
  }

  // Stripe's side of it.
  async cash() {
    const { sessions, payments, refunds } = this.stripe;
    const of = new Map((await this.shop.rows("select c.session_id, u.external_id as who from checkouts c join customers u using (org_id, customer_id) where session_id is not null")).map(({ session_id: id, who }) => [id, who]));
    const taken = Object.entries(payments).filter(([, { charge }]) => charge);
    return grouped([
      ...Object.values(sessions).map(({ id, status, payment_status: paid }) => ({ who: of.get(id), what: `link ${status} and ${paid}` })),
      ...taken.map(([, { session, amount }]) => ({ who: of.get(session), what: `payment of ${amount}` })),
      ...Object.values(refunds).map(({ payment_intent: intent, amount, status }) => ({ who: of.get(payments[intent]?.session), what: `refund of ${amount} ${status}` })),
    ], ({ who }) => who, ({ what }) => what);
  }

  // --- promises

  async broken() {
    const { shop } = this, broken = [];
    const add = (what, list) => list.length > 0 && broken.push(`${what}: ${list.slice(0, 5).map((one) => JSON.stringify(one)).join(" ")}${list.length > 5 ? ` and ${list.length - 5} more` : ""}`);
    const left = await shop.rows(LEFT_OVER);
    add("left over", left);
    add("refused by the service", shop.courier.refused);
    add("found by the providers", (await shop.control("violations")).last);
    add("messages that came twice", twice(this.arrivals.map(({ key }) => key).filter(Boolean)));
    add("messages without a key", this.arrivals.filter(({ key, kind, channel }) => !key && channel !== "mail" && kind).map(({ who, words }) => `${who}: ${words.slice(0, 60)}`));
    add("events that came twice", twice(this.told.map(({ id }) => id)));
    const last = new Map();
    add("events out of their order", this.told.filter(({ subject, sequence }) => {
      const late = Number(sequence) !== (last.get(subject) ?? 0) + 1;
      last.set(subject, Number(sequence));
      return late;
    }).map(({ type, subject, sequence }) => `${type} ${subject} ${sequence}`));
    const [{ events }] = await shop.rows("select count(*) as events from events_out");
    if (events !== this.told.length) add("events that never came", [`${events} were to be told, ${this.told.length} came`]);
    const [{ ours }] = await shop.rows("select coalesce(sum(-l.minor), 0) as ours from ledger l join payments p on p.org_id = l.org_id and l.cause = 'payment:' || p.payment_intent where p.payment_intent not like 'pi\\_demo%'");
    const taken = Object.values(this.stripe.payments).filter(({ charge }) => charge).reduce((sum, { amount }) => sum + amount, 0);
    if (Number(ours) !== taken) add("payments", [`the ledger has ${ours}, Stripe took ${taken}`]);
    const [{ back }] = await shop.rows("select coalesce(sum(minor), 0) as back from refunds where state = 'succeeded'");
    const given = Object.values(this.stripe.refunds).filter(({ status }) => status === "succeeded").reduce((sum, { amount }) => sum + amount, 0);
    if (Number(back) !== given) add("refunds", [`we know of ${back}, Stripe gave ${given}`]);
    return broken;
  }

  // --- everything

  // Each table's rows as sorted text; what arrived, and what the CRM heard.
  async all() {
    const { shop } = this, pages = {};
    const tables = await shop.rows("select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name !~ '^payloads' order by 1");
    for (const { name } of tables) {
      if (LEFT_OUT[name]) continue;
      const rows = await shop.rows(`select to_jsonb(t) - '{${["org_id", ...(LEFT_OUT_COLUMNS[name] ?? [])].join(",")}}'::text[] as row from ${name} t`);
      pages[name] = rows.map(({ row }) => this.plain(JSON.stringify(row))).sort();
    }
    pages["what arrived"] = this.arrivals.map(({ who, channel, kind, words }) => this.plain(`${who} ${channel} ${kind}: ${kind === "code" ? words.replace(/\d{6}/, "«code»") : words}`)).sort();
    pages["what the CRM heard"] = this.told.map(({ id, time, ...event }) => this.plain(JSON.stringify(event))).sort();
    return pages;
  }
}

const tally = (list, name) => {
  const counts = new Map();
  for (const one of list) counts.set(name(one), (counts.get(name(one)) ?? 0) + 1);
  return [...counts].map(([what, n]) => `${what} ${n}`).sort();
};

// A line for each group: "ann, mail: 2 code, 2 words".
const grouped = (list, group, name) => {
  const groups = new Map();
  for (const one of list) groups.set(group(one), [...(groups.get(group(one)) ?? []), one]);
  return [...groups].map(([what, members]) => `${what}: ${tally(members, name).map((line) => line.replace(/^(.*) (\d+)$/, "$2 $1")).join(", ")}`).sort();
};

const twice = (list) => [...list.reduce((counts, one) => counts.set(one, (counts.get(one) ?? 0) + 1), new Map())].filter(([, n]) => n > 1).map(([one]) => one);

// Nothing may be left due, parked, dead or unanswered.
const LEFT_OVER = `select what, n from (
  select 'outbox' as what, count(*) as n from outbox
  union all select 'dead letters', count(*) from dead_letters
  union all select 'unrouted', count(*) from unrouted
  union all select 'waiting for what the CRM has not told', count(*) from crm_waiting
  union all select 'payments that wait', count(*) from stripe_early
  union all select 'statuses that wait', count(*) from early_statuses
  union all select 'notices that wait', count(*) from notices where state in ('waiting', 'placed')
  union all select 'events not delivered', count(*) from event_deliveries where state <> 'delivered'
  union all select 'refunds not done', count(*) from refunds where state <> 'succeeded'
  union all select 'files not kept', count(*) from documents where state not in ('kept', 'gone')
  union all select 'papers not told', count(*) from papers where state <> 'told'
  union all select 'handoffs open', count(*) from handoffs where ended_at is null
  union all select 'cancellations not decided', count(*) from cancellations where status in ('submitted', 'in_review') and asked_at >= (select min(created_at) from customers where external_id ~ '^C-[0-9]{2}$')
  union all select 'messages that failed', count(*) from messages where not inbound and delivery = 2
  union all select 'messages without a status', count(*) from messages m join conversations c using (org_id, conversation_id) join accounts a using (org_id, account_id)
     where not inbound and delivery < 3 and coalesce(why, '') <> 'code'
  union all select 'jobs that are due', count(*) from jobs where due_at <= now()
) q where n > 0`;

// From a little before the first sign that is another one.
const around = (row, other) => {
  let at = 0;
  while (at < row.length && row[at] === other?.[at]) at++;
  return `${at > 80 ? "..." : ""}${row.slice(Math.max(0, at - 80), at + 240)}`;
};

// What one day has and the other has not, page by page.
export const difference = (one, other) => {
  const lines = [];
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const left = [...(one[name] ?? [])], right = [];
    for (const row of other[name] ?? []) {
      const at = left.indexOf(row);
      if (at < 0) right.push(row);
      else left.splice(at, 1);
    }
    if (left.length + right.length === 0) continue;
    lines.push(`${name}: ${left.length} rows only in the first day, ${right.length} only in the second`);
    for (let n = 0; n < 4; n++) lines.push(...[left, right].map((rows, side) => rows[n] && `  ${"-+"[side]} ${around(rows[n], [right, left][side][n])}`).filter(Boolean));
  }
  return lines;
};
