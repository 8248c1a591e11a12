#include "flows/understand/trained.h"

/*
 * What a label leads to. "Stop" and "start" are commands: they are heard when they are the
 * whole message, and never guessed, for a guess would silence us or not. Whoever seems to want
 * silence is asked.
 */
static const struct {
    const char *label;
    const char *intent; /* NULL: none */
} meanings[] = {
    {"cancel_status", "cancellations"},
    {"invoice",       "invoices"     },
    {"none_of_these", NULL           },
    {"order_status",  "orders"       },
    {"report_issue",  "report"       },
    {"start",         NULL           },
    {"stop",          "quiet"        },
};

static struct str meaning_of(struct str label)
{
    for (size_t i = 0; i < COUNTOF(meanings); i++) {
        if (str_eq(label, str_from(meanings[i].label)))
            return str_from(meanings[i].intent);
    }
    return label;
}

static void classify(const struct classifier *self, struct arena *scratch, struct str text,
                     struct classified *out)
{
    const struct trained *trained = (const struct trained *)self;
    const struct weights *weights = &trained->weights;
    int64_t scores[WEIGHTS_OUTPUTS_MAX];
    struct weights_best best;

    weights_score_text(weights, scratch, text, scores);
    best = weights_best(scores, weights->n_labels);
    out->intent = meaning_of(weights->names[best.at]);
    out->confidence = weights->sure[best.lead];
    best = weights_best(scores + weights->n_labels, weights->n_langs);
    out->lang_confidence = weights->sure_langs[best.lead];
    out->lang_is_ours = lang_parse(weights->names[weights->n_labels + best.at], &out->lang);
}

const char *trained_open(struct str bytes, struct trained *trained)
{
    trained->classifier.classify = classify;
    return weights_open(bytes, &trained->weights);
}

/* --- built in ----------------------------------------------------------------------------- */

/* model.bin as it stands; TRAINED_FILE is its path. */
__asm__(".section .rodata\n"
        ".balign 16\n"
        "trained_begin:\n"
        ".incbin \"" TRAINED_FILE "\"\n"
        "trained_end:\n"
        ".byte 0\n"
        ".text\n");
extern const char trained_begin[];
extern const char trained_end[];

struct str trained_bytes(void)
{
    return (struct str){trained_begin, (size_t)(trained_end - trained_begin)};
}
