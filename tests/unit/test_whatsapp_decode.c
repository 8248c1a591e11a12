/*
 * Deliveries of our own making for every kind, and bodies made to hurt.
 */
#include "webhooks/event_json.h"
#include "webhooks/whatsapp.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct inbound_batch batch;
    struct err err;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    *state = &fixture;
    return crypto_init(&fixture.err) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_finish(&f->arena);
    return 0;
}

/* --- words for the tests ------------------------------------------------------------------ */

#define ME                                                                                     \
    "\"contacts\":[{\"profile\":{\"name\":\"Mina Okafor\",\"username\":\"mina.o\"},"           \
    "\"wa_id\":\"15550100001\",\"user_id\":\"XX.77\"}]"

/* Exact bytes on the heap, so that a step beyond the end shows. */
static bool decode(struct fixture *f, struct str body)
{
    struct str exact = {memcpy(arena_alloc(&f->arena, body.len), body.at, body.len), body.len};
    return whatsapp_decode(&f->arena, exact, &f->batch, &f->err);
}

static struct str delivery(struct fixture *f, const char *field, const char *value)
{
    return arena_format(&f->arena,
                        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900\","
                        "\"time\":1800000000,\"changes\":[{\"field\":\"%s\",\"value\":%s}]}]}",
                        field, value);
}

static void decode_change(struct fixture *f, const char *field, const char *value)
{
    struct str body = delivery(f, field, value);
    assert_true(decode(f, body));
}

static const struct event *only(struct fixture *f)
{
    assert_int_equal(f->batch.n, 1);
    assert_int_equal(f->batch.broken, 0);
    assert_true(f->batch.events[0].id.len > 0);
    return &f->batch.events[0];
}

/* One item of `messages`, from Mina unless it says otherwise; `rest` follows the id. */
static const struct event *message(struct fixture *f, const char *rest)
{
    struct str value = arena_format(
        &f->arena,
        "{\"metadata\":{\"phone_number_id\":\"700\"}," ME ",\"messages\":[{\"from\":"
        "\"15550100001\",\"id\":\"wamid.1\",\"timestamp\":\"1800000001\"%s%s}]}",
        *rest ? "," : "", rest);
    decode_change(f, "messages", arena_cstr(&f->arena, value));
    return only(f);
}

static const struct event *status(struct fixture *f, const char *item)
{
    struct str value = arena_format(
        &f->arena, "{\"metadata\":{\"phone_number_id\":\"700\"}," ME ",\"statuses\":[%s]}",
        item);
    decode_change(f, "messages", arena_cstr(&f->arena, value));
    return only(f);
}

static void assert_text(struct str text, const char *wanted)
{
    if (!str_eq(text, str_from(wanted)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(text), wanted);
}

static void assert_line(struct fixture *f, const struct event *event, const char *wanted)
{
    assert_text(event_to_json(&f->arena, event), wanted);
}

static void assert_holds(struct str line, const char *wanted)
{
    if (wanted && str_find(line, str_from(wanted)) == line.len)
        fail_msg("%.*s holds no %s", STR_ARG(line), wanted);
}

/* --- what people write -------------------------------------------------------------------- */

static void ch_1_a_text_has_its_sender_place_and_time(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"text\",\"text\":{\"body\":\"hi \\ud83d\\udc4b\"}");
    assert_int_equal(event->kind, EVENT_TEXT);
    assert_text(event->text, "hi 👋");
    assert_int_equal(f->batch.unknown, 0);
    assert_text(event->id, "wamid.1");
    assert_text(event->account, "700");
    assert_text(event->business, "900");
    assert_text(event->field, "messages");
    assert_int_equal(event->at, 1800000001 * USEC_PER_SEC);
    assert_text(event->from.phone, "+15550100001");
    assert_text(event->from.user_id, "XX.77");
    assert_text(event->from.name, "Mina Okafor");
    assert_text(event->from.username, "mina.o");
    assert_line(
        f, event,
        "{\"kind\":\"text\",\"id\":\"wamid.1\",\"account\":\"700\",\"business\":\"900\","
        "\"at\":\"2027-01-15T08:00:01Z\",\"from\":{\"user_id\":\"XX.77\",\"phone\":"
        "\"+15550100001\",\"name\":\"Mina Okafor\",\"username\":\"mina.o\"},\"text\":"
        "\"hi 👋\"}");
}

static void ch_1_ids_and_times_may_be_numbers_or_text(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "messages",
                  "{\"metadata\":{\"phone_number_id\":700},\"messages\":[{\"from\":15550100001,"
                  "\"id\":12345,\"timestamp\":1800000001,\"type\":\"text\",\"text\":{\"body\":"
                  "\"a\"}}]}");
    const struct event *event = only(f);
    assert_text(event->id, "12345");
    assert_text(event->account, "700");
    assert_text(event->from.phone, "+15550100001");
    assert_int_equal(event->at, 1800000001 * USEC_PER_SEC);
}

static void ch_1_a_time_that_is_none_is_not_given(void **state)
{
    struct fixture *f = *state;
    const char *times[] = {
        "\"soon\"", "-5",  "99999999999999",          "9223372036854775807", "1.5", "null",
        "\"\"",     "[1]", "\"99999999999999999999\""};
    for (size_t i = 0; i < COUNTOF(times); i++) {
        struct str value = arena_format(&f->arena,
                                        "{\"messages\":[{\"from\":\"15550100001\",\"id\":\"a\","
                                        "\"timestamp\":%s,\"type\":\"text\",\"text\":{\"body\":"
                                        "\"x\"}}]}",
                                        times[i]);
        decode_change(f, "messages", arena_cstr(&f->arena, value));
        assert_int_equal(only(f)->at, 0);
        assert_text(only(f)->account, "900");
    }
}

static void ch_1_a_very_long_text_is_kept_whole(void **state)
{
    struct fixture *f = *state;
    size_t len = (size_t)2 << 20;
    char *text = arena_alloc(&f->arena, len + 1);
    memset(text, 'x', len);
    struct str body =
        arena_format(&f->arena, "\"type\":\"text\",\"text\":{\"body\":\"%s\"}", text);
    assert_int_equal(message(f, arena_cstr(&f->arena, body))->text.len, len);
}

static void ch_1_a_sender_without_phone_number_is_known_by_user_id(void **state)
{
    struct fixture *f = *state;
    decode_change(
        f, "messages",
        "{\"metadata\":{\"phone_number_id\":\"700\"},\"contacts\":[{\"profile\":{"
        "\"name\":\"Ada\",\"username\":\"ada\"},\"user_id\":\"XX.1\"}],\"messages\":[{"
        "\"from_user_id\":\"XX.1\",\"id\":\"m\",\"timestamp\":\"1\",\"type\":\"text\","
        "\"text\":{\"body\":\"hi\"}}]}");
    assert_text(only(f)->from.user_id, "XX.1");
    assert_text(only(f)->from.phone, "");
    assert_text(only(f)->from.name, "Ada");
    assert_text(person_address(&only(f)->from), "XX.1");
}

