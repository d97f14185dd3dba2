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

#include "dependency.h"
#include "mem.h"
#include "name.h"
#include "text.h"
#include "yaml_work.h"

#define INCLUDE_DEPTH 4
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

bool yaml_conf_is_upstream(const char *text)
{
	return is_endpoint(text, false, false);
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

static const struct yaml_key source_keys[] = {
    {"ipv4", yaml_read_address, C(source_ipv4), NULL},
    {"ipv6", read_source_ipv6, C(source_ipv6), NULL},
};
static const struct yaml_section source_section = YAML_SECTION("source", source_keys);

static const struct yaml_key relay_test_keys[] = {
    {"from", yaml_read_mailbox, C(relay_from), NULL},
    {"to", yaml_read_mailbox, C(relay_to), NULL},
};
static const struct yaml_section relay_test_section = YAML_SECTION("relay_test", relay_test_keys);

static const struct yaml_key ports_keys[] = {
    {"smtp", yaml_read_int, C(port_smtp), &a_port},
    {"https", yaml_read_int, C(port_https), &a_port},
};
static const struct yaml_section ports_section = YAML_SECTION("ports", ports_keys);

static const struct yaml_key probe_keys[] = {
    {"helo", yaml_read_host, C(helo), NULL},
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

static const char *const metrics_words[] = {"auto", "summary", "domain", "check", NULL};

static const struct yaml_key web_keys[] = {
    {"listen", read_host_ports, C(web_listen), C_LIST(web_listen)},
    {"socket", yaml_read_path, C(web_socket), NULL},
    {"public_url", yaml_read_url, C(web_public_url), NULL},
    {"bearer_token_file", yaml_read_file_secret, C(web_token_file), NULL},
    {"bearer_token", yaml_refuse_secret, 0, "bearer_token_file"},
    {"metrics", yaml_read_word, C(web_metrics), metrics_words},
};
static const struct yaml_section web_section = YAML_SECTION("web", web_keys);

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
struct yaml_file *yaml_work_open(struct yaml_work *w, const char *path, const struct yaml_node *at)
{
	struct yaml_file *file = mem_alloc(sizeof(*file));
	struct error err;
	file->name = mem_strdup(strcmp(path, "-") == 0 ? "(standard input)" : path);
	file->text = slurp(path, &file->len, &err);
	w->files = mem_resize(w->files, w->n_files + 1, sizeof(*w->files));
	w->files[w->n_files++] = file;
	if (file->text != NULL)
		return file;
	file->text = mem_strdup("");
	if (at != NULL)
		yaml_error(w->l.problems, at, "%s", err.text);
	else
		yaml_problem_at(w->l.problems, file, 1, 1, false, "%s", err.text);
	return NULL;
}

void yaml_work_folder(struct yaml_work *w, const char *path)
{
	const char **list, *folder;
	size_t len = strcspn(path, "*?[");

	while (len > 0 && path[len - 1] != '/')
		len--;
	folder = len > 0 ? arena_strndup(w->l.arena, path, len) : ".";
	for (size_t i = 0; i < w->conf->n_folders; i++)
		if (strcmp(w->conf->folders[i], folder) == 0)
			return;
	list = arena_array(w->l.arena, w->conf->n_folders + 1, sizeof(*list));
	for (size_t i = 0; i < w->conf->n_folders; i++)
		list[i] = w->conf->folders[i];
	list[w->conf->n_folders++] = folder;
	w->conf->folders = list;
}

static void read_file(struct yaml_work *w, const char *path, const struct yaml_node *at, int depth);

static void include(struct yaml_work *w, const struct yaml_node *value, int depth)
{
	struct yaml_strings s = yaml_strings(&w->l, value, "include");
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		glob_t found;
		const char *pattern = yaml_relative(&w->l, at, s.item[i]);
		bool magic = strpbrk(pattern, "*?[") != NULL;
		yaml_work_folder(w, pattern);
		if (depth == INCLUDE_DEPTH) {
			yaml_error(w->l.problems, at, "included deeper than %d files",
				   INCLUDE_DEPTH);
		} else if (!magic) {
			read_file(w, pattern, at, depth + 1);
		} else if (glob(pattern, 0, NULL, &found) ==
			   0) { /* sorted; nothing found is fine */
			for (size_t k = 0; k < found.gl_pathc; k++)
				read_file(w, found.gl_pathv[k], at, depth + 1);
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

static bool read_conf_section(struct yaml_work *w, const struct yaml_node *key,
			      const struct yaml_node *value)
{
	for (size_t i = 0; i < N_CONF_SECTIONS; i++) {
		if (strcmp(conf_sections[i].key, key->value) != 0)
			continue;
		if (w->seen[i] != NULL && w->seen[i]->file != key->file)
			yaml_error(w->l.problems, key, "\"%s\" is already set in %s:%u", key->value,
				   w->seen[i]->file->name, w->seen[i]->line);
		w->seen[i] = key;
		yaml_read_section(&w->l, conf_sections[i].section, value, w->conf);
		return true;
	}
	return false;
}

static void keep_domains(struct yaml_work *w, const struct yaml_node *value, bool is_list)
{
	size_t n = w->n_domain_lists++;
	w->domain_lists = mem_resize(w->domain_lists, n + 1, sizeof(const struct yaml_node *));
	w->is_list = mem_resize(w->is_list, n + 1, sizeof(*w->is_list));
	w->domain_lists[n] = value;
	w->is_list[n] = is_list;
}

static void read_version(struct yaml_work *w, const struct yaml_node *value)
{
	if (yaml_want(&w->l, value, YAML_SCALAR, "version") && strcmp(value->value, "1") != 0)
		yaml_error(w->l.problems, value, "version: this program reads version 1");
}

static void read_root_key(struct yaml_work *w, const struct yaml_node *key,
			  const struct yaml_node *value, int depth)
{
	const char *k = key->value;
	if (strcmp(k, "include") == 0) {
		include(w, value, depth);
	} else if (strcmp(k, "version") == 0) {
		read_version(w, value);
	} else if (strcmp(k, "defaults") == 0) {
		yaml_watch_settings(w, &w->defaults, "defaults", value);
	} else if (strcmp(k, "groups") == 0) {
		yaml_watch_groups(w, value);
	} else if (strcmp(k, "owners") == 0) {
		yaml_watch_owners(w, value);
	} else if (strcmp(k, "domains") == 0) {
		keep_domains(w, value, false);
	} else if (strcmp(k, "lists") == 0) {
		keep_domains(w, value, true);
	} else if (yaml_alerts_key(k)) {
		yaml_alerts_add(&w->l, &w->alerts, key, value);
	} else if (!read_conf_section(w, key, value)) {
		const char *near = text_nearest(k, root_keys);
		yaml_error(w->l.problems, key, "unknown key \"%s\"%s%s%s", k,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
}

static void read_file(struct yaml_work *w, const char *path, const struct yaml_node *at, int depth)
{
	struct yaml_file *file = yaml_work_open(w, path, at);
	if (file == NULL)
		return;
	const struct yaml_node *root = yaml_tree_parse(file, w->nodes, w->l.arena, w->l.problems);
	if (root == NULL || !yaml_want(&w->l, root, YAML_MAPPING, "the file"))
		return;
	YAML_EACH_PAIR(root, key, value)
	read_root_key(w, key, value, depth);
}

/* -- the whole
 * -------------------------------------------------------------------------------------------- */
/* What only the whole shows. */
static void check_meaning(struct yaml_work *w)
{
	const struct conf_settings *d = &w->conf->defaults;
	const struct yaml_file *file = w->files[0];
	if (w->n_domain_lists == 0)
		yaml_problem_at(w->l.problems, file, 1, 1, false,
				"nothing to watch: \"domains\" or \"lists\" is wanted");
	if (d->timeout_total_s < d->timeout_connect_s)
		yaml_problem_at(w->l.problems, file, 1, 1, false,
				"defaults: timeout.total is shorter than timeout.connect");
	if (w->conf->n_receivers == 0)
		yaml_problem_at(
		    w->l.problems, file, 1, 1, true,
		    "nobody is told: \"notify: mailto:you@example.org\" is the shortest way to be");
	const char *dependency = dependency_sentence(w->conf, NULL, NULL, w->l.arena);
	if (dependency != NULL)
		yaml_problem_at(w->l.problems, file, 1, 1, true, "%s", dependency);
}

static size_t file_rank(const struct yaml_work *w, const char *name)
{
	for (size_t i = 0; i < w->n_files; i++) {
		if (strcmp(w->files[i]->name, name) == 0)
			return i;
	}
	return w->n_files;
}

/* As a person reads the files: insertion sort, the list is short. */
static void sort_problems(struct yaml_work *w)
{
	struct yaml_problems *p = w->l.problems;
	for (size_t i = 1; i < p->n; i++) {
		struct yaml_problem it = p->item[i];
		size_t rank = file_rank(w, it.file), k = i;
		for (; k > 0; k--) {
			const struct yaml_problem *before = &p->item[k - 1];
			size_t other = file_rank(w, before->file);
			if (other < rank || (other == rank && (before->line < it.line ||
							       (before->line == it.line &&
								before->column <= it.column))))
				break;
			p->item[k] = *before;
		}
		p->item[k] = it;
	}
}

static void loader_clear(struct yaml_work *w)
{
	for (size_t i = 0; i < w->n_files; i++) {
		free((char *)w->files[i]->name);
		free((char *)w->files[i]->text);
		free(w->files[i]);
	}
	free(w->files);
	free(w->groups);
	free(w->domain_lists);
	free(w->is_list);
	free(w->rows);
	yaml_alerts_clear(&w->alerts);
	arena_free(w->nodes);
}

static void load(struct yaml_work *w, const char *path)
{
	w->conf->file = arena_strdup(w->l.arena, path);
	w->defaults.source = "defaults";
	read_file(w, path, NULL, 0);
	yaml_settings_merge(&w->conf->defaults, &w->defaults, &w->origin);
	yaml_settings_check(w->l.problems, &w->conf->defaults, &w->defaults);
	for (size_t i = 0; i < w->n_groups; i++) {
		struct conf_settings s = w->conf->defaults;
		yaml_settings_merge(&s, &w->groups[i].settings, NULL);
		yaml_settings_check(w->l.problems, &s, &w->groups[i].settings);
	}
	w->plain = &w->conf->defaults;
	for (size_t i = 0; i < w->n_domain_lists; i++) {
		if (w->is_list[i])
			yaml_watch_lists(w, w->domain_lists[i]);
		else
			yaml_watch_domains(w, w->domain_lists[i]);
	}
	yaml_alerts_finish(&w->l, &w->alerts, w->conf);
	yaml_watch_sort(w);
	if (w->l.problems->n_errors == 0)
		check_meaning(w);
	sort_problems(w);
}

static void loader_init(struct yaml_work *w, struct yaml_problems *problems)
{
	*w = (struct yaml_work){.conf = conf_new(), .nodes = arena_new()};
	*problems = (struct yaml_problems){0};
	w->l = (struct yaml_loader){.arena = w->conf->arena, .problems = problems};
}

struct conf *yaml_conf_load(const char *path, struct yaml_problems *problems)
{
	struct yaml_work w;
	loader_init(&w, problems);
	load(&w, path);
	struct conf *c = w.conf;
	if (problems->n_errors > 0) {
		conf_free(c);
		c = NULL;
	}
	loader_clear(&w);
	return c;
}

int yaml_conf_origin(const char *path, const char *domain, struct buf *out, struct error *err)
{
	struct yaml_work w;
	struct yaml_problems problems;
	int result = 0;
	loader_init(&w, &problems);
	w.watch = domain;
	load(&w, path);
	const struct conf_domain *d = conf_domain(w.conf, domain);
	if (problems.n_errors > 0) {
		result =
		    error_set(err, "%s:%zu:%zu: %s", problems.item[0].file, problems.item[0].line,
			      problems.item[0].column, problems.item[0].text);
	} else if (d == NULL) {
		result = error_set(err, "%s is not watched (%s)", domain, path);
	} else {
		for (size_t i = 0; yaml_settings_leaf(i) != NULL; i++) {
			const struct yaml_node *from = w.origin.from[i];
			buf_printf(out, "%s: ", yaml_settings_leaf(i));
			yaml_settings_print(d->settings, i, out);
			if (from != NULL)
				buf_printf(out, "  # %s:%u\n", from->file->name, from->line);
			else
				buf_addstr(out, "  # built in\n");
		}
	}
	yaml_problems_clear(&problems);
	conf_free(w.conf);
	loader_clear(&w);
	return result;
}
