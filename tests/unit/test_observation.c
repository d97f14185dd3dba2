/* SPDX-License-Identifier: ISC
 *
 * The observation document: what it must hold, and what its decoder must refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "observation.h"

/* A wire name of 255 octets whose every octet is escaped: 4 labels, "\001\001....\001\001..." */
static const char *longest_name(struct arena *arena)
{
	static const int labels[] = {63, 63, 63,
				     61}; /* RFC 1035 section 2.3.4: 254 octets and the root */
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			buf_addstr(&b, ".");
		for (int k = 0; k < labels[i]; k++)
			buf_addstr(&b, "\\001");
	}
	const char *name = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return name;
}

/* Encode, decode strictly; NULL when either refuses. */
static struct observation *round_trip(const struct observation *o, struct arena *arena)
{
	struct buf out;
	struct error err;
	buf_init(&out, OBS_MAX_BYTES);
	assert_true(observation_encode(o, &out));
	struct observation *back =
	    observation_decode(buf_str(&out), out.len, SHAPE_STRICT, arena, &err);
	if (back == NULL)
		print_message("%s\n", err.text);
	buf_clear(&out);
	return back;
}

/* Names as long as the wire allows never make a document undecodable (RFC 1035 section 5.1). */
static void test_names_from_the_wire(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const char *name = longest_name(arena);
	const char *const list[] = {name};
	struct obs_mx_rr mx = {10, name};
	struct obs_srv_rr srv = {.target = name};
	struct obs_submission submission = {.submissions = {.rr = &srv, .n = 1}};
	struct obs_policy policy = {.host = name};
	struct obs_rua rua = {.uri = "mailto:a@b", .target = name};
	struct obs_domain d = {
	    .mx = {.dns = {.cname = name, .cname_chain = list, .n_cname_chain = 1},
		   .rr = &mx,
		   .n = 1},
	    .policy = &policy,
	    .rua = &rua,
	    .n_rua = 1,
	    .submission = &submission,
	};
	struct observation domain = {
	    .v = OBS_VERSION, .kind = OBS_KIND_DOMAIN, .subject = "example.test", .domain = &d};
	struct observation *back = round_trip(&domain, arena);
	assert_non_null(back);
	assert_string_equal(back->domain->mx.dns.cname, name);
	assert_string_equal(back->domain->mx.dns.cname_chain[0], name);
	assert_string_equal(back->domain->mx.rr[0].host, name);
	assert_string_equal(back->domain->submission->submissions.rr[0].target, name);

	struct obs_tlsa tlsa = {.base = name, .port = 25};
	struct obs_service service = {
	    .address = "192.0.2.1", .port = 25, .ptr = {.value = list, .n = 1}};
	struct obs_host h = {.a = {.dns = {.cname = name}},
			     .tlsa = &tlsa,
			     .n_tlsa = 1,
			     .caa = {.base = name},
			     .services = &service,
			     .n_services = 1};
	struct observation host = {
	    .v = OBS_VERSION, .kind = OBS_KIND_HOST, .subject = "mx.example.test", .host = &h};
	back = round_trip(&host, arena);
	assert_non_null(back);
	assert_string_equal(back->host->tlsa[0].base, name);
	assert_string_equal(back->host->services[0].ptr.value[0], name);
	arena_free(arena);
}

static void test_refused(void **state)
{
	static const char *const documents[] = {
	    "",
	    "[]",
	    "{\"v\":1,\"kind\":\"domain\",\"subject\":\"a.test\"}",
	    "{\"v\":1,\"kind\":\"none\",\"subject\":\"a.test\",\"domain\":{}}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"domain\":{}}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"host\":{},\"domain\":{}}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"host\":{},\"odd\":1}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"subject\":\"b.test\",\"host\":{}}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"host\":{\"tlsa\":[{\"rr\":[{\"usage\":256}]}]}}",
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"host\":{\"services\":[{\"failure\":{\"class\":\"bad\"}}]}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		struct arena *arena = arena_new();
		struct error err = {{0}};
		assert_null(observation_decode(documents[i], strlen(documents[i]), SHAPE_STRICT,
					       arena, &err));
		assert_true(err.text[0] != '\0');
		arena_free(arena);
	}
}

/* A newer build's key is passed over in a stored row, never on a channel. */
static void test_unknown_key_in_state(void **state)
{
	static const char json[] =
	    "{\"v\":1,\"kind\":\"host\",\"subject\":\"a.test\",\"host\":{\"odd\":1}}";
	struct arena *arena = arena_new();
	struct error err;
	(void)state;
	assert_non_null(observation_decode(json, strlen(json), SHAPE_LENIENT, arena, &err));
	assert_null(observation_decode(json, strlen(json), SHAPE_STRICT, arena, &err));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_from_the_wire),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_unknown_key_in_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
