/* SPDX-License-Identifier: ISC
 *
 * mxwatch lint: one document in, what its parser says about it out.  Reads the file, hands it
 * to the kind's function, which leaves remarks and what was parsed, and prints both.
 *
 * The watchlist is read by adapt/yaml_conf itself (it may include other files), so its
 * problems are turned into remarks here.
 */
#include "mxwatch.h"
#include "option.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "arena.h"
#include "buf.h"
#include "console.h"
#include "gzip.h"
#include "mta_sts.h"
#include "name.h"
#include "remark.h"
#include "stamp.h"
#include "text.h"
#include "tls_rpt.h"
#include "tls_rpt_report.h"
#include "tlsa.h"
#include "yaml_conf.h"

#define MX_MAX	   100
#define RECORD_MAX 65535 /* rdata of a TXT record, RFC 1035 §3.2.1 */
#define POLICY_MAX (64 * 1024)
#define WINDOW	   100 /* characters of a source line that are shown */

enum verdict { VALID, REMARKS, REJECTED }; /* also the exit status */

static const char *const verdict_words[] = {"valid", "remarks", "rejected"};

struct lint {
	const struct kind *kind;
	const char *file; /* as named; "-" is standard input */
	struct arena *arena;
	struct buf input; /* the file */
	struct buf
	    source; /* what lines and columns count in; the file unless it had to be unwrapped */
	struct remarks remarks;
	json_t *parsed; /* an object; NULL if nothing could be */
	bool rejected;
	struct yaml_problems problems; /* of a watchlist */
	const char *mx[MX_MAX];
	size_t n_mx;
	const char *mx_pattern[MX_MAX]; /* the one that matches mx, NULL if none does */
	bool json, no_color;
};

struct kind {
	const char *name;
	size_t max; /* bytes of the file; 0: read elsewhere */
	const char *reference;
	void (*lint)(struct lint *l);
	bool takes_mx;
};

static void __attribute__((format(printf, 3, 4)))
reject(struct lint *l, const char *reference, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remarks_add(&l->remarks, REMARK_ERROR, 1, 1, reference, "%s",
		    arena_vprintf(l->arena, fmt, ap));
	va_end(ap);
	l->rejected = true;
}

/* -- what was parsed, as JSON -------------------------------------------------------------- */

static json_t *json_text(const char *s)
{
	if (s == NULL)
		return json_null();
	if (text_is_utf8(s, strlen(s)))
		return json_string(s);
	struct buf escaped;
	buf_init(&escaped, 4 * RECORD_MAX);
	text_escape(&escaped, s, strlen(s), RECORD_MAX);
	json_t *value = json_string(buf_str(&escaped));
	buf_clear(&escaped);
	return value;
}

static json_t *json_texts(const char *const *list, size_t n)
{
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_text(list[i]));
	return array;
}

static json_t *json_stamp(int64_t at)
{
	char text[STAMP_TEXT];
	return at == 0 ? json_null() : json_string(stamp_format(text, at));
}

/* -- records ------------------------------------------------------------------------------- */

/* The strings of a TXT in presentation form, "..." "...", joined (RFC 1035 §5.1).  False when
 * that is not what s holds. */
static bool join_strings(const char *s, size_t len, struct buf *out)
{
	bool inside = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = 0;
		if (s[i] == '"') {
			inside = !inside;
		} else if (!inside) {
			if (strchr(" \t\r\n()", s[i]) == NULL || s[i] == '\0')
				return false;
		} else if (s[i] != '\\') {
			buf_addch(out, s[i]);
		} else if (i + 3 < len && strspn(s + i + 1, "0123456789") >= 3) {
			unsigned n = (unsigned)(s[i + 1] - '0') * 100 +
				     (unsigned)(s[i + 2] - '0') * 10 + (unsigned)(s[i + 3] - '0');
			if (n > 255)
				return false;
			byte = (unsigned char)n;
			buf_add(out, &byte, 1);
			i += 3;
		} else if (i + 1 < len) {
			buf_addch(out, s[++i]);
		}
	}
	return !inside;
}

/* Where the strings begin: at the front, or behind owner, TTL, class and TXT where a whole zone
 * file line is given.  len when there are none. */
static size_t quoted_from(const char *s, size_t len)
{
	const char *quote = memchr(s, '"', len);
	size_t at = quote != NULL ? (size_t)(quote - s) : len, end = at;

	while (end > 0 && strchr(" \t\r\n(", s[end - 1]) != NULL)
		end--;
	bool is_txt =
	    end > 3 && strncasecmp(s + end - 3, "TXT", 3) == 0 && strchr(" \t", s[end - 4]) != NULL;
	return end == 0 || is_txt ? at : len;
}

