/* SPDX-License-Identifier: ISC
 *
 * One reader per type of value; each says in one sentence what it wanted and what it got.
 */
#include "yaml_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idn.h"
#include "mem.h"
#include "name.h"
#include "stamp.h"
#include "text.h"

static const char *kind_text(enum yaml_kind kind)
{
	switch (kind) {
	case YAML_SCALAR:
		return "a single value";
	case YAML_SEQUENCE:
		return "a list";
	case YAML_MAPPING:
		return "a mapping";
	}
	return "";
}

bool yaml_want(struct yaml_loader *l, const struct yaml_node *node, enum yaml_kind kind,
	       const char *what)
{
	if (node->kind == kind)
		return true;
	yaml_error(l->problems, node, "%s: %s is wanted, this is %s", what, kind_text(kind),
		   kind_text(node->kind));
	return false;
}

static void unknown_key(struct yaml_loader *l, const struct yaml_section *section,
			const struct yaml_node *key)
{
	const char **names = mem_array(section->n + 1, sizeof(*names));
	for (size_t i = 0; i < section->n; i++)
		names[i] = section->keys[i].name;
	const char *near = text_nearest(key->value, names);
	if (near != NULL)
		yaml_error(l->problems, key, "unknown key \"%s\" in %s (did you mean \"%s\"?)",
			   key->value, section->name, near);
	else
		yaml_error(l->problems, key, "unknown key \"%s\" in %s", key->value, section->name);
	free(names);
}

static const struct yaml_key *key_find(const struct yaml_section *section, const char *name)
{
	for (size_t i = 0; i < section->n; i++) {
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	}
	return NULL;
}

void yaml_read_section(struct yaml_loader *l, const struct yaml_section *section,
		       const struct yaml_node *node, void *target)
{
	if (!yaml_want(l, node, YAML_MAPPING, section->name))
		return;
	YAML_EACH_PAIR(node, key, value)
	{
		const struct yaml_key *row = key_find(section, key->value);
		if (row == NULL) {
			unknown_key(l, section, key);
			continue;
		}
		void *member = (char *)target + row->offset;
		size_t errors = l->problems->n_errors;
		row->read(l, key, value, member, row->arg);
		if (l->mark != NULL && row->read != yaml_read_mapping &&
		    l->problems->n_errors == errors)
			l->mark(l->mark_arg, member, value);
	}
}

void yaml_read_mapping(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)key;
	yaml_read_section(l, arg, value, target);
}

void yaml_read_string(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (value->value[0] == '\0')
		yaml_error(l->problems, value, "%s: empty", key->value);
	else
		*(const char **)target = value->value;
}

void yaml_read_path(struct yaml_loader *l, const struct yaml_node *key,
		    const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (value->value[0] == '\0')
		yaml_error(l->problems, value, "%s: a path is wanted", key->value);
	else
		*(const char **)target = yaml_relative(l, value, value->value);
}

static bool in_range(struct yaml_loader *l, const struct yaml_node *key,
		     const struct yaml_node *value, int64_t n, const struct yaml_range *range,
		     bool duration)
{
	char bound[STAMP_TEXT];
	if (range == NULL || (n >= range->min && n <= range->max))
		return true;
	int64_t limit = n < range->min ? range->min : range->max;
	if (duration)
		stamp_duration_format(bound, limit);
	else
		snprintf(bound, sizeof(bound), "%lld", (long long)limit);
	yaml_error(l->problems, value, "%s: %s %s", key->value,
		   n < range->min ? "must be at least" : "must be at most", bound);
	return false;
}

void yaml_read_duration(struct yaml_loader *l, const struct yaml_node *key,
			const struct yaml_node *value, void *target, const void *arg)
{
	int64_t seconds;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (!stamp_duration_parse(value->value, &seconds))
		yaml_error(l->problems, value,
			   "%s: \"%s\" is not a duration (90s, 15m, 6h, 30d, 2w, 1h30m)",
			   key->value, value->value);
	else if (in_range(l, key, value, seconds, arg, true))
		*(int64_t *)target = seconds;
}

void yaml_read_duration_ms(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg)
{
	int64_t seconds = -1;
	yaml_read_duration(l, key, value, &seconds, arg);
	if (seconds >= 0)
		*(int64_t *)target = seconds * 1000;
}

void yaml_read_int(struct yaml_loader *l, const struct yaml_node *key,
		   const struct yaml_node *value, void *target, const void *arg)
{
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	char *end;
	errno = 0;
	long long n = strtoll(value->value, &end, 10);
	if (*end != '\0' || end == value->value || errno != 0)
		yaml_error(l->problems, value, "%s: \"%s\" is not a whole number", key->value,
			   value->value);
	else if (in_range(l, key, value, n, arg, false))
		*(int64_t *)target = n;
}

void yaml_read_percent(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	char *end;
	long n = strtol(value->value, &end, 10);
	if (end == value->value || strcmp(end, "%") != 0 || n < 0 || n > 100)
		yaml_error(l->problems, value,
			   "%s: \"%s\" is not a share of the lifetime (0%% to 100%%)", key->value,
			   value->value);
	else
		*(int64_t *)target = n;
}

void yaml_read_bool(struct yaml_loader *l, const struct yaml_node *key,
		    const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no",
									       "off"};
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	for (size_t i = 0; i < 3; i++) {
		bool is_yes = text_equal_nocase(value->value, yes[i]);
		if (is_yes || text_equal_nocase(value->value, no[i])) {
			*(bool *)target = is_yes;
			return;
		}
	}
	yaml_error(l->problems, value, "%s: \"%s\" is neither true nor false", key->value,
		   value->value);
}

