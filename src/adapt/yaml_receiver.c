/* SPDX-License-Identifier: ISC */
#include "yaml_receiver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "text.h"

#define DEFAULT_RELAY "smtp://127.0.0.1:25"

static const struct yaml_range a_rate = {1, 6000};

#define R(member)      offsetof(struct conf_receiver, member)
#define R_LIST(member) YAML_COUNT(struct conf_receiver, member, n_##member)

static void read_mailboxes(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg);
static void read_relay(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg);
static void read_urls(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg);
static void read_secret_files(struct yaml_loader *l, const struct yaml_node *key,
			      const struct yaml_node *value, void *target, const void *arg);

static const struct yaml_key email_keys[] = {
    {"to", read_mailboxes, R(to), R_LIST(to)},
    {"from", yaml_read_mailbox, R(from), NULL},
    {"relay", read_relay, R(relay), NULL},
    {"tls", yaml_read_word, R(relay_tls), conf_relay_tls_words},
    {"username", yaml_read_string, R(username), NULL},
    {"password_file", yaml_read_file_secret, R(password_file), NULL},
    {"password_credential", yaml_read_credential, R(password_file), NULL},
    {"password", yaml_refuse_secret, 0, "password_file"},
    {"ca_file", yaml_read_path, R(ca_file), NULL},
};
static const struct yaml_section email_section = YAML_SECTION("email", email_keys);

static const struct yaml_key webhook_keys[] = {
    {"url", read_urls, R(urls), R_LIST(urls)},
    {"url_file", yaml_read_file_secret, R(url_file), NULL},
    {"url_credential", yaml_read_credential, R(url_file), NULL},
    {"format", yaml_read_word, R(format), conf_webhook_format_words},
    {"secret_files", read_secret_files, R(secret_files), R_LIST(secret_files)},
    {"secret", yaml_refuse_secret, 0, "secret_files"},
    {"secrets", yaml_refuse_secret, 0, "secret_files"},
    {"token_file", yaml_read_file_secret, R(token_file), NULL},
    {"token_credential", yaml_read_credential, R(token_file), NULL},
    {"token", yaml_refuse_secret, 0, "token_file"},
    {"topic", yaml_read_string, R(topic), NULL},
    {"ca_file", yaml_read_path, R(ca_file), NULL},
};
static const struct yaml_section webhook_section = YAML_SECTION("webhook", webhook_keys);

static const struct yaml_key pagerduty_keys[] = {
    {"routing_key_file", yaml_read_file_secret, R(routing_key_file), NULL},
    {"routing_key_credential", yaml_read_credential, R(routing_key_file), NULL},
    {"routing_key", yaml_refuse_secret, 0, "routing_key_file"},
    {"url", read_urls, R(urls), R_LIST(urls)},
    {"ca_file", yaml_read_path, R(ca_file), NULL},
};
static const struct yaml_section pagerduty_section = YAML_SECTION("pagerduty", pagerduty_keys);

static const struct yaml_key alertmanager_keys[] = {
    {"urls", read_urls, R(urls), R_LIST(urls)},
    {"ca_file", yaml_read_path, R(ca_file), NULL},
};
static const struct yaml_section alertmanager_section =
    YAML_SECTION("alertmanager", alertmanager_keys);

static const struct yaml_key exec_keys[] = {
    {"command", yaml_read_strings, R(argv), R_LIST(argv)},
};
static const struct yaml_section exec_section = YAML_SECTION("exec", exec_keys);

static const struct yaml_section *const kind_sections[] = {
    [CONF_EMAIL] = &email_section,	   [CONF_WEBHOOK] = &webhook_section,
    [CONF_PAGERDUTY] = &pagerduty_section, [CONF_ALERTMANAGER] = &alertmanager_section,
    [CONF_EXEC] = &exec_section,
};

static void read_mailboxes(struct yaml_loader *l, const struct yaml_node *key,
			   const struct yaml_node *value, void *target, const void *arg)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next)
		yaml_want_mailbox(l, at, s.item[i]);
	yaml_read_strings(l, key, value, target, arg);
}

static void read_relay(struct yaml_loader *l, const struct yaml_node *key,
		       const struct yaml_node *value, void *target, const void *arg)
{
	(void)arg;
	if (!yaml_want(l, value, YAML_SCALAR, key->value))
		return;
	const char *rest = text_starts(value->value, "smtp://")	   ? value->value + 7
			   : text_starts(value->value, "smtps://") ? value->value + 8
								   : NULL;
	if (rest == NULL || *rest == '\0' || strpbrk(rest, "/ ?#") != NULL)
		yaml_error(l->problems, value,
			   "relay: \"%s\" is not smtp://HOST:PORT or smtps://HOST:PORT",
			   value->value);
	else if (strchr(rest, '@') != NULL)
		yaml_error(l->problems, value,
			   "relay: no secret in a URL: use \"username\" and \"password_file\"");
	else
		*(const char **)target = value->value;
}

static void read_urls(struct yaml_loader *l, const struct yaml_node *key,
		      const struct yaml_node *value, void *target, const void *arg)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	const struct yaml_node *at = value->kind == YAML_SEQUENCE ? value->first : value;
	for (size_t i = 0; i < s.n; i++, at = at->next) {
		const char *url = NULL;
		yaml_read_url(l, key, at, &url, NULL);
	}
	yaml_read_strings(l, key, value, target, arg);
}

