/* SPDX-License-Identifier: ISC
 *
 * mxwatch tlsa HOST: look at what the host serves now and print the TLSA records that name it,
 * as zone file lines: 3 1 1 of each key, and 2 1 1 of each issuer that is presented (RFC 7672
 * sections 3.1.1, 3.1.2; RFC 7671 section 5.1).  Every address and both kinds of key count.
 * Comments compare them with what is published.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_run.h"
#include "clock.h"
#include "console.h"
#include "idn.h"
#include "mem.h"
#include "mxwatch.h"
#include "option.h"
#include "stamp.h"
#include "text.h"
#include "tlsa.h"
#include "yaml_conf.h"

#define EXIT_UNSEEN 3
#define TIMEOUT_S   60

static const char help[] =
    "Usage: mxwatch tlsa [options] HOST\n"
    "Print the TLSA records to publish for the keys a mail server uses now.\n"
    "\n"
    "      --port PORT        the service to look at (25)\n"
    "      --resolver ADDR[:PORT]  ask this resolver, and trust what it says of DNSSEC\n"
    "      --trust-anchor FILE     root key of the private resolver\n"
    "      --allow-private    contact private and loopback addresses too\n"
    "      --timeout DURATION bound of the whole (60s)\n"
    "\n"
    "  mxwatch tlsa mx1.example.org\n"
    "  mxwatch tlsa --port 465 smtp.example.org\n"
    "  mxwatch tlsa mx1.example.org | grep ' 3 1 1 ' >> zone.add\n"
    "\n"
    "Exit: 0 records were printed, 3 no certificate could be seen; 64 usage.\n";

struct options {
	const char *host, *port, *resolver, *trust_anchor;
	bool allow_private;
	int64_t timeout_s;
};

enum { OPT_PORT = 256, OPT_RESOLVER, OPT_ANCHOR, OPT_PRIVATE, OPT_TIMEOUT, OPT_HELP };

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"resolver", required_argument, NULL, OPT_RESOLVER},
    {"trust-anchor", required_argument, NULL, OPT_ANCHOR},
    {"allow-private", no_argument, NULL, OPT_PRIVATE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool usage(const char *what, const char *value)
{
	fprintf(stderr, "mxwatch tlsa: %s%s%s (see mxwatch tlsa --help)\n", what,
		value != NULL ? ": " : "", value != NULL ? value : "");
	return false;
}

static bool is_port(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= 5 && strspn(text, "0123456789") == len && text[0] != '0' &&
	       strtol(text, NULL, 10) <= 65535;
}

static bool read_option(struct options *o, int c)
{
	switch (c) {
	case OPT_PORT:
		o->port = optarg;
		return is_port(optarg) || usage("--port is a number from 1 to 65535, not", optarg);
	case OPT_RESOLVER:
		o->resolver = optarg;
		return yaml_conf_is_upstream(optarg) ||
		       usage("--resolver is an address (127.0.0.1, 127.0.0.1:5353, [::1]:53), not",
			     optarg);
	case OPT_ANCHOR:
		o->trust_anchor = optarg;
		return option_trust_anchor("tlsa", optarg);
	case OPT_PRIVATE:
		o->allow_private = true;
		return true;
	case OPT_TIMEOUT:
		return (stamp_duration_parse(optarg, &o->timeout_s) && o->timeout_s > 0) ||
		       usage("--timeout is a duration like 30s or 3m, not", optarg);
	default:
		return false;
	}
}

/* -- the records that name what is served --------------------------------------------------------
 */

struct wanted { /* one record to publish */
	struct obs_tlsa_rr rr;
	const struct obs_cert *cert;
	const char *address; /* the first one that serves it */
	size_t n_others;     /* how many more do */
};

struct advice {
	const struct observation *o;
	const struct obs_tlsa *published; /* NULL: not asked */
	struct wanted *wanted;
	size_t n, size;
	bool unmatched; /* a chain that the published records do not match */
};

static void want(struct advice *a, int64_t use, const struct obs_cert *cert, const char *address)
{
	if (cert->spki_sha256 == NULL)
		return;
	for (size_t i = 0; i < a->n; i++) {
		struct wanted *w = &a->wanted[i];
		if (w->rr.usage != use || strcmp(w->rr.data, cert->spki_sha256) != 0)
			continue;
		w->n_others += strcmp(w->address, address) != 0;
		return;
	}
	if (a->n == a->size) {
		a->size = a->size == 0 ? 8 : 2 * a->size;
		a->wanted = mem_resize(a->wanted, a->size, sizeof(*a->wanted));
	}
	a->wanted[a->n++] = (struct wanted){
	    .rr = {.usage = use, .selector = 1, .matching = 1, .data = cert->spki_sha256},
	    .cert = cert,
	    .address = address,
	};
}

