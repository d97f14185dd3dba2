/* SPDX-License-Identifier: ISC
 *
 * mxwatch.yaml(5): what a file comes to, and what every kind of mistake gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dependency.h"
#include "yaml_conf.h"

static char folder[64];

static const char *write_file(const char *name, const char *text)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

/* Load text; the caller frees. Fails the test with the problems when it is refused. */
static struct conf *load(const char *text)
{
	struct yaml_problems problems;
	struct conf *c = yaml_conf_load(write_file("main.yaml", text), &problems);
	if (c == NULL)
		fail_msg("refused: %s", problems.item[0].text);
	yaml_problems_clear(&problems);
	return c;
}

static void test_the_smallest_file(void **state)
{
	(void)state;
	struct conf *c = load("notify: mailto:oncall@example.net\ndomains:\n  - example.org\n");
	assert_int_equal(c->n_domains, 1);
	const struct conf_domain *d = conf_domain(c, "example.org");
	assert_non_null(d);
	assert_int_equal(d->settings->interval_s, 3600);
	assert_int_equal(d->settings->confirm_fail, 3);
	assert_int_equal(c->n_receivers, 1);
	assert_int_equal(c->receivers[0].kind, CONF_EMAIL);
	assert_string_equal(c->receivers[0].to[0], "oncall@example.net");
	assert_string_equal(c->receivers[0].relay, "smtp://127.0.0.1:25");
	assert_int_equal(c->route.digest_at_s, 8 * 3600); /* the rest in a daily digest */
	assert_int_equal(c->route.n_routes, 2);
	assert_int_equal(c->route.routes[0].digest_at_s, -1);
	assert_int_equal(c->route.routes[0].match.severity, SEVERITY_WARNING);
	assert_int_equal(c->route.routes[1].match.severity, SEVERITY_CRITICAL);
	conf_free(c);
}

static void test_precedence(void **state)
{
	(void)state;
	/* built-in < defaults < groups in order < domain */
	struct conf *c = load("defaults: {interval: 2h, confirm: {fail: 5}, cert: {warn: 40%}}\n"
			      "groups:\n"
			      "  gold: {interval: 15m, checks: {dane: required}}\n"
			      "  slow: {interval: 6h, confirm: {ok: 4}}\n"
			      "domains:\n"
			      "  - plain.example\n"
			      "  - {name: both.example, groups: [gold, slow], interval: 1h30m}\n"
			      "  - {name: order.example, groups: [gold, slow]}\n");
	const struct conf_settings *plain = conf_domain(c, "plain.example")->settings;
	const struct conf_settings *both = conf_domain(c, "both.example")->settings;
	const struct conf_settings *order = conf_domain(c, "order.example")->settings;
	assert_int_equal(plain->interval_s, 7200);
	assert_int_equal(plain->confirm_fail, 5);
	assert_int_equal(plain->cert_warn.percent, 40);
	assert_int_equal(plain->cert_warn.max_s, 21 * 86400);
	assert_int_equal(both->interval_s, 5400);
	assert_int_equal(both->confirm_fail, 5);
	assert_int_equal(both->confirm_ok, 4);
	assert_int_equal(both->checks[CONF_CHECK_DANE], CONF_REQUIRED);
	assert_int_equal(order->interval_s, 6 * 3600);
	conf_free(c);
}

static void test_a_full_domain(void **state)
{
	(void)state;
	struct conf *c = load(
	    "owners: {mail-team: {email: mail@example.net, runbook_url: \"https://wiki.example.net/\"}}\n"
	    "domains:\n"
	    "  - {name: Example.COM., owner: mail-team, tags: {env: prod},\n"
	    "     expect: {mx: [MX1.example.com], mta_sts_mode: enforce, min_tls: \"1.2\", issuer: [Lab]},\n"
	    "     submission: [{host: smtp.example.com, ports: [465]}],\n"
	    "     accept: [{finding: tls.cert.trusted, until: 2027-03-01, reason: \"DANE-EE only\"}]}\n"
	    "  - b\xc3\xbc"
	    "cher.example\n");
	const struct conf_domain *d = conf_domain(c, "example.com");
	assert_non_null(d);
	assert_string_equal(d->extra->owner, "mail-team");
	assert_string_equal(d->extra->tags[0].value, "prod");
	assert_string_equal(d->extra->expect.mx[0], "mx1.example.com");
	assert_string_equal(d->extra->expect.min_tls, "1.2");
	assert_int_equal(d->extra->submission[0].ports[0], 465);
	assert_int_equal(d->extra->accept[0].until, 1803859200);
	assert_non_null(conf_domain(c, "xn--bcher-kva.example"));
	conf_free(c);
}

