/*
 * Mail over the wire, its HTML and its reports: whatever comes is refused or gives events whose
 * texts are texts, and each file that is named can be taken out again.
 */
#include "webhooks/event_json.h"
#include "webhooks/mime.h"
#include "webhooks/mime_html.h"

#include "bot/base/crypto.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void look(struct arena *arena, const struct event *event)
{
    hold(event->id.len > 0);
    hold(str_is_utf8(event->text) && str_is_utf8(event->from.email));
    hold(str_is_utf8(event_to_json(arena, event)));
    hold(!event_is_message(event->kind) || (event->mail != NULL && event->from.email.len > 0));
}

/* What stays of a withheld mail has each file under its number, as it was or empty. */
static void keep_files(struct arena *arena, struct str raw, const struct mail *mail)
{
    struct str kept = mime_files_only(arena, raw, STR("note"));

    for (size_t i = 0; i < mail->n_files && kept.len > 0; i++) {
        struct str before, after;
        hold(mime_file(arena, raw, i + 1, &before, NULL) &&
             mime_file(arena, kept, i + 1, &after, NULL));
        hold(after.len == 0 || str_eq(before, after));
    }
}

static void take_files(struct arena *arena, struct str raw, const struct mail *mail)
{
    for (size_t i = 0; i < mail->n_files; i++) {
        struct str bytes, number = mail->files[i].id;
        int64_t n;
        while (str_find(number, STR("/")) < number.len)
            number = str_slice(number, str_find(number, STR("/")) + 1, number.len);
        hold(str_to_int(number, &n));
        hold(mime_file(arena, raw, (size_t)n, &bytes, NULL) &&
             bytes.len == mail->files[i].size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_rules rules = {
        {"support@in.shop.example", 23},
        {"mx.shop.example",         15}
    };
    static const struct mime_options options = {
        .rules = &rules, .handle = {"payload:x", 9}
    };
    struct arena arena;
    struct str raw = {(const char *)data, size};
    struct inbound_batch batch;
    struct mail mail;
    struct err err = {0};

    if (size > 60000)
        return 0;
    arena_init(&arena);
    if (mime_read(&arena, raw, &options, &mail, &err)) {
        mail_events(&arena, &rules, &mail, &batch);
        hold(batch.n >= 1 && batch.n <= MAIL_FILES_MAX);
        for (size_t i = 0; i < batch.n; i++)
            look(&arena, &batch.events[i]);
        take_files(&arena, raw, &mail);
        keep_files(&arena, raw, &mail);
    } else {
        hold(err.code == ERR_REJECT);
    }
    hold(str_is_utf8(mime_html_text(&arena, str_sane(&arena, raw), 4096)));
    arena_finish(&arena);
    return 0;
}
