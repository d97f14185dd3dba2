/* SPDX-License-Identifier: ISC
 *
 * The configuration and the peers: read it, take up the state, say who is wanted, and give
 * each peer the first frame it gets.
 *
 * Which resolver (resolver.mode auto) is decided once, by what the first prober says of the
 * configured one: it validates, or a private one is asked for, or there is none and the
 * system's is used.  A resolver that fails later is an outage, not another decision.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <utlist.h>

#include "engine_parts.h"
#include "parent.h"
#include "text.h"
#include "yaml_conf.h"

/* -- the configuration --------------------------------------------------------- */

/* *why: the first error, NULL when there is none; *problems_text: all of them and the warnings as
 * they are printed, "" when there are none. */
static struct conf *load(const char *file, struct arena *arena, const char **why,
			 const char **problems_text)
{
	struct yaml_problems problems = {NULL, 0, 0};
	struct conf *conf = yaml_conf_load(file, &problems);
	struct buf text;

	*why = NULL;
	buf_init(&text, 1 << 20);
	yaml_problems_print(&problems, &text);
	fputs(buf_str(&text), stderr);
	*problems_text = arena_strdup(arena, buf_str(&text));
	buf_clear(&text);
	for (size_t i = 0; conf == NULL && *why == NULL && i < problems.n; i++)
		if (!problems.item[i].warning)
			*why = arena_printf(arena, "%s:%zu:%zu: %s", problems.item[i].file,
					    problems.item[i].line, problems.item[i].column,
					    problems.item[i].text);
	yaml_problems_clear(&problems);
	malloc_trim(0); /* the tree of the file was larger than what is kept of it */
	return conf;
}

int engine_load(struct engine *e)
{
	struct arena *arena = arena_new();
	const char *why, *problems;

	e->conf = load(e->file, arena, &why, &problems);
	arena_free(arena);
	return e->conf ? 0 : PARENT_EXIT_CONFIG;
}

/* -- the state ----------------------------------------------------------------- */

struct joining {
	struct engine *e;
	struct arena *arena;
	const char **orphans; /* hosts nobody uses */
	size_t n_orphans;
};

static void join(const struct store_subject *row, void *arg)
{
	struct joining *j = arg;
	uint32_t id = roster_find(j->e->roster, row->kind, row->name);
	struct roster_subject *s;

	if (id == ROSTER_NONE) {
		if ((j->n_orphans & (j->n_orphans - 1)) == 0)
			j->orphans = mem_resize(j->orphans, j->n_orphans ? 2 * j->n_orphans : 1,
						sizeof(*j->orphans));
		j->orphans[j->n_orphans++] = arena_printf(j->arena, "%d%s", row->kind, row->name);
		return;
	}
	s = roster_subject(j->e->roster, id);
	s->at = row->at;
	s->sweep = row->sweep > clock_now() ? 0 : row->sweep;
	s->relay = row->relay;
	s->relay_accepted = row->relay_accepted;
	s->digest = row->digest;
	s->judged = row->judged;
	s->baselined = row->baselined;
	text_copy(s->grade, sizeof(s->grade), row->grade ? row->grade : "");
	if (row->kind == OBS_KIND_DOMAIN)
		roster_resume(j->e->roster, id, row->hosts);
}

