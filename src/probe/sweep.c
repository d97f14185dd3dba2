/* SPDX-License-Identifier: ISC
 *
 * One row per question in the order they are asked: whether there is a need to, what changes
 * in the session's parameters, and what its end means.  A row's end returns true to be asked
 * once more (the weak suites, one class less each time).
 */
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/util.h>

#include "clock.h"
#include "mem.h"

#define MAX_UNKNOWN 3 /* questions without an answer in a row, then we leave it */
#define CBC_ONLY    (1 << 6)
#define NO_PFS	    (1 << 7)
#define WEAK	    (HELLO_NULL | HELLO_EXPORT | HELLO_RC4 | HELLO_3DES | HELLO_ANON)

#define AEAD_SUITES "AESGCM:AESCCM:CHACHA20:!aNULL:!PSK:@SECLEVEL=0"
#define PFS_SUITES  "kECDHE:kDHE:!aNULL:!PSK:@SECLEVEL=0"
#define RSA_SIGNATURES                                                                             \
	"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                             \
	"RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA1"
#define ECDSA_SIGNATURES "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA1"

struct sweep {
	struct vantage *vantage;
	struct session_params ordinary;
	bool relay_test;
	struct obs_service *service; /* of the ordinary session */
	struct obs_sweep *facts;
	struct arena *arena;
	sweep_done_cb *done;
	void *arg;
	struct event finished;
	struct session *session;
	struct obs_service seen; /* of the question under way */
	struct buf hello;
	size_t question;
	int asked_version;
	unsigned weak_left; /* classes still to be asked for */
	unsigned weak_found;
	int weak_version;
	int unknown; /* in a row */
	char relay_from[300], relay_to[300];
};

struct row {
	bool (*wanted)(const struct sweep *s);
	void (*prepare)(struct sweep *s, struct session_params *params);
	bool (*end)(struct sweep *s, const struct session_result *result);
	int version; /* rows of one version: HELLO_* */
};

/* -- what a session's end says ----------------------------------------------------------------- */

/* Accepted or not, as far as a session that began TLS can tell. */
static enum obs_offer offer(const struct sweep *s, bool accepted)
{
	const struct obs_failure *f = &s->seen.failure;

	if (accepted)
		return OBS_OFFER_YES;
	if (f->class == OBS_CLASS_NONE)
		return OBS_OFFER_NO;
	if (f->stage == OBS_STAGE_TLS &&
	    (f->class == OBS_CLASS_TLS || f->class == OBS_CLASS_PROTOCOL))
		return OBS_OFFER_NO; /* an alert, garbage, or the connection closed */
	return OBS_OFFER_UNKNOWN;
}

static enum obs_offer hello_offer(struct sweep *s, const struct session_result *r)
{
	if (r->hello == HELLO_MORE)
		return offer(s, false);
	return r->hello == HELLO_ACCEPTED && r->answer.version == s->asked_version ? OBS_OFFER_YES
										   : OBS_OFFER_NO;
}

static void set_hello(struct sweep *s, struct session_params *params, int version, unsigned classes)
{
	unsigned char random[HELLO_RANDOM];
	struct hello_params hello = {.version = version,
				     .classes = classes,
				     .compression = version > HELLO_SSL2 && version < HELLO_TLS1_3,
				     .sni = s->ordinary.tls.sni,
				     .random = random};

	evutil_secure_rng_get_bytes(random, sizeof(random));
	s->asked_version = version;
	buf_reset(&s->hello);
	hello_build(&hello, &s->hello);
	params->hello = &s->hello;
}

/* -- versions ---------------------------------------------------------------------------------- */

static int *version_fact(struct sweep *s, int version)
{
	switch (version) {
	case HELLO_SSL2:
		return &s->facts->ssl2;
	case HELLO_SSL3:
		return &s->facts->ssl3;
	case HELLO_TLS1_0:
		return &s->facts->tls1_0;
	case HELLO_TLS1_1:
		return &s->facts->tls1_1;
	case HELLO_TLS1_2:
		return &s->facts->tls1_2;
	default:
		return &s->facts->tls1_3;
	}
}

