/*
 * Every setting there is, once: where it stands in the file, what it may be, where it goes and
 * what it means. Reading, checking, showing and the documentation all follow this table, so a
 * new setting is a new row and a field in config.h.
 */
#include "bot/config/config_settings.h"

#include "bot/base/suggest.h"

#define AT(member)     offsetof(struct config, member)
#define AT_APP(member) offsetof(struct config_app, member)
#define KB             ((int64_t)1024)
#define MB             (1024 * KB)
#define GB             (1024 * MB)
#define AT_CRM(member) offsetof(struct config_crm_app, member)

/* clang-format off */
const struct setting settings[] = {
    {.path = "listen", .type = SETTING_ADDRESS, .offset = AT(listen), .initial = "127.0.0.1:8080",
     .help = "Address and port of the service. Loopback by default: a proxy that speaks TLS "
             "stands in front. Use 0.0.0.0:8080 or [::]:8080 to be reached from elsewhere."},
    {.path = "workers", .type = SETTING_COUNT, .offset = AT(workers), .initial = "0", .most = 256,
     .help = "How many equal worker processes serve. 0: one per core."},
    {.path = "public_url", .type = SETTING_TEXT, .offset = AT(public_url), .initial = "",
     .sample = "https://parley.example",
     .help = "The address by which the world reaches this service, through the proxy. Providers "
             "are told to call back there, and sign what they send with it. Empty: none calls."},
    {.path = "secrets.key", .type = SETTING_SECRET, .offset = AT(secrets.key), .initial = "",
     .sample = "the output of `openssl rand -hex 32`",
     .help = "The service's own key, 32 characters or more. One-time codes are kept encrypted "
             "with it until they are sent; without it none are sent. Keep it, and the same on "
             "every node: what was sealed with another cannot be sent any more."},
    {.path = "tls.cert", .type = SETTING_TEXT, .offset = AT(tls.cert), .initial = "",
     .sample = "/etc/parley/tls/fullchain.pem",
     .help = "PEM file with the certificate and its chain. Empty: plain HTTP."},
    {.path = "tls.key", .type = SETTING_TEXT, .offset = AT(tls.key), .initial = "",
     .sample = "/etc/parley/tls/privkey.pem",
     .help = "PEM file with the certificate's key."},

    {.path = "database.url", .type = SETTING_SECRET, .offset = AT(database.url),
     .initial = "postgresql:///parley",
     .help = "PostgreSQL, as libpq takes it: an URI or key=value pairs. It may hold a password, "
             "so it is treated as a secret."},
    {.path = "database.owner_url", .type = SETTING_SECRET, .offset = AT(database.owner_url),
     .initial = "", .sample = "postgresql://parley_owner@db.example/parley",
     .help = "For `parley migrate` and `parley seed`, who connect as the owner of the tables. "
             "Empty: the same as database.url."},
    {.path = "database.connections", .type = SETTING_COUNT, .offset = AT(database.connections),
     .initial = "2", .least = 1, .most = 64,
     .help = "Connections that each worker keeps open."},
    {.path = "database.desk_connections", .type = SETTING_COUNT,
     .offset = AT(database.desk_connections), .initial = "1", .least = 1, .most = 64,
     .help = "Connections that each worker keeps open besides, as parley_staff: for what acts for the "
             "business, such as the events of a CRM. Conversations never wait for these."},
    {.path = "database.web_connections", .type = SETTING_COUNT,
     .offset = AT(database.web_connections), .initial = "1", .least = 1, .most = 64,
     .help = "Connections that each worker keeps open besides, as parley_web: for customers' own pages. "
             "Conversations never wait for these."},
    {.path = "database.connect_timeout", .type = SETTING_DURATION,
     .offset = AT(database.connect_timeout), .initial = "5s", .least = 100 * USEC_PER_MSEC,
     .most = USEC_PER_MIN, .help = "How long making a connection may take."},
    {.path = "database.deadline", .type = SETTING_DURATION, .offset = AT(database.deadline),
     .initial = "10s", .least = 100 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "How long a request may take, unless it has a deadline of its own."},
    {.path = "database.role", .type = SETTING_TEXT, .offset = AT(database.role),
     .initial = "parley_bot",
     .help = "The role that workers take on after connecting (SET ROLE). Row-level security "
             "holds for it. Empty: stay as connected, for when that is the bot's role already."},

    {.path = "log.level", .type = SETTING_TEXT, .offset = AT(log.level), .initial = "info",
     .choices = "debug, info, warn, alert",
     .help = "The least important line that is still written to standard error."},

    {.path = "http.body_max", .type = SETTING_SIZE, .offset = AT(http.body_max), .initial = "3MB",
     .least = KB, .most = 64 * MB,
     .help = "The largest body of a request; Meta sends up to 3 MB. Over it the answer is 413. "
             "Where nothing is delivered (pages, links) 64 KB are the most."},
    {.path = "http.bodies_max", .type = SETTING_SIZE, .offset = AT(http.bodies_max),
     .initial = "64MB", .least = MB, .most = 4 * GB,
     .help = "All bodies in one worker's memory together. Over it the one that has taken the "
             "most room for the longest, and is still being sent, is answered 503. Several "
             "that are larger than http.body_max (mails, reports with files) share half of it."},
    {.path = "http.header_time", .type = SETTING_DURATION, .offset = AT(http.header_time),
     .initial = "10s", .least = 100 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "From a connection's first moment to the end of the request's headers."},
    {.path = "http.body_time", .type = SETTING_DURATION, .offset = AT(http.body_time),
     .initial = "20s", .least = 100 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "From the end of the headers to the end of the body, in all."},
    {.path = "http.idle_time", .type = SETTING_DURATION, .offset = AT(http.idle_time),
     .initial = "60s", .least = 100 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "How long a connection may wait for its next request."},
    {.path = "http.connections", .type = SETTING_COUNT, .offset = AT(http.connections),
     .initial = "1000", .least = 1, .most = 100000,
     .help = "Connections of one worker. Over it the one that has waited the longest for its "
             "client is closed for a new one."},
    {.path = "http.metrics_public", .type = SETTING_BOOL, .offset = AT(http.metrics_public),
     .initial = "false",
     .help = "Answer /metrics to public addresses, too: where Prometheus has one. Without it whoever "
             "comes from the internet, directly or through a proxy that says so, finds nothing there."},

    {.path = "whatsapp.base_url", .type = SETTING_TEXT, .offset = AT(whatsapp.base_url),
     .initial = "https://graph.facebook.com/v26.0",
     .help = "The Graph API with its version."},
    {.path = "whatsapp.apps.*.app_secret", .type = SETTING_SECRET, .offset = AT_APP(app_secret),
     .initial = "", .sample = "0123456789abcdef0123456789abcdef",
     .help = "The app's secret (App settings, Basic): Meta signs every delivery with it."},
    {.path = "whatsapp.apps.*.verify_token", .type = SETTING_SECRET, .offset = AT_APP(verify_token),
     .initial = "", .sample = "a word of your own choosing",
     .help = "The word that you type into Meta's webhook form; Meta says it back when it first "
             "calls."},
    {.path = "whatsapp.apps.*.token", .type = SETTING_SECRET, .offset = AT_APP(token),
     .initial = "", .sample = "EAAB...",
     .help = "A system user's token with whatsapp_business_messaging and "
             "whatsapp_business_management."},
    {.path = "whatsapp.connect_timeout", .type = SETTING_DURATION,
     .offset = AT(whatsapp.connect_timeout), .initial = "5s", .least = 10 * USEC_PER_MSEC,
     .most = USEC_PER_MIN, .help = "How long reaching the Graph API may take."},
    {.path = "whatsapp.timeout", .type = SETTING_DURATION, .offset = AT(whatsapp.timeout),
     .initial = "20s", .least = 10 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "How long one call may take in all. What is not answered by then is unknown."},
    {.path = "whatsapp.rate", .type = SETTING_COUNT, .offset = AT(whatsapp.rate), .initial = "80",
     .least = 1, .most = 1000000,
     .help = "Messages a second from one number. Meta allows 80, and 1000 after an upgrade."},
    {.path = "whatsapp.rate_burst", .type = SETTING_COUNT, .offset = AT(whatsapp.rate_burst),
     .initial = "80", .least = 1, .most = 1000000,
     .help = "How many may leave at once after a quiet moment."},
    {.path = "whatsapp.pair_interval", .type = SETTING_DURATION,
     .offset = AT(whatsapp.pair_interval), .initial = "6s", .most = USEC_PER_HOUR,
     .help = "Meta's limit between one number and one person: a message in so long. 0 lifts it."},
    {.path = "whatsapp.pair_burst", .type = SETTING_COUNT, .offset = AT(whatsapp.pair_burst),
     .initial = "45", .least = 1, .most = 1000000,
     .help = "How many messages one person may get at once, borrowed from the time after."},
    {.path = "whatsapp.read_receipts", .type = SETTING_BOOL, .offset = AT(whatsapp.read_receipts),
     .initial = "true", .help = "Show the customer that what they wrote was read."},
    {.path = "whatsapp.typing", .type = SETTING_BOOL, .offset = AT(whatsapp.typing),
     .initial = "true", .help = "Show the customer that an answer is being written."},
    {.path = "whatsapp.connections", .type = SETTING_COUNT, .offset = AT(whatsapp.connections),
     .initial = "64", .least = 1, .most = 1024,
     .help = "Connections to the Graph API that each worker keeps open at most."},
    {.path = "whatsapp.allow_http", .type = SETTING_BOOL, .offset = AT(whatsapp.allow_http),
     .initial = "false", .help = "Allow a base_url without TLS. For the sandbox only."},
    {.path = "whatsapp.answer_max", .type = SETTING_SIZE, .offset = AT(whatsapp.answer_max),
     .initial = "256KB", .least = KB, .most = 64 * MB,
     .help = "The largest answer of the Graph API that is read."},
    {.path = "whatsapp.service_window", .type = SETTING_DURATION,
     .offset = AT(whatsapp.service_window), .initial = "24h", .least = USEC_PER_SEC,
     .most = 30 * USEC_PER_DAY,
     .help = "How long after a customer's last message free words may be sent to them."},
    {.path = "whatsapp.code_template", .type = SETTING_TEXT, .offset = AT(whatsapp.code_template),
     .initial = "", .sample = "verification_code",
     .help = "An approved template of category authentication, with a copy-code button, that "
             "carries one-time codes. Empty: a code goes by WhatsApp only to who writes just "
             "now, in plain words."},

    {.path = "twilio.base_url", .type = SETTING_TEXT, .offset = AT(twilio.base_url),
     .initial = "https://api.twilio.com", .help = "Twilio's API, without a path."},
    {.path = "twilio.account_sid", .type = SETTING_TEXT, .offset = AT(twilio.account_sid),
     .initial = "", .sample = "AC0123456789abcdef0123456789abcdef",
     .help = "The account's SID (console, Account Info). Empty: no SMS leaves."},
    {.path = "twilio.auth_token", .type = SETTING_SECRET, .offset = AT(twilio.auth_token),
     .initial = "", .sample = "0123456789abcdef0123456789abcdef",
     .help = "The account's auth token: it sends, and Twilio signs its calls with it."},
    {.path = "twilio.phone_number", .type = SETTING_TEXT, .offset = AT(twilio.phone_number),
     .initial = "", .sample = "+15550100101",
     .help = "The number that `parley seed` gives to the demo's shop for SMS. Each business has "
             "its own in the table `accounts`."},
    {.path = "twilio.connect_timeout", .type = SETTING_DURATION,
     .offset = AT(twilio.connect_timeout), .initial = "5s", .least = 10 * USEC_PER_MSEC,
     .most = USEC_PER_MIN, .help = "How long reaching Twilio may take."},
    {.path = "twilio.timeout", .type = SETTING_DURATION, .offset = AT(twilio.timeout),
     .initial = "20s", .least = 10 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "How long one call may take in all. What is not answered by then is unknown."},
    {.path = "twilio.rate", .type = SETTING_COUNT, .offset = AT(twilio.rate), .initial = "1",
     .least = 1, .most = 1000000,
     .help = "Segments of SMS a second from one number: 1 for a long code in the US, 3 "
             "toll-free, 100 for a short code. A longer message takes as many as it has."},
    {.path = "twilio.rate_burst", .type = SETTING_COUNT, .offset = AT(twilio.rate_burst),
     .initial = "1", .least = 1, .most = 1000000,
     .help = "How many may leave at once after a quiet moment."},
    {.path = "twilio.plain_letters", .type = SETTING_BOOL, .offset = AT(twilio.plain_letters),
     .initial = "true",
     .help = "Write \"zamowienie\" for \"zamówienie\" and leave an emoji out where that saves "
             "a segment: one letter outside of GSM's alphabet makes 70 characters of 160. "
             "Letters that GSM has (ñ, é, ü) stay, and Arabic is never touched."},
    {.path = "twilio.mms", .type = SETTING_BOOL, .offset = AT(twilio.mms), .initial = "true",
     .help = "Send pictures (up to 5 MB) and documents (500 KB) as MMS between numbers of +1, "
             "by an address below public_url where we keep them. Elsewhere, and when this is "
             "false, the address stands in the words."},
    {.path = "twilio.allow_http", .type = SETTING_BOOL, .offset = AT(twilio.allow_http),
     .initial = "false", .help = "Allow a base_url without TLS. For the sandbox only."},
    {.path = "twilio.answer_max", .type = SETTING_SIZE, .offset = AT(twilio.answer_max),
     .initial = "64KB", .least = KB, .most = 64 * MB,
     .help = "The largest answer of Twilio's that is read."},

    {.path = "crm.apps.*.secret", .type = SETTING_SECRET, .offset = AT_CRM(secret), .initial = "",
     .sample = "whsec_ and base64 of 24 to 64 random bytes",
     .help = "What the system and Parley share: each signs with it what it posts to the other "
             "(Standard Webhooks)."},
    {.path = "crm.apps.*.secret_before", .type = SETTING_SECRET, .offset = AT_CRM(secret_before),
     .initial = "", .sample = "the one that is being replaced",
     .help = "While a secret is being replaced: the old one, which is taken as well, and signed with "
             "beside the new one."},
    {.path = "crm.apps.*.url", .type = SETTING_TEXT, .offset = AT_CRM(url), .initial = "",
     .sample = "https://crm.example/parley/events",
     .help = "Where this system wants to be told of events. Empty: nowhere."},
    {.path = "crm.allow_private", .type = SETTING_BOOL, .offset = AT(crm.allow_private),
     .initial = "false",
     .help = "Allow an address of a system without TLS, and one inside of our own network. For the "
             "sandbox only."},

    {.path = "crm.file_hosts", .type = SETTING_TEXT, .offset = AT(crm.file_hosts), .initial = "",
     .sample = "files.erp.internal",
     .help = "Hosts, by blanks, from which files that a system names are fetched though they lie inside "
             "of our own network. Others there are never asked."},

    {.path = "events.retry", .type = SETTING_TEXT, .offset = AT(events.retry),
     .initial = "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h",
     .help = "The pauses before an event that a system did not take is sent again; each up to a "
             "tenth longer, by chance. After the last one it is given up when others were taken "
             "meanwhile, and the last is repeated while none were."},
    {.path = "events.timeout", .type = SETTING_DURATION, .offset = AT(events.timeout),
     .initial = "15s", .least = 10 * USEC_PER_MSEC, .most = 2 * USEC_PER_MIN,
     .help = "How long a system may take to answer."},
    {.path = "events.at_once", .type = SETTING_COUNT, .offset = AT(events.at_once),
     .initial = "8", .least = 1, .most = 256,
     .help = "Requests of a worker to one system of one business at once. Those about one subject "
             "follow one after the other whatever this says."},
    {.path = "events.off_after", .type = SETTING_DURATION, .offset = AT(events.off_after),
     .initial = "5d", .least = USEC_PER_SEC, .most = 90 * USEC_PER_DAY,
     .help = "A system that has taken nothing for so long is switched off, with an alert. What it has "
             "not heard waits there."},
    {.path = "events.keep", .type = SETTING_DURATION, .offset = AT(events.keep), .initial = "30d",
     .least = USEC_PER_HOUR, .most = 3650 * USEC_PER_DAY,
     .help = "How long events are kept, to be looked at and sent again."},

    {.path = "api.rate", .type = SETTING_COUNT, .offset = AT(api.rate), .initial = "20",
     .least = 1, .most = 100000,
     .help = "Requests a second that one key may make of each node; more are answered 429."},
    {.path = "api.rate_burst", .type = SETTING_COUNT, .offset = AT(api.rate_burst),
     .initial = "60", .least = 1, .most = 100000,
     .help = "How many of them may come at once."},
    {.path = "mail.transport", .type = SETTING_TEXT, .offset = AT(mail.transport),
     .initial = "resend", .choices = "resend, smtp",
     .help = "What carries mail that leaves: Resend's API, or a mail server."},
    {.path = "mail.from_name", .type = SETTING_TEXT, .offset = AT(mail.from_name),
     .initial = "", .sample = "Lark & Sons",
     .help = "The name beside the address of mails that leave. Empty: the business's own."},
    {.path = "mail.connect_timeout", .type = SETTING_DURATION,
     .offset = AT(mail.connect_timeout), .initial = "10s", .least = 10 * USEC_PER_MSEC,
     .most = USEC_PER_MIN, .help = "How long reaching Resend or the mail server may take."},
    {.path = "mail.timeout", .type = SETTING_DURATION, .offset = AT(mail.timeout),
     .initial = "60s", .least = 10 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "How long handing one mail over may take in all. Mail servers may look at a mail "
             "for a while before they take it."},
    {.path = "mail.rate", .type = SETTING_COUNT, .offset = AT(mail.rate), .initial = "2",
     .least = 1, .most = 1000000,
     .help = "Mails a second from one address. By Resend: requests a second from this node, of all "
             "addresses together, and asking for mails that came in counts, too. Resend allows "
             "2 to all of a team's keys together, and more when asked."},
    {.path = "mail.rate_burst", .type = SETTING_COUNT, .offset = AT(mail.rate_burst),
     .initial = "2", .least = 1, .most = 1000000,
     .help = "How many may leave at once after a quiet moment."},
    {.path = "mail.connections", .type = SETTING_COUNT, .offset = AT(mail.connections),
     .initial = "8", .least = 1, .most = 256,
     .help = "How many mails of one address may be under way at once; by SMTP also how many "
             "connections a worker has, which are kept between mails."},
    {.path = "mail.gateway_token", .type = SETTING_SECRET, .offset = AT(mail.gateway_token),
     .initial = "", .sample = "the output of `openssl rand -hex 32`",
     .help = "What a mail gateway shows when it posts raw mail to /webhooks/mail/ADDRESS: "
             "`Authorization: Bearer TOKEN`, 16 characters or more. Empty: none may."},
    {.path = "mail.authserv", .type = SETTING_TEXT, .offset = AT(mail.authserv), .initial = "",
     .sample = "mx.lark.example",
     .help = "The name by which the mail server in front of the gateway signs its "
             "Authentication-Results. It has to remove those of others that bear its name. What "
             "it says passes DMARC is from whom it says. Empty: every sender is a stranger, "
             "unless they answer a mail of ours."},
    {.path = "mail.in_max", .type = SETTING_SIZE, .offset = AT(mail.in_max), .initial = "20MB",
     .least = 64 * KB, .most = 64 * MB,
     .help = "The largest mail that is taken in, with its attachments; http.bodies_max has to "
             "leave room for it."},
    {.path = "mail.in_timeout", .type = SETTING_DURATION, .offset = AT(mail.in_timeout),
     .initial = "10s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_MIN,
     .help = "How long asking Resend for a mail that has come may take, while its webhook "
             "waits."},

    {.path = "resend.base_url", .type = SETTING_TEXT, .offset = AT(resend.base_url),
     .initial = "https://api.resend.com", .help = "Resend's API, without a path."},
    {.path = "resend.api_key", .type = SETTING_SECRET, .offset = AT(resend.api_key),
     .initial = "", .sample = "re_0123456789",
     .help = "The API key that sends (and reads what comes in). Empty: no mail leaves that way."},
    {.path = "resend.allow_http", .type = SETTING_BOOL, .offset = AT(resend.allow_http),
     .initial = "false", .help = "Allow a base_url without TLS. For the sandbox only."},
    {.path = "resend.answer_max", .type = SETTING_SIZE, .offset = AT(resend.answer_max),
     .initial = "64KB", .least = KB, .most = 64 * MB,
     .help = "The largest answer to a sending that is read."},
    {.path = "resend.webhook_secret", .type = SETTING_SECRET,
     .offset = AT(resend.webhook_secret), .initial = "", .sample = "whsec_...",
     .help = "The signing secret of the webhook that posts to /webhooks/resend. Empty: none is "
             "taken."},
    {.path = "resend.authserv", .type = SETTING_TEXT, .offset = AT(resend.authserv),
     .initial = "", .sample = "amazonses.com",
     .help = "As mail.authserv, for the mail that Resend receives. Set it only when you have "
             "seen that name on top of a received mail's Authentication-Results."},

    {.path = "stripe.base_url", .type = SETTING_TEXT, .offset = AT(stripe.base_url),
     .initial = "https://api.stripe.com", .help = "Stripe's API, without a path."},
    {.path = "stripe.secret_key", .type = SETTING_SECRET, .offset = AT(stripe.secret_key),
     .initial = "", .sample = "sk_live_...",
     .help = "The secret key, or a restricted one that may write Checkout Sessions and refunds. "
             "Empty: links to pay are not made. A key of test mode takes test events only."},
    {.path = "stripe.publishable_key", .type = SETTING_TEXT,
     .offset = AT(stripe.publishable_key), .initial = "", .sample = "pk_live_...",
     .help = "The publishable key. Stripe's own page has it already; it is checked to be of the "
             "same mode as the secret one."},
    {.path = "stripe.webhook_secret", .type = SETTING_SECRET,
     .offset = AT(stripe.webhook_secret), .initial = "", .sample = "whsec_...",
     .help = "The signing secret of the endpoint that posts to /api/webhooks/stripe. Empty: no "
             "event is taken."},
    {.path = "stripe.webhook_secret_before", .type = SETTING_SECRET,
     .offset = AT(stripe.webhook_secret_before), .initial = "", .sample = "whsec_...",
     .help = "The one before, while it is being changed: both are taken."},
    {.path = "stripe.allow_http", .type = SETTING_BOOL, .offset = AT(stripe.allow_http),
     .initial = "false", .help = "Allow a base_url without TLS. For the sandbox only."},
    {.path = "stripe.connect_timeout", .type = SETTING_DURATION,
     .offset = AT(stripe.connect_timeout), .initial = "5s", .least = 10 * USEC_PER_MSEC,
     .most = USEC_PER_MIN, .help = "How long making a connection may take."},
    {.path = "stripe.timeout", .type = SETTING_DURATION, .offset = AT(stripe.timeout),
     .initial = "30s", .least = 10 * USEC_PER_MSEC, .most = 5 * USEC_PER_MIN,
     .help = "How long a request may take. What comes to nothing is repeated under its key."},
    {.path = "stripe.link_life", .type = SETTING_DURATION, .offset = AT(stripe.link_life),
     .initial = "23h", .least = 50 * USEC_PER_MIN, .most = 23 * USEC_PER_HOUR + 50 * USEC_PER_MIN,
     .help = "How long a link to pay is valid. Stripe takes half an hour to a day, counted from when it is at last reached."},
    {.path = "stripe.poll", .type = SETTING_DURATION, .offset = AT(stripe.poll),
     .initial = "1s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_MIN,
     .help = "How often a worker looks for links and refunds that others asked for."},

    {.path = "smtp.host", .type = SETTING_TEXT, .offset = AT(smtp.host), .initial = "",
     .sample = "smtp.lark.example",
     .help = "The mail server that takes what leaves (mail.transport: smtp)."},
    {.path = "smtp.port", .type = SETTING_COUNT, .offset = AT(smtp.port), .initial = "587",
     .least = 1, .most = 65535, .help = "Its port: 587 with STARTTLS, 465 with TLS at once."},
    {.path = "smtp.user", .type = SETTING_TEXT, .offset = AT(smtp.user), .initial = "",
     .sample = "parley", .help = "Who signs in. Empty: nobody does."},
    {.path = "smtp.password", .type = SETTING_SECRET, .offset = AT(smtp.password),
     .initial = "", .sample = "a long password", .help = "The user's password."},
    {.path = "smtp.tls", .type = SETTING_TEXT, .offset = AT(smtp.tls), .initial = "starttls",
     .choices = "starttls, implicit, none",
     .help = "How the way to the server is encrypted: from STARTTLS on, which must be there; "
             "from the first byte; or not at all, which is taken for a server on this machine "
             "only."},
    {.path = "smtp.ca_file", .type = SETTING_TEXT, .offset = AT(smtp.ca_file), .initial = "",
     .sample = "/etc/parley/mail-ca.pem",
     .help = "Certificates to trust instead of the system's, for a server with one of its own."},

    {.path = "outbox.unknown_wait", .type = SETTING_DURATION, .offset = AT(outbox.unknown_wait),
     .initial = "20s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "How long a sending whose answer was lost waits for a status callback before it is "
             "repeated, once. Only its conversation waits."},
    {.path = "outbox.lease", .type = SETTING_DURATION, .offset = AT(outbox.lease),
     .initial = "10s", .least = 100 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "How long a worker holds a sending number. After a crash another takes over when it "
             "has lapsed."},
    {.path = "outbox.poll", .type = SETTING_DURATION, .offset = AT(outbox.poll),
     .initial = "250ms", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_MIN,
     .help = "How often a worker looks for what other nodes have written."},
    {.path = "outbox.retry_first", .type = SETTING_DURATION, .offset = AT(outbox.retry_first),
     .initial = "1s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "The first pause after a failed attempt; it doubles from there, with jitter."},
    {.path = "outbox.retry_max", .type = SETTING_DURATION, .offset = AT(outbox.retry_max),
     .initial = "5m", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_DAY,
     .help = "The longest such pause."},
    {.path = "outbox.drain", .type = SETTING_DURATION, .offset = AT(outbox.drain),
     .initial = "10s", .most = USEC_PER_HOUR,
     .help = "How long a stopping worker finishes turns and sendings under way."},
    {.path = "outbox.max_attempts", .type = SETTING_COUNT, .offset = AT(outbox.max_attempts),
     .initial = "6", .least = 1, .most = 1000,
     .help = "After so many attempts a message is given up, with its reason kept."},
    {.path = "outbox.claim_max", .type = SETTING_COUNT, .offset = AT(outbox.claim_max),
     .initial = "128", .least = 1, .most = 1024,
     .help = "How many messages a worker takes from the outbox at once."},

    {.path = "turns.batch_max", .type = SETTING_COUNT, .offset = AT(turns.batch_max),
     .initial = "128", .least = 1, .most = 128,
     .help = "How many turns may share one transaction."},
    {.path = "turns.deadline", .type = SETTING_DURATION, .offset = AT(turns.deadline),
     .initial = "10s", .least = 100 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "How long a batch may take. Its deliveries are answered 503 after it, and Meta "
             "repeats them."},
    {.path = "turns.lock_timeout", .type = SETTING_DURATION, .offset = AT(turns.lock_timeout),
     .initial = "250ms", .least = USEC_PER_MSEC, .most = USEC_PER_MIN,
     .help = "How long a statement of a batch waits for a lock."},
    {.path = "turns.queue_max", .type = SETTING_COUNT, .offset = AT(turns.queue_max),
     .initial = "20000", .least = 1000, .most = 10000000,
     .help = "How many events may wait in one worker. Over it deliveries are answered 503."},

    {.path = "verify.session", .type = SETTING_DURATION, .offset = AT(verify.session),
     .initial = "30m", .least = USEC_PER_SEC, .most = USEC_PER_DAY,
     .help = "After so long a silence a customer who gave a code is asked for another one."},

    {.path = "fallback.after", .type = SETTING_DURATION, .offset = AT(fallback.after),
     .initial = "10m", .least = USEC_PER_SEC, .most = USEC_PER_DAY,
     .help = "What we say unasked goes on by the customer's next channel when it was not delivered for "
             "so long. What is known to have failed goes on at once."},

    {.path = "documents.store", .type = SETTING_TEXT, .offset = AT(documents.store),
     .initial = "local", .choices = "local, s3",
     .help = "Where files that customers send are kept: in a folder, or in a bucket of anything that "
             "speaks S3."},
    {.path = "documents.path", .type = SETTING_TEXT, .offset = AT(documents.path),
     .initial = "/var/lib/parley/documents",
     .help = "The folder, for local. With more than one machine it must be the same for all of them."},
    {.path = "documents.endpoint", .type = SETTING_TEXT, .offset = AT(documents.endpoint), .initial = "",
     .sample = "https://s3.eu-central-1.amazonaws.com",
     .help = "For s3: the server, without a path and without a slash at its end."},
    {.path = "documents.bucket", .type = SETTING_TEXT, .offset = AT(documents.bucket), .initial = "",
     .sample = "parley-documents", .help = "For s3: the bucket. It is not made; it must be there."},
    {.path = "documents.region", .type = SETTING_TEXT, .offset = AT(documents.region),
     .initial = "us-east-1", .help = "For s3: the region that requests are signed for."},
    {.path = "documents.key", .type = SETTING_TEXT, .offset = AT(documents.key), .initial = "",
     .sample = "AKIA...", .help = "For s3: the access key's id."},
    {.path = "documents.secret", .type = SETTING_SECRET, .offset = AT(documents.secret), .initial = "",
     .sample = "wJalr...",
     .help = "For s3: the secret access key."},
    {.path = "documents.max_size", .type = SETTING_SIZE, .offset = AT(documents.max_size),
     .initial = "10MB", .least = 1024, .most = DOCUMENT_SIZE_MAX,
     .help = "The largest file that is kept. The words that customers read speak of 10 MB."},
    {.path = "documents.downloads", .type = SETTING_COUNT, .offset = AT(documents.downloads),
     .initial = "4", .least = 1, .most = 64,
     .help = "How many files a worker fetches at once; each may need twice the largest file's size "
             "in memory."},
    {.path = "documents.timeout", .type = SETTING_DURATION, .offset = AT(documents.timeout),
     .initial = "60s", .least = 100 * USEC_PER_MSEC, .most = 10 * USEC_PER_MIN,
     .help = "How long fetching or storing one file may take."},
    {.path = "documents.poll", .type = SETTING_DURATION, .offset = AT(documents.poll),
     .initial = "5s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "How often a worker looks for files whose next attempt is due. New ones do not wait "
             "for it."},
    {.path = "documents.retry_first", .type = SETTING_DURATION, .offset = AT(documents.retry_first),
     .initial = "2s", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_HOUR,
     .help = "The first pause after a failed attempt; it doubles from there, with jitter."},
    {.path = "documents.retry_max", .type = SETTING_DURATION, .offset = AT(documents.retry_max),
     .initial = "1h", .least = 10 * USEC_PER_MSEC, .most = USEC_PER_DAY,
     .help = "The longest such pause."},
    {.path = "documents.handle_life", .type = SETTING_DURATION, .offset = AT(documents.handle_life),
     .initial = "7d", .least = USEC_PER_SEC, .most = 30 * USEC_PER_DAY,
     .help = "How long after its message a file is tried for. WhatsApp hands files out for 7 days; "
             "after that it is lost, and the customer is told."},
    {.path = "documents.keep_loose", .type = SETTING_DURATION, .offset = AT(documents.keep_loose),
     .initial = "30d", .least = USEC_PER_MIN, .most = 3650 * USEC_PER_DAY,
     .help = "How long files are kept that belong to no report."},

    {.path = "flows.folder", .type = SETTING_TEXT, .offset = AT(flows.folder), .initial = "",
     .sample = "/usr/share/parley",
     .help = "The folder that has flows/ and templates/messages/ in it. Empty: the source tree's, "
             "if parley runs from a build folder in it, else /usr/share/parley."},
    {.path = "spool.dir", .type = SETTING_TEXT, .offset = AT(spool.dir),
     .initial = "/var/lib/parley/spool",
     .help = "A folder on this node's own disk, for deliveries of Twilio's, who does not come again, "
             "while the database is away. They are encrypted with secrets.key, and without it there "
             "is no spool. One service, one folder. Empty: the answer is 503, and they are lost."},
    {.path = "spool.max", .type = SETTING_SIZE, .offset = AT(spool.max), .initial = "256MB",
     .least = MB, .most = 64 * GB,
     .help = "How much may wait there. An SMS takes about 700 bytes. Over it the answer is 503."},
    {.path = "paths.state", .type = SETTING_TEXT, .offset = AT(paths.state),
     .initial = "/run/parley",
     .help = "A folder for sockets between the processes of this node."},
};
/* clang-format on */

const size_t settings_n = COUNTOF(settings);

static const struct {
    const char *section;
    const char *help;
} sections[] = {
    {"tls",           "TLS, if no proxy in front does it. Both files, or neither."         },
    {"secrets",       "What the service itself keeps secret."                              },
    {"database",      "PostgreSQL 15 or newer: everything that is kept is kept there."     },
    {"log",           "One line per event on standard error."                              },
    {"http",          "Limits, so that slow or greedy clients harm nobody."                },
    {"whatsapp",      "The WhatsApp Cloud API."                                            },
    {"whatsapp.apps", "The Meta apps whose deliveries are taken, by a name of your choice."},
    {"twilio",        "SMS, through Twilio's Messages API."                                },
    {"crm",           "The business's other systems, by CloudEvents both ways."            },
    {"events",        "What these systems are told, and how often it is tried."            },
    {"crm.apps",      "The systems, by a name of your choice; see docs/crm.md."            },
    {"api",           "People and programs of a business; see docs/operate.md."            },
    {"mail",          "Mail, whatever carries it."                                         },
    {"resend",        "Mail through Resend's API."                                         },
    {"stripe",        "Paying, by links to Stripe's own pages."                            },
    {"smtp",          "Mail through a mail server."                                        },
    {"outbox",        "How messages leave, and what happens when they cannot."             },
    {"turns",         "How what customers wrote is worked through."                        },
    {"verify",        "Who is speaking: one-time codes, and how long they hold."           },
    {"fallback",      "What is said unasked and does not arrive."                          },
    {"documents",     "Files that customers send."                                         },
    {"flows",         "The dialogues and their words."                                     },
    {"spool",         "What is not brought a second time waits here for the database."     },
    {"paths",         "Folders of this machine."                                           },
};

const char *settings_section_help(struct str section)
{
    for (size_t i = 0; i < COUNTOF(sections); i++) {
        if (str_eq(section, str_from(sections[i].section)))
            return sections[i].help;
    }
    return NULL;
}

/* Cut the app's name out of "whatsapp.apps.NAME.rest", leaving "whatsapp.apps.*.rest" to be
 * compared. */
static bool matches(const struct setting *setting, struct str path, struct str *app)
{
    struct str pattern = str_from(setting->path);
    size_t star = str_find(pattern, STR("*"));
    *app = STR_NONE;
    if (star == pattern.len)
        return str_eq(pattern, path);
    if (!str_starts(path, str_slice(pattern, 0, star)))
        return false;
    struct str rest = str_slice(path, star, path.len);
    size_t dot = str_find(rest, STR("."));
    *app = str_slice(rest, 0, dot);
    return app->len > 0 &&
           str_eq(str_slice(pattern, star + 1, pattern.len), str_slice(rest, dot, rest.len));
}

const struct setting *settings_find(struct str path, struct str *app, bool *is_file)
{
    struct str bare =
        str_ends(path, STR("_file")) ? str_slice(path, 0, path.len - strlen("_file")) : path;
    for (size_t i = 0; i < settings_n; i++) {
        *is_file = false;
        if (matches(&settings[i], path, app))
            return &settings[i];
        *is_file = true;
        if (bare.len < path.len && settings[i].type == SETTING_SECRET &&
            matches(&settings[i], bare, app))
            return &settings[i];
    }
    return NULL;
}

/* The place where apps stand that a path lies below, with its dot: "whatsapp.apps."; or empty.
 */
static struct str apps_prefix(struct str path)
{
    for (size_t i = 0; i < settings_n; i++) {
        struct str pattern = str_from(settings[i].path);
        struct str before = str_slice(pattern, 0, str_find(pattern, STR("*")));
        if (before.len < pattern.len && str_starts(path, before))
            return before;
    }
    return STR_NONE;
}

bool settings_is_section(struct str path)
{
    struct str apps = apps_prefix(path);
    if (apps.len > 0) {
        return path.len > apps.len &&
               str_find(str_slice(path, apps.len, path.len), STR(".")) == path.len - apps.len;
    }
    for (size_t i = 0; i < settings_n; i++) {
        if (str_starts(str_from(settings[i].path), path) && settings[i].path[path.len] == '.')
            return true;
    }
    return false;
}

struct str settings_suggest(struct arena *into, struct str path)
{
    struct str app = STR("default"), apps = apps_prefix(path);
    if (apps.len > 0) {
        struct str rest = str_slice(path, apps.len, path.len);
        app = str_slice(rest, 0, str_find(rest, STR(".")));
    }
    struct str names[COUNTOF(settings) + COUNTOF(sections)];
    size_t n = 0;
    for (size_t i = 0; i < settings_n; i++) {
        const char *star = strchr(settings[i].path, '*');
        names[n++] = star ? arena_format(into, "%.*s%.*s%s", (int)(star - settings[i].path),
                                         settings[i].path, STR_ARG(app), star + 1)
                          : str_from(settings[i].path);
    }
    for (size_t i = 0; i < COUNTOF(sections); i++)
        names[n++] = str_from(sections[i].section);
    int best = suggest(path, names, n);
    return best < 0 ? STR_NONE
                    : arena_format(into, "; did you mean %.*s?", STR_ARG(names[best]));
}
