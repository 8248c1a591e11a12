/* A table names every member once, for reading, writing and checking alike. */
#include "tests/sandbox/faults.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind { PROBABILITY, COUNT, SWITCH };

static const struct member {
    const char *name;
    enum kind kind;
    size_t at;
} members[] = {
    {"delay_ms",           COUNT,       offsetof(struct faults, delay_ms)          },
    {"delay_max_ms",       COUNT,       offsetof(struct faults, delay_max_ms)      },
    {"throttle",           PROBABILITY, offsetof(struct faults, throttle)          },
    {"rate",               COUNT,       offsetof(struct faults, rate)              },
    {"pair_rate",          SWITCH,      offsetof(struct faults, pair_rate)         },
    {"lose_answer",        PROBABILITY, offsetof(struct faults, lose_answer)       },
    {"lose_request",       PROBABILITY, offsetof(struct faults, lose_request)      },
    {"empty_5xx",          PROBABILITY, offsetof(struct faults, empty_5xx)         },
    {"garbage",            PROBABILITY, offsetof(struct faults, garbage)           },
    {"lose_callback",      PROBABILITY, offsetof(struct faults, lose_callback)     },
    {"duplicate_callback", PROBABILITY, offsetof(struct faults, duplicate_callback)},
    {"reorder_callback",   PROBABILITY, offsetof(struct faults, reorder_callback)  },
    {"strict_window",      SWITCH,      offsetof(struct faults, strict_window)     },
    {"media_delay_ms",     COUNT,       offsetof(struct faults, media_delay_ms)    },
    {"media_gone",         PROBABILITY, offsetof(struct faults, media_gone)        },
    {"media_drop",         PROBABILITY, offsetof(struct faults, media_drop)        },
    {"media_cut",          COUNT,       offsetof(struct faults, media_cut)         },
    {"media_wrong",        PROBABILITY, offsetof(struct faults, media_wrong)       },
    {"media_small",        SWITCH,      offsetof(struct faults, media_small)       },
    {"media_abroad",       SWITCH,      offsetof(struct faults, media_abroad)      },
    {"upload_delay_ms",    COUNT,       offsetof(struct faults, upload_delay_ms)   },
    {"upload_lose",        PROBABILITY, offsetof(struct faults, upload_lose)       },
    {"upload_5xx",         PROBABILITY, offsetof(struct faults, upload_5xx)        },
    {"upload_refuse",      PROBABILITY, offsetof(struct faults, upload_refuse)     },
};

static bool set_member(struct faults *faults, const struct member *member, const json_t *value)
{
    char *at = (char *)faults + member->at;
    double number = json_number_value(value);
    if (member->kind == SWITCH) {
        *(bool *)(void *)at = json_is_true(value);
        return json_is_boolean(value);
    }
    if (!json_is_number(value) || number < 0)
        return false;
    if (member->kind == COUNT) {
        *(int64_t *)(void *)at = (int64_t)json_integer_value(value);
        return json_is_integer(value);
    }
    *(double *)(void *)at = number;
    return number <= 1;
}

static bool set_rule(struct faults *faults, const json_t *wish, struct err *err)
{
    struct fault_rule rule = {.http = 400};
    if (!json_is_object(wish) || faults->n_rules == FAULT_RULES_MAX)
        return err_raise(err, ERR_REJECT, "fail: at most %d objects", FAULT_RULES_MAX);
    const json_t *http = json_object_get(wish, "http");
    const char *to = json_string_value(json_object_get(wish, "to"));
    rule.code = (int)json_integer_value(json_object_get(wish, "code"));
    rule.http = http ? (int)json_integer_value(http) : 400;
    rule.next = (unsigned)json_integer_value(json_object_get(wish, "next"));
    rule.probability = json_number_value(json_object_get(wish, "probability"));
    rule.late = json_is_true(json_object_get(wish, "late"));
    (void)snprintf(rule.to, sizeof(rule.to), "%s", to ? to : "");
    if (rule.http < 400 || rule.http > 599 || rule.code < 0)
        return err_raise(err, ERR_REJECT, "fail: needs a code, and an http of 400 to 599");
    faults->rules[faults->n_rules++] = rule;
    return true;
}

