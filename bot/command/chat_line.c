/*
 * Editing one line on a terminal: arrows, home, end, delete, a history. No library: readline's
 * licence and libedit's weight are both more than these keys need.
 *
 * Widths are counted in characters; a wide one (an emoji) moves the cursor a column off until
 * the line is drawn to its end, which nobody has to care about.
 */
#include "bot/command/chat_parts.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool changed;

void line_start(void)
{
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return;
    struct termios keys = before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    changed = tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys) == 0;
}

void line_stop(void)
{
    if (changed)
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    changed = false;
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void insert(struct line *line, char byte)
{
    if (line->len + 1 >= sizeof(line->text))
        return;
    memmove(line->text + line->at + 1, line->text + line->at, line->len - line->at);
    line->text[line->at++] = byte;
    line->len++;
}

static void left(struct line *line)
{
    while (line->at > 0 && continues(line->text[--line->at]))
        ;
}

static void right(struct line *line)
{
    if (line->at < line->len)
        line->at++;
    while (line->at < line->len && continues(line->text[line->at]))
        line->at++;
}

static void erase(struct line *line, size_t from, size_t to)
{
    memmove(line->text + from, line->text + to, line->len - to);
    line->len -= to - from;
    line->at = from;
}

static void backspace(struct line *line)
{
    size_t end = line->at;
    left(line);
    erase(line, line->at, end);
}

static void delete (struct line *line)
{
    size_t start = line->at;
    right(line);
    erase(line, start, line->at);
}

static void show_history(struct line *line, size_t which)
{
    const char *text = which < line->n_history ? line->history[which] : "";
    line->shown = which;
    line->len = strlen(text);
    line->at = line->len;
    memcpy(line->text, text, line->len);
}

static void up(struct line *line)
{
    if (line->shown > 0)
        show_history(line, line->shown - 1);
}

static void down(struct line *line)
{
    if (line->shown < line->n_history)
        show_history(line, line->shown + 1);
}

static void move_by(struct line *line, char key)
{
    switch (key) {
    case 'A':
        up(line);
        break;
    case 'B':
        down(line);
        break;
    case 'C':
        right(line);
        break;
    case 'D':
        left(line);
        break;
    case 'H':
    case '1':
        line->at = 0;
        break;
    case 'F':
    case '4':
        line->at = line->len;
        break;
    case '3':
        delete (line);
        break;
    default:
        break;
    }
}

/* ESC [ 3 ~ and the like: gather until the last byte, then act on the first. */
static void feed_escape(struct line *line, char byte)
{
    if (line->n_escape < sizeof(line->escape))
        line->escape[line->n_escape++] = byte;
    if (line->n_escape == 2 && (byte == '[' || byte == 'O'))
        return;
    if (line->n_escape > 2 && byte >= '0' && byte <= '9' &&
        line->n_escape < sizeof(line->escape))
        return;
    if (line->n_escape > 2)
        move_by(line, line->escape[2]);
    line->n_escape = 0;
}

enum line_key line_feed(struct line *line, char byte)
{
    if (line->n_escape > 0) {
        feed_escape(line, byte);
        return LINE_EDITED;
    }
    switch (byte) {
    case '\r':
    case '\n':
        return LINE_ENTERED;
    case 4: /* Ctrl-D */
        if (line->len == 0)
            return LINE_ENDED;
        delete (line);
        break;
    case 1: /* Ctrl-A */
        line->at = 0;
        break;
    case 5: /* Ctrl-E */
        line->at = line->len;
        break;
    case 21: /* Ctrl-U */
        erase(line, 0, line->at);
        break;
    case 8:
    case 127:
        backspace(line);
        break;
    case 27:
        line->escape[line->n_escape++] = byte;
        break;
    default:
        if ((unsigned char)byte >= 0x20)
            insert(line, byte);
    }
    return LINE_EDITED;
}

void line_clear(struct line *line)
{
    line->len = 0;
    line->at = 0;
    line->n_escape = 0;
    line->shown = line->n_history;
}

void line_remember(struct line *line)
{
    if (line->len == 0)
        return;
    if (line->n_history == LINE_HISTORY_MAX) {
        free(line->history[0]);
        memmove((void *)line->history, (void *)(line->history + 1),
                sizeof(line->history) - sizeof(line->history[0]));
        line->n_history--;
    }
    line->history[line->n_history] = strndup(line->text, line->len);
    if (line->history[line->n_history])
        line->n_history++;
}

void line_draw(const struct line *line, const char *prompt)
{
    size_t behind = 0;
    for (size_t i = line->at; i < line->len; i++)
        behind += !continues(line->text[i]);
    (void)printf("\r\033[K%s%.*s", prompt, (int)line->len, line->text);
    if (behind > 0)
        (void)printf("\033[%zuD", behind);
    (void)fflush(stdout);
}

void line_hide(void)
{
    (void)fputs("\r\033[K", stdout);
}

void line_finish(struct line *line)
{
    for (size_t i = 0; i < line->n_history; i++)
        free(line->history[i]);
    line->n_history = 0;
}
