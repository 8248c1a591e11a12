/*
 * A face's inside: what its files share.
 *
 *     face.c        the reply made clean, and what announces a mail
 *     face_sms.c    the words of an SMS
 *     face_text.c   a mail's plain part
 *     face_html.c   a mail's HTML: the frame, and what can be tapped
 *     face_body.c   a mail's HTML: the reply's own words
 */
#pragma once

#include "templates/face.h"
#include "templates/out.h"

#define FACE_OPTIONS_MAX 10

struct face_option {
    struct str title, description, section; /* one line each */
    struct str tap;                         /* where it leads; empty: nowhere */
};

/* The reply with nothing in it that could do harm but by its letters: no control characters
 * but the line feed, no marks that turn what stands around them, no address but of the web. */
struct face_reply {
    struct str header, body, footer;
    struct face_option options[FACE_OPTIONS_MAX];
    size_t n;
    struct str label, url; /* what can be opened, and where; no url: nothing */
    struct str attached;   /* the line that names a file that goes along */
    struct face_sender sender;
    struct str unsubscribe;
    struct str subject; /* mail */
};

/* --- face.c */
void face_read(struct arena *into, const struct face_ask *ask, struct face_reply *reply);
/* The text of "face.<name>": with the business's name, and a number. */
struct str face_words(struct arena *into, const struct face_ask *ask, const char *name,
                      size_t number);
/* Cut off the first line, up to its line feed. */
struct str face_line(struct str *rest);
/* Add on a line of its own; after an empty one when `apart`. Nothing for nothing. */
void face_add_line(struct out *out, struct str line, bool apart);
/* The part of the text that is an address of the web: where it begins, and its length; 0 when
 * there is none. */
size_t face_find_url(struct str text, size_t *len);

/* --- face_text.c */
struct str face_text_part(struct arena *into, const struct face_ask *ask,
                          const struct face_reply *reply);

/* --- face_html.c */
struct str face_html_part(struct arena *into, const struct face_ask *ask,
                          const struct face_reply *reply);

/* --- face_body.c */
/* Escaped, for an element or an attribute. */
void face_escape(struct out *out, struct str text);
void face_body(struct out *out, const struct face_ask *ask, const struct face_reply *reply);
