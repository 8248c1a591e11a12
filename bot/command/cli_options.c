/*
 * A command's options are a table of where they go, so that no command has a switch of its own.
 * getopt_long reads them: what it cannot read it has told already.
 */
#include "bot/command/cli.h"

#include <stdlib.h>

#define OPTIONS_MAX 16

static bool read_number(const struct cli_option *option, const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (end == text || *end || number < 1 || number > option->max)
        return false;
    *option->number = number;
    return true;
}

static bool read_one(const struct cli_option *option, const char *text)
{
    if (option->number)
        return read_number(option, text);
    if (option->flag) {
        *option->flag = true;
        return true;
    }
    *option->text = text;
    return option->max == 0 || (*text && strlen(text) <= (size_t)option->max);
}

bool cli_options(int argc, char **argv, const struct cli_option *options)
{
    struct option known[OPTIONS_MAX + 1] = {0};
    int at, read;

    for (int i = 0; i < OPTIONS_MAX && options[i].name; i++) {
        known[i] =
            (struct option){.name = options[i].name,
                            .has_arg = options[i].flag ? no_argument : required_argument};
    }
    /* There are long options alone, so 0 is "one of them", and `at` says which. */
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, which has started nothing yet
    while ((read = getopt_long(argc, argv, "", known, &at)) == 0) {
        if (!read_one(&options[at], optarg))
            return false;
    }
    return read == -1;
}
