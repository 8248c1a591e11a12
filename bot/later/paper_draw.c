/*
 * All lengths are points (1/72 inch). Places are counted from the side at which the reader
 * begins; `across` turns them into cairo's, so that a page in Arabic is the mirror image of one
 * in English.
 *
 * A table goes on over as many pages as it needs, with its head on each; what belongs together
 * (a row, the totals) is never torn, unless no page could hold it: then it goes on at a line.
 * Pages are counted before anything is drawn, by laying out the same way without ink.
 */
#include "bot/later/paper_draw.h"

#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <time.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#define PAGE_W    595.28
#define PAGE_H    841.89
#define MARGIN    56.0
#define WIDTH     (PAGE_W - 2 * MARGIN)
#define BOTTOM    (PAGE_H - MARGIN - 24) /* below it stands the page's number */
#define GAP       8.0
#define ROW_MOST  600.0 /* what is higher fits below no table's head, and is torn */
#define ROW_LEAST 40.0  /* so much of it at least stands on a page */
#define LOGO_W    150.0
#define LOGO_H    44.0
#define FONT      "Noto Sans, Noto Sans Arabic, Noto Naskh Arabic, sans-serif"
#define INK       0.106, 0.122, 0.141
#define SOFT_INK  0.337, 0.365, 0.4
#define HAIRLINE  0.8, 0.82, 0.85

/* A font of one size and weight. What stands side by side stands on one line, whatever its
 * script: that line is so far below the pen. */
enum face_of_text { TEXT_BODY, TEXT_SMALL, TEXT_STRONG, TEXT_TITLE };
static const struct {
    double size;
    bool bold;
    double baseline;
} texts[] = {
    [TEXT_BODY] = {9.5, false, 10.5},
    [TEXT_SMALL] = {8.5, false, 10.5},
    [TEXT_STRONG] = {9.5, true,  10.5},
    [TEXT_TITLE] = {20,  true,  22  },
};

struct bytes {
    char *at;
    size_t len, room;
};

struct sheet {
    const struct paper *paper;
    cairo_t *cr; /* NULL while pages are counted */
    PangoLayout *layout;
    bool mirrored;
    double y;
    unsigned page, pages;
    bool full; /* it would take more pages than there may be */
    cairo_surface_t *logo;
    struct bytes out;
};

/* Where each column begins, and how wide it is; numbers end at their column's far side. */
static const struct {
    double at, width;
    bool number;
} columns[PAPER_COLUMNS] = {
    [PAPER_ITEM] = {0,   235,         false},
    [PAPER_QUANTITY] = {243, 60,          true },
    [PAPER_PRICE] = {311, 82,          true },
    [PAPER_AMOUNT] = {401, WIDTH - 401, true },
};

/* --- ink --------------------------------------------------------------------------------- */

static void tag(struct sheet *sheet, const char *name)
{
    if (sheet->cr != NULL)
        cairo_tag_begin(sheet->cr, name, NULL);
}

static void tag_end(struct sheet *sheet, const char *name)
{
    if (sheet->cr != NULL)
        cairo_tag_end(sheet->cr, name);
}

static void colour(struct sheet *sheet, double r, double g, double b)
{
    if (sheet->cr != NULL)
        cairo_set_source_rgb(sheet->cr, r, g, b);
}

static double across(const struct sheet *sheet, double at, double width)
{
    return MARGIN + (sheet->mirrored ? WIDTH - at - width : at);
}

static void line(struct sheet *sheet, double at, double width, double thick)
{
    if (sheet->cr == NULL)
        return;
    colour(sheet, HAIRLINE);
    cairo_set_line_width(sheet->cr, thick);
    cairo_move_to(sheet->cr, across(sheet, at, width), sheet->y);
    cairo_rel_line_to(sheet->cr, width, 0);
    cairo_stroke(sheet->cr);
}

