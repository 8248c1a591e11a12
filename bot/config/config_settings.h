/*
 * The table of settings: for the modules that read, show and explain it.
 */
#pragma once

#include "bot/config/config.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_SECRET,   /* text that is never shown; also "<path>_file" */
    SETTING_ADDRESS,  /* 127.0.0.1:8080, [::1]:8080; a str and the unsigned after it */
    SETTING_COUNT,    /* unsigned */
    SETTING_BOOL,     /* bool */
    SETTING_DURATION, /* usec_t: 250ms, 20s, 5m, 24h, 7d */
    SETTING_SIZE      /* size_t: 512, 64KB, 3MB, 1GB */
};

struct setting {
    const char *path; /* "*" stands for an app's name; the offset is then into config_app, or
                         into config_crm_app below "crm.apps" */
    enum setting_type type;
    size_t offset;
    const char *initial; /* the default, as one would write it; "" is none */
    int64_t least, most; /* of a number, duration or size */
    const char *choices; /* of a text: "debug, info, warn"; NULL: any */
    const char *sample;  /* what the example shows where the default says nothing */
    const char *help;    /* whole sentences */
};

extern const struct setting settings[];
extern const size_t settings_n;

/* What a section is for: the words above it in the example and the reference. NULL: nothing. */
const char *settings_section_help(struct str section);

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENV };

/* One setting as it was given. */
struct given {
    const struct setting *setting;
    struct str app;  /* for "*" */
    struct str text; /* terminated */
    enum origin origin;
    const char *place; /* "parley.yaml:12" or "PARLEY_LOG_LEVEL" */
    bool is_file;      /* the text names a file that holds the value */
};

#define GIVEN_MAX 512

/* All that was given, at most one of a setting and app. Values of the environment are added
 * after those of the file and take their place. */
struct given_list {
    struct given items[GIVEN_MAX];
    size_t n;
};

struct config_details {
    struct arena arena;
    struct given_list given;
    const char *warnings[33]; /* NULL-terminated */
    size_t n_warnings;
    void **secrets; /* sodium_malloc */
    size_t n_secrets, secrets_room;
    const char *file;
};

/* Add a value, or put it in the place of a lesser origin's. ERR_REJECT for a second of the same
 * origin. */
MUST_USE bool given_add(struct given_list *list, const struct given *one, struct err *err);
const struct given *given_find(const struct given_list *list, const struct setting *setting,
                               struct str app);

/* The setting of a path such as "whatsapp.apps.shop.token", and the app's name if it has one.
 * NULL: none. `is_file` tells whether it was named with "_file". */
const struct setting *settings_find(struct str path, struct str *app, bool *is_file);

/* Whether settings lie below it: "whatsapp", "whatsapp.apps.shop". */
bool settings_is_section(struct str path);

/* ", did you mean X?" or the empty text. */
struct str settings_suggest(struct arena *into, struct str path);

/* Copy a text into memory that is locked, guarded and wiped with the configuration. */
struct str config_keep_secret(struct config_details *details, struct str text);
PRINTF(2, 3) void config_warn(struct config_details *details, const char *format, ...);

/* Read a YAML file's settings; ERR_REJECT with file, line and cure. */
MUST_USE bool config_read_yaml(struct config_details *details, const char *name,
                               struct str text, struct err *err);

/* Take the environment's settings. */
MUST_USE bool config_read_env(struct config_details *details, char *const *environment,
                              struct err *err);

/* "20s": false when it is no duration. */
bool setting_duration(struct str text, int64_t *value);

/* A number as one would write it: "20s", "3MB". */
struct str setting_number(struct arena *into, const struct setting *setting, int64_t value);

/* An address of the web without the slashes at its end. */
void config_strip_slashes(struct config *config, struct str *url);

/* The settings as a whole: ERR_REJECT when some contradict each other. What is empty and has
 * another setting's value is given it. */
MUST_USE bool config_check(struct config *config, struct err *err);

/* Put one value where its setting says; `base` is the config or the app. A secret's text is
 * kept as it is: it lives as long as the configuration. */
MUST_USE bool config_set_value(struct config_details *details, const struct setting *setting,
                               void *base, struct str text, struct err *err);
