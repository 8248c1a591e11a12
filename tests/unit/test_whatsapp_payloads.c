/*
 * Other people's deliveries, where ../shared is: Meta's published examples, other projects'
 * payloads and the signature vectors, each held against what it means.
 */
#include "tests/support/shared_data.h"
#include "webhooks/event_json.h"
#include "webhooks/whatsapp.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

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

/* Exact bytes on the heap, so that a step beyond the end shows. */
static bool decode(struct fixture *f, struct str body)
{
    struct str exact = {memcpy(arena_alloc(&f->arena, body.len), body.at, body.len), body.len};
    return whatsapp_decode(&f->arena, exact, &f->batch, &f->err);
}

static void assert_holds(struct str line, const char *wanted)
{
    if (wanted && str_find(line, str_from(wanted)) == line.len)
        fail_msg("%.*s holds no %s", STR_ARG(line), wanted);
}

static void published_signature_vectors_are_judged_alike(void **state)
{
    struct fixture *f = *state;
    if (!shared_is_here(&f->arena))
        return;
    OWNED_JSON(doc) = NULL;
    assert_true(
        json_read(shared_file(&f->arena, "providers/signature-vectors.json"), &doc, &f->err));
    const json_t *vectors =
        json_array_in(json_object_in(json_object_in(doc, "schemes"), "meta"), "vectors");
    assert_true(json_array_size(vectors) > 5);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        struct str body = json_text(&f->arena, vector, "body");
        bool valid = whatsapp_verify(json_text(&f->arena, vector, "secret"),
                                     json_text(&f->arena, vector, "header"), body);
        if (valid != json_bool(vector, "valid", false))
            fail_msg("%s", json_text(&f->arena, vector, "name").at);
    }
}

/* What a file means: its kinds in order, and what the first event's line must hold. */
struct meaning {
    const char *name;
    const char *kinds;
    const char *holds[3];
};

static void check_meaning(struct fixture *f, const struct meaning *meaning, struct str body)
{
    if (!decode(f, body))
        fail_msg("%s: %s", meaning->name, f->err.text);
    struct str kinds = STR_NONE;
    for (size_t i = 0; i < f->batch.n; i++) {
        const struct event *event = &f->batch.events[i];
        assert_true(event->id.len > 0 && event->account.len > 0);
        assert_true(!event_is_message(event->kind) || person_address(&event->from).len > 0);
        kinds = arena_format(&f->arena, "%.*s%s%s", STR_ARG(kinds), i ? " " : "",
                             event_kind_name(event->kind));
    }
    if (!str_eq(kinds, str_from(meaning->kinds)))
        fail_msg("%s: %.*s", meaning->name, STR_ARG(kinds));
    assert_int_equal(f->batch.broken, 0);
    struct str line = event_to_json(&f->arena, &f->batch.events[0]);
    for (size_t i = 0; i < COUNTOF(meaning->holds); i++)
        assert_holds(line, meaning->holds[i]);
}