static void set_font(PangoLayout *layout, enum face_of_text as)
{
    PangoFontDescription *font = pango_font_description_from_string(FONT);

    pango_font_description_set_absolute_size(font, texts[as].size * PANGO_SCALE);
    pango_font_description_set_weight(font,
                                      texts[as].bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
}

/* Of the letter that stands at `*at`, which moves behind it. */
static UCharDirection next_direction(struct str text, int32_t *at)
{
    UChar32 c;

    U8_NEXT((const uint8_t *)text.at, *at, (int32_t)text.len, c);
    return c < 0 ? U_OTHER_NEUTRAL : u_charDirection(c);
}

/* Which way a text runs by its own letters: a street in Galway is read from the left on a page
 * in Arabic, too. What has none, such as a number, follows the page. */
static PangoDirection direction_of(const struct sheet *sheet, struct str text)
{
    int32_t at = 0;

    while (at < (int32_t)text.len) {
        UCharDirection own = next_direction(text, &at);

        if (own == U_LEFT_TO_RIGHT)
            return PANGO_DIRECTION_LTR;
        if (own == U_RIGHT_TO_LEFT || own == U_RIGHT_TO_LEFT_ARABIC)
            return PANGO_DIRECTION_RTL;
    }
    return sheet->mirrored ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR;
}

static void set_text(const struct sheet *sheet, struct str text)
{
    pango_context_set_base_dir(pango_layout_get_context(sheet->layout),
                               direction_of(sheet, text));
    pango_layout_context_changed(sheet->layout);
    pango_layout_set_text(sheet->layout, text.at, (int)text.len);
}

/* Lay text out in a column; what comes back is how far below the pen it begins. */
static double lay_out(struct sheet *sheet, struct str text, enum face_of_text as, double width)
{
    PangoLayout *layout = sheet->layout;

    set_font(layout, as);
    set_text(sheet, text);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    return texts[as].baseline - (double)pango_layout_get_baseline(layout) / PANGO_SCALE;
}

/* Draw it where the pen is; how high it is comes back. */
static double text_in(struct sheet *sheet, struct str text, enum face_of_text as, double at,
                      double width, bool far)
{
    PangoLayout *layout = sheet->layout;
    double above;
    int height;

    if (text.len == 0)
        return 0;
    above = lay_out(sheet, text, as, width);
    pango_layout_set_alignment(layout,
                               far != sheet->mirrored ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_get_size(layout, NULL, &height);
    if (sheet->cr != NULL) {
        cairo_move_to(sheet->cr, across(sheet, at, width), sheet->y + above);
        pango_cairo_show_layout(sheet->cr, layout);
    }
    return above + (double)height / PANGO_SCALE;
}

/* The same without ink: how high it would be. */
static double height_of(struct sheet *sheet, struct str text, enum face_of_text as,
                        double width)
{
    cairo_t *cr = sheet->cr;
    double height;

    sheet->cr = NULL;
    height = text_in(sheet, text, as, 0, width, false);
    sheet->cr = cr;
    return height;
}

/* Take off the lines that fit on this page: one at least, or nothing would ever end. */
static struct str take_lines(struct sheet *sheet, struct str *text, enum face_of_text as,
                             double width)
{
    struct str all = *text;
    size_t end = 0, rest = all.len;
    PangoLayoutIter *at;
    double space;

    if (all.len == 0)
        return all;
    space = BOTTOM - sheet->y - lay_out(sheet, all, as, width);
    at = pango_layout_get_iter(sheet->layout);
    do {
        const PangoLayoutLine *of = pango_layout_iter_get_line_readonly(at);
        int low;

        pango_layout_iter_get_line_yrange(at, NULL, &low);
        if (end > 0 && (double)low / PANGO_SCALE > space) {
            rest = (size_t)of->start_index;
            break;
        }
        end = (size_t)of->start_index + (size_t)of->length;
    } while (pango_layout_iter_next_line(at));
    pango_layout_iter_free(at);
    *text = str_slice(all, rest, all.len);
    return rest == all.len ? all : str_slice(all, 0, end);
}

static double paragraph(struct sheet *sheet, struct str text, enum face_of_text as, double at,
                        double width, bool far)
{
    double height;

    tag(sheet, "P");
    height = text_in(sheet, text, as, at, width, far);
    tag_end(sheet, "P");
    return height;
}

/* --- pages ------------------------------------------------------------------------------- */

static void page_end(struct sheet *sheet)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%u / %u", sheet->page, sheet->pages);

    if (sheet->cr == NULL)
        return;
    sheet->y = PAGE_H - MARGIN;
    colour(sheet, SOFT_INK);
    if (sheet->pages > 1)
        (void)text_in(sheet, (struct str){text, (size_t)len}, TEXT_SMALL, 0, WIDTH, true);
    cairo_show_page(sheet->cr);
}

static void page_begin(struct sheet *sheet)
{
    sheet->full = sheet->page == PAPER_PAGES;
    if (sheet->full)
        return;
    page_end(sheet);
    sheet->page++;
    sheet->y = MARGIN;
}

/* A new page unless there is room for so much. True when one was begun. */
static bool room(struct sheet *sheet, double height)
{
    if (sheet->y + height <= BOTTOM)
        return false;
    page_begin(sheet);
    return !sheet->full;
}

/* Over as many pages as it takes. */
static void put_long(struct sheet *sheet, struct str text, enum face_of_text as, double width)
{
    while (text.len > 0 && !sheet->full) {
        struct str part = take_lines(sheet, &text, as, width);

        sheet->y += paragraph(sheet, part, as, 0, width, false);
        if (text.len > 0)
            page_begin(sheet);
    }
}

/* --- the parts, from top to bottom ---------------------------------------------------------
 */

/* Not tagged: it says nothing that the name beside it does not (and cairo 1.16 takes no picture
 * within a tag). */
static void draw_logo(struct sheet *sheet)
{
    double w = cairo_image_surface_get_width(sheet->logo);
    double h = cairo_image_surface_get_height(sheet->logo);
    double scale = LOGO_W / w < LOGO_H / h ? LOGO_W / w : LOGO_H / h;

    if (sheet->cr == NULL)
        return;
    cairo_save(sheet->cr);
    cairo_translate(sheet->cr, across(sheet, 0, w * scale), sheet->y);
    cairo_scale(sheet->cr, scale, scale);
    cairo_set_source_surface(sheet->cr, sheet->logo, 0, 0);
    cairo_paint(sheet->cr);
    cairo_restore(sheet->cr);
}

/* Who it is from: the logo where one begins to read, name and address opposite. */
static void put_from(struct sheet *sheet)
{
    const struct face_sender *from = &sheet->paper->from;
    double top = sheet->y, at = 260, width = WIDTH - 260;

    if (sheet->logo != NULL)
        draw_logo(sheet);
    colour(sheet, INK);
    sheet->y += paragraph(sheet, from->name, TEXT_STRONG, at, width, true);
    colour(sheet, SOFT_INK);
    sheet->y += paragraph(sheet, from->address, TEXT_SMALL, at, width, true);
    sheet->y += paragraph(sheet, from->website, TEXT_SMALL, at, width, true);
    if (sheet->logo != NULL && sheet->y < top + LOGO_H)
        sheet->y = top + LOGO_H;
    sheet->y += 3 * GAP;
}

static void put_title(struct sheet *sheet)
{
    char *title = g_strdup_printf("%.*s %.*s", STR_ARG(sheet->paper->title),
                                  STR_ARG(sheet->paper->number));

    colour(sheet, INK);
    tag(sheet, "H1");
    sheet->y += text_in(sheet, str_from(title), TEXT_TITLE, 0, WIDTH, false) + 2 * GAP;
    tag_end(sheet, "H1");
    g_free(title);
}

/* For whom, and opposite what there is to know. */
static void put_facts(struct sheet *sheet)
{
    const struct paper *paper = sheet->paper;
    struct str to = paper->to, part;
    double top = sheet->y, low;

    colour(sheet, SOFT_INK);
    sheet->y += paragraph(sheet, paper->to_label, TEXT_SMALL, 0, 220, false);
    colour(sheet, INK);
    part = take_lines(sheet, &to, TEXT_BODY, 220);
    sheet->y += paragraph(sheet, part, TEXT_BODY, 0, 220, false);
    low = sheet->y;
    sheet->y = top;
    for (size_t i = 0; i < paper->n_facts; i++) {
        double a, b;

        tag(sheet, "P");
        colour(sheet, SOFT_INK);
        a = text_in(sheet, paper->facts[i].label, TEXT_SMALL, 260, 100, false);
        colour(sheet, INK);
        b = text_in(sheet, paper->facts[i].value, TEXT_BODY, 364, WIDTH - 364, true);
        tag_end(sheet, "P");
        sheet->y += (a > b ? a : b) + 2;
    }
    sheet->y = sheet->y > low ? sheet->y : low;
    if (to.len > 0) {
        page_begin(sheet);
        put_long(sheet, to, TEXT_BODY, 220);
    }
    sheet->y += 3 * GAP;
}

static double row_height(struct sheet *sheet, const struct str *cells, enum face_of_text as)
{
    double most = 0;

    for (unsigned i = 0; i < PAPER_COLUMNS; i++) {
        double height = height_of(sheet, cells[i], as, columns[i].width);
        most = height > most ? height : most;
    }
    return most;
}

static void put_cells(struct sheet *sheet, const struct str *cells, enum face_of_text as,
                      const char *cell)
{
    tag(sheet, "TR");
    for (unsigned i = 0; i < PAPER_COLUMNS; i++) {
        tag(sheet, cell);
        (void)text_in(sheet, cells[i], as, columns[i].at, columns[i].width, columns[i].number);
        tag_end(sheet, cell);
    }
    tag_end(sheet, "TR");
}

static void put_head(struct sheet *sheet)
{
    colour(sheet, SOFT_INK);
    put_cells(sheet, sheet->paper->heads, TEXT_SMALL, "TH");
    sheet->y += row_height(sheet, sheet->paper->heads, TEXT_SMALL) + 3;
    line(sheet, 0, WIDTH, 1);
    sheet->y += 5;
}

/* Of a row what fits on this page. True when more of it is left. */
static bool put_part(struct sheet *sheet, struct str *cells)
{
    struct str part[PAPER_COLUMNS];
    bool more = false;

    for (unsigned i = 0; i < PAPER_COLUMNS; i++) {
        part[i] = take_lines(sheet, &cells[i], TEXT_BODY, columns[i].width);
        more = more || cells[i].len > 0;
    }
    colour(sheet, INK);
    put_cells(sheet, part, TEXT_BODY, "TD");
    sheet->y += row_height(sheet, part, TEXT_BODY) + 4;
    line(sheet, 0, WIDTH, 0.4);
    sheet->y += 5;
    return more;
}

static void put_row(struct sheet *sheet, const struct str *row)
{
    double height = row_height(sheet, row, TEXT_BODY);
    struct str cells[PAPER_COLUMNS];

    memcpy(cells, row, sizeof cells);
    if (room(sheet, (height < ROW_MOST ? height : ROW_LEAST) + 10))
        put_head(sheet);
    while (!sheet->full && put_part(sheet, cells)) {
        page_begin(sheet);
        if (!sheet->full)
            put_head(sheet);
    }
}

static void put_rows(struct sheet *sheet)
{
    const struct paper *paper = sheet->paper;

    if (paper->n_rows == 0)
        return;
    tag(sheet, "Table");
    put_head(sheet);
    for (size_t i = 0; i < paper->n_rows && !sheet->full; i++)
        put_row(sheet, paper->rows[i]);
    tag_end(sheet, "Table");
}

static void put_totals(struct sheet *sheet)
{
    const struct paper *paper = sheet->paper;

    (void)room(sheet, (double)paper->n_totals * 18);
    sheet->y += GAP;
    for (size_t i = 0; i < paper->n_totals; i++) {
        enum face_of_text as = paper->totals[i].strong ? TEXT_STRONG : TEXT_BODY;
        double a, b;

        if (paper->totals[i].strong) {
            sheet->y += 2;
            line(sheet, 260, WIDTH - 260, 1);
            sheet->y += 4;
        }
        tag(sheet, "P");
        colour(sheet, INK);
        a = text_in(sheet, paper->totals[i].label, as, 260, 110, false);
        b = text_in(sheet, paper->totals[i].value, as, 374, WIDTH - 374, true);
        tag_end(sheet, "P");
        sheet->y += (a > b ? a : b) + 3;
    }
}

static void put_notes(struct sheet *sheet)
{
    struct str notes = sheet->paper->notes;
    double height;

    if (notes.len == 0)
        return;
    height = height_of(sheet, notes, TEXT_SMALL, WIDTH);
    (void)room(sheet, (height < ROW_MOST ? height : ROW_LEAST) + 3 * GAP);
    sheet->y += 3 * GAP;
    colour(sheet, SOFT_INK);
    put_long(sheet, notes, TEXT_SMALL, WIDTH);
}

static void put_all(struct sheet *sheet)
{
    sheet->page = 1;
    sheet->y = MARGIN;
    put_from(sheet);
    put_title(sheet);
    put_facts(sheet);
    put_rows(sheet);
    put_totals(sheet);
    put_notes(sheet);
    page_end(sheet);
}

/* --- the file ------------------------------------------------------------------------------
 */

static cairo_status_t keep(void *closure, const unsigned char *data, unsigned int n)
{
    struct bytes *out = closure;

    if (out->len + n > out->room) {
        size_t more = 2 * (out->len + n);
        char *grown = realloc(out->at, more);
        if (grown == NULL)
            return CAIRO_STATUS_NO_MEMORY;
        out->at = grown;
        out->room = more;
    }
    memcpy(out->at + out->len, data, n);
    out->len += n;
    return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t give(void *closure, unsigned char *data, unsigned int n)
{
    struct str *left = closure;

    if (left->len < n)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(data, left->at, n);
    *left = str_slice(*left, n, left->len);
    return CAIRO_STATUS_SUCCESS;
}

/* One that is no PNG, or has no size, is no logo. */
static cairo_surface_t *read_logo(struct str png)
{
    cairo_surface_t *logo;

    if (png.len == 0)
        return NULL;
    logo = cairo_image_surface_create_from_png_stream(give, &png);
    if (cairo_surface_status(logo) == CAIRO_STATUS_SUCCESS &&
        cairo_image_surface_get_width(logo) > 0 && cairo_image_surface_get_height(logo) > 0)
        return logo;
    cairo_surface_destroy(logo);
    return NULL;
}

static void describe(cairo_surface_t *surface, const struct paper *paper)
{
    char *title = g_strdup_printf("%.*s %.*s", STR_ARG(paper->title), STR_ARG(paper->number));
    char *author =
        g_strndup(paper->from.name.at ? paper->from.name.at : "", paper->from.name.len);
    time_t at = (time_t)(paper->at / USEC_PER_SEC);
    struct tm utc;
    char when[32] = "2000-01-01T00:00:00Z";

    if (paper->at > 0 && gmtime_r(&at, &utc) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, author);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, when);
    g_free(title);
    g_free(author);
}

static PangoLayout *make_layout(cairo_t *cr, const struct paper *paper)
{
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoContext *context = pango_layout_get_context(layout);

    pango_context_set_language(context, pango_language_from_string(lang_code(paper->lang)));
    pango_context_set_round_glyph_positions(context, FALSE);
    pango_layout_set_auto_dir(layout, FALSE);
    return layout;
}

void paper_cool(void)
{
    FcFini();
}

char *paper_draw(const struct paper *paper, size_t *len, struct err *err)
{
    struct sheet sheet = {.paper = paper, .mirrored = lang_is_rtl(paper->lang)};
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(keep, &sheet.out, PAGE_W, PAGE_H);
    cairo_t *cr = cairo_create(surface);
    cairo_status_t status;

    describe(surface, paper);
    sheet.logo = read_logo(paper->logo);
    sheet.layout = make_layout(cr, paper);
    put_all(&sheet);
    sheet.pages = sheet.page;
    sheet.cr = cr;
    if (!sheet.full) {
        tag(&sheet, "Document");
        put_all(&sheet);
        tag_end(&sheet, "Document");
    }
    g_object_unref(sheet.layout);
    if (sheet.logo != NULL)
        cairo_surface_destroy(sheet.logo);
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    status = cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    /* This thread's fonts: while any thread has some, paper_cool's FcFini aborts the process.
     */
    pango_cairo_font_map_set_default(NULL);
    if (sheet.full || status != CAIRO_STATUS_SUCCESS)
        free(sheet.out.at);
    if (sheet.full) {
        (void)err_raise(err, ERR_REJECT, "it would take more than %d pages", PAPER_PAGES);
        return NULL;
    }
    if (status != CAIRO_STATUS_SUCCESS) {
        (void)err_raise(err, status == CAIRO_STATUS_NO_MEMORY ? ERR_RETRY : ERR_BROKEN,
                        "drawing a paper: %s", cairo_status_to_string(status));
        return NULL;
    }
    *len = sheet.out.len;
    return sheet.out.at;
}