/* The record's text in text_latin1, out of its quotes, without one newline at the end. */
static const char *record_text(struct lint *l)
{
	const char *s = buf_str(&l->input);
	size_t len = l->input.len, quote = quoted_from(s, len);
	struct buf latin1;

	if (quote < len && join_strings(s + quote, len - quote, &l->source)) {
		s = buf_str(&l->source);
		len = l->source.len;
	} else {
		if (len > 0 && s[len - 1] == '\n')
			len--;
		if (len > 0 && s[len - 1] == '\r')
			len--;
		buf_reset(&l->source);
		buf_add(&l->source, s, len);
	}
	buf_init(&latin1, 3 * RECORD_MAX);
	text_latin1(&latin1, s, len);
	const char *text = arena_strdup(l->arena, buf_str(&latin1));
	buf_clear(&latin1);
	return text;
}

static void lint_mta_sts_record(struct lint *l)
{
	struct mta_sts_record record;
	enum mta_sts_record_result result =
	    mta_sts_record_parse(record_text(l), l->arena, &record, &l->remarks);

	l->rejected = result != MTA_STS_RECORD_OK;
	l->parsed = json_pack("{s:o}", "id", json_text(record.id));
}

static void lint_tls_rpt_record(struct lint *l)
{
	struct tls_rpt_record record;
	enum tls_rpt_result result =
	    tls_rpt_record_parse(record_text(l), l->arena, &record, &l->remarks);

	l->rejected = result != TLS_RPT_OK;
	l->parsed = json_pack("{s:o}", "rua", json_texts(record.rua, record.n_rua));
}

static void lint_tlsa_record(struct lint *l)
{
	struct obs_tlsa_rr rr;
	const char *text = buf_str(&l->input);

	if (strlen(text) != l->input.len) {
		remarks_add(&l->remarks, REMARK_ERROR, 1, strlen(text) + 1, l->kind->reference,
			    "a NUL byte");
		l->rejected = true;
	}
	l->rejected |= tlsa_record_parse(text, l->arena, &rr, &l->remarks) != 0;
	l->parsed = json_pack("{s:I, s:I, s:I, s:o}", "usage", (json_int_t)rr.usage, "selector",
			      (json_int_t)rr.selector, "matching_type", (json_int_t)rr.matching,
			      "data", json_text(rr.data));
}

/* -- the policy ------------------------------------------------------------------------------ */

static void match_mx(struct lint *l, const struct mta_sts_policy *policy)
{
	for (size_t i = 0; i < l->n_mx; i++) {
		for (size_t k = 0; k < policy->n_mx && l->mx_pattern[i] == NULL; k++)
			if (mta_sts_mx_match(policy->mx[k], l->mx[i]))
				l->mx_pattern[i] = policy->mx[k];
		if (l->mx_pattern[i] == NULL)
			remarks_add(&l->remarks, REMARK_WARNING, 1, 1, "RFC 8461 §4.1",
				    "no mx pattern of the policy matches %s", l->mx[i]);
	}
}

static void lint_mta_sts_policy(struct lint *l)
{
	struct mta_sts_policy policy;
	struct buf latin1;

	buf_init(&latin1, 3 * POLICY_MAX);
	text_latin1(&latin1, buf_str(&l->input), l->input.len);
	l->rejected =
	    mta_sts_policy_parse(buf_str(&latin1), latin1.len, l->arena, &policy, &l->remarks) != 0;
	buf_clear(&latin1);
	match_mx(l, &policy);
	const char *mode = mta_sts_mode_words[policy.mode];
	l->parsed = json_pack("{s:o, s:o, s:o}", "mode", json_text(mode[0] != '\0' ? mode : NULL),
			      "max_age",
			      policy.max_age_s >= 0 ? json_integer(policy.max_age_s) : json_null(),
			      "mx", json_texts(policy.mx, policy.n_mx));
}

/* -- the report ------------------------------------------------------------------------------ */

static json_t *failure_json(const struct tls_rpt_failure *f)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "result_type", json_text(f->result_type),
			 "sending_mta_ip", json_text(f->sending_mta_ip), "receiving_mx_hostname",
			 json_text(f->receiving_mx_hostname), "receiving_ip",
			 json_text(f->receiving_ip), "failure_reason_code", json_text(f->reason),
			 "failed_sessions", (json_int_t)f->sessions);
}

