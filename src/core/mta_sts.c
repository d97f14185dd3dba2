/* SPDX-License-Identifier: ISC
 *
 * The policy is read line by line; each line is "key: value".  A key we know has a row in
 * policy_keys whose function reads the value; the first line of a key counts (mx apart).
 */
#include "mta_sts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "name.h"
#include "text.h"
#include "txt_fields.h"

#define RECORD_SECTION "RFC 8461 §3.1"
#define POLICY_SECTION "RFC 8461 §3.2"
#define ID_MAX	       32
#define MAX_AGE_MAX    31557600
#define MAX_AGE_DIGITS 10
#define KEY_MAX	       32

const char *const mta_sts_mode_words[] = {"", "enforce", "testing", "none", NULL};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* -- the record -------------------------------------------------------------------------- */

static bool check_id(const struct txt_field *f, struct remarks *remarks)
{
	size_t at = 0;

	while (at < f->value_len && at < ID_MAX && is_alnum(f->value[at]))
		at++;
	if (at == f->value_len && at > 0)
		return true;
	remarks_add(remarks, REMARK_ERROR, 1, f->value_column + at, RECORD_SECTION,
		    "an id is 1 to 32 letters and digits, not %s",
		    remarks_quote(remarks, f->value, f->value_len));
	return false;
}

enum mta_sts_record_result mta_sts_record_parse(const char *txt, struct arena *arena,
						struct mta_sts_record *record,
						struct remarks *remarks)
{
	struct txt_fields fields;
	enum txt_fields_result form =
	    txt_fields_split(txt, "v=STSv1", RECORD_SECTION, arena, &fields, remarks);
	bool ok = form == TXT_FIELDS_OK, seen = false;

	*record = (struct mta_sts_record){0};
	if (form == TXT_FIELDS_FOREIGN)
		return MTA_STS_RECORD_FOREIGN;
	for (size_t i = 0; i < fields.n; i++) {
		const struct txt_field *f = &fields.item[i];
		if (f->name[0] == '\0') {
			continue;
		} else if (strcmp(f->name, "id") != 0) {
			ok &= txt_fields_check_extension(f, RECORD_SECTION, remarks);
		} else if (seen) {
			remarks_add(remarks, REMARK_WARNING, 1, f->column, POLICY_SECTION,
				    "\"id\" stands twice: the first counts");
		} else {
			seen = true;
			ok &= check_id(f, remarks);
			record->id = f->value;
		}
	}
	if (!seen)
		remarks_add(remarks, REMARK_ERROR, 1, fields.end_column, RECORD_SECTION,
			    "the required field \"id\" is missing");
	return ok && seen ? MTA_STS_RECORD_OK : MTA_STS_RECORD_MALFORMED;
}

/* -- the policy -------------------------------------------------------------------------- */

enum policy_key { KEY_VERSION, KEY_MODE, KEY_MAX_AGE, KEY_MX, KEY_N };

struct reader {
	struct arena *arena;
	struct mta_sts_policy *policy;
	struct remarks *remarks;
	const char **mx; /* grows in the arena */
	size_t mx_size;
	size_t line, column; /* where the value at hand begins */
	size_t end_column;   /* behind the last line */
	bool seen[KEY_N];
	bool failed;
};

/* The document breaks a rule: a sender ignores it. */
static void __attribute__((format(printf, 3, 4)))
fail(struct reader *r, size_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remarks_add(r->remarks, REMARK_ERROR, r->line, column, POLICY_SECTION, "%s",
		    arena_vprintf(r->arena, fmt, ap));
	va_end(ap);
	r->failed = true;
}

static void read_version(struct reader *r, const char *value, size_t len)
{
	if (len != 5 || memcmp(value, "STSv1", 5) != 0)
		fail(r, r->column, "version is STSv1, not %s",
		     remarks_quote(r->remarks, value, len));
}

static void read_mode(struct reader *r, const char *value, size_t len)
{
	for (int m = MTA_STS_ENFORCE; m <= MTA_STS_NONE; m++) {
		if (strlen(mta_sts_mode_words[m]) == len &&
		    memcmp(mta_sts_mode_words[m], value, len) == 0)
			r->policy->mode = (enum mta_sts_mode)m;
	}
	if (r->policy->mode == MTA_STS_MODE_INVALID)
		fail(r, r->column, "mode is one of testing, enforce, none in lower case, not %s",
		     remarks_quote(r->remarks, value, len));
}

