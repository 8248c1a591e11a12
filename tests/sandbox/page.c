/*
 * The phone page's files, part of the program.
 *
 * The assembler reads them in (.incbin), so they stay ordinary files to edit and review.
 */
#include "tests/sandbox/sandbox.h"

#define FILE_BYTES(name, file)                                                                 \
    extern const char page_##name##_at[], page_##name##_end[];                                 \
    __asm__(".section .rodata\n.global page_" #name "_at\n.global page_" #name "_end\n"        \
            "page_" #name "_at: .incbin \"" PAGE_DIR "/" file "\"\n"                           \
            "page_" #name "_end:\n.byte 0\n.previous\n")

FILE_BYTES(html, "index.html");
FILE_BYTES(css, "phone.css");
FILE_BYTES(js, "phone.js");
FILE_BYTES(messages, "messages.js");
FILE_BYTES(samples, "samples.js");
FILE_BYTES(texts, "texts.js");
FILE_BYTES(mailbox, "mailbox.js");
FILE_BYTES(crm, "crm.js");
FILE_BYTES(icon, "icon.svg");

static const struct page_file {
    const char *path;
    const char *type;
    const char *at;
    const char *end;
} files[] = {
    {"/",            "text/html; charset=utf-8",       page_html_at,     page_html_end    },
    {"/phone.css",   "text/css; charset=utf-8",        page_css_at,      page_css_end     },
    {"/phone.js",    "text/javascript; charset=utf-8", page_js_at,       page_js_end      },
    {"/messages.js", "text/javascript; charset=utf-8", page_messages_at, page_messages_end},
    {"/samples.js",  "text/javascript; charset=utf-8", page_samples_at,  page_samples_end },
    {"/texts.js",    "text/javascript; charset=utf-8", page_texts_at,    page_texts_end   },
    {"/mailbox.js",  "text/javascript; charset=utf-8", page_mailbox_at,  page_mailbox_end },
    {"/crm.js",      "text/javascript; charset=utf-8", page_crm_at,      page_crm_end     },
    {"/icon.svg",    "image/svg+xml",                  page_icon_at,     page_icon_end    },
};

static const char *const headers[] = {
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "frame-src 'self'; img-src 'self' blob: https: http:; media-src 'self' blob:; connect-src "
    "'self'; base-uri "
    "'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
    "Cache-Control: no-cache",
    NULL,
};

bool page_handle(struct http_exchange *exchange)
{
    if (strcmp(exchange->method, "GET") != 0)
        return false;
    for (size_t i = 0; i < COUNTOF(files); i++) {
        if (!str_eq(exchange->path, str_from(files[i].path)))
            continue;
        struct str body = {files[i].at, (size_t)(files[i].end - files[i].at)};
        http_reply(exchange, 200, files[i].type, body, headers);
        return true;
    }
    return false;
}
