/* SPDX-License-Identifier: ISC
 *
 * From files to a struct conf.  The order of work:
 *
 *   1. read_file: every file and its includes become trees (yaml_tree); the sections that fill
 *      struct conf directly are read on the way, the others are kept as nodes;
 *   2. groups and owners are known, so lists and domains are read and merged;
 *   3. yaml_alerts: receivers, routes, maintenance, heartbeats;
 *   4. domains are sorted, duplicates are errors that name both places.
 *
 * A watchlist of 100,000 plain names costs a node, a name and a row each: what domains share
 * (settings, extra) is made once per combination of list and groups.
 */
#include "yaml_conf.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idn.h"
#include "mem.h"
#include "text.h"
#include "yaml_alerts.h"
#include "yaml_schema.h"
#include "yaml_settings.h"

#define INCLUDE_DEPTH 4
#define LIST_LINE_MAX 1024

struct group {
	const char *name;
	const struct yaml_node *node;
	struct yaml_settings settings;
};

struct place { /* where a domain was named, for duplicates */
	const struct yaml_file *file;
	uint32_t line, column;
};

struct domain_row {
	struct conf_domain domain;
	struct place place;
};

struct loader {
	struct yaml_loader l;
	struct conf *conf;
	struct arena *nodes;
	struct yaml_file **files; /* owned, with their text */
	size_t n_files;
	struct yaml_settings defaults;
	struct group *groups;
	size_t n_groups;
	struct yaml_alerts alerts;
	const struct yaml_node **domain_lists; /* "domains:" and "lists:" nodes in file order */
	bool *is_list;
	size_t n_domain_lists;
	struct domain_row *rows;
	size_t n_rows, rows_size;
	const struct conf_settings *plain; /* defaults alone, shared by every plain domain */
	const struct yaml_node *seen[16];  /* top-level scalars and sections, for "already set" */
	const char *watch;		   /* the domain whose origins are wanted, else NULL */
	struct yaml_settings origin;
};

/* -- sections that fill struct conf --------------------------------------------------------- */

#define C(member)      offsetof(struct conf, member)
#define C_LIST(member) YAML_COUNT(struct conf, member, n_##member)

static const struct yaml_range any_retention = {86400, 100LL * 365 * 86400};
static const struct yaml_range a_timeout = {1, 600};
static const struct yaml_range a_port = {1, 65535};
static const struct yaml_range a_concurrency = {1, 10000};
static const struct yaml_range a_per_ip = {1, 20};
static const struct yaml_range a_gap = {0, 3600};
static const struct yaml_range a_sweep = {60, 30LL * 86400};
static const struct yaml_range a_process_count = {1, 64};

static const struct yaml_key retention_keys[] = {
    {"changes", yaml_read_duration, C(retain_changes_s), &any_retention},
    {"incidents", yaml_read_duration, C(retain_incidents_s), &any_retention},
    {"observations", yaml_read_duration, C(retain_observations_s), &any_retention},
};
static const struct yaml_section retention_section = YAML_SECTION("retention", retention_keys);

static const struct yaml_key state_keys[] = {
    {"path", yaml_read_path, C(state_path), NULL},
    {"retention", yaml_read_mapping, 0, &retention_section},
};
static const struct yaml_section state_section = YAML_SECTION("state", state_keys);

static const char *const mode_words[] = {"auto", "system", "private", NULL};
static const char *const trust_ad_words[] = {"loopback", "always", "never", NULL};

/* ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT */
static bool is_endpoint(const char *s, bool want_port, bool names)
{
	char host[256];
	const char *colon = strrchr(s, ':');
	if (name_address_class(s) != NAME_ADDRESS_INVALID && !want_port)
		return true;
	if (colon == NULL || (size_t)(colon - s) >= sizeof(host))
		return false;
	bool brackets = s[0] == '[' && colon > s + 1 && colon[-1] == ']';
	snprintf(host, sizeof(host), "%.*s", (int)(colon - s) - (brackets ? 2 : 0), s + brackets);
	char *end;
	long port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535)
		return false;
	return name_address_class(host) != NAME_ADDRESS_INVALID || (names && name_is_host(host));
}

/* arg: offset of the count, as for yaml_read_strings */
static void read_endpoints(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg,
			   bool want_port, bool names)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		if (!is_endpoint(s.item[i], want_port, names))
			yaml_error(l->problems, at, "%s: \"%s\" is not %s", key->value, s.item[i],
				   want_port ? "HOST:PORT"
					     : "an address (127.0.0.1, 127.0.0.1:5353, [::1]:53)");
	}
	yaml_read_strings(l, key, value, target, arg);
}

static void read_upstreams(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg)
{
	read_endpoints(l, key, value, target, arg, false, false);
}

static void read_host_ports(struct yaml_loader *l, const struct yaml_node *key,
			    const struct yaml_node *value, void *target, const void *arg)
{
	read_endpoints(l, key, value, target, arg, true, true);
}

static const struct yaml_key resolver_keys[] = {
    {"mode", yaml_read_word, C(resolver_mode), mode_words},
    {"upstreams", read_upstreams, C(upstreams), C_LIST(upstreams)},
    {"trust_ad", yaml_read_word, C(trust_ad), trust_ad_words},
    {"trust_anchor", yaml_read_path, C(trust_anchor), NULL},
    {"timeout", yaml_read_duration, C(resolver_timeout_s), &a_timeout},
};
static const struct yaml_section resolver_section = YAML_SECTION("resolver", resolver_keys);

