/*
 * Files that were sent, either way: the bytes and a line of JSON about them, in one folder.
 *
 * Ids are digits, as Meta's are, so an id can never lead out of the folder.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/base/sniff.h"
#include "tests/sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEDIA_MAX  (16L * 1024 * 1024)
#define MEDIA_LIFE (30 * USEC_PER_DAY)

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.at[i] < '0' || id.at[i] > '9')
            return false;
    }
    return id.len > 0 && id.len < 32;
}

const json_t *media_find(struct sandbox *sandbox, struct str id)
{
    char key[32];
    if (!is_id(id))
        return NULL;
    (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(id));
    return json_object_get(sandbox->media, key);
}

static bool write_file(const char *path, struct str bytes, struct err *err)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return err_raise(err, ERR_BROKEN, "keep a file: %s", strerror(errno));
    size_t n = fwrite(bytes.at ? bytes.at : "", 1, bytes.len, file);
    if (fclose(file) != 0 || n != bytes.len)
        return err_raise(err, ERR_BROKEN, "keep a file: %s", strerror(errno));
    return true;
}

/* Types that a page may show or save; anything else is handed out as plain bytes. */
static bool is_mime(struct str mime)
{
    for (size_t i = 0; i < mime.len; i++) {
        char c = mime.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && !strchr("/+-.;= ", c))
            return false;
    }
    return mime.len > 2 && mime.len < 100;
}

bool media_keep(struct sandbox *sandbox, struct str mime, struct str filename,
                struct str number, struct str bytes, char id[32], struct err *err)
{
    const char *dir = sandbox->settings.media_dir;
    char path[4200];
    char hex[2 * HASH_LEN + 1];
    if (!dir)
        return err_raise(err, ERR_REJECT, "this sandbox keeps no files (--media DIR)");
    if (bytes.len == 0 || bytes.len > (size_t)MEDIA_MAX)
        return err_raise(err, ERR_REJECT, "a file may have 1 byte to 16 MB");
    if (!is_mime(mime))
        return err_raise(err, ERR_REJECT, "not a media type");
    struct hash hash = sha256(bytes);
    hex_format(hash.bytes, HASH_LEN, hex);
    (void)snprintf(id, 32, "%lld%03lld", (long long)clock_now(),
                   (long long)(sandbox->next_n++ % 1000));
    OWNED_JSON(about) = json_pack("{s:s%, s:s, s:I}", "mime", mime.at, mime.len, "sha256", hex,
                                  "size", (json_int_t)bytes.len);
    json_set_text(about, "filename", filename);
    if (number.len > 0) {
        json_set_text(about, "number", number);
        json_object_set_new(about, "at", json_integer((json_int_t)clock_now()));
    }
    (void)snprintf(path, sizeof(path), "%s/%s", dir, id);
    if (!write_file(path, bytes, err))
        return false;
    (void)snprintf(path, sizeof(path), "%s/%s.json", dir, id);
    if (json_dump_file(about, path, JSON_COMPACT) != 0)
        return err_raise(err, ERR_BROKEN, "keep a file: %s", strerror(errno));
    json_object_set(sandbox->media, id, about);
    return true;
}

void media_load(struct sandbox *sandbox)
{
    const char *folder = sandbox->settings.media_dir;
    if (!folder)
        return;
    mkdir(folder, 0700);
    DIR *dir = opendir(folder);
    const struct dirent *one;
    while (dir && (one = readdir(dir))) {
        struct str name = str_from(one->d_name);
        struct str id = str_slice(name, 0, str_find(name, STR(".json")));
        if (!str_ends(name, STR(".json")) || !is_id(id))
            continue;
        char path[4200];
        char key[32];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, one->d_name);
        (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(id));
        json_t *about = json_load_file(path, 0, NULL);
        if (about)
            json_object_set_new(sandbox->media, key, about);
    }
    if (dir)
        closedir(dir);
}

