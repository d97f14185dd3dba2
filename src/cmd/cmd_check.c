/* SPDX-License-Identifier: ISC
 *
 * mxwatch check DOMAIN...: look now, judge, report.  No daemon, no configuration and no root
 * are needed; -c takes a domain's settings and expectations from a watchlist.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "check_list.h"
#include "check_run.h"
#include "clock.h"
#include "console.h"
#include "idn.h"
#include "mxwatch.h"
#include "option.h"
#include "report.h"
#include "stamp.h"
#include "text.h"
#include "yaml_conf.h"

#define EXIT_CONFIG	 78
#define EXIT_INTERRUPTED 130 /* as a shell has it for SIGINT */
#define CLOCK_STEP_S	 10

static const char help[] =
    "Usage: mxwatch check [options] DOMAIN...\n"
    "Look at mail domains now and report what senders of mail would find.\n"
    "\n"
    "  -c FILE                settings and expectations from this configuration\n"
    "      --from-file FILE   the domains in this file too, one a line; - is standard input\n"
    "      --format FORMAT    text, json, nagios, prometheus\n"
    "      --json             the same as --format json: one object a line\n"
    "      --explain          every finding with reason, advice, RFC section, what was seen\n"
    "  -q, --quiet            the verdict alone\n"
    "      --no-color, --no-pager\n"
    "      --only GLOB        only these checks (the grade is left out)\n"
    "      --skip GLOB        not these checks\n"
    "      --resolver ADDR[:PORT]  ask this resolver, and trust what it says of DNSSEC\n"
    "      --trust-anchor FILE     root key of the private resolver\n"
    "      --ca-file FILE     trust these authorities and no others\n"
    "      --allow-private    contact private and loopback addresses too\n"
    "      --timeout DURATION bound of one domain's check (3m)\n"
    "\n"
    "  mxwatch check example.org\n"
    "  mxwatch check --only 'mta_sts.*' --explain example.org\n"
    "  mxwatch check --json --from-file customers.txt > reports.jsonl\n"
    "\n"
    "Exit: 2 any fail, else 1 any warn, else 3 any unknown, else 0; 64 usage.\n";

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_NAGIOS, FORMAT_PROMETHEUS };
static const char *const format_words[] = {"text", "json", "nagios", "prometheus", NULL};

struct options {
	const char *file, *only, *skip, *resolver, *trust_anchor, *ca_file;
	enum format format;
	struct report_style style;
	const char *from_file;
	bool no_color, no_pager, page, allow_private;
	int64_t timeout_s;
};

struct session {
	const struct options *o;
	bool allow_private;
	int status;		   /* the worst so far */
	size_t done, by_status[4]; /* domains by exit status */
	bool canaries;		   /* self_check.tcp names some */
	int64_t clock_s;	   /* our clock ahead of the time that runs, when we began */
	struct report_metrics metrics;
	struct report_plugin plugin;
};

