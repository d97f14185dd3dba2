/* SPDX-License-Identifier: ISC
 *
 * The table-driven codec behind every document (see shape.h).  Encoding prints while it walks
 * the table; decoding lets jansson parse (UTF-8, duplicate keys) and then walks the table.  Each
 * shape_type has one line of code in either direction.
 */
#include "shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "stamp.h"
#include "text.h"

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

static void put_string(const char *s, struct buf *out)
{
	static const char letters[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
				       ['\t'] = 't', ['"'] = '"',  ['\\'] = '\\'};
	const char *plain = s;

	buf_addch(out, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, plain, (size_t)(s - plain));
		plain = s + 1;
		if (letters[c] != '\0')
			buf_add(out, (const char[]){'\\', letters[c]}, 2);
		else
			buf_printf(out, "\\u%04X", c);
	}
	buf_add(out, plain, (size_t)(s - plain));
	buf_addch(out, '"');
}

/* Only what a document can hold is there. */
static bool is_text(const char *s)
{
	return s != NULL && text_is_utf8(s, strlen(s));
}

static void put_strings(const char *const *list, size_t n, struct buf *out)
{
	size_t begin;

	buf_addch(out, '[');
	begin = out->len;
	for (size_t i = 0; i < n; i++) {
		if (!is_text(list[i]))
			continue;
		if (out->len > begin)
			buf_addch(out, ',');
		put_string(list[i], out);
	}
	buf_addch(out, ']');
}

static void put_object(const struct shape *shape, const void *object, struct buf *out);

static void put_objects(const struct shape *shape, const char *list, size_t n, struct buf *out)
{
	buf_addch(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addch(out, ',');
		put_object(shape, list + i * shape->size, out);
	}
	buf_addch(out, ']');
}

static bool is_json(const char *text)
{
	json_t *json = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	json_decref(json);
	return json != NULL;
}

static bool is_there(const struct shape_field *f, const void *object)
{
	const void *p = member(object, f->offset);
	bool always = f->flags & (SHAPE_ALWAYS | SHAPE_REQUIRED);

	switch (f->type) {
	case SHAPE_STRING:
		return is_text(*(const char *const *)p);
	case SHAPE_INT:
		return always || *(const int64_t *)p != 0;
	case SHAPE_BOOL:
		return always || *(const bool *)p;
	case SHAPE_ENUM:
		return always || *(const int *)p != 0;
	case SHAPE_TIME:
		return *(const int64_t *)p != 0;
	case SHAPE_STRINGS:
	case SHAPE_OBJECTS:
		return count_of(object, f) > 0;
	case SHAPE_OBJECT:
		return *(const void *const *)p != NULL;
	case SHAPE_INLINE:
		for (size_t i = 0; i < f->shape->n_fields && !always; i++)
			always = is_there(&f->shape->fields[i], p);
		return always;
	case SHAPE_RAW:
		return is_json(*(const char *const *)p);
	}
	return false;
}

static void put_value(const struct shape_field *f, const void *object, struct buf *out)
{
	const void *p = member(object, f->offset);
	char time[STAMP_TEXT];

	switch (f->type) {
	case SHAPE_STRING:
		put_string(*(const char *const *)p, out);
		break;
	case SHAPE_INT:
		buf_printf(out, "%lld", (long long)*(const int64_t *)p);
		break;
	case SHAPE_BOOL:
		buf_addstr(out, *(const bool *)p ? "true" : "false");
		break;
	case SHAPE_ENUM:
		put_string(f->words[*(const int *)p], out);
		break;
	case SHAPE_TIME:
		put_string(stamp_format(time, *(const int64_t *)p), out);
		break;
	case SHAPE_STRINGS:
		put_strings(*(const char *const *const *)p, count_of(object, f), out);
		break;
	case SHAPE_OBJECT:
		put_object(f->shape, *(const void *const *)p, out);
		break;
	case SHAPE_INLINE:
		put_object(f->shape, p, out);
		break;
	case SHAPE_OBJECTS:
		put_objects(f->shape, *(const char *const *)p, count_of(object, f), out);
		break;
	case SHAPE_RAW:
		buf_addstr(out, *(const char *const *)p);
		break;
	}
}

static void put_object(const struct shape *shape, const void *object, struct buf *out)
{
	size_t begin;

	buf_addch(out, '{');
	begin = out->len;
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct shape_field *f = &shape->fields[i];
		if (!is_there(f, object))
			continue;
		buf_addstr(out, out->len > begin ? ",\"" : "\"");
		buf_addstr(out, f->key);
		buf_addstr(out, "\":");
		put_value(f, object, out);
	}
	buf_addch(out, '}');
}

bool shape_encode(const struct shape *shape, const void *object, struct buf *out)
{
	put_object(shape, object, out);
	return !out->truncated;
}

json_t *shape_to_json(const struct shape *shape, const void *object)
{
	struct buf text;
	json_t *json;

	buf_init(&text, SIZE_MAX / 2);
	shape_encode(shape, object, &text);
	json = json_loadb(buf_str(&text), text.len, 0, NULL);
	buf_clear(&text);
	return json;
}

/* -- decoding ---------------------------------------------------------------------------- */

struct place {			/* of an object in the document */
	const struct place *up; /* NULL: the root */
	const char *key;
	long index; /* in a list, -1 in none */
};

struct decoder {
	struct arena *arena;
	enum shape_strictness strictness;
	struct error *err;
	const struct place *place;
};

/* "observation.host.services[3]" */
static void put_place(const struct place *p, struct buf *out)
{
	if (p->up != NULL) {
		put_place(p->up, out);
		buf_addch(out, '.');
	}
	buf_addstr(out, p->key);
	if (p->index >= 0)
		buf_printf(out, "[%ld]", p->index);
}

static int refuse(struct decoder *d, const char *key, const char *why)
{
	struct buf path;

	buf_init(&path, PATH_MAX_TEXT);
	put_place(d->place, &path);
	error_set(d->err, key ? "%s.%s: %s" : "%s%s: %s", buf_str(&path), key ? key : "", why);
	buf_clear(&path);
	return -1;
}

static int decode_object(struct decoder *d, const struct shape *shape, json_t *json, void *out);

/* Step into a member, decode, step back. */
static int decode_below(struct decoder *d, const char *key, long index, const struct shape *shape,
			json_t *json, void *out)
{
	const struct place here = {d->place, key, index};

	d->place = &here;
	int result = decode_object(d, shape, json, out);
	d->place = here.up;
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
	const struct place root_place = {NULL, shape->name, -1};
	struct decoder d = {arena, strictness, err, &root_place};
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
