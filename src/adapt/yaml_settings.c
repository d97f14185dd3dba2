/* SPDX-License-Identifier: ISC
 *
 * One table of leaves serves the merge, `config show --origin`, and nothing else has to know
 * which members a domain can override.
 */
#include "yaml_settings.h"

#include <string.h>

#include "check.h"
#include "stamp.h"
#include "text.h"

static const struct yaml_range at_least_5s = {5, 30LL * 86400};
static const struct yaml_range a_timeout = {1, 3600};
static const struct yaml_range a_minute = {1, 60}; /* RFC 8461 section 3.3 */
static const struct yaml_range a_count = {1, 100};
static const struct yaml_range a_retry = {1, 86400};
static const struct yaml_range any_time = {0, 10LL * 365 * 86400};

#define S(member) offsetof(struct conf_settings, member)

static const struct yaml_key timeout_keys[] = {
    {"connect", yaml_read_duration, S(timeout_connect_s), &a_timeout},
    {"smtp", yaml_read_duration, S(timeout_smtp_s), &a_timeout},
    {"policy", yaml_read_duration, S(timeout_policy_s), &a_minute},
    {"total", yaml_read_duration, S(timeout_total_s), &a_timeout},
};
static const struct yaml_section timeout_section = YAML_SECTION("timeout", timeout_keys);

static const struct yaml_key confirm_keys[] = {
    {"fail", yaml_read_int, S(confirm_fail), &a_count},
    {"ok", yaml_read_int, S(confirm_ok), &a_count},
    {"retry", yaml_read_duration, S(confirm_retry_s), &a_retry},
};
static const struct yaml_section confirm_section = YAML_SECTION("confirm", confirm_keys);

static const struct yaml_key cert_keys[] = {
    {"warn", yaml_read_percent, S(cert_warn.percent), NULL},
    {"crit", yaml_read_percent, S(cert_crit.percent), NULL},
    {"warn_max", yaml_read_duration, S(cert_warn.max_s), &any_time},
    {"crit_max", yaml_read_duration, S(cert_crit.max_s), &any_time},
};
static const struct yaml_section cert_section = YAML_SECTION("cert", cert_keys);

static const struct yaml_key checks_keys[] = {
    {"mx", yaml_read_word, S(checks[CONF_CHECK_MX]), conf_switch_words},
    {"dane", yaml_read_word, S(checks[CONF_CHECK_DANE]), conf_switch_words},
    {"mta_sts", yaml_read_word, S(checks[CONF_CHECK_MTA_STS]), conf_switch_words},
    {"tls_rpt", yaml_read_word, S(checks[CONF_CHECK_TLS_RPT]), conf_switch_words},
    {"submission", yaml_read_word, S(checks[CONF_CHECK_SUBMISSION]), conf_switch_words},
};
static const struct yaml_section checks_section = YAML_SECTION("checks", checks_keys);

static bool check_exists(const char *glob)
{
	for (size_t i = 0; i < check_count; i++) {
		if (text_glob(glob, check_table[i].id))
			return true;
	}
	return false;
}

/* severity: {tls.cert.trusted: info} */
static void read_severity(struct yaml_loader *l, const struct yaml_node *key,
			  const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_MAPPING, key->value))
		return;
	struct conf_settings *s = (void *)((char *)target - S(severity));
	struct conf_severity *list = arena_array(l->arena, value->n, sizeof(*list));
	size_t n = 0;
	YAML_EACH_PAIR(value, check, severity)
	{
		int word = 0;
		if (!check_exists(check->value))
			yaml_error(l->problems, check, "there is no check \"%s\"", check->value);
		yaml_read_word(l, check, severity, &word, finding_severity_words);
		list[n++] = (struct conf_severity){check->value, (enum finding_severity)word};
	}
	s->severity = list;
	s->n_severity = n;
}

const struct yaml_key yaml_settings_keys[] = {
    {"interval", yaml_read_duration, S(interval_s), &at_least_5s},
    {"timeout", yaml_read_mapping, 0, &timeout_section},
    {"confirm", yaml_read_mapping, 0, &confirm_section},
    {"unknown_after", yaml_read_duration, S(unknown_after_s), &any_time},
    {"policy_grace", yaml_read_duration, S(policy_grace_s), &any_time},
    {"cert", yaml_read_mapping, 0, &cert_section},
    {"checks", yaml_read_mapping, 0, &checks_section},
    {"severity", read_severity, S(severity), NULL},
};
const size_t yaml_settings_n_keys = sizeof(yaml_settings_keys) / sizeof(yaml_settings_keys[0]);

enum leaf_type { LEAF_DURATION, LEAF_INT, LEAF_PERCENT, LEAF_SWITCH, LEAF_SEVERITY };

#define LEAF(name, member, type)                                                                   \
	{                                                                                          \
		name, S(member), sizeof(((struct conf_settings *)0)->member), type                 \
	}
