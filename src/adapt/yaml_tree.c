/* SPDX-License-Identifier: ISC
 *
 * libyaml accepts duplicate keys, expands nothing, and is quadratic in the depth of flow
 * collections; so the depth is checked on every event and the duplicates here.  A syntax
 * error ends its file: what libyaml says behind one is noise.
 */
#include "yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "mem.h"
#include "text.h"

#define PROBLEMS_MAX 200
#define SOURCE_MAX   160

/* -- problems ------------------------------------------------------------------------------ */

/* C0, DEL, and both bytes of C1 in UTF-8: nothing a terminal obeys. */
static bool is_control(const char *s, size_t i, size_t len)
{
	unsigned char before = i > 0 ? (unsigned char)s[i - 1] : 0, c = (unsigned char)s[i];
	unsigned char next = i + 1 < len ? (unsigned char)s[i + 1] : 0;
	return c < ' ' || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f) ||
	       (before == 0xc2 && c >= 0x80 && c <= 0x9f);
}

/* The line of the file a problem stands on, bounded and printable; NULL behind the end. */
static char *source_line(const struct yaml_file *file, size_t line)
{
	const char *p = file->text, *end = p + file->len;
	for (size_t i = 1; i < line && p != NULL && p < end; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p != NULL ? p + 1 : NULL;
	}
	if (p == NULL || p >= end)
		return NULL;
	const char *stop = memchr(p, '\n', (size_t)(end - p));
	size_t len = (size_t)((stop != NULL ? stop : end) - p);
	struct buf out;
	buf_init(&out, SOURCE_MAX * 4);
	for (size_t i = 0; i < len && i < SOURCE_MAX; i++) /* a tab is one column wide here */
		buf_addch(&out, is_control(p, i, len) ? ' ' : p[i]);
	return buf_detach(&out);
}

static void problem_add(struct yaml_problems *p, const struct yaml_file *file, size_t line,
			size_t column, bool warning, const char *text)
{
	for (size_t i = 0; i < p->n; i++) { /* one place, one complaint */
		if (p->item[i].line == line && p->item[i].column == column &&
		    strcmp(p->item[i].file, file->name) == 0 && strcmp(p->item[i].text, text) == 0)
			return;
	}
	if (!warning)
		p->n_errors++;
	if (p->n >= PROBLEMS_MAX)
		return;
	p->item = mem_resize(p->item, p->n + 1, sizeof(*p->item));
	p->item[p->n++] = (struct yaml_problem){
	    .file = mem_strdup(file->name),
	    .line = line,
	    .column = column,
	    .warning = warning,
	    .text = mem_strdup(text),
	    .source = source_line(file, line),
	};
}

static void problem_vadd(struct yaml_problems *p, const struct yaml_file *file, size_t line,
			 size_t column, bool warning, const char *fmt, va_list ap)
{
	char raw[1024];
	vsnprintf(raw, sizeof(raw), fmt, ap);
	struct buf safe;
	buf_init(&safe, 4096);
	size_t len =
	    strlen(raw); /* values are the admin's own; controls still are for no terminal */
	for (size_t i = 0; i < len; i++)
		buf_addch(&safe, is_control(raw, i, len) ? '?' : raw[i]);
	problem_add(p, file, line, column, warning, buf_str(&safe));
	buf_clear(&safe);
}

void yaml_problem_at(struct yaml_problems *p, const struct yaml_file *file, size_t line,
		     size_t column, bool warning, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	problem_vadd(p, file, line, column, warning, fmt, ap);
	va_end(ap);
}

void yaml_error(struct yaml_problems *p, const struct yaml_node *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	problem_vadd(p, at->file, at->line, at->column, false, fmt, ap);
	va_end(ap);
}

void yaml_warning(struct yaml_problems *p, const struct yaml_node *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	problem_vadd(p, at->file, at->line, at->column, true, fmt, ap);
	va_end(ap);
}

void yaml_problems_clear(struct yaml_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free((char *)p->item[i].file);
		free((char *)p->item[i].text);
		free((char *)p->item[i].source);
	}
	free(p->item);
	*p = (struct yaml_problems){0};
}

void yaml_problems_print(const struct yaml_problems *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct yaml_problem *it = &p->item[i];
		buf_printf(out, "%s:%zu:%zu: %s: %s\n", it->file, it->line, it->column,
			   it->warning ? "warning" : "error", it->text);
		if (it->source != NULL)
			buf_printf(out, "    %s\n", it->source);
		if (it->source != NULL && it->column <= strlen(it->source) + 1)
			buf_printf(out, "    %*s^\n", (int)it->column - 1, "");
	}
	if (p->n == PROBLEMS_MAX)
		buf_addstr(out, "more problems are not shown\n");
}

/* -- the tree ------------------------------------------------------------------------------ */

struct builder {
	const struct yaml_file *file;
	struct arena *nodes, *strings;
	struct yaml_problems *problems;
	yaml_parser_t parser;
	struct yaml_node *root;
	struct level {
		struct yaml_node *node, *last;
	} stack[YAML_TREE_DEPTH];
	int depth;
	unsigned documents;
};