/* The certificate that signed the leaf, when it came along. */
static const struct obs_cert *issuer_of(const struct obs_tls *tls)
{
	int64_t by = tls->chain[0].signed_by;
	return by > 1 && (size_t)by <= tls->n_chain && tls->chain[by - 1].is_ca
		   ? &tls->chain[by - 1]
		   : NULL;
}

static void take_chain(struct advice *a, const struct obs_tls *tls, const char *address)
{
	if (tls == NULL || tls->n_chain == 0)
		return;
	const struct obs_cert *issuer = issuer_of(tls);
	want(a, 3, &tls->chain[0], address);
	if (issuer != NULL)
		want(a, 2, issuer, address);
	if (a->published != NULL && a->published->n > 0) {
		const char *const names[] = {a->o->subject, a->published->base};
		struct tlsa_verdict v;
		tlsa_match(a->published->rr, a->published->n, tls, names, 2, clock_now(), &v);
		a->unmatched = a->unmatched || !v.matched;
	}
}

static void take_host(struct advice *a)
{
	const struct obs_host *h = a->o->host;
	a->published = h->n_tlsa > 0 ? &h->tlsa[0] : NULL;
	for (size_t i = 0; i < h->n_services; i++) {
		const struct obs_service *s = &h->services[i];
		take_chain(a, s->tls, s->address);
		if (s->sweep == NULL)
			continue;
		take_chain(a, s->sweep->rsa, s->address);
		take_chain(a, s->sweep->ecdsa, s->address);
	}
}

/* -- saying ---------------------------------------------------------------------------------------
 */

static bool same_record(const struct obs_tlsa_rr *a, const struct obs_tlsa_rr *b)
{
	return a->usage == b->usage && a->selector == b->selector && a->matching == b->matching &&
	       a->data != NULL && b->data != NULL && text_equal_nocase(a->data, b->data);
}

static bool is_published(const struct advice *a, const struct obs_tlsa_rr *rr)
{
	for (size_t i = 0; a->published != NULL && i < a->published->n; i++)
		if (same_record(&a->published->rr[i], rr))
			return true;
	return false;
}

static bool is_wanted(const struct advice *a, const struct obs_tlsa_rr *rr)
{
	for (size_t i = 0; i < a->n; i++)
		if (same_record(&a->wanted[i].rr, rr))
			return true;
	return false;
}

static const char *owner(const struct advice *a)
{
	return a->published != NULL && a->published->base != NULL ? a->published->base
								  : a->o->subject;
}

static void print_wanted(const struct advice *a, const struct wanted *w, const char *port)
{
	char until[STAMP_TEXT] = "?";
	if (w->cert->not_after != 0)
		stamp_format(until, w->cert->not_after);
	printf("; %s %s key, %s, until %.10s, at %s",
	       w->rr.usage == 3 ? "the server's" : "the issuer's",
	       w->cert->key_type != NULL ? w->cert->key_type : "unknown",
	       w->cert->subject != NULL ? w->cert->subject : "without a name", until, w->address);
	if (w->n_others > 0)
		printf(" and %zu more", w->n_others);
	printf("\n_%s._tcp.%s. IN TLSA %lld %lld %lld %s ; %s\n", port, owner(a),
	       (long long)w->rr.usage, (long long)w->rr.selector, (long long)w->rr.matching,
	       w->rr.data, is_published(a, &w->rr) ? "published" : "not published");
}

/* Records there are beside those printed. */
static void print_others(const struct advice *a)
{
	for (size_t i = 0; i < a->published->n; i++) {
		const struct obs_tlsa_rr *rr = &a->published->rr[i];
		enum tlsa_usable use = tlsa_usability(rr);
		if (is_wanted(a, rr))
			continue;
		printf("; published too: %lld %lld %lld %.128s%s%s\n", (long long)rr->usage,
		       (long long)rr->selector, (long long)rr->matching,
		       rr->data != NULL ? rr->data : "",
		       rr->data != NULL && strlen(rr->data) > 128 ? "..." : "",
		       use == TLSA_USABLE ? "" : " (unusable)");
	}
}

