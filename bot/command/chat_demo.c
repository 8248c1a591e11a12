/*
 * Where the demo is, and speaking to its sandbox.
 *
 * deploy/demo leaves a demo.env in its state folder, and the folder's name where this program
 * finds it: beside the build that it started, and in the user's own state folder. So `parley
 * chat` works without an argument, wherever the state is.
 */
#include "bot/base/json.h"
#include "bot/command/chat_parts.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* --- finding it -----------------------------------------------------------------------------
 */

/* The value of NAME=... in a line of shell, quoted or not. */
static bool env_value(const char *line, const char *name, char *value, size_t room)
{
    size_t n = strlen(name);
    size_t to = 0;
    if (strncmp(line, name, n) != 0 || line[n] != '=')
        return false;
    for (const char *p = line + n + 1; *p && *p != '\n' && to + 1 < room; p++) {
        if (*p != '\'' && *p != '"')
            value[to++] = *p;
    }
    value[to] = '\0';
    return to > 0;
}

static bool read_env(const char *path, struct demo *demo)
{
    char line[2048];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        found = env_value(line, "PARLEY_SANDBOX_URL", demo->url, sizeof(demo->url)) || found;
    if (file)
        (void)fclose(file);
    return found;
}

/* A file that holds the name of a state folder. */
static bool read_pointer(const char *path, struct demo *demo)
{
    char folder[PATH_MAX];
    char env[PATH_MAX + 16];
    FILE *file = fopen(path, "re");
    bool ok = file && fgets(folder, sizeof(folder), file);
    if (file)
        (void)fclose(file);
    if (!ok)
        return false;
    folder[strcspn(folder, "\n")] = '\0';
    (void)snprintf(env, sizeof(env), "%s/demo.env", folder);
    return read_env(env, demo);
}

/* build/release/parley knows the demo of its own tree: build/demo.state. */
static bool read_beside_program(struct demo *demo)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    for (int up = 0; n > 0 && up < 2; up++) {
        path[n] = '\0';
        char *slash = strrchr(path, '/');
        n = slash ? slash - path : 0;
    }
    if (n <= 0 || (size_t)n + 16 > sizeof(path))
        return false;
    (void)snprintf(path + n, sizeof(path) - (size_t)n, "/demo.state");
    return read_pointer(path, demo);
}

static bool read_of_user(struct demo *demo)
{
    char path[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"); // NOLINT(concurrency-mt-unsafe)
    const char *home = getenv("HOME");            // NOLINT(concurrency-mt-unsafe)
    if (state && state[0]) {
        (void)snprintf(path, sizeof(path), "%s/parley/demo", state);
    } else {
        (void)snprintf(path, sizeof(path), "%s/.local/state/parley/demo", home ? home : "");
    }
    return read_pointer(path, demo);
}

bool demo_find(const char *env_file, struct demo *demo, struct err *err)
{
    const char *named = getenv("PARLEY_DEMO_ENV"); // NOLINT(concurrency-mt-unsafe)
    const char *file = env_file ? env_file : named && named[0] ? named : NULL;
    *demo = (struct demo){0};
    if (file && !read_env(file, demo))
        return err_raise(err, ERR_REJECT, "%s: no PARLEY_SANDBOX_URL in it", file);
    if (!file && !read_beside_program(demo) && !read_env(".demo/demo.env", demo) &&
        !read_of_user(demo)) {
        return err_raise(err, ERR_REJECT,
                         "no demo has been started; start one with deploy/demo --detach, or "
                         "name its demo.env with --env");
    }
    demo->curl = curl_easy_init();
    return demo->curl || err_raise(err, ERR_BROKEN, "cannot start libcurl");
}

void demo_close(struct demo *demo)
{
    if (demo->curl)
        curl_easy_cleanup(demo->curl);
    demo->curl = NULL;
}

/* --- speaking to it --------------------------------------------------------------------------
 */

struct bytes {
    char *at;
    size_t len;
};

static size_t collect(char *at, size_t size, size_t n, void *owner)
{
    struct bytes *bytes = owner;
    char *grown = realloc(bytes->at, bytes->len + size * n + 1);
    if (!grown)
        return 0;
    memcpy(grown + bytes->len, at, size * n);
    bytes->at = grown;
    bytes->len += size * n;
    return size * n;
}

static bool read_answer(long status, struct bytes bytes, json_t **answer, struct err *err)
{
    *answer = json_loadb(bytes.at ? bytes.at : "", bytes.len, 0, NULL);
    const char *reason = json_string_value(json_object_get(*answer, "error"));
    if (status == 200 && *answer)
        return true;
    (void)err_raise(err, ERR_REJECT, "%s", reason ? reason : "the sandbox answered strangely");
    json_decref(*answer);
    *answer = NULL;
    return false;
}

bool demo_ask(struct demo *demo, const char *path, const json_t *body, json_t **answer,
              struct err *err)
{
    CURL *curl = demo->curl;
    char url[1024];
    struct bytes bytes = {0};
    long status = 0;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    (void)snprintf(url, sizeof(url), "%s%s", demo->url, path);
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);
    if (text)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    free(text);
    bool ok = code == CURLE_OK ? read_answer(status, bytes, answer, err)
                               : err_raise(err, ERR_RETRY,
                                           "nobody answers at %s (%s); is the demo running? "
                                           "deploy/demo --detach starts it",
                                           demo->url, curl_easy_strerror(code));
    free(bytes.at);
    return ok;
}