static void read_max_age(struct reader *r, const char *value, size_t len)
{
	int64_t seconds = 0;
	size_t at = 0;

	for (; at < len && at < MAX_AGE_DIGITS && is_digit(value[at]); at++)
		seconds = seconds * 10 + (value[at] - '0');
	if (at == 0 || at < len) {
		fail(r, r->column + at, "max_age is 1 to %d digits, not %s", MAX_AGE_DIGITS,
		     remarks_quote(r->remarks, value, len));
		return;
	}
	r->policy->max_age_s = seconds;
	if (seconds > MAX_AGE_MAX)
		fail(r, r->column, "max_age is at most %d seconds, not %lld", MAX_AGE_MAX,
		     (long long)seconds);
}

/* ["*."] Domain, Domain as in RFC 5321 §4.1.2: no final dot, no bracketed address, no underscore.
 * A last label of digits is one, so "192.0.2.1" is a Domain too, of which no host can be. */
static bool is_pattern(const char *value)
{
	const char *host = text_starts(value, "*.") ? value + 2 : value;
	char below[NAME_MAX_TEXT + 2];
	int len = snprintf(below, sizeof(below), "%s.x", host);

	return len < (int)sizeof(below) && (name_is_host(host) || name_is_host(below)) &&
	       host[strlen(host) - 1] != '.';
}

static void read_mx(struct reader *r, const char *value, size_t len)
{
	struct mta_sts_policy *p = r->policy;
	char *pattern = arena_strndup(r->arena, value, len);
	const char *quoted = remarks_quote(r->remarks, value, len);

	if (strlen(pattern) != len || !is_pattern(pattern)) {
		const char *hint = "";
		if (memchr(value, ',', len) != NULL || memchr(value, ' ', len) != NULL)
			hint = "; each pattern has a line of its own";
		else if (!text_is_printable_ascii(pattern))
			hint = "; write it in A-labels (xn--...)";
		fail(r, r->column, "mx is a domain name, or \"*.\" and a domain name, not %s%s",
		     quoted, hint);
		return;
	}
	if (p->n_mx == r->mx_size) {
		r->mx_size = r->mx_size == 0 ? 8 : r->mx_size * 2;
		const char **mx = arena_array(r->arena, r->mx_size, sizeof(*mx));
		if (p->n_mx > 0)
			memcpy(mx, r->mx, p->n_mx * sizeof(*mx));
		p->mx = r->mx = mx;
	}
	text_lower(pattern);
	r->mx[p->n_mx++] = pattern;
}

static const struct {
	const char *name;
	const char *glob; /* what people write for it: any case, another separator */
	void (*read)(struct reader *r, const char *value, size_t len);
} policy_keys[KEY_N] = {
    [KEY_VERSION] = {"version", "version", read_version},
    [KEY_MODE] = {"mode", "mode", read_mode},
    [KEY_MAX_AGE] = {"max_age", "max?age", read_max_age},
    [KEY_MX] = {"mx", "mx", read_mx},
};

/* The value of a key we do not know: 1*(printable, blanks inside, UTF-8); it is ignored. */
static void read_extension(struct reader *r, const char *key, const char *value, size_t len)
{
	size_t at = 0;

	while (at < len && (unsigned char)value[at] >= ' ' && value[at] != 0x7f)
		at++;
	if (len == 0)
		fail(r, r->column, "\"%s\" has no value", key);
	else if (at < len)
		fail(r, r->column + at, "a control character in the value of \"%s\": %s", key,
		     remarks_quote(r->remarks, value, len));
	else if (!text_is_utf8(value, len))
		fail(r, r->column, "the value of \"%s\" is not UTF-8: %s", key,
		     remarks_quote(r->remarks, value, len));
	for (int k = 0; k < KEY_N; k++)
		if (text_glob(policy_keys[k].glob, key))
			remarks_add(r->remarks, REMARK_NOTE, r->line, 1, POLICY_SECTION,
				    "unknown key \"%s\" is ignored (did you mean \"%s\"?)", key,
				    policy_keys[k].name);
}

static void read_value(struct reader *r, const char *key, const char *value, size_t len)
{
	int k = 0;

	while (k < KEY_N && strcmp(policy_keys[k].name, key) != 0)
		k++;
	if (k == KEY_N) {
		read_extension(r, key, value, len);
	} else if (r->seen[k] && k != KEY_MX) {
		r->policy->duplicates = true;
		remarks_add(r->remarks, REMARK_WARNING, r->line, 1, POLICY_SECTION,
			    "\"%s\" stands twice: the first counts", key);
	} else {
		r->seen[k] = true;
		policy_keys[k].read(r, value, len);
	}
}

