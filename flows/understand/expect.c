/*
 * What the prompt expects. A row is meant by its place ("2", "the second one"), by its own key,
 * or by words that fit it and no other: where two rows fit, none is meant, and we ask.
 */
#include "flows/understand/expect.h"
#include "flows/understand/tokens.h"

struct number_word {
    const char *word;
    int number;
};

static const struct number_word number_words[] = {
    {"one",          1 },
    {"first",        1 },
    {"uno",          1 },
    {"una",          1 },
    {"primero",      1 },
    {"primera",      1 },
    {"jeden",        1 },
    {"pierwszy",     1 },
    {"pierwsza",     1 },
    {"pierwsze",     1 },
    {"واحد",     1 },
    {"اول",       1 },
    {"اولي",     1 },
    {"two",          2 },
    {"second",       2 },
    {"dos",          2 },
    {"segundo",      2 },
    {"segunda",      2 },
    {"dwa",          2 },
    {"drugi",        2 },
    {"druga",        2 },
    {"drugie",       2 },
    {"اثنان",   2 },
    {"اثنين",   2 },
    {"ثاني",     2 },
    {"ثانيه",   2 },
    {"three",        3 },
    {"third",        3 },
    {"tres",         3 },
    {"tercero",      3 },
    {"tercera",      3 },
    {"trzy",         3 },
    {"trzeci",       3 },
    {"trzecia",      3 },
    {"trzecie",      3 },
    {"ثلاثه",   3 },
    {"ثالث",     3 },
    {"ثالثه",   3 },
    {"four",         4 },
    {"fourth",       4 },
    {"cuatro",       4 },
    {"cuarto",       4 },
    {"cztery",       4 },
    {"czwarty",      4 },
    {"czwarte",      4 },
    {"اربعه",   4 },
    {"رابع",     4 },
    {"five",         5 },
    {"fifth",        5 },
    {"cinco",        5 },
    {"quinto",       5 },
    {"piec",         5 },
    {"piaty",        5 },
    {"piate",        5 },
    {"خمسه",     5 },
    {"خامس",     5 },
    {"six",          6 },
    {"sixth",        6 },
    {"seis",         6 },
    {"szesc",        6 },
    {"سته",       6 },
    {"seven",        7 },
    {"seventh",      7 },
    {"siete",        7 },
    {"siedem",       7 },
    {"سبعه",     7 },
    {"eight",        8 },
    {"eighth",       8 },
    {"ocho",         8 },
    {"osiem",        8 },
    {"ثمانيه", 8 },
    {"nine",         9 },
    {"ninth",        9 },
    {"nueve",        9 },
    {"dziewiec",     9 },
    {"تسعه",     9 },
    {"ten",          10},
    {"tenth",        10},
    {"diez",         10},
    {"dziesiec",     10},
    {"عشره",     10},
};

/* Words that may stand around a number: "number 2 please", "the first one", "4 stars". */
static const char fillers[] =
    " number no nr option row the one please numero opcion la el por"
    " favor numer opcja prosze reason motivo powod سبب رقم خيار star stars estrella estrellas"
    " gwiazdka gwiazdki gwiazdek نجمه نجوم ";

static const char more_words[] = " more next mas siguiente siguientes wiecej dalej nastepne"
                                 " nastepna مزيد تالي ";
static const char previous_words[] =
    " previous prev earlier anterior anteriores poprzednie poprzednia سابق ";
static const char last_words[] = " last ultimo ultima ostatni ostatnia ostatnie اخير اخيره ";
static const char yes_words[] =
    " yes y yep yeah yea ya yess yup sure ok okay okey absolutely definitely correct confirm"
    " confirmed agree agreed course indeed si sii sip claro vale correcto confirmo confirmar"
    " confirmado adelante acuerdo supuesto dale tak taak jasne dobrze dobra okej pewnie"
    " oczywiscie owszem zgoda potwierdzam poprosze نعم نعمم ايوه ايوا اجل اكيد موافق موافقه "
    "تمام"
    " طبعا صح صحيح ماشي اوكي اوك اي بالتاكيد ";
static const char no_words[] =
    " no n nope nah nop never negative negativo nunca tampoco nie niee"
    " nigdy لا لاا كلا مو مش ";