static json_t *policy_json(const struct tls_rpt_policy *p)
{
	json_t *failures = json_array();

	for (size_t i = 0; i < p->n_failures; i++)
		json_array_append_new(failures, failure_json(&p->failure[i]));
	return json_pack("{s:o, s:o, s:o, s:I, s:I, s:o}", "type", json_text(p->type), "domain",
			 json_text(p->domain), "mx_host", json_texts(p->mx_host, p->n_mx_host),
			 "successful_sessions", (json_int_t)p->successful, "failed_sessions",
			 (json_int_t)p->failed, "failures", failures);
}

static void lint_tls_rpt_report(struct lint *l)
{
	struct tls_rpt_report report;
	struct error err;

	if (gzip_is(buf_str(&l->input), l->input.len)) {
		if (gzip_inflate(buf_str(&l->input), l->input.len, &l->source, &err) != 0) {
			reject(l, "RFC 8460 §5.2", "%s", err.text);
			return;
		}
	} else {
		buf_add(&l->source, buf_str(&l->input), l->input.len);
	}
	l->rejected = tls_rpt_report_parse(buf_str(&l->source), l->source.len, l->arena, &report,
					   &l->remarks) != 0;
	json_t *policies = json_array();
	for (size_t i = 0; i < report.n_policies; i++)
		json_array_append_new(policies, policy_json(&report.policy[i]));
	l->parsed = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "organization",
			      json_text(report.organization), "contact", json_text(report.contact),
			      "report_id", json_text(report.id), "start", json_stamp(report.start),
			      "end", json_stamp(report.end), "policies", policies);
}

/* -- the watchlist --------------------------------------------------------------------------- */

static void lint_watchlist(struct lint *l)
{
	struct conf *conf = yaml_conf_load(l->file, &l->problems);

	l->rejected = conf == NULL;
	for (size_t i = 0; i < l->problems.n; i++) {
		const struct yaml_problem *p = &l->problems.item[i];
		remarks_add(&l->remarks, p->warning ? REMARK_WARNING : REMARK_ERROR, p->line,
			    p->column, l->kind->reference, "%s", arena_strdup(l->arena, p->text));
	}
	if (conf != NULL)
		l->parsed = json_pack("{s:I, s:I}", "domains", (json_int_t)conf->n_domains,
				      "receivers", (json_int_t)conf->n_receivers);
	conf_free(conf);
}

