/*
 * What reading a message costs: messages as people write them, in four languages, read over and
 * over. Given how many, prints microseconds for one; with a second word, without the
 * classifier. understand.sh counts the instructions.
 */
#include "flows/understand/trained.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const said[] = {
    "hi",
    "where is my order?",
    ("hello, I ordered a lamp two weeks ago and it still has not arrived, can you help me "
     "please?"),
    "cancel ORD-1001, ordered twice",
    "my tracking number is 1Z999AA10123456784",
    "I want to pay $1,200.00 of my bill next Friday",
    "¿dónde está mi pedido? llevo esperando desde el lunes",
    "quiero cancelar mi pedido 1042 porque lo pedí dos veces",
    "gdzie jest moja paczka, miała przyjść wczoraj",
    "chcę zapłacić fakturę, 25,50 zł, za dwa dni",
    "أين طلبي؟ لم يصل حتى الآن",
    "أريد إلغاء الطلب رقم ١٠٠١",
    "yes",
    "my phone is +48 601 234 567 and my mail is ana@example.com",
    "what is the capital of France and how far is it from here",
    "thx",
};

int main(int argc, char **argv)
{
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    struct understand_context context = {
        .today = 20778, .currency = STR("EUR"), .country = STR("PL")};
    struct trained trained = {0};
    struct arena arena = {0};
    struct timespec begun;
    struct timespec ended;
    size_t checksum = 0;

    if (trained_open(trained_bytes(), &trained))
        return 1;
    context.classifier = argc > 2 ? NULL : &trained.classifier;
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    for (long i = 0; i < n; i++) {
        struct understood meant;

        understand(&arena, str_from(said[(size_t)i % COUNTOF(said)]), &context, &meant);
        checksum += meant.intent.len + meant.n_found;
        arena_reset(&arena);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    arena_finish(&arena);
    (void)printf("%.2f us a message (%zu)\n",
                 ((double)(ended.tv_sec - begun.tv_sec) * 1e6 +
                  (double)(ended.tv_nsec - begun.tv_nsec) / 1e3) /
                     (double)n,
                 checksum);
    return 0;
}
