/* SPDX-License-Identifier: ISC */
#include "txt_fields.h"

#include <stdint.h>
#include <string.h>

#include "buf.h"
#include "text.h"

#define NAME_MAX_LEN 32

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *copy_bytes(struct arena *arena, const char *s, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);
	memcpy(copy, s, len);
	return copy;
}

/* -- the version ------------------------------------------------------------------------- */

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;
	while (a[n] != '\0' && a[n] == b[n])
		n++;
	return n;
}

static bool same_prefix_nocase(const char *s, const char *prefix)
{
	char head[32] = "";
	memcpy(head, s, strnlen(s, strlen(prefix)));
	return text_equal_nocase(head, prefix);
}

/* Say why a record is none of ours. */
static void remark_foreign(const char *s, size_t len, const char *version, const char *reference,
			   struct remarks *remarks)
{
	size_t same = common_prefix(s, version);

	if (same == strlen(version) && (is_blank(s[same]) || s[same] == '\0'))
		remarks_add(remarks, REMARK_ERROR, 1, same + 1, reference,
			    "senders discard a record that does not begin with \"%s;\": the \";\" "
			    "must follow at once",
			    version);
	else if (same < strlen(version) && same_prefix_nocase(s, version))
		remarks_add(remarks, REMARK_ERROR, 1, same + 1, reference,
			    "the version is case-sensitive: \"%s\", not %s", version,
			    remarks_quote(remarks, s, strlen(version)));
	else
		remarks_add(remarks, REMARK_ERROR, 1, same + 1, reference,
			    "senders discard a record that does not begin with \"%s;\": %s",
			    version, remarks_quote(remarks, s, len));
}

/* -- fields ------------------------------------------------------------------------------ */

/* The bytes from..to of the record as a field; false with a remark if it is none. */
static bool read_field(const char *s, size_t from, size_t to, const char *reference,
		       struct arena *arena, struct txt_field *f, struct remarks *remarks)
{
	size_t name = from;

	*f = (struct txt_field){.name = "", .value = "", .column = from + 1};
	while (name < to && (is_alnum(s[name]) ||
			     (name > from && s[name] != '\0' && strchr("_-.", s[name]) != NULL)))
		name++;
	if (from == to)
		remarks_add(remarks, REMARK_ERROR, 1, from + 1, reference,
			    "an empty field: \";\" stands between fields and once at the end");
	else if (name == to || s[name] != '=')
		remarks_add(remarks, REMARK_ERROR, 1, name + 1, reference,
			    "a field is name=value without blanks around \"=\", not %s",
			    remarks_quote(remarks, s + from, to - from));
	else if (name == from || name - from > NAME_MAX_LEN)
		remarks_add(remarks, REMARK_ERROR, 1, from + 1, reference,
			    "the name of a field has 1 to %d letters, digits, \"_\", \"-\", \".\", "
			    "not %s",
			    NAME_MAX_LEN, remarks_quote(remarks, s + from, name - from));
	else {
		f->name = arena_strndup(arena, s + from, name - from);
		f->value_len = to - name - 1;
		f->value = copy_bytes(arena, s + name + 1, f->value_len);
		f->value_column = name + 2;
		return true;
	}
	return false;
}

static size_t count(const char *s, size_t len, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += s[i] == c;
	return n;
}

static bool read_fields(const char *s, size_t len, size_t from, const char *reference,
			struct arena *arena, struct txt_fields *fields, struct remarks *remarks)
{
	bool ok = true;

	fields->item = arena_array(arena, count(s, len, ';'), sizeof(*fields->item));
	for (size_t end; from < len; from = end) {
		/* s[from] is the ";" before the field */
		for (from++; from < len && is_blank(s[from]);)
			from++;
		if (from == len)
			break; /* the delimiter at the end */
		const char *next = memchr(s + from, ';', len - from);
		end = next != NULL ? (size_t)(next - s) : len;
		size_t to = end;
		while (next != NULL && to > from && is_blank(s[to - 1]))
			to--;
		ok &=
		    read_field(s, from, to, reference, arena, &fields->item[fields->n++], remarks);
	}
	return ok;
}

enum txt_fields_result txt_fields_split(const char *txt, const char *version, const char *reference,
					struct arena *arena, struct txt_fields *fields,
					struct remarks *remarks)
{
	struct buf bytes;

	*fields = (struct txt_fields){0};
	buf_init(&bytes, SIZE_MAX / 2);
	text_unlatin1(&bytes, txt, strlen(txt));
	size_t len = bytes.len, version_len = strlen(version);
	const char *s = copy_bytes(arena, buf_str(&bytes), len);
	buf_clear(&bytes);
	fields->end_column = len + 1;
	if (!text_starts(s, version) || s[version_len] != ';') {
		remark_foreign(s, len, version, reference, remarks);
		return TXT_FIELDS_FOREIGN;
	}
	bool ok = read_fields(s, len, version_len, reference, arena, fields, remarks);
	return ok ? TXT_FIELDS_OK : TXT_FIELDS_MALFORMED;
}

bool txt_fields_check_extension(const struct txt_field *f, const char *reference,
				struct remarks *remarks)
{
	size_t at = 0;

	while (at < f->value_len && f->value[at] > ' ' && f->value[at] <= '~' &&
	       f->value[at] != '=')
		at++;
	if (at == f->value_len && at > 0)
		return true;
	remarks_add(remarks, REMARK_ERROR, 1, f->value_column + at, reference,
		    "the value of \"%s\" is one or more printable characters without \"=\", \";\" "
		    "and blanks, not %s",
		    f->name, remarks_quote(remarks, f->value, f->value_len));
	return false;
}
