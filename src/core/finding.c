/* SPDX-License-Identifier: ISC */
#include "finding.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

const char *const finding_status_words[] = {"pass", "info",    "warn", "fail",
					    "skip", "unknown", NULL};
const char *const finding_severity_words[] = {"", "info", "warning", "critical", NULL};

void findings_init(struct findings *f)
{
	*f = (struct findings){.arena = arena_new()};
}

void findings_clear(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		json_decref(f->item[i].evidence);
	free(f->item);
	arena_free(f->arena);
	*f = (struct findings){0};
}

struct finding *findings_add(struct findings *f)
{
	if (f->n == f->size) {
		f->size = f->size ? 2 * f->size : 64;
		f->item = mem_resize(f->item, f->size, sizeof(*f->item));
	}
	struct finding *item = &f->item[f->n++];
	memset(item, 0, sizeof(*item));
	return item;
}

size_t findings_count(const struct findings *f, enum finding_status status)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->item[i].status == status;
	return n;
}

const struct finding *findings_find(const struct findings *f, const char *id, const char *subject)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->item[i].id, id) == 0 && strcmp(f->item[i].subject, subject) == 0)
			return &f->item[i];
	return NULL;
}

static const char *text_or_empty(const char *s)
{
	return s ? s : "";
}

json_t *finding_to_json(const struct finding *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(f->id));
	json_object_set_new(o, "subject", json_string(f->subject));
	json_object_set_new(o, "status", json_string(finding_status_words[f->status]));
	json_object_set_new(o, "severity",
			    f->severity == SEVERITY_NONE
				? json_null()
				: json_string(finding_severity_words[f->severity]));
	json_object_set_new(o, "summary", json_string(text_or_empty(f->summary)));
	json_object_set_new(o, "advice", json_string(text_or_empty(f->advice)));
	json_object_set_new(o, "reference", json_string(text_or_empty(f->reference)));
	json_object_set_new(o, "evidence", f->evidence ? json_incref(f->evidence) : json_object());
	return o;
}
