/*
 * The API as OpenAPI 3.1, printed from the tables that answer (bot/door/api_routes.c):
 * docs/openapi.yaml and GET /v1/openapi.json. JSON is YAML, too. Pure.
 */
#pragma once

#include "bot/base/arena.h"

/* Indented, with a line break at its end. */
struct str api_openapi(struct arena *into);
