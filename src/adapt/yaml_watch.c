/* SPDX-License-Identifier: ISC
 *
 * What is watched: groups, owners, domains and list files, merged as mxwatch.yaml(5) says.  A
 * plain name costs a row; what the domains of a list or the plain ones share is made once.
 */
#include <stdlib.h>
#include <string.h>

#include "idn.h"
#include "mem.h"
#include "text.h"
#include "yaml_work.h"

#define LIST_LINE_MAX 1024

static const struct yaml_range a_port = {1, 65535};

/* -- groups, owners --------------------------------------------------------------------------- */

static struct yaml_group *group_find(struct yaml_work *w, const char *name)
{
	for (size_t i = 0; i < w->n_groups; i++) {
		if (strcmp(w->groups[i].name, name) == 0)
			return &w->groups[i];
	}
	return NULL;
}

/* Rows of settings and nothing else. */
void yaml_watch_settings(struct yaml_work *w, struct yaml_settings *s, const char *where,
			 const struct yaml_node *node)
{
	if (!yaml_want(&w->l, node, YAML_MAPPING, where))
		return;
	const char *names[16] = {NULL};
	for (size_t i = 0; i < yaml_settings_n_keys; i++)
		names[i] = yaml_settings_keys[i].name;
	YAML_EACH_PAIR(node, key, value)
	{
		const struct yaml_key *row = yaml_settings_find(key->value);
		if (row != NULL) {
			yaml_settings_read(&w->l, s, row, key, value);
			continue;
		}
		const char *near = text_nearest(key->value, names);
		yaml_error(w->l.problems, key, "unknown key \"%s\" in %s%s%s%s", key->value, where,
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
}

void yaml_watch_groups(struct yaml_work *w, const struct yaml_node *node)
{
	if (!yaml_want(&w->l, node, YAML_MAPPING, "groups"))
		return;
	YAML_EACH_PAIR(node, name, value)
	{
		const struct yaml_group *before = group_find(w, name->value);
		if (before != NULL) {
			yaml_error(w->l.problems, name, "group \"%s\" is already defined in %s:%u",
				   name->value, before->node->file->name, before->node->line);
			continue;
		}
		w->groups = mem_resize(w->groups, w->n_groups + 1, sizeof(*w->groups));
		struct yaml_group *g = &w->groups[w->n_groups++];
		*g = (struct yaml_group){.name = name->value, .node = name};
		g->settings.source = arena_printf(w->l.arena, "group %s", name->value);
		yaml_watch_settings(w, &g->settings, g->settings.source, value);
	}
}

static const struct yaml_key owner_keys[] = {
    {"email", yaml_read_mailbox, offsetof(struct conf_owner, email), NULL},
    {"runbook_url", yaml_read_url, offsetof(struct conf_owner, runbook_url), NULL},
};
static const struct yaml_section owner_section = YAML_SECTION("owner", owner_keys);

void yaml_watch_owners(struct yaml_work *w, const struct yaml_node *node)
{
	if (!yaml_want(&w->l, node, YAML_MAPPING, "owners"))
		return;
	size_t n = w->conf->n_owners;
	struct conf_owner *owners = arena_array(w->l.arena, n + node->n, sizeof(*owners));
	if (n > 0)
		memcpy(owners, w->conf->owners, n * sizeof(*owners));
	YAML_EACH_PAIR(node, name, value)
	{
		if (conf_owner(w->conf, name->value) != NULL)
			yaml_error(w->l.problems, name, "owner \"%s\" is already defined",
				   name->value);
		owners[n] = (struct conf_owner){.name = name->value};
		yaml_read_section(&w->l, &owner_section, value, &owners[n++]);
	}
	w->conf->owners = owners;
	w->conf->n_owners = n;
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
		yaml_read_host(l, key, at, &hosts[i], NULL);
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
    {"host", yaml_read_host, offsetof(struct conf_submission, host), NULL},
    {"ports", read_ports, offsetof(struct conf_submission, ports), NULL},
};
static const struct yaml_section submission_section = YAML_SECTION("submission", submission_keys);

static void read_submission(struct yaml_work *w, struct conf_extra *extra,
			    const struct yaml_node *list)
{
	if (!yaml_want(&w->l, list, YAML_SEQUENCE, "submission"))
		return;
	struct conf_submission *s = arena_array(w->l.arena, list->n, sizeof(*s));
	static const int64_t both[] = {465, 587};
	YAML_EACH_ITEM(list, item)
	{
		struct conf_submission *one = &s[extra->n_submission++];
		*one = (struct conf_submission){.ports = both, .n_ports = 2};
		yaml_read_section(&w->l, &submission_section, item, one);
		if (one->host == NULL)
			yaml_error(w->l.problems, item, "submission: \"host\" is missing");
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

static void read_accept(struct yaml_work *w, struct conf_extra *extra, const struct yaml_node *list)
{
	if (!yaml_want(&w->l, list, YAML_SEQUENCE, "accept"))
		return;
	struct conf_accept *a = arena_array(w->l.arena, list->n, sizeof(*a));
	YAML_EACH_ITEM(list, item)
	{
		struct conf_accept *one = &a[extra->n_accept++];
		yaml_read_section(&w->l, &accept_section, item, one);
		if (one->finding == NULL || one->until == 0 || one->reason == NULL)
			yaml_error(
			    w->l.problems, item,
			    "accept: finding, until and reason are wanted (what, how long, why)");
	}
	extra->accept = a;
}

static void read_tags(struct yaml_work *w, struct conf_extra *extra, const struct yaml_node *node)
{
	if (!yaml_want(&w->l, node, YAML_MAPPING, "tags"))
		return;
	struct conf_tag *tags = arena_array(w->l.arena, node->n, sizeof(*tags));
	YAML_EACH_PAIR(node, key, value)
	{
		if (yaml_want(&w->l, value, YAML_SCALAR, key->value))
			tags[extra->n_tags++] = (struct conf_tag){key->value, value->value};
	}
	extra->tags = tags;
}

static void want_owner(struct yaml_work *w, const struct yaml_node *at)
{
	if (!yaml_want(&w->l, at, YAML_SCALAR, "owner") || conf_owner(w->conf, at->value) != NULL)
		return;
	yaml_error(w->l.problems, at, "there is no owner \"%s\" (owners: {%s: {email: ...}})",
		   at->value, at->value);
}

/* The groups a list or domain names, merged in order over base. */
static void merge_groups(struct yaml_work *w, const struct yaml_node *node,
			 struct conf_settings *base, struct conf_extra *extra,
			 struct yaml_settings *origin)
{
	struct yaml_strings s = yaml_strings(&w->l, node, "groups");
	const struct yaml_node *at = node->kind == YAML_SEQUENCE ? node->first : node;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		const struct yaml_group *g = group_find(w, s.item[i]);
		if (g != NULL) {
			yaml_settings_merge(base, &g->settings, origin);
			continue;
		}
		const char **names = mem_array(w->n_groups + 1, sizeof(*names));
		for (size_t k = 0; k < w->n_groups; k++)
			names[k] = w->groups[k].name;
		const char *near = text_nearest(s.item[i], names);
		yaml_error(w->l.problems, at, "there is no group \"%s\"%s%s%s", s.item[i],
			   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
		free(names);
	}
	extra->groups = s.item;
	extra->n_groups = s.n;
}

static void row_add(struct yaml_work *w, struct yaml_place place, const char *raw,
		    const struct conf_settings *settings, const struct conf_extra *extra)
{
	char folded[NAME_MAX_TEXT];
	struct error err;
	if (idn_fold(folded, raw, &err) != 0) {
		yaml_problem_at(w->l.problems, place.file, place.line, place.column, false, "%s",
				err.text);
		return;
	}
	if (w->n_rows == w->rows_size) {
		w->rows_size = w->rows_size > 0 ? w->rows_size * 2 : 64;
		w->rows = mem_resize(w->rows, w->rows_size, sizeof(*w->rows));
	}
	w->rows[w->n_rows++] = (struct yaml_row){
	    .domain = {strcmp(raw, folded) == 0 ? raw : arena_strdup(w->l.arena, folded), settings,
		       extra},
	    .place = place,
	};
}

static struct yaml_place place_of(const struct yaml_node *node)
{
	return (struct yaml_place){node->file, node->line, node->column};
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

static void domain_key(struct yaml_work *w, struct domain_read *d, const struct yaml_node *key,
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
		yaml_settings_read(&w->l, &d->own, row, key, value);
		return;
	}
	for (size_t i = 0; i < yaml_settings_n_keys; i++)
		names[N_DOMAIN_KEYS + i] = yaml_settings_keys[i].name;
	const char *near = text_nearest(key->value, names);
	yaml_error(w->l.problems, key, "unknown key \"%s\" in domain%s%s%s", key->value,
		   near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void read_rich_domain(struct yaml_work *w, const struct yaml_node *item)
{
	struct domain_read d = {.own.source = "domain"};
	YAML_EACH_PAIR(item, key, value)
	domain_key(w, &d, key, value);
	if (d.name == NULL) {
		yaml_error(w->l.problems, item, "domain: \"name\" is missing");
		return;
	}
	if (!yaml_want(&w->l, d.name, YAML_SCALAR, "name"))
		return;
	struct yaml_settings *origin =
	    w->watch != NULL && name_equal(w->watch, d.name->value) ? &w->origin : NULL;
	struct conf_settings *s = arena_alloc(w->l.arena, sizeof(*s));
	struct conf_extra *extra = arena_alloc(w->l.arena, sizeof(*extra));
	*s = w->conf->defaults;
	if (d.groups != NULL)
		merge_groups(w, d.groups, s, extra, origin);
	yaml_settings_merge(s, &d.own, origin);
	yaml_settings_check(w->l.problems, s, &d.own);
	if (d.owner != NULL) {
		want_owner(w, d.owner);
		extra->owner = d.owner->value;
	}
	if (d.tags != NULL)
		read_tags(w, extra, d.tags);
	if (d.expect != NULL)
		yaml_read_section(&w->l, &expect_section, d.expect, &extra->expect);
	if (d.submission != NULL)
		read_submission(w, extra, d.submission);
	if (d.accept != NULL)
		read_accept(w, extra, d.accept);
	row_add(w, place_of(d.name), d.name->value, s, extra);
}

void yaml_watch_domains(struct yaml_work *w, const struct yaml_node *list)
{
	if (!yaml_want(&w->l, list, YAML_SEQUENCE, "domains"))
		return;
	YAML_EACH_ITEM(list, item)
	{
		if (item->kind == YAML_SCALAR)
			row_add(w, place_of(item), item->value, w->plain, conf_extra_none());
		else if (item->kind == YAML_MAPPING)
			read_rich_domain(w, item);
		else
			yaml_error(w->l.problems, item, "domain: a name or a mapping is wanted");
	}
}

/* -- list files
 * ------------------------------------------------------------------------------------ */

static void read_list_line(struct yaml_work *w, const struct yaml_file *file, uint32_t line,
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
	struct yaml_place place = {file, line, (uint32_t)begin + 1};
	if (len - begin > LIST_LINE_MAX || memchr(text + begin, '\0', len - begin) != NULL)
		yaml_problem_at(w->l.problems, file, line, place.column, false,
				"one domain a line is wanted");
	else
		row_add(w, place, arena_strndup(w->l.arena, text + begin, len - begin), s, extra);
}

struct list_read {
	const char *file;
	const struct yaml_node *file_node, *groups, *owner, *tags;
	struct yaml_settings own;
};

static bool list_key(struct yaml_work *w, struct list_read *r, const struct yaml_node *key,
		     const struct yaml_node *value)
{
	const struct yaml_key *row = yaml_settings_find(key->value);
	if (strcmp(key->value, "file") == 0) {
		yaml_read_path(&w->l, key, value, &r->file, NULL);
		r->file_node = value;
	} else if (strcmp(key->value, "groups") == 0) {
		r->groups = value;
	} else if (strcmp(key->value, "owner") == 0) {
		r->owner = value;
	} else if (strcmp(key->value, "tags") == 0) {
		r->tags = value;
	} else if (row != NULL) {
		yaml_settings_read(&w->l, &r->own, row, key, value);
	} else {
		yaml_error(w->l.problems, key, "unknown key \"%s\" in list", key->value);
		return false;
	}
	return true;
}

static void list_count(struct yaml_work *w, const char *file, size_t n)
{
	struct conf_list *lists = arena_array(w->l.arena, w->conf->n_lists + 1, sizeof(*lists));
	if (w->conf->n_lists > 0)
		memcpy(lists, w->conf->lists, w->conf->n_lists * sizeof(*lists));
	lists[w->conf->n_lists++] = (struct conf_list){file, n};
	w->conf->lists = lists;
	yaml_work_folder(w, file);
}

static void read_list(struct yaml_work *w, const struct yaml_node *item)
{
	struct list_read r = {.own.source = "list"};
	if (!yaml_want(&w->l, item, YAML_MAPPING, "list"))
		return;
	YAML_EACH_PAIR(item, key, value)
	list_key(w, &r, key, value);
	if (r.file == NULL) {
		if (r.file_node == NULL)
			yaml_error(w->l.problems, item, "list: \"file\" is missing");
		return;
	}
	struct conf_settings *s = arena_alloc(w->l.arena, sizeof(*s));
	struct conf_extra *extra = arena_alloc(w->l.arena, sizeof(*extra));
	*s = w->conf->defaults;
	if (r.groups != NULL)
		merge_groups(w, r.groups, s, extra, NULL);
	yaml_settings_merge(s, &r.own, NULL);
	yaml_settings_check(w->l.problems, s, &r.own);
	if (r.owner != NULL) {
		want_owner(w, r.owner);
		extra->owner = r.owner->value;
	}
	if (r.tags != NULL)
		read_tags(w, extra, r.tags);
	struct yaml_file *file = yaml_work_open(w, r.file, r.file_node);
	if (file == NULL)
		return;
	size_t before = w->n_rows;
	uint32_t line = 1;
	for (const char *p = file->text, *end = p + file->len; p < end; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		read_list_line(w, file, line, p, (size_t)(stop - p), s, extra);
		p = stop + 1;
	}
	list_count(w, r.file, w->n_rows - before);
}

void yaml_watch_lists(struct yaml_work *w, const struct yaml_node *list)
{
	if (!yaml_want(&w->l, list, YAML_SEQUENCE, "lists"))
		return;
	YAML_EACH_ITEM(list, item)
	read_list(w, item);
}

/* -- all of them -------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct yaml_row *x = a, *y = b;
	return strcmp(x->domain.name, y->domain.name);
}

void yaml_watch_sort(struct yaml_work *w)
{
	if (w->n_rows > 0)
		qsort(w->rows, w->n_rows, sizeof(*w->rows), by_name);
	for (size_t i = 1; i < w->n_rows; i++) {
		const struct yaml_place *first = &w->rows[i - 1].place, *again = &w->rows[i].place;
		if (strcmp(w->rows[i - 1].domain.name, w->rows[i].domain.name) != 0)
			continue;
		if (first->file == again->file && first->line > again->line) {
			const struct yaml_place *swap = first;
			first = again;
			again = swap;
		}
		yaml_problem_at(w->l.problems, again->file, again->line, again->column, false,
				"%s is already watched: %s:%u:%u", w->rows[i].domain.name,
				first->file->name, first->line, first->column);
	}
	struct conf_domain *domains = arena_array(w->l.arena, w->n_rows, sizeof(*domains));
	for (size_t i = 0; i < w->n_rows; i++)
		domains[i] = w->rows[i].domain;
	w->conf->domains = domains;
	w->conf->n_domains = w->n_rows;
}
