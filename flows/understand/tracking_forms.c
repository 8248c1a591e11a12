/*
 * What tracking numbers look like.
 *
 * A form is a pattern over capitals and digits and a rule for the check digit, after the
 * carriers' own labels as the open collection of jkeen/tracking_number_data describes them.
 *
 * Patterns: '#' a digit, '@' a letter, '*' either, '[..]' one of these, '{n}' repeats what is
 * before it, anything else stands for itself.
 */
#include "flows/understand/tracking_forms.h"

enum rule {
    RULE_NONE,
    RULE_MOD10_31,      /* even places count three times, odd ones once */
    RULE_MOD10_13,      /* the other way */
    RULE_MOD10_12,      /* odd places twice; letters count (code - 3) mod 10 */
    RULE_MOD10_12_LEAD, /* the same, led by `lead` unless it begins so */
    RULE_MOD10_31_91,   /* 3 and 1, led by 91 unless it begins so */
    RULE_MOD7,
    RULE_MOD11_3, /* weights 3 1 7, mod 11 mod 10 */
    RULE_MOD11_1, /* weights 1 7 3, mod 11 mod 10 */
    RULE_LUHN,
    RULE_37_36,
    RULE_S10
};

struct form {
    const char *carrier;
    const char *name;
    const char *pattern;
    uint8_t length; /* of what the pattern fits */
    enum rule rule;
    uint8_t begin; /* of what the check digit covers; it stands behind it */
    uint8_t len;
    char lead;
    enum tracking_grade grade;
};

