/* SPDX-License-Identifier: ISC */
#include "fuzz.h"
#include "tls_rpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	struct tls_rpt_record record;
	struct remarks remarks;

	remarks_init(&remarks, arena);
	bool ok = tls_rpt_record_parse(fuzz_text(arena, data, len), arena, &record, &remarks) ==
		  TLS_RPT_OK;
	PROMISE(ok == (remarks_first(&remarks, REMARK_ERROR) == NULL) && (!ok || record.n_rua > 0));
	for (size_t i = 0; i < record.n_rua; i++)
		PROMISE(tls_rpt_rua_target(record.rua[i], arena) != NULL);
	arena_free(arena);
	return 0;
}
