#include "bot/later/broadcast_plan.h"

#include "bot/later/broadcast_file.h"
#include "bot/loop/loop.h"
#include "bot/turn/books.h"
#include "flows/flows.h"
#include "flows/understand/calendar.h"

#define FILE_MOST ((size_t)64 << 20)
#define TELL_MOST 20 /* refused lines, one by one */

struct planning {
    struct desk *desk;
    const struct broadcast_wish *wish;
    struct broadcast_columns columns; /* of the list, where there is one */
};

/* --- files -------------------------------------------------------------------------------- */

static bool read_file(struct arena *into, const char *path, struct str *bytes, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    size_t room = 1 << 16;

    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *at = arena_alloc(into, room);
    *bytes = (struct str){at, fread(at, 1, room, file)};
    while (bytes->len == room && room < FILE_MOST) {
        char *wider = arena_alloc(into, room * 2);
        memcpy(wider, at, room);
        at = wider;
        *bytes = (struct str){at, room + fread(at + room, 1, room, file)};
        room *= 2;
    }
    bool bad = ferror(file) != 0 || bytes->len == room;
    (void)fclose(file);
    return !bad || err_raise(err, ERR_REJECT, "%s: cannot be read, or is over 64 MB", path);
}

/* Refused lines are told with their numbers; whether to go on without them is asked for. */
static bool read_lines(struct planning *planning, struct csv *csv, struct broadcast_plan *plan,
                       struct err *err)
{
    struct arena *into = &planning->desk->arena;
    struct str fields[CSV_COLUMNS_MAX], *lines = NULL;
    size_t n = 0, room = 0, refused = 0;
    const char *why = NULL;
    enum csv_outcome outcome;

    while ((outcome = csv_next(csv, into, fields, &why)) != CSV_END) {
        struct str json = STR_NONE;
        if (n == room) {
            struct str *wider = arena_array(into, struct str, room * 2 + 1024);
            if (room > 0)
                memcpy(wider, lines, room * sizeof(*lines));
            lines = wider;
            room = room * 2 + 1024;
        }
        if (outcome == CSV_ROW)
            why = broadcast_line_read(into, &planning->columns, fields, csv->line, &json);
        if (why == NULL) {
            lines[n++] = json;
        } else if (++refused <= TELL_MOST) {
            (void)fprintf(planning->desk->cli->err, "%s:%u: %s\n", planning->wish->list,
                          csv->line, why);
        }
        if (n > BROADCAST_LINES_MAX) {
            return err_raise(err, ERR_REJECT, "a list has %d lines at most",
                             BROADCAST_LINES_MAX);
        }
    }
    plan->lines = lines;
    plan->n_lines = n;
    if (refused > TELL_MOST)
        (void)fprintf(planning->desk->cli->err, "... and %zu more\n", refused - TELL_MOST);
    if (refused == 0 || planning->wish->skip) {
        return n > 0 ||
               err_raise(err, ERR_REJECT, "%s: nobody is left in it", planning->wish->list);
    }
    return err_raise(err, ERR_REJECT,
                     "%zu lines are refused: mend them, or leave them out with --skip",
                     refused);
}

static bool read_list(struct planning *planning, struct broadcast_plan *plan, struct err *err)
{
    struct arena *into = &planning->desk->arena;
    struct str bytes = STR_NONE, head[CSV_COLUMNS_MAX];
    const char *why = "it is empty";
    struct csv csv;

    if (!planning->wish->list)
        return true;
    if (!read_file(into, planning->wish->list, &bytes, err))
        return false;
    if (csv_begin(&csv, into, bytes, head, &why) != CSV_ROW)
        return err_raise(err, ERR_REJECT, "%s: %s", planning->wish->list, why);
    plan->listed = true;
    return (broadcast_columns_read(&csv, head, &planning->columns, err) &&
            read_lines(planning, &csv, plan, err)) ||
           err_wrap(err, "%s", planning->wish->list);
}

static bool read_content(struct planning *planning, struct broadcast_plan *plan,
                         struct err *err)
{
    struct arena *into = &planning->desk->arena;
    struct str bytes = STR_NONE, content = STR_NONE, files;
    struct book *book = NULL;

