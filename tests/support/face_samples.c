#include "tests/support/face_samples.h"

#include <stdio.h>
#include <stdlib.h>

/* What differs between languages, in the order of enum lang. */
struct spoken {
    const char *text, *detail, *list, *again, *link, *link_label, *image, *document, *news;
    const char *buttons[3];
    const char *rows[4][2];
    const char *footer, *filename, *address, *subject;
};

static const struct spoken spoken[LANG_COUNT] = {
    [LANG_EN] =
        {"Good to hear from you again. Your parcel left us this morning and should be "
         "with you on Tuesday.\n\nYou can follow it at "
         "https://lark.example/track/1001?ref=mail&lang=en, or just ask me here.", "Order LK-1001\n\U0001f69a Shipped\nPlaced: 12 Nov 2026\nExpected: Tuesday, 24 "
         "November\n\n\u2022 1 \u00d7 Oak desk lamp: \u20ac89.00\n\u2022 2 \u00d7 Linen "
         "shade, natural: \u20ac38.00\n\nSubtotal: \u20ac127.00\nTax: "
         "\u20ac24.13\nShipping: \u20ac4.90\nTotal: \u20ac156.03\n\nAddress: 12 Harbour "
         "Row, Apt 4B, Cork",                                         "Which order would you like to see?",
                   "What happened?",                                                                                                                                                                                                  "\U0001f4e6 FedEx, 449044304137821\nOut for delivery\nExpected: today, by 6 pm",
                   "Open tracking page",                                                                                                                                                                                                                                                                                                                  "Here is the photo from the workshop.",
                   "Your invoice for order LK-1001 is ready.",                                                                                                                                                                                                                                                                                                                                                                                               "Your order LK-1001 has been shipped. It should arrive on Tuesday.",
                   {"Track parcel", "Step by step", "Back to orders"},
                   {{"Order LK-1001", "\U0001f69a Shipped \u00b7 12 Nov 2026 \u00b7 \u20ac156.03"},
          {"Order LK-0987", "\u2705 Delivered \u00b7 3 Oct 2026 \u00b7 \u20ac42.50"},
          {"Order LK-0954", "\u26d4 Cancelled \u00b7 18 Sep 2026 \u00b7 \u20ac310.00"},
          {"Another order", "Search by number or by a word"}},
                   "Prices include tax.",                     "invoice-LK-1001.pdf",
                   "Lark & Sons, 7 Quay Street, Galway, Ireland",                                       "Where is my lamp?"          },
    [LANG_ES] =
        {"Me alegra saber de ti otra vez. Tu paquete salió esta mañana y debería llegar "
         "el martes.\n\nPuedes seguirlo en "
         "https://lark.example/track/1001?ref=mail&lang=es o preguntarme aquí.",  "Pedido LK-1001\n\U0001f69a Enviado\nRealizado: 12 nov 2026\nPrevisto: martes, "
         "24 de noviembre\n\n\u2022 1 \u00d7 Lámpara de roble: 89,00 \u20ac\n\u2022 2 "
         "\u00d7 Pantalla de lino natural: 38,00 \u20ac\n\nSubtotal: 127,00 "
         "\u20ac\nImpuestos: 24,13 \u20ac\nEnvío: 4,90 \u20ac\nTotal: 156,03 "
         "\u20ac\n\nDirección: Calle del Puerto 12, 4.º B, Cádiz",  "¿Qué pedido quieres ver?",
                   "¿Qué ha pasado?",                                                                                                                                                                                               "\U0001f4e6 FedEx, 449044304137821\nEn reparto\nPrevisto: hoy, antes de las 18:00",
                   "Abrir el seguimiento",                                                                                                                                                                                                                                                                                                                "Esta es la foto del taller.",
                   "La factura del pedido LK-1001 está lista.",                                                                                                                                                                                                                                                                                                                                                                                             "Tu pedido LK-1001 ha salido. Debería llegar el martes.",
                   {"Seguir el paquete", "Paso a paso", "Volver a pedidos"},
                   {{"Pedido LK-1001", "\U0001f69a Enviado \u00b7 12 nov 2026 \u00b7 156,03 \u20ac"},
          {"Pedido LK-0987", "\u2705 Entregado \u00b7 3 oct 2026 \u00b7 42,50 \u20ac"},
          {"Pedido LK-0954", "\u26d4 Cancelado \u00b7 18 sept 2026 \u00b7 310,00 \u20ac"},
          {"Otro pedido", "Busca por número o por una palabra"}},
                   "Los precios incluyen impuestos.",         "factura-LK-1001.pdf",
                   "Lark & Sons, Quay Street 7, Galway, Irlanda",                                       "¿Dónde está mi lámpara?"},
    [LANG_PL] =
        {"Miło znów Cię widzieć. Paczka wyszła od nas dziś rano i powinna dotrzeć we "
         "wtorek.\n\nMożesz ją śledzić na https://lark.example/track/1001?ref=mail&lang=pl "
         "albo po prostu zapytać tutaj.",                                         "Zamówienie LK-1001\n\U0001f69a Wysłane\nZłożone: 12 lis 2026\nSpodziewane: "
         "wtorek, 24 listopada\n\n\u2022 1 \u00d7 Dębowa lampka na biurko: 89,00 "
         "\u20ac\n\u2022 2 \u00d7 Abażur lniany, naturalny: 38,00 \u20ac\n\nSuma: 127,00 "
         "\u20ac\nPodatek: 24,13 \u20ac\nWysyłka: 4,90 \u20ac\nRazem: 156,03 "
         "\u20ac\n\nAdres: ul. Żeglarska 12 m. 4, Gdańsk",                                                  "Które zamówienie pokazać?",
                   "Co się stało?",                                                                                                                                                                                                 "\U0001f4e6 FedEx, 449044304137821\nW doręczeniu\nSpodziewane: dziś do 18:00",
                   "Otwórz śledzenie",                                                                                                                                                                                                                                                                                                                  "Oto zdjęcie z warsztatu.",
                   "Faktura do zamówienia LK-1001 jest gotowa.",                                                                                                                                                                                                                                                                                                                                                                                            "Zamówienie LK-1001 jest już w drodze. Powinno dotrzeć we wtorek.",
                   {"Śledź paczkę", "Krok po kroku", "Lista zamówień"},
                   {{"Zamówienie LK-1001", "\U0001f69a Wysłane \u00b7 12 lis 2026 \u00b7 156,03 \u20ac"},
          {"Zamówienie LK-0987", "\u2705 Doręczone \u00b7 3 paź 2026 \u00b7 42,50 \u20ac"},
          {"Zamówienie LK-0954", "\u26d4 Anulowane \u00b7 18 wrz 2026 \u00b7 310,00 \u20ac"},
          {"Inne zamówienie", "Szukaj po numerze lub słowie"}},
                   "Ceny zawierają podatek.",                "faktura-LK-1001.pdf",
                   "Lark & Sons, Quay Street 7, Galway, Irlandia",                                      "Gdzie jest moja lampka?"    },
    [LANG_AR] =
        {"سعدنا بعودتك. خرج طردك من عندنا هذا الصباح، ومن المتوقع أن يصلك يوم "
         "الثلاثاء.\n\nيمكنك تتبعه هنا: https://lark.example/track/1001?ref=mail&lang=ar "
         "أو اسألني مباشرة.",                                        "الطلب \u2068LK-1001\u2069\n\U0001f69a في الطريق\nتاريخ الطلب: 12 نوفمبر "
         "2026\nالوصول المتوقع: الثلاثاء 24 نوفمبر\n\n\u2022 1 \u00d7 مصباح مكتب من خشب "
         "البلوط: \u206889.00 €\u2069\n\u2022 2 \u00d7 غطاء كتان طبيعي: \u206838.00 "
         "€\u2069\n\nالمجموع الفرعي: \u2068127.00 €\u2069\nالضريبة: \u206824.13 "
         "€\u2069\nالشحن: \u20684.90 €\u2069\nالإجمالي: \u2068156.03 "
         "€\u2069\n\nالعنوان: شارع المرفأ 12، الشقة 4، الدار البيضاء",
                   "أي طلب تودّ أن ترى؟",                                                                                                                                                         "ماذا حدث؟",
                   "\U0001f4e6 \u2068FedEx\u2069، \u2068449044304137821\u2069\nخرج للتسليم\nالوصول "
         "المتوقع: اليوم قبل السادسة مساءً",                                                                                                                                                                                                                                                   "فتح صفحة التتبع",
                   "هذه صورة من الورشة.",                                                                                                                                                                                                                                                                                                                                          "فاتورة الطلب \u2068LK-1001\u2069 جاهزة.",
                   "طلبك \u2068LK-1001\u2069 في الطريق إليك، ومن المتوقع أن يصل يوم الثلاثاء.",
                   {"تتبع الطرد", "خطوة بخطوة", "العودة إلى الطلبات"},
                   {{"الطلب \u2068LK-1001\u2069", "\U0001f69a في الطريق \u00b7 12 نوفمبر 2026 \u00b7 "
                                        "\u2068156.03 €\u2069"},
          {"الطلب \u2068LK-0987\u2069", "\u2705 تم التسليم \u00b7 3 أكتوبر 2026 \u00b7 "
                                        "\u206842.50 €\u2069"},
          {"الطلب \u2068LK-0954\u2069", "\u26d4 ملغى \u00b7 18 سبتمبر 2026 \u00b7 "
                                        "\u2068310.00 €\u2069"},
          {"طلب آخر", "ابحث برقم أو بكلمة"}},
                   "الأسعار تشمل الضريبة.", "invoice-LK-1001.pdf",
                   "لارك وأبناؤه، شارع الرصيف 7، غالواي، أيرلندا",
                   "أين المصباح؟"                                                                                         },
};

