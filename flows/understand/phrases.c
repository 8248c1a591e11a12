/* Languages by name and by their small words; the phrases themselves are in phrases.txt. */
#include "flows/understand/phrases.h"

const struct language_name language_names[] = {
    {LANG_EN, "english"         },
    {LANG_EN, "ingles"          },
    {LANG_EN, "angielski"       },
    {LANG_EN, "angielsku"       },
    {LANG_EN, "انجليزيه"},
    {LANG_EN, "انجليزي"  },
    {LANG_ES, "spanish"         },
    {LANG_ES, "espanol"         },
    {LANG_ES, "castellano"      },
    {LANG_ES, "hiszpanski"      },
    {LANG_ES, "hiszpansku"      },
    {LANG_ES, "اسبانيه"  },
    {LANG_PL, "polish"          },
    {LANG_PL, "polaco"          },
    {LANG_PL, "polski"          },
    {LANG_PL, "polsku"          },
    {LANG_PL, "بولنديه"  },
    {LANG_AR, "arabic"          },
    {LANG_AR, "arabe"           },
    {LANG_AR, "arabski"         },
    {LANG_AR, "arabsku"         },
    {LANG_AR, "عربيه"      },
    {LANG_AR, "عربي"        },
};
const size_t language_names_n = COUNTOF(language_names);

/* Words that one of the other three also uses are left out. */
const char *const small_words[LANG_COUNT] = {
    [LANG_EN] =
        " the my is are where what when how you please order orders want can and have has"
        " not it hello thanks thank was with for hi hey need package parcel status help ",
    [LANG_ES] =
        " el los las mi mis donde esta que cuando como quiero pedido pedidos por favor hola"
        " gracias tengo puedo ver una es y necesito paquete envio ayuda buenos buenas dias"
        " tardes con del ha llegado ",
    [LANG_PL] =
        " gdzie jest moje moja moj zamowienie zamowienia paczka przesylka kiedy jak chce"
        " prosze czy nie sie dzien dobry czesc dziekuje dzieki mam dla hej moich pomoc"
        " pomocy przyjdzie moge ",
    [LANG_AR] = "",
};
