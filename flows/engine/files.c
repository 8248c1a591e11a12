/*
 * Pictures, voice notes and all that is not words. A prompt may ask for files; elsewhere they
 * are thanked for, and an album, which comes as single messages, is thanked for once.
 */
#include "flows/engine/files.h"

#include "flows/engine/answer.h"
#include "flows/engine/manners.h"

#define ALBUM_WITHIN (20 * USEC_PER_SEC) /* pictures that come together are answered once */

void files_thank(struct flow_turn *turn, const char *key)
{
    struct kept *kept = &turn->kept;
    usec_t since = turn->in->now - kept->media_at;

    if (manners_is_muted(turn))
        return;
    if (kept->media_at > 0 && since >= 0 && since < ALBUM_WITHIN && !turn->in->event->card) {
        kept->media_at = turn->in->now;
        return;
    }
    kept->media_at = turn->in->now;
    turn->trace.rule = "thing";
    manners_open(turn);
    turn_say_key(turn, str_from(key));
    turn_again(turn);
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
