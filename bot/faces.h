/*
 * Who speaks on a channel whose messages have a face (templates/face.h), and to whom in which
 * language: what the lane learns with its claim.
 */
#pragma once

#include "store/db.h"
#include "templates/face.h"

/* The kept file that a message shows. */
struct speaker_file {
    bool shown;  /* false: none */
    bool theirs; /* it is there, and its reader may still see it */
    struct uuid document, customer;
    struct str mime;
    int64_t size;
};

struct speaker {
    enum lang lang;
    struct face_sender sender;
    struct speaker_file file;
};

/* Of what SQL_FACES_OF gave, the one for this message; copied. One that is not there speaks
 * English and has no name. */
void speaker_read(struct arena *into, const PGresult *rows, struct uuid conversation,
                  int64_t seq, struct speaker *speaker);