static void ch_1_a_sender_named_only_among_the_contacts_is_found(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "messages",
                  "{" ME ",\"messages\":[{\"id\":\"m\",\"type\":\"text\",\"text\":{\"body\":"
                  "\"hi\"}}]}");
    assert_text(only(f)->from.user_id, "XX.77");
    assert_text(only(f)->from.phone, "+15550100001");
    decode_change(f, "messages",
                  "{\"contacts\":[{\"wa_id\":\"SOMEONE\"}],\"messages\":[{\"id\":\"m\","
                  "\"type\":\"text\",\"text\":{\"body\":\"hi\"}}]}");
    assert_text(only(f)->from.user_id, "SOMEONE");
    assert_text(only(f)->from.phone, "");
}

static void ch_1_a_message_never_takes_the_name_of_another_contact(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "messages",
                  "{" ME ",\"messages\":[{\"from\":\"15550100002\",\"id\":\"m\",\"type\":"
                  "\"text\",\"text\":{\"body\":\"hi\"}}]}");
    assert_text(only(f)->from.phone, "+15550100002");
    assert_text(only(f)->from.user_id, "");
    assert_text(only(f)->from.name, "");
}

static void ch_1_a_contact_without_the_id_in_question_is_nobody(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "messages",
                  "{\"contacts\":[{\"user_id\":\"XX.1\",\"profile\":{\"name\":\"Ada\"}}],"
                  "\"messages\":[{\"from_user_id\":\"XX.2\",\"id\":\"m\",\"type\":\"text\","
                  "\"text\":{\"body\":\"hi\"}}]}");
    assert_text(only(f)->from.user_id, "XX.2");
    assert_text(only(f)->from.name, "");
}

static void ch_1_only_a_number_of_e_164_is_a_phone(void **state)
{
    struct fixture *f = *state;
    static const char *const all[][2] = {
        {"12345",            "+12345"          },
        {"+12345",           "+12345"          },
        {"123456789012345",  "+123456789012345"},
        {"1234",             ""                },
        {"1234567890123456", ""                },
        {"12345x",           ""                },
        {"++12345",          ""                },
        {"1555 0100001",     ""                },
    };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct str value = arena_format(
            &f->arena, "{\"messages\":[{\"from\":\"%s\",\"id\":\"m\",\"type\":\"x\"}]}",
            all[i][0]);
        decode_change(f, "messages", arena_cstr(&f->arena, value));
        assert_text(only(f)->from.phone, all[i][1]);
        assert_text(only(f)->from.user_id, *all[i][1] ? "" : all[i][0]);
    }
}

static void ch_1_a_reply_knows_what_it_answers_and_a_forward_says_so(void **state)
{
    struct fixture *f = *state;
    const struct event *event = message(
        f, "\"context\":{\"from\":\"1\",\"id\":\"wamid.0\",\"frequently_forwarded\":true},"
           "\"type\":\"text\",\"text\":{\"body\":\"yes\"}");
    assert_text(event->context, "wamid.0");
    assert_true(event->forwarded);
}

static void ch_1_an_ad_leaves_its_referral(void **state)
{
    struct fixture *f = *state;
    assert_text(
        message(f, "\"referral\":{\"source_id\":\"ad-5\",\"source_url\":\"https://a.example\"},"
                   "\"type\":\"text\",\"text\":{\"body\":\"?\"}")
            ->referral,
        "ad-5");
    assert_text(message(f, "\"referral\":{\"source_url\":\"https://a.example\"},\"type\":"
                           "\"text\",\"text\":{\"body\":\"?\"}")
                    ->referral,
                "https://a.example");
}

static void ch_1_taps_bring_back_the_id_that_we_gave(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"button_reply\","
                   "\"button_reply\":{\"id\":\"v1|menu|a\",\"title\":\"Orders\"}}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "v1|menu|a");
    assert_text(event->text, "Orders");
    event = message(
        f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"list_reply\","
           "\"list_reply\":{\"id\":\"row-4\",\"title\":\"1004\",\"description\":\"x\"}}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "row-4");
    event =
        message(f, "\"type\":\"button\",\"button\":{\"payload\":\"LATER\",\"text\":\"Later\"}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "LATER");
    assert_text(event->text, "Later");
    event = message(f, "\"type\":\"button\",\"button\":{\"text\":\"Later\"}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "Later");
}

static void ch_1_a_flow_reply_and_a_call_permission_are_choices(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"nfm_reply\","
                   "\"nfm_reply\":{\"name\":\"flow\",\"body\":\"Sent\",\"response_json\":"
                   "\"{\\\"flow_token\\\":\\\"t-1\\\",\\\"stars\\\":5}\"}}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "t-1");
    assert_text(event->text, "{\"flow_token\":\"t-1\",\"stars\":5}");
    event = message(f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"nfm_reply\","
                       "\"nfm_reply\":{\"name\":\"flow\",\"response_json\":\"{{{\"}}");
    assert_text(event->choice, "flow");
    event = message(
        f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"call_permission_reply\","
           "\"call_permission_reply\":{\"response\":\"reject\"}}");
    assert_int_equal(event->kind, EVENT_CHOICE);
    assert_text(event->choice, "call_permission:reject");
}

static void ch_1_every_medium_keeps_its_handle_and_bytes_of_its_hash(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *type, *more, *kind;
    } media[] = {
        {"image",    "",                        "image"   },
        {"video",    "",                        "video"   },
        {"audio",    "",                        "audio"   },
        {"voice",    "",                        "audio"   },
        {"audio",    ",\"voice\":false",        "audio"   },
        {"audio",    ",\"voice\":true",         "voice"   },
        {"document", ",\"filename\":\"r.pdf\"", "document"},
        {"sticker",  ",\"animated\":true",      "sticker" },
    };
    for (size_t i = 0; i < COUNTOF(media); i++) {
        struct str rest = arena_format(&f->arena,
                                       "\"type\":\"%s\",\"%s\":{\"id\":\"5%zu\",\"mime_type\":"
                                       "\"a/b\",\"caption\":\"look\","
                                       "\"url\":\"https://m.example/1\",\"sha256\":"
                                       "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"%s}",
                                       media[i].type, media[i].type, i, media[i].more);
        const struct event *event = message(f, arena_cstr(&f->arena, rest));
        assert_int_equal(event->kind, EVENT_MEDIA);
        assert_string_equal(media_kind_name(event->media->kind), media[i].kind);
        assert_text(event->text, "look");
        assert_int_equal(event->media->sha256.len, 32);
        struct str line = event_to_json(&f->arena, event);
        assert_holds(line, "\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495"
                           "991b7852b855\"");
        assert_holds(line, "\"url\":\"https://m.example/1\"");
    }
}

static void ch_1_a_hash_in_hex_is_read_and_any_other_is_left_out(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        size_t len;
    } hashes[] = {
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",     32},
        {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",                          0 },
        {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=AAAA",                     0 },
        {"AAAA",                                                                 0 },
        {"",                                                                     0 },
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855e3b0", 0 },
    };
    for (size_t i = 0; i < COUNTOF(hashes); i++) {
        struct str rest = arena_format(
            &f->arena, "\"type\":\"image\",\"image\":{\"id\":\"5\",\"sha256\":\"%s\"}",
            hashes[i].text);
        assert_int_equal(message(f, arena_cstr(&f->arena, rest))->media->sha256.len,
                         hashes[i].len);
    }
}

static void ch_1_a_place_is_read_from_numbers_and_from_text(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"location\",\"location\":{\"latitude\":37.4611978,\"longitude\":"
                   "\"-122.5\",\"name\":\"Depot\",\"address\":\"1 Way\"}");
    assert_int_equal(event->kind, EVENT_LOCATION);
    assert_true(fabs(event->latitude - 37.4611978) < 1e-9);
    assert_true(event->longitude == -122.5);
    assert_text(event->place, "Depot, 1 Way");
    assert_holds(event_to_json(&f->arena, event),
                 "\"location\":{\"latitude\":37.4611978,\"longitude\":-122.5,\"name\":\"Depot, "
                 "1 Way\"}");
}

static void ch_1_degrees_that_are_none_are_not_a_number(void **state)
{
    struct fixture *f = *state;
    const char *degrees[] = {"91",   "-1e300", "\"north\"", "\"1e999\"", "\"NaN\"",
                             "null", "{}",     "\"\"",      "\"[[1]]\""};
    for (size_t i = 0; i < COUNTOF(degrees); i++) {
        struct str rest = arena_format(
            &f->arena, "\"type\":\"location\",\"location\":{\"latitude\":%s,\"longitude\":0}",
            degrees[i]);
        const struct event *event = message(f, arena_cstr(&f->arena, rest));
        assert_int_equal(event->kind, EVENT_LOCATION);
        assert_true(isnan(event->latitude));
        assert_holds(event_to_json(&f->arena, event), "\"location\":{\"longitude\":0.0}");
    }
}

static void ch_1_the_poles_and_the_date_line_are_places(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"location\",\"location\":{\"latitude\":-90,\"longitude\":180}");
    assert_true(event->latitude == -90 && event->longitude == 180);
    event = message(f, "\"type\":\"location\",\"location\":{\"latitude\":\"90\","
                       "\"longitude\":\"-180.0\"}");
    assert_true(event->latitude == 90 && event->longitude == -180);
    event = message(f, "\"type\":\"location\",\"location\":{\"latitude\":-90.01,"
                       "\"longitude\":180.01}");
    assert_true(isnan(event->latitude) && isnan(event->longitude));
}