/* Everything gets its place on the plan: an interval behind the last look, or soon. */
static void plan_all(struct engine *e)
{
	int64_t now_ms = clock_monotonic_ms(), now = clock_now(), spread_ms = 0;

	for (uint32_t i = 0; i < roster_end(e->roster); i++) {
		const struct roster_subject *s = roster_subject(e->roster, i);
		if (s->kind != OBS_KIND_NONE && now - s->at >= s->interval_s)
			spread_ms += 1000 / ENGINE_NEWCOMERS_PER_S;
		if (s->kind == OBS_KIND_DOMAIN && !s->baselined)
			e->not_baselined++;
	}
	for (uint32_t i = 0; i < roster_end(e->roster); i++) {
		const struct roster_subject *s = roster_subject(e->roster, i);
		int64_t interval_ms = (int64_t)s->interval_s * 1000;
		int64_t ago_ms = s->at > 0 && s->at <= now ? (now - s->at) * 1000 : -1;
		if (s->kind == OBS_KIND_NONE)
			continue;
		plan_set(e->plan, i,
			 plan_resume(now_ms, ago_ms, interval_ms,
				     plan_phase(s->name, e->key[0], interval_ms),
				     spread_ms < interval_ms ? spread_ms : interval_ms));
		if (s->at > 0 && s->digest == 0)
			engine_retry(e, i); /* an absence waits for confirmation */
	}
}

static void retry_undecided(const char *domain, const char *host, void *arg)
{
	struct engine *e = arg;
	uint32_t s =
	    roster_find(e->roster, host ? OBS_KIND_HOST : OBS_KIND_DOMAIN, host ? host : domain);

	if (s != ROSTER_NONE)
		engine_retry(e, s);
}

static void take_key(struct engine *e, struct arena *arena)
{
	const char *hex = store_meta(e->store, "key", arena);
	struct buf text;

	if (hex && text_unhex((unsigned char *)e->key, sizeof(e->key), hex) == sizeof(e->key))
		return;
	if (getrandom(e->key, sizeof(e->key), 0) != sizeof(e->key))
		log_fatal("engine", "no random bytes");
	buf_init(&text, 64);
	text_hex(&text, e->key, sizeof(e->key));
	store_put_meta(e->store, "key", buf_str(&text));
	buf_clear(&text);
}

/* Drop what the state knows of subjects that are not watched any more. */
static void tidy(struct engine *e, struct joining *j)
{
	for (size_t i = 0; i < j->n_orphans; i++) {
		int kind = j->orphans[i][0] - '0';
		const char *name = j->orphans[i] + 1;
		if (kind == OBS_KIND_DOMAIN)
			engine_unwatch(e, name);
		store_drop_subject(e->store, kind, name);
	}
	free(j->orphans);
}

int engine_open(struct engine *e)
{
	struct joining j = {.e = e};
	struct error err = {""};
	enum store_result result = store_open(e->conf->state_path, clock_now(), &e->store, &err);

	if (result != STORE_OK) {
		log_error("store", "%s", err.text);
		return result == STORE_FAILED ? 1 : PARENT_EXIT_SYSTEM;
	}
	j.arena = arena_new();
	if (!engine_begin(e)) {
		arena_free(j.arena);
		return 1;
	}
	take_key(e, j.arena);
	engine_mute_load(e);
	engine_mute_release(e);
	roster_apply(e->roster, e->conf, NULL, NULL, NULL, NULL);
	store_subjects(e->store, join, &j);
	plan_all(e);
	store_undecided(e->store, retry_undecided, e);
	tidy(e, &j);
	if (store_moved(e->store)) {
		const char *text = arena_printf(
		    j.arena, "The state was damaged and is begun anew; the old file is %s.",
		    store_moved(e->store));
		log_error("store", "%s", text);
		engine_tell_daemon(
		    e, "state.damaged", SEVERITY_CRITICAL, text,
		    "Look for a failing disk; changes since the last look cannot be told.");
	}
	arena_free(j.arena);
	return engine_commit(e) ? 0 : 1;
}

/* The web reads the configuration itself: it is told where, and when to read it again. */
static void tell_notifier(struct engine *e);

static void tell_web(struct engine *e)
{
	char *real = realpath(e->file, NULL);
	struct message_web m = {.file = real ? real : e->file};

	if (e->web)
		channel_send_shape(e->web->channel, MESSAGE_SETUP, 0, &message_web_shape, &m);
	free(real);
}

/* -- reload -------------------------------------------------------------------- */

static size_t count_dropped(const struct conf *before, const struct conf *after)
{
	size_t dropped = 0;

	for (size_t i = 0; i < before->n_domains; i++)
		dropped += conf_domain(after, before->domains[i].name) == NULL;
	return dropped;
}

