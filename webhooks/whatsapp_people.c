/*
 * Who is who in a delivery.
 *
 * An item names its person by number, by user id, or by both; names stand apart, in the
 * change's contacts. A contact whose ids do not match is somebody else and is left alone, even
 * when it is the only one.
 */
#include "webhooks/whatsapp_parts.h"

#include <stdlib.h>

/* E.164 has at most 15 digits; Meta leaves the plus out. Anything else is no number. */
static struct str e164(struct arena *into, struct str wa_id)
{
    struct str digits = str_starts(wa_id, STR("+")) ? str_slice(wa_id, 1, wa_id.len) : wa_id;
    if (digits.len < 5 || digits.len > 15)
        return STR_NONE;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return STR_NONE;
    }
    return arena_concat(into, STR("+"), digits);
}

static int compare_keys(const void *a, const void *b)
{
    const struct whatsapp_key *left = a, *right = b;
    return str_compare(left->id, right->id);
}

static struct whatsapp_contact read_contact(struct arena *into, const json_t *item)
{
    const json_t *profile = json_object_in(item, "profile");
    struct str wa_id = json_scalar(into, item, "wa_id");
    return (struct whatsapp_contact){
        .wa_id = wa_id,
        .person = {.user_id = json_scalar(into, item, "user_id"),
                   .phone = e164(into, wa_id),
                   .name = json_text(into, profile, "name"),
                   .username = json_text(into, profile, "username")},
    };
}

/* Sorted twice, so that a thousand messages find their thousand contacts in good time. */
void whatsapp_read_contacts(struct whatsapp_place *place, const json_t *value)
{
    const json_t *array = json_array_in(value, "contacts");
    size_t n = json_array_size(array);
    if (n > WHATSAPP_ITEMS_MAX)
        n = WHATSAPP_ITEMS_MAX;
    place->n_contacts = n;
    if (n == 0)
        return;
    struct whatsapp_contact *all = arena_array(place->into, struct whatsapp_contact, n);
    place->by_wa_id = arena_array(place->into, struct whatsapp_key, n);
    place->by_user_id = arena_array(place->into, struct whatsapp_key, n);
    for (size_t i = 0; i < n; i++) {
        all[i] = read_contact(place->into, json_array_get(array, i));
        place->by_wa_id[i] = (struct whatsapp_key){all[i].wa_id, &all[i]};
        place->by_user_id[i] = (struct whatsapp_key){all[i].person.user_id, &all[i]};
    }
    place->contacts = all;
    qsort(place->by_wa_id, n, sizeof(place->by_wa_id[0]), compare_keys);
    qsort(place->by_user_id, n, sizeof(place->by_user_id[0]), compare_keys);
}

static const struct whatsapp_contact *find(const struct whatsapp_key *keys, size_t n,
                                           struct str id)
{
    const struct whatsapp_key wanted = {.id = id};
    const struct whatsapp_key *found =
        id.len > 0 ? bsearch(&wanted, keys, n, sizeof(wanted), compare_keys) : NULL;
    return found ? found->contact : NULL;
}

static const struct whatsapp_contact *find_contact(const struct whatsapp_place *place,
                                                   struct str wa_id, struct str user_id)
{
    if (place->n_contacts == 0)
        return NULL;
    if (wa_id.len == 0 && user_id.len == 0)
        return place->n_contacts == 1 ? &place->contacts[0] : NULL;
    const struct whatsapp_contact *found = find(place->by_user_id, place->n_contacts, user_id);
    return found ? found : find(place->by_wa_id, place->n_contacts, wa_id);
}

struct person whatsapp_person(const struct whatsapp_place *place, struct str wa_id,
                              struct str user_id)
{
    struct person person = {.user_id = user_id, .phone = e164(place->into, wa_id)};
    const struct whatsapp_contact *contact = find_contact(place, wa_id, user_id);
    if (contact) {
        person.name = contact->person.name;
        person.username = contact->person.username;
        if (person.user_id.len == 0)
            person.user_id = contact->person.user_id;
        if (person.phone.len == 0)
            person.phone = contact->person.phone;
        if (wa_id.len == 0)
            wa_id = contact->wa_id;
    }
    if (person.user_id.len == 0 && person.phone.len == 0)
        person.user_id = wa_id;
    return person;
}