static void ch_1_a_tap_without_its_id_says_which_tap_it_was(void **state)
{
    struct fixture *f = *state;
    static const char *const taps[] = {"button_reply", "list_reply", "nfm_reply",
                                       "call_permission_reply"};
    for (size_t i = 0; i < COUNTOF(taps); i++) {
        struct str rest = arena_format(
            &f->arena, "\"type\":\"interactive\",\"interactive\":{\"type\":\"%s\",\"%s\":{}}",
            taps[i], taps[i]);
        const struct event *event = message(f, arena_cstr(&f->arena, rest));
        assert_int_equal(event->kind, EVENT_UNSUPPORTED);
        assert_text(event->detail, taps[i]);
        assert_int_equal(f->batch.unknown, 0);
    }
}

static void ch_1_contacts_are_read_as_lines(void **state)
{
    struct fixture *f = *state;
    const struct event *event = message(
        f, "\"type\":\"contacts\",\"contacts\":[{\"name\":{\"formatted_name\":\"Bo Li\"},"
           "\"phones\":[{\"phone\":\"+1 555 0100\"}]},{\"name\":7},{\"phones\":[{\"phone\":"
           "\"112\"}]}]");
    assert_int_equal(event->kind, EVENT_CONTACTS);
    assert_text(event->text, "Bo Li +1 555 0100\n\n112");
    event = message(f, "\"type\":\"contacts\",\"contacts\":[{\"origin\":\"contact_request\"}]");
    assert_text(event->detail, "contact_request");
    event = message(f, "\"type\":\"contacts\",\"contacts\":[]");
    assert_int_equal(event->kind, EVENT_UNSUPPORTED);
}

static void ch_1_a_reaction_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    const struct event *event = message(
        f,
        "\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.0\",\"emoji\":\"❤️\"}");
    assert_int_equal(event->kind, EVENT_REACTION);
    assert_text(event->text, "❤️");
    assert_text(event->context, "wamid.0");
    event = message(f, "\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.0\"}");
    assert_int_equal(event->kind, EVENT_REACTION);
    assert_text(event->text, "");
    assert_holds(event_to_json(&f->arena, event), "\"removed\":true");
}

static void ch_1_an_order_keeps_catalogue_and_items(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"order\",\"order\":{\"catalog_id\":\"c1\",\"text\":\"soon pls\","
                   "\"product_items\":[{\"product_retailer_id\":\"MUG\",\"quantity\":2}]}");
    assert_int_equal(event->kind, EVENT_ORDER);
    assert_text(event->text, "soon pls");
    assert_text(event->detail, "c1");
    assert_text(event->detail2, "[{\"product_retailer_id\":\"MUG\",\"quantity\":2}]");
}

static void ch_1_identity_changes_are_followed(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"type\":\"system\",\"system\":{\"type\":\"user_changed_number\",\"body\":"
                   "\"changed\",\"wa_id\":\"15550100009\",\"user_id\":\"XX.90\"}");
    assert_int_equal(event->kind, EVENT_IDENTITY);
    assert_text(event->detail, "user_changed_number");
    assert_text(event->from.phone, "+15550100001");
    assert_text(event->renamed.phone, "+15550100009");
    assert_text(event->renamed.user_id, "XX.90");
    event = message(f, "\"type\":\"system\",\"system\":{\"type\":\"user_changed_user_id\","
                       "\"user_id\":\"XX.91\"}");
    assert_int_equal(event->kind, EVENT_IDENTITY);
    assert_text(event->renamed.user_id, "XX.91");
    assert_text(event->renamed.phone, "");
    event = message(f, "\"type\":\"system\",\"system\":{\"type\":\"moon_phase\"}");
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_text(event->detail, "system.moon_phase");
    assert_int_equal(f->batch.unknown, 1);
}