static const char *verdict(const struct advice *a)
{
	const struct obs_tlsa *p = a->published;
	size_t missing = 0;
	for (size_t i = 0; i < a->n; i++)
		missing += !is_published(a, &a->wanted[i].rr);
	if (p == NULL || p->dns.status == OBS_DNS_UNASKED || p->dns.status == OBS_DNS_FAILED)
		return "What is published could not be looked up.";
	if (p->dns.status == OBS_DNS_BOGUS)
		return "What is published fails DNSSEC validation: DANE senders defer.";
	if (p->n == 0)
		return "Nothing is published yet.";
	if (a->unmatched)
		return "The published records differ and do not match all that is served: DANE senders refuse "
		       "to deliver.";
	if (missing > 0 || p->n > a->n)
		return "The published records differ, but match what is served.";
	return "The published records are these.";
}

static void print_dnssec(const struct advice *a)
{
	const struct obs_tlsa *p = a->published;
	const struct obs_host *h = a->o->host;
	if (p != NULL && p->dns.dnssec == OBS_DNSSEC_INSECURE)
		printf(
		    "; The zone is not signed: senders ignore TLSA records there (RFC 7672 section 2.2).\n");
	else if (h->a.dns.dnssec == OBS_DNSSEC_INSECURE ||
		 h->aaaa.dns.dnssec == OBS_DNSSEC_INSECURE)
		printf(
		    "; The addresses are not signed: senders ignore TLSA records (RFC 7672 section 2.2.2).\n");
	else if (p != NULL && p->dns.dnssec == OBS_DNSSEC_UNKNOWN)
		printf("; Whether the zone is signed could not be determined.\n");
}

/* What kept us from seeing a certificate. */
static void print_unseen(const struct observation *o)
{
	const struct obs_host *h = o->host;
	const char *why = o->failure.text;
	for (size_t i = 0; why == NULL && i < h->n_services; i++)
		why = h->services[i].failure.text;
	if (why == NULL)
		why = h->a.n + h->aaaa.n == 0 ? "it has no address" : "TLS is not offered";
	fprintf(stderr, "mxwatch tlsa: %s: no certificate could be seen: %s\n", o->subject, why);
}

struct session {
	const struct options *o;
	int status;
};

static void seen(const struct check_sight *sight, void *arg)
{
	struct session *s = arg;
	struct advice a = {.o = sight->domain};
	char at[STAMP_TEXT];
	take_host(&a);
	if (a.n == 0) {
		print_unseen(a.o);
		s->status = EXIT_UNSEEN;
		return;
	}
	printf("; %s port %s, seen %s\n", a.o->subject, s->o->port, stamp_format(at, a.o->at));
	for (size_t i = 0; i < a.n; i++)
		print_wanted(&a, &a.wanted[i], s->o->port);
	if (a.published != NULL)
		print_others(&a);
	printf("; %s\n", verdict(&a));
	print_dnssec(&a);
	free(a.wanted);
}

static int run(const struct options *o)
{
	struct session session = {.o = o};
	struct conf *c = conf_new();
	char folded[NAME_MAX_TEXT];
	struct error err = {{0}};
	int status = EX_USAGE;
	const struct check_wish wish = {
	    .dane = true, .sweep = true, .host_port = o->port, .timeout_ms = o->timeout_s * 1000};
	if (o->trust_anchor != NULL)
		c->trust_anchor = o->trust_anchor;
	if (o->resolver != NULL) {
		c->upstreams = &o->resolver;
		c->n_upstreams = 1;
	}
	c->allow_private = o->allow_private;
	if (idn_fold(folded, o->host, &err) != 0) {
		usage(err.text, NULL);
	} else {
		const struct conf_domain host = {folded, &c->defaults, conf_extra_none()};
		if (check_run(c, o->resolver != NULL, &wish, &host, 1, seen, &session, &err) == 0) {
			status = session.status;
		} else {
			fprintf(stderr, "mxwatch tlsa: %s\n", err.text);
			status = EXIT_UNSEEN;
		}
	}
	conf_free(c);
	return status;
}

int cmd_tlsa(int argc, char **argv)
{
	struct options o = {.port = "25", .timeout_s = TIMEOUT_S};
	int c;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(help, stdout);
			return 0;
		}
		if (c == '?' || c == ':')
			return option_wrong("tlsa", c, argv, long_options);
		if (!read_option(&o, c))
			return EX_USAGE;
	}
	if (optind + 1 != argc) {
		usage("one host is wanted", NULL);
		return EX_USAGE;
	}
	o.host = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	return run(&o);
}
