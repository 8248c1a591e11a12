/*
 * parley seed: a made-up business to try things on.
 */
#include "bot/command/commands.h"
#include "store/seed.h"

/* What the sandbox plays: Meta's own examples use these ids. */
#define DEMO_NUMBER   "106540352242922"
#define DEMO_BUSINESS "102290129340398"

static int seed(struct cli *cli, const struct seed_options *options)
{
    struct err err = {0};
    struct seed_counts counts;
    if (!seed_demo(options, &counts, &err))
        return cli_fail(cli, &err);
    (void)fprintf(cli->out, "the shop has %d customer%s, %d order%s and %d shipment%s\n",
                  counts.customers, CLI_OF(counts.customers, "", "s"), counts.orders,
                  CLI_OF(counts.orders, "", "s"), counts.shipments,
                  CLI_OF(counts.shipments, "", "s"));
    return CLI_DONE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct seed_options options = {.phone_number_id = DEMO_NUMBER,
                                   .business_account_id = DEMO_BUSINESS};
    const struct cli_option known[] = {
        CLI_FLAG("reset", &options.reset),
        CLI_TEXT("number", &options.phone_number_id),
        CLI_TEXT("business", &options.business_account_id),
        CLI_TEXT("phone", &options.phone),
        CLI_TEXT("app", &options.app),
        CLI_TEXT("pictures", &options.pictures),
        CLI_TEXT("sms", &options.sms_number),
        CLI_TEXT("mail", &options.mail_address),
        CLI_OPTIONS_END,
    };
    if (!cli_options(argc, argv, known))
        return cli_usage(cli, NULL);
    if (argc - optind != 1 || strcmp(argv[optind], "demo") != 0)
        return cli_usage(cli, "say what: demo");
    struct config *config = cli_config(cli);
    if (!config)
        return CLI_FAILED;
    options.url = config->database.owner_url.at;
    if (!options.app)
        options.app = config->whatsapp.n_apps ? config->whatsapp.apps[0].name.at : "default";
    if (!options.sms_number && config->twilio.phone_number.len > 0)
        options.sms_number = config->twilio.phone_number.at;
    int status = seed(cli, &options);
    config_destroy(config);
    return status;
}

const struct command command_seed = {
    "seed",
    "put the demo's shop into the database",
    "demo [--reset] [--number ID] [--business ID] [--phone E164] [--sms E164] [--app NAME]"
    " [--mail ADDRESS] [--pictures URL]",
    "Twenty customers, orders of every status, in four languages. What is there already "
    "stays,\n"
    "so it may be repeated. Connects as database.owner_url.\n\n"
    "  --reset         delete all that the shop has first, its conversations too\n"
    "  --number ID     its WhatsApp phone number id (" DEMO_NUMBER ")\n"
    "  --business ID   its WhatsApp business account id (" DEMO_BUSINESS ")\n"
    "  --phone E164    its number as people see it\n"
    "  --sms E164      the number that its SMS leave from (twilio.phone_number)\n"
    "  --mail ADDRESS  the address that people mail to (none)\n"
    "  --app NAME      the app of the settings whose secret signs for it (the first)\n"
    "  --pictures URL  where the photos of its jobs and repairs are (its website)\n",
    run,
};