static void ch_1_edits_and_revocations_name_the_message_they_change(void **state)
{
    struct fixture *f = *state;
    const struct event *event = message(
        f, "\"type\":\"edit\",\"edit\":{\"original_message_id\":\"wamid.0\",\"message\":{"
           "\"type\":\"text\",\"text\":{\"body\":\"fixed\"}}}");
    assert_int_equal(event->kind, EVENT_EDIT);
    assert_text(event->context, "wamid.0");
    assert_text(event->text, "fixed");
    event = message(
        f, "\"type\":\"edit\",\"edit\":{\"original_message_id\":\"wamid.0\","
           "\"message\":{\"type\":\"image\",\"image\":{\"id\":\"8\",\"caption\":\"c\"}}}");
    assert_int_equal(event->kind, EVENT_EDIT);
    assert_text(event->media->id, "8");
    assert_text(event->text, "c");
    event =
        message(f, "\"type\":\"edit\",\"edit\":{\"original_message_id\":\"wamid.0\","
                   "\"message\":{\"type\":\"edit\",\"edit\":{\"original_message_id\":\"x\"}}}");
    assert_int_equal(event->kind, EVENT_EDIT);
    event = message(f, "\"type\":\"revoke\",\"revoke\":{\"original_message_id\":\"wamid.0\"}");
    assert_int_equal(event->kind, EVENT_REVOKE);
    assert_text(event->context, "wamid.0");
}

static void ch_1_what_cannot_be_shown_is_unsupported_with_its_reason(void **state)
{
    struct fixture *f = *state;
    const struct event *event = message(
        f,
        "\"errors\":[{\"code\":131051,\"title\":\"Type unknown\",\"error_data\":{\"details\":"
        "\"not yet\"}}],\"type\":\"unsupported\",\"unsupported\":{\"type\":\"poll\"}");
    assert_int_equal(event->kind, EVENT_UNSUPPORTED);
    assert_text(event->detail, "poll");
    assert_int_equal(event->error, 131051);
    assert_text(event->error_text, "Type unknown: not yet");
    event =
        message(f, "\"errors\":[{\"code\":131052,\"title\":\"Too big\"}],\"type\":\"video\"");
    assert_int_equal(event->kind, EVENT_UNSUPPORTED);
    assert_text(event->detail, "video");
    event = message(f, "\"errors\":[{\"code\":131051}],\"type\":\"unknown\"");
    assert_int_equal(event->kind, EVENT_UNSUPPORTED);
}

static void ch_1_an_unknown_kind_is_an_event_and_never_a_failure(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(message(f, "\"type\":\"hologram\",\"hologram\":{}")->kind, EVENT_UNKNOWN);
    assert_text(f->batch.events[0].detail, "hologram");
    assert_int_equal(f->batch.unknown, 1);
    assert_int_equal(
        message(f, "\"type\":\"interactive\",\"interactive\":{\"type\":\"dial\"}")->kind,
        EVENT_UNKNOWN);
    assert_text(f->batch.events[0].detail, "interactive.dial");
    assert_int_equal(message(f, "")->kind, EVENT_UNKNOWN);
}

static void ch_1_a_known_kind_without_its_content_still_awaits_an_answer(void **state)
{
    struct fixture *f = *state;
    const char *types[] = {"text",     "interactive", "button",  "image",    "video",
                           "audio",    "document",    "sticker", "location", "contacts",
                           "reaction", "order",       "edit",    "revoke"};
    const char *contents[] = {"null", "7", "\"x\"", "[]", "{}", "[[]]", "{\"id\":{}}", "true"};
    for (size_t i = 0; i < COUNTOF(types); i++) {
        for (size_t j = 0; j < COUNTOF(contents); j++) {
            struct str rest = arena_format(&f->arena, "\"type\":\"%s\",\"%s\":%s", types[i],
                                           types[i], contents[j]);
            const struct event *event = message(f, arena_cstr(&f->arena, rest));
            assert_true(event_is_message(event->kind));
            bool readable = event->kind == EVENT_LOCATION || event->kind == EVENT_CONTACTS;
            assert_true(readable || event->kind == EVENT_UNSUPPORTED);
            if (!readable)
                assert_text(event->detail, types[i]);
        }
    }
}

static void ch_1_a_message_in_a_group_is_recorded_and_passed_over(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        message(f, "\"group_id\":\"g1\",\"type\":\"text\",\"text\":{\"body\":\"hi all\"}");
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_text(event->detail, "group_message");
}

/* --- statuses ----------------------------------------------------------------------------- */

static void ch_8_every_status_says_whose_and_which(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        enum delivery delivery;
    } all[] = {
        {"sent",      DELIVERY_SENT     },
        {"delivered", DELIVERY_DELIVERED},
        {"read",      DELIVERY_READ     },
        {"failed",    DELIVERY_FAILED   },
        {"played",    DELIVERY_PLAYED   },
        {"deleted",   DELIVERY_DELETED  },
    };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct str item =
            arena_format(&f->arena,
                         "{\"id\":\"wamid.9\",\"status\":\"%s\",\"timestamp\":\"1800000002\","
                         "\"recipient_id\":"
                         "\"15550100001\",\"biz_opaque_callback_data\":\"key-1\"}",
                         all[i].name);
        const struct event *event = status(f, arena_cstr(&f->arena, item));
        assert_int_equal(event->kind, EVENT_STATUS);
        assert_int_equal(event->status, all[i].delivery);
        assert_text(event->context, "wamid.9");
        assert_text(event->id, arena_format(&f->arena, "wamid.9:%s", all[i].name).at);
        assert_text(event->key, "key-1");
        assert_text(event->from.phone, "+15550100001");
        assert_int_equal(event->at, 1800000002 * USEC_PER_SEC);
        assert_holds(event_to_json(&f->arena, event), "\"key\":\"key-1\"");
    }
}

static void ch_8_a_failed_status_carries_its_reason(void **state)
{
    struct fixture *f = *state;
    const struct event *event = status(
        f,
        "{\"id\":\"wamid.9\",\"status\":\"failed\",\"recipient_id\":\"15550100001\",\"errors\":"
        "["
        "{\"code\":131047,\"title\":\"Late\",\"error_data\":{\"details\":\"over a day\"}}]}");
    assert_int_equal(event->error, 131047);
    assert_text(event->error_text, "Late: over a day");
    assert_holds(event_to_json(&f->arena, event),
                 "\"error\":{\"code\":131047,\"text\":\"Late: over a day\"}");
    event = status(
        f, "{\"id\":\"m\",\"status\":\"failed\",\"errors\":[{\"code\":1,\"title\":\"T\"}]}");
    assert_text(event->error_text, "T");
    event = status(
        f, "{\"id\":\"m\",\"status\":\"failed\",\"errors\":[{\"code\":1,\"details\":\"D\"}]}");
    assert_text(event->error_text, "D");
    event = status(f, "{\"id\":\"m\",\"status\":\"failed\",\"errors\":[{\"code\":1,\"message\":"
                      "\"D\",\"details\":\"D\"}]}");
    assert_text(event->error_text, "D");
    event = status(f, "{\"id\":\"wamid.9\",\"status\":\"failed\",\"errors\":[{\"code\":"
                      "99999999999999,\"title\":[]}]}");
    assert_int_equal(event->error, 0);
}

