/* SPDX-License-Identifier: ISC
 *
 * A harness is one function under libFuzzer's name: it parses the bytes and aborts when a
 * promise of the parser's header does not hold.  It links with main.c here (corpus replay and
 * seeded mutations, in `make check`), or with libFuzzer, in a build directory of its own:
 *
 *	../configure CC=clang CFLAGS='-g -O1 -fsanitize=fuzzer-no-link,address,undefined'
 *	make FUZZ_MAIN= FUZZ_LDFLAGS=-fsanitize=fuzzer tests/fuzz/fuzz_reply
 *	tests/fuzz/fuzz_reply ../tests/fuzz/corpus/reply
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "buf.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define PROMISE(claim)                                                                             \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__,         \
				#claim);                                                           \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The bytes as the parsers of text get them: text_latin1, from the arena. */
static inline const char *fuzz_text(struct arena *arena, const uint8_t *data, size_t len)
{
	struct buf b;
	buf_init(&b, 3 * len + 1);
	text_latin1(&b, (const char *)data, len);
	const char *text = arena_strdup(arena, buf_str(&b));
	buf_clear(&b);
	return text;
}

#endif