/* Version of the ordinary handshake, 0 if there was none. */
static int negotiated(const struct obs_tls *tls)
{
	static const struct {
		const char *name;
		int version;
	} names[] = {{"TLSv1.3", HELLO_TLS1_3},
		     {"TLSv1.2", HELLO_TLS1_2},
		     {"TLSv1.1", HELLO_TLS1_1},
		     {"TLSv1", HELLO_TLS1_0}};

	for (size_t i = 0; tls && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(tls->version, names[i].name) == 0)
			return names[i].version;
	return 0;
}

static bool has_tls(const struct sweep *s)
{
	return s->service->tls != NULL;
}

static bool has_chain(const struct sweep *s)
{
	return has_tls(s) && s->service->tls->n_chain > 0;
}

/* It did not answer EHLO inside TLS, and would make us wait for each further answer. */
static bool is_mute(const struct sweep *s)
{
	return has_tls(s) && s->service->failure.stage == OBS_STAGE_EHLO_TLS;
}

static bool begins_tls(const struct sweep *s)
{
	return has_tls(s) || s->service->failure.class == OBS_CLASS_TLS;
}

static void ask_version(struct sweep *s, struct session_params *params);
static bool version_end(struct sweep *s, const struct session_result *result);

/* Every version was offered before: the server takes the highest it knows. */
static bool version_wanted(const struct sweep *s);

static bool tls13_end(struct sweep *s, const struct session_result *result)
{
	version_end(s, result);
	if (s->facts->tls1_3 != OBS_OFFER_YES)
		return false;
	s->facts->post_quantum = hello_offer(s, result);
	if (s->facts->post_quantum == OBS_OFFER_YES && result->answer.group != HELLO_X25519MLKEM768)
		s->facts->post_quantum = OBS_OFFER_NO;
	return false;
}

/* -- weak suites ------------------------------------------------------------------------------- */

static bool weak_wanted(const struct sweep *s)
{
	return s->weak_left != 0 && begins_tls(s) &&
	       (s->facts->tls1_2 == OBS_OFFER_YES || s->facts->tls1_1 == OBS_OFFER_YES ||
		s->facts->tls1_0 == OBS_OFFER_YES || s->facts->ssl3 == OBS_OFFER_YES);
}

static void ask_weak(struct sweep *s, struct session_params *params)
{
	int version = HELLO_TLS1_2;

	while (version > HELLO_SSL3 && *version_fact(s, version) != OBS_OFFER_YES)
		version--;
	s->weak_version = version;
	set_hello(s, params, version, s->weak_left);
}

static bool weak_end(struct sweep *s, const struct session_result *r)
{
	unsigned class = r->answer.class & s->weak_left;

	if (r->hello != HELLO_ACCEPTED || !class)
		return false;
	s->weak_found |= class;
	s->weak_left &= ~class;
	return s->weak_left != 0;
}

/* Export suites ended with TLS 1.0 (RFC 4346 appendix A.5): once more with an old version. */
static bool weak_old_wanted(const struct sweep *s)
{
	return weak_wanted(s) && s->weak_version > HELLO_TLS1_0 &&
	       (s->facts->tls1_0 == OBS_OFFER_YES || s->facts->ssl3 == OBS_OFFER_YES);
}

static void ask_weak_old(struct sweep *s, struct session_params *params)
{
	set_hello(s, params, s->facts->tls1_0 == OBS_OFFER_YES ? HELLO_TLS1_0 : HELLO_SSL3,
		  s->weak_left);
}

static bool aead_wanted(const struct sweep *s)
{
	return has_chain(s) && !s->service->tls->aead &&
	       negotiated(s->service->tls) == HELLO_TLS1_2;
}

