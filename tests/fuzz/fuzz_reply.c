/* SPDX-License-Identifier: ISC */
#include "fuzz.h"
#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reply_reader *r = reply_reader_new(), *slow = reply_reader_new();

	for (size_t at = 0, used, one; at < len; at += used) {
		enum reply_status s = reply_read(r, data + at, len - at, &used), t = REPLY_MORE;
		for (size_t i = 0; i < used; i++)
			t = reply_read(slow, data + at + i, 1, &one);
		const struct reply *a = reply_get(r), *b = reply_get(slow);
		PROMISE(s == t && a->code == b->code && a->n_lines == b->n_lines);
		PROMISE(s == REPLY_MORE || a->line[a->n_lines - 1].text != NULL);
		if (s == REPLY_BROKEN)
			break;
	}
	reply_reader_free(r);
	reply_reader_free(slow);
	return 0;
}
