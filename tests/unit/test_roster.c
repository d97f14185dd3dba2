/* SPDX-License-Identifier: ISC
 *
 * Subjects: shared hosts, their intervals and ports, and that a reload keeps what stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "roster.h"

static const struct conf_settings hourly = {.interval_s = 3600, .timeout_total_s = 180};
static const struct conf_settings quick = {.interval_s = 900, .timeout_total_s = 60};

static struct buf told; /* "+mx.a.test -b.test ~mx.c.test " */
static struct roster *roster;

static void note(char mark, uint32_t subject)
{
	buf_printf(&told, "%c%s ", mark, roster_subject(roster, subject)->name);
}

static void added(uint32_t subject, void *arg)
{
	(void)arg;
	note('+', subject);
}

static void retimed(uint32_t subject, void *arg)
{
	(void)arg;
	note('~', subject);
}

static void gone(uint32_t subject, void *arg)
{
	(void)arg;
	note('-', subject);
}

static const char *heard(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s", buf_str(&told));
	buf_reset(&told);
	return text;
}

static void watch(const struct conf_domain *domains, size_t n)
{
	struct conf conf = {.domains = (struct conf_domain *)domains, .n_domains = n};

	roster_apply(roster, &conf, added, retimed, gone, NULL);
}

static bool lead(const char *domain, const struct eval_host *hosts, size_t n)
{
	return roster_lead(roster, roster_find(roster, OBS_KIND_DOMAIN, domain), hosts, n, added,
			   retimed, gone, NULL);
}

static const struct roster_subject *host(const char *name)
{
	uint32_t h = roster_find(roster, OBS_KIND_HOST, name);

	return h == ROSTER_NONE ? NULL : roster_subject(roster, h);
}

static int setup(void **state)
{
	(void)state;
	buf_init(&told, 4096);
	roster = roster_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	roster_free(roster);
	buf_clear(&told);
	return 0;
}

static const struct conf_domain abc[] = {
    {.name = "a.test", .settings = &hourly},
    {.name = "b.test", .settings = &quick},
    {.name = "c.test", .settings = &hourly},
};

static void test_hosts_are_shared(void **state)
{
	const struct eval_host inbound = {.name = "mx.test", .mx = true};
	const struct eval_host both[] = {{.name = "mx.test", .mx = true},
					 {.name = "smtp.test", .p465 = true, .p587 = true}};
	(void)state;

	watch(abc, 3);
	assert_string_equal(heard(), "+a.test +b.test +c.test ");
	assert_true(lead("a.test", &inbound, 1));
	assert_string_equal(heard(), "+mx.test ");
	assert_int_equal(host("mx.test")->interval_s, 3600);
	assert_false(lead("a.test", &inbound, 1)); /* the same again */
	assert_true(lead("b.test", both, 2));
	assert_string_equal(heard(), "~mx.test +smtp.test "); /* b.test looks more often */
	assert_int_equal(host("mx.test")->interval_s, 900);
	assert_int_equal(host("mx.test")->n_links, 2);
	assert_int_equal(host("mx.test")->ports, ROSTER_25);
	assert_int_equal(host("smtp.test")->ports, ROSTER_465 | ROSTER_587);
	assert_int_equal(roster_hosts(roster), 2);
	assert_int_equal(roster_deadline_ms(roster, roster_find(roster, OBS_KIND_HOST, "mx.test")),
			 60000);
	/* the impatient one leaves: the host has time again */
	assert_true(lead("b.test", NULL, 0));
	assert_string_equal(heard(), "-smtp.test ");
	assert_int_equal(host("mx.test")->interval_s, 3600);
	assert_true(lead("a.test", NULL, 0));
	assert_string_equal(heard(), "-mx.test ");
	assert_null(host("mx.test"));
}

