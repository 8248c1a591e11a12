#include "bot/file/event_files.h"

#include "bot/base/json.h"
#include "bot/view/link.h"
#include "webhooks/rfc3339.h"

#define GOOD_FOR (7 * USEC_PER_DAY)

struct linking {
    struct arena *into;
    const struct config *config;
    struct link_file file;
};

static void link_all(struct linking *linking, json_t *files)
{
    json_t *one;
    size_t i;

    json_array_foreach(files, i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        struct str url;
        if (id == NULL || !uuid_parse(str_from(id), &linking->file.document))
            continue;
        url = link_file_make(linking->into, linking->config, &linking->file);
        if (url.len == 0)
            continue;
        json_set_text(one, "url", url);
        json_set_text(one, "expires_at", rfc3339_write(linking->into, linking->file.end));
    }
}

struct str event_files_linked(struct arena *into, const struct config *config, struct uuid org,
                              struct str data, usec_t at)
{
    usec_t end = (at + GOOD_FOR) / USEC_PER_HOUR * USEC_PER_HOUR;
    struct linking linking = {
        into, config, {.org = org, .customer = link_file_desk, .end = end}
    };
    OWNED_JSON(object) = NULL;
    json_t *line;
    struct err err = {0};
    size_t i;

    if (str_find(data, STR("\"files\"")) == data.len || !json_read(data, &object, &err))
        return data;
    link_all(&linking, json_object_get(object, "files"));
    json_array_foreach(json_object_get(object, "transcript"), i, line)
        link_all(&linking, json_object_get(line, "files"));
    return json_write(into, object);
}
