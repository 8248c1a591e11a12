#!/usr/bin/env python3
"""The demo whose mail leaves by a mail server (deploy/demo --smtp): a customer's mail is answered
through it, and it refuses what a real one refuses. Python's smtplib is the other client.

    smtp.py STATE        STATE is the demo's folder
"""
import json
import pathlib
import re
import smtplib
import ssl
import sys
import time
import urllib.parse
import urllib.request

state = pathlib.Path(sys.argv[1])
said = dict(re.findall(r"^(\w+)='(.*)'$", (state / "demo.env").read_text() + (state / "secrets.env").read_text(), re.M))
ours, failures = said["PARLEY_MAIL_ADDRESS"], 0


def check(what, good, detail=""):
    global failures
    print("ok -" if good else "not ok -", what, "" if good else f": {detail}")
    failures += not good


def control(path, body=None):
    request = urllib.request.Request(said["PARLEY_PAGE_URL"] + "control/" + path,
                                     json.dumps(body).encode() if body else None, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def mails(who):
    chat = control(f"chat?who={urllib.parse.quote(who)}&after=0")
    return [entry for entry in chat["entries"] if entry["from"] == "mail"]


def answered(who):
    before = len(mails(who))
    control("mail", {"who": who, "text": "menu", "subject": "Zażółć"})
    for _ in range(100):
        if len(mails(who)) > before:
            return mails(who)[-1]["message"]
        time.sleep(0.1)
    sys.exit("not ok - the mail is not answered")


mail = answered("+15550100012")
check("CH-5: a mail is answered through the mail server", mail.get("smtp") and "1. " in mail["text"], mail)
check("CH-5: in its thread", mail["subject"] == "Re: Zażółć" and mail["headers"]["In-Reply-To"] in mail["headers"]["References"], mail["headers"])
answered("+15550100012")
before = control("violations")["refused"]
check("CH-5: nothing of it is refused", before == 0, before)

settings = (state / "parley.yaml").read_text()
port = int(re.search(r"^smtp:\n  host: 127.0.0.1\n  port: (\d+)", settings, re.M)[1])
server = smtplib.SMTP("127.0.0.1", port, timeout=10)
server.ehlo("tests.example")
check("nothing is taken in the clear", server.mail(ours)[0] == 530)
try:
    smtplib.SMTP("127.0.0.1", port, timeout=10).starttls(context=ssl.create_default_context())
    check("its certificate is trusted by nobody else", False)
except ssl.SSLCertVerificationError:
    check("its certificate is trusted by nobody else", True)
server.starttls(context=ssl.create_default_context(cafile=str(state / "smtp-ca.pem")))
server.ehlo("tests.example")
check("nor of somebody who is not known", server.mail(ours)[0] == 530)
try:
    server.login("parley", "guessed")
    check("nor with a guessed password", False)
except smtplib.SMTPAuthenticationError as refused:
    check("nor with a guessed password", refused.smtp_code == 535)
server.login("parley", said["SMTP_PASSWORD"])
check("nor from another's address", server.mail("eve@example.net")[0] == 553)
check("nor what is too large", server.mail(ours, ["SIZE=99999999"])[0] == 552)
check("nor without a sender", server.rcpt("customer12@example.com")[0] // 100 == 5)
control("mailbox", {"who": "+15550100014", "no_mailbox": True})
server.mail(ours)
check("nor for who has no mailbox", server.rcpt("customer14@example.com")[0] == 550)
control("mailbox", {"who": "+15550100014", "no_mailbox": False})


def given(text):
    server.rset()
    server.mail(ours)
    server.rcpt("customer12@example.com")
    return server.data(text)[0]


bad = {"nor one without parts": f"From: {ours}\r\nSubject: x\r\n\r\nWords.\r\n",
       "nor one with a long line": "Subject: x\r\n\r\n" + "x" * 999 + "\r\n",
       "nor one with bytes that are no letters": b"Subject: x\r\n\r\n\xc3\xa9\r\n"}
for what, text in bad.items():
    check(what, given(text) == 550)
check("and those who look for violations see them", control("violations")["refused"] == len(bad))
server.quit()
sys.exit(failures > 0)