static void test_lists_and_includes(void **state)
{
	(void)state;
	char path[128];
	snprintf(path, sizeof(path), "%s/conf.d", folder);
	mkdir(path, 0700);
	write_file("customers.txt", "# ours\n one.example # first\n\ntwo.example\r\n");
	write_file("conf.d/10.yaml", "groups: {gold: {interval: 15m}}\ndomains: [three.example]\n");
	struct conf *c = load("include: [conf.d/*.yaml]\n"
			      "lists: [{file: customers.txt, groups: [gold]}]\n");
	assert_int_equal(c->n_domains, 3);
	assert_int_equal(conf_domain(c, "two.example")->settings->interval_s, 900);
	assert_int_equal(conf_domain(c, "three.example")->settings->interval_s, 3600);
	assert_int_equal(c->lists[0].n_domains, 2);
	conf_free(c);
}

static void test_routes(void **state)
{
	(void)state;
	struct conf *c = load(
	    "domains: [example.org]\n"
	    "receivers:\n"
	    "  oncall: {email: {to: [a@example.net], relay: \"smtp://relay.example.net:587\", tls: required,\n"
	    "           username: u, password_credential: smtp}}\n"
	    "  hook: {webhook: {url: \"https://hooks.example.net/x\", secret_files: [s1]}, fallback: oncall}\n"
	    "route:\n"
	    "  receivers: [oncall]\n"
	    "  group_wait: 1s\n"
	    "  routes:\n"
	    "    - {match: {severity: critical, tags.env: prod}, receivers: [hook], continue: true}\n"
	    "    - {match: {kind: change}, receivers: [hook], digest: {at: \"07:30\"}}\n"
	    "    - {match: {severity: info}, receivers: []}\n");
	assert_string_equal(c->receivers[0].password_file, "credential:smtp");
	assert_int_equal(c->receivers[0].relay_tls, CONF_TLS_REQUIRED);
	assert_string_equal(c->receivers[1].fallback, "oncall");
	assert_int_equal(c->route.group_wait_s, 1);
	assert_true(c->route.routes[0].go_on);
	assert_string_equal(c->route.routes[0].match.tags[0].key, "env");
	assert_int_equal(c->route.routes[1].digest_at_s, 27000);
	assert_true(c->route.routes[2].receivers_set);
	assert_int_equal(c->route.routes[2].n_receivers, 0);
	conf_free(c);
}

/* Whether mxwatchd --check warns that the alerts need the mail they are about. */
static void test_self_dependency(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *names; /* NULL = no warning */
	} rows[] = {
	    {"notify: mailto:oncall@example.org\ndomains: [example.org]\n", "needs example.org"},
	    {"notify: [mailto:a@example.org, mailto:b@example.com]\n"
	     "domains: [example.com, example.org]\n",
	     "needs example.com"},
	    {"notify: mailto:oncall@elsewhere.example\ndomains: [example.org]\n", NULL},
	    {"notify: [mailto:a@example.org, https://hook.example/]\ndomains: [example.org]\n",
	     NULL},
	    {"receivers: {r: {email: {to: [a@example.org, b@elsewhere.example],"
	     " from: m@example.org}}}\ndomains: [example.org]\n",
	     NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_problems p;
		struct conf *c = yaml_conf_load(write_file("main.yaml", rows[i].text), &p);
		if (c == NULL)
			fail_msg("refused: %s", p.item[0].text);
		assert_int_equal(p.n, rows[i].names != NULL);
		if (p.n > 0) {
			assert_true(p.item[0].warning);
			assert_non_null(strstr(p.item[0].text, rows[i].names));
			assert_non_null(strstr(p.item[0].text, "notify.self_dependency"));
		}
		yaml_problems_clear(&p);
		conf_free(c);
	}
}

