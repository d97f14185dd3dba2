/* SPDX-License-Identifier: ISC */
#include "tls_rpt.h"

#include <stdbool.h>
#include <string.h>

#include "buf.h"
#include "name.h"
#include "text.h"
#include "txt_fields.h"

#define SECTION "RFC 8460 §3"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_scheme(const char *uri, const char *scheme)
{
	char head[16] = "";
	memcpy(head, uri, strnlen(uri, strlen(scheme)));
	return text_equal_nocase(head, scheme);
}

/* -- where a URI leads ------------------------------------------------------------------- */

/* s without percent-encoding (RFC 3986 §2.1); NULL if an escape is malformed or NUL. */
static char *percent_decode(const char *s, size_t len, struct arena *arena)
{
	char *out = arena_alloc(arena, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '%') {
			out[n++] = s[i];
			continue;
		}
		char pair[3] = {0};
		unsigned char byte = 0;
		memcpy(pair, s + i + 1, len - i - 1 < 2 ? len - i - 1 : 2);
		if (text_unhex(&byte, 1, pair) != 1 || byte == '\0')
			return NULL;
		out[n++] = (char)byte;
		i += 2;
	}
	return out;
}

/* A host name folded, or an address out of its brackets; NULL if s is neither. */
static const char *fold_target(char *s, struct arena *arena)
{
	char name[NAME_MAX_TEXT];
	size_t len = strlen(s);

	if (name_is_address_literal(s)) {
		if (s[0] == '[') {
			s[len - 1] = '\0';
			s++;
		}
		text_lower(s);
		return text_starts(s, "ipv6:") ? s + 5 : s;
	}
	return name_fold_host(name, s) ? arena_strdup(arena, name) : NULL;
}

/* mailto:local@domain?headers: the domain of the first address (RFC 6068 §2). */
static const char *mailto_target(const char *s, struct arena *arena)
{
	char *to = percent_decode(s, strcspn(s, "?#"), arena);
	if (to == NULL)
		return NULL;
	to[strcspn(to, ",")] = '\0';
	char *at = strrchr(to, '@');
	return at != NULL && at > to ? fold_target(at + 1, arena) : NULL;
}

/* //userinfo@host:port/path (RFC 3986 §3.2). */
static const char *https_target(const char *s, struct arena *arena)
{
	if (!text_starts(s, "//"))
		return NULL;
	s += 2;
	char *authority = arena_strndup(arena, s, strcspn(s, "/?#"));
	char *at = strrchr(authority, '@');
	char *host = at != NULL ? at + 1 : authority;
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len > strlen(host))
		return NULL;
	const char *port = host + len;
	if (port[0] == ':')
		port += 1 + strspn(port + 1, "0123456789");
	if (port[0] != '\0')
		return NULL;
	host = percent_decode(host, len, arena);
	return host != NULL ? fold_target(host, arena) : NULL;
}

const char *tls_rpt_rua_target(const char *uri, struct arena *arena)
{
	if (has_scheme(uri, "mailto:"))
		return mailto_target(uri + 7, arena);
	if (has_scheme(uri, "https:"))
		return https_target(uri + 6, arena);
	return NULL;
}

/* -- the record -------------------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	struct remarks *remarks;
	const char **rua; /* supported ones */
	size_t n_rua;
	bool failed;
};

/* Bytes of s that may stand in a URI here: RFC 3986 §2, less "," "!" ";". */
static size_t uri_prefix(const char *s, size_t len)
{
	size_t n = 0;

	for (; n < len; n++) {
		if (s[n] == '%' && !(len - n > 2 && is_hex(s[n + 1]) && is_hex(s[n + 2])))
			break;
		if (!is_alpha(s[n]) &&
		    (s[n] == '\0' || strchr("0123456789-._~:/?#[]@$&'()*+=%", s[n]) == NULL))
			break;
	}
	return n;
}