static void syntax_error(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	const yaml_mark_t *mark = &p->problem_mark;
	size_t line = mark->line + 1, column = mark->column + 1;
	if (p->error == YAML_READER_ERROR) { /* has an offset only */
		line = 1, column = 1;
		for (size_t i = 0; i < p->problem_offset && i < b->file->len; i++) {
			column++;
			if (b->file->text[i] == '\n')
				line++, column = 1;
		}
	}
	bool tab = p->problem != NULL && strstr(p->problem, "cannot start any token") != NULL;
	yaml_problem_at(b->problems, b->file, line, column, false, "not YAML: %s%s%s%s",
			p->problem != NULL ? p->problem : "unreadable",
			p->context != NULL ? " " : "", p->context != NULL ? p->context : "",
			tab ? " (indent with spaces, not with tabs)" : "");
}

static struct yaml_node *node_add(struct builder *b, enum yaml_kind kind, const yaml_mark_t *mark)
{
	struct yaml_node *node = arena_alloc(b->nodes, sizeof(*node));
	node->kind = kind;
	node->line = (uint32_t)mark->line + 1;
	node->column = (uint32_t)mark->column + 1;
	node->file = b->file;
	if (b->depth == 0) {
		b->root = node;
		return node;
	}
	struct level *level = &b->stack[b->depth - 1];
	if (level->last != NULL)
		level->last->next = node;
	else
		level->node->first = node;
	level->last = node;
	level->node->n++;
	return node;
}

static bool is_key(const struct builder *b)
{
	if (b->depth == 0)
		return false;
	const struct yaml_node *parent = b->stack[b->depth - 1].node;
	return parent->kind == YAML_MAPPING && parent->n % 2 == 0;
}

static bool collection_open(struct builder *b, enum yaml_kind kind, const yaml_mark_t *mark)
{
	if (is_key(b)) {
		yaml_problem_at(b->problems, b->file, mark->line + 1, mark->column + 1, false,
				"a key must be a plain word");
		return false;
	}
	if (b->depth == YAML_TREE_DEPTH) {
		yaml_problem_at(b->problems, b->file, mark->line + 1, mark->column + 1, false,
				"nested deeper than %d levels", YAML_TREE_DEPTH);
		return false;
	}
	struct yaml_node *node = node_add(b, kind, mark);
	b->stack[b->depth++] = (struct level){.node = node};
	return true;
}

static int by_value(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp(x->value, y->value);
	if (order != 0)
		return order;
	return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
				  : (x->column > y->column) - (x->column < y->column);
}

static void refuse_duplicates(struct builder *b, const struct yaml_node *map)
{
	const struct yaml_node **keys = mem_array(map->n + 1, sizeof(const struct yaml_node *));
	size_t n = 0;
	YAML_EACH_PAIR(map, key, value)
	keys[n++] = key;
	qsort(keys, n, sizeof(const struct yaml_node *), by_value);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i - 1]->value, keys[i]->value) == 0)
			yaml_error(b->problems, keys[i],
				   "the key \"%s\" stands here twice (first in line %u)",
				   keys[i]->value, keys[i - 1]->line);
	}
	free(keys);
}

static void collection_close(struct builder *b)
{
	struct yaml_node *node = b->stack[--b->depth].node;
	if (node->kind != YAML_MAPPING)
		return;
	node->n /= 2;
	refuse_duplicates(b, node);
}

static bool scalar(struct builder *b, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	struct yaml_node *node = node_add(b, YAML_SCALAR, &e->start_mark);
	node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->value = arena_strndup(b->strings, value, e->data.scalar.length);
	if (strlen(value) == e->data.scalar.length)
		return true;
	yaml_error(b->problems, node, "a NUL byte in a value");
	return false;
}

/* One event; false when the file is not worth reading on. */
static bool event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return scalar(b, e);
	case YAML_SEQUENCE_START_EVENT:
		return collection_open(b, YAML_SEQUENCE, &e->start_mark);
	case YAML_MAPPING_START_EVENT:
		return collection_open(b, YAML_MAPPING, &e->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		collection_close(b);
		return true;
	case YAML_ALIAS_EVENT:
		yaml_problem_at(
		    b->problems, b->file, e->start_mark.line + 1, e->start_mark.column + 1, false,
		    "aliases are not supported (use defaults or groups to share values)");
		return false;
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ == 0)
			return true;
		yaml_problem_at(b->problems, b->file, e->start_mark.line + 1,
				e->start_mark.column + 1, false,
				"a second document: one file holds one document");
		return false;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return true;
}

const struct yaml_node *yaml_tree_parse(const struct yaml_file *file, struct arena *nodes,
					struct arena *strings, struct yaml_problems *problems)
{
	struct builder b = {.file = file, .nodes = nodes, .strings = strings, .problems = problems};
	bool going = yaml_parser_initialize(&b.parser);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)file->text, file->len);
	bool ended = false;
	while (going && !ended) {
		yaml_event_t e;
		if (!yaml_parser_parse(&b.parser, &e)) {
			syntax_error(&b);
			going = false;
			break;
		}
		going = event(&b, &e);
		ended = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&b.parser);
	return going ? b.root : NULL;
}