static const struct yaml_key tls_keys[] = {
    {"ca_file", yaml_read_path, C(tls_ca_file), NULL},
    {"ca_path", yaml_read_path, C(tls_ca_path), NULL},
};
static const struct yaml_section tls_section = YAML_SECTION("tls", tls_keys);

static void read_source_ipv6(struct yaml_loader *l, const struct yaml_node *key,
			     const struct yaml_node *value, void *target, const void *arg)
{
	struct conf *c = (void *)((char *)target - C(source_ipv6));
	bool word = value->kind == YAML_SCALAR;
	if (word && strcmp(value->value, "off") == 0)
		c->ipv6_off = true;
	else if (!word || strcmp(value->value, "auto") != 0)
		yaml_read_address(l, key, value, target, arg);
}

static void read_processes(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg)
{
	if (value->kind == YAML_SCALAR && strcmp(value->value, "auto") == 0)
		*(int64_t *)target = 0;
	else
		yaml_read_int(l, key, value, target, arg);
}

static void read_host(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	char folded[NAME_MAX_TEXT];
	struct error err;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (idn_fold(folded, value->value, &err) != 0)
		yaml_error(l->problems, value, "%s: %s", key->value, err.text);
	else
		*(const char **)target = arena_strdup(l->arena, folded);
}

static const struct yaml_key source_keys[] = {
    {"ipv4", yaml_read_address, C(source_ipv4), NULL},
    {"ipv6", read_source_ipv6, C(source_ipv6), NULL},
};
static const struct yaml_section source_section = YAML_SECTION("source", source_keys);

static void read_mailbox(struct yaml_loader *l, const struct yaml_node *key,
			 const struct yaml_node *value, void *target, const void *arg)
{
	yaml_read_string(l, key, value, target, arg);
	if (value->kind == YAML_SCALAR && strchr(value->value, '@') == NULL)
		yaml_error(l->problems, value, "%s: \"%s\" is not a mail address", key->value,
			   value->value);
}

static const struct yaml_key relay_test_keys[] = {
    {"from", read_mailbox, C(relay_from), NULL},
    {"to", read_mailbox, C(relay_to), NULL},
};
static const struct yaml_section relay_test_section = YAML_SECTION("relay_test", relay_test_keys);

static const struct yaml_key ports_keys[] = {
    {"smtp", yaml_read_int, C(port_smtp), &a_port},
    {"https", yaml_read_int, C(port_https), &a_port},
};
static const struct yaml_section ports_section = YAML_SECTION("ports", ports_keys);

static const struct yaml_key probe_keys[] = {
    {"helo", read_host, C(helo), NULL},
    {"source", yaml_read_mapping, 0, &source_section},
    {"concurrency", yaml_read_int, C(concurrency), &a_concurrency},
    {"per_ip", yaml_read_int, C(per_ip), &a_per_ip},
    {"per_ip_gap", yaml_read_duration_ms, C(per_ip_gap_ms), &a_gap},
    {"open_relay", yaml_read_bool, C(open_relay), NULL},
    {"relay_test", yaml_read_mapping, 0, &relay_test_section},
    {"allow_private", yaml_read_bool, C(allow_private), NULL},
    {"sweep", yaml_read_duration, C(sweep_s), &a_sweep},
    {"ports", yaml_read_mapping, 0, &ports_section},
    {"processes", read_processes, C(processes), &a_process_count},
};
static const struct yaml_section probe_section = YAML_SECTION("probe", probe_keys);

static const struct yaml_key self_check_keys[] = {
    {"dns", yaml_read_strings, C(self_check_dns), C_LIST(self_check_dns)},
    {"tcp", read_host_ports, C(self_check_tcp), C_LIST(self_check_tcp)},
};
static const struct yaml_section self_check_section = YAML_SECTION("self_check", self_check_keys);

static const struct yaml_key web_keys[] = {
    {"listen", read_host_ports, C(web_listen), C_LIST(web_listen)},
    {"socket", yaml_read_path, C(web_socket), NULL},
    {"public_url", yaml_read_url, C(web_public_url), NULL},
    {"bearer_token_file", yaml_read_file_secret, C(web_token_file), NULL},
    {"bearer_token", yaml_refuse_secret, 0, "bearer_token_file"},
};
static const struct yaml_section web_section = YAML_SECTION("web", web_keys);

/* -- groups, owners --------------------------------------------------------------------------- */

static struct group *group_find(struct loader *ld, const char *name)
{
	for (size_t i = 0; i < ld->n_groups; i++) {
		if (strcmp(ld->groups[i].name, name) == 0)
			return &ld->groups[i];
	}
	return NULL;
}

