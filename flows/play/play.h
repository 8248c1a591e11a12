/*
 * Dialogues as tests: a transcript is played against a book, and written again with what really
 * came back. When both are the same, it has passed. tests/scenarios/README.md tells how
 * transcripts are written.
 *
 * The player is pure: it keeps what a shell would keep (state, language, clock, mutes), and its
 * clock moves when the transcript says so.
 */
#pragma once

#include "flows/play/stage.h"

struct play {
    const struct book *book;
    const struct stage *stage; /* NULL: an empty one */
    /* Asked for what the stage does not answer; NULL, or false: then the transcript fails. */
    bool (*answer)(struct arena *into, struct str customer, const struct flow_need *need,
                   struct flow_answer *answer);
    /* Told of each answer; may be NULL. */
    void (*answered)(const struct flow_need *need, const struct flow_answer *answer);
    /* Facts besides those of the stage, which go before them; may be NULL. */
    const struct record *(*facts)(struct arena *into, struct str customer);
    /* NONE: as WhatsApp, where options are tapped. By SMS and EMAIL the same customer reads
     * faces and types an option's number, and what comes back must be the same. */
    enum channel channel;
    bool links; /* by EMAIL an option's link is opened instead of typing its number */
    /* Told of each face that was shown; may be NULL. */
    void (*faced)(enum channel channel, enum lang lang, const struct face *face);
};

/* Play a transcript. ERR_REJECT with the line that cannot be played. `into` owns the text. */
MUST_USE bool play_transcript(struct arena *into, const struct play *play,
                              struct str transcript, struct str *played, struct err *err);

/* The first line, from 1, in which two transcripts differ, and both its texts. */
unsigned play_difference(struct str expected, struct str played, struct str *was,
                         struct str *is);