static void ask_suites(struct session_params *params, const char *suites)
{
	params->dialogue.stop_after_tls = true;
	params->tls.ciphers = suites;
	params->tls.max_version = STREAM_TLS1_2;
}

static void ask_aead(struct sweep *s, struct session_params *params)
{
	(void)s;
	ask_suites(params, AEAD_SUITES);
}

static bool aead_end(struct sweep *s, const struct session_result *r)
{
	(void)r;
	if (offer(s, s->seen.tls) == OBS_OFFER_NO)
		s->weak_found |= CBC_ONLY;
	return false;
}

static bool pfs_wanted(const struct sweep *s)
{
	return has_chain(s) && !s->service->tls->forward_secrecy;
}

static void ask_pfs(struct sweep *s, struct session_params *params)
{
	(void)s;
	ask_suites(params, PFS_SUITES);
}

static bool pfs_end(struct sweep *s, const struct session_result *r)
{
	(void)r;
	if (offer(s, s->seen.tls) == OBS_OFFER_NO)
		s->weak_found |= NO_PFS;
	return false;
}

/* -- chains ------------------------------------------------------------------------------------ */

static bool leaf_is(const struct sweep *s, const char *type)
{
	const char *have = s->service->tls->chain[0].key_type;

	return have && strcmp(have, type) == 0;
}

static bool rsa_wanted(const struct sweep *s)
{
	return has_chain(s) && !leaf_is(s, "RSA");
}

static void ask_rsa(struct sweep *s, struct session_params *params)
{
	(void)s;
	params->dialogue.stop_after_tls = true;
	params->tls.ciphers = "aRSA:@SECLEVEL=0";
	params->tls.sigalgs = RSA_SIGNATURES;
}

static bool rsa_end(struct sweep *s, const struct session_result *r)
{
	(void)r;
	s->facts->rsa = s->seen.tls;
	return false;
}

static bool ecdsa_wanted(const struct sweep *s)
{
	return has_chain(s) && !leaf_is(s, "EC");
}

static void ask_ecdsa(struct sweep *s, struct session_params *params)
{
	(void)s;
	params->dialogue.stop_after_tls = true;
	params->tls.ciphers = "aECDSA:@SECLEVEL=0";
	params->tls.sigalgs = ECDSA_SIGNATURES;
}

static bool ecdsa_end(struct sweep *s, const struct session_result *r)
{
	(void)r;
	s->facts->ecdsa = s->seen.tls;
	return false;
}

static void ask_without_sni(struct sweep *s, struct session_params *params)
{
	(void)s;
	params->dialogue.stop_after_tls = true;
	params->tls.sni = NULL;
}

static bool without_sni_end(struct sweep *s, const struct session_result *r)
{
	(void)r;
	s->facts->without_sni = offer(s, s->seen.tls);
	if (s->seen.tls && s->seen.tls->n_chain > 0)
		s->facts->without_sni_sha256 = s->seen.tls->chain[0].sha256;
	return false;
}

/* -- injection and relay ----------------------------------------------------------------------- */

static bool injection_wanted(const struct sweep *s)
{
	return has_tls(s) && !is_mute(s) && !s->service->implicit_tls;
}

static void ask_injection(struct sweep *s, struct session_params *params)
{
	(void)s;
	params->dialogue.inject = true;
}

static bool injection_end(struct sweep *s, const struct session_result *r)
{
	s->facts->starttls_injection =
	    r->injection == OBS_OFFER_UNASKED ? OBS_OFFER_UNKNOWN : r->injection;
	return false;
}

static bool relay_wanted(const struct sweep *s)
{
	return s->relay_test && !is_mute(s);
}

/* Two pairs that are foreign to the server; the recipient is the operator's own where he named
 * one, else of a domain that takes no mail (RFC 2606 section 3). */