static void ch_8_a_recipient_may_have_a_user_id_only(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        status(f, "{\"id\":\"wamid.9\",\"status\":\"read\",\"recipient_user_id\":\"XX.77\"}");
    assert_text(event->from.user_id, "XX.77");
}

static void ch_8_participants_of_a_group_have_statuses_of_their_own(void **state)
{
    struct fixture *f = *state;
    decode_change(
        f, "messages",
        "{\"statuses\":[{\"id\":\"m\",\"status\":\"read\",\"recipient_type\":\"group\","
        "\"recipient_id\":\"g\",\"recipient_participant_id\":\"15550100001\"},{\"id\":"
        "\"m\",\"status\":\"read\",\"recipient_type\":\"group\",\"recipient_id\":\"g\","
        "\"recipient_participant_id\":\"15550100002\"}]}");
    assert_int_equal(f->batch.n, 2);
    assert_text(f->batch.events[0].id, "m:read:+15550100001");
    assert_text(f->batch.events[1].id, "m:read:+15550100002");
    assert_text(f->batch.events[1].detail, "group");
}

static void ch_8_the_status_of_a_payment_is_not_that_of_its_message(void **state)
{
    struct fixture *f = *state;
    const struct event *event =
        status(f, "{\"id\":\"m\",\"type\":\"payment\",\"status\":\"failed\"}");
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_text(event->detail, "status.failed");
    event = status(f, "{\"id\":\"m\",\"status\":\"warming_up\"}");
    assert_int_equal(event->kind, EVENT_OTHER);
    assert_text(event->detail, "status.warming_up");
    assert_int_equal(f->batch.unknown, 1);
}

/* --- the account -------------------------------------------------------------------------- */

static void ch_1_template_news_name_template_language_and_what_is_new(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *field, *value, *news, *reason;
    } all[] = {
        {"message_template_status_update",     "\"event\":\"APPROVED\",\"reason\":\"NONE\"",
         "APPROVED",                                                                                      ""    },
        {"message_template_status_update",     "\"event\":\"REJECTED\",\"reason\":\"SCAM\"",
         "REJECTED",                                                                                      "SCAM"},
        {"message_template_status_update",
         "\"event\":\"PAUSED\",\"other_info\":{\"description\":\"3 h\"}",                    "PAUSED",    "3 h" },
        {"template_category_update",
         "\"new_category\":\"MARKETING\",\"previous_category\":\"UTILITY\"",                 "MARKETING", ""    },
        {"message_template_quality_update",    "\"new_quality_score\":\"RED\"",              "RED",       ""    },
        {"message_template_components_update", "\"message_template_element\":\"Hi\"",
         "components",                                                                                    ""    },
    };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct str value = arena_format(&f->arena,
                                        "{\"message_template_id\":5,\"message_template_name\":"
                                        "\"shipped\",\"message_template_language\":\"pl\",%s}",
                                        all[i].value);
        decode_change(f, all[i].field, arena_cstr(&f->arena, value));
        const struct event *event = only(f);
        assert_int_equal(event->kind, EVENT_TEMPLATE);
        assert_text(event->field, all[i].field);
        assert_text(event->detail, "shipped");
        assert_text(event->language, "pl");
        assert_text(event->detail2, all[i].news);
        assert_text(event->error_text, all[i].reason);
        assert_text(event->account, "900");
        assert_int_equal(event->at, 1800000000 * USEC_PER_SEC);
    }
}

static void ch_1_news_without_a_template_or_a_list_are_broken(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "message_template_status_update", "{\"event\":\"APPROVED\"}");
    assert_int_equal(f->batch.n, 0);
    assert_int_equal(f->batch.broken, 1);
    decode_change(f, "user_preferences", "{\"user_preferences\":{}}");
    assert_int_equal(f->batch.n, 0);
    assert_int_equal(f->batch.broken, 1);
}

static void ch_1_account_news_are_account_events(void **state)
{
    struct fixture *f = *state;
    static const char *const all[][3] = {
        {"phone_number_quality_update", "{\"event\":\"FLAGGED\"}",             "FLAGGED"        },
        {"business_capability_update",  "{\"max_phone_numbers_per_waba\":25}", ""               },
        {"account_update",              "{\"event\":\"DISABLED_UPDATE\"}",     "DISABLED_UPDATE"},
        {"account_review_update",       "{\"decision\":\"APPROVED\"}",         "APPROVED"       },
        {"account_alerts",              "{\"alert_type\":\"LIMIT\"}",          "LIMIT"          },
        {"account_settings_update",     "{\"type\":\"calling\"}",              "calling"        },
        {"business_status_update",      "{\"event\":\"X\"}",                   "X"              },
        {"phone_number_name_update",    "{\"decision\":\"REJECTED\"}",         "REJECTED"       },
        {"security",                    "{\"event\":\"PIN_CHANGED\"}",         "PIN_CHANGED"    },
    };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        decode_change(f, all[i][0], all[i][1]);
        assert_int_equal(only(f)->kind, EVENT_ACCOUNT);
        assert_text(only(f)->detail, all[i][0]);
        assert_text(only(f)->detail2, all[i][2]);
        assert_text(only(f)->error_text, all[i][1]);
    }
}

static void ch_1_errors_of_the_account_are_events_of_their_number(void **state)
{
    struct fixture *f = *state;
    decode_change(f, "messages",
                  "{\"metadata\":{\"phone_number_id\":\"700\"},\"errors\":[{\"code\":130429,"
                  "\"title\":\"Rate\"},{\"code\":131000,\"title\":\"Oops\"},5]}");
    assert_int_equal(f->batch.n, 2);
    assert_int_equal(f->batch.broken, 1);
    assert_int_equal(f->batch.events[0].kind, EVENT_ACCOUNT);
    assert_int_equal(f->batch.events[0].error, 130429);
    assert_text(f->batch.events[0].account, "700");
    assert_text(f->batch.events[0].detail, "messages");
    assert_text(f->batch.events[0].detail2, "error");
    assert_false(str_eq(f->batch.events[0].id, f->batch.events[1].id));
}

