/*
 * The words of mail programs, as they show in mails: a table each. Letters beyond ASCII are
 * written as programs write them (composed, a capital where a line begins with one).
 */
#include "webhooks/quotes_parts.h"

#include "bot/base/ascii.h"

static bool is_letter(struct str text, size_t i)
{
    unsigned char c = i < text.len ? (unsigned char)text.at[i] : ' ';

    return c >= 0x80 || (c >= '0' && c <= '9') ||
           (ascii_lower((char)c) >= 'a' && ascii_lower((char)c) <= 'z');
}

/* --- heads -------------------------------------------------------------------------------- */

struct header_name {
    enum quotes_header header;
    const char *names; /* by a comma */
};

static const struct header_name header_names[] = {
    {QUOTES_FROM,    "from,de,von,od,من,المرسل,van,da,fra,från,От,отправитель,Від,nadawca"},
    {QUOTES_DATE,
     "date,sent,sent at,fecha,enviado,enviado el,enviada,data,wysłano,wysłane,التاريخ,تاريخ,"
     "تاريخ الإرسال,تم الإرسال,أرسلت,أُرسلت,datum,gesendet,envoyé,verzonden,inviato,"
     "skickat,sendt,dato,Дата,Отправлено"                                                            },
    {QUOTES_TO,      "to,para,do,adresat,إلى,الى,an,à,À,aan,a,till,til,Кому"                           },
    {QUOTES_SUBJECT, "subject,asunto,temat,الموضوع,betreff,objet,assunto,onderwerp,oggetto,"
                     "Ämne,emne,Тема"                                                     },
    {QUOTES_OTHER,
     "cc,bcc,dw,udw,cco,نسخة,نسخة إلى,kopie,kopia,reply-to,responder a,odpowiedz do,الرد على,"
     "importance,importancia,attachments,adjuntos,załączniki"                                                    },
};

unsigned quotes_header_of(struct str name)
{
    for (size_t i = 0; i < COUNTOF(header_names); i++) {
        struct str rest = str_from(header_names[i].names), one;
        while (str_split(&rest, ',', &one)) {
            if (ascii_eq(name, one))
                return header_names[i].header;
        }
    }
    return 0;
}

/* --- who wrote when ----------------------------------------------------------------------- */

static const char *const verbs[] = {
    "wrote",    "writes",   "escribió", "escribió",   "escribio", "napisał",
    "napisała", "napisana", "pisze",    "كتب",        "كتبت",     "schrieb",
    "écrit",    "écrit",    "schreef",  "geschreven", "scritto",  "escreveu",
    "skrev",    "написал",  "написала", "пишет",      "пише",     "написав",
};

/* "I wrote" is somebody's own sentence. */
static bool is_mine(struct str text, size_t verb)
{
    return verb >= 2 && text.at[verb - 1] == ' ' && ascii_lower(text.at[verb - 2]) == 'i' &&
           (verb == 2 || !is_letter(text, verb - 3));
}

static bool has_word(struct str text, struct str word)
{
    size_t from = 0;

    for (;;) {
        struct str rest = str_slice(text, from, text.len);
        size_t at = str_find(rest, word);
        if (at == rest.len)
            return false;
        at += from;
        from = at + word.len;
        if ((at == 0 || !is_letter(text, at - 1)) && !is_letter(text, from) &&
            !is_mine(text, at))
            return true;
    }
}

bool quotes_says_wrote(struct str text)
{
    for (size_t i = 0; i < COUNTOF(verbs); i++) {
        if (has_word(text, str_from(verbs[i])))
            return true;
    }
    return str_find(text, STR("写道")) < text.len;
}

static const char *const beginnings[] = {
    "on ",   "el ",  "w dniu ", "dnia ", "am ",     "le ",      "op ",
    "em ",   "den ", "il ",     "في ",   "بتاريخ ", "mon",      "tue",
    "wed",   "thu",  "fri",     "sat",   "sun",     "lun",      "mar",
    "mié",   "jue",  "vie",     "sáb",   "dom",     "pon",      "wt",
    "śr",    "czw",  "pt",      "sob",   "niedz",   "пн",       "вт",
    "ср",    "чт",   "пт",      "сб",    "вс",      "понед",    "вторн",
    "среда", "четв", "пятн",    "субб",  "воскр",   "---- on ", "wiadomość napisana przez "};

