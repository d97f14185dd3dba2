/* SPDX-License-Identifier: ISC
 *
 * mxwatch.yaml(5) through libyaml: includes, lists, defaults, groups and domains merged into
 * a struct conf.  Every error of every file is reported in one run, with its place.
 */
#ifndef YAML_CONF_H
#define YAML_CONF_H

#include <stdbool.h>

#include "buf.h"
#include "conf.h"
#include "err.h"

struct yaml_problem {
	const char *file;
	size_t line, column; /* from 1 */
	bool warning;
	const char *text;   /* "unknown key \"recievers\" in route (did you mean \"receivers\"?)" */
	const char *source; /* the line of the file, NULL if it cannot be shown */
};

struct yaml_problems {
	struct yaml_problem *item;
	size_t n, n_errors;
};

/* Read path ("-" = standard input).  Returns the configuration, or NULL when there was any
 * error; problems (valid until yaml_problems_clear) hold errors and warnings in file order. */
struct conf *yaml_conf_load(const char *path, struct yaml_problems *problems);
void yaml_problems_clear(struct yaml_problems *p);
/* FILE:LINE:COL: error: text, the source line and a caret, for people. */
void yaml_problems_print(const struct yaml_problems *p, struct buf *out);

/* Whether text can stand in resolver.upstreams: "127.0.0.1", "127.0.0.1:5353", "[::1]:53". */
bool yaml_conf_is_upstream(const char *text);

/* Where a domain's values came from, for `config show DOMAIN --origin`: lines
 * "interval: 15m  # watchlist.yaml:12 (group gold)".  -1 if it is not watched. */
int yaml_conf_origin(const char *path, const char *domain, struct buf *out, struct error *err);

#endif
