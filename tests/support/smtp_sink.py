#!/usr/bin/env python3
"""A mail server for tests: Debian's aiosmtpd on a loopback port, which keeps what came.

    smtp_sink.py --port 0 --keep FILE [--cert FILE --key FILE] [--user NAME --password WORD]
                 [--plan JSON]

Prints "port N" when it listens. Each mail that was taken is a line of JSON in FILE: its envelope,
and what Python's own mail parser reads in it. With --cert STARTTLS is required, with --user
signing in, too. The plan says what goes wrong, by dice that are the same for a seed:
  {"seed": 1, "lose_answer": 0.3,   taken, then the connection closes without an answer
   "lose_mail": 0.2,                the connection closes when the mail has come, not taken
   "busy": 0.1,                     421 after the mail, and the connection closes
   "later": 0.1,                    451 for the mail
   "delay": 0.1,                    seconds before any answer to the mail
   "rcpt": {"ana@example.net": "550 5.1.1 no such user"},
   "mail": {"support@x": "550 5.7.1 not yours"}}
"""
import argparse
import asyncio
import email
import email.policy
import json
import os
import random
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Sink:
    def __init__(self, options):
        self.keep = options.keep
        self.plan = json.loads(options.plan)
        self.dice = random.Random(self.plan.get("seed", 1))

    def hit(self, name):
        return self.dice.random() < self.plan.get(name, 0)

    async def handle_MAIL(self, server, session, envelope, address, options):
        said = self.plan.get("mail", {}).get(address)
        if said:
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        said = self.plan.get("rcpt", {}).get(address)
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def write(self, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {p.get_content_type(): p.get_content() for p in mail.walk() if not p.is_multipart()}
        lines = envelope.content.split(b"\r\n")
        record = {
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.authenticated else "",
            "headers": [[name, str(value)] for name, value in mail.items()],
            "parts": parts, "defects": [str(d) for p in mail.walk() for d in p.defects],
            "longest": max(len(line) for line in lines),
            "ascii": all(byte < 0x80 for byte in envelope.content),
            "bare": envelope.content.replace(b"\r\n", b"").count(b"\n"),
        }
        with open(self.keep, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.plan.get("delay", 0) / 2)
        if self.hit("lose_mail"):
            server.transport.abort()
            return "421 gone"
        if self.hit("later"):
            return "451 4.3.0 try again later"
        if self.hit("busy"):
            await server.push("421 4.3.2 too busy")
            server.transport.close()
            return "421 4.3.2 too busy"
        self.write(session, envelope)
        await asyncio.sleep(self.plan.get("delay", 0) / 2)
        if self.hit("lose_answer"):
            server.transport.abort()
            return "421 gone"
        return "250 2.0.0 OK: queued"


async def main():
    ask = argparse.ArgumentParser()
    for name, value in (("--port", "0"), ("--keep", None), ("--cert", None), ("--key", None),
                        ("--user", None), ("--password", None), ("--plan", "{}")):
        ask.add_argument(name, default=value, required=name == "--keep")
    options = ask.parse_args()
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)

    def signed_in(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and data == LoginPassword(
            options.user.encode(), options.password.encode())
        return AuthResult(success=good, handled=False, auth_data=data)

    sink = Sink(options)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, hostname="sink.example", tls_context=tls, require_starttls=tls is not None,
                     authenticator=signed_in if options.user else None,
                     auth_required=options.user is not None, auth_require_tls=tls is not None),
        "127.0.0.1", int(options.port))
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(0)
