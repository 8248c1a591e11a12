#include "flows/play/play_inside.h"

#include "flows/play/faced.h"

/* A tap; or, where there is nothing to tap, the number under which the newest prompt has it.
 * Links of older mails can still be opened; an older SMS can do nothing. */
static void choose(struct player *player, size_t at, struct event *event)
{
    bool present = at >= player->latest;

    if (faced_by_number(player->play) && !player->play->links && present) {
        event->kind = EVENT_TEXT;
        event->text = arena_format(player->arena, "%zu", at - player->latest + 1);
        return;
    }
    event->choice = player->seen[at].id;
    event->text = player->seen[at].title;
    player->left = player->play->channel == CHANNEL_SMS && !present;
}

/* "[Title]" taps the newest option of that title, "[^Title]" one of an earlier prompt, and
 * "[=id]" anything at all. */
static bool tap(struct player *player, struct str title, struct event *event)
{
    size_t end = player->n_seen;

    event->kind = EVENT_CHOICE;
    if (str_starts(title, STR("="))) {
        event->choice = str_slice(title, 1, title.len);
        player->left = player->play->channel == CHANNEL_SMS;
        return true;
    }
    if (str_starts(title, STR("^"))) {
        title = str_slice(title, 1, title.len);
        end = player->latest;
    }
    for (size_t i = end; i-- > 0;) {
        if (!str_eq(player->seen[i].title, title))
            continue;
        choose(player, i, event);
        return true;
    }
    return false;
}

/* Files have handles, as the channel gives them, and a type that fits. */
static struct media file_of(struct player *player, enum media_kind kind)
{
    static const char *const mimes[] = {
        [MEDIA_IMAGE] = "image/jpeg",         [MEDIA_VIDEO] = "video/mp4",
        [MEDIA_AUDIO] = "audio/mpeg",         [MEDIA_VOICE] = "audio/ogg; codecs=opus",
        [MEDIA_DOCUMENT] = "application/pdf", [MEDIA_STICKER] = "image/webp"};

    return (struct media){.kind = kind,
                          .id = arena_format(player->arena, "media%u", ++player->n_files),
                          .mime = str_from(mimes[kind])};
}

static bool thing(struct player *player, struct str name, struct event *event)
{
    static struct media media;
    static const struct {
        const char *name;
        enum event_kind kind;
        enum media_kind media;
    } things[] = {
        {"image",       EVENT_MEDIA,       MEDIA_IMAGE   },
        {"video",       EVENT_MEDIA,       MEDIA_VIDEO   },
        {"voice",       EVENT_MEDIA,       MEDIA_VOICE   },
        {"document",    EVENT_MEDIA,       MEDIA_DOCUMENT},
        {"sticker",     EVENT_MEDIA,       MEDIA_STICKER },
        {"location",    EVENT_LOCATION,    MEDIA_IMAGE   },
        {"contacts",    EVENT_CONTACTS,    MEDIA_IMAGE   },
        {"reaction",    EVENT_REACTION,    MEDIA_IMAGE   },
        {"cart",        EVENT_ORDER,       MEDIA_IMAGE   },
        {"edit",        EVENT_EDIT,        MEDIA_IMAGE   },
        {"revoke",      EVENT_REVOKE,      MEDIA_IMAGE   },
        {"identity",    EVENT_IDENTITY,    MEDIA_IMAGE   },
        {"unsupported", EVENT_UNSUPPORTED, MEDIA_IMAGE   },
        {"unknown",     EVENT_UNKNOWN,     MEDIA_IMAGE   },
        {"stop",        EVENT_PREFERENCE,  MEDIA_IMAGE   },
        {"resume",      EVENT_PREFERENCE,  MEDIA_IMAGE   },
    };

    for (size_t i = 0; i < COUNTOF(things); i++) {
        if (!str_eq(str_from(things[i].name), name))
            continue;
        event->kind = things[i].kind;
        event->detail = name;
        media = file_of(player, things[i].media);
        if (event->kind == EVENT_MEDIA)
            event->media = &media;
        return true;
    }
    return false;
}

bool read_event(struct player *player, struct str said, struct event *event)
{
    size_t end;

    *event = (struct event){.kind = EVENT_TEXT, .id = STR("wamid.test"), .text = said};
    if (str_starts(said, STR("(late)"))) {
        event->at = player->now - 2 * USEC_PER_HOUR;
        event->text = str_trim(str_slice(said, 6, said.len));
        return true;
    }
    if (str_starts(said, STR("[")) && str_ends(said, STR("]")))
        return tap(player, str_slice(said, 1, said.len - 2), event);
    if (!str_starts(said, STR("(")))
        return true;
    end = str_find(said, STR(")"));
    event->text = str_trim(str_slice(said, end + 1, said.len));
    if (str_starts(said, STR("(notice)"))) {
        event->kind = EVENT_TIMER;
        event->detail = arena_format(player->arena, FLOW_NOTICE "%.*s", STR_ARG(event->text));
        event->text = STR_NONE;
        return true;
    }
    return thing(player, str_slice(said, 1, end - 1), event);
}