enum {
	OPT_FORMAT = 256,
	OPT_JSON,
	OPT_EXPLAIN,
	OPT_NO_COLOR,
	OPT_NO_PAGER,
	OPT_FROM_FILE,
	OPT_ONLY,
	OPT_SKIP,
	OPT_RESOLVER,
	OPT_ANCHOR,
	OPT_CA_FILE,
	OPT_PRIVATE,
	OPT_TIMEOUT,
	OPT_HELP
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"json", no_argument, NULL, OPT_JSON},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"quiet", no_argument, NULL, 'q'},
    {"no-color", no_argument, NULL, OPT_NO_COLOR},
    {"no-pager", no_argument, NULL, OPT_NO_PAGER},
    {"from-file", required_argument, NULL, OPT_FROM_FILE},
    {"only", required_argument, NULL, OPT_ONLY},
    {"skip", required_argument, NULL, OPT_SKIP},
    {"resolver", required_argument, NULL, OPT_RESOLVER},
    {"trust-anchor", required_argument, NULL, OPT_ANCHOR},
    {"ca-file", required_argument, NULL, OPT_CA_FILE},
    {"allow-private", no_argument, NULL, OPT_PRIVATE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool usage(const char *what, const char *value)
{
	fprintf(stderr, "mxwatch check: %s%s%s (see mxwatch check --help)\n", what,
		value != NULL ? ": " : "", value != NULL ? value : "");
	return false;
}

static bool read_format(struct options *o, const char *word)
{
	for (int i = 0; format_words[i] != NULL; i++) {
		if (strcmp(word, format_words[i]) == 0) {
			o->format = (enum format)i;
			return true;
		}
	}
	return usage("--format is text, json, nagios or prometheus, not", word);
}

static bool selects_something(const char *glob)
{
	for (size_t i = 0; i < check_count; i++) {
		if (text_glob(glob, check_table[i].id))
			return true;
	}
	return usage("no check is called", glob);
}

static bool read_option(struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->file = optarg;
		return true;
	case 'q':
		o->style.quiet = true;
		return true;
	case OPT_FORMAT:
		return read_format(o, optarg);
	case OPT_JSON:
		o->format = FORMAT_JSON;
		return true;
	case OPT_EXPLAIN:
		o->style.explain = true;
		return true;
	case OPT_NO_COLOR:
		o->no_color = true;
		return true;
	case OPT_NO_PAGER:
		o->no_pager = true;
		return true;
	case OPT_FROM_FILE:
		o->from_file = optarg;
		return true;
	case OPT_ONLY:
		if (o->only != NULL)
			return usage("--only is given twice; one glob", optarg);
		o->only = optarg;
		return selects_something(optarg);
	case OPT_SKIP:
		if (o->skip != NULL)
			return usage("--skip is given twice; one glob", optarg);
		o->skip = optarg;
		return selects_something(optarg);
	case OPT_RESOLVER:
		o->resolver = optarg;
		return yaml_conf_is_upstream(optarg) ||
		       usage("--resolver is an address (127.0.0.1, 127.0.0.1:5353, [::1]:53), not",
			     optarg);
	case OPT_ANCHOR:
		o->trust_anchor = optarg;
		return option_trust_anchor("check", optarg);
	case OPT_CA_FILE:
		o->ca_file = optarg;
		return option_ca_file("check", optarg);
	case OPT_PRIVATE:
		o->allow_private = true;
		return true;
	case OPT_TIMEOUT:
		if (stamp_duration_parse(optarg, &o->timeout_s) && o->timeout_s > 0)
			return true;
		return usage("--timeout is a duration like 30s or 3m, not", optarg);
	default:
		return false;
	}
}

/* -- configuration ---------------------------------------------------------------------------- */

static struct conf *read_conf(const struct options *o)
{
	struct yaml_problems problems;
	struct buf text;
	if (o->file == NULL)
		return conf_new();
	struct conf *c = yaml_conf_load(o->file, &problems);
	if (c == NULL) {
		buf_init(&text, 1 << 20);
		yaml_problems_print(&problems, &text);
		fputs(buf_str(&text), stderr);
		buf_clear(&text);
	}
	yaml_problems_clear(&problems);
	return c;
}

static void override(struct conf *c, const struct options *o, const char **resolver)
{
	if (o->ca_file != NULL)
		c->tls_ca_file = o->ca_file;
	if (o->trust_anchor != NULL)
		c->trust_anchor = o->trust_anchor;
	if (o->allow_private)
		c->allow_private = true;
	if (o->resolver == NULL)
		return;
	*resolver = o->resolver;
	c->upstreams = resolver;
	c->n_upstreams = 1;
	c->resolver_mode = CONF_RESOLVER_AUTO;
}

/* What is known of the domains that were named. */
static struct conf_domain *read_domains(struct conf *c, const struct check_list *list, size_t *n)
{
	struct conf_domain *domains =
	    arena_array(c->arena, HASH_COUNT(list->names), sizeof(*domains));
	*n = 0;
	for (const struct check_name *one = list->names; one != NULL; one = one->hh.next) {
		const struct conf_domain *known = conf_domain(c, one->name);
		domains[(*n)++] = known != NULL
				      ? *known
				      : (struct conf_domain){arena_strdup(c->arena, one->name),
							     &c->defaults, conf_extra_none()};
	}
	return domains;
}

/* -- what is wanted ------------------------------------------------------------------------------
 */

/* Whether any check whose id begins so is to be judged. */
static bool wants(const struct options *o, const char *prefix)
{
	for (size_t i = 0; i < check_count; i++) {
		const char *id = check_table[i].id;
		if (text_starts(id, prefix) && (o->only == NULL || text_glob(o->only, id)) &&
		    (o->skip == NULL || !text_glob(o->skip, id)))
			return true;
	}
	return false;
}