/* What a prober is told, as text: a difference means new probers. */
static void encode_setup(const struct engine *e, const struct conf *conf, struct buf *out);

/* True when the probers need another setup. */
static bool adopt(struct engine *e, struct conf *conf)
{
	struct conf *old = e->conf;
	struct buf before, after;
	bool differs;

	buf_init(&before, 1 << 20);
	buf_init(&after, 1 << 20);
	encode_setup(e, old, &before);
	encode_setup(e, conf, &after);
	e->conf = conf;
	e->not_baselined = 0;
	roster_apply(e->roster, conf, engine_plan_new, engine_plan_sooner, engine_gone, e);
	for (uint32_t i = 0; i < roster_end(e->roster); i++) {
		const struct roster_subject *s = roster_subject(e->roster, i);
		e->not_baselined += s->kind == OBS_KIND_DOMAIN && !s->baselined;
	}
	turnstile_limit(e->turnstile, conf->per_ip, conf->per_ip_gap_ms);
	differs = strcmp(buf_str(&before), buf_str(&after)) != 0;
	if (strcmp(old->state_path, conf->state_path) != 0)
		log_warning("reload", "state.path changes at the next start only");
	buf_clear(&before);
	buf_clear(&after);
	conf_free(old);
	return differs;
}

static void replace_probers(struct engine *e)
{
	struct peer *p, *next;

	DL_FOREACH_SAFE(e->probers, p, next)
	{
		engine_peer_free(e, p);
	}
}

static bool say_reloaded(struct engine *e, bool ok, const char *text)
{
	struct message_status said = {.text = text, .ok = ok};

	e->reload_failed = !ok;
	channel_send_shape(e->parent, MESSAGE_RELOADED, 0, &message_status_shape, &said);
	if (ok)
		log_info("reload", "%s", text);
	else
		log_error("reload", "refused: %s", text);
	return ok;
}

static bool refuse(struct engine *e, const char *why)
{
	if (engine_begin(e)) {
		engine_tell_daemon(
		    e, "config.reload_failed", SEVERITY_WARNING, why,
		    "Mend the file and reload; the configuration read before stays in force.");
		engine_commit(e);
	}
	return say_reloaded(e, false, why);
}

bool engine_reload(struct engine *e, bool force, struct arena *arena, const char **why,
		   const char **problems)
{
	struct conf *conf = load(e->file, arena, why, problems);
	char text[256];
	size_t dropped;
	bool differs;

	if (conf == NULL) {
		*why = arena_printf(arena, "The configuration was not reloaded: %s",
				    *why ? *why : "it has errors");
		return refuse(e, *why);
	}
	dropped = count_dropped(e->conf, conf);
	if (!force && dropped > 10 && dropped * 5 > e->conf->n_domains) {
		*why = arena_printf(
		    arena,
		    "The configuration was not reloaded: it would drop %zu of %zu domains; "
		    "reload with --force if that is meant",
		    dropped, e->conf->n_domains);
		conf_free(conf);
		return refuse(e, *why);
	}
	engine_flush(e);
	if (!engine_begin(e)) {
		conf_free(conf);
		*why = "The configuration was not reloaded: the state cannot be written";
		return say_reloaded(e, false, *why);
	}
	differs = adopt(e, conf);
	engine_mute_load(e);
	engine_mute_release(e);
	engine_commit(e);
	if (differs) {
		log_info("reload", "the probers start anew with other settings");
		replace_probers(e);
	}
	engine_receivers(e);
	engine_want_peers(e);
	tell_web(e);
	tell_notifier(e);
	engine_beat_anew(e);
	engine_schedule(e);
	engine_watching(e, text, sizeof(text));
	*why = arena_printf(arena, "%s", text);
	return say_reloaded(e, true, *why);
}

/* -- who is wanted ------------------------------------------------------------- */

