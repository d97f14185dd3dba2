/* SPDX-License-Identifier: ISC */
#include "dependency.h"

#include <string.h>

#include "name.h"

/* The watched domain that holds all recipients, or the first of several. */
static const char *destination(const struct conf *c, const struct conf_receiver *r)
{
	const struct conf_domain *first = NULL;

	for (size_t i = 0; i < r->n_to; i++) {
		const char *at = strrchr(r->to[i], '@');
		char name[NAME_MAX_TEXT];
		const struct conf_domain *d =
		    at != NULL && name_fold_host(name, at + 1) ? conf_domain(c, name) : NULL;
		if (d == NULL)
			return NULL;
		first = first != NULL ? first : d;
	}
	return first != NULL ? first->name : NULL;
}

/* The host of smtp://HOST:PORT. */
static const char *relay(const struct conf_receiver *r, struct arena *arena)
{
	const char *host = r->relay != NULL ? strstr(r->relay, "://") : NULL;
	char name[NAME_MAX_TEXT];

	if (host == NULL)
		return NULL;
	host += 3;
	host = arena_strndup(arena, host, strcspn(host, ":/"));
	return name_fold_host(name, host) ? arena_strdup(arena, name) : NULL;
}

const char *dependency_sentence(const struct conf *c, dependency_host *is_watched, void *arg,
				struct arena *arena)
{
	const char *list = NULL;

	for (size_t i = 0; i < c->n_receivers; i++) {
		const struct conf_receiver *r = &c->receivers[i];
		const char *host = relay(r, arena), *on = destination(c, r);
		if (r->kind != CONF_EMAIL)
			return NULL;
		if (on == NULL && host != NULL && is_watched != NULL && is_watched(host, arg))
			on = host;
		if (on == NULL)
			return NULL;
		list = arena_printf(arena, "%s%s%s needs %s", list != NULL ? list : "",
				    list != NULL ? ", " : "", r->name, on);
	}
	if (list == NULL)
		return NULL;
	return arena_printf(
	    arena,
	    "all alerts go by the mail that is watched (%s): when it breaks, nobody "
	    "hears of it; add a receiver that takes another way (notify.self_dependency)",
	    list);
}
