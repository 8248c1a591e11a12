/*
 * What free words mean.
 *
 * `understand` is the one seam between the engine and whatever reads people's language: exact
 * commands, a tolerant matcher of phrases, finders of dates, amounts and numbers, and a slot
 * for a trained classifier of whole sentences. It is honest: when nothing fits well, there is
 * no intent.
 */
#pragma once

#include "flows/understand/amounts.h"
#include "flows/understand/cards.h"
#include "flows/understand/contacts.h"
#include "flows/understand/dates.h"
#include "flows/understand/numbers.h"
#include "flows/understand/tracking.h"

/* What a prompt waits for; it makes the finder of that kind content with less. */
enum awaited {
    AWAITED_ANYTHING,
    AWAITED_DATE,
    AWAITED_AMOUNT,
    AWAITED_TRACKING,
    AWAITED_PHONE,
    AWAITED_ORDER
};

/* From how many percent a classifier is believed, and from how many it is asked about. */
enum { SURE_CLASS = 85, HALF_SURE = 60 };

/* What a whole sentence means, in the opinion of a classifier. */
struct classified {
    struct str intent; /* empty: none of these */
    int confidence;    /* percent */
    enum lang lang;
    bool lang_is_ours;   /* else it is in another language */
    int lang_confidence; /* percent */
};

/*
 * The slot. A classifier is asked about texts that are no command; where it is surer than the
 * phrases are, it is believed. It allocates in `scratch` only and knows no clock.
 */
struct classifier {
    void (*classify)(const struct classifier *self, struct arena *scratch, struct str text,
                     struct classified *out);
};

struct understand_context {
    enum lang lang;      /* the conversation's so far */
    day_t today;         /* where the customer is */
    struct str currency; /* the business's, "EUR"; may be empty */
    struct str country;  /* the business's, "PL": for telephones and the order of 12/03 */
    enum awaited awaited;
    bool past;                           /* dates without a year lie behind */
    const struct classifier *classifier; /* NULL: none */
};

enum found_kind {
    FOUND_EMAIL,
    FOUND_CARD, /* its place only */
    FOUND_TRACKING,
    FOUND_PHONE,
    FOUND_AMOUNT,
    FOUND_DATE,
    FOUND_NUMBER
};

/* Something in the text that is not about what is wanted, but about which. */
struct found {
    enum found_kind kind;
    struct span at;
    union {
        struct email_found email;
        struct tracking_found tracking;
        struct phone_found phone;
        struct amount_found amount;
        struct date_found date;
        struct number_found number;
    };
};

enum { FOUND_MAX = 36 };

struct understood {
    struct str intent;     /* one of phrases.txt, or empty: none of these */
    int confidence;        /* percent; 100: the whole text was a command */
    bool exact;            /* the whole text was a command */
    bool strong;           /* more than one loose word speaks for the intent */
    struct str maybe;      /* there is no intent, and this one is half likely; or empty */
    struct str number;     /* an order number that stands in the text, or empty */
    struct str ticket;     /* a report's, likewise; it is no order's */
    int stars;             /* 1-5, "five stars"; 0: none are given */
    struct str text;       /* what all this is about: the whole text, or its first wish */
    struct str why;        /* what is said behind the command that it begins with; or empty */
    struct str also;       /* another wish behind it, in its words: "cancel 1043"; or empty */
    struct str named_lang; /* intent "language": the one that was named, "pl", or empty */
    enum lang lang;        /* what the text is written in */
    bool lang_is_clear;    /* else `lang` is just the one that was given */
    bool lang_is_sure;     /* it is a whole sentence in that language */
    size_t lang_words;     /* how many words tell it; a command is one */
    const struct found *found;
    size_t n_found; /* no two of them share a character */
};

/* Texts point into `into`, into the text or are constant. Where whole sentences are expected
 * (there is a classifier) two wishes about two orders are told apart. */
void understand(struct arena *into, struct str text, const struct understand_context *context,
                struct understood *meant);

/* The first find of that kind, or NULL. */
const struct found *understood_find(const struct understood *meant, enum found_kind kind);

/* The only find of that kind; NULL when there is none, or more than one. */
const struct found *understood_only(const struct understood *meant, enum found_kind kind);
