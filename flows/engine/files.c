/*
 * Pictures, voice notes and all that is not words. A prompt may ask for files; elsewhere each
 * kind is told what becomes of it. An album, which comes as single messages, is told once, and
 * what comes right behind something else does not have the question asked yet again.
 */
#include "flows/engine/files.h"

#include "flows/engine/answer.h"
#include "flows/engine/manners.h"

#define ALBUM_WITHIN (20 * USEC_PER_SEC) /* pictures that come together are answered once */

/* Whether something that is not words was answered a moment ago. */
static bool is_among_others(const struct flow_turn *turn)
{
    usec_t since = turn->in->now - turn->kept.media_at;

    return turn->kept.media_at > 0 && since >= 0 && since < ALBUM_WITHIN;
}

static void thank(struct flow_turn *turn, const char *name, bool asks)
{
    struct kept *kept = &turn->kept;
    struct str key = str_from(name);
    bool among = is_among_others(turn);

    if (manners_is_muted(turn))
        return;
    kept->media_at = turn->in->now;
    if (among && str_eq(kept->album, key) && !turn->in->event->card)
        return;
    kept->album = key;
    turn->trace.rule = "thing";
    asks = manners_is_first(turn) || (asks && !among);
    manners_open(turn);
    turn_say_key(turn, key);
    if (asks)
        turn_again(turn);
}

void files_thank(struct flow_turn *turn, const char *key)
{
    thank(turn, key, true);
}

void files_nod(struct flow_turn *turn, const char *key)
{
    thank(turn, key, false);
}

/* Pictures and PDFs, by what the channel says of them; what they are is seen when they come. */
static bool is_attachment(const struct media *media)
{
    if (media->id.len == 0 || media->id.len > 100 ||
        str_find(media->id, STR(",")) < media->id.len)
        return false;
    if (media->kind == MEDIA_IMAGE)
        return true;
    return media->kind == MEDIA_DOCUMENT && (str_starts(media->mime, STR("image/")) ||
                                             str_starts(media->mime, STR("application/pdf")));
}

static void add_handle(struct flow_turn *turn, struct value before, struct str handle)
{
    size_t n = before.kind == VALUE_LIST ? before.list->n : 0;
    struct value *items = arena_array(turn->arena, struct value, n + 1);
    struct list *list = arena_new(turn->arena, struct list);

    if (n > 0)
        memcpy(items, before.list->items, n * sizeof(*items));
    items[n] = value_text(arena_str(turn->arena, handle));
    *list = (struct list){items, n + 1};
    turn_set(turn, turn->kept.now.at->prompt.as, value_list(list));
}

void files_take(struct flow_turn *turn, const struct media *media)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    struct value files = record_get(record_built(&kept->now.vars), prompt->as);
    usec_t since = turn->in->now - kept->media_at;
    struct str event = STR("added");
    bool said;

    turn->trace.rule = "file";
    if (!is_attachment(media)) {
        event = STR("wrong_kind");
    } else if (files.kind == VALUE_LIST && files.list->n >= (size_t)prompt->max) {
        event = STR("too_many");
    } else {
        add_handle(turn, files, media->id);
    }
    said = since >= 0 && since < ALBUM_WITHIN && str_eq(kept->album, event);
    kept->media_at = turn->in->now;
    kept->album = event;
    if (said && !turn->in->event->card)
        return;
    manners_open(turn);
    answer_happen(turn, event);
}

bool files_came(struct flow_turn *turn)
{
    const struct media *picture = turn->picture;

    if (!picture || turn->kept.now.at->prompt.kind != PROMPT_MEDIA || !is_attachment(picture))
        return false;
    turn->picture = NULL;
    files_take(turn, picture);
    return turn->phase == PHASE_ENTER;
}
