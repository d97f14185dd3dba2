/* SPDX-License-Identifier: ISC
 *
 * What yaml_conf and yaml_watch share while a configuration is read: the files, what was
 * gathered from them so far, and the domains found.
 */
#ifndef YAML_WORK_H
#define YAML_WORK_H

#include "yaml_alerts.h"
#include "yaml_schema.h"
#include "yaml_settings.h"

struct yaml_group {
	const char *name;
	const struct yaml_node *node;
	struct yaml_settings settings;
};

struct yaml_place { /* where a domain was named, for duplicates */
	const struct yaml_file *file;
	uint32_t line, column;
};

struct yaml_row {
	struct conf_domain domain;
	struct yaml_place place;
};

struct yaml_work {
	struct yaml_loader l;
	struct conf *conf;
	struct arena *nodes;
	struct yaml_file **files; /* owned, with their text */
	size_t n_files;
	struct yaml_settings defaults;
	struct yaml_group *groups;
	size_t n_groups;
	struct yaml_alerts alerts;
	const struct yaml_node **domain_lists; /* "domains:" and "lists:" nodes in file order */
	bool *is_list;
	size_t n_domain_lists;
	struct yaml_row *rows;
	size_t n_rows, rows_size;
	const struct conf_settings *plain; /* defaults alone, shared by every plain domain */
	const struct yaml_node *seen[16];  /* top-level scalars and sections, for "already set" */
	const char *watch;		   /* the domain whose origins are wanted, else NULL */
	struct yaml_settings origin;
};

/* Read a file and keep it for the problems; at: who asked for it, NULL for the command line.
 * NULL after an error that was said. */
struct yaml_file *yaml_work_open(struct yaml_work *w, const char *path, const struct yaml_node *at);
/* Remember the folder of a file, or of a pattern, in conf->folders. */
void yaml_work_folder(struct yaml_work *w, const char *path);

/* -- yaml_watch: groups, owners, domains and lists -- */

/* A mapping of settings and nothing else, called `where` in errors. */
void yaml_watch_settings(struct yaml_work *w, struct yaml_settings *s, const char *where,
			 const struct yaml_node *node);
void yaml_watch_groups(struct yaml_work *w, const struct yaml_node *node);
void yaml_watch_owners(struct yaml_work *w, const struct yaml_node *node);
/* "domains:" and "lists:", once groups and owners are known. */
void yaml_watch_domains(struct yaml_work *w, const struct yaml_node *list);
void yaml_watch_lists(struct yaml_work *w, const struct yaml_node *list);
/* Sort the rows into conf->domains; a name that stands twice is an error. */
void yaml_watch_sort(struct yaml_work *w);

#endif
