/*
 * People and their chats, as a phone would show them.
 *
 * An entry is a JSON object {id, from, at, v, message, status, ...} that is replaced whole
 * where it is shown, so a watcher needs no more than "the newest of each id". `v` is the
 * version of its last change: asking for what changed after a version is enough for those who
 * poll.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_MAX 400

struct watcher {
    struct watcher *next;
    struct watcher **slot;
    struct http_stream stream;
    struct timer beat;
    struct sandbox *sandbox;
    bool gone;
};

/* --- people ------------------------------------------------------------------------------- */

struct chatter *chats_find(struct sandbox *sandbox, struct str who)
{
    char key[200];
    (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(who));
    json_int_t at = json_integer_value(json_object_get(sandbox->index, key));
    if (at == 0 && who.len > 0 && key[0] >= '0' && key[0] <= '9') {
        (void)snprintf(key, sizeof(key), "+%.*s", STR_ARG(who));
        at = json_integer_value(json_object_get(sandbox->index, key));
    }
    return (
        struct chatter *)(uintptr_t)at; /* the index is ours alone: integers hold pointers */
}

static void index_person(struct sandbox *sandbox, const char *key, struct chatter *person)
{
    if (key[0])
        json_object_set_new(sandbox->index, key, json_integer((json_int_t)(uintptr_t)person));
}

/* The user id that Meta would show for a number: always the same for the same number. */
static void user_id_of(const char *phone, char *user_id, size_t room)
{
    struct hash16 hash = hash16_of((struct str[]){STR("sandbox"), str_from(phone)}, 2);
    uint64_t digits = 0;
    memcpy(&digits, hash.bytes, sizeof(digits));
    (void)snprintf(user_id, room, "US.%020llu", (unsigned long long)digits);
}

static bool is_phone(struct str who)
{
    if (who.len < 6 || who.len > 16)
        return false;
    for (size_t i = who.at[0] == '+' ? 1 : 0; i < who.len; i++) {
        if (who.at[i] < '0' || who.at[i] > '9')
            return false;
    }
    return true;
}

static bool is_user_id(struct str who)
{
    if (who.len < 4 || who.len > 140 || who.at[2] != '.')
        return false;
    for (size_t i = 0; i < who.len; i++) {
        char c = who.at[i];
        bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && c != '.')
            return false;
    }
    return true;
}

/* "name@host.tld", as it is kept: in small letters. */
static bool is_mail(struct str who)
{
    size_t at = str_find(who, STR("@"));
    for (size_t i = 0; i < who.len; i++) {
        if ((unsigned char)who.at[i] <= ' ' || strchr("<>,;\"()", who.at[i]))
            return false;
    }
    return at > 0 && at + 3 < who.len && who.len < 150;
}

static void lane_init(struct lane *lane)
{
    lane->first = NULL;
    lane->last = &lane->first;
}

static struct chatter *person_new(struct sandbox *sandbox)
{
    struct chatter *person = calloc(1, sizeof(*person));
    if (!person)
        abort();
    person->log = json_array();
    person->about = json_object();
    for (size_t i = 0; i < LANES; i++)
        lane_init(&person->lanes[i]);
    *sandbox->last_person = person;
    sandbox->last_person = &person->next;
    return person;
}

static void rename_person(struct chatter *person, struct str name)
{
    if (name.len == 0)
        return;
    (void)snprintf(person->name, sizeof(person->name), "%.*s", STR_ARG(name));
    if (!str_is_utf8(str_from(person->name))) /* cut inside a letter */
        (void)snprintf(person->name, sizeof(person->name), "Someone");
}