static int64_t probers_wanted(const struct conf *c)
{
	long cores = c->processes > 0 ? c->processes : sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > 64 ? 64 : cores;
}

void engine_want_peers(struct engine *e)
{
	struct message_want_peers want = {
	    .probers = probers_wanted(e->conf),
	    .web = true, /* at least its Unix socket */
	    .trust_anchor = e->conf->trust_anchor,
	};

	if (e->conf->resolver_mode == CONF_RESOLVER_PRIVATE)
		e->wants_private = true;
	if (e->conf->resolver_mode == CONF_RESOLVER_SYSTEM)
		e->wants_private = false;
	want.resolver = e->wants_private;
	channel_send_shape(e->parent, MESSAGE_WANT_PEERS, 0, &message_want_peers_shape, &want);
}

/* -- the probers' setup -------------------------------------------------------- */

/* The nameservers of /etc/resolv.conf; those of the configuration if there are none. */
static const char *const *system_upstreams(const struct conf *c, struct arena *arena, size_t *n)
{
	const char **list = arena_array(arena, 8, sizeof(*list));
	FILE *f = fopen("/etc/resolv.conf", "re");
	char line[512], address[128];

	*n = 0;
	while (f && *n < 8 && fgets(line, sizeof(line), f))
		if (sscanf(line, " nameserver %127s", address) == 1)
			list[(*n)++] = strchr(address, ':')
					   ? arena_printf(arena, "[%s]:53", address)
					   : arena_strdup(arena, address);
	if (f)
		fclose(f);
	if (*n > 0)
		return list;
	*n = c->n_upstreams;
	return c->upstreams;
}

static void fill_setup(const struct engine *e, const struct conf *c, struct arena *arena,
		       struct message_setup *s)
{
	const char **private = arena_array(arena, 1, sizeof(*private));

	*s = (struct message_setup){
	    .upstreams = c->upstreams,
	    .n_upstreams = c->n_upstreams,
	    .trust_ad = c->trust_ad,
	    .resolver_timeout_ms = c->resolver_timeout_s * 1000,
	    .ca_file = c->tls_ca_file,
	    .ca_path = c->tls_ca_path,
	    .helo = c->helo,
	    .source_ipv4 = c->source_ipv4,
	    .source_ipv6 = c->source_ipv6,
	    .ipv6_off = c->ipv6_off,
	    .concurrency = (c->concurrency + probers_wanted(c) - 1) / probers_wanted(c),
	    .port_smtp = c->port_smtp,
	    .port_https = c->port_https,
	    .allow_private = c->allow_private,
	    .relay_from = c->relay_from,
	    .relay_to = c->relay_to,
	    .self_check_dns = c->self_check_dns,
	    .n_self_check_dns = c->n_self_check_dns,
	    .self_check_tcp = c->self_check_tcp,
	    .n_self_check_tcp = c->n_self_check_tcp,
	};
	if (c->resolver_mode == CONF_RESOLVER_SYSTEM || e->private_port < 0) {
		s->upstreams = system_upstreams(c, arena, &s->n_upstreams);
	} else if (e->private_port > 0) {
		private[0] = arena_printf(arena, "127.0.0.1:%lld", (long long)e->private_port);
		s->upstreams = private;
		s->n_upstreams = 1;
	}
}

static void encode_setup(const struct engine *e, const struct conf *conf, struct buf *out)
{
	struct arena *arena = arena_new();
	struct message_setup setup;

	fill_setup(e, conf, arena, &setup);
	shape_encode(&message_setup_shape, &setup, out);
	buf_printf(out, "%d", (int)conf->resolver_mode);
	arena_free(arena);
}

/* The programs of receivers of kind exec: it may start no others. */
static void tell_notifier(struct engine *e)
{
	const char **programs = mem_array(e->conf->n_receivers + 1, sizeof(*programs));
	struct message_notifier m = {.programs = programs};

	for (size_t i = 0; i < e->conf->n_receivers; i++)
		if (e->conf->receivers[i].kind == CONF_EXEC)
			programs[m.n_programs++] = e->conf->receivers[i].argv[0];
	if (e->notifier)
		channel_send_shape(e->notifier->channel, MESSAGE_SETUP, 0, &message_notifier_shape,
				   &m);
	free(programs);
}