void media_delete(struct sandbox *sandbox, struct str id)
{
    char path[4200];
    char key[32];
    if (!media_find(sandbox, id))
        return;
    (void)snprintf(key, sizeof(key), "%.*s", STR_ARG(id));
    /* The line about it first: without it the bytes are nobody's. */
    (void)snprintf(path, sizeof(path), "%s/%s.json", sandbox->settings.media_dir, key);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/%s", sandbox->settings.media_dir, key);
    (void)unlink(path);
    json_object_del(sandbox->media, key);
}

static bool read_file(struct arena *into, const char *path, struct str *bytes)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool ok = fstat(fileno(file), &info) == 0 && info.st_size <= MEDIA_MAX;
    if (ok) {
        char *at = arena_alloc(into, (size_t)info.st_size + 1);
        *bytes = (struct str){at, fread(at, 1, (size_t)info.st_size, file)};
        ok = bytes->len == (size_t)info.st_size;
    }
    (void)fclose(file);
    return ok;
}

bool media_read(struct sandbox *sandbox, struct arena *into, struct str id, struct str *bytes)
{
    char path[4200];
    (void)snprintf(path, sizeof(path), "%s/%.*s", sandbox->settings.media_dir, STR_ARG(id));
    return media_find(sandbox, id) && read_file(into, path, bytes);
}

