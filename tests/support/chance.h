/*
 * A world that answers by chance: every load may be empty, every action may come back with any
 * outcome that it declares, and each value that some word wants is there. What no shop of ours
 * does happens here.
 */
#pragma once

#include "flows/flows.h"

struct chance {
    const struct book *book;
    uint64_t random;
    /* Answers what it knows, else false: then chance makes something up. */
    bool (*shop)(struct arena *into, struct str customer, const struct flow_need *need,
                 struct flow_answer *answer);
};

/* From 0 to below - 1; 0 when nothing is below. */
uint32_t chance_draw(struct chance *chance, uint32_t below);

void chance_answer(struct chance *chance, struct arena *into, struct str customer,
                   const struct flow_need *need, struct flow_answer *answer);