static void send_setup(struct engine *e, struct peer *p)
{
	struct arena *arena = arena_new();
	struct message_setup setup;

	fill_setup(e, e->conf, arena, &setup);
	channel_send_shape(p->channel, MESSAGE_SETUP, 0, &message_setup_shape, &setup);
	arena_free(arena);
}

/* -- peers --------------------------------------------------------------------- */

static int peer_frame(struct peer *p, const struct frame *f, struct error *err)
{
	switch (p->role) {
	case MESSAGE_ROLE_PROBER:
		return engine_prober_frame(p->engine, p, f, err);
	case MESSAGE_ROLE_NOTIFIER:
		return engine_notifier_frame(p->engine, f, err);
	default:
		return engine_wish(p->engine, f, err);
	}
}

static const char *who(const struct peer *p, char out[32])
{
	snprintf(out, 32, p->role == MESSAGE_ROLE_PROBER ? "%s %lld" : "%s",
		 message_role_words[p->role], (long long)p->instance);
	return out;
}

static void on_peer_frame(struct channel *c, const struct frame *f, int fd, void *arg)
{
	struct peer *p = arg;
	struct error err = {""};
	char name[32];
	(void)c;

	if (fd >= 0)
		close(fd);
	if (peer_frame(p, f, &err) == 0)
		return;
	log_error("engine", "%s: %s: %s", who(p, name), message_name(f->type), err.text);
	engine_peer_free(p->engine, p);
}

static void on_peer_gone(struct channel *c, const char *why, void *arg)
{
	struct peer *p = arg;
	char name[32];
	(void)c;

	log_warning("engine", "%s is gone: %s", who(p, name), why);
	engine_peer_free(p->engine, p);
}

/* Closing its channel is what tells a child to end; the parent starts another. */
void engine_peer_free(struct engine *e, struct peer *p)
{
	if (p == NULL)
		return;
	if (p->role == MESSAGE_ROLE_PROBER) {
		DL_DELETE(e->probers, p);
		if (!e->stopping)
			engine_prober_gone(e, p);
	} else if (p == e->notifier) {
		e->notifier = NULL;
		engine_notifier_gone(e);
	} else {
		e->web = NULL;
	}
	channel_free(p->channel);
	free(p);
}

/* The private resolver is up (port), or cannot be had (0). */
static void resolver_up(struct engine *e, int64_t port)
{
	if (port == e->private_port || (port <= 0 && e->private_port < 0))
		return;
	if (port == 0)
		log_warning("engine", "no private resolver can be had: the system's is used");
	else
		log_info("engine", "a private resolver runs on 127.0.0.1:%lld", (long long)port);
	e->private_port = port > 0 ? port : -1;
	replace_probers(e);
}

void engine_peer(struct engine *e, const struct message_peer *peer, int fd)
{
	struct peer *p;

	if (peer->role == MESSAGE_ROLE_RESOLVER) {
		resolver_up(e, peer->port);
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0)
		return;
	if (peer->role == MESSAGE_ROLE_NOTIFIER)
		engine_peer_free(e, e->notifier);
	if (peer->role == MESSAGE_ROLE_WEB)
		engine_peer_free(e, e->web);
	p = mem_alloc(sizeof(*p));
	p->engine = e;
	p->role = peer->role;
	p->instance = peer->instance;
	p->channel = channel_new(e->base, fd, on_peer_frame, on_peer_gone, p);
	if (p->role == MESSAGE_ROLE_NOTIFIER)
		e->notifier = p;
	else if (p->role == MESSAGE_ROLE_WEB)
		e->web = p;
	else
		DL_APPEND(e->probers, p);
	/* a prober waits for its setup until it is known which resolver it will have */
	if (p->role == MESSAGE_ROLE_WEB)
		tell_web(e);
	else if (p->role == MESSAGE_ROLE_NOTIFIER)
		tell_notifier(e);
	else if (!e->wants_private || e->private_port != 0)
		send_setup(e, p);
	if (p->role == MESSAGE_ROLE_NOTIFIER)
		engine_outbox(e);
}