static void read_secret_files(struct yaml_loader *l, const struct yaml_node *key,
			      const struct yaml_node *value, void *target, const void *arg)
{
	struct yaml_strings s = yaml_strings(l, value, key->value);
	const char **files = arena_array(l->arena, s.n, sizeof(*files));
	for (size_t i = 0; i < s.n; i++)
		files[i] = text_starts(s.item[i], "credential:")
			       ? s.item[i]
			       : yaml_relative(l, value, s.item[i]);
	*(const char *const **)target = files;
	*(size_t *)(void *)((char *)target + (uintptr_t)arg) = s.n;
}

static const char *machine_address(struct yaml_loader *l)
{
	char host[256] = "localhost";
	gethostname(host, sizeof(host) - 1);
	return arena_printf(l->arena, "mxwatch@%s", host);
}

/* What a kind cannot do without. */
void yaml_receiver_check(struct yaml_loader *l, const struct yaml_node *at, struct conf_receiver *r)
{
	switch ((enum conf_receiver_kind)r->kind) {
	case CONF_EMAIL:
		if (r->n_to == 0)
			yaml_error(l->problems, at, "email: \"to\" is missing");
		if (r->from == NULL)
			r->from = machine_address(l);
		if (r->relay == NULL)
			r->relay = DEFAULT_RELAY;
		if ((r->username == NULL) != (r->password_file == NULL))
			yaml_error(l->problems, at,
				   "email: \"username\" and \"password_file\" go together");
		if (r->username != NULL && r->relay_tls == CONF_TLS_OFF)
			yaml_warning(l->problems, at,
				     "email: the password crosses the network in clear");
		break;
	case CONF_WEBHOOK:
		if ((r->n_urls == 0) == (r->url_file == NULL))
			yaml_error(l->problems, at,
				   "webhook: one of \"url\" and \"url_file\" is wanted");
		if (r->format == CONF_FORMAT_NTFY && r->topic == NULL)
			yaml_error(l->problems, at, "webhook: format ntfy needs \"topic\"");
		break;
	case CONF_PAGERDUTY:
		if (r->routing_key_file == NULL)
			yaml_error(l->problems, at, "pagerduty: \"routing_key_file\" is missing");
		break;
	case CONF_ALERTMANAGER:
		if (r->n_urls == 0)
			yaml_error(l->problems, at, "alertmanager: \"urls\" is missing");
		break;
	case CONF_EXEC:
		if (r->n_argv == 0 || r->argv[0][0] != '/')
			yaml_error(l->problems, at,
				   "exec: \"command\" is a list that begins with an absolute path");
		break;
	}
}

struct conf_receiver *yaml_receiver_add(struct yaml_loader *l, struct yaml_alerts *a,
					const struct yaml_node *name)
{
	for (size_t i = 0; i < a->n_receivers; i++) {
		if (strcmp(a->receivers[i].name, name->value) == 0)
			yaml_error(l->problems, name, "receiver \"%s\" is already defined in %s:%u",
				   name->value, a->receiver_nodes[i]->file->name,
				   a->receiver_nodes[i]->line);
	}
	a->receivers = mem_resize(a->receivers, a->n_receivers + 1, sizeof(*a->receivers));
	a->receiver_nodes =
	    mem_resize(a->receiver_nodes, a->n_receivers + 1, sizeof(const struct yaml_node *));
	a->receiver_nodes[a->n_receivers] = name;
	a->receivers[a->n_receivers] = (struct conf_receiver){.name = name->value};
	return &a->receivers[a->n_receivers++];
}

static int kind_of(const char *word)
{
	for (int i = 0; conf_receiver_kind_words[i] != NULL; i++) {
		if (strcmp(conf_receiver_kind_words[i], word) == 0)
			return i;
	}
	return -1;
}

void yaml_receiver_read(struct yaml_loader *l, struct yaml_alerts *a, const struct yaml_node *name,
			const struct yaml_node *node)
{
	static const char *const others[] = {"fallback",  "rate_per_minute", "email", "webhook",
					     "pagerduty", "alertmanager",    "exec",  NULL};
	struct conf_receiver *r = yaml_receiver_add(l, a, name);
	const struct yaml_node *kind = NULL;
	if (!yaml_want(l, node, YAML_MAPPING, name->value))
		return;
	YAML_EACH_PAIR(node, key, value)
	{
		int k = kind_of(key->value);
		if (k >= 0 && kind != NULL) {
			yaml_error(l->problems, key, "receiver \"%s\" is already %s: one kind each",
				   name->value, kind->value);
		} else if (k >= 0) {
			kind = key;
			r->kind = k;
			yaml_read_section(l, kind_sections[k], value, r);
		} else if (strcmp(key->value, "fallback") == 0) {
			yaml_read_string(l, key, value, &r->fallback, NULL);
		} else if (strcmp(key->value, "rate_per_minute") == 0) {
			yaml_read_int(l, key, value, &r->rate_per_minute, &a_rate);
		} else {
			const char *near = text_nearest(key->value, others);
			yaml_error(l->problems, key, "unknown key \"%s\" in receiver%s%s%s",
				   key->value, near ? " (did you mean \"" : "", near ? near : "",
				   near ? "\"?)" : "");
		}
	}
	if (kind == NULL)
		yaml_error(
		    l->problems, name,
		    "receiver \"%s\" has no kind (email, webhook, pagerduty, alertmanager, exec)",
		    name->value);
	else
		yaml_receiver_check(l, kind, r);
}
