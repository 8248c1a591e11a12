/*
 * A reply's face: how it looks where a channel shows more than the reply's own fields, or less.
 *
 * WhatsApp draws lists and buttons itself. An SMS has words and nothing else, so what could be
 * tapped is numbered there and answered by its number. A mail has a subject, a plain part and
 * an HTML part; both parts are made here from the same reply, say the same in the same order,
 * and can be answered by number, too. Pure: what a face knows is handed in, and all of it is
 * taken for hostile: it is escaped, addresses that are not of the web lead nowhere, and nothing
 * can turn the direction of the words around it.
 *
 * In a mail nothing is said by a picture, a colour or an emoji alone; it follows the reader's
 * light or dark mode and direction of writing, and fetches nothing from anywhere but the logo.
 */
#pragma once

#include "bot/base/message.h"
#include "templates/words.h"

/* Who speaks. All but the name may be empty. */
struct face_sender {
    struct str name;
    struct str address; /* of the street, in one line or several */
    struct str website;
    struct str privacy_url;
    struct str logo_url; /* the only thing that a mail fetches */
    struct str colour;   /* "#rrggbb"; anything else is none */
};

/* What a face is made of; all borrowed. */
struct face_ask {
    const struct reply *reply;
    const struct words *words; /* the keys under "face." */
    struct locale locale;
    struct face_sender sender;
    bool code; /* its words are a one-time code, which no subject and no preview may show */

    /* SMS */
    bool
        plain_letters; /* marks on Latin letters and emoji are given up where that is cheaper */

    /* mail */
    const struct mail_thread *thread; /* NULL: a new one */
    bool answer;            /* they wrote, and this is what we say; else we wrote first */
    const struct str *taps; /* an address for each of the reply's options that acts for it after
                               a page has asked; NULL: none. An empty one is none, too */
    struct str reply_to;    /* a mail address: an option without a tap opens an answer to it */
    struct str unsubscribe; /* an address of the web, for what is no answer; may be empty */
    struct str attached; /* the name of a file that goes along; the reply's url is not shown */
};

/* What a person of the business said, below or behind their name as the channel shows it; what
 * the bot says as it is. */
struct str face_said(struct arena *into, const struct face_ask *ask, enum channel channel);

/* The words of an SMS in `text`. Empty only when the reply says nothing. */
struct face face_sms(struct arena *into, const struct face_ask *ask);

/* A mail: subject (one line, never empty), text and html. `text` is empty only when the reply
 * says nothing. */
struct face face_mail(struct arena *into, const struct face_ask *ask);
