/*
 * Stands before the engine in the program parley-mortal, which only tests build: a message of
 * these words kills the process that begins to step it, as a bug of ours or of a library would.
 */
#include "flows/flows.h"

#include <stdlib.h>

struct flow_turn *__real_flow_turn_begin(struct arena *into, const struct book *book,
                                         const struct flow_in *in);
struct flow_turn *__wrap_flow_turn_begin(struct arena *into, const struct book *book,
                                         const struct flow_in *in);

struct flow_turn *__wrap_flow_turn_begin(struct arena *into, const struct book *book,
                                         const struct flow_in *in)
{
    if (str_eq(in->event->text, STR("die now")))
        abort();
    return __real_flow_turn_begin(into, book, in);
}