/* scheme = ALPHA *(ALPHA / DIGIT / "+" / "-" / ".") and a ":" (RFC 3986 §3.1). */
static bool is_absolute(const char *uri)
{
	size_t n = strcspn(uri, ":");
	if (uri[n] == '\0' || !is_alpha(uri[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alpha(uri[i]) && strchr("0123456789+-.", uri[i]) == NULL)
			return false;
	return true;
}

static void read_uri(struct reader *r, const char *s, size_t len, size_t column)
{
	size_t good = uri_prefix(s, len);
	const char *quoted = remarks_quote(r->remarks, s, len);
	const char *uri = arena_strndup(r->arena, s, len);

	if (len == 0) {
		remarks_add(r->remarks, REMARK_ERROR, 1, column, SECTION,
			    "a URI is missing between commas or behind \"rua=\"");
	} else if (good < len) {
		remarks_add(r->remarks, REMARK_ERROR, 1, column + good, SECTION,
			    "%s must be percent-encoded in a URI: %s",
			    remarks_quote(r->remarks, s + good, 1), quoted);
	} else if (!is_absolute(uri)) {
		remarks_add(r->remarks, REMARK_ERROR, 1, column, SECTION,
			    "a URI begins with \"mailto:\" or \"https:\", not %s", quoted);
	} else if (!has_scheme(uri, "mailto:") && !has_scheme(uri, "https:")) {
		remarks_add(r->remarks, REMARK_WARNING, 1, column, SECTION,
			    "senders report to mailto: and https: only and pass over %s", quoted);
		return;
	} else if (tls_rpt_rua_target(uri, r->arena) == NULL) {
		remarks_add(r->remarks, REMARK_ERROR, 1, column, SECTION, "%s has no %s", quoted,
			    has_scheme(uri, "mailto:") ? "mail address" : "host");
	} else {
		r->rua[r->n_rua++] = uri;
		return;
	}
	r->failed = true;
}

static size_t count_commas(const char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += s[i] == ',';
	return n;
}

/* tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri), added to those of an earlier rua. */
static void read_rua(struct reader *r, const struct txt_field *f)
{
	const char **all = arena_array(
	    r->arena, r->n_rua + count_commas(f->value, f->value_len) + 1, sizeof(*all));

	if (r->n_rua > 0)
		memcpy(all, r->rua, r->n_rua * sizeof(*all));
	r->rua = all;
	for (size_t from = 0, end; from <= f->value_len; from = end + 1) {
		const char *comma = memchr(f->value + from, ',', f->value_len - from);
		end = comma != NULL ? (size_t)(comma - f->value) : f->value_len;
		size_t to = end;
		while (from > 0 && from < to && is_blank(f->value[from]))
			from++;
		while (comma != NULL && to > from && is_blank(f->value[to - 1]))
			to--;
		read_uri(r, f->value + from, to - from, f->value_column + from);
	}
}

enum tls_rpt_result tls_rpt_record_parse(const char *txt, struct arena *arena,
					 struct tls_rpt_record *record, struct remarks *remarks)
{
	struct reader r = {.arena = arena, .remarks = remarks};
	struct txt_fields fields;
	enum txt_fields_result form =
	    txt_fields_split(txt, "v=TLSRPTv1", SECTION, arena, &fields, remarks);
	size_t n_fields = 0; /* rua fields */

	*record = (struct tls_rpt_record){0};
	if (form == TXT_FIELDS_FOREIGN)
		return TLS_RPT_FOREIGN;
	r.failed = form != TXT_FIELDS_OK;
	for (size_t i = 0; i < fields.n; i++) {
		const struct txt_field *f = &fields.item[i];
		if (f->name[0] == '\0')
			continue;
		if (strcmp(f->name, "rua") != 0) {
			r.failed |= !txt_fields_check_extension(f, SECTION, remarks);
			continue;
		}
		if (n_fields++ == 1)
			remarks_add(remarks, REMARK_WARNING, 1, f->column, SECTION,
				    "\"rua\" stands twice: the grammar allows it, some senders "
				    "read only one");
		read_rua(&r, f);
	}
	if (n_fields == 0)
		remarks_add(remarks, REMARK_ERROR, 1, fields.end_column, SECTION,
			    "the required field \"rua\" is missing");
	else if (r.n_rua == 0 && !r.failed)
		remarks_add(remarks, REMARK_ERROR, 1, fields.end_column, SECTION,
			    "no mailto: or https: URI is left to report to");
	record->rua = r.rua;
	record->n_rua = r.n_rua;
	return r.failed || r.n_rua == 0 ? TLS_RPT_MALFORMED : TLS_RPT_OK;
}