/* Rows of settings and nothing else. */
static void read_settings_only(struct loader *ld, struct yaml_settings *s, const char *where,
			       const struct yaml_node *node)
{
	if (!yaml_want(&ld->l, node, YAML_MAPPING, where))
		return;
	const char *names[16] = {NULL};
	for (size_t i = 0; i < yaml_settings_n_keys; i++)
		names[i] = yaml_settings_keys[i].name;
	YAML_EACH_PAIR(node, key, value)
	{
		const struct yaml_key *row = yaml_settings_find(key->value);
		if (row != NULL) {
			yaml_settings_read(&ld->l, s, row, key, value);
			continue;
		}
		const char *near = text_nearest(key->value, names);
		yaml_error(ld->l.problems, key, "unknown key \"%s\" in %s%s%s%s", key->value, where,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
}

static void read_groups(struct loader *ld, const struct yaml_node *node)
{
	if (!yaml_want(&ld->l, node, YAML_MAPPING, "groups"))
		return;
	YAML_EACH_PAIR(node, name, value)
	{
		const struct group *before = group_find(ld, name->value);
		if (before != NULL) {
			yaml_error(ld->l.problems, name, "group \"%s\" is already defined in %s:%u",
				   name->value, before->node->file->name, before->node->line);
			continue;
		}
		ld->groups = mem_resize(ld->groups, ld->n_groups + 1, sizeof(*ld->groups));
		struct group *g = &ld->groups[ld->n_groups++];
		*g = (struct group){.name = name->value, .node = name};
		g->settings.source = arena_printf(ld->l.arena, "group %s", name->value);
		read_settings_only(ld, &g->settings, g->settings.source, value);
	}
}

static const struct yaml_key owner_keys[] = {
    {"email", read_mailbox, offsetof(struct conf_owner, email), NULL},
    {"runbook_url", yaml_read_url, offsetof(struct conf_owner, runbook_url), NULL},
};
static const struct yaml_section owner_section = YAML_SECTION("owner", owner_keys);

static void read_owners(struct loader *ld, const struct yaml_node *node)
{
	if (!yaml_want(&ld->l, node, YAML_MAPPING, "owners"))
		return;
	size_t n = ld->conf->n_owners;
	struct conf_owner *owners = arena_array(ld->l.arena, n + node->n, sizeof(*owners));
	if (n > 0)
		memcpy(owners, ld->conf->owners, n * sizeof(*owners));
	YAML_EACH_PAIR(node, name, value)
	{
		if (conf_owner(ld->conf, name->value) != NULL)
			yaml_error(ld->l.problems, name, "owner \"%s\" is already defined",
				   name->value);
		owners[n] = (struct conf_owner){.name = name->value};
		yaml_read_section(&ld->l, &owner_section, value, &owners[n++]);
	}
	ld->conf->owners = owners;
	ld->conf->n_owners = n;
}

/* -- domains ------------------------------------------------------------------------------------
 */

static const char *const sts_modes[] = {"enforce", "testing", "none", NULL};
static const char *const sts_wishes[] = {"required", "enforce", "testing", "none", NULL};
static const char *const required_words[] = {"required", NULL};
static const char *const tls_words[] = {"1.2", "1.3", NULL};

static void read_one_of(struct yaml_loader *l, const struct yaml_node *key,
			const struct yaml_node *value, void *target, const void *arg)
{
	int word = -1;
	yaml_read_word(l, key, value, &word, arg);
	if (word >= 0)
		*(const char **)target = ((const char *const *)arg)[word];
}

static void read_hosts(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	const char **hosts = arena_array(l->arena, s.n, sizeof(*hosts));
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		hosts[i] = "";
		read_host(l, key, at, &hosts[i], NULL);
	}
	*(const char *const **)target = hosts;
	*(size_t *)(void *)((char *)target + (uintptr_t)arg) = s.n;
}

#define E(member) offsetof(struct conf_expect, member)
static const struct yaml_key expect_keys[] = {
    {"mx", read_hosts, E(mx), YAML_COUNT(struct conf_expect, mx, n_mx)},
    {"mta_sts_mode", read_one_of, E(mta_sts_mode), sts_modes},
    {"mta_sts", read_one_of, E(mta_sts), sts_wishes},
    {"dane", read_one_of, E(dane), required_words},
    {"tls_rpt", read_one_of, E(tls_rpt), required_words},
    {"submission", read_one_of, E(submission), required_words},
    {"dnssec", read_one_of, E(dnssec), required_words},
    {"min_tls", read_one_of, E(min_tls), tls_words},
    {"issuer", yaml_read_strings, E(issuer), YAML_COUNT(struct conf_expect, issuer, n_issuer)},
    {"unreachable", read_hosts, E(unreachable),
     YAML_COUNT(struct conf_expect, unreachable, n_unreachable)},
};
static const struct yaml_section expect_section = YAML_SECTION("expect", expect_keys);

static void read_ports(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	struct conf_submission *s =
	    (void *)((char *)target - offsetof(struct conf_submission, ports));
	size_t n = value->kind == YAML_SCALAR ? 1 : value->n;
	int64_t *ports = arena_array(l->arena, n, sizeof(*ports));
	const struct yaml_node *at = value->kind == YAML_SCALAR ? value : value->first;
	if (value->kind == YAML_MAPPING) {
		yaml_want(l, value, YAML_SEQUENCE, key->value);
		return;
	}
	for (size_t i = 0; i < n; i++, at = at->next) {
		yaml_read_int(l, key, at, &ports[i], &a_port);
		if (ports[i] != 465 && ports[i] != 587)
			yaml_error(l->problems, at, "ports: 465 (implicit TLS) or 587 (STARTTLS)");
	}
	s->ports = ports;
	s->n_ports = n;
}

static const struct yaml_key submission_keys[] = {
    {"host", read_host, offsetof(struct conf_submission, host), NULL},
    {"ports", read_ports, offsetof(struct conf_submission, ports), NULL},
};
static const struct yaml_section submission_section = YAML_SECTION("submission", submission_keys);

static void read_submission(struct loader *ld, struct conf_extra *extra,
			    const struct yaml_node *list)
{
	if (!yaml_want(&ld->l, list, YAML_SEQUENCE, "submission"))
		return;
	struct conf_submission *s = arena_array(ld->l.arena, list->n, sizeof(*s));
	static const int64_t both[] = {465, 587};
	YAML_EACH_ITEM(list, item)
	{
		struct conf_submission *one = &s[extra->n_submission++];
		*one = (struct conf_submission){.ports = both, .n_ports = 2};
		yaml_read_section(&ld->l, &submission_section, item, one);
		if (one->host == NULL)
			yaml_error(ld->l.problems, item, "submission: \"host\" is missing");
	}
	extra->submission = s;
}

#define A(member) offsetof(struct conf_accept, member)
static const struct yaml_key accept_keys[] = {
    {"finding", yaml_read_string, A(finding), NULL},
    {"subject", yaml_read_string, A(subject), NULL},
    {"until", yaml_read_time, A(until), NULL},
    {"reason", yaml_read_string, A(reason), NULL},
};
static const struct yaml_section accept_section = YAML_SECTION("accept", accept_keys);

static void read_accept(struct loader *ld, struct conf_extra *extra, const struct yaml_node *list)
{
	if (!yaml_want(&ld->l, list, YAML_SEQUENCE, "accept"))
		return;
	struct conf_accept *a = arena_array(ld->l.arena, list->n, sizeof(*a));
	YAML_EACH_ITEM(list, item)
	{
		struct conf_accept *one = &a[extra->n_accept++];
		yaml_read_section(&ld->l, &accept_section, item, one);
		if (one->finding == NULL || one->until == 0 || one->reason == NULL)
			yaml_error(
			    ld->l.problems, item,
			    "accept: finding, until and reason are wanted (what, how long, why)");
	}
	extra->accept = a;
}

static void read_tags(struct loader *ld, struct conf_extra *extra, const struct yaml_node *node)
{
	if (!yaml_want(&ld->l, node, YAML_MAPPING, "tags"))
		return;
	struct conf_tag *tags = arena_array(ld->l.arena, node->n, sizeof(*tags));
	YAML_EACH_PAIR(node, key, value)
	{
		if (yaml_want(&ld->l, value, YAML_SCALAR, key->value))
			tags[extra->n_tags++] = (struct conf_tag){key->value, value->value};
	}
	extra->tags = tags;
}

static void want_owner(struct loader *ld, const struct yaml_node *at)
{
	if (!yaml_want(&ld->l, at, YAML_SCALAR, "owner") || conf_owner(ld->conf, at->value) != NULL)
		return;
	yaml_error(ld->l.problems, at, "there is no owner \"%s\" (owners: {%s: {email: ...}})",
		   at->value, at->value);
}

/* The groups a list or domain names, merged in order over base. */
static void merge_groups(struct loader *ld, const struct yaml_node *node,
			 struct conf_settings *base, struct conf_extra *extra,
			 struct yaml_settings *origin)
{
	struct yaml_strings s = yaml_strings(&ld->l, node, "groups");
	const struct yaml_node *at = node->kind == YAML_SEQUENCE ? node->first : node;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		const struct group *g = group_find(ld, s.item[i]);
		if (g != NULL) {
			yaml_settings_merge(base, &g->settings, origin);
			continue;
		}
		const char **names = mem_array(ld->n_groups + 1, sizeof(*names));
		for (size_t k = 0; k < ld->n_groups; k++)
			names[k] = ld->groups[k].name;
		const char *near = text_nearest(s.item[i], names);
		yaml_error(ld->l.problems, at, "there is no group \"%s\"%s%s%s", s.item[i],
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
		free(names);
	}
	extra->groups = s.item;
	extra->n_groups = s.n;
}

static void row_add(struct loader *ld, struct place place, const char *raw,
		    const struct conf_settings *settings, const struct conf_extra *extra)
{
	char folded[NAME_MAX_TEXT];
	struct error err;
	if (idn_fold(folded, raw, &err) != 0) {
		yaml_problem_at(ld->l.problems, place.file, place.line, place.column, false, "%s",
				err.text);
		return;
	}
	if (ld->n_rows == ld->rows_size) {
		ld->rows_size = ld->rows_size > 0 ? ld->rows_size * 2 : 64;
		ld->rows = mem_resize(ld->rows, ld->rows_size, sizeof(*ld->rows));
	}
	ld->rows[ld->n_rows++] = (struct domain_row){
	    .domain = {strcmp(raw, folded) == 0 ? raw : arena_strdup(ld->l.arena, folded), settings,
		       extra},
	    .place = place,
	};
}

static struct place place_of(const struct yaml_node *node)
{
	return (struct place){node->file, node->line, node->column};
}

/* A domain with settings of its own. */
struct domain_read {
	const struct yaml_node *name, *groups, *owner, *tags, *expect, *submission, *accept;
	struct yaml_settings own;
};

static const struct {
	const char *key;
	size_t offset;
} domain_keys[] = {
    {"name", offsetof(struct domain_read, name)},
    {"groups", offsetof(struct domain_read, groups)},
    {"owner", offsetof(struct domain_read, owner)},
    {"tags", offsetof(struct domain_read, tags)},
    {"expect", offsetof(struct domain_read, expect)},
    {"submission", offsetof(struct domain_read, submission)},
    {"accept", offsetof(struct domain_read, accept)},
};
#define N_DOMAIN_KEYS (sizeof(domain_keys) / sizeof(domain_keys[0]))

static void domain_key(struct loader *ld, struct domain_read *d, const struct yaml_node *key,
		       const struct yaml_node *value)
{
	const char *names[N_DOMAIN_KEYS + 16] = {NULL};
	for (size_t i = 0; i < N_DOMAIN_KEYS; i++) {
		names[i] = domain_keys[i].key;
		if (strcmp(key->value, names[i]) == 0) {
			memcpy((char *)d + domain_keys[i].offset, &value, sizeof(value));
			return;
		}
	}
	const struct yaml_key *row = yaml_settings_find(key->value);
	if (row != NULL) {
		yaml_settings_read(&ld->l, &d->own, row, key, value);
		return;
	}
	for (size_t i = 0; i < yaml_settings_n_keys; i++)
		names[N_DOMAIN_KEYS + i] = yaml_settings_keys[i].name;
	const char *near = text_nearest(key->value, names);
	yaml_error(ld->l.problems, key, "unknown key \"%s\" in domain%s%s%s", key->value,
		   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void read_rich_domain(struct loader *ld, const struct yaml_node *item)
{
	struct domain_read d = {.own.source = "domain"};
	YAML_EACH_PAIR(item, key, value)
	domain_key(ld, &d, key, value);
	if (d.name == NULL) {
		yaml_error(ld->l.problems, item, "domain: \"name\" is missing");
		return;
	}
	if (!yaml_want(&ld->l, d.name, YAML_SCALAR, "name"))
		return;
	struct yaml_settings *origin =
	    ld->watch != NULL && name_equal(ld->watch, d.name->value) ? &ld->origin : NULL;
	struct conf_settings *s = arena_alloc(ld->l.arena, sizeof(*s));
	struct conf_extra *extra = arena_alloc(ld->l.arena, sizeof(*extra));
	*s = ld->conf->defaults;
	if (d.groups != NULL)
		merge_groups(ld, d.groups, s, extra, origin);
	yaml_settings_merge(s, &d.own, origin);
	if (d.owner != NULL) {
		want_owner(ld, d.owner);
		extra->owner = d.owner->value;
	}
	if (d.tags != NULL)
		read_tags(ld, extra, d.tags);
	if (d.expect != NULL)
		yaml_read_section(&ld->l, &expect_section, d.expect, &extra->expect);
	if (d.submission != NULL)
		read_submission(ld, extra, d.submission);
	if (d.accept != NULL)
		read_accept(ld, extra, d.accept);
	row_add(ld, place_of(d.name), d.name->value, s, extra);
}

static void read_domains(struct loader *ld, const struct yaml_node *list)
{
	if (!yaml_want(&ld->l, list, YAML_SEQUENCE, "domains"))
		return;
	YAML_EACH_ITEM(list, item)
	{
		if (item->kind == YAML_SCALAR)
			row_add(ld, place_of(item), item->value, ld->plain, conf_extra_none());
		else if (item->kind == YAML_MAPPING)
			read_rich_domain(ld, item);
		else
			yaml_error(ld->l.problems, item, "domain: a name or a mapping is wanted");
	}
}

/* -- list files
 * ------------------------------------------------------------------------------------ */

static struct yaml_file *file_open(struct loader *ld, const char *path, const struct yaml_node *at);

static void read_list_line(struct loader *ld, const struct yaml_file *file, uint32_t line,
			   const char *text, size_t len, const struct conf_settings *s,
			   const struct conf_extra *extra)
{
	const char *hash = memchr(text, '#', len);
	if (hash != NULL)
		len = (size_t)(hash - text);
	size_t begin = 0;
	while (begin < len && strchr(" \t\r", text[begin]) != NULL)
		begin++;
	while (len > begin && strchr(" \t\r", text[len - 1]) != NULL)
		len--;
	if (len == begin)
		return;
	struct place place = {file, line, (uint32_t)begin + 1};
	if (len - begin > LIST_LINE_MAX || memchr(text + begin, '\0', len - begin) != NULL)
		yaml_problem_at(ld->l.problems, file, line, place.column, false,
				"one domain a line is wanted");
	else
		row_add(ld, place, arena_strndup(ld->l.arena, text + begin, len - begin), s, extra);
}

struct list_read {
	const char *file;
	const struct yaml_node *file_node, *groups, *owner, *tags;
	struct yaml_settings own;
};

static bool list_key(struct loader *ld, struct list_read *r, const struct yaml_node *key,
		     const struct yaml_node *value)
{
	const struct yaml_key *row = yaml_settings_find(key->value);
	if (strcmp(key->value, "file") == 0) {
		yaml_read_path(&ld->l, key, value, &r->file, NULL);
		r->file_node = value;
	} else if (strcmp(key->value, "groups") == 0) {
		r->groups = value;
	} else if (strcmp(key->value, "owner") == 0) {
		r->owner = value;
	} else if (strcmp(key->value, "tags") == 0) {
		r->tags = value;
	} else if (row != NULL) {
		yaml_settings_read(&ld->l, &r->own, row, key, value);
	} else {
		yaml_error(ld->l.problems, key, "unknown key \"%s\" in list", key->value);
		return false;
	}
	return true;
}

static void list_count(struct loader *ld, const char *file, size_t n)
{
	struct conf_list *lists = arena_array(ld->l.arena, ld->conf->n_lists + 1, sizeof(*lists));
	if (ld->conf->n_lists > 0)
		memcpy(lists, ld->conf->lists, ld->conf->n_lists * sizeof(*lists));
	lists[ld->conf->n_lists++] = (struct conf_list){file, n};
	ld->conf->lists = lists;
}

static void read_list(struct loader *ld, const struct yaml_node *item)
{
	struct list_read r = {.own.source = "list"};
	if (!yaml_want(&ld->l, item, YAML_MAPPING, "list"))
		return;
	YAML_EACH_PAIR(item, key, value)
	list_key(ld, &r, key, value);
	if (r.file == NULL) {
		if (r.file_node == NULL)
			yaml_error(ld->l.problems, item, "list: \"file\" is missing");
		return;
	}
	struct conf_settings *s = arena_alloc(ld->l.arena, sizeof(*s));
	struct conf_extra *extra = arena_alloc(ld->l.arena, sizeof(*extra));
	*s = ld->conf->defaults;
	if (r.groups != NULL)
		merge_groups(ld, r.groups, s, extra, NULL);
	yaml_settings_merge(s, &r.own, NULL);
	if (r.owner != NULL) {
		want_owner(ld, r.owner);
		extra->owner = r.owner->value;
	}
	if (r.tags != NULL)
		read_tags(ld, extra, r.tags);
	struct yaml_file *file = file_open(ld, r.file, r.file_node);
	if (file == NULL)
		return;
	size_t before = ld->n_rows;
	uint32_t line = 1;
	for (const char *p = file->text, *end = p + file->len; p < end; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		read_list_line(ld, file, line, p, (size_t)(stop - p), s, extra);
		p = stop + 1;
	}
	list_count(ld, r.file, ld->n_rows - before);
}

static void read_lists(struct loader *ld, const struct yaml_node *list)
{
	if (!yaml_want(&ld->l, list, YAML_SEQUENCE, "lists"))
		return;
	YAML_EACH_ITEM(list, item)
	read_list(ld, item);
}

/* -- files
 * -------------------------------------------------------------------------------------------- */

static char *slurp(const char *path, size_t *len, struct error *err)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (f == NULL) {
		error_errno(err, "cannot open %s", path);
		return NULL;
	}
	struct buf b;
	char chunk[65536];
	size_t got;
	buf_init(&b, YAML_TREE_MAX_BYTES);
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0 && buf_add(&b, chunk, got))
		continue;
	if (ferror(f))
		error_errno(err, "cannot read %s", path);
	else if (b.truncated)
		error_set(err, "%s is larger than %d MiB", path, YAML_TREE_MAX_BYTES >> 20);
	bool ok = !ferror(f) && !b.truncated;
	if (f != stdin)
		fclose(f);
	*len = b.len;
	if (ok)
		return buf_detach(&b);
	buf_clear(&b);
	return NULL;
}

/* Read a file and keep it for the problems; at: who asked for it, NULL for the command line. */
static struct yaml_file *file_open(struct loader *ld, const char *path, const struct yaml_node *at)
{
	struct yaml_file *file = mem_alloc(sizeof(*file));
	struct error err;
	file->name = mem_strdup(strcmp(path, "-") == 0 ? "(standard input)" : path);
	file->text = slurp(path, &file->len, &err);
	ld->files = mem_resize(ld->files, ld->n_files + 1, sizeof(*ld->files));
	ld->files[ld->n_files++] = file;
	if (file->text != NULL)
		return file;
	file->text = mem_strdup("");
	if (at != NULL)
		yaml_error(ld->l.problems, at, "%s", err.text);
	else
		yaml_problem_at(ld->l.problems, file, 1, 1, false, "%s", err.text);
	return NULL;
}

static void read_file(struct loader *ld, const char *path, const struct yaml_node *at, int depth);

static void include(struct loader *ld, const struct yaml_node *value, int depth)
{
	struct yaml_strings s = yaml_strings(&ld->l, value, "include");
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		glob_t found;
		const char *pattern = yaml_relative(&ld->l, at, s.item[i]);
		bool magic = strpbrk(pattern, "*?[") != NULL;
		if (depth == INCLUDE_DEPTH) {
			yaml_error(ld->l.problems, at, "included deeper than %d files",
				   INCLUDE_DEPTH);
		} else if (!magic) {
			read_file(ld, pattern, at, depth + 1);
		} else if (glob(pattern, 0, NULL, &found) ==
			   0) { /* sorted; nothing found is fine */
			for (size_t k = 0; k < found.gl_pathc; k++)
				read_file(ld, found.gl_pathv[k], at, depth + 1);
			globfree(&found);
		}
	}
}