static bool set_rules(struct faults *faults, const json_t *wish, struct err *err)
{
    size_t i;
    json_t *rule;
    faults->n_rules = 0;
    if (!json_is_array(wish))
        return err_raise(err, ERR_REJECT, "fail: must be a list");
    json_array_foreach((json_t *)wish, i, rule) if (!set_rule(faults, rule, err)) return false;
    return true;
}

static bool set_named(struct faults *faults, const char *name, const json_t *value,
                      struct err *err)
{
    if (strcmp(name, "reset") == 0)
        return true;
    if (strcmp(name, "fail") == 0)
        return set_rules(faults, value, err);
    if (strcmp(name, "seed") == 0) {
        faults->dice = (uint64_t)json_integer_value(value);
        return true;
    }
    for (size_t i = 0; i < COUNTOF(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            return set_member(faults, &members[i], value) ||
                   err_raise(err, ERR_REJECT, "%s: not a value for it", name);
        }
    }
    return err_raise(err, ERR_REJECT, "%.60s: no such fault", name);
}

bool faults_set(struct faults *faults, const json_t *wish, struct err *err)
{
    struct faults next = *faults;
    const char *name;
    json_t *value;
    if (!json_is_object(wish))
        return err_raise(err, ERR_REJECT, "faults must be an object");
    if (json_is_true(json_object_get(wish, "reset")))
        next = (struct faults){.dice = faults->dice};
    json_object_foreach((json_t *)wish, name,
                        value) if (!set_named(&next, name, value, err)) return false;
    *faults = next;
    return true;
}

json_t *faults_to_json(const struct faults *faults)
{
    json_t *json = json_object();
    for (size_t i = 0; i < COUNTOF(members); i++) {
        const char *at = (const char *)faults + members[i].at;
        json_t *value =
            members[i].kind == SWITCH  ? json_boolean(*(const bool *)(const void *)at)
            : members[i].kind == COUNT ? json_integer(*(const int64_t *)(const void *)at)
                                       : json_real(*(const double *)(const void *)at);
        json_object_set_new(json, members[i].name, value);
    }
    json_t *rules = json_array();
    for (size_t i = 0; i < faults->n_rules; i++) {
        const struct fault_rule *rule = &faults->rules[i];
        json_array_append_new(
            rules, json_pack("{s:i, s:i, s:i, s:f, s:b, s:s}", "code", rule->code, "http",
                             rule->http, "next", (int)rule->next, "probability",
                             rule->probability, "late", rule->late, "to", rule->to));
    }
    json_object_set_new(json, "fail", rules);
    return json;
}

/* splitmix64: one addition and a mix, and every seed is a good one. */
static uint64_t roll(struct faults *faults)
{
    uint64_t z = (faults->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

bool faults_roll(struct faults *faults, double p)
{
    return p > 0 && (double)(roll(faults) >> 11) * 0x1p-53 < p;
}

enum mishap faults_mishap(struct faults *faults)
{
    if (faults_roll(faults, faults->empty_5xx))
        return faults_roll(faults, 0.5) ? MISHAP_BEFORE : MISHAP_AFTER;
    if (faults_roll(faults, faults->lose_answer))
        return MISHAP_LOST;
    return faults_roll(faults, faults->garbage) ? MISHAP_GARBAGE : MISHAP_NONE;
}

int64_t faults_delay(struct faults *faults)
{
    int64_t spread = faults->delay_max_ms - faults->delay_ms;
    if (spread <= 0)
        return faults->delay_ms;
    return faults->delay_ms + (int64_t)(roll(faults) % (uint64_t)(spread + 1));
}

const struct fault_rule *faults_rule(struct faults *faults, const char *to)
{
    for (size_t i = 0; i < faults->n_rules; i++) {
        struct fault_rule *rule = &faults->rules[i];
        if (rule->to[0] && strcmp(rule->to, to) != 0)
            continue;
        if (rule->next > 0) {
            rule->next--;
            return rule;
        }
        if (faults_roll(faults, rule->probability))
            return rule;
    }
    return NULL;
}
