/*
 * A fuzz target without libFuzzer: every file of the corpus once, and some spoiled forms of
 * each (cut short at a few places, one byte changed), so that plain test runs with any compiler
 * still try what fuzzing found.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPOILS 16

/* Exact-size copies, so that a sanitizer sees a read past the end. */
static void try_once(const uint8_t *data, size_t size, size_t change)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (change < size)
        copy[change] ^= 0x15;
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int try_file(const char *folder, const char *name)
{
    static uint8_t data[1 << 20];
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof(data), file);
    (void)fclose(file);
    try_once(data, size, size);
    for (size_t i = 1; i < SPOILS; i++) {
        try_once(data, size * i / SPOILS, size);
        try_once(data, size, size * i / SPOILS);
    }
    return 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        (void)fprintf(stderr, "usage: %s CORPUS (a folder that can be read)\n", argv[0]);
        return 2;
    }
    int failed = 0;
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') {
            failed |= try_file(argv[1], entry->d_name);
            n++;
        }
    }
    (void)closedir(folder);
    (void)printf("%u files replayed\n", n);
    return failed || n == 0;
}