static const struct {
	const char *name;
	size_t offset, size;
	enum leaf_type type;
} leaves[] = {
    LEAF("interval", interval_s, LEAF_DURATION),
    LEAF("timeout.connect", timeout_connect_s, LEAF_DURATION),
    LEAF("timeout.smtp", timeout_smtp_s, LEAF_DURATION),
    LEAF("timeout.policy", timeout_policy_s, LEAF_DURATION),
    LEAF("timeout.total", timeout_total_s, LEAF_DURATION),
    LEAF("confirm.fail", confirm_fail, LEAF_INT),
    LEAF("confirm.ok", confirm_ok, LEAF_INT),
    LEAF("confirm.retry", confirm_retry_s, LEAF_DURATION),
    LEAF("unknown_after", unknown_after_s, LEAF_DURATION),
    LEAF("policy_grace", policy_grace_s, LEAF_DURATION),
    LEAF("cert.warn", cert_warn.percent, LEAF_PERCENT),
    LEAF("cert.warn_max", cert_warn.max_s, LEAF_DURATION),
    LEAF("cert.crit", cert_crit.percent, LEAF_PERCENT),
    LEAF("cert.crit_max", cert_crit.max_s, LEAF_DURATION),
    LEAF("checks.mx", checks[CONF_CHECK_MX], LEAF_SWITCH),
    LEAF("checks.dane", checks[CONF_CHECK_DANE], LEAF_SWITCH),
    LEAF("checks.mta_sts", checks[CONF_CHECK_MTA_STS], LEAF_SWITCH),
    LEAF("checks.tls_rpt", checks[CONF_CHECK_TLS_RPT], LEAF_SWITCH),
    LEAF("checks.submission", checks[CONF_CHECK_SUBMISSION], LEAF_SWITCH),
    LEAF("severity", severity, LEAF_SEVERITY),
};
#define N_LEAVES (sizeof(leaves) / sizeof(leaves[0]))
_Static_assert(N_LEAVES <= YAML_SETTINGS_LEAVES, "yaml_settings.from has room for every leaf");

const struct yaml_key *yaml_settings_find(const char *key)
{
	for (size_t i = 0; i < yaml_settings_n_keys; i++) {
		if (strcmp(yaml_settings_keys[i].name, key) == 0)
			return &yaml_settings_keys[i];
	}
	return NULL;
}

static void mark_leaf(void *arg, const void *target, const struct yaml_node *value)
{
	struct yaml_settings *s = arg;
	size_t offset = (size_t)((const char *)target - (const char *)&s->value);
	for (size_t i = 0; i < N_LEAVES; i++) {
		if (leaves[i].offset == offset)
			s->from[i] = value;
	}
}

void yaml_settings_read(struct yaml_loader *l, struct yaml_settings *s, const struct yaml_key *row,
			const struct yaml_node *key, const struct yaml_node *value)
{
	void *member = (char *)&s->value + row->offset;
	size_t errors = l->problems->n_errors;
	l->mark = mark_leaf;
	l->mark_arg = s;
	row->read(l, key, value, member, row->arg);
	l->mark = NULL;
	if (row->read != yaml_read_mapping && l->problems->n_errors == errors)
		mark_leaf(s, member, value);
}

void yaml_settings_merge(struct conf_settings *base, const struct yaml_settings *over,
			 struct yaml_settings *origin)
{
	for (size_t i = 0; i < N_LEAVES; i++) {
		if (over->from[i] == NULL)
			continue;
		memcpy((char *)base + leaves[i].offset,
		       (const char *)&over->value + leaves[i].offset, leaves[i].size);
		if (leaves[i].type == LEAF_SEVERITY)
			base->n_severity = over->value.n_severity;
		if (origin != NULL)
			origin->from[i] = over->from[i];
	}
}

static const struct yaml_node *origin_of(const struct yaml_settings *s, size_t offset)
{
	for (size_t i = 0; i < N_LEAVES; i++)
		if (leaves[i].offset == offset)
			return s->from[i];
	return NULL;
}

void yaml_settings_check(struct yaml_problems *problems, const struct conf_settings *whole,
			 const struct yaml_settings *over)
{
	static const size_t part[] = {S(timeout_total_s), S(timeout_smtp_s), S(timeout_connect_s)};
	const struct yaml_node *at = NULL;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]) && at == NULL; i++)
		at = origin_of(over, part[i]);
	if (at != NULL && whole->timeout_total_s < whole->timeout_connect_s + whole->timeout_smtp_s)
		yaml_warning(
		    problems, at,
		    "timeout.total is shorter than timeout.connect and timeout.smtp together: "
		    "a host that falls silent stays unknown and never becomes a problem");
}

const char *yaml_settings_leaf(size_t i)
{
	return i < N_LEAVES ? leaves[i].name : NULL;
}

void yaml_settings_print(const struct conf_settings *s, size_t leaf, struct buf *out)
{
	char text[STAMP_TEXT];
	const void *p = (const char *)s + leaves[leaf].offset;
	switch (leaves[leaf].type) {
	case LEAF_DURATION:
		buf_addstr(out, stamp_duration_format(text, *(const int64_t *)p));
		break;
	case LEAF_INT:
		buf_printf(out, "%lld", (long long)*(const int64_t *)p);
		break;
	case LEAF_PERCENT:
		buf_printf(out, "%lld%%", (long long)*(const int64_t *)p);
		break;
	case LEAF_SWITCH:
		buf_addstr(out, conf_switch_words[*(const enum conf_switch *)p]);
		break;
	case LEAF_SEVERITY:
		buf_addch(out, '{');
		for (size_t i = 0; i < s->n_severity; i++)
			buf_printf(out, "%s%s: %s", i > 0 ? ", " : "", s->severity[i].check,
				   finding_severity_words[s->severity[i].severity]);
		buf_addch(out, '}');
		break;
	}
}