void yaml_read_word(struct yaml_loader *l, const struct yaml_node *key,
		    const struct yaml_node *value, void *target, const void *arg)
{
	const char *const *words = arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	struct buf list;
	buf_init(&list, 512);
	for (int i = 0; words[i] != NULL; i++) {
		if (words[i][0] == '\0')
			continue;
		if (strcmp(words[i], value->value) == 0) {
			*(int *)target = i;
			buf_clear(&list);
			return;
		}
		buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", words[i]);
	}
	yaml_error(l->problems, value, "%s: \"%s\" is not one of %s", key->value, value->value,
		   buf_str(&list));
	buf_clear(&list);
}

void yaml_read_time(struct yaml_loader *l, const struct yaml_node *key,
		    const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (!stamp_parse(value->value, target))
		yaml_error(
		    l->problems, value,
		    "%s: \"%s\" is not a time (2027-03-01, 2027-03-01T22:00Z, 2027-03-01T22:00+01:00)",
		    key->value, value->value);
}

void yaml_read_clock(struct yaml_loader *l, const struct yaml_node *key,
		     const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	int hour, minute, used = 0;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (sscanf(value->value, "%2d:%2d%n", &hour, &minute, &used) != 2 ||
	    value->value[used] != '\0' || hour < 0 || hour > 23 || minute < 0 || minute > 59)
		yaml_error(l->problems, value, "%s: \"%s\" is not a time of day (\"08:00\")",
			   key->value, value->value);
	else
		*(int64_t *)target = hour * 3600 + minute * 60;
}

void yaml_read_address(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (name_address_class(value->value) == NAME_ADDRESS_INVALID)
		yaml_error(l->problems, value, "%s: \"%s\" is not an IP address", key->value,
			   value->value);
	else
		*(const char **)target = value->value;
}

void yaml_read_host(struct yaml_loader *l, const struct yaml_node *key,
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

static bool is_mailbox(const char *s)
{
	const char *at = strrchr(s, '@');
	char folded[NAME_MAX_TEXT];
	return at != NULL && at != s && text_is_printable_ascii(s) &&
	       strpbrk(s, " <>,;:\\\"") == NULL && name_fold_host(folded, at + 1);
}

bool yaml_want_mailbox(struct yaml_loader *l, const struct yaml_node *at, const char *s)
{
	if (is_mailbox(s))
		return true;
	yaml_error(l->problems, at, "\"%s\" is not a mail address (user@example.org)", s);
	return false;
}

void yaml_read_mailbox(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (yaml_want(l, value, YAML_SCALAR, key->value) &&
	    yaml_want_mailbox(l, value, value->value))
		*(const char **)target = value->value;
}

void yaml_read_url(struct yaml_loader *l, const struct yaml_node *key,
		   const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (!text_starts(value->value, "https://") && !text_starts(value->value, "http://"))
		yaml_error(l->problems, value, "%s: \"%s\" is not an https: or http: URL",
			   key->value, value->value);
	else
		*(const char **)target = value->value;
}

void yaml_read_file_secret(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg)
{
	yaml_read_path(l, key, value, target, arg);
}

void yaml_read_credential(struct yaml_loader *l, const struct yaml_node *key,
			  const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	if (value->value[0] == '\0' || strchr(value->value, '/') != NULL)
		yaml_error(l->problems, value, "%s: the name of a systemd credential is wanted",
			   key->value);
	else
		*(const char **)target = arena_printf(l->arena, "credential:%s", value->value);
}

void yaml_refuse_secret(struct yaml_loader *l, const struct yaml_node *key,
			const struct yaml_node *value, void *target, const void *arg)
{
	(void)value;
	(void)target;
	yaml_error(
	    l->problems, key,
	    "a secret does not belong into this file: put it into a file of its own and name that with "
	    "\"%s\"",
	    (const char *)arg);
}

void yaml_refuse_later(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)value;
	(void)target;
	(void)arg;
	yaml_error(l->problems, key, "\"%s\" is not supported yet", key->value);
}

struct yaml_strings yaml_strings(struct yaml_loader *l, const struct yaml_node *value,
				 const char *what)
{
	struct yaml_strings out = {NULL, 0};
	if (value->kind == YAML_MAPPING) {
		yaml_error(l->problems, value, "%s: a list is wanted, this is a mapping", what);
		return out;
	}
	bool single = value->kind == YAML_SCALAR;
	size_t n = single ? 1 : value->n;
	const char **list = arena_array(l->arena, n, sizeof(*list));
	const struct yaml_node *item = single ? value : value->first;
	for (size_t i = 0; i < n; i++, item = item->next) {
		if (!yaml_want(l, item, YAML_SCALAR, what))
			return out;
		if (item->value[0] == '\0') {
			yaml_error(l->problems, item, "%s: empty", what);
			return out;
		}
		list[i] = item->value;
	}
	out.item = list;
	out.n = n;
	return out;
}

void yaml_read_strings(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	*(const char *const **)target = s.item;
	*(size_t *)(void *)((char *)target + (uintptr_t)arg) = s.n;
}

const char *yaml_relative(struct yaml_loader *l, const struct yaml_node *node, const char *path)
{
	const char *slash = strrchr(node->file->name, '/');
	if (path[0] == '/' || slash == NULL)
		return arena_strdup(l->arena, path);
	return arena_printf(l->arena, "%.*s%s", (int)(slash - node->file->name + 1),
			    node->file->name, path);
}