static void relay_pair(struct sweep *s, struct session_params *params, const char *from_default,
		       const char *to_default, bool own_sender)
{
	const struct message_setup *setup = s->vantage->setup;

	if (own_sender && setup->relay_from)
		snprintf(s->relay_from, sizeof(s->relay_from), "%s", setup->relay_from);
	else
		snprintf(s->relay_from, sizeof(s->relay_from), "%s@%s", from_default,
			 s->ordinary.dialogue.helo);
	snprintf(s->relay_to, sizeof(s->relay_to), "%s",
		 setup->relay_to ? setup->relay_to : to_default);
	params->dialogue.relay_from = s->relay_from;
	params->dialogue.relay_to = s->relay_to;
	if (!has_tls(s))
		params->dialogue.tls = DIALOGUE_PLAIN;
}

static void ask_relay_first(struct sweep *s, struct session_params *params)
{
	relay_pair(s, params, "mxwatch", "relay-test@example.com", true);
}

static void ask_relay_second(struct sweep *s, struct session_params *params)
{
	relay_pair(s, params, "postmaster", "relay-test@example.net", false);
}

static int relay_fact(const struct session_result *r)
{
	return r->relay == OBS_RELAY_UNASKED ? OBS_RELAY_UNKNOWN : (int)r->relay;
}

static bool relay_first_end(struct sweep *s, const struct session_result *r)
{
	s->facts->relay.at = clock_now();
	s->facts->relay.first = relay_fact(r);
	s->facts->relay.first_reply = r->relay_reply;
	return false;
}

static bool relay_second_end(struct sweep *s, const struct session_result *r)
{
	s->facts->relay.second = relay_fact(r);
	s->facts->relay.second_reply = r->relay_reply;
	return false;
}

/* -- the rows ---------------------------------------------------------------------------------- */

static const struct row rows[] = {
    {version_wanted, ask_version, tls13_end, HELLO_TLS1_3},
    {version_wanted, ask_version, version_end, HELLO_TLS1_2},
    {version_wanted, ask_version, version_end, HELLO_TLS1_1},
    {version_wanted, ask_version, version_end, HELLO_TLS1_0},
    {version_wanted, ask_version, version_end, HELLO_SSL3},
    {version_wanted, ask_version, version_end, HELLO_SSL2},
    {weak_wanted, ask_weak, weak_end, 0},
    {weak_old_wanted, ask_weak_old, weak_end, 0},
    {aead_wanted, ask_aead, aead_end, 0},
    {pfs_wanted, ask_pfs, pfs_end, 0},
    {rsa_wanted, ask_rsa, rsa_end, 0},
    {ecdsa_wanted, ask_ecdsa, ecdsa_end, 0},
    {has_chain, ask_without_sni, without_sni_end, 0},
    {injection_wanted, ask_injection, injection_end, 0},
    {relay_wanted, ask_relay_first, relay_first_end, 0},
    {relay_wanted, ask_relay_second, relay_second_end, 0},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool version_wanted(const struct sweep *s)
{
	int best = negotiated(s->service->tls);

	return begins_tls(s) && (best == 0 || rows[s->question].version <= best);
}

static void ask_version(struct sweep *s, struct session_params *params)
{
	set_hello(s, params, rows[s->question].version, HELLO_COMMON | WEAK);
}

static bool version_end(struct sweep *s, const struct session_result *r)
{
	int version = rows[s->question].version;
	enum obs_offer seen = hello_offer(s, r);

	if (version != negotiated(s->service->tls))
		*version_fact(s, version) = seen;
	if (seen == OBS_OFFER_YES && r->answer.compression && s->service->tls)
		s->service->tls->compression = true;
	return false;
}

/* -- the driver -------------------------------------------------------------------------------- */

static void finish(struct sweep *s)
{
	event_active(&s->finished, EV_TIMEOUT, 0);
}

static void list_weak(struct sweep *s)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{HELLO_NULL, "NULL"}, {HELLO_EXPORT, "EXPORT"}, {HELLO_RC4, "RC4"},
		     {HELLO_3DES, "3DES"}, {HELLO_ANON, "ANON"},     {CBC_ONLY, "CBC-ONLY"},
		     {NO_PFS, "NO-PFS"}};
	const size_t n = sizeof(names) / sizeof(names[0]);
	const char **list = arena_array(s->arena, n, sizeof(*list));
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (s->weak_found & names[i].bit)
			list[found++] = names[i].name;
	s->facts->weak_ciphers = list;
	s->facts->n_weak_ciphers = found;
}