static struct str read_file(struct arena *into, const char *path)
{
    enum { ROOM = 1 << 20 };
    FILE *file = fopen(path, "rb");
    char *bytes = arena_alloc(into, ROOM);
    size_t len = file != NULL ? fread(bytes, 1, ROOM, file) : 0;

    if (file == NULL || fclose(file) != 0)
        abort();
    return (struct str){bytes, len};
}

struct words *face_sample_words(void)
{
    struct arena arena = {0};
    struct source_file files[LANG_COUNT];
    struct words *words;
    struct err err = {0};

    for (size_t i = 0; i < LANG_COUNT; i++) {
        const char *name =
            arena_format(&arena, "templates/messages/%s.yaml", lang_code((enum lang)i)).at;
        files[i].name = str_from(name);
        files[i].bytes =
            read_file(&arena, arena_format(&arena, "%s/%s", PARLEY_SOURCE_DIR, name).at);
    }
    if (!words_create(files, LANG_COUNT, &words, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    arena_finish(&arena);
    return words;
}

static const struct reply_option *options_of(struct arena *into, const struct spoken *said,
                                             bool rows, size_t *n)
{
    struct reply_option *options = arena_array(into, struct reply_option, 4);

    *n = rows ? 4 : 3;
    for (size_t i = 0; i < *n; i++) {
        options[i].id = arena_format(into, "option.%zu", i);
        options[i].title = str_from(rows ? said->rows[i][0] : said->buttons[i]);
        if (rows)
            options[i].description = str_from(said->rows[i][1]);
    }
    return options;
}

static const struct str *taps_of(struct arena *into, size_t n)
{
    struct str *taps = arena_array(into, struct str, n);

    for (size_t i = 0; i < n; i++)
        taps[i] = arena_format(into, "https://parley.example/t/Zk3vQ8m2Xr7Lw0Ab%zu", i);
    return taps;
}

static struct reply *reply_of(struct arena *into, enum reply_kind kind, const char *body)
{
    struct reply *reply = arena_new(into, struct reply);

    reply->kind = kind;
    reply->body = str_from(body);
    return reply;
}

static void choose(struct arena *into, const struct spoken *said, bool rows,
                   struct reply *reply)
{
    reply->options = options_of(into, said, rows, &reply->n_options);
}

void face_samples(struct arena *into, const struct words *words, enum lang lang,
                  struct face_sample samples[FACE_SAMPLES])
{
    static const char *const names[FACE_SAMPLES] = {"text", "detail", "list",     "buttons",
                                                    "link", "image",  "document", "template",
                                                    "code", "thread"};
    const struct spoken *said = &spoken[lang];
    struct reply *replies[FACE_SAMPLES] = {
        reply_of(into, REPLY_TEXT, said->text),
        reply_of(into, REPLY_BUTTONS, said->detail),
        reply_of(into, REPLY_LIST, said->list),
        reply_of(into, REPLY_BUTTONS, said->again),
        reply_of(into, REPLY_LINK, said->link),
        reply_of(into, REPLY_IMAGE, said->image),
        reply_of(into, REPLY_DOCUMENT, said->document),
        reply_of(into, REPLY_TEMPLATE, said->news),
        reply_of(into, REPLY_TEXT, ""),
        reply_of(into, REPLY_TEXT, said->text),
    };
    struct mail_thread *thread = arena_new(into, struct mail_thread);
    struct record_builder values, business;

    for (size_t i = 0; i < FACE_SAMPLES; i++) {
        samples[i].name = names[i];
        samples[i].ask = (struct face_ask){
            .reply = replies[i],
            .words = words,
            .locale = {.lang = lang,                                .zone = STR("UTC")},
            .sender = { .name = STR("Lark & Sons"),
                       .address = str_from(said->address),
                       .website = STR("https://www.lark.example/"),
                       .privacy_url = STR("https://www.lark.example/privacy")},
            .answer = true,
            .reply_to = STR("support+p1.x.7@in.lark.example")
        };
    }
    choose(into, said, false, replies[1]);
    choose(into, said, true, replies[2]);
    choose(into, said, false, replies[3]);
    replies[2]->footer = str_from(said->footer);
    samples[1].ask.taps = taps_of(into, replies[1]->n_options);
    samples[2].ask.taps = taps_of(into, replies[2]->n_options);
    replies[4]->label = str_from(said->link_label);
    replies[4]->url = STR("https://lark.example/track/449044304137821");
    replies[5]->url = STR("https://lark.example/media/photo-17.jpg");
    replies[6]->url = STR("https://lark.example/files/invoice-LK-1001.pdf");
    replies[6]->filename = str_from(said->filename);
    samples[7].ask.answer = false;
    samples[7].ask.unsubscribe = STR("https://parley.example/u/Zk3vQ8m2Xr7Lw0Ab");
    record_build(&business, into);
    record_set(&business, STR("name"), value_text(STR("Lark & Sons")));
    record_build(&values, into);
    record_set(&values, STR("business"), value_record(record_built(&business)));
    record_set(&values, STR("code"), value_text(STR("471123")));
    samples[8].ask.code = true;
    replies[8]->body = words_render(into, words, &samples[8].ask.locale,
                                    STR("verify.code.message"), record_built(&values), NULL);
    thread->in_reply_to = STR("<CAF=abc@mail.example.net>");
    thread->references = STR("<CAF=abc@mail.example.net>");
    thread->subject = str_from(said->subject);
    samples[9].ask.thread = thread;
}
