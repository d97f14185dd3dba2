/* SPDX-License-Identifier: ISC
 *
 * The table-driven codec behind every document (see shape.h).  Encoding writes jansson values
 * and lets jansson print them; decoding lets jansson parse (UTF-8, duplicate keys) and then
 * walks the table.  Each shape_type has one line of code in either direction.
 */
#include "shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "stamp.h"

#define DEFAULT_STRING_MAX (1024 * 1024)
#define DEFAULT_LIST_MAX   4096
#define PATH_MAX_TEXT	   160

static const void *member(const void *object, size_t offset)
{
	return (const char *)object + offset;
}

static size_t count_of(const void *object, const struct shape_field *f)
{
	return *(const size_t *)member(object, f->count_offset);
}

/* -- encoding ---------------------------------------------------------------------------- */

static json_t *encode_strings(const char *const *list, size_t n)
{
	if (n == 0)
		return NULL;
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *encode_objects(const struct shape *shape, const char *list, size_t n)
{
	if (n == 0)
		return NULL;
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, shape_to_json(shape, list + i * shape->size));
	return array;
}

static json_t *encode_time(int64_t at)
{
	char text[STAMP_TEXT];
	return at == 0 ? NULL : json_string(stamp_format(text, at));
}

/* A new value, or NULL for what is absent. */
static json_t *encode_member(const struct shape_field *f, const void *object)
{
	const void *p = member(object, f->offset);
	bool always = f->flags & (SHAPE_ALWAYS | SHAPE_REQUIRED);
	switch (f->type) {
	case SHAPE_STRING: {
		const char *s = *(const char *const *)p;
		return s != NULL ? json_string(s) : NULL;
	}
	case SHAPE_INT: {
		int64_t v = *(const int64_t *)p;
		return v != 0 || always ? json_integer(v) : NULL;
	}
	case SHAPE_BOOL: {
		bool v = *(const bool *)p;
		return v || always ? json_boolean(v) : NULL;
	}
	case SHAPE_ENUM: {
		int v = *(const int *)p;
		return v != 0 || always ? json_string(f->words[v]) : NULL;
	}
	case SHAPE_TIME:
		return encode_time(*(const int64_t *)p);
	case SHAPE_STRINGS:
		return encode_strings(*(const char *const *const *)p, count_of(object, f));
	case SHAPE_OBJECT: {
		const void *o = *(const void *const *)p;
		return o != NULL ? shape_to_json(f->shape, o) : NULL;
	}
	case SHAPE_INLINE: {
		json_t *o = shape_to_json(f->shape, p);
		if (json_object_size(o) > 0 || always)
			return o;
		json_decref(o);
		return NULL;
	}
	case SHAPE_OBJECTS:
		return encode_objects(f->shape, *(const char *const *)p, count_of(object, f));
	case SHAPE_RAW: {
		const char *raw = *(const char *const *)p;
		return raw != NULL ? json_loads(raw, JSON_DECODE_ANY, NULL) : NULL;
	}
	}
	return NULL;
}

json_t *shape_to_json(const struct shape *shape, const void *object)
{
	json_t *out = json_object();
	for (size_t i = 0; i < shape->n_fields; i++) {
		json_t *value = encode_member(&shape->fields[i], object);
		if (value != NULL)
			json_object_set_new_nocheck(out, shape->fields[i].key, value);
	}
	return out;
}

static int dump_to_buf(const char *bytes, size_t len, void *arg)
{
	return buf_add(arg, bytes, len) ? 0 : -1;
}

bool shape_encode(const struct shape *shape, const void *object, struct buf *out)
{
	json_t *json = shape_to_json(shape, object);
	int failed = json_dump_callback(json, dump_to_buf, out, JSON_COMPACT);
	json_decref(json);
	return failed == 0;
}

/* -- decoding ---------------------------------------------------------------------------- */

struct decoder {
	struct arena *arena;
	enum shape_strictness strictness;
	struct error *err;
	char path[PATH_MAX_TEXT]; /* "observation.host.services[3]" */
};

static int refuse(struct decoder *d, const char *key, const char *why)
{
	if (key == NULL)
		return error_set(d->err, "%s: %s", d->path, why);
	return error_set(d->err, "%s.%s: %s", d->path, key, why);
}

static int decode_object(struct decoder *d, const struct shape *shape, json_t *json, void *out);

/* Step into a member, decode, step back. */
static int decode_below(struct decoder *d, const char *key, long index, const struct shape *shape,
			json_t *json, void *out)
{
	size_t len = strlen(d->path);
	if (index < 0)
		snprintf(d->path + len, sizeof(d->path) - len, ".%s", key);
	else
		snprintf(d->path + len, sizeof(d->path) - len, ".%s[%ld]", key, index);
	int result = decode_object(d, shape, json, out);
	if (result == 0)
		d->path[len] = '\0';
	return result;
}

static int decode_string(struct decoder *d, const struct shape_field *f, json_t *v,
			 const char **out)
{
	if (!json_is_string(v))
		return refuse(d, f->key, "a string is wanted");
	size_t max = f->max > 0 && f->type == SHAPE_STRING ? (size_t)f->max : DEFAULT_STRING_MAX;
	if (json_string_length(v) > max)
		return refuse(d, f->key, "the string is too long");
	*out = arena_strndup(d->arena, json_string_value(v), json_string_length(v));
	return 0;
}

static int decode_int(struct decoder *d, const struct shape_field *f, json_t *v, int64_t *out)
{
	if (!json_is_integer(v))
		return refuse(d, f->key, "a whole number is wanted");
	json_int_t n = json_integer_value(v);
	if (n < 0 && !(f->flags & SHAPE_SIGNED))
		return refuse(d, f->key, "the number must not be negative");
	if (f->max > 0 && n > f->max)
		return refuse(d, f->key, "the number is too large");
	*out = n;
	return 0;
}

