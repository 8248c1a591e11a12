/*
 * Files and folders that a test has for itself while it runs, where TMPDIR says, else in /tmp.
 */
#pragma once

/* What a path of these takes. Services and servers make sockets below such a folder, whose own
 * paths have 107 bytes at most. */
enum { TEMP_PATH = 80 };

/* Where such things lie. The environment's own text, or a constant. */
const char *temp_home(void);

/* Make a new empty folder, or file, whose name tells whose it is: "parley-NAME-...". The test
 * fails when that cannot be. */
void temp_folder(char path[TEMP_PATH], const char *name);
void temp_file(char path[TEMP_PATH], const char *name);

/* The folder with all that is in it. What is gone already is no error. */
void temp_remove(const char *folder);