static void test_reload_keeps_what_stays(void **state)
{
	const struct conf_domain later[] = {
	    {.name = "a.test", .settings = &quick},
	    {.name = "b.test", .settings = &quick},
	    {.name = "bb.test", .settings = &hourly},
	};
	const struct eval_host mx = {.name = "mx.test", .mx = true};
	const struct eval_host own = {.name = "mx.c.test", .mx = true};
	uint32_t a, b;
	(void)state;

	watch(abc, 3);
	lead("a.test", &mx, 1);
	lead("c.test", &own, 1);
	a = roster_find(roster, OBS_KIND_DOMAIN, "a.test");
	b = roster_find(roster, OBS_KIND_DOMAIN, "b.test");
	roster_subject(roster, a)->at = 77;
	heard();
	watch(later, 3);
	assert_string_equal(heard(), "~mx.test ~a.test +bb.test -mx.c.test -c.test ");
	assert_int_equal(roster_find(roster, OBS_KIND_DOMAIN, "a.test"), a);
	assert_int_equal(roster_find(roster, OBS_KIND_DOMAIN, "b.test"), b);
	assert_int_equal(roster_subject(roster, a)->at, 77);
	assert_ptr_equal(roster_subject(roster, a)->conf, &later[0]);
	assert_int_equal(host("mx.test")->interval_s, 900);
	assert_int_equal(roster_find(roster, OBS_KIND_DOMAIN, "c.test"), ROSTER_NONE);
	assert_int_equal(roster_domains(roster), 3);
	watch(NULL, 0);
	assert_int_equal(roster_domains(roster), 0);
	assert_int_equal(roster_hosts(roster), 0);
	/* places are used again */
	watch(abc, 3);
	assert_true(roster_end(roster) <= 6);
}

static void test_hosts_as_text(void **state)
{
	const struct eval_host hosts[] = {{.name = "mx.test", .mx = true, .p587 = true},
					  {.name = "smtp.test", .p465 = true}};
	struct arena *arena = arena_new();
	struct eval_host *back;
	struct buf text;
	(void)state;

	watch(abc, 3);
	lead("a.test", hosts, 2);
	buf_init(&text, 4096);
	roster_hosts_encode(roster, roster_find(roster, OBS_KIND_DOMAIN, "a.test"), &text);
	assert_string_equal(buf_str(&text), "mx.test 5\nsmtp.test 2\n");
	assert_int_equal(roster_hosts_decode(buf_str(&text), arena, &back), 2);
	assert_string_equal(back[0].name, "mx.test");
	assert_true(back[0].mx && back[0].p587 && !back[0].p465);
	assert_false(lead("a.test", back, 2));
	assert_int_equal(roster_hosts_decode("mx.test\n 3\nx 9\nok 1\ncut 1", arena, &back), 1);
	assert_int_equal(roster_hosts_decode(NULL, arena, &back), 0);
	buf_clear(&text);
	arena_free(arena);
}

/* Against a plain table, with seeded random leads. */
static void test_against_oracle(void **state)
{
	enum { DOMAINS = 40, HOSTS = 12 };
	static struct conf_domain domains[DOMAINS];
	static char names[DOMAINS][32], host_names[HOSTS][32];
	bool uses[DOMAINS][HOSTS] = {{false}};
	uint64_t seed = 20261122;
	(void)state;

	for (int i = 0; i < DOMAINS; i++) {
		snprintf(names[i], sizeof(names[i]), "d%02d.test", i);
		domains[i].name = names[i];
		domains[i].settings = &hourly;
	}
	for (int i = 0; i < HOSTS; i++)
		snprintf(host_names[i], sizeof(host_names[i]), "h%02d.test", i);
	watch(domains, DOMAINS);
	for (int step = 0; step < 5000; step++) {
		struct eval_host hosts[HOSTS];
		size_t n = 0, live = 0;
		int d;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		d = (int)((seed >> 33) % DOMAINS);
		for (int h = 0; h < HOSTS; h++) {
			uses[d][h] = ((seed >> (40 + h)) & 3) == 0;
			if (uses[d][h])
				hosts[n++] = (struct eval_host){.name = host_names[h], .mx = true};
		}
		lead(names[d], hosts, n);
		buf_reset(&told);
		for (int h = 0; h < HOSTS; h++) {
			size_t users = 0;
			for (int k = 0; k < DOMAINS; k++)
				users += uses[k][h];
			live += users > 0;
			if (users == 0)
				assert_null(host(host_names[h]));
			else
				assert_int_equal(host(host_names[h])->n_links, users);
		}
		assert_int_equal(roster_hosts(roster), live);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_hosts_are_shared),
	    T(test_reload_keeps_what_stays),
	    T(test_hosts_as_text),
	    T(test_against_oracle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