static int decode_enum(struct decoder *d, const struct shape_field *f, json_t *v, int *out)
{
	if (!json_is_string(v))
		return refuse(d, f->key, "a word is wanted");
	for (int i = 0; f->words[i] != NULL; i++) {
		if (strcmp(f->words[i], json_string_value(v)) == 0) {
			*out = i;
			return 0;
		}
	}
	return refuse(d, f->key, "unknown word");
}

static int decode_time(struct decoder *d, const struct shape_field *f, json_t *v, int64_t *out)
{
	if (!json_is_string(v) || !stamp_parse(json_string_value(v), out))
		return refuse(d, f->key, "a time in RFC 3339 form is wanted");
	return 0;
}

static int check_list(struct decoder *d, const struct shape_field *f, json_t *v)
{
	if (!json_is_array(v))
		return refuse(d, f->key, "a list is wanted");
	if (json_array_size(v) > (size_t)(f->max > 0 ? f->max : DEFAULT_LIST_MAX))
		return refuse(d, f->key, "the list is too long");
	return 0;
}

static int decode_strings(struct decoder *d, const struct shape_field *f, json_t *v, void *object)
{
	if (check_list(d, f, v) != 0)
		return -1;
	size_t n = json_array_size(v);
	const char **list = arena_array(d->arena, n, sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		if (decode_string(d, f, json_array_get(v, i), &list[i]) != 0)
			return -1;
	}
	memcpy((char *)object + f->offset, &list, sizeof(list));
	memcpy((char *)object + f->count_offset, &n, sizeof(n));
	return 0;
}

static int decode_objects(struct decoder *d, const struct shape_field *f, json_t *v, void *object)
{
	if (check_list(d, f, v) != 0)
		return -1;
	size_t n = json_array_size(v);
	char *list = arena_array(d->arena, n, f->shape->size);
	for (size_t i = 0; i < n; i++) {
		if (decode_below(d, f->key, (long)i, f->shape, json_array_get(v, i),
				 list + i * f->shape->size) != 0)
			return -1;
	}
	memcpy((char *)object + f->offset, &list, sizeof(list));
	memcpy((char *)object + f->count_offset, &n, sizeof(n));
	return 0;
}

static int decode_member(struct decoder *d, const struct shape_field *f, json_t *v, void *object)
{
	void *p = (char *)object + f->offset;
	switch (f->type) {
	case SHAPE_STRING:
		return decode_string(d, f, v, p);
	case SHAPE_INT:
		return decode_int(d, f, v, p);
	case SHAPE_BOOL:
		if (!json_is_boolean(v))
			return refuse(d, f->key, "true or false is wanted");
		*(bool *)p = json_is_true(v);
		return 0;
	case SHAPE_ENUM:
		return decode_enum(d, f, v, p);
	case SHAPE_TIME:
		return decode_time(d, f, v, p);
	case SHAPE_STRINGS:
		return decode_strings(d, f, v, object);
	case SHAPE_OBJECT: {
		void *o = arena_alloc(d->arena, f->shape->size);
		memcpy(p, &o, sizeof(o));
		return decode_below(d, f->key, -1, f->shape, v, o);
	}
	case SHAPE_INLINE:
		return decode_below(d, f->key, -1, f->shape, v, p);
	case SHAPE_OBJECTS:
		return decode_objects(d, f, v, object);
	case SHAPE_RAW: {
		char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		const char *copy = arena_strdup(d->arena, text);
		free(text);
		memcpy(p, &copy, sizeof(copy));
		return 0;
	}
	}
	return -1;
}

static const struct shape_field *field_find(const struct shape *shape, const char *key)
{
	for (size_t i = 0; i < shape->n_fields; i++) {
		if (strcmp(shape->fields[i].key, key) == 0)
			return &shape->fields[i];
	}
	return NULL;
}

static int decode_object(struct decoder *d, const struct shape *shape, json_t *json, void *out)
{
	if (!json_is_object(json))
		return refuse(d, NULL, "an object is wanted");
	const char *key;
	json_t *value;
	json_object_foreach(json, key, value)
	{
		const struct shape_field *f = field_find(shape, key);
		if (f == NULL && d->strictness == SHAPE_STRICT)
			return refuse(d, NULL, "unknown key");
		if (f != NULL && decode_member(d, f, value, out) != 0)
			return -1;
	}
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct shape_field *f = &shape->fields[i];
		if ((f->flags & SHAPE_REQUIRED) && json_object_get(json, f->key) == NULL)
			return refuse(d, f->key, "missing");
	}
	return 0;
}

/* Jansson's own limit of nesting is 2048: look at the brackets before it does. */
static bool too_deep(const char *json, size_t len)
{
	int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		char c = json[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > SHAPE_DEPTH)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

int shape_decode(const struct shape *shape, enum shape_strictness strictness, const char *json,
		 size_t len, struct arena *arena, void *object, struct error *err)
{
	struct decoder d = {.arena = arena, .strictness = strictness, .err = err};
	snprintf(d.path, sizeof(d.path), "%s", shape->name);
	memset(object, 0, shape->size);
	if (too_deep(json, len))
		return refuse(&d, NULL, "nested too deep");
	json_error_t why;
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	if (root == NULL)
		return error_set(err, "%s: not JSON: %s (byte %d)", shape->name, why.text,
				 why.position);
	int result = decode_object(&d, shape, root, object);
	json_decref(root);
	return result;
}