/* Length of the key at s: (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / "."). */
static size_t key_length(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len &&
	       (is_alnum(s[n]) || (n > 0 && s[n] != '\0' && strchr("_-.", s[n]) != NULL)))
		n++;
	return n;
}

/* field-name ":" *WSP value *WSP, without its line end. */
static void read_line(struct reader *r, const char *s, size_t len)
{
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	size_t key = key_length(s, len), value = key + 1;

	if (len == 0) {
		fail(r, 1, "a blank line");
	} else if (is_blank(s[0])) {
		fail(r, 1, "a blank before the key");
	} else if (key < len && is_blank(s[key]) && key > 0) {
		fail(r, key + 1, "a blank between the key and \":\", or no \":\": %s",
		     remarks_quote(r->remarks, s, len));
	} else if (key == len || s[key] != ':') {
		fail(r, key + 1, "a line is \"key: value\", not %s",
		     remarks_quote(r->remarks, s, len));
	} else if (key == 0 || key > KEY_MAX) {
		fail(r, 1, "a key has 1 to %d letters, digits, \"_\", \"-\", \".\", not %s",
		     KEY_MAX, remarks_quote(r->remarks, s, key));
	} else {
		while (value < len && is_blank(s[value]))
			value++;
		r->column = value + 1;
		read_value(r, arena_strndup(r->arena, s, key), s + value, len - value);
	}
}

static void read_lines(struct reader *r, const char *s, size_t len)
{
	for (size_t from = 0; from < len;) {
		const char *lf = memchr(s + from, '\n', len - from);
		size_t end = lf != NULL ? (size_t)(lf - s) : len;
		bool crlf = lf != NULL && end > from && s[end - 1] == '\r';
		size_t line_len = end - from - crlf;

		r->line++;
		if (lf != NULL && !crlf && !r->policy->lf_lines) {
			r->policy->lf_lines = true;
			remarks_add(r->remarks, REMARK_NOTE, r->line, line_len + 1, POLICY_SECTION,
				    "the line ends in LF, not CRLF (allowed, erratum 6253)");
		}
		read_line(r, s + from, line_len);
		r->end_column = line_len + 1;
		from = end + 1;
	}
}

static void check_complete(struct reader *r)
{
	for (int k = 0; k < KEY_MX; k++)
		if (!r->seen[k])
			fail(r, r->end_column, "the required key \"%s\" is missing",
			     policy_keys[k].name);
	if (!r->seen[KEY_MX] && r->policy->mode != MTA_STS_NONE)
		fail(r, r->end_column, "\"mx\" is missing: required unless mode is none");
}

int mta_sts_policy_parse(const char *body, size_t len, struct arena *arena,
			 struct mta_sts_policy *policy, struct remarks *remarks)
{
	static const char bom[3] = "\xef\xbb\xbf";
	struct reader r = {.arena = arena, .policy = policy, .remarks = remarks};
	struct buf bytes;

	*policy = (struct mta_sts_policy){.max_age_s = -1};
	buf_init(&bytes, len);
	text_unlatin1(&bytes, body, len);
	const char *s = buf_str(&bytes);
	size_t skip =
	    bytes.len >= sizeof(bom) && memcmp(s, bom, sizeof(bom)) == 0 ? sizeof(bom) : 0;
	if (skip > 0) {
		r.line = 1;
		fail(&r, 1, "a byte order mark before the first key");
		r.line = 0;
	}
	read_lines(&r, s + skip, bytes.len - skip);
	if (r.line == 0) { /* an empty body */
		r.line = 1;
		r.end_column = 1;
	}
	check_complete(&r);
	buf_clear(&bytes);
	return r.failed ? -1 : 0;
}

/* -- matching ---------------------------------------------------------------------------- */

bool mta_sts_mx_match(const char *pattern, const char *host)
{
	if (!text_starts(pattern, "*."))
		return name_equal(pattern, host);
	const char *parent = name_parent(host);
	return parent != NULL && parent != host + 1 && name_equal(pattern + 2, parent);
}

bool mta_sts_policy_covers(const struct mta_sts_policy *policy, const char *host)
{
	for (size_t i = 0; i < policy->n_mx; i++)
		if (mta_sts_mx_match(policy->mx[i], host))
			return true;
	return false;
}
