/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "fuzz.h"
#include "mta_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	const char *text = fuzz_text(arena, data, len);
	struct remarks remarks;
	struct mta_sts_record record;
	struct mta_sts_policy policy;

	remarks_init(&remarks, arena);
	bool ok = mta_sts_record_parse(text, arena, &record, &remarks) == MTA_STS_RECORD_OK;
	PROMISE(ok == (remarks_first(&remarks, REMARK_ERROR) == NULL) && (!ok || record.id));
	remarks_init(&remarks, arena);
	ok = mta_sts_policy_parse(text, strlen(text), arena, &policy, &remarks) == 0;
	PROMISE(ok == (remarks_first(&remarks, REMARK_ERROR) == NULL));
	PROMISE(!ok || (policy.mode && policy.max_age_s >= 0));
	arena_free(arena);
	return 0;
}
