#include "flows/understand/concepts.h"

#include "flows/understand/letters.h"

enum { BEGINNING_LEAST = 3 }; /* bytes */

static size_t find(struct str word, bool begins, uint8_t ids[CONCEPTS_OF_MAX])
{
    size_t n = 0;

    for (uint32_t slot = letters_hash(word) % CONCEPT_SLOTS; concept_slots[slot];
         slot = (slot + 1) % CONCEPT_SLOTS) {
        const struct concept *found = &concepts[concept_slots[slot] - 1];

        if (found->begins == begins && found->len == word.len && n < CONCEPTS_OF_MAX &&
            memcmp(found->word, word.at, word.len) == 0)
            ids[n++] = found->id;
    }
    return n;
}

static size_t find_either(struct str word, uint8_t ids[CONCEPTS_OF_MAX])
{
    size_t n = find(word, false, ids);

    for (size_t len = word.len; n == 0 && len >= BEGINNING_LEAST; len--) {
        if (len < word.len && ((unsigned char)word.at[len] & 0xC0) == 0x80)
            continue; /* within a letter */
        n = find(str_slice(word, 0, len), true, ids);
    }
    return n;
}

/* --- what is joined to Arabic words ------------------------------------------------------- */

enum { ROOT_LEAST = 6 /* bytes: three letters */ };

/* Pronouns and plurals behind the word. */
static size_t find_shorter(struct str word, uint8_t ids[CONCEPTS_OF_MAX])
{
    static const char *const behind[] = {"كم", "هم", "ني", "نا", "ها", "كن", "وا", "ين",
                                         "ات", "ون", "ه",  "ك",  "ي",  "ت",  "و",  "ش"};
    size_t n = find_either(word, ids);

    for (size_t i = 0; n == 0 && i < COUNTOF(behind); i++) {
        struct str end = str_from(behind[i]);

        if (word.len >= end.len + ROOT_LEAST && str_ends(word, end))
            n = find_either(str_slice(word, 0, word.len - end.len), ids);
    }
    return n;
}

/* Small words and the persons of verbs before it. */
static size_t find_arabic(struct str word, uint8_t ids[CONCEPTS_OF_MAX])
{
    static const char *const before[] = {"وال", "بال", "هال", "لل", "ال", "بي", "بت",
                                         "هي",  "حي",  "و",   "ب",  "ل",  "ف",  "ه",
                                         "ي",   "ت",   "ن",   "ا",  "س",  "ح"};
    size_t n = find_shorter(word, ids);

    for (size_t i = 0; n == 0 && i < COUNTOF(before); i++) {
        struct str begin = str_from(before[i]);

        if (word.len >= begin.len + ROOT_LEAST && str_starts(word, begin))
            n = find_shorter(str_slice(word, begin.len, word.len), ids);
    }
    return n;
}

size_t concepts_of(struct str word, uint8_t ids[CONCEPTS_OF_MAX])
{
    if (word.len >= 4 && (unsigned char)word.at[0] >= 0xD8 && (unsigned char)word.at[0] <= 0xDB)
        return find_arabic(word, ids);
    return find_either(word, ids);
}