static void ch_1_whatsapps_own_stop_and_resume_are_preferences(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {"stop", "resume"};
    for (size_t i = 0; i < COUNTOF(values); i++) {
        struct str value = arena_format(&f->arena,
                                        "{\"metadata\":{\"phone_number_id\":\"700\"}," ME
                                        ",\"user_preferences\":[{\"wa_id\":"
                                        "\"15550100001\",\"detail\":\"asked\",\"category\":"
                                        "\"marketing_messages\",\"value\":"
                                        "\"%s\",\"timestamp\":1800000003}]}",
                                        values[i]);
        decode_change(f, "user_preferences", arena_cstr(&f->arena, value));
        assert_int_equal(only(f)->kind, EVENT_PREFERENCE);
        assert_text(only(f)->detail, values[i]);
        assert_text(only(f)->from.user_id, "XX.77");
        assert_int_equal(only(f)->at, 1800000003 * USEC_PER_SEC);
    }
    decode_change(f, "user_preferences",
                  "{\"user_preferences\":[{\"wa_id\":\"15550100001\",\"value\":\"perhaps\"}]}");
    assert_int_equal(only(f)->kind, EVENT_OTHER);
    decode_change(f, "user_preferences", "{\"user_preferences\":[{\"value\":\"stop\"},7]}");
    assert_int_equal(f->batch.n, 0);
    assert_int_equal(f->batch.broken, 2);
}

static void ch_1_fields_that_we_do_not_use_are_recorded(void **state)
{
    struct fixture *f = *state;
    static const char *const known[] = {"calls",
                                        "flows",
                                        "history",
                                        "message_echoes",
                                        "smb_message_echoes",
                                        "smb_app_state_sync",
                                        "group_lifecycle_update",
                                        "group_participants_update",
                                        "group_settings_update",
                                        "group_status_update"};
    for (size_t i = 0; i < COUNTOF(known); i++) {
        decode_change(f, known[i], "{\"statuses\":[{\"id\":\"x\",\"status\":\"failed\"}]}");
        assert_int_equal(only(f)->kind, EVENT_OTHER);
        assert_text(only(f)->detail, known[i]);
        assert_int_equal(f->batch.unknown, 0);
    }
    static const char *const values[] = {"{}", "[]", "\"x\"", "7", "null", "true"};
    for (size_t i = 0; i < COUNTOF(values); i++) {
        decode_change(f, "brand_new", values[i]);
        assert_int_equal(only(f)->kind, EVENT_OTHER);
        assert_int_equal(f->batch.unknown, 1);
    }
}

/* --- ids that we make ourselves ----------------------------------------------------------- */

static struct str id_of(struct fixture *f, struct str body)
{
    assert_true(decode(f, body));
    return only(f)->id;
}

static void the_same_notification_has_the_same_id_and_any_other_another(void **state)
{
    struct fixture *f = *state;
    struct str body = delivery(f, "account_update", "{\"event\":\"A\"}");
    struct str first = id_of(f, body);
    assert_int_equal(first.len, 32);
    assert_true(str_eq(first, id_of(f, body)));
    struct str others[] = {
        delivery(f, "account_update", "{\"event\":\"B\"}"),
        delivery(f, "account_alerts", "{\"event\":\"A\"}"),
        STR("{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"901\",\"time\":"
            "1800000000,\"changes\":[{\"field\":\"account_update\",\"value\":{\"event\":\"A\"}}"
            "]}]}"),
        STR("{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900\",\"time\":"
            "1800000001,\"changes\":[{\"field\":\"account_update\",\"value\":{\"event\":\"A\"}}"
            "]}]}"),
    };
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_false(str_eq(first, id_of(f, others[i])));
}

/* --- bad neighbours ----------------------------------------------------------------------- */

static void ch_1_one_bad_item_never_harms_the_others(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "null",
        "7",
        "\"x\"",
        "[]",
        "{}",
        "{\"id\":\"a\"}",
        "{\"id\":null,\"from\":\"1\"}",
        "{\"from\":\"15550100001\",\"type\":\"text\",\"text\":{\"body\":\"no id\"}}",
        "{\"id\":{\"id\":1},\"from\":\"15550100001\"}",
        "[[[[]]]]",
        "{\"id\":\"\",\"from\":\"1\"}"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct str value = arena_format(
            &f->arena,
            "{\"messages\":[%s,{\"from\":\"15550100001\",\"id\":\"good\",\"type\":\"text\","
            "\"text\":{\"body\":\"hi\"}},%s],\"statuses\":[%s,{\"id\":\"s\",\"status\":"
            "\"read\"}]}",
            bad[i], bad[i], bad[i]);
        decode_change(f, "messages", arena_cstr(&f->arena, value));
        assert_int_equal(f->batch.n, 2);
        assert_int_equal(f->batch.broken, 3);
        assert_text(f->batch.events[0].id, "good");
        assert_text(f->batch.events[1].id, "s:read");
    }
}

static void ch_1_bad_entries_and_changes_are_counted_and_passed_over(void **state)
{
    struct fixture *f = *state;
    struct str body = STR(
        "{\"object\":\"whatsapp_business_account\",\"entry\":[null,7,{},{\"id\":\"1\"},{\"id\":"
        "\"1\",\"changes\":{}},{\"id\":\"1\",\"changes\":[null,{},{\"field\":\"messages\"},"
        "{\"value\":{}},{\"field\":7,\"value\":{}},{\"field\":\"messages\",\"value\":7},"
        "{\"field\":\"messages\",\"value\":{\"messages\":{},\"statuses\":1,\"errors\":\"\"}},"
        "{\"field\":\"account_update\",\"value\":{\"event\":\"X\"}}]}]}");
    assert_true(decode(f, body));
    assert_int_equal(f->batch.n, 1);
    assert_int_equal(f->batch.broken, 5 + 6 + 3);
    assert_int_equal(f->batch.events[0].kind, EVENT_ACCOUNT);
}

static struct str many(struct fixture *f, size_t n)
{
    size_t room = 400 * (n + 4), len = 0;
    char *body = arena_alloc(&f->arena, room);
    len +=
        (size_t)snprintf(body, room,
                         "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"900\","
                         "\"changes\":[{\"field\":\"messages\",\"value\":{\"contacts\":[");
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(body + len, room - len,
                                "%s{\"wa_id\":\"1555%06zu\",\"user_id\":\"U.%zu\",\"profile\":{"
                                "\"name\":\"N%zu\"}}",
                                i ? "," : "", n - i, n - i, n - i);
    }
    len += (size_t)snprintf(body + len, room - len, "],\"messages\":[");
    for (size_t i = 0; i < n; i++) {
        len +=
            (size_t)snprintf(body + len, room - len,
                             "%s{\"from\":\"1555%06zu\",\"id\":\"m%zu\",\"timestamp\":\"%zu\","
                             "\"type\":\"text\",\"text\":{\"body\":\"t%zu\"}}",
                             i ? "," : "", i + 1, i, i + 1, i);
    }
    len += (size_t)snprintf(body + len, room - len, "]}}]}]}");
    return (struct str){body, len};
}

