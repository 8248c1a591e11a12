// The CRM's door with the packages that others sign by: svix, and Standard Webhooks' own.

const hex = (n) => Array.from(crypto.getRandomValues(new Uint8Array(n)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const customer = (run, i, phone) => ({
  specversion: "1.0", source: "https://crm.lark.example", id: `${run}-${i}`, type: "customer.upserted", version: 1,
  data: { id: `${run}-${i}`, name: `Żółw ${i} ‮`, phones: [phone] },
});

export const withCrm = async ({ Svix, Standard, env, check }) => {
  const run = `interop-${hex(4)}`;
  const post = async (signer, events, { secret = env.CRM_SECRET, type = "application/cloudevents-batch+json", at = new Date(), body = JSON.stringify(events), more = "" } = {}) => {
    const id = `msg_${hex(8)}`;
    const answer = await fetch(`${env.PARLEY_URL}/v1/events`, {
      method: "POST",
      headers: { "content-type": type, "webhook-id": id, "webhook-timestamp": String(Math.floor(at / 1000)), "webhook-signature": `${more}${new signer(secret).sign(id, at, body)}` },
      body,
    });
    const text = await answer.text();
    return { status: answer.status, text, read: text.startsWith("{") ? JSON.parse(text) : null };
  };
  for (const [name, signer] of [["Svix's", Svix], ["Standard Webhooks'", Standard]]) {
    const one = [customer(`${run}-${name[1]}`, 0, "+15550170001")];
    const taken = await post(signer, one);
    check(`CRM-1: an event that ${name} package signed is taken`, taken.status === 200 && taken.read.kept === 1, taken.text);
    check(`CRM-1: and again is counted as repeated`, (await post(signer, one)).read?.repeated === 1);
    check(`CRM-1: and is not with another secret`, (await post(signer, one, { secret: `whsec_${Buffer.from(hex(12)).toString("base64")}` })).status === 401);
    check(`CRM-1: nor ten minutes later`, (await post(signer, one, { at: new Date(Date.now() - 600_000) })).status === 401);
    check(`CRM-1: but with a signature of another key beside it`, (await post(signer, one, { more: "v1,AAAA v1a,BBBB " })).status === 200);
  }
  const many = Array.from({ length: 1000 }, (_, i) => customer(run, i, i === 500 ? "none" : `+4870${String(i).padStart(7, "0")}`));
  const mixed = await post(Standard, many);
  check("CRM-1: of a thousand events the one that is wrong is named, and the others are taken",
    mixed.status === 422 && mixed.read.errors.length === 1 && mixed.read.errors[0].event === 500 && mixed.read.errors[0].path === "data.phones[0]" &&
    mixed.read.kept === 999, mixed.text);
  many[500] = customer(run, 500, "+48790000500");
  const mended = await post(Standard, many);
  check("CRM-1: mended and sent again as a whole it adds that one", mended.status === 200 && mended.read.kept === 1 && mended.read.repeated === 999, mended.text);
  check("CRM-1: a body of more than 3 MB is told how much it may be", await post(Standard, null, { body: JSON.stringify({ x: "y".repeat(4 << 20) }) })
    .then(({ status, text }) => status === 413 && text.includes("3145728"), () => true)); // or the connection ended before all was sent
  check("CRM-1: what is no JSON is told so", (await post(Standard, null, { body: "a=b", type: "application/x-www-form-urlencoded" })).status === 415);
};
