/*
 * Dialogues as tests: a transcript is played against the flows, and what comes back is held
 * against what stands there. tests/scenarios/README.md tells how transcripts are written.
 */
#pragma once

#include "flows/play/play.h"

/* Tests that go through all there is, over and over, take one in so many where a sanitizer
 * makes each five times as slow: what they look for is wrong in any build, and `tests/run` runs
 * both. */
#ifdef __SANITIZE_ADDRESS__
#define CHAT_ONE_IN 3
#else
#define CHAT_ONE_IN 1
#endif

/* Flows and words as they stand in the tree; fails the running test when they do not load. */
struct book *chat_book(void);

/* Customers that are data: tests/scenarios/stage.yaml. */
MUST_USE bool chat_stage(struct arena *into, struct stage **stage, struct err *err);

/* Play a transcript and write it again with what really came back. `into` owns the text. */
struct str chat_play(struct arena *into, const struct book *book, struct str transcript,
                     struct err *err);

/* The same on another channel: `on` has `channel`, `links` and `faced`. */
struct str chat_play_on(struct arena *into, const struct book *book, const struct play *on,
                        struct str transcript, struct err *err);

/* How often an action has had that outcome in what was played so far. */
unsigned chat_seen(const char *action, const char *outcome);

/* The bytes of a file of the tree; empty when it cannot be read. */
struct str chat_file(struct arena *into, const char *path);
