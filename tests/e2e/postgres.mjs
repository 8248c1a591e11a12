// Questions to PostgreSQL over its own socket, as `psql -At -c` would ask them: some tests ask a thousand times,
// and a program for each question took longer than its answer. Whoever asks has a session of their own: one that
// is at rest, and was made as new, or another.
import { connect } from "node:net";
import { join } from "node:path";

const KEPT = 2; // at rest
const PATIENCE = 10_000; // until a session is there; what takes long is waited for

const message = (kind, ...texts) => {
  const body = Buffer.from(texts.map((text) => `${text}\0`).join(""));
  const head = Buffer.alloc(kind ? 5 : 8);
  if (kind) head.write(kind);
  else head.writeInt32BE(196608, 4); // the protocol's version: the first message has no kind
  head.writeInt32BE(head.length + body.length - (kind ? 1 : 0), kind ? 1 : 0);
  return Buffer.concat([head, body]);
};

// A row as `psql -At` shows it.
const rowOf = (body) => {
  const values = [];
  for (let n = body.readInt16BE(0), at = 2; n > 0; n--) {
    const length = body.readInt32BE(at);
    values.push(length < 0 ? "" : body.toString("utf8", at + 4, at + 4 + length));
    at += 4 + Math.max(length, 0);
  }
  return values.join("|");
};

const problemOf = (body) => {
  const fields = Object.fromEntries(body.toString().split("\0").filter(Boolean).map((field) => [field[0], field.slice(1)]));
  return Object.assign(new Error(`${fields.S}: ${fields.M}`), { code: fields.C });
};

class Session {
  constructor({ host, user, database }) {
    this.bytes = Buffer.alloc(0);
    this.answer = null; // to what was asked: { rows, problem, done, failed }
    this.socket = connect(join(host, ".s.PGSQL.5432"));
    this.socket.on("data", (bytes) => this.read(bytes));
    this.socket.on("error", (error) => this.lose(error));
    this.socket.on("close", () => this.lose(new Error("PostgreSQL is gone")));
    const late = setTimeout(() => this.lose(new Error("PostgreSQL does not answer")), PATIENCE);
    this.begun = this.send(message("", "user", user, "database", database, "client_encoding", "UTF8", ""))
      .finally(() => clearTimeout(late));
  }

  send(bytes) {
    return new Promise((done, failed) => {
      if (this.lost) return failed(this.lost);
      this.answer = { rows: [], problem: null, done, failed };
      this.socket.ref().write(bytes);
    });
  }

  read(bytes) {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    for (let length; this.bytes.length >= 5 && this.bytes.length > (length = this.bytes.readInt32BE(1));) {
      const kind = String.fromCharCode(this.bytes[0]), body = this.bytes.subarray(5, length + 1);
      this.bytes = this.bytes.subarray(length + 1);
      this.take(kind, body);
    }
  }

  take(kind, body) {
    const { answer } = this;
    if (!answer) return;
    if (kind === "D") answer.rows.push(rowOf(body));
    else if (kind === "E") answer.problem = problemOf(body);
    else if (kind === "R" && body.readInt32BE(0) !== 0) this.lose(new Error("PostgreSQL wants a password"));
    else if (kind === "Z") {
      this.answer = null;
      this.open = body.toString() === "I"; // in no transaction
      if (answer.problem) answer.failed(answer.problem);
      else answer.done(answer.rows.join("\n").trim());
    }
  }

  lose(why) {
    this.lost ??= this.answer?.problem ?? why;
    this.open = false;
    this.socket.destroy();
    this.answer?.failed(this.lost);
    this.answer = null;
  }
}

export class Postgres {
  constructor(url) {
    const { pathname, searchParams } = new URL(url);
    this.where = { host: searchParams.get("host"), user: searchParams.get("user"), database: pathname.slice(1) };
    this.rest = [];
  }

  // All that the statements of `query` answer; they are one transaction. Throws PostgreSQL's own words.
  async ask(query) {
    let session;
    do session = this.rest.pop() ?? new Session(this.where);
    while (session.lost);
    await session.begun;
    try {
      return await session.send(message("Q", query));
    } catch (error) {
      error.message += `\n${query}`;
      throw error;
    } finally {
      void this.tidy(session);
    }
  }

  // What it set, prepared or holds is forgotten, as if it had ended.
  async tidy(session) {
    if (session.open && this.rest.length < KEPT) await session.send(message("Q", "discard all")).catch((error) => session.lose(error));
    else session.lose(new Error("it has ended"));
    session.socket.unref();
    if (session.open) this.rest.push(session);
  }
}
