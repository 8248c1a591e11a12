/* What a request did wrong, kept to be looked at; and how its members are read. */
#include "tests/sandbox/sandbox.h"

#include <stdio.h>

#define FINDINGS_MAX 100

struct str text_in(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return (struct str){json_string_value(value), json_string_length(value)};
}

void finding_keep(struct sandbox *sandbox, const char *kind, const char *detail, json_t *body)
{
    json_array_append_new(sandbox->findings,
                          json_pack("{s:s, s:s, s:o}", "kind", kind, "detail", detail, "body",
                                    body ? body : json_null()));
    if (json_array_size(sandbox->findings) > FINDINGS_MAX)
        json_array_remove(sandbox->findings, 0);
    (void)fprintf(stderr, "parley-sandbox: %s: %s\n", kind, detail);
}
