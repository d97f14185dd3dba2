/* SPDX-License-Identifier: ISC */
#include "check_hosts.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "arena.h"
#include "buf.h"
#include "mem.h"

struct row {
	char *key; /* "mx1.example.test 25 587" */
	struct check_host host;
	UT_hash_handle hh, by_number;
};

struct check_hosts {
	struct row *rows, *numbers;
	struct arena *arena;
};

struct check_hosts *check_hosts_new(void)
{
	struct check_hosts *t = mem_alloc(sizeof(*t));

	t->arena = arena_new();
	return t;
}

void check_hosts_free(struct check_hosts *t)
{
	struct row *r, *next;

	HASH_CLEAR(by_number, t->numbers);
	HASH_ITER(hh, t->rows, r, next)
	{
		HASH_DEL(t->rows, r);
		free(r->key);
		free(r);
	}
	arena_free(t->arena);
	free(t);
}

struct check_host *check_hosts_get(struct check_hosts *t, const char *name,
				   const char *const *ports, size_t n_ports, bool *is_new)
{
	struct row *r;
	struct buf key;

	buf_init(&key, 1024);
	buf_addstr(&key, name);
	for (size_t i = 0; i < n_ports; i++)
		buf_printf(&key, " %s", ports[i]);
	HASH_FIND_STR(t->rows, buf_str(&key), r);
	*is_new = r == NULL;
	if (r == NULL) {
		r = mem_alloc(sizeof(*r));
		r->host.number = HASH_COUNT(t->rows);
		r->key = mem_strdup(buf_str(&key));
		HASH_ADD_KEYPTR(hh, t->rows, r->key, strlen(r->key), r);
		HASH_ADD(by_number, t->numbers, host.number, sizeof(r->host.number), r);
	}
	buf_clear(&key);
	return &r->host;
}

void check_hosts_wait(struct check_hosts *t, struct check_host *h, void *who, size_t place)
{
	struct check_wait *w = arena_alloc(t->arena, sizeof(*w));

	*w = (struct check_wait){who, place, h->waiting};
	h->waiting = w;
}

struct check_host *check_hosts_number(const struct check_hosts *t, uint64_t number)
{
	struct row *r;

	HASH_FIND(by_number, t->numbers, &number, sizeof(number), r);
	return r ? &r->host : NULL;
}

struct arena *check_hosts_arena(struct check_hosts *t)
{
	return t->arena;
}