static const struct {
	const char *key;
	const struct yaml_section *section;
} conf_sections[] = {
    {"state", &state_section}, {"resolver", &resolver_section},	    {"tls", &tls_section},
    {"probe", &probe_section}, {"self_check", &self_check_section}, {"web", &web_section},
};
#define N_CONF_SECTIONS (sizeof(conf_sections) / sizeof(conf_sections[0]))

static const char *const root_keys[] = {
    "version",	"include",     "state",	    "resolver", "tls",	 "probe",     "self_check",
    "defaults", "groups",      "owners",    "domains",	"lists", "receivers", "route",
    "notify",	"maintenance", "heartbeat", "web",	NULL};

static bool read_conf_section(struct loader *ld, const struct yaml_node *key,
			      const struct yaml_node *value)
{
	for (size_t i = 0; i < N_CONF_SECTIONS; i++) {
		if (strcmp(conf_sections[i].key, key->value) != 0)
			continue;
		if (ld->seen[i] != NULL && ld->seen[i]->file != key->file)
			yaml_error(ld->l.problems, key, "\"%s\" is already set in %s:%u",
				   key->value, ld->seen[i]->file->name, ld->seen[i]->line);
		ld->seen[i] = key;
		yaml_read_section(&ld->l, conf_sections[i].section, value, ld->conf);
		return true;
	}
	return false;
}