/* A whole probe that ends before its parts may: said where it is written, once. */
static void test_no_time_to_tell(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t line, column; /* 0 = no warning */
	} rows[] = {
	    {"defaults: {timeout: {total: 100s}}\ndomains: [a.example]\n", 0, 0},
	    {"defaults: {timeout: {total: 99s}}\ndomains: [a.example]\n", 1, 29},
	    {"domains: [a.example]\ndefaults:\n  timeout: {connect: 20s, smtp: 3m}\n", 3, 33},
	    {"groups: {g: {timeout: {total: 1m}}}\n"
	     "domains: [{name: a.example, groups: [g]}, {name: b.example, groups: [g]}]\n",
	     1, 31},
	    {"defaults: {timeout: {smtp: 10s, total: 30s}}\n"
	     "domains: [a.example, {name: b.example, timeout: {connect: 25s}}]\n",
	     2, 59},
	    {"groups: {g: {timeout: {total: 1m}}}\n"
	     "domains: [{name: a.example, timeout: {smtp: 30s, total: 40s}}]\n",
	     1, 31},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_problems p;
		char text[512];
		snprintf(text, sizeof(text), "%snotify: mailto:a@ops.example\n", rows[i].text);
		struct conf *c = yaml_conf_load(write_file("main.yaml", text), &p);
		if (c == NULL)
			fail_msg("refused: %s", p.item[0].text);
		assert_int_equal(p.n, rows[i].line != 0);
		if (p.n > 0) {
			assert_true(p.item[0].warning);
			assert_non_null(strstr(p.item[0].text, "timeout.total is shorter"));
			assert_int_equal(p.item[0].line, rows[i].line);
			assert_int_equal(p.item[0].column, rows[i].column);
		}
		yaml_problems_clear(&p);
		conf_free(c);
	}
}

static bool is_mx(const char *host, void *arg)
{
	return strcmp(host, arg) == 0;
}

static void test_a_watched_relay(void **state)
{
	(void)state;
	struct conf *c =
	    load("receivers: {r: {email: {to: [a@elsewhere.example], from: m@b.example,"
		 " relay: \"smtp://MX.example.org:587\"}}}\n"
		 "domains: [example.org]\n");
	struct arena *arena = arena_new();
	assert_non_null(strstr(dependency_sentence(c, is_mx, (void *)"mx.example.org", arena),
			       "r needs mx.example.org"));
	assert_null(dependency_sentence(c, is_mx, (void *)"other.example.org", arena));
	arena_free(arena);
	conf_free(c);
}

static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t line, column;
		const char *why;
	} rows[] = {
	    {"domains: [example.org]\nroute: {recievers: [a]}\n", 2, 9,
	     "unknown key \"recievers\" in route (did you mean \"receivers\"?)"},
	    {"domians: [example.org]\n", 1, 1,
	     "unknown key \"domians\" (did you mean \"domains\"?)"},
	    {"domains: [example.org, {name: x.example, intervall: 1h}]\n", 1, 42,
	     "unknown key \"intervall\" in domain (did you mean \"interval\"?)"},
	    {"domains: [a.example]\ndomains: [b.example]\n", 2, 1,
	     "stands here twice (first in line 1)"},
	    {"domains: [a.example, A.EXAMPLE.]\n", 1, 22, "a.example is already watched: "},
	    {"domains: [192.0.2.1]\n", 1, 11, "is an address"},
	    {"domains: [\"a b\"]\n", 1, 11, "is not a domain name"},
	    {"domains: [a..b]\n", 1, 11, "is not a domain name"},
	    {"domains: {a: b}\n", 1, 10, "domains: a list is wanted, this is a mapping"},
	    {"domains: [a.example]\ndefaults: {interval: 4s}\n", 2, 22, "must be at least 5s"},
	    {"domains: [a.example]\ndefaults: {interval: soon}\n", 2, 22, "is not a duration"},
	    {"domains: [a.example]\ndefaults: {checks: {dane: maybe}}\n", 2, 27,
	     "is not one of off, on, auto, required"},
	    {"domains: [a.example]\ndefaults: {cert: {warn: 120%}}\n", 2, 25,
	     "share of the lifetime"},
	    {"domains: [a.example]\nreceivers: {r: {email: {password: x, to: [a@b.example]}}}\n", 2,
	     25, "a secret does not belong into this file"},
	    {"domains: [a.example]\nreceivers: {r: {fallback: r}}\n", 2, 13, "has no kind"},
	    {"domains: [a.example]\nroute: {receivers: [nobody]}\n", 2, 21,
	     "there is no receiver \"nobody\""},
	    {"domains: [{name: a.example, groups: [glod]}]\ngroups: {gold: {interval: 1h}}\n", 1,
	     38, "there is no group \"glod\" (did you mean \"gold\"?)"},
	    {"domains: [{name: a.example, owner: x}]\n", 1, 36, "there is no owner \"x\""},
	    {"domains: [&a a.example, *a]\n", 1, 25, "aliases are not supported"},
	    {"domains: [a.example\n", 2, 1, "not YAML"},
	    {"\tdomains: [a.example]\n", 1, 1, "indent with spaces"},
	    {"--- {domains: [a.example]}\n--- {}\n", 2, 1, "a second document"},
	    {"version: 2\ndomains: [a.example]\n", 1, 10, "reads version 1"},
	    {"notify: mailto:a@b.example\nroute: {}\ndomains: [a.example]\n", 1, 9,
	     "cannot stand beside"},
	    {"lists: [{file: missing.txt}]\n", 1, 16, "cannot open"},
	    {"notify: mailto:a@b.example\n", 1, 1, "nothing to watch"},
	    {"x: [[[[[[[[[[[[[[[[[[[[[[\n", 1, 19, "nested deeper"},
	    {"maintenance: [{name: m, from: 2027-01-02, until: 2027-01-01}]\ndomains: [a.example]\n",
	     1, 15, "ends before it begins"},
	    {"domains: [a.example]\nresolver: {upstreams: [nowhere]}\n", 2, 24,
	     "is not an address"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yaml_problems p;
		struct conf *c = yaml_conf_load(write_file("main.yaml", rows[i].text), &p);
		if (c != NULL)
			fail_msg("accepted: %s", rows[i].text);
		if (p.item[0].line != rows[i].line || p.item[0].column != rows[i].column ||
		    strstr(p.item[0].text, rows[i].why) == NULL)
			fail_msg("%s\nsaid %zu:%zu \"%s\"\nwanted %zu:%zu \"%s\"", rows[i].text,
				 p.item[0].line, p.item[0].column, p.item[0].text, rows[i].line,
				 rows[i].column, rows[i].why);
		yaml_problems_clear(&p);
	}
}