static const char around_yes[] =
    " i said told mowie mowilem mowilam ze te dije قلت لك please thanks thank you now just por "
    "favor gracias ya prosze dziekuje juz of go"
    " ahead do it that is right de que lo eso na to i شكرا فضلك من ";
static const char around_no[] =
    " i said told mowie mowilem mowilam ze te dije que قلت لك please thanks thank you no "
    "gracias dziekuje not it that eso actually rather better keep"
    " sorry wait dont do forget leave mejor pues ya dejalo olvidalo espera prosze jednak "
    "lepiej "
    "raczej juz poczekaj czekaj zostaw شكرا خلاص بس ";
/* "Not now": no, and for the time being. What one does not want is no answer: "no quiero",
 * where it is asked whether to stop all messages, may be either. */
static const char *const later_words[] = {
    "not now",
    "not right now",
    "not today",
    "not yet",
    "later",
    "maybe later",
    "another time",
    "some other time",
    "next time",
    "ahora no",
    "por ahora no",
    "hoy no",
    "luego",
    "mas tarde",
    "despues",
    "otro dia",
    "en otro momento",
    "todavia no",
    "aun no",
    "quiza luego",
    "quiza mas tarde",
    "tal vez mas tarde",
    "nie teraz",
    "nie dzis",
    "nie dzisiaj",
    "jeszcze nie",
    "pozniej",
    "potem",
    "moze pozniej",
    "innym razem",
    "kiedy indziej",
    "na razie nie",
    "ليس الان",
    "مش الان",
    "مو الان",
    "لا الان",
    "ليس اليوم",
    "ليس بعد",
    "لاحقا",
    "ربما لاحقا",
    "فيما بعد",
    "بعدين",
    "في وقت اخر",
    "مو الحين",
    "مش الحين",
    "ليس الحين",
    "بكره",
    "maybe tomorrow",
    "mejor manana",
    "manana mejor",
    "moze jutro",
    "jutro",
};
static const char done_words[] =
    " done ready finished finish enough all no nope nothing listo lista"
    " todo todas todos terminado hecho nada gotowe koniec wszystko"
    " tyle nie تم انتهيت خلاص خلص كل يكفي جاهز لا ";
static const char done_fillers[] =
    " i am im that thats is it s not more them please thanks ya esta"
    " eso es son las los mas gracias to juz wiecej prosze هذا هذه"
    " photo photos picture pictures pic pics file files have got any foto fotos tengo"
    " archivos mam zdjec zdjecia zdjecie plikow صور صوره عندي لدي"
    " شي شيء يوجد مزيد شكرا ";
static const char skip_words[] = " skip pass omitir saltar pomin pominac تخطي تخط ";
/* What somebody says who has nothing to add. */
static const char nothing_words[] =
    " no nope none nothing nah nada ninguno ninguna nie nic zaden"
    " zadnych لا شيء شي كلا idk dunno know idea se wiem pojecia ادري اعرف مدري ";
static const char around_nothing[] =
    " thanks thank you else more thats all gracias mas dziekuje i dont do not ni lo la"
    " wiecej to wszystko mam شكرا اخر ما ";

static bool is_in(const char *set, struct str token)
{
    char padded[40];

    if (token.len == 0 || token.len + 2 > sizeof(padded))
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, token.at, token.len);
    padded[token.len + 1] = ' ';
    return str_find(str_from(set), (struct str){padded, token.len + 2}) < strlen(set);
}

static bool token_number(struct str token, int64_t *number)
{
    if (str_to_int(token, number))
        return true;
    for (size_t i = 0; i < COUNTOF(number_words); i++) {
        if (!str_eq(token, str_from(number_words[i].word)))
            continue;
        *number = number_words[i].number;
        return true;
    }
    return false;
}

/* Exactly one number, and nothing beside it but fillers. "one" after a number is a filler. */
static bool only_number(const struct tokens *tokens, int64_t *number)
{
    bool found = false;

    for (size_t i = 0; i < tokens->n; i++) {
        int64_t value;

        if (token_number(tokens->items[i], &value)) {
            if (found && !is_in(fillers, tokens->items[i]))
                return false;
            if (!found)
                *number = value;
            found = true;
        } else if (!is_in(fillers, tokens->items[i])) {
            return false;
        }
    }
    return found;
}

