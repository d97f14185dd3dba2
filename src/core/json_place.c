/* SPDX-License-Identifier: ISC */
#include "json_place.h"

#include <stdbool.h>
#include <string.h>

struct cursor {
	const char *s, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct cursor *c)
{
	while (c->s < c->end && is_space(*c->s))
		c->s++;
}

static void skip_string(struct cursor *c)
{
	for (c->s++; c->s < c->end && *c->s != '"'; c->s++)
		if (*c->s == '\\' && c->s + 1 < c->end)
			c->s++;
	if (c->s < c->end)
		c->s++;
}

/* Over one value: a string, a run of other characters, or all that brackets hold. */
static void skip_value(struct cursor *c)
{
	size_t depth = 0;

	do {
		skip_space(c);
		if (c->s == c->end)
			return;
		char at = *c->s;
		if (at == '"') {
			skip_string(c);
			continue;
		}
		depth += at == '{' || at == '[';
		if ((at == '}' || at == ']') && depth > 0)
			depth--;
		c->s++;
		while (strchr("{}[]", at) == NULL && c->s < c->end && !is_space(*c->s) &&
		       strchr(",:{}[]\"", *c->s) == NULL)
			c->s++;
	} while (depth > 0);
}

/* Keys are compared as they are written; those we look for hold no escapes. */
static bool is_key(const struct cursor *from, const struct cursor *to, const char *key)
{
	size_t len = strlen(key);
	return (size_t)(to->s - from->s) == len + 2 && memcmp(from->s + 1, key, len) == 0;
}

/* From a container down to one part of it; false when it is not there. */
static bool step(struct cursor *c, const struct json_path *path)
{
	bool object = c->s < c->end && *c->s == '{';
	size_t index = 0;

	if (object != (path->key != NULL) || c->s == c->end || (!object && *c->s != '['))
		return false;
	for (c->s++;; index++) {
		skip_space(c);
		if (c->s == c->end || *c->s == '}' || *c->s == ']')
			return false;
		if (object) {
			struct cursor key = *c;
			skip_value(c);
			bool found = is_key(&key, c, path->key);
			skip_space(c);
			if (c->s < c->end && *c->s == ':')
				c->s++;
			skip_space(c);
			if (found)
				return true;
		} else if (index == path->index) {
			return true;
		}
		skip_value(c);
		skip_space(c);
		if (c->s < c->end && *c->s == ',')
			c->s++;
	}
}

static struct cursor find(const char *text, size_t len, const struct json_path *path)
{
	struct cursor c = {text, text + len};

	if (path == NULL || path->parent == NULL) {
		skip_space(&c);
		return c;
	}
	struct cursor parent = find(text, len, path->parent);
	c = parent;
	return step(&c, path) ? c : parent;
}

void json_place_find(const char *text, size_t len, const struct json_path *path, size_t *line,
		     size_t *column)
{
	struct cursor c = find(text, len, path);

	*line = *column = 1;
	for (const char *s = text; s < c.s; s++) {
		*column = *s == '\n' ? 1 : *column + 1;
		*line += *s == '\n';
	}
}

size_t json_place_depth(const char *text, size_t len)
{
	struct cursor c = {text, text + len};
	size_t depth = 0, most = 0;

	while (c.s < c.end) {
		char at = *c.s;
		if (at == '"') {
			skip_string(&c);
			continue;
		}
		if (at == '{' || at == '[')
			most = ++depth > most ? depth : most;
		else if ((at == '}' || at == ']') && depth > 0)
			depth--;
		c.s++;
	}
	return most;
}