static void keep_domains(struct loader *ld, const struct yaml_node *value, bool is_list)
{
	size_t n = ld->n_domain_lists++;
	ld->domain_lists = mem_resize(ld->domain_lists, n + 1, sizeof(const struct yaml_node *));
	ld->is_list = mem_resize(ld->is_list, n + 1, sizeof(*ld->is_list));
	ld->domain_lists[n] = value;
	ld->is_list[n] = is_list;
}

static void read_version(struct loader *ld, const struct yaml_node *value)
{
	if (yaml_want(&ld->l, value, YAML_SCALAR, "version") && strcmp(value->value, "1") != 0)
		yaml_error(ld->l.problems, value, "version: this program reads version 1");
}

static void read_root_key(struct loader *ld, const struct yaml_node *key,
			  const struct yaml_node *value, int depth)
{
	const char *k = key->value;
	if (strcmp(k, "include") == 0) {
		include(ld, value, depth);
	} else if (strcmp(k, "version") == 0) {
		read_version(ld, value);
	} else if (strcmp(k, "defaults") == 0) {
		read_settings_only(ld, &ld->defaults, "defaults", value);
	} else if (strcmp(k, "groups") == 0) {
		read_groups(ld, value);
	} else if (strcmp(k, "owners") == 0) {
		read_owners(ld, value);
	} else if (strcmp(k, "domains") == 0) {
		keep_domains(ld, value, false);
	} else if (strcmp(k, "lists") == 0) {
		keep_domains(ld, value, true);
	} else if (yaml_alerts_key(k)) {
		yaml_alerts_add(&ld->l, &ld->alerts, key, value);
	} else if (!read_conf_section(ld, key, value)) {
		const char *near = text_nearest(k, root_keys);
		yaml_error(ld->l.problems, key, "unknown key \"%s\"%s%s%s", k,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
}

static void read_file(struct loader *ld, const char *path, const struct yaml_node *at, int depth)
{
	struct yaml_file *file = file_open(ld, path, at);
	if (file == NULL)
		return;
	const struct yaml_node *root =
	    yaml_tree_parse(file, ld->nodes, ld->l.arena, ld->l.problems);
	if (root == NULL || !yaml_want(&ld->l, root, YAML_MAPPING, "the file"))
		return;
	YAML_EACH_PAIR(root, key, value)
	read_root_key(ld, key, value, depth);
}

/* -- the whole
 * -------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct domain_row *x = a, *y = b;
	return strcmp(x->domain.name, y->domain.name);
}

static void sort_domains(struct loader *ld)
{
	if (ld->n_rows > 0)
		qsort(ld->rows, ld->n_rows, sizeof(*ld->rows), by_name);
	for (size_t i = 1; i < ld->n_rows; i++) {
		const struct place *first = &ld->rows[i - 1].place, *again = &ld->rows[i].place;
		if (strcmp(ld->rows[i - 1].domain.name, ld->rows[i].domain.name) != 0)
			continue;
		if (first->file == again->file && first->line > again->line) {
			const struct place *swap = first;
			first = again;
			again = swap;
		}
		yaml_problem_at(ld->l.problems, again->file, again->line, again->column, false,
				"%s is already watched: %s:%u:%u", ld->rows[i].domain.name,
				first->file->name, first->line, first->column);
	}
	struct conf_domain *domains = arena_array(ld->l.arena, ld->n_rows, sizeof(*domains));
	for (size_t i = 0; i < ld->n_rows; i++)
		domains[i] = ld->rows[i].domain;
	ld->conf->domains = domains;
	ld->conf->n_domains = ld->n_rows;
}

/* What only the whole shows. */
static void check_meaning(struct loader *ld)
{
	const struct conf_settings *d = &ld->conf->defaults;
	const struct yaml_file *file = ld->files[0];
	if (ld->n_domain_lists == 0)
		yaml_problem_at(ld->l.problems, file, 1, 1, false,
				"nothing to watch: \"domains\" or \"lists\" is wanted");
	if (d->timeout_total_s < d->timeout_connect_s)
		yaml_problem_at(ld->l.problems, file, 1, 1, false,
				"defaults: timeout.total is shorter than timeout.connect");
	if (ld->conf->n_receivers == 0)
		yaml_problem_at(
		    ld->l.problems, file, 1, 1, true,
		    "nobody is told: \"notify: mailto:you@example.org\" is the shortest way to be");
	for (size_t i = 0; i < ld->conf->n_receivers; i++) {
		const struct conf_receiver *r = &ld->conf->receivers[i];
		for (size_t k = 0; k < r->n_to && ld->conf->n_receivers == 1; k++) {
			const char *at = strrchr(r->to[k], '@');
			char domain[NAME_MAX_TEXT];
			if (at != NULL && name_fold_host(domain, at + 1) &&
			    conf_domain(ld->conf, domain) != NULL)
				yaml_problem_at(
				    ld->l.problems, file, 1, 1, true,
				    "receiver \"%s\" is the only one, and its mail goes to %s, a watched "
				    "domain: when its mail breaks, nobody hears of it (notify.self_dependency)",
				    r->name, domain);
		}
	}
}

static size_t file_rank(const struct loader *ld, const char *name)
{
	for (size_t i = 0; i < ld->n_files; i++) {
		if (strcmp(ld->files[i]->name, name) == 0)
			return i;
	}
	return ld->n_files;
}

/* As a person reads the files: insertion sort, the list is short. */
static void sort_problems(struct loader *ld)
{
	struct yaml_problems *p = ld->l.problems;
	for (size_t i = 1; i < p->n; i++) {
		struct yaml_problem it = p->item[i];
		size_t rank = file_rank(ld, it.file), k = i;
		for (; k > 0; k--) {
			const struct yaml_problem *before = &p->item[k - 1];
			size_t other = file_rank(ld, before->file);
			if (other < rank || (other == rank && (before->line < it.line ||
							       (before->line == it.line &&
								before->column <= it.column))))
				break;
			p->item[k] = *before;
		}
		p->item[k] = it;
	}
}

static void loader_clear(struct loader *ld)
{
	for (size_t i = 0; i < ld->n_files; i++) {
		free((char *)ld->files[i]->name);
		free((char *)ld->files[i]->text);
		free(ld->files[i]);
	}
	free(ld->files);
	free(ld->groups);
	free(ld->domain_lists);
	free(ld->is_list);
	free(ld->rows);
	yaml_alerts_clear(&ld->alerts);
	arena_free(ld->nodes);
}

static void load(struct loader *ld, const char *path)
{
	ld->conf->file = arena_strdup(ld->l.arena, path);
	ld->defaults.source = "defaults";
	read_file(ld, path, NULL, 0);
	yaml_settings_merge(&ld->conf->defaults, &ld->defaults, &ld->origin);
	ld->plain = &ld->conf->defaults;
	for (size_t i = 0; i < ld->n_domain_lists; i++) {
		if (ld->is_list[i])
			read_lists(ld, ld->domain_lists[i]);
		else
			read_domains(ld, ld->domain_lists[i]);
	}
	yaml_alerts_finish(&ld->l, &ld->alerts, ld->conf);
	sort_domains(ld);
	if (ld->l.problems->n_errors == 0)
		check_meaning(ld);
	sort_problems(ld);
}

static void loader_init(struct loader *ld, struct yaml_problems *problems)
{
	*ld = (struct loader){.conf = conf_new(), .nodes = arena_new()};
	*problems = (struct yaml_problems){0};
	ld->l = (struct yaml_loader){.arena = ld->conf->arena, .problems = problems};
}

struct conf *yaml_conf_load(const char *path, struct yaml_problems *problems)
{
	struct loader ld;
	loader_init(&ld, problems);
	load(&ld, path);
	struct conf *c = ld.conf;
	if (problems->n_errors > 0) {
		conf_free(c);
		c = NULL;
	}
	loader_clear(&ld);
	return c;
}

int yaml_conf_origin(const char *path, const char *domain, struct buf *out, struct error *err)
{
	struct loader ld;
	struct yaml_problems problems;
	int result = 0;
	loader_init(&ld, &problems);
	ld.watch = domain;
	load(&ld, path);
	const struct conf_domain *d = conf_domain(ld.conf, domain);
	if (problems.n_errors > 0) {
		result =
		    error_set(err, "%s:%zu:%zu: %s", problems.item[0].file, problems.item[0].line,
			      problems.item[0].column, problems.item[0].text);
	} else if (d == NULL) {
		result = error_set(err, "%s is not watched (%s)", domain, path);
	} else {
		for (size_t i = 0; yaml_settings_leaf(i) != NULL; i++) {
			const struct yaml_node *from = ld.origin.from[i];
			buf_printf(out, "%s: ", yaml_settings_leaf(i));
			yaml_settings_print(d->settings, i, out);
			if (from != NULL)
				buf_printf(out, "  # %s:%u\n", from->file->name, from->line);
			else
				buf_addstr(out, "  # built in\n");
		}
	}
	yaml_problems_clear(&problems);
	conf_free(ld.conf);
	loader_clear(&ld);
	return result;
}
