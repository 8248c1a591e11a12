/*
 * What stands in addresses that strangers open, and beside it the ids and times that they
 * bring: links of messages, of files and of a customer's pages, tokens of mails. Nothing opens
 * but what we would have made to the letter, and what is read is written as it was read.
 */
#include "bot/lane/mail_token.h"
#include "bot/view/link.h"
#include "bot/view/portal.h"
#include "bot/view/short_link.h"
#include "webhooks/rfc3339.h"

#include <stdlib.h>
#include <strings.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static void open_links(struct arena *arena, const struct config *config, struct str token)
{
    static const enum link_kind kinds[] = {LINK_TAP, LINK_UNSUBSCRIBE};
    struct link_file file;
    struct link link;

    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (link_open(config, kinds[i], token, &link))
            hold(str_ends(link_make(arena, config, kinds[i], &link), token));
    }
    if (link_file_open(config, token, &file))
        hold(str_ends(link_file_make(arena, config, &file), token));
}

static void open_pages(struct arena *arena, const struct config *config, struct str text)
{
    struct uuid org, link;
    struct hash hash;

    hold(portal_token_read(text, &org, &hash) || uuid_is_none(org));
    (void)short_link_may_be_of(text, org);
    hold(portal_code_hash(arena, text).len <= sizeof hash.bytes);
    if (portal_is_mark(text, &link)) {
        hold(str_starts(portal_address(arena, config, org, text), config->public_url));
    } else {
        hold(str_eq(portal_address(arena, config, org, text), text));
    }
}

static void read_plain(struct arena *arena, struct str text)
{
    struct uuid id, again;
    usec_t at, same;

    if (uuid_parse(text, &id))
        hold(uuid_parse(uuid_str(arena, id), &again) && uuid_eq(id, again));
    if (rfc3339_read(text, &at))
        hold(rfc3339_read(rfc3339_write(arena, at), &same) && at == same);
}

static void answer_mail(struct arena *arena, const struct config *config, struct str token)
{
    const struct uuid conversation = {{7}};
    struct str ours = mail_token(arena, config, conversation);

    if (mail_token_is(config, token, conversation))
        hold(token.len == ours.len && strncasecmp(token.at, ours.at, ours.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config config = {.public_url = STR("https://shop.example"),
                                  .secrets.key = STR("a key of thirty-two characters or more")};
    struct str rest = {(const char *)data, size}, text;
    static bool ready;
    struct arena arena = {0};
    struct err err;

    if (!ready && !crypto_init(&err))
        abort();
    ready = true;
    while (str_split(&rest, '\n', &text)) {
        open_links(&arena, &config, text);
        open_pages(&arena, &config, text);
        answer_mail(&arena, &config, text);
        read_plain(&arena, text);
    }
    arena_finish(&arena);
    return 0;
}
