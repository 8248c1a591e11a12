/*
 * Words from outside within words of ours: they are only ever shown. They turn no text around,
 * mark nothing up and ring no bell. Each gives back the text itself where there is nothing to
 * take out.
 */
#pragma once

#include "bot/base/arena.h"

/* Without marks that turn a text's direction, and control characters. */
struct str tame_marks(struct arena *into, struct str text);

/* Without signs that a channel reads as markup. An address of the web stays as it is. */
struct str tame_markup(struct arena *into, struct str text);

/* Without either. */
struct str tame(struct arena *into, struct str text);
