/* SPDX-License-Identifier: ISC */
#include "fuzz.h"
#include "tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	struct obs_tlsa_rr rr;
	struct remarks remarks;

	remarks_init(&remarks, arena);
	int rc = tlsa_record_parse(fuzz_text(arena, data, len), arena, &rr, &remarks);
	PROMISE(rc == 0 || remarks_first(&remarks, REMARK_ERROR) != NULL);
	PROMISE(rc != 0 || (remarks.n == 0) == (tlsa_usability(&rr) == TLSA_USABLE));
	arena_free(arena);
	return 0;
}