/* One of the set and nothing beside it but `beside`. */
static bool only_word_among(const struct tokens *tokens, const char *set, const char *beside)
{
    bool found = false;

    for (size_t i = 0; i < tokens->n; i++) {
        if (is_in(set, tokens->items[i])) {
            found = true;
        } else if (!is_in(beside, tokens->items[i])) {
            return false;
        }
    }
    return found && tokens->n <= 5;
}

static bool only_word_of(const struct tokens *tokens, const char *set)
{
    return only_word_among(tokens, set, fillers);
}

/* --- options ------------------------------------------------------------------------------ */

/* "the last one": of the rows of data, or of all options where there are none. */
static int by_last(const struct tokens *tokens, const struct expect_option *options, size_t n)
{
    int last = (int)n - 1;

    if (!only_word_of(tokens, last_words))
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (options[i].is_row)
            last = (int)i;
    }
    return last;
}

static int by_place(const struct tokens *tokens, size_t n)
{
    int64_t number;

    if (!only_number(tokens, &number) || number < 1 || (uint64_t)number > n)
        return -1;
    return (int)(number - 1);
}

/* More and Previous: of two page turners the earlier stands for More. */
static int by_page(const struct tokens *tokens, const struct expect_option *options, size_t n)
{
    bool more = only_word_of(tokens, more_words);
    bool previous = only_word_of(tokens, previous_words);
    int found = -1;
    int64_t best = 0;

    if (!more && !previous)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int64_t offset;

        if (!options[i].is_page || !str_to_int(options[i].key, &offset))
            continue;
        if (found < 0 || (more ? offset > best : offset < best)) {
            found = (int)i;
            best = offset;
        }
    }
    return found;
}

/* "later", with a no before it or courtesy around it. */
static bool is_later(struct arena *scratch, const struct tokens *tokens)
{
    static const char around[] = " no nie لا please sorry thanks thank you gracias por favor"
                                 " prosze dziekuje raczej mejor شكرا من فضلك ";
    struct tokens levelled;

    for (size_t i = 0; i < COUNTOF(later_words); i++) {
        size_t at = 0;
        size_t n = 0;

        tokens_read(scratch, str_from(later_words[i]), &levelled);
        while (at + levelled.n < tokens->n && !str_eq(tokens->items[at], levelled.items[0]) &&
               is_in(around, tokens->items[at]))
            at++;
        while (n < levelled.n && at + n < tokens->n &&
               str_eq(tokens->items[at + n], levelled.items[n]))
            n++;
        if (n < levelled.n)
            continue;
        for (at += n; at < tokens->n && is_in(around, tokens->items[at]);)
            at++;
        if (at == tokens->n)
            return true;
    }
    return false;
}

static int by_yes_no(struct arena *scratch, const struct tokens *tokens,
                     const struct expect_option *options, size_t n)
{
    bool yes = only_word_among(tokens, yes_words, around_yes);
    bool no = only_word_among(tokens, no_words, around_no);

    for (size_t i = 0; i < n; i++) {
        if ((yes && options[i].is_yes) || (no && options[i].is_no) ||
            (options[i].is_out && is_later(scratch, tokens)))
            return (int)i;
    }
    return -1;
}

/* Letters and digits only, so that "ord 1001" and "#ORD-1001" are one. */
static struct str joined(struct arena *scratch, const struct tokens *tokens)
{
    struct str all = STR_NONE;

    for (size_t i = 0; i < tokens->n; i++)
        all = arena_concat(scratch, all, tokens->items[i]);
    return all;
}

static bool is_digits(struct str text)
{
    int64_t number;

    return text.len >= 3 && str_to_int(text, &number) && text.at[0] != '-';
}

/* The row whose key was written, wholly or by its digits. */
static int by_key(struct arena *scratch, const struct tokens *tokens,
                  const struct expect_option *options, size_t n)
{
    struct str said = joined(scratch, tokens);
    int found = -1;

    for (size_t i = 0; i < n; i++) {
        struct tokens key_tokens;
        struct str key;

        if (!options[i].is_row)
            continue;
        tokens_read(scratch, options[i].key, &key_tokens);
        key = joined(scratch, &key_tokens);
        if (key.len > 0 && str_eq(key, said))
            return (int)i;
        if (!is_digits(said) || !str_ends(key, said))
            continue;
        if (found >= 0)
            return -1;
        found = (int)i;
    }
    return found;
}