static bool wants_any(const struct options *o, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++) {
		if (wants(o, *prefixes))
			return true;
	}
	return false;
}

static struct check_wish wish_for(const struct options *o, const struct conf *c)
{
	static const char *const of_hosts[] = {"mx.resolves", "mx.address_dnssec",
					       "mx.ipv6",     "mx.redundancy",
					       "dnssec.",     "caa.",
					       "smtp.",	      "tls.",
					       "dane.",	      "mta_sts.mx_tls",
					       "delivery.",   "submission.",
					       NULL};
	static const char *const of_policy[] = {"mta_sts.", "tls.cert.", "delivery.",
						"tls_rpt.record", NULL};
	static const char *const of_sweep[] = {"tls.version",
					       "tls.cipher",
					       "tls.starttls_injection",
					       "tls.key_exchange",
					       "tls.cert.pool",
					       "tls.sni_fallback",
					       NULL};
	static const char *const of_dane[] = {"dane.",	 "tls.cert.",	   "delivery.",
					      "dnssec.", "tls_rpt.record", NULL};
	bool all = o->only == NULL; /* the grade looks at everything */
	return (struct check_wish){
	    .hosts = all || wants_any(o, of_hosts),
	    .mta_sts = all || wants_any(o, of_policy),
	    .tls_rpt = all || wants(o, "tls_rpt.") || wants(o, "dnssec."),
	    .submission = all || wants(o, "submission.") || wants(o, "tls.") ||
			  wants(o, "smtp.auth_cleartext"),
	    .dane = all || wants_any(o, of_dane),
	    .sweep = wants_any(o, of_sweep),
	    .relay_test = c->open_relay && wants(o, "smtp.open_relay"),
	    .timeout_ms = (o->timeout_s > 0 ? o->timeout_s : c->defaults.timeout_total_s) * 1000,
	};
}

/* -- judging and saying
 * ----------------------------------------------------------------------------- */

/* 2 outranks 1 outranks 3 outranks 0. */
static int worse(int a, int b)
{
	static const int rank[] = {0, 2, 3, 1};
	return rank[b] > rank[a] ? b : a;
}

static void print(struct session *s, const struct report *r)
{
	struct buf out;
	buf_init(&out, 16 << 20);
	switch (s->o->format) {
	case FORMAT_TEXT:
		report_text(r, &s->o->style, &out);
		buf_addch(&out, '\n');
		break;
	case FORMAT_JSON: {
		json_t *json = report_json(r);
		char *text = json_dumps(json, JSON_COMPACT);
		buf_addstr(&out, text);
		buf_addch(&out, '\n');
		free(text);
		json_decref(json);
		break;
	}
	case FORMAT_NAGIOS: /* these two are printed when all are there */
		report_plugin_add(&s->plugin, r);
		break;
	case FORMAT_PROMETHEUS:
		report_metrics_add(&s->metrics, r);
		break;
	}
	if (s->o->page)
		console_page();
	fputs(buf_str(&out), stdout);
	fflush(stdout);
	buf_clear(&out);
}

/* Time services slew; more is a clock that was set. */
static int64_t clock_step(const struct session *s)
{
	int64_t by = clock_now() - clock_running_ms() / 1000 - s->clock_s;
	return by >= CLOCK_STEP_S || by <= -CLOCK_STEP_S ? by : 0;
}

static void judge(const struct check_sight *sight, void *arg)
{
	struct session *s = arg;
	static const struct eval_history none = {.available = false};
	const struct eval_input in = {
	    .domain = sight->domain,
	    .hosts = sight->hosts,
	    .n_hosts = sight->n_hosts,
	    .conf = sight->conf,
	    .history = &none,
	    .allow_private = s->allow_private,
	    .submission = sight->conf->settings->checks[CONF_CHECK_SUBMISSION] != CONF_OFF,
	    .only = s->o->only,
	    .skip = s->o->skip,
	    .clock_step_s = clock_step(s),
	    .now = clock_now(),
	};
	struct findings findings;
	struct buf unicode;
	findings_init(&findings);
	buf_init(&unicode, 1024);
	eval(&in, &findings);
	eval_self(&in, s->canaries, &findings);
	struct report r = {.in = &in, .findings = &findings, .duration_ms = sight->duration_ms};
	if (s->o->only == NULL)
		r.grade = grade_of(&in, &findings);
	if (idn_unicode(&unicode, sight->conf->name))
		r.unicode = buf_str(&unicode);
	print(s, &r);
	int status = report_exit(&findings);
	s->status = worse(s->status, status);
	s->by_status[status]++;
	s->done++;
	findings_clear(&findings);
	buf_clear(&unicode);
}

