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

/* What the account's settings say, else the business's; WISH_NONE: the service's holds. */
enum wish { WISH_NONE, WISH_NO, WISH_YES };

struct speaker {
    enum lang lang;
    struct face_sender sender;
    enum wish plain_letters, mms; /* SMS */
    struct speaker_file file;
};

/* Of what SQL_FACES_OF gave, the one for this message; copied. One that is not there speaks
 * English and has no name. */
void speaker_read(struct arena *into, const PGresult *rows, struct uuid conversation,
                  int64_t seq, struct speaker *speaker);

bool wish_or(enum wish wish, bool otherwise);