static const struct meaning payloads[] = {
    {"p001",
     "choice",              {"\"id\":\"wamid.ID\"", "\"choice\":\"No-Button-Payload\"", "\"forwarded\":true"}       },
    {"p002", "other",       {"\"detail\":\"calls\""}                                                                },
    {"p003",
     "template",            {"\"template\":{\"name\":\"order_confirmation\",\"language\":\"en_US\",\"news\":"
      "\"APPROVED\"",
      "\"field\":\"message_template_status_update\""}                                               },
    {"p004", "status",      {"\"status\":\"failed\"", "\"context\":\"amid.ID\"", "\"code\":131053"}                 },
    {"p005", "account",     {"\"detail\":\"account_update\"", "\"detail2\":\"DISABLED_UPDATE\""}                    },
    {"p006",
     "identity",            {"\"id\":\"wamid.xyzxyz==\"", "\"detail\":\"user_changed_number\"",
      "\"phone\":\"+972912345678\""}                                                                },
    {"p007",
     "choice",              {"\"id\":\"wamid.x\"", "\"detail\":\"call_permission_reply\"",
      "\"context\":\"wamid.y==\""}                                                                    },
    {"p008",
     "order",               {"\"id\":\"wamid.xyzxyz\"", "\"detail\":\"354160437058781\"",
      "\"phone\":\"+972987654321\""}                                                                   },
    {"p009", "preference",  {"\"detail\":\"resume\"", "\"phone\":\"+16505551234\""}                                 },
    {"p010",
     "reaction",            {"\"id\":\"wamid.ID\"", "\"context\":\"MESSAGE_ID\"", "\"text\":\"EMOJI\""}             },
    {"p011", "text",        {"\"id\":\"wamid.ID\"", "\"text\":\"MESSAGE_BODY\""}                                    },
    {"p012", "text",        {"\"id\":\"wamid.ID\"", "\"text\":\"BODY\"", "\"referral\":\"ADID\""}                   },
    {"p013",
     "media",               {"\"id\":\"wamid.xyzxyz\"",
      "\"media\":{\"kind\":\"sticker\",\"id\":\"1234567890987654321\"",
      "\"phone\":\"+972987654321\""}                                                                   },
    {"p014",
     "account",             {"\"detail\":\"account_update\"", "\"detail2\":\"ACCOUNT_RESTRICTION\""}                },
    {"p015",
     "status",              {"\"status\":\"failed\"", "\"context\":\"wamid.xyzxyz\"", "\"code\":130472"}            },
    {"p016",
     "choice",              {"\"id\":\"wamid.xyzxyz\"", "\"choice\":\"callback_data\"",
      "\"context\":\"wamid.xyzxyz\""}                                                                 },
    {"p017",
     "reaction",            {"\"id\":\"wamid.xyzxyz\"", "\"context\":\"wamid.yzxyzx=\"", "\"text\":\"😮\""}       },
    {"p018",
     "reaction",            {"\"id\":\"wamid.xyzxyz\"", "\"context\":\"wamid.yzxyzx=\"", "\"removed\":true"}        },
    {"p019",
     "revoke",              {"\"id\":\"<WHATSAPP_MESSAGE_ID>\"", "\"context\":\"<ORIGINAL_WHATSAPP_MESSAGE_ID>\""}  },
    {"p020",
     "choice",              {"\"id\":\"wamid.wegrchytvwcggt==\"", "\"detail\":\"nfm_reply\"",
      "\"context\":\"wamid.gvwegfretge==\""}                                                          },
    {"p021",
     "choice",              {"\"id\":\"wamid.x\"", "\"detail\":\"call_permission_reply\"",
      "\"context\":\"wamid.y==\""}                                                                    },
    {"p022",
     "template",            {"\"template\":{\"name\":\"my_message_template\",\"language\":\"he\",\"news\":"
      "\"MARKETING\"",
      "\"field\":\"template_category_update\""}                                                     },
    {"p023", "status",      {"\"status\":\"read\"", "\"context\":\"<WHATSAPP_MESSAGE_ID>\""}                        },
    {"p024",
     "text",                {"\"id\":\"wamid.xyzxyz\"", "\"text\":\"Body Text\"", "\"phone\":\"+972987654321\""}    },
    {"p025",
     "template",            {"\"template\":{\"name\":\"welcome_template\",\"language\":\"en_US\",\"news\":\"YELLOW\"",
      "\"field\":\"message_template_quality_update\""}                                              },
    {"p026",
     "media",               {"\"id\":\"wamid.ID\"", "\"media\":{\"kind\":\"sticker\",\"id\":\"STICKER_ID\""}        },
    {"p027",
     "edit",                {"\"id\":\"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEzNDdFODU3MUMxMAA=\"",
      "\"context\":\"wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA=\"",
      "\"phone\":\"+16505551234\""}                                                                     },
    {"p028", "unsupported", {"\"id\":\"wamid.ID\"", "\"code\":131051"}                                              },
    {"p029", "identity",    {"\"id\":\"wamid.ID\"", "\"detail\":\"user_changed_number\""}                           },
    {"p030",
     "media",               {"\"id\":\"wamid.xyzxyz\"", "\"media\":{\"kind\":\"voice\",\"id\":\"1234567890987654321\"",
      "\"phone\":\"+972987654321\""}                                                                   },
    {"p031", "other",       {"\"detail\":\"calls\""}                                                                },
    {"p032",
     "media",               {"\"id\":\"wamid.xyzxyz\"", "\"media\":{\"kind\":\"audio\",\"id\":\"1234567890987654321\"",
      "\"forwarded\":true"}                                                                            },
    {"p033",
     "account",             {"\"detail\":\"account_update\"", "\"detail2\":\"ACCOUNT_OFFBOARDED\""}                 },
    {"p034",
     "media",               {"\"id\":\"wamid.xyzxyz\"", "\"media\":{\"kind\":\"video\",\"id\":\"765756756\"",
      "\"text\":\"caption\""}                                                                          },
    {"p035",
     "status",              {"\"status\":\"read\"", "\"context\":\"wamid.xyzxyz\"", "\"phone\":\"+972987654321\""}  },
    {"p036", "other",       {"\"detail\":\"calls\""}                                                                },
    {"p037",
     "media",               {"\"id\":\"wamid.xyzxyz\"", "\"media\":{\"kind\":\"image\",\"id\":\"65463453\"",
      "\"phone\":\"+972987654321\""}                                                                   },
    {"p038", "account",     {"\"detail\":\"account_update\"", "\"detail2\":\"ACCOUNT_VIOLATION\""}                  },
    {"p039", "text",        {"\"id\":\"wamid.ID\"", "\"text\":\"MESSAGE_BODY\""}                                    },
    {"p040", "other",       {"\"detail\":\"smb_message_echoes\""}                                                   },
    {"p041",
     "media",               {"\"id\":\"wamid.ID\"", "\"media\":{\"kind\":\"document\",\"id\":\"IMAGE_ID\"",
      "\"text\":\"CAPTION_TEXT\""}                                                                     },
    {"p042",
     "unsupported",         {"\"id\":\"wamid.xyzxyz\"", "\"code\":131051", "\"phone\":\"+972987654321\""}           },
    {"p043",
     "unsupported",         {"\"id\":\"wamid.xyzxyz\"", "\"code\":131051", "\"phone\":\"+972987654321\""}           },
    {"p044", "status",      {"\"status\":\"delivered\"", "\"context\":\"wamid.ID\""}                                },
    {"p045",
     "text",                {"\"id\":\"wamid.xyzxyz\"", "\"text\":\"replied text\"",
      "\"context\":\"wamid.xyzxyz==\""}                                                                 },
    {"p046",
     "status",              {"\"status\":\"delivered\"", "\"context\":\"wamid.xyzxyz\"",
      "\"phone\":\"+972987654321\""}                                                                  },
    {"p047",
     "template",            {"\"template\":{\"name\":\"abandoned_cart\",\"language\":\"en\",\"news\":\"REJECTED\"",
      "\"field\":\"message_template_status_update\""}                                               },
    {"p048",
     "identity",            {"\"id\":\"wamid.xyzxyz\"", "\"detail\":\"customer_identity_changed\"",
      "\"phone\":\"+972987654321\""}                                                                },
    {"p049",
     "choice",              {"\"id\":\"wamid.zyzxyz\"", "\"choice\":\"callback_data\"",
      "\"context\":\"wamid.xyzxyz\""}                                                                 },
    {"p050",
     "template",            {"\"template\":{\"name\":\"my_message_template\",\"language\":\"he\",\"news\":"
      "\"components\"",
      "\"field\":\"message_template_components_update\""}                                           },
    {"p051", "status",      {"\"status\":\"delivered\"", "\"context\":\"wamid.ID\""}                                },
    {"p052", "location",    {"\"id\":\"wamid.ID\"", "LOCATION_NAME"}                                                },
    {"p053",
     "choice",              {"\"id\":\"wamid.wegrchytvwcggt==\"", "\"detail\":\"nfm_reply\"",
      "\"context\":\"wamid.gvwegfretge==\""}                                                          },
    {"p054",
     "media",               {"\"id\":\"wamid.xyzxyz\"",
      "\"media\":{\"kind\":\"document\",\"id\":\"1234567890987654321\"",
      "\"text\":\"caption\""}                                                                          },
    {"p055",
     "unsupported account", {"\"id\":\"wamid.wegrchytvwcggt=\"", "\"context\":\"wamid.gvwegfretge==\"",
      "\"phone\":\"+972987654321\""}                                                     },
    {"p056",
     "status",              {"\"status\":\"sent\"", "\"context\":\"wamid.xyzxyz\"", "\"phone\":\"+972987654321\""}  },
    {"p057",
     "text",                {"\"id\":\"wamid.ID\"", "\"text\":\"MESSAGE_BODY\"", "\"forwarded\":true"}              },
    {"p058", "location",    {"\"id\":\"wamid.xyzxyz\"", "Facebook HQ", "\"forwarded\":true"}                        },
    {"p059", "other",       {"\"detail\":\"calls\""}                                                                },
    {"p060",
     "contacts",            {"\"id\":\"wamid.xyzxyz\"", "Chandler Bing", "\"phone\":\"+972987654321\""}             },
    {"p061",
     "status",              {"\"status\":\"played\"", "\"context\":\"wamid.xyzxyz\"", "\"phone\":\"+972987654321\""}},
    {"p062",
     "choice",              {"\"id\":\"wamid.xsidjx\"", "\"choice\":\"callback_data\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                      },
};

static void ch_1_other_projects_payloads_decode_to_what_they_mean(void **state)
{
    struct fixture *f = *state;
    if (!shared_is_here(&f->arena))
        return;
    assert_int_equal(COUNTOF(payloads), 62);
    for (size_t i = 0; i < COUNTOF(payloads); i++) {
        struct str name =
            arena_format(&f->arena, "data/whatsapp-payloads/%s.json", payloads[i].name);
        struct str body = shared_file(&f->arena, name.at);
        assert_non_null(body.at);
        check_meaning(f, &payloads[i], body);
    }
}

static const struct meaning examples[] = {
    {"text",
     "text",                                            {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQAAA==\"",
      "\"text\":\"Does it come in another color?\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                                                },
    {"text_reply_to_our_message",
     "text",                                            {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQBAA==\"",
      "\"text\":\"Yes please\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\""}                                             },
    {"text_user_with_username_no_phone",
     "text",                                            {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQCAA==\"",
      "\"text\":\"Hi\"", "\"user_id\":\"US.13491208655302741918\""}                                                             },
    {"text_from_ad",
     "text",                                            {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQDAA==\"",
      "\"text\":\"Can I get more info on this?\"", "\"referral\":\"120226305854810726\""}                                       },
    {"button_reply",
     "choice",                                          {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQEAA==\"",
      "\"choice\":\"cancel-button\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\""}                                           },
    {"list_reply",
     "choice",                                          {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQFAA==\"",
      "\"choice\":\"priority_express\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\""}                                           },
    {"template_quick_reply",
     "choice",                                          {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQGAA==\"",
      "\"choice\":\"STOP_PROMOS\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\""}                                           },
    {"image",
     "media",                                           {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQHAA==\"",
      "\"media\":{\"kind\":\"image\",\"id\":\"1003383421387256\"",
      "\"text\":\"It arrived broken\""}                                                                                        },
    {"document",
     "media",                                           {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQIAA==\"",
      "\"media\":{\"kind\":\"document\",\"id\":\"622684793477189\"",
      "\"text\":\"my receipt\""}                                                                                               },
    {"voice_note",
     "media",                                           {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQJAA==\"",
      "\"media\":{\"kind\":\"voice\",\"id\":\"1908647269898587\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                                               },
    {"location",
     "location",                                        {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQKAA==\"",
      "Philz Coffee", "\"user_id\":\"US.13491208655302741918\""}                                                            },
    {"contacts",
     "contacts",                                        {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQLAA==\"",
      "Barbara J. Johnson", "\"user_id\":\"US.13491208655302741918\""}                                                      },
    {"reaction",
     "reaction",                                        {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQMAA==\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"text\":\"👍\""}                                                                                                  },
    {"reaction_removed",
     "reaction",                                        {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQNAA==\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"removed\":true"}                                                                                                   },
    {"unsupported",
     "unsupported",                                     {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQOAA==\"",
      "\"code\":131051", "\"user_id\":\"US.13491208655302741918\""}                                                      },
    {"media_too_big",
     "unsupported",                                     {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQPAA==\"",
      "\"code\":131052", "\"user_id\":\"US.13491208655302741918\""}                                                      },
    {"system_number_changed",
     "identity",                                        {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQQAA==\"",
      "\"detail\":\"user_changed_number\"", "\"phone\":\"+12195555358\""}                                                   },
    {"message_edited",
     "edit",                                            {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQRAA==\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA=\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                                                },
    {"message_revoked",
     "revoke",                                          {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQSAA==\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA=\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                                              },
    {"status_sent_v23_with_conversation",
     "status",                                          {"\"status\":\"sent\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"phone\":\"+16505551234\""}                                                                                           },
    {"status_sent",
     "status",                                          {"\"status\":\"sent\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"key\":\"out:7f3a9c\""}                                                                                               },
    {"status_delivered",
     "status",                                          {"\"status\":\"delivered\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"phone\":\"+16505551234\""}                                                                                           },
    {"status_read",
     "status",                                          {"\"status\":\"read\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"phone\":\"+16505551234\""}                                                                                           },
    {"status_failed_window",
     "status",                                          {"\"status\":\"failed\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"code\":131047"}                                                                                                      },
    {"status_failed_undeliverable",
     "status",                                          {"\"status\":\"failed\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"code\":131026"}                                                                                                      },
    {"status_failed_ecosystem",
     "status",                                          {"\"status\":\"failed\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"code\":131049"}                                                                                                      },
    {"status_delivered_to_user_id_only",
     "status",                                          {"\"status\":\"delivered\"",
      "\"context\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI4MjZGRDA0OUE2OTQ3RkEyMzcA\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                                              },
    {"account_level_error",               "account",    {"\"code\":130429"}                                                                 },
    {"template_approved",
     "template",                                        {"\"template\":{\"name\":\"order_confirmation\",\"language\":\"en_US\",\"news\":"
      "\"APPROVED\"",
      "\"field\":\"message_template_status_update\""}                                                                       },
    {"template_rejected",
     "template",                                        {"\"template\":{\"name\":\"autumn_sale\",\"language\":\"en_US\",\"news\":\"REJECTED\"",
      "\"field\":\"message_template_status_update\""}                                                                       },
    {"template_paused",
     "template",                                        {"\"template\":{\"name\":\"autumn_sale_2\",\"language\":\"en_US\",\"news\":\"PAUSED\"",
      "\"field\":\"message_template_status_update\""}                                                                       },
    {"template_category_changed",
     "template",                                        {"\"template\":{\"name\":\"welcome_template\",\"language\":\"en_US\",\"news\":"
      "\"MARKETING\"",
      "\"field\":\"template_category_update\""}                                                                             },
    {"template_quality",
     "template",                                        {"\"template\":{\"name\":\"welcome_template\",\"language\":\"en_US\",\"news\":\"YELLOW\"",
      "\"field\":\"message_template_quality_update\""}                                                                      },
    {"phone_quality",
     "account",                                         {"\"detail\":\"phone_number_quality_update\"", "\"detail2\":\"THROUGHPUT_UPGRADE\""}},
    {"capability",                        "account",    {"\"detail\":\"business_capability_update\""}                                       },
    {"marketing_opt_out",                 "preference", {"\"detail\":\"stop\"", "\"phone\":\"+16505551234\""}                               },
    {"account_banned",
     "account",                                         {"\"detail\":\"account_update\"", "\"detail2\":\"DISABLED_UPDATE\""}                },
    {"batch_two_numbers_mixed",
     "text status status text text other",              {"\"id\":\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQAAA==\"",
      "\"text\":\"Does it come in another color?\"",
      "\"user_id\":\"US.13491208655302741918\""}                                                  },
};

static void ch_1_published_examples_decode_to_what_they_mean(void **state)
{
    struct fixture *f = *state;
    if (!shared_is_here(&f->arena))
        return;
    OWNED_JSON(doc) = NULL;
    assert_true(
        json_read(shared_file(&f->arena, "providers/webhook-examples.json"), &doc, &f->err));
    const json_t *meta = json_object_in(doc, "meta");
    assert_int_equal(json_object_size(meta), COUNTOF(examples));
    for (size_t i = 0; i < COUNTOF(examples); i++) {
        const json_t *body = json_object_get(meta, examples[i].name);
        assert_non_null(body);
        check_meaning(f, &examples[i], json_write(&f->arena, body));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_signature_vectors_are_judged_alike, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ch_1_other_projects_payloads_decode_to_what_they_mean,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(ch_1_published_examples_decode_to_what_they_mean, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