static void test_all_mistakes_in_one_run(void **state)
{
	(void)state;
	struct yaml_problems p;
	struct buf out;
	assert_null(yaml_conf_load(
	    write_file("main.yaml",
		       "probe: {per_ip: 0}\ndomains: [a.example, \"-\"]\nweb: {listen: x}\n"),
	    &p));
	assert_int_equal(p.n_errors, 3);
	buf_init(&out, 65536);
	yaml_problems_print(&p, &out);
	assert_non_null(strstr(buf_str(&out), "main.yaml:1:17: error: per_ip: must be at least 1\n"
					      "    probe: {per_ip: 0}\n"
					      "                    ^\n"));
	buf_clear(&out);
	yaml_problems_clear(&p);
	/* what stands where it may not is read all the same */
	assert_null(yaml_conf_load(write_file("main.yaml", "notify: mailto:a@b.example\n"
							   "domains: [a.example]\n"
							   "route: {recievers: [notify]}\n"),
				   &p));
	assert_int_equal(p.n_errors, 2);
	yaml_problems_clear(&p);
}

static void test_origin(void **state)
{
	(void)state;
	struct buf out;
	struct error err;
	buf_init(&out, 65536);
	const char *path =
	    write_file("main.yaml", "defaults: {interval: 2h}\n"
				    "groups: {gold: {confirm: {fail: 4}}}\n"
				    "domains: [{name: a.example, groups: [gold]}]\n");
	assert_int_equal(yaml_conf_origin(path, "a.example", &out, &err), 0);
	assert_non_null(strstr(buf_str(&out), "main.yaml:1\n"));
	assert_non_null(strstr(buf_str(&out), "confirm.fail: 4  # "));
	assert_non_null(strstr(buf_str(&out), "confirm.ok: 2  # built in\n"));
	assert_int_equal(yaml_conf_origin(path, "b.example", &out, &err), -1);
	buf_clear(&out);
}

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_conf.XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int folder_drop(void **state)
{
	(void)state;
	static const char *const files[] = {"main.yaml", "customers.txt", "conf.d/10.yaml"};
	char path[128];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/conf.d", folder);
	rmdir(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_smallest_file),
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_a_full_domain),
	    cmocka_unit_test(test_lists_and_includes),
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_self_dependency),
	    cmocka_unit_test(test_no_time_to_tell),
	    cmocka_unit_test(test_a_watched_relay),
	    cmocka_unit_test(test_all_mistakes_in_one_run),
	    cmocka_unit_test(test_origin),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_drop);
}