static const struct form forms[] = {
    {"ups",          "ups",                     "1Z*{15}#",                18, RULE_MOD10_12,      2,  15, 0,   TRACKING_SURE  },
    {"s10",          "s10",                     "@@#{9}@@",                13, RULE_S10,           2,  8,  0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "9[2345]#{20}",            22, RULE_MOD10_31,      0,  21, 0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "9[2345]#{24}",            26, RULE_MOD10_31,      0,  25, 0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "94#{28}",                 30, RULE_MOD10_31,      0,  29, 0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "420#{5}9[2345]#{20}",     30, RULE_MOD10_31,      8,  21, 0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "420#{5}9[2345]#{24}",     34, RULE_MOD10_31,      8,  25, 0,   TRACKING_SURE  },
    {"usps",         "usps_impb",               "420#{9}9[2345]#{20}",     34, RULE_MOD10_31,      12, 21, 0,   TRACKING_SURE  },
    {"usps",         "usps_legacy",             "91#{20}",                 22, RULE_MOD10_31_91,   0,  21, 0,   TRACKING_SURE  },
    {"usps",         "usps_legacy",             "420#{9}91#{20}",          34, RULE_MOD10_31_91,   12, 21, 0,   TRACKING_SURE  },
    {"usps",         "usps_legacy",             "420#{9}#{20}",            32, RULE_MOD10_31_91,   12, 19, 0,   TRACKING_LIKELY},
    {"poczta",       "poczta_20",               "00#5900773#{10}",         20, RULE_MOD10_31,      0,  19, 0,   TRACKING_SURE  },
    {"dhl",          "dhl_20",                  "003404#{14}",             20, RULE_MOD10_31,      0,  19, 0,   TRACKING_SURE  },
    {"usps",         "usps_20",                 "#{20}",                   20, RULE_MOD10_31,      0,  19, 0,   TRACKING_LIKELY},
    {"usps",         "usps_legacy",             "#{20}",                   20, RULE_MOD10_31_91,   0,  19, 0,   TRACKING_LIKELY},
    {"fedex",        "fedex_ground_gsn",        "96#{32}",                 34, RULE_MOD11_1,       20, 13, 0,   TRACKING_SURE  },
    {"fedex",        "fedex_34",                "[012345678]#{33}",        34, RULE_MOD11_1,       20, 13, 0,   TRACKING_LIKELY},
    {"fedex",        "fedex_astra_32",          "3#{31}",                  32, RULE_MOD11_3,       16, 11, 0,   TRACKING_LIKELY},
    {"fedex",        "fedex_ground_96",         "96#{20}",                 22, RULE_MOD10_13,      7,  14, 0,   TRACKING_SURE  },
    {"fedex",        "fedex_ground_sscc_18",    "#{18}",                   18, RULE_MOD10_31,      2,  15, 0,   TRACKING_LIKELY},
    {"fedex",        "fedex_ground",            "#{15}",                   15, RULE_MOD10_13,      0,  14, 0,   TRACKING_LIKELY},
    {"fedex",        "fedex_12",                "#{12}",                   12, RULE_MOD11_3,       0,  11, 0,   TRACKING_LIKELY},
    {"dpd",          "dpd",                     "#{27}*",                  28, RULE_37_36,         0,  27, 0,   TRACKING_SURE  },
    {"dpd",          "dpd_14",                  "#{14}@",                  15, RULE_37_36,         0,  14, 0,   TRACKING_SURE  },
    {"dpd",          "dpd_14",                  "#{14}#",                  15, RULE_37_36,         0,  14, 0,   TRACKING_LIKELY},
    {"amazon",       "amazon_logistics",        "TB[ACM]#{12}",            15, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"yodel",        "yodel",                   "JJD#{16}",                19, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"yodel",        "yodel",                   "JD#{16}",                 18, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"yunexpress",   "yunexpress",              "YT#{16}",                 18, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"gofo",         "gofo_us",                 "GFUS#{14}",               18, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"landmark",     "landmark_global",         "LTN#{8}N1",               13, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"speedee",      "speedee",                 "SP#{18}",                 20, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"canpar",       "canpar_22",               "[CDKLSUXZ]#{21}",         22, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"lasership",    "lasership_1ls7",          "1LS7[12]#{10}",           15, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"lasership",    "lasership_1ls7_18",       "1LS7[12]##01[1234]#{6}1", 17, RULE_NONE,          0,  0,  0,
     TRACKING_SURE                                                                                                             },
    {"lasership",    "lasership_1lscx",         "1LSCX*{10}",              15, RULE_NONE,          0,  0,  0,   TRACKING_SURE  },
    {"dhl",          "dhl_express_piece_id",    "J@@#{9}",                 12, RULE_NONE,          0,  0,  0,   TRACKING_LIKELY},
    {"dhl",          "dhl_express_piece_id",    "J@@#{10}",                13, RULE_NONE,          0,  0,  0,   TRACKING_LIKELY},
    {"dhl",          "dhl_express_piece_id",    "J@@@#{9}",                13, RULE_NONE,          0,  0,  0,   TRACKING_LIKELY},
    {"dhl",          "dhl_express_piece_id",    "J@@@#{10}",               14, RULE_NONE,          0,  0,  0,   TRACKING_LIKELY},
    {"ontrac",       "ontrac_c",                "C#{14}",                  15, RULE_MOD10_12_LEAD, 1,  13, '4', TRACKING_SURE  },
    {"ontrac",       "ontrac_d",                "D#{14}",                  15, RULE_MOD10_12_LEAD, 1,  13, '5', TRACKING_SURE  },
    {"ups",          "ups_waybill",             "[AHJKTV]#{10}",           11, RULE_MOD10_12,      1,  9,  0,   TRACKING_LIKELY},
    {"canada_post",  "canada_post",             "#{16}",                   16, RULE_MOD10_31,      0,  15, 0,   TRACKING_LIKELY},
    {"purolator",    "purolator_numeric",       "[012345]#{11}",           12, RULE_LUHN,          0,  11, 0,
     TRACKING_LIKELY                                                                                                           },
    {"purolator",    "purolator_alpha",         "@@@#{9}",                 12, RULE_NONE,          0,  0,  0,   TRACKING_WEAK  },
    {"old_dominion", "old_dominion",            "77[78]#{8}",              11, RULE_LUHN,          0,  10, 0,   TRACKING_WEAK  },
    {"old_dominion", "old_dominion",            "072#{8}",                 11, RULE_LUHN,          0,  10, 0,   TRACKING_WEAK  },
    {"old_dominion", "old_dominion",            "780#{8}",                 11, RULE_LUHN,          0,  10, 0,   TRACKING_WEAK  },
    {"old_dominion", "old_dominion_guaranteed", "80#{9}",                  11, RULE_LUHN,          0,  10, 0,
     TRACKING_WEAK                                                                                                             },
    {"dhl",          "dhl_express",             "#{10}",                   10, RULE_MOD7,          0,  9,  0,   TRACKING_WEAK  },
    {"dhl",          "dhl_express",             "#{11}",                   11, RULE_MOD7,          0,  10, 0,   TRACKING_WEAK  },
    {"dhl",          "dhl_ecommerce_14",        "#{14}",                   14, RULE_NONE,          0,  0,  0,   TRACKING_WEAK  },
    {"lasership",    "lasership_lx",            "L[AIEHNX][123]#{7}",      10, RULE_NONE,          0,  0,  0,   TRACKING_WEAK  },
    {"amazon",       "amazon_international",    "[AFC]#{10}",              11, RULE_NONE,          0,  0,  0,   TRACKING_WEAK  },
    {"inpost",       "inpost_24",               "#{24}",                   24, RULE_NONE,          0,  0,  0,   TRACKING_WEAK  },
};