static bool all_say(const struct engine *e, bool resolver_dark)
{
	const struct peer *p;
	bool any = false;

	DL_FOREACH(e->probers, p)
	{
		if (!p->told_self)
			continue;
		any = true;
		if (p->self.resolver_answers == resolver_dark)
			return false;
	}
	return any;
}

static void conditions(struct engine *e, const struct message_self *self)
{
	if (!engine_begin(e))
		return;
	engine_condition(
	    e, "self.resolver", "self.resolver",
	    self->resolver_answers && !self->resolver_validates, SEVERITY_WARNING,
	    "The resolver does not validate DNSSEC: what depends on it cannot be determined.",
	    "Install the unbound program (mxwatch then runs one of its own), or name a validating "
	    "resolver on loopback in resolver.upstreams.");
	engine_condition(
	    e, "self.ca_bundle", "self.ca_bundle", self->no_ca, SEVERITY_WARNING,
	    "The CA certificates could not be loaded: certificates cannot be verified.",
	    "Install ca-certificates, or set tls.ca_file.");
	engine_condition(
	    e, "self.egress25", "self.egress25", self->no_ipv4, SEVERITY_WARNING,
	    "There is no way out over IPv4: hosts that have no other address cannot be checked.",
	    "Look at the default route of this machine, and whether its network lets port 25 out "
	    "(self_check.tcp names what is tried).");
	/* a machine that never had IPv6 needs no notice of it */
	e->own.had_ipv6 = e->own.had_ipv6 || !self->no_ipv6;
	engine_condition(e, "self.ipv6", "self.ipv6", e->own.had_ipv6 && self->no_ipv6,
			 SEVERITY_WARNING,
			 "IPv6 is gone: addresses of that family cannot be checked any more.",
			 "Look at the IPv6 route of this machine.");
	if (!e->sight.blind)
		engine_condition(e, "monitor.blind", "self.resolver", false, SEVERITY_CRITICAL,
				 NULL, NULL);
	engine_commit(e);
}

void engine_self(struct engine *e, struct peer *prober, const struct message_self *self)
{
	bool first = !prober->told_self, good = self->resolver_answers && self->resolver_validates;

	prober->told_self = true;
	prober->self = *self;
	prober->self.resolver = prober->self.text = NULL;
	if (first || self->text)
		log_info("engine", "prober %lld: resolver %s %s%s%s", (long long)prober->instance,
			 self->resolver ? self->resolver : "?",
			 !self->resolver_answers    ? "does not answer"
			 : self->resolver_validates ? "validates"
						    : "does not validate",
			 self->text ? "; " : "", self->text ? self->text : "");
	if (!e->resolver_chosen && e->conf->resolver_mode == CONF_RESOLVER_AUTO && !good &&
	    !e->wants_private) {
		e->wants_private = true;
		engine_want_peers(e);
	}
	if (e->wants_private && e->private_port == 0) {
		prober->told_self = false; /* no work for it: those with the other resolver come */
		return;
	}
	e->resolver_chosen = true;
	e->own.had_resolver = e->own.had_resolver || self->resolver_answers;
	switch (sight_resolver(&e->sight, all_say(e, true), clock_now())) {
	case SIGHT_LOST:
		log_warning("engine", "blind: no resolver answers");
		break;
	case SIGHT_REGAINED:
		log_info("engine", "sees again");
		engine_flush_soon(e); /* who waited to be judged */
		break;
	case SIGHT_SAME:
		break;
	}
	conditions(e, self);
	engine_schedule(e);
}
