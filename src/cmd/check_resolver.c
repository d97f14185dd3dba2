/* SPDX-License-Identifier: ISC */
#include "check_resolver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "mem.h"
#include "private_resolver.h"
#include "text.h"

#define SYSTEM_MAX 3

enum plan { PLAN_NAMED, PLAN_PRIVATE, PLAN_SYSTEM, PLAN_END };

struct check_resolver {
	const struct conf *conf;
	bool explicit;
	enum plan plan;
	char folder[64]; /* of the private resolver, "" none */
	pid_t child;	 /* it, -1 none */
	char text[SYSTEM_MAX][64];
	const char *upstream[SYSTEM_MAX];
};

/* The system's resolvers. */
static size_t system_upstreams(struct check_resolver *r)
{
	char line[512], address[64];
	size_t n = 0;
	FILE *f = fopen("/etc/resolv.conf", "re");
	while (f != NULL && n < SYSTEM_MAX && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, " nameserver %63s", address) == 1)
			text_copy(r->text[n++], sizeof(r->text[0]), address);
	}
	if (f != NULL)
		fclose(f);
	for (size_t i = 0; i < n; i++)
		r->upstream[i] = r->text[i];
	return n;
}

static bool private_upstream(struct check_resolver *r)
{
	uint16_t port;
	struct error err;
	const char *tmp = getenv("TMPDIR");
	snprintf(r->folder, sizeof(r->folder), "%.40s/mxwatch.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(r->folder) == NULL) {
		r->folder[0] = '\0';
		return false;
	}
	r->child =
	    private_resolver_start(r->folder, r->conf->trust_anchor, "/dev/null", &port, &err);
	if (r->child < 0) {
		if (r->conf->resolver_mode == CONF_RESOLVER_PRIVATE)
			fprintf(stderr, "mxwatch: no private resolver: %s\n", err.text);
		return false;
	}
	snprintf(r->text[0], sizeof(r->text[0]), "127.0.0.1:%u", port);
	r->upstream[0] = r->text[0];
	return true;
}

struct check_resolver *check_resolver_new(const struct conf *conf, bool explicit)
{
	struct check_resolver *r = mem_alloc(sizeof(*r));

	r->conf = conf;
	r->explicit = explicit;
	r->child = -1;
	return r;
}

void check_resolver_free(struct check_resolver *r)
{
	char path[96];
	if (r->child > 0) {
		kill(r->child, SIGTERM);
		waitpid(r->child, NULL, 0);
	}
	if (r->folder[0] != '\0') {
		snprintf(path, sizeof(path), "%s/unbound.conf", r->folder);
		unlink(path);
		rmdir(r->folder);
	}
	free(r);
}

size_t check_resolver_upstreams(struct check_resolver *r, const char *const **upstreams)
{
	const struct conf *conf = r->conf;
	*upstreams = r->upstream;
	for (; r->plan < PLAN_END; r->plan++) {
		size_t n = 0;
		if (r->plan == PLAN_NAMED && conf->resolver_mode == CONF_RESOLVER_AUTO) {
			*upstreams = conf->upstreams;
			return conf->n_upstreams;
		}
		if (r->plan == PLAN_PRIVATE && !r->explicit &&
		    conf->resolver_mode != CONF_RESOLVER_SYSTEM && private_upstream(r))
			n = 1;
		if (r->plan == PLAN_SYSTEM && !r->explicit)
			n = system_upstreams(r);
		if (n > 0)
			return n;
	}
	return 0;
}

void check_resolver_next(struct check_resolver *r)
{
	r->plan++;
}

bool check_resolver_is_last(const struct check_resolver *r)
{
	return r->explicit || r->plan == PLAN_SYSTEM;
}