    if (!planning->wish->words)
        return err_raise(err, ERR_REJECT, "say what it says: --words FILE.yaml");
    if (!read_file(into, planning->wish->words, &bytes, err) ||
        !books_read(into, planning->desk->config->flows.folder, &book, &files, err))
        return false;
    bool ok = broadcast_content_read(into, str_from(planning->wish->words), bytes,
                                     planning->wish->list ? &planning->columns : NULL,
                                     book_words(book), str_from(plan->channel), &content, err);
    book_destroy(book);
    plan->content = ok ? arena_cstr(into, content) : NULL;
    return ok;
}

/* --- whom and when
 * ------------------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(text, *list) == 0)
            return true;
    }
    return false;
}

static bool read_date(const char *text, bool with_time, struct err *err, const char *option)
{
    struct date date;
    int hour = 0, minute = 0;
    char end;
    int n = sscanf(text, "%4d-%2d-%2d %2d:%2d%c", &date.year, &date.month, &date.day, &hour,
                   &minute, &end);
    bool whole = with_time ? n == 5 : n == 3 && strlen(text) == strlen("2026-12-24");

    return (whole && date_exists(date) && hour >= 0 && hour <= 23 && minute >= 0 &&
            minute <= 59) ||
           err_raise(err, ERR_REJECT, "%s is a date like %s", option,
                     with_time ? "'2026-12-24 16:30'" : "2026-12-24");
}

static bool check(const struct broadcast_wish *wish, struct err *err)
{
    static const char *const channels[] = {"whatsapp", "sms", "email", NULL};
    static const char *const topics[] = {"orders",   "deliveries", "cancellations", "estimates",
                                         "payments", "reviews",    "offers",        NULL};
    enum lang lang;

    if (wish->channel && !is_one_of(wish->channel, channels))
        return err_raise(err, ERR_REJECT, "--channel is whatsapp, sms or email");
    if (wish->topic && !is_one_of(wish->topic, topics)) {
        return err_raise(err, ERR_REJECT,
                         "--topic is one of the customers' preferences: offers");
    }
    if (wish->language && !lang_parse(str_from(wish->language), &lang))
        return err_raise(err, ERR_REJECT, "--language is en, es, pl or ar");
    if (wish->prefix && (wish->prefix[0] != '+' ||
                         strspn(wish->prefix + 1, "0123456789") != strlen(wish->prefix) - 1))
        return err_raise(err, ERR_REJECT, "--prefix is how numbers begin: +48");
    if (wish->list &&
        (wish->language || wish->prefix || wish->company || wish->since || wish->status))
        return err_raise(err, ERR_REJECT, "a list says whom already: leave the conditions out");
    if (wish->local && !wish->at)
        return err_raise(err, ERR_REJECT, "--local says by whose clock --at is");
    return (!wish->since || read_date(wish->since, false, err, "--since")) &&
           (!wish->at || read_date(wish->at, true, err, "--at"));
}

static const char *audience_of(struct planning *planning)
{
    const struct broadcast_wish *wish = planning->wish;
    OWNED_JSON(object) = json_object();

    json_set_text(object, "language", str_from(wish->language ? wish->language : ""));
    json_set_text(object, "prefix", str_from(wish->prefix ? wish->prefix : ""));
    json_set_text(object, "company", str_from(wish->company ? wish->company : ""));
    json_set_text(object, "since", str_from(wish->since ? wish->since : ""));
    json_set_text(object, "status", str_from(wish->status ? wish->status : ""));
    return arena_cstr(&planning->desk->arena, json_write(&planning->desk->arena, object));
}

static bool check_name(const char *name, struct err *err)
{
    size_t len = strlen(name);

    return (len > 0 && len <= 60 &&
            strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len && name[0] != '-' &&
            name[0] != '_') ||
           err_raise(err, ERR_REJECT,
                     "a name is small letters, digits, - and _, sixty at most: spring-sale");
}

bool broadcast_plan_make(struct desk *desk, const struct broadcast_wish *wish, const char *name,
                         const char *who, struct broadcast_plan *plan, struct err *err)
{
    struct planning planning = {.desk = desk, .wish = wish};

    *plan = (struct broadcast_plan){.id = desk_id(),
                                    .name = name,
                                    .topic = wish->topic ? wish->topic : "offers",
                                    .channel = wish->channel ? wish->channel : "",
                                    .at = wish->at,
                                    .local = wish->local,
                                    .who = who};
    if (!check_name(name, err) || !check(wish, err) || !read_list(&planning, plan, err) ||
        !read_content(&planning, plan, err))
        return false;
    plan->audience = audience_of(&planning);
    return true;
}
