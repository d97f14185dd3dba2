/* SPDX-License-Identifier: ISC */
#include "fuzz.h"
#include "tls_rpt_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena *arena = arena_new();
	struct tls_rpt_report report;
	struct remarks remarks;

	remarks_init(&remarks, arena);
	int rc = tls_rpt_report_parse((const char *)data, len, arena, &report, &remarks);
	PROMISE((rc == 0) == (remarks_first(&remarks, REMARK_ERROR) == NULL));
	arena_free(arena);
	return 0;
}