static void ch_1_a_thousand_items_of_a_thousand_people_are_all_told_apart(void **state)
{
    struct fixture *f = *state;
    assert_true(decode(f, many(f, 1000)));
    assert_int_equal(f->batch.n, 1000);
    assert_int_equal(f->batch.broken, 0);
    for (size_t i = 0; i < 1000; i++) {
        struct event *event = &f->batch.events[i];
        assert_text(event->id, arena_format(&f->arena, "m%zu", i).at);
        assert_text(event->text, arena_format(&f->arena, "t%zu", i).at);
        assert_text(event->from.name, arena_format(&f->arena, "N%zu", i + 1).at);
        assert_text(event->from.user_id, arena_format(&f->arena, "U.%zu", i + 1).at);
    }
}

static void more_items_than_anyone_sends_are_refused_whole(void **state)
{
    struct fixture *f = *state;
    size_t n = WHATSAPP_ITEMS_MAX + 1, len = 0;
    char *items = arena_alloc(&f->arena, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        items[len++] = '1';
        items[len++] = i + 1 < n ? ',' : '\0';
    }
    struct str value = arena_format(&f->arena, "{\"messages\":[%s]}", items);
    assert_false(decode(f, delivery(f, "messages", arena_cstr(&f->arena, value))));
    assert_int_equal(f->err.code, ERR_REJECT);
    assert_int_equal(f->batch.n, 0);
    items[2 * (n - 1) - 1] = '\0';
    value = arena_format(&f->arena, "{\"messages\":[%s]}", items);
    assert_true(decode(f, delivery(f, "messages", arena_cstr(&f->arena, value))));
    assert_int_equal(f->batch.broken, WHATSAPP_ITEMS_MAX);
    assert_false(decode(f, many(f, n)));
    assert_int_equal(f->err.code, ERR_REJECT);
    assert_int_equal(f->batch.n, 0);
}

static void what_is_no_delivery_is_refused_with_its_reason(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct str body;
        const char *why;
    } bad[] = {
        {STR(""),                                                                         "json"   },
        {STR("{"),                                                                        "json"   },
        {STR("[]"),                                                                       "object" },
        {STR("null"),                                                                     "json"   },
        {STR("{}"),                                                                       "object" },
        {STR("{\"object\":\"page\",\"entry\":[]}"),                                       "object" },
        {STR("{\"object\":\"whatsapp_business_account\"}"),                               "entries"},
        {STR("{\"object\":\"whatsapp_business_account\",\"entry\":{}}"),                  "entries"},
        {STR("{\"object\":\"whatsapp_business_account\",\"object\":\"x\",\"entry\":[]}"),
         "twice"                                                                                   },
        {STR("{\"object\":\"whatsapp_business_account\",\"entry\":[\"\\u0000\"]}"),       "NUL"    },
        {STR("{\"object\":\"whatsapp_business_account\",\"entry\":[\"\\ud83d\"]}"),       "json"   },
        {STR("{\"object\":\"whatsapp_business_account\",\"entry\":[\"\xff\"]}"),          "UTF-8"  },
    };
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        f->err = (struct err){0};
        assert_false(decode(f, bad[i].body));
        assert_int_equal(f->err.code, ERR_REJECT);
        assert_int_equal(f->batch.n, 0);
        assert_non_null(strstr(f->err.text, bad[i].why));
    }
    assert_true(decode(f, STR("{\"object\":\"whatsapp_business_account\",\"entry\":[]}")));
    assert_int_equal(f->batch.n, 0);
}

static void deep_nesting_is_survived_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    static const size_t depths[] = {100, 1900, 5000, 200000};
    for (size_t i = 0; i < COUNTOF(depths); i++) {
        char *nest = arena_alloc(&f->arena, 2 * depths[i] + 1);
        memset(nest, '[', depths[i]);
        memset(nest + depths[i], ']', depths[i]);
        struct str value = arena_format(
            &f->arena,
            "{\"messages\":[{\"from\":\"15550100001\",\"id\":\"m\",\"type\":\"order\","
            "\"order\":{\"product_items\":%s}}]}",
            nest);
        struct str body = delivery(f, "messages", arena_cstr(&f->arena, value));
        bool read = decode(f, body);
        assert_int_equal(read, depths[i] < 2000);
        if (read)
            assert_int_equal(only(f)->detail2.len, 2 * depths[i]);
    }
}

/* Every value of a whole delivery is replaced by every other kind of value, one at a time. */
static void replace_each(struct fixture *f, json_t *root, json_t *node, json_t *with);

static void try_with(struct fixture *f, json_t *root)
{
    struct arena arena = {0};
    struct str body = json_write(&arena, root);
    struct inbound_batch batch;
    if (whatsapp_decode(&arena, body, &batch, &f->err)) {
        for (size_t i = 0; i < batch.n; i++) {
            assert_true(batch.events[i].id.len > 0);
            assert_true(event_to_json(&arena, &batch.events[i]).len > 0);
        }
    }
    arena_finish(&arena);
}

static void replace_each(struct fixture *f, json_t *root, json_t *node, json_t *with)
{
    void *next;
    const char *key;
    json_t *child;
    json_object_foreach_safe(node, next, key, child)
    {
        json_t *kept = json_incref(child);
        (void)json_object_set(node, key, with);
        try_with(f, root);
        (void)json_object_set_new(node, key, kept);
        replace_each(f, root, kept, with);
    }
    for (size_t i = 0; i < json_array_size(node); i++) {
        json_t *kept = json_incref(json_array_get(node, i));
        (void)json_array_set(node, i, with);
        try_with(f, root);
        (void)json_array_set_new(node, i, kept);
        replace_each(f, root, kept, with);
    }
}

static void wrong_types_anywhere_are_survived(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {
        "null", "true", "-9223372036854775808", "1e300", "\"\"", "\"x\"", "[]",
        "{}",   "[[]]", "[{\"code\":\"7\"}]"};
    struct str body = delivery(
        f, "messages",
        "{\"metadata\":{\"phone_number_id\":\"700\"}," ME ",\"messages\":[{\"from\":"
        "\"15550100001\",\"id\":\"a\",\"timestamp\":\"1\",\"type\":\"image\",\"errors\":[{"
        "\"code\":"
        "1,\"title\":\"t\",\"error_data\":{\"details\":\"d\"}}],\"context\":{\"id\":\"c\","
        "\"forwarded\":true},\"referral\":{\"source_id\":\"s\"},\"image\":{\"id\":\"1\","
        "\"sha256\":"
        "\"AA==\"}},{\"from\":\"15550100001\",\"id\":\"b\",\"type\":\"edit\",\"edit\":{"
        "\"original_message_id\":\"o\",\"message\":{\"type\":\"contacts\",\"contacts\":[{"
        "\"name\":"
        "{\"formatted_name\":\"x\"},\"phones\":[{\"phone\":\"1\"}]}]}}},{\"from\":"
        "\"15550100001\","
        "\"id\":\"c\",\"type\":\"system\",\"system\":{\"type\":\"t\",\"wa_id\":\"15550100002\"}"
        "}],"
        "\"statuses\":[{\"id\":\"s\",\"status\":\"read\",\"recipient_type\":\"group\","
        "\"recipient_participant_id\":\"15550100001\"}],\"errors\":[{\"code\":1}]}");
    for (size_t i = 0; i < COUNTOF(values); i++) {
        OWNED_JSON(root) = NULL;
        assert_true(json_read(body, &root, &f->err));
        OWNED_JSON(with) = json_loads(values[i], JSON_DECODE_ANY, NULL);
        replace_each(f, root, root, with);
    }
}