/* What could only be printed with all domains there. */
static void print_all(struct session *s)
{
	struct buf out;
	buf_init(&out, 256 << 20);
	if (s->o->format == FORMAT_PROMETHEUS)
		report_prometheus(&s->metrics, &out);
	else if (s->o->format == FORMAT_NAGIOS)
		s->status = report_plugin_print(&s->plugin, &out);
	fputs(buf_str(&out), stdout);
	buf_clear(&out);
}

/* "1000 domains in 4 min: 12 fail, 40 warn, 3 unknown, 945 pass": behind the reports for people,
 * beside them where they are for programs. */
static void summarize(const struct session *s, size_t n, int64_t began_ms, bool interrupted)
{
	FILE *to = s->o->format == FORMAT_TEXT ? stdout : stderr;
	char took[STAMP_TEXT];
	if (n < 2)
		return;
	stamp_duration_human(took, (clock_monotonic_ms() - began_ms) / 1000);
	if (interrupted)
		fprintf(to, "interrupted: %zu of ", s->done);
	fprintf(to, "%zu domains in %s: %zu fail, %zu warn, %zu unknown, %zu pass\n", n, took,
		s->by_status[2], s->by_status[1], s->by_status[3], s->by_status[0]);
}

static int run(const struct options *o, const struct check_list *list)
{
	struct session session = {.o = o, .clock_s = clock_now() - clock_running_ms() / 1000};
	int64_t began_ms = clock_monotonic_ms();
	struct error err = {{0}};
	const char *resolver;
	struct conf *c = read_conf(o);
	if (c == NULL)
		return EXIT_CONFIG;
	report_metrics_init(&session.metrics);
	override(c, o, &resolver);
	session.allow_private = c->allow_private;
	session.canaries = c->n_self_check_tcp > 0;
	size_t n;
	struct conf_domain *domains = read_domains(c, list, &n);
	struct check_wish wish = wish_for(o, c);
	report_plugin_init(&session.plugin, n);
	int result = check_run(c, o->resolver != NULL, &wish, domains, n, judge, &session, &err);
	if (result < 0) {
		fprintf(stderr, "mxwatch check: %s\n", err.text);
		if (o->format == FORMAT_NAGIOS)
			printf("MXWATCH UNKNOWN - %s\n", err.text);
		session.status = 3;
	} else {
		print_all(&session);
		summarize(&session, n, began_ms, result == CHECK_INTERRUPTED);
	}
	report_metrics_clear(&session.metrics);
	report_plugin_clear(&session.plugin);
	conf_free(c);
	return result == CHECK_INTERRUPTED ? EXIT_INTERRUPTED : session.status;
}

/* The words and the file; 0 or an exit status after a message. */
static int gather(struct check_list *list, const struct options *o, char **words)
{
	int status = o->from_file != NULL ? check_list_read(list, o->from_file) : 0;
	for (; *words != NULL; words++) {
		if (!check_list_add(list, "", *words))
			return EX_USAGE;
	}
	if (status == 0 && list->names == NULL) {
		usage("a domain is wanted", NULL);
		return EX_USAGE;
	}
	return status;
}

int cmd_check(int argc, char **argv)
{
	struct options o = {.style = {.width = 80}};
	struct check_list list;
	int c, status;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":c:q", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			return 0;
		}
		if (c == '?' || c == ':')
			return option_wrong("check", c, argv, long_options);
		if (!read_option(&o, c))
			return EX_USAGE;
	}
	if (!wants(&o, "")) {
		usage("--skip leaves no check", o.skip);
		return EX_USAGE;
	}
	check_list_init(&list);
	status = gather(&list, &o, argv + optind);
	if (status == 0) {
		o.style.color = console_color(stdout, o.no_color);
		o.style.width = console_width(stdout);
		o.page = o.format == FORMAT_TEXT && !o.no_pager && HASH_COUNT(list.names) == 1;
		signal(SIGPIPE, SIG_IGN);
		status = run(&o, &list);
	}
	check_list_clear(&list);
	return status;
}
