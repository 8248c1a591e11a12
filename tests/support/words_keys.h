/*
 * All keys of the words, sorted.
 */
#pragma once

#include "templates/catalog.h"

static inline struct str_list words_keys(struct arena *into, const struct words *words)
{
    struct str *keys = arena_array(into, struct str, words->n + 1);

    for (size_t i = 0; i < words->n; i++)
        keys[i] = words->entries[i]->key;
    return (struct str_list){keys, words->n};
}
