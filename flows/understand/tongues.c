#include "flows/understand/tongues.h"

const uint8_t *tongues_find(const struct tongues *tongues, uint32_t key)
{
    for (uint32_t slot = key & tongues->mask; tongues->keys[slot];
         slot = (slot + 1) & tongues->mask) {
        if (tongues->keys[slot] == key)
            return tongues->costs + (size_t)tongues->rows[slot] * tongues->n;
    }
    return NULL;
}
