// A stand-in for the service, for testing the phone page alone: it verifies signatures, marks
// messages as read, and answers one of each kind of message. Started by page.mjs; by hand:
//   node tests/e2e/page_stub.mjs PORT GRAPH_URL
// Secrets come from the environment: WHATSAPP_APP_SECRET, WHATSAPP_TOKEN.
import { createServer } from "node:http";
import { createHmac, timingSafeEqual } from "node:crypto";

const secret = process.env.WHATSAPP_APP_SECRET ?? "secret";
const token = process.env.WHATSAPP_TOKEN ?? "token";

const verified = (body, header = "") => {
  const mac = Buffer.from("sha256=" + createHmac("sha256", secret).update(body).digest("hex"));
  const given = Buffer.from(header);
  return mac.length === given.length && timingSafeEqual(mac, given);
};

const button = (id, title) => ({ type: "reply", reply: { id, title } });

const answers = {
  menu: {
    type: "interactive",
    interactive: {
      type: "list",
      header: { type: "text", text: "Parley Demo Shop" },
      body: { text: "Hi! What can I do for you?\n*Orders*, _tracking_ and more." },
      footer: { text: "Write stop at any time" },
      action: {
        button: "Choose",
        sections: [
          {
            title: "Orders",
            rows: [
              { id: "orders", title: "My orders", description: "What you bought and where it is" },
              { id: "track", title: "Track a parcel", description: "By order or tracking number" },
            ],
          },
          { title: "Help", rows: [{ id: "human", title: "Talk to a person" }] },
        ],
      },
    },
  },
  buttons: {
    type: "interactive",
    interactive: {
      type: "button",
      body: { text: "Cancel order *1001*?" },
      footer: { text: "It has not left yet" },
      action: { buttons: [button("yes", "Yes, cancel"), button("no", "Keep it")] },
    },
  },
  link: {
    type: "interactive",
    interactive: {
      type: "cta_url",
      body: { text: "Your order is on its way." },
      action: {
        name: "cta_url",
        parameters: { display_text: "Track parcel", url: "https://shop.example/t/1001" },
      },
    },
  },
  document: {
    type: "document",
    document: {
      link: "https://shop.example/i/1001.pdf",
      filename: "invoice-1001.pdf",
      caption: "Your invoice",
    },
  },
  arabic: { type: "text", text: { body: "مرحبا! طلبك رقم *1001* في الطريق إليك." } },
};

const send = async (graph, number, body) => {
  const answer = await fetch(`${graph}/v26.0/${number}/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ messaging_product: "whatsapp", ...body }),
  });
  if (!answer.ok) console.error("stub:", answer.status, await answer.text());
};

let counter = 0;

const reply = async (graph, number, message) => {
  const to = message.from ? { to: "+" + message.from } : { recipient: message.from_user_id };
  await send(graph, number, {
    status: "read",
    message_id: message.id,
    typing_indicator: { type: "text" },
  });
  await new Promise((done) => setTimeout(done, 120));
  const said =
    message.text?.body ??
    message.interactive?.list_reply?.title ??
    message.interactive?.button_reply?.title ??
    message.type;
  const answer = answers[said.trim().toLowerCase()] ?? {
    type: "text",
    text: { body: `You said: ${said}` },
    context: { message_id: message.id },
  };
  const key = `stub-${process.pid}-${++counter}`;
  await send(graph, number, { ...to, ...answer, biz_opaque_callback_data: key });
};

export const startStub = (port, graph) =>
  new Promise((ready) => {
    const server = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts);
      if (!verified(body, request.headers["x-hub-signature-256"])) {
        response.writeHead(403).end();
        return;
      }
      response.writeHead(200).end();
      for (const entry of JSON.parse(body).entry)
        for (const { value } of entry.changes)
          for (const message of value.messages ?? [])
            if (message.type !== "reaction")
              await reply(graph(), value.metadata.phone_number_id, message);
    });
    server.listen(port, "127.0.0.1", () => ready(server));
  });

if (process.argv[1]?.endsWith("page_stub.mjs"))
  startStub(Number(process.argv[2]), () => process.argv[3]);