static void session_done(const struct session_result *result, void *arg);

static void ask(struct sweep *s)
{
	struct session_params params = s->ordinary;

	memset(&s->seen, 0, sizeof(s->seen));
	rows[s->question].prepare(s, &params);
	s->session = session_start(s->vantage, &params, &s->seen, s->arena, session_done, s);
}

static void ask_next(struct sweep *s)
{
	list_weak(s);
	while (s->question < N_ROWS && !rows[s->question].wanted(s))
		s->question++;
	if (s->question < N_ROWS && s->unknown < MAX_UNKNOWN)
		ask(s);
	else
		finish(s);
}

static bool came_to_nothing(const struct obs_failure *f)
{
	return f->class == OBS_CLASS_THROTTLED || f->class == OBS_CLASS_LOCAL ||
	       f->class == OBS_CLASS_TIMEOUT || f->stage == OBS_STAGE_CONNECT;
}

static void session_done(const struct session_result *result, void *arg)
{
	struct sweep *s = arg;

	s->session = NULL;
	s->unknown = came_to_nothing(&s->seen.failure) ? s->unknown + 1 : 0;
	if (!rows[s->question].end(s, result))
		s->question++;
	ask_next(s);
}

/* Say what the ordinary handshake has already shown. */
static void take_known(struct sweep *s)
{
	const struct obs_tls *tls = s->service->tls;
	int best = negotiated(tls);

	for (int version = best + 1; best && version <= HELLO_TLS1_3; version++)
		*version_fact(s, version) = OBS_OFFER_NO;
	if (best)
		*version_fact(s, best) = OBS_OFFER_YES;
	if (best && best < HELLO_TLS1_2)
		s->weak_found |= CBC_ONLY;
	if (is_mute(s)) {
		s->facts->starttls_injection = OBS_OFFER_UNKNOWN;
		s->facts->relay.first = s->facts->relay.second =
		    s->relay_test ? OBS_RELAY_UNKNOWN : OBS_RELAY_UNASKED;
	}
}

static void release(struct sweep *s)
{
	event_del(&s->finished);
	buf_clear(&s->hello);
	free(s);
}

static void tell(evutil_socket_t fd, short what, void *arg)
{
	struct sweep *s = arg;
	sweep_done_cb *done = s->done;
	void *done_arg = s->arg;

	(void)fd;
	(void)what;
	release(s);
	done(done_arg);
}

struct sweep *sweep_start(struct vantage *v, const struct session_params *ordinary, bool relay_test,
			  struct obs_service *service, struct arena *arena, sweep_done_cb *done,
			  void *arg)
{
	struct sweep *s = mem_alloc(sizeof(*s));

	s->vantage = v;
	s->ordinary = *ordinary;
	s->relay_test = relay_test;
	s->service = service;
	s->arena = arena;
	s->done = done;
	s->arg = arg;
	s->weak_left = WEAK;
	buf_init(&s->hello, HELLO_MAX);
	event_assign(&s->finished, v->base, -1, 0, tell, s);
	s->facts = arena_alloc(arena, sizeof(*s->facts));
	s->facts->at = clock_now();
	service->sweep = s->facts;
	take_known(s);
	ask_next(s);
	return s;
}

void sweep_cancel(struct sweep *s)
{
	if (!s)
		return;
	session_cancel(s->session);
	release(s);
}