static void set_mail(struct sandbox *sandbox, struct chatter *person, struct str mail)
{
    size_t n = mail.len < sizeof(person->mail) - 1 ? mail.len : sizeof(person->mail) - 1;
    for (size_t i = 0; i < n; i++) {
        char c = mail.at[i];
        person->mail[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    person->mail[n] = '\0';
    index_person(sandbox, person->mail, person);
}

struct chatter *chats_mailbox(struct sandbox *sandbox, struct arena *scratch, struct str to)
{
    size_t from = str_find(to, STR("<"));
    char *small;
    if (from < to.len)
        to = str_slice(to, from + 1, str_find(str_slice(to, from + 1, to.len), STR(">")));
    small = memcpy(arena_alloc(scratch, to.len + 1), to.at, to.len);
    small[to.len] = '\0';
    for (char *at = small; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    }
    return chats_person(sandbox, str_from(small), STR_NONE);
}

struct chatter *chats_person(struct sandbox *sandbox, struct str who, struct str name)
{
    struct chatter *person = chats_find(sandbox, who);
    if (person || (!is_phone(who) && !is_user_id(who) && !is_mail(who)))
        return person;
    person = person_new(sandbox);
    if (is_mail(who)) {
        (void)snprintf(person->who, sizeof(person->who), "%.*s", STR_ARG(who));
        set_mail(sandbox, person, who);
        user_id_of(person->who, person->user_id, sizeof(person->user_id));
    } else if (is_phone(who)) {
        (void)snprintf(person->phone, sizeof(person->phone), "%s%.*s",
                       who.at[0] == '+' ? "" : "+", STR_ARG(who));
        (void)snprintf(person->who, sizeof(person->who), "%s", person->phone);
        user_id_of(person->phone, person->user_id, sizeof(person->user_id));
    } else {
        (void)snprintf(person->user_id, sizeof(person->user_id), "%.*s", STR_ARG(who));
        (void)snprintf(person->who, sizeof(person->who), "%s", person->user_id);
    }
    (void)snprintf(person->name, sizeof(person->name), "%.100s",
                   person->phone[0]  ? person->phone
                   : person->mail[0] ? person->mail
                                     : "Someone");
    if (person->phone[0]) { /* everybody has a mailbox */
        char own[64];
        (void)snprintf(own, sizeof(own), "p%s@example.net", person->phone + 1);
        set_mail(sandbox, person, str_from(own));
    }
    rename_person(person, name);
    index_person(sandbox, person->who, person);
    index_person(sandbox, person->user_id, person);
    return person;
}

json_t *chats_people(struct sandbox *sandbox)
{
    json_t *people = json_array();
    for (struct chatter *p = sandbox->people; p; p = p->next) {
        json_t *one = json_copy(p->about);
        json_object_set_new(one, "who", json_string(p->who));
        json_object_set_new(one, "name", json_string(p->name));
        json_object_set_new(one, "phone", json_string(p->phone));
        json_object_set_new(one, "mail", json_string(p->mail));
        json_object_set_new(one, "no_mailbox", json_boolean(p->no_mailbox));
        json_object_set_new(one, "away", json_boolean(p->away));
        json_object_set_new(one, "entries", json_integer((json_int_t)json_array_size(p->log)));
        json_array_append_new(people, one);
    }
    return people;
}

static void load_person(struct sandbox *sandbox, const json_t *one)
{
    const char *phone = json_string_value(json_object_get(one, "phone"));
    const char *user_id = json_string_value(json_object_get(one, "user_id"));
    const char *name = json_string_value(json_object_get(one, "name"));
    const char *who = phone && phone[0] ? phone : user_id;
    struct chatter *person = chats_person(sandbox, str_from(who), str_from(name));
    if (!person)
        return;
    rename_person(person, str_from(name));
    if (user_id && is_user_id(str_from(user_id))) {
        (void)snprintf(person->user_id, sizeof(person->user_id), "%s", user_id);
        index_person(sandbox, user_id, person);
    }
    const char *mail = json_string_value(json_object_get(one, "email"));
    if (mail && is_mail(str_from(mail)))
        set_mail(sandbox, person, str_from(mail));
    json_object_update(person->about, (json_t *)one);
    json_object_set_new(person->about, "seeded", json_true());
}

bool chats_load_people(struct sandbox *sandbox, const char *path, struct err *err)
{
    json_error_t why;
    OWNED_JSON(people) = json_load_file(path, 0, &why);
    size_t i;
    json_t *one;
    if (!json_is_array(people))
        return err_raise(err, ERR_REJECT, "%s: not a list of people (%s)", path, why.text);
    json_array_foreach(people, i, one) load_person(sandbox, one);
    return true;
}

/* --- ids ---------------------------------------------------------------------------------- */

/* Meta's ids hold the other side's number, too; ours name the chat, so that a receipt for any
 * of them finds it, also after a restart. */
struct str chats_message_id(struct arena *into, const struct chatter *person, int64_t n)
{
    uint8_t random[4];
    char hex[9];
    random_bytes(random, sizeof(random));
    hex_format(random, sizeof(random), hex);
    struct str plain = arena_format(into, "%s|%lld|%s", person->who, (long long)n, hex);
    size_t room = sodium_base64_ENCODED_LEN(plain.len, sodium_base64_VARIANT_URLSAFE);
    char *text = arena_alloc(into, room);
    sodium_bin2base64(text, room, (const unsigned char *)plain.at, plain.len,
                      sodium_base64_VARIANT_URLSAFE);
    return arena_format(into, "wamid.%s", text);
}

struct chatter *chats_person_of(struct sandbox *sandbox, struct str message_id)
{
    unsigned char plain[256];
    size_t n = 0;
    if (!str_starts(message_id, STR("wamid.")) || message_id.len > 300)
        return NULL;
    if (sodium_base642bin(plain, sizeof(plain), message_id.at + 6, message_id.len - 6, NULL, &n,
                          NULL, sodium_base64_VARIANT_URLSAFE) != 0)
        return NULL;
    struct str text = {(const char *)plain, n};
    return chats_find(sandbox, str_slice(text, 0, str_find(text, STR("|"))));
}

/* --- watchers ----------------------------------------------------------------------------- */

static void tell(struct sandbox *sandbox, json_t *news)
{
    char *text = json_dumps(news, JSON_COMPACT);
    struct arena scratch;
    arena_init(&scratch);
    struct str line = arena_format(&scratch, "data: %s\n\n", text);
    for (struct watcher *w = sandbox->watchers; w; w = w->next)
        http_stream_write(&w->stream, line);
    arena_finish(&scratch);
    free(text);
    json_decref(news);
}

static void beat(struct timer *timer)
{
    struct watcher *watcher = CONTAINER_OF(timer, struct watcher, beat);
    http_stream_write(&watcher->stream, STR(": still here\n\n"));
    timer_start(&watcher->sandbox->loop, timer, 15 * USEC_PER_SEC, beat);
}

static void watcher_closed(struct timer *timer)
{
    free(CONTAINER_OF(timer, struct watcher, beat));
}

static void watcher_gone(struct http_stream *stream)
{
    struct watcher *watcher = CONTAINER_OF(stream, struct watcher, stream);
    *watcher->slot = watcher->next;
    if (watcher->next)
        watcher->next->slot = watcher->slot;
    timer_close(&watcher->beat, watcher_closed);
}

void chats_watch(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    if (!watcher)
        abort();
    watcher->sandbox = sandbox;
    watcher->stream.gone = watcher_gone;
    watcher->next = sandbox->watchers;
    watcher->slot = &sandbox->watchers;
    if (watcher->next)
        watcher->next->slot = &watcher->next;
    sandbox->watchers = watcher;
    http_reply_stream(exchange, "text/event-stream", NULL, &watcher->stream);
    http_stream_write(&watcher->stream, STR("retry: 500\n\n"));
    timer_start(&sandbox->loop, &watcher->beat, 15 * USEC_PER_SEC, beat);
}

/* --- entries ------------------------------------------------------------------------------ */

static void changed(struct sandbox *sandbox, struct chatter *person, json_t *entry)
{
    json_object_set_new(entry, "v", json_integer(++sandbox->version));
    if (sandbox->watchers)
        tell(sandbox, json_pack("{s:s, s:O}", "who", person->who, "entry", entry));
}

json_t *chats_add(struct sandbox *sandbox, struct chatter *person, const char *from,
                  struct str id, usec_t at, const json_t *message, const char *status)
{
    json_t *entry =
        json_pack("{s:s, s:I, s:O, s:s}", "from", from, "at", (json_int_t)(at / USEC_PER_MSEC),
                  "message", message, "status", status);
    json_set_text(entry, "id", id);
    json_set_int(entry, "born", sandbox->version + 1);
    json_array_append_new(person->log, entry);
    if (json_array_size(person->log) > LOG_MAX)
        json_array_remove(person->log, 0);
    if (from[0] == 'b')
        person->typing_until = 0;
    changed(sandbox, person, entry);
    return entry;
}

json_t *chats_entry(const struct chatter *person, struct str id)
{
    for (size_t i = json_array_size(person->log); i-- > 0;) {
        json_t *entry = json_array_get(person->log, i);
        const json_t *own = json_object_get(entry, "id");
        if (str_eq((struct str){json_string_value(own), json_string_length(own)}, id))
            return entry;
    }
    return NULL;
}

static int rank(const char *status)
{
    static const char *const order[] = {"sending", "sent", "failed", "delivered", "read"};
    for (size_t i = 0; status && i < COUNTOF(order); i++) {
        if (strcmp(order[i], status) == 0)
            return (int)i;
    }
    return -1;
}

bool chats_mark(struct sandbox *sandbox, struct chatter *person, struct str id,
                const char *status)
{
    json_t *entry = chats_entry(person, id);
    if (!entry || rank(json_string_value(json_object_get(entry, "status"))) >= rank(status))
        return false;
    json_object_set_new(entry, "status", json_string(status));
    changed(sandbox, person, entry);
    return true;
}

void chats_react(struct sandbox *sandbox, struct chatter *person, struct str id,
                 const char *member, struct str emoji)
{
    json_t *entry = chats_entry(person, id);
    if (!entry)
        return;
    if (emoji.len > 0) {
        json_object_set_new(entry, member, json_string_of(emoji));
    } else {
        json_object_del(entry, member);
    }
    changed(sandbox, person, entry);
}

void chats_typing(struct sandbox *sandbox, struct chatter *person, usec_t until)
{
    person->typing_until = until;
    if (sandbox->watchers)
        tell(sandbox, json_pack("{s:s, s:b}", "who", person->who, "typing", 1));
}

void chats_crm(struct sandbox *sandbox, const json_t *event)
{
    if (sandbox->watchers)
        tell(sandbox, json_pack("{s:O}", "crm", event));
}

json_t *chats_since(struct sandbox *sandbox, struct chatter *person, int64_t version)
{
    json_t *entries = json_array();
    size_t i;
    json_t *entry;
    json_array_foreach(person->log, i,
                       entry) if (json_integer_value(json_object_get(entry, "v")) > version)
        json_array_append(entries, entry);
    return json_pack("{s:I, s:b, s:b, s:o}", "version", (json_int_t)sandbox->version, "typing",
                     person->typing_until > clock_now(), "owed", person->lanes[0].first != NULL,
                     "entries", entries);
}

void chats_finish(struct sandbox *sandbox)
{
    struct chatter *person = sandbox->people;
    while (person) {
        struct chatter *next = person->next;
        json_decref(person->log);
        json_decref(person->about);
        free(person);
        person = next;
    }
    json_decref(sandbox->index);
}