void media_send(struct sandbox *sandbox, struct http_exchange *exchange, struct str id)
{
    static const char *const headers[] = {
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'; sandbox", NULL};
    const json_t *about = media_find(sandbox, id);
    char path[4200];
    struct str bytes;
    (void)snprintf(path, sizeof(path), "%s/%.*s", sandbox->settings.media_dir, STR_ARG(id));
    if (!about || !read_file(&exchange->arena, path, &bytes)) {
        http_reply(exchange, 404, "text/plain", STR("no such file\n"), NULL);
    } else {
        http_reply(exchange, 200, json_string_value(json_object_get(about, "mime")), bytes,
                   headers);
    }
}

/* Fewer bytes, or others, where a file is to arrive damaged. */
static struct str spoiled(struct sandbox *sandbox, struct arena *arena, struct str bytes)
{
    struct str copy = arena_str(arena, bytes);
    if (sandbox->faults.media_cut > 0) {
        sandbox->faults.media_cut--;
        copy = str_slice(copy, 0, copy.len / 2);
    }
    if (faults_roll(&sandbox->faults, sandbox->faults.media_wrong)) {
        char *wrong = arena_alloc(arena, copy.len + 1);
        memcpy(wrong, copy.at, copy.len);
        wrong[copy.len / 2] ^= 1;
        copy.at = wrong;
    }
    return copy;
}

void media_hand_out(struct sandbox *sandbox, struct http_exchange *exchange, struct str id)
{
    const struct faults *faults = &sandbox->faults;
    const json_t *about = media_find(sandbox, id);
    struct arena *arena = &exchange->arena;
    struct str bytes;
    struct str path = arena_format(arena, "%s/%.*s", sandbox->settings.media_dir, STR_ARG(id));
    if (!about || faults_roll(&sandbox->faults, faults->media_gone) ||
        !read_file(arena, path.at, &bytes)) {
        http_reply(exchange, 404, "text/plain", STR("no such file\n"), NULL);
        return;
    }
    enum fate fate =
        faults_roll(&sandbox->faults, faults->media_drop) ? FATE_DROP : FATE_ANSWER;
    const char *mime =
        arena_cstr(arena, str_from(json_string_value(json_object_get(about, "mime"))));
    answer_later(sandbox, exchange, fate, 200, mime, spoiled(sandbox, arena, bytes),
                 faults->media_delay_ms);
}

/* --- multipart ------------------------------------------------------------------------------
 */

struct part {
    struct str head;
    struct str body;
};

/* The next part between boundaries; false at the end. */
static bool next_part(struct str *rest, struct str boundary, struct part *part)
{
    size_t at = str_find(*rest, boundary);
    if (at == rest->len)
        return false;
    *rest = str_slice(*rest, at + boundary.len, rest->len);
    if (!str_starts(*rest, STR("\r\n")))
        return false;
    size_t head = str_find(*rest, STR("\r\n\r\n"));
    size_t end = str_find(*rest, boundary);
    if (head + 6 > end || end == rest->len)
        return false;
    part->head = str_slice(*rest, 0, head);
    part->body = str_slice(*rest, head + 4, end - head - 6); /* less the CRLF before it */
    return true;
}

/* The value of name="..." in a part's head. */
static struct str quoted(struct str head, struct str name)
{
    size_t at = str_find(head, name);
    if (at == head.len)
        return STR_NONE;
    struct str value = str_slice(head, at + name.len, head.len);
    return str_slice(value, 0, str_find(value, STR("\"")));
}

/* What a form says, all of it once. */
struct form {
    struct str product, type, file, filename, file_type;
    unsigned files;
};

static struct str line_value(struct str head, struct str name)
{
    size_t at = str_find(head, name);
    struct str rest = str_slice(head, at + name.len, head.len);
    return at == head.len ? STR_NONE
                          : str_trim(str_slice(rest, 0, str_find(rest, STR("\r\n"))));
}

static void read_form(struct str rest, struct str boundary, struct form *form)
{
    struct part part;
    while (next_part(&rest, boundary, &part)) {
        struct str name = quoted(part.head, STR(" name=\""));
        if (str_eq(name, STR("messaging_product")))
            form->product = part.body;
        if (str_eq(name, STR("type")))
            form->type = part.body;
        if (!str_eq(name, STR("file")))
            continue;
        form->files++;
        form->file = part.body;
        form->filename = quoted(part.head, STR("filename=\""));
        form->file_type = line_value(part.head, STR("Content-Type:"));
    }
}

/* "image jpeg/png 5 MB; document pdf 100 MB": of these the service sends some. */
static bool is_taken(const struct form *form, struct err *err)
{
    struct file_look look = file_sniff(form->file);
    bool picture = look.kind == FILE_JPEG || look.kind == FILE_PNG;
    if (!picture && look.kind != FILE_PDF)
        return err_raise(err, ERR_REJECT, "Param file must be a file with one of the types");
    if (!str_eq(str_from(look.mime), form->file_type)) {
        return err_raise(err, ERR_REJECT, "the file is %s and not what it is called",
                         look.mime);
    }
    if (picture && form->file.len > (size_t)5 * 1024 * 1024)
        return err_raise(err, ERR_REJECT, "a picture may have 5 MB");
    return true;
}

bool media_upload(struct sandbox *sandbox, struct http_exchange *exchange, struct str number,
                  char id[32], struct err *err)
{
    struct str type = http_request_header(exchange, "content-type");
    size_t at = str_find(type, STR("boundary="));
    struct form form = {0};
    if (!str_starts(type, STR("multipart/form-data;")) || at == type.len)
        return err_raise(err, ERR_REJECT, "not a multipart upload");
    struct str boundary =
        arena_format(&exchange->arena, "--%.*s", STR_ARG(str_slice(type, at + 9, type.len)));
    read_form(exchange->body, boundary, &form);
    if (!str_ends(str_trim(exchange->body),
                  arena_format(&exchange->arena, "%.*s--", STR_ARG(boundary))))
        return err_raise(err, ERR_REJECT, "the form has no end");
    if (!str_eq(form.product, STR("whatsapp")))
        return err_raise(err, ERR_REJECT, "the parameter messaging_product is required");
    if (form.files != 1 || form.filename.len == 0 || form.file_type.len == 0)
        return err_raise(err, ERR_REJECT, "one file with name and type is required");
    if (form.type.len > 0 && !str_eq(form.type, form.file_type))
        return err_raise(err, ERR_REJECT, "type is another than the file's");
    return is_taken(&form, err) &&
           media_keep(sandbox, form.file_type, form.filename, number, form.file, id, err);
}

bool media_may_go(struct sandbox *sandbox, struct str id, struct str number, struct str type)
{
    const json_t *about = media_find(sandbox, id);
    const char *mime = json_string_value(json_object_get(about, "mime"));
    const char *owner = json_string_value(json_object_get(about, "number"));
    usec_t at = json_integer_value(json_object_get(about, "at"));
    if (!mime || !owner || !str_eq(str_from(owner), number) || clock_now() - at > MEDIA_LIFE)
        return false;
    return !str_eq(type, STR("image")) || str_starts(str_from(mime), STR("image/"));
}
