/*
 * What a file is, by its own bytes: names, extensions and what a sender claims count for
 * nothing.
 *
 * Only the kinds that we keep are known; everything else is FILE_UNKNOWN, and so is a file that
 * begins like one of them and breaks off or contradicts itself in its head. Pure, and ready for
 * any bytes: it reads headers by their lengths, never decodes, and its work is bounded by
 * `bytes`.
 */
#pragma once

#include "bot/base/str.h"

enum file_kind {
    FILE_UNKNOWN,
    FILE_JPEG,
    FILE_PNG,
    FILE_WEBP,
    FILE_HEIC,
    FILE_GIF,
    FILE_PDF,
    FILE_VOICE /* Ogg Opus, AAC, AMR, MP3 or MP4 with sound alone: kept as it is */
};

/* The sides of a picture that we take: more than any camera has, less than what fills a
 * machine's memory when somebody opens it. */
#define FILE_SIDE_MAX   30000u
#define FILE_PIXELS_MAX 200000000u

enum file_verdict {
    FILE_FINE,
    FILE_STRANGE, /* none of our kinds, or broken in its head */
    FILE_HOSTILE /* made to do harm when it is opened: huge pictures, documents with programs */
};

struct file_look {
    enum file_kind kind;
    enum file_verdict verdict;
    const char *mime;       /* "image/jpeg"; "" for FILE_UNKNOWN */
    const char *ending;     /* "jpg"; "bin" for FILE_UNKNOWN */
    unsigned width, height; /* of a picture that says so in its head; else 0 */
};

struct file_look file_sniff(struct str bytes);

/* Whether it is a picture or a PDF: what a person attaches to a report. */
bool file_is_attachment(enum file_kind kind);