/* --- patterns ----------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Whether `c` is what stands at `*pattern`, whose end is given back. */
static bool fits_one(const char *pattern, char c, const char **end)
{
    bool found = false;

    *end = pattern + 1;
    switch (*pattern) {
    case '#':
        return is_digit(c);
    case '@':
        return is_capital(c);
    case '*':
        return is_digit(c) || is_capital(c);
    case '[':
        for (pattern++; *pattern != ']'; pattern++)
            found |= *pattern == c;
        *end = pattern + 1;
        return found;
    default:
        return *pattern == c;
    }
}

static size_t read_count(const char **pattern)
{
    size_t count = 0;

    if (**pattern != '{')
        return 1;
    for (++*pattern; **pattern != '}'; ++*pattern)
        count = 10 * count + (size_t)(**pattern - '0');
    ++*pattern;
    return count;
}

static bool fits(const char *pattern, struct str number)
{
    size_t at = 0;

    while (*pattern && at < number.len) {
        const char *end;
        bool fit = fits_one(pattern, number.at[at], &end);
        size_t count = read_count(&end);

        for (size_t i = 0; i < count; i++, at++) {
            const char *same;

            if (at >= number.len)
                return false;
            fit = fits_one(pattern, number.at[at], &same);
            if (!fit)
                return false;
        }
        pattern = end;
    }
    return *pattern == '\0' && at == number.len;
}

/* --- check digits ------------------------------------------------------------------------- */

static unsigned digit_of(char c)
{
    return is_digit(c) ? (unsigned)(c - '0') : ((unsigned)c - 3) % 10;
}

static unsigned mod10(struct str serial, unsigned even, unsigned odd)
{
    unsigned sum = 0;

    for (size_t i = 0; i < serial.len; i++)
        sum += digit_of(serial.at[i]) * (i % 2 ? odd : even);
    return (10 - sum % 10) % 10;
}

/* With digits put in front, unless it begins with them. */
static unsigned mod10_led(struct str serial, struct str lead, unsigned even, unsigned odd)
{
    char led[TRACKING_LEN_MAX + 2];

    if (str_starts(serial, lead) || lead.len + serial.len > sizeof(led))
        return mod10(serial, even, odd);
    memcpy(led, lead.at, lead.len);
    memcpy(led + lead.len, serial.at, serial.len);
    return mod10((struct str){led, lead.len + serial.len}, even, odd);
}

static unsigned mod7(struct str serial)
{
    unsigned rest = 0;

    for (size_t i = 0; i < serial.len; i++)
        rest = (10 * rest + digit_of(serial.at[i])) % 7;
    return rest;
}

static unsigned mod11(struct str serial, const unsigned weights[3])
{
    unsigned sum = 0;

    for (size_t i = 0; i < serial.len; i++)
        sum += digit_of(serial.at[i]) * weights[i % 3];
    return sum % 11 % 10;
}

static unsigned luhn(struct str serial)
{
    unsigned sum = 0;

    for (size_t i = 0; i < serial.len; i++) {
        unsigned digit = digit_of(serial.at[serial.len - 1 - i]) * (i % 2 ? 1 : 2);

        sum += digit > 9 ? digit - 9 : digit;
    }
    return (10 - sum % 10) % 10;
}

/* ISO 7064, mod 37,36. */
static char mod_37_36(struct str serial)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    unsigned rest = 36;

    for (size_t i = 0; i < serial.len; i++) {
        char c = serial.at[i];
        unsigned value = is_digit(c) ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;

        rest = (rest + value) % 36;
        rest = (rest ? rest : 36) * 2 % 37;
    }
    return alphabet[(37 - rest) % 36];
}

static unsigned s10(struct str serial)
{
    static const unsigned weights[] = {8, 6, 4, 2, 3, 5, 9, 7};
    unsigned sum = 0;

    for (size_t i = 0; i < COUNTOF(weights); i++)
        sum += digit_of(serial.at[i]) * weights[i];
    sum = 11 - sum % 11;
    return sum == 10 ? 0 : sum == 11 ? 5 : sum;
}

