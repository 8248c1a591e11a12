/*
 * One value: from the text that someone wrote to the type that the setting has. An error says
 * what would have been right; it never quotes a secret.
 */
#include "bot/config/config_settings.h"

#include <arpa/inet.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {
    {"us", 1            },
    {"ms", USEC_PER_MSEC},
    {"s",  USEC_PER_SEC },
    {"m",  USEC_PER_MIN },
    {"h",  USEC_PER_HOUR},
    {"d",  USEC_PER_DAY },
};
static const struct unit sizes[] = {
    {"",   1                          },
    {"B",  1                          },
    {"KB", 1024                       },
    {"MB", (int64_t)1024 * 1024       },
    {"GB", (int64_t)1024 * 1024 * 1024},
};

/* "20s": digits and a unit. A bare 0 needs none. */
static bool read_units(struct str text, const struct unit *units, size_t n, int64_t *value)
{
    size_t digits = 0;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    struct str unit = str_trim(str_slice(text, digits, text.len));
    int64_t number;
    if (!str_to_int(str_slice(text, 0, digits), &number))
        return false;
    if (number == 0 && unit.len == 0) {
        *value = 0;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (str_eq(unit, str_from(units[i].name)))
            return !__builtin_mul_overflow(number, units[i].factor, value);
    }
    return false;
}

/* The largest unit that says it whole: for the limits in errors and in the reference. */
static struct str write_units(struct arena *into, const struct unit *units, size_t n,
                              int64_t value)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i++) {
        if (value != 0 && value % units[i].factor == 0 && units[i].factor >= units[best].factor)
            best = i;
    }
    if (value == 0)
        return STR("0");
    return arena_format(into, "%lld%s", (long long)(value / units[best].factor),
                        units[best].name);
}

struct str setting_number(struct arena *into, const struct setting *setting, int64_t value)
{
    if (setting->type == SETTING_DURATION)
        return write_units(into, durations, COUNTOF(durations), value);
    if (setting->type == SETTING_SIZE)
        return write_units(into, sizes, COUNTOF(sizes), value);
    return arena_format(into, "%lld", (long long)value);
}

static bool read_number(const struct setting *setting, struct str text, int64_t *value)
{
    switch (setting->type) {
    case SETTING_DURATION:
        return read_units(text, durations, COUNTOF(durations), value);
    case SETTING_SIZE:
        return read_units(text, sizes, COUNTOF(sizes), value);
    default:
        return str_to_int(text, value);
    }
}

bool setting_duration(struct str text, int64_t *value)
{
    return read_units(text, durations, COUNTOF(durations), value);
}

static const char *number_form(enum setting_type type)
{
    return type == SETTING_DURATION ? "a duration such as 250ms, 20s, 5m, 24h or 7d"
           : type == SETTING_SIZE   ? "a size such as 64KB, 3MB or 1GB"
                                    : "a whole number";
}

static bool check_number(struct arena *scratch, const struct setting *setting, struct str text,
                         int64_t *value, struct err *err)
{
    if (!read_number(setting, text, value)) {
        return err_raise(err, ERR_REJECT, "\"%.*s\" is not %s", STR_ARG(text),
                         number_form(setting->type));
    }
    if (*value < setting->least || *value > setting->most) {
        return err_raise(err, ERR_REJECT, "%.*s is out of range: write %.*s to %.*s",
                         STR_ARG(text),
                         STR_ARG(setting_number(scratch, setting, setting->least)),
                         STR_ARG(setting_number(scratch, setting, setting->most)));
    }
    return true;
}

static bool read_bool(struct str text, bool *yes, struct err *err)
{
    static const char *const words[][2] = {
        {"false", "true"},
        {"no",    "yes" },
        {"off",   "on"  }
    };
    for (size_t i = 0; i < COUNTOF(words); i++) {
        for (size_t j = 0; j < 2; j++) {
            if (str_eq(text, str_from(words[i][j]))) {
                *yes = j == 1;
                return true;
            }
        }
    }
    return err_raise(err, ERR_REJECT, "\"%.*s\" is neither true nor false", STR_ARG(text));
}

/* "address:port"; an IPv6 address stands in brackets. */
static bool read_address(struct arena *into, struct str text, struct str *address,
                         unsigned *port, struct err *err)
{
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    struct str host = str_slice(text, 0, colon ? colon - 1 : 0);
    int64_t number;
    unsigned char binary[sizeof(struct in6_addr)];
    bool six = str_starts(host, STR("[")) && str_ends(host, STR("]"));
    if (six)
        host = str_slice(host, 1, host.len - 2);
    if (inet_pton(six ? AF_INET6 : AF_INET, arena_cstr(into, host), binary) != 1 ||
        !str_to_int(str_slice(text, colon, text.len), &number) || number < 0 ||
        number > 65535) {
        return err_raise(err, ERR_REJECT,
                         "\"%.*s\" is not an address and a port such as 127.0.0.1:8080, "
                         "0.0.0.0:8080 or [::1]:8080",
                         STR_ARG(text));
    }
    *address = arena_str(into, host);
    *port = (unsigned)number;
    return true;
}

static bool check_choice(const struct setting *setting, struct str text, struct err *err)
{
    if (!setting->choices)
        return true;
    struct str rest = str_from(setting->choices), one;
    while (str_split(&rest, ',', &one)) {
        if (str_eq(str_trim(one), text))
            return true;
    }
    return err_raise(err, ERR_REJECT, "\"%.*s\" is none of: %s", STR_ARG(text),
                     setting->choices);
}

bool config_set_value(struct config_details *details, const struct setting *setting, void *base,
                      struct str text, struct err *err)
{
    void *at = (char *)base + setting->offset;
    int64_t number = 0;
    switch (setting->type) {
    case SETTING_TEXT:
        if (!check_choice(setting, text, err))
            return false;
        *(struct str *)at = arena_str(&details->arena, text);
        return true;
    case SETTING_SECRET:
        *(struct str *)at = text;
        return true;
    case SETTING_ADDRESS:
        return read_address(&details->arena, text, at,
                            (unsigned *)(void *)((char *)at + sizeof(struct str)), err);
    case SETTING_BOOL:
        return read_bool(text, at, err);
    case SETTING_COUNT:
    case SETTING_DURATION:
    case SETTING_SIZE:
        if (!check_number(&details->arena, setting, text, &number, err))
            return false;
        if (setting->type == SETTING_COUNT) {
            *(unsigned *)at = (unsigned)number;
        } else if (setting->type == SETTING_SIZE) {
            *(size_t *)at = (size_t)number;
        } else {
            *(usec_t *)at = number;
        }
        return true;
    }
    return err_raise(err, ERR_BROKEN, "%s has no type", setting->path);
}