static const struct kind kinds[] = {
    {"mta-sts-record", RECORD_MAX, "RFC 8461 §3.1", lint_mta_sts_record, false},
    {"mta-sts-policy", POLICY_MAX, "RFC 8461 §3.3", lint_mta_sts_policy, true},
    {"tls-rpt-record", RECORD_MAX, "RFC 8460 §3", lint_tls_rpt_record, false},
    {"tls-rpt-report", TLS_RPT_REPORT_MAX, "RFC 8460 §4.4", lint_tls_rpt_report, false},
    {"tlsa-record", RECORD_MAX, "RFC 6698 §2.2", lint_tlsa_record, false},
    {"watchlist", 0, "mxwatch.yaml(5)", lint_watchlist, false},
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* -- output ---------------------------------------------------------------------------------- */

static size_t count_characters(const char *s)
{
	size_t n = 0;
	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* The line a remark is about, or the part of it around the place, and a caret below. */
static void print_source(const struct lint *l, const struct remark *r)
{
	const struct buf *source = l->source.len > 0 ? &l->source : &l->input;
	const char *s = buf_str(source), *end = s + source->len;
	size_t before = r->column - 1, from = 0;
	struct buf left, right;

	for (size_t line = 1; line < r->line && s < end; line++) {
		const char *lf = memchr(s, '\n', (size_t)(end - s));
		s = lf != NULL ? lf + 1 : end;
	}
	if (r->line == 1 && text_starts(s, "\xef\xbb\xbf"))
		s += 3; /* columns begin behind a byte order mark */
	const char *lf = memchr(s, '\n', (size_t)(end - s));
	size_t len = (size_t)((lf != NULL ? lf : end) - s);
	if (len > 0 && s[len - 1] == '\r')
		len--;
	if (before > len)
		before = len;
	if (before > WINDOW / 2)
		from = before - WINDOW / 2;
	buf_init(&left, 8 * WINDOW);
	buf_init(&right, 8 * WINDOW);
	text_escape(&left, s + from, before - from, 4 * WINDOW);
	text_escape(&right, s + before, len - before, WINDOW / 2);
	printf("    %s%s%s\n    %*s^\n", from > 0 ? "..." : "", buf_str(&left), buf_str(&right),
	       (int)(count_characters(buf_str(&left)) + (from > 0 ? 3 : 0)), "");
	buf_clear(&left);
	buf_clear(&right);
}

static void print_remark(const struct lint *l, const struct remark *r)
{
	static const enum console_style styles[] = {CONSOLE_BLUE, CONSOLE_YELLOW, CONSOLE_RED};
	bool color = console_color(stdout, l->no_color);

	printf("%s:%zu:%zu: %s%s:%s %s [%s]\n", l->file, r->line, r->column,
	       console_style(color, styles[r->level]), remark_level_words[r->level],
	       console_style(color, CONSOLE_PLAIN), r->rule, r->reference);
	print_source(l, r);
}

static void print_text(const struct lint *l, enum verdict verdict)
{
	if (l->problems.n > 0) {
		struct buf out;
		buf_init(&out, 1024 * 1024);
		yaml_problems_print(&l->problems, &out);
		fputs(buf_str(&out), stdout);
		buf_clear(&out);
	} else {
		for (size_t i = 0; i < l->remarks.n; i++)
			print_remark(l, &l->remarks.item[i]);
	}
	for (size_t i = 0; i < l->n_mx; i++)
		if (l->mx_pattern[i] != NULL)
			printf("%s: matched by \"%s\"\n", l->mx[i], l->mx_pattern[i]);
		else
			printf("%s: not matched\n", l->mx[i]);
	printf("%s: %s\n", l->file,
	       verdict == VALID	    ? "valid"
	       : verdict == REMARKS ? "accepted with remarks"
				    : "rejected");
}

static void print_json(const struct lint *l, enum verdict verdict)
{
	json_t *remarks = json_array(), *mx = json_array();

	for (size_t i = 0; i < l->remarks.n; i++) {
		const struct remark *r = &l->remarks.item[i];
		json_t *row =
		    json_pack("{s:I, s:I, s:s, s:o, s:s}", "line", (json_int_t)r->line, "column",
			      (json_int_t)r->column, "level", remark_level_words[r->level], "rule",
			      json_text(r->rule), "reference", r->reference);
		if (i < l->problems.n) /* may be another file than the one named */
			json_object_set_new(row, "file", json_text(l->problems.item[i].file));
		json_array_append_new(remarks, row);
	}
	for (size_t i = 0; i < l->n_mx; i++)
		json_array_append_new(mx, json_pack("{s:s, s:b, s:o}", "host", l->mx[i], "matched",
						    l->mx_pattern[i] != NULL, "pattern",
						    json_text(l->mx_pattern[i])));
	json_t *all =
	    json_pack("{s:i, s:s, s:o, s:b, s:s, s:o, s:O?}", "schema", 1, "kind", l->kind->name,
		      "file", json_text(l->file), "valid", verdict != REJECTED, "verdict",
		      verdict_words[verdict], "remarks", remarks, "parsed", l->parsed);
	if (l->kind->takes_mx)
		json_object_set(all, "mx", mx);
	json_decref(mx);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

/* -- the command ----------------------------------------------------------------------------- */

static void usage(FILE *stream)
{
	fputs(
	    "usage: mxwatch lint KIND [FILE|-] [--json] [--mx HOST]... [--no-color]\n"
	    "\n"
	    "Parse one document, without the network.  KIND is one of\n"
	    "  mta-sts-record   TXT at _mta-sts.DOMAIN (RFC 8461 §3.1)\n"
	    "  mta-sts-policy   the policy file (RFC 8461 §3.2); --mx HOST is matched against it\n"
	    "  tls-rpt-record   TXT at _smtp._tls.DOMAIN (RFC 8460 §3)\n"
	    "  tls-rpt-report   a report as JSON or gzip (RFC 8460 §4.4)\n"
	    "  tlsa-record      \"3 1 1 0123...\" (RFC 6698 §2.2)\n"
	    "  watchlist        mxwatch.yaml(5)\n"
	    "\n"
	    "  mxwatch lint mta-sts-policy mta-sts.txt --mx mx1.example.org\n"
	    "  dig +short TXT _mta-sts.example.org | mxwatch lint mta-sts-record\n"
	    "  mxwatch lint watchlist /etc/mxwatch/mxwatch.yaml\n"
	    "\n"
	    "Exit status: 0 valid, 1 accepted with remarks, 2 rejected, 64 usage.\n",
	    stream);
}

static const struct kind *find_kind(const char *name)
{
	const char *names[N_KINDS + 1] = {NULL};

	for (size_t i = 0; i < N_KINDS; i++) {
		names[i] = kinds[i].name;
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	const char *near = text_nearest(name, names);
	fprintf(stderr, "mxwatch lint: no such kind of document%s%s%s\n",
		near != NULL ? " (did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?)" : "; mxwatch lint --help lists them");
	return NULL;
}

static bool add_mx(struct lint *l, const char *host)
{
	char name[NAME_MAX_TEXT];

	if (l->n_mx == MX_MAX || !name_fold_host(name, host)) {
		fprintf(stderr, "mxwatch lint: --mx wants a host name%s\n",
			l->n_mx == MX_MAX ? ", at most 100 times" : "");
		return false;
	}
	l->mx[l->n_mx++] = arena_strdup(l->arena, name);
	return true;
}

/* 0, or the exit status. */
static int read_options(struct lint *l, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"mx", required_argument, NULL, 'm'},
						{"no-color", no_argument, NULL, 'n'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		if (c == 'j')
			l->json = true;
		else if (c == 'n')
			l->no_color = true;
		else if (c == '?' || c == ':')
			return option_wrong("lint", c, argv, options);
		else if (c != 'm' || !add_mx(l, optarg))
			return c == 'h' ? -1 : EX_USAGE;
	}
	if (optind == argc || argc - optind > 2) {
		usage(stderr);
		return EX_USAGE;
	}
	l->kind = find_kind(argv[optind]);
	l->file = optind + 1 < argc ? argv[optind + 1] : "-";
	if (l->kind != NULL && l->n_mx > 0 && !l->kind->takes_mx) {
		fputs("mxwatch lint: --mx goes with mta-sts-policy\n", stderr);
		return EX_USAGE;
	}
	return l->kind != NULL ? 0 : EX_USAGE;
}

/* The file, cut at the kind's ceiling (then input.truncated is set).  -1 if it cannot be read. */
static int read_input(struct lint *l)
{
	FILE *f = strcmp(l->file, "-") == 0 ? stdin : fopen(l->file, "rb");
	char chunk[16384];

	if (f != NULL) {
		for (size_t n; !l->input.truncated && (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
			buf_add(&l->input, chunk, n);
	}
	bool failed = f == NULL || ferror(f);
	if (failed)
		fprintf(stderr, "mxwatch lint: %s: %s\n", l->file, strerror(errno));
	if (f != NULL && f != stdin)
		fclose(f);
	return failed ? -1 : 0;
}

/* As far as can be told without reading: it may be a pipe. */
static int may_be_read(const struct lint *l)
{
	struct stat st;

	errno = 0;
	if (strcmp(l->file, "-") == 0)
		return 0;
	if (access(l->file, R_OK) == 0 && stat(l->file, &st) == 0 && !S_ISDIR(st.st_mode))
		return 0;
	if (errno == 0)
		errno = EISDIR;
	fprintf(stderr, "mxwatch lint: %s: %s\n", l->file, strerror(errno));
	return -1;
}

static int lint(struct lint *l)
{
	buf_init(&l->input, l->kind->max);
	buf_init(&l->source, TLS_RPT_REPORT_MAX);
	if ((l->kind->max > 0 ? read_input(l) : may_be_read(l)) != 0)
		return EX_NOINPUT;
	if (l->input.truncated)
		reject(l, l->kind->reference, "the document is larger than %zu bytes",
		       l->kind->max);
	else
		l->kind->lint(l);
	if (l->problems.n == 0)
		remarks_sort(&l->remarks);
	enum verdict verdict = l->rejected || remarks_first(&l->remarks, REMARK_ERROR) != NULL
				   ? REJECTED
			       : l->remarks.n > 0 ? REMARKS
						  : VALID;
	if (l->json)
		print_json(l, verdict);
	else
		print_text(l, verdict);
	return (int)verdict;
}

int cmd_lint(int argc, char **argv)
{
	struct lint l = {.arena = arena_new()};

	remarks_init(&l.remarks, l.arena);
	int status = read_options(&l, argc, argv);
	if (status == 0) {
		status = lint(&l);
	} else if (status < 0) {
		usage(stdout);
		status = 0;
	}
	json_decref(l.parsed);
	buf_clear(&l.input);
	buf_clear(&l.source);
	yaml_problems_clear(&l.problems);
	arena_free(l.arena);
	return status;
}