static bool fits(const struct tokens *said, const struct tokens *title)
{
    for (size_t i = 0; i < said->n; i++) {
        bool there = false;

        for (size_t j = 0; j < title->n && !there; j++)
            there = tokens_alike(said->items[i], title->items[j]);
        if (!there)
            return false;
    }
    return true;
}

static bool same(const struct tokens *said, const struct tokens *title)
{
    if (said->n != title->n)
        return false;
    for (size_t i = 0; i < said->n; i++) {
        if (!str_eq(said->items[i], title->items[i]))
            return false;
    }
    return true;
}

/* "nie" alone is a no, and no part of "Nie ten artykuł". */
static bool is_refusal(const struct tokens *said)
{
    static const char *const words[] = {"no", "nie", "not", "لا", "ليس"};

    for (size_t i = 0; said->n == 1 && i < COUNTOF(words); i++) {
        if (str_eq(said->items[0], str_from(words[i])))
            return true;
    }
    return false;
}

/* The option whose title holds all that was said; the whole title beats a part of another. */
static int by_words(struct arena *scratch, const struct tokens *said,
                    const struct expect_option *options, size_t n)
{
    size_t len = joined(scratch, said).len;
    int found = -1;
    bool ambiguous = false;

    if (len < 2)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct tokens title;

        tokens_read(scratch, options[i].title, &title);
        if (same(said, &title))
            return (int)i;
        if (len < 3 || is_refusal(said) || !fits(said, &title))
            continue;
        ambiguous = found >= 0;
        found = (int)i;
    }
    return ambiguous ? -1 : found;
}

static bool holds_any(struct str text, const char *const *signs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_find(text, str_from(signs[i])) < text.len)
            return true;
    }
    return false;
}

/* A thumb or a tick, up or down, in any colour of skin, and no words. */
static int by_sign(struct str text, const struct expect_option *options, size_t n)
{
    static const char *const yes[] = {"👍", "✅", "👌", "✔", "🆗"};
    static const char *const no[] = {"👎", "❌", "🚫", "✖", "🙅"};
    bool is_yes = holds_any(text, yes, COUNTOF(yes));
    bool is_no = holds_any(text, no, COUNTOF(no));

    for (size_t i = 0; is_yes != is_no && i < n; i++) {
        if ((is_yes && options[i].is_yes) || (is_no && options[i].is_no))
            return (int)i;
    }
    return -1;
}

/* So many stars and nothing else are a number. */
static int by_stars(struct str text, size_t n)
{
    static const char *const stars[] = {"⭐", "★", "🌟"};
    struct str rest = str_trim(text);
    size_t count = 0;

    while (rest.len > 0) {
        size_t i = 0;
        while (i < COUNTOF(stars) && !str_starts(rest, str_from(stars[i])))
            i++;
        if (i == COUNTOF(stars) || ++count > n)
            return -1;
        rest = str_slice(rest, strlen(stars[i]), rest.len);
    }
    return (int)count - 1;
}

int expect_option(struct arena *scratch, struct str text, const struct expect_option *options,
                  size_t n)
{
    struct tokens tokens;
    int found;

    tokens_read(scratch, text, &tokens);
    if (tokens.n == 0) {
        found = by_stars(text, n);
        return found >= 0 ? found : by_sign(text, options, n);
    }
    if (n == 0)
        return -1;
    found = by_place(&tokens, n);
    if (found < 0)
        found = by_last(&tokens, options, n);
    if (found < 0)
        found = by_page(&tokens, options, n);
    if (found < 0)
        found = by_yes_no(scratch, &tokens, options, n);
    if (found < 0)
        found = by_key(scratch, &tokens, options, n);
    if (found < 0)
        found = by_words(scratch, &tokens, options, n);
    return found;
}

bool expect_assent(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return only_word_among(&tokens, yes_words, around_yes);
}

bool expect_refusal(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return only_word_among(&tokens, no_words, around_no) || is_later(scratch, &tokens);
}

bool expect_skip(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return only_word_of(&tokens, skip_words) ||
           only_word_among(&tokens, nothing_words, around_nothing);
}

bool expect_done(struct arena *scratch, struct str text)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return only_word_of(&tokens, skip_words) ||
           only_word_among(&tokens, done_words, done_fillers);
}

bool expect_number(struct arena *scratch, struct str text, int64_t *number)
{
    struct tokens tokens;

    tokens_read(scratch, text, &tokens);
    return only_number(&tokens, number);
}