/* The countries and territories whose post offices issue S10 numbers. */
static bool is_post_country(struct str code)
{
    static const char codes[] =
        " AC AD AE AF AG AI AL AM AN AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM"
        " BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ"
        " DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM"
        " GN GP GQ GR GS GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP"
        " KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG"
        " MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU"
        " NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG"
        " SH SI SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT"
        " TV TW TZ UA UG UM UN US UY UZ VA VC VE VG VI VN VU WF WS XK XZ YE YT ZA ZM ZW ";
    char padded[4] = {' ', code.at[0], code.at[1], ' '};

    return str_find(str_from(codes), (struct str){padded, 4}) < sizeof(codes) - 1;
}

static bool is_checked(const struct form *form, struct str number)
{
    static const unsigned three[] = {3, 1, 7};
    static const unsigned one[] = {1, 7, 3};
    struct str serial = str_slice(number, form->begin, form->len);
    struct str lead = {&form->lead, 1};
    size_t behind = (size_t)form->begin + form->len;
    char check;
    unsigned digit;

    if (form->rule == RULE_NONE)
        return true;
    check = number.at[behind];
    digit = is_digit(check) ? (unsigned)(check - '0') : 99;
    switch (form->rule) {
    case RULE_NONE:
        break;
    case RULE_MOD10_31:
        return digit == mod10(serial, 3, 1);
    case RULE_MOD10_13:
        return digit == mod10(serial, 1, 3);
    case RULE_MOD10_12:
        return digit == mod10(serial, 1, 2);
    case RULE_MOD10_12_LEAD:
        return digit == mod10_led(serial, lead, 1, 2);
    case RULE_MOD10_31_91:
        return digit == mod10_led(serial, STR("91"), 3, 1);
    case RULE_MOD7:
        return digit == mod7(serial);
    case RULE_MOD11_3:
        return digit == mod11(serial, three);
    case RULE_MOD11_1:
        return digit == mod11(serial, one);
    case RULE_LUHN:
        return digit == luhn(serial);
    case RULE_37_36:
        return check == mod_37_36(serial);
    case RULE_S10:
        return digit == s10(serial) && is_post_country(str_slice(number, 11, 2));
    }
    return false;
}

/* DHL eCommerce: two letters of its own and 10 to 39 letters and digits. */
static bool is_dhl_ecommerce(struct str number)
{
    static const char *const leads[] = {"GM", "LX", "RX", "UV", "CN",
                                        "SG", "TH", "IN", "HK", "MY"};
    size_t digits = 0;

    if (number.len < 12 || number.len > 41)
        return false;
    for (size_t i = 2; i < number.len; i++) {
        if (!is_digit(number.at[i]) && !is_capital(number.at[i]))
            return false;
        digits += is_digit(number.at[i]);
    }
    for (size_t i = 0; i < COUNTOF(leads); i++) {
        if (str_starts(number, str_from(leads[i])))
            return 2 * digits >= number.len;
    }
    return false;
}

/* --- one number --------------------------------------------------------------------------- */

static bool is_all_zeros(struct str number)
{
    for (size_t i = 0; i < number.len; i++) {
        if (number.at[i] != '0')
            return false;
    }
    return true;
}

bool tracking_form_read(struct str number, struct tracking_found *found)
{
    *found = (struct tracking_found){.number = number};
    if (number.len < 8 || number.len > TRACKING_LEN_MAX || is_all_zeros(number))
        return false;
    for (size_t i = 0; i < COUNTOF(forms) && !found->also; i++) {
        if (forms[i].length != number.len || !fits(forms[i].pattern, number) ||
            !is_checked(&forms[i], number))
            continue;
        if (!found->carrier) {
            found->carrier = forms[i].carrier;
            found->form = forms[i].name;
            found->grade = forms[i].grade;
        } else if (strcmp(found->carrier, forms[i].carrier) != 0 &&
                   found->grade < TRACKING_SURE) {
            found->also = forms[i].carrier;
        }
    }
    if (!found->carrier && is_dhl_ecommerce(number)) {
        found->carrier = "dhl";
        found->form = "dhl_ecommerce";
        found->grade = number.len >= 16 ? TRACKING_LIKELY : TRACKING_WEAK;
    }
    if (found->form && strcmp(found->form, "s10") == 0)
        memcpy(found->country, number.at + 11, 2);
    return found->carrier != NULL;
}