/* --- signatures --------------------------------------------------------------------------- */

static void a_signature_is_of_exactly_these_bytes_and_this_secret(void **state)
{
    (void)state;
    struct str secret = STR("keep-it-dark"), body = STR("{\"a\":\"b\"}");
    struct hash mac = hmac_sha256(secret, body);
    char hex[65], header[72];
    hex_format(mac.bytes, HASH_LEN, hex);
    (void)snprintf(header, sizeof(header), "sha256=%s", hex);
    struct str good = str_from(header);
    assert_true(whatsapp_verify(secret, good, body));
    assert_false(whatsapp_verify(STR("keep-it-dim"), good, body));
    assert_false(whatsapp_verify(STR_NONE, good, body));
    assert_false(whatsapp_verify(secret, good, STR("{\"a\":\"c\"}")));
    assert_false(whatsapp_verify(secret, STR_NONE, body));
    assert_false(whatsapp_verify(secret, STR("sha256="), body));
    assert_false(whatsapp_verify(secret, str_slice(good, 0, 70), body));
    assert_false(whatsapp_verify(secret, str_slice(good, 7, 64), body));
    for (size_t i = 0; i < 71; i++) {
        char wrong[72];
        memcpy(wrong, header, sizeof(wrong));
        wrong[i] = (char)(wrong[i] == '0' ? '1' : '0');
        assert_false(whatsapp_verify(secret, str_from(wrong), body));
    }
    char longer[73];
    (void)snprintf(longer, sizeof(longer), "%s0", header);
    assert_false(whatsapp_verify(secret, str_from(longer), body));
}

static void a_challenge_needs_the_mode_and_the_token(void **state)
{
    (void)state;
    assert_true(whatsapp_challenge(STR("subscribe"), STR("t0ken"), STR("t0ken")));
    assert_false(whatsapp_challenge(STR("unsubscribe"), STR("t0ken"), STR("t0ken")));
    assert_false(whatsapp_challenge(STR_NONE, STR("t0ken"), STR("t0ken")));
    assert_false(whatsapp_challenge(STR("subscribe"), STR("t0keN"), STR("t0ken")));
    assert_false(whatsapp_challenge(STR("subscribe"), STR("t0ke"), STR("t0ken")));
    assert_false(whatsapp_challenge(STR("subscribe"), STR_NONE, STR("t0ken")));
    assert_false(whatsapp_challenge(STR("subscribe"), STR_NONE, STR_NONE));
}

/* --- how long it takes -------------------------------------------------------------------- */

static void a_delivery_of_one_kilobyte_is_read_in_microseconds(void **state)
{
    struct fixture *f = *state;
    char filler[600];
    memset(filler, 'a', sizeof(filler));
    filler[sizeof(filler) - 1] = '\0';
    struct str value = arena_format(
        &f->arena,
        "{\"messaging_product\":\"whatsapp\",\"metadata\":{\"phone_number_id\":\"700\"}," ME
        ",\"messages\":[{\"from\":\"15550100001\",\"id\":\"wamid.1\",\"timestamp\":"
        "\"1800000001\",\"type\":\"text\",\"text\":{\"body\":\"%s\"}}]}",
        filler);
    struct str body = delivery(f, "messages", arena_cstr(&f->arena, value));
    struct timespec from, to;
    struct arena turn = {0};
    size_t rounds = 2000;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (size_t i = 0; i < rounds; i++) {
        assert_true(whatsapp_decode(&turn, body, &f->batch, &f->err));
        arena_reset(&turn);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    arena_finish(&turn);
    double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
    print_message("%zu bytes: %.0f ns\n", body.len, ns / (double)rounds);
    assert_true(ns / (double)rounds < 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ch_1_a_text_has_its_sender_place_and_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_ids_and_times_may_be_numbers_or_text, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_time_that_is_none_is_not_given, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_very_long_text_is_kept_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_sender_without_phone_number_is_known_by_user_id,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_sender_named_only_among_the_contacts_is_found,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_message_never_takes_the_name_of_another_contact,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_a_reply_knows_what_it_answers_and_a_forward_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_contact_without_the_id_in_question_is_nobody,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_only_a_number_of_e_164_is_a_phone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_an_ad_leaves_its_referral, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_taps_bring_back_the_id_that_we_gave, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_flow_reply_and_a_call_permission_are_choices,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_every_medium_keeps_its_handle_and_bytes_of_its_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_hash_in_hex_is_read_and_any_other_is_left_out,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_place_is_read_from_numbers_and_from_text, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_degrees_that_are_none_are_not_a_number, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_the_poles_and_the_date_line_are_places, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_tap_without_its_id_says_which_tap_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_contacts_are_read_as_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_reaction_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_an_order_keeps_catalogue_and_items, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_identity_changes_are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_edits_and_revocations_name_the_message_they_change,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_what_cannot_be_shown_is_unsupported_with_its_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_an_unknown_kind_is_an_event_and_never_a_failure,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_a_known_kind_without_its_content_still_awaits_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_a_message_in_a_group_is_recorded_and_passed_over,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_8_every_status_says_whose_and_which, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_8_a_failed_status_carries_its_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_8_a_recipient_may_have_a_user_id_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_8_participants_of_a_group_have_statuses_of_their_own,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_8_the_status_of_a_payment_is_not_that_of_its_message,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_template_news_name_template_language_and_what_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_news_without_a_template_or_a_list_are_broken,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_account_news_are_account_events, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_errors_of_the_account_are_events_of_their_number,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_whatsapps_own_stop_and_resume_are_preferences,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_fields_that_we_do_not_use_are_recorded, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            the_same_notification_has_the_same_id_and_any_other_another, setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_one_bad_item_never_harms_the_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_bad_entries_and_changes_are_counted_and_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(
            ch_1_a_thousand_items_of_a_thousand_people_are_all_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(more_items_than_anyone_sends_are_refused_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_delivery_is_refused_with_its_reason, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(deep_nesting_is_survived_wherever_it_stands, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_types_anywhere_are_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signature_is_of_exactly_these_bytes_and_this_secret,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_challenge_needs_the_mode_and_the_token, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_delivery_of_one_kilobyte_is_read_in_microseconds,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