bool quotes_begins_when(struct str text)
{
    if (text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9')
        return true;
    for (size_t i = 0; i < COUNTOF(beginnings); i++) {
        if (ascii_starts(text, str_from(beginnings[i])))
            return true;
    }
    return false;
}

/* --- rules with words --------------------------------------------------------------------- */

struct rule_words {
    enum quotes_kind kind;
    bool ruled; /* counts between rules only */
    const char *words;
};

static const struct rule_words rule_words[] = {
    {QUOTES_CUT,     true,  "original message,original appointment,mensaje original,cita original"                                              },
    {QUOTES_CUT,     true,  "wiadomość oryginalna,oryginalna wiadomość,oryginalny termin"                                                   },
    {QUOTES_CUT,     true,  "الرسالة الأصلية,رسالة أصلية,رسالة اصلية"                                         },
    {QUOTES_CUT,     true,  "ursprüngliche nachricht,original-nachricht,originalnachricht"                                                     },
    {QUOTES_CUT,     true,  "message d'origine,message original,mensagem original"                                                              },
    {QUOTES_CUT,     true,  "oorspronkelijk bericht,messaggio originale,ursprungligt meddelande"                                                },
    {QUOTES_FORWARD, true,  "forwarded message,mensaje reenviado,przekazana wiadomość"                                                        },
    {QUOTES_FORWARD, true,  "wiadomość przekazana,treść przekazanej wiadomości"                                                            },
    {QUOTES_FORWARD, true,  "رسالة معاد توجيهها,الرسالة المعاد توجيهها,رسالة مُعاد توجيهها"},
    {QUOTES_FORWARD, true,  "weitergeleitete nachricht,message transféré,mensagem encaminhada"                                                },
    {QUOTES_FORWARD, false, "begin forwarded message:,inicio del mensaje reenviado:"                                                            },
    {QUOTES_FORWARD, false, "początek przekazywanej wiadomości:,بداية الرسالة المعاد توجيهها:"                       },
    {QUOTES_FORWARD, false,
     "anfang der weitergeleiteten nachricht:,début du message transféré :"                                                                   },
};

enum quotes_kind quotes_rule_words(struct str words, bool ruled)
{
    for (size_t i = 0; i < COUNTOF(rule_words); i++) {
        struct str rest = str_from(rule_words[i].words), one;
        while (str_split(&rest, ',', &one)) {
            if ((ruled || !rule_words[i].ruled) && ascii_eq(words, one))
                return rule_words[i].kind;
        }
    }
    return QUOTES_TEXT;
}

/* --- devices ------------------------------------------------------------------------------ */

static const char *const devices[] = {
    "sent from ",
    "sent via ",
    "sent with ",
    "sent by ",
    "sent using ",
    "from my ",
    "get outlook for",
    "get [outlook for",
    "enviado desde ",
    "enviado con ",
    "enviado vía ",
    "enviado do ",
    "obtener outlook",
    "obtenga outlook",
    "wysłane z ",
    "wysłano z ",
    "wysłane przy ",
    "pobierz outlook",
    "pobierz aplikację outlook",
    "أُرسلت من ",
    "أرسلت من ",
    "تم الإرسال من ",
    "مرسل من ",
    "أُرسل من ",
    "أرسل من ",
    "الحصول على outlook",
    "احصل على outlook",
    "envoyé depuis ",
    "Envoyé depuis ",
    "envoyé de ",
    "von meinem ",
    "gesendet von ",
    "gesendet mit ",
    "diese nachricht wurde von mein",
    "verzonden met ",
    "verzonden vanaf ",
    "inviato da ",
    "sendt fra ",
    "skickat från ",
    "從我的 ",
    "Отправлено с ",
    "Отправлено из ",
};

/* "Ana from mobile": a short line that ends so. */
static bool ends_as_device(struct str text)
{
    struct str end = STR(" from mobile");

    return text.len <= 60 && text.len > end.len &&
           ascii_starts(str_slice(text, text.len - end.len, end.len), end);
}

bool quotes_device_words(struct str text)
{
    while (text.len > 0 && strchr("<([*", text.at[0]) != NULL)
        text = str_slice(text, 1, text.len);
    for (size_t i = 0; i < COUNTOF(devices); i++) {
        struct str words = str_from(devices[i]);
        if (ascii_starts(text, words))
            return true;
    }
    return ends_as_device(text);
}
