/* SPDX-License-Identifier: ISC */
#include "report.h"

int report_exit(const struct findings *findings)
{
	bool seen[FINDING_UNKNOWN + 1] = {false};
	for (size_t i = 0; i < findings->n; i++)
		seen[findings->item[i].status] = true;
	return seen[FINDING_FAIL]      ? 2
	       : seen[FINDING_WARN]    ? 1
	       : seen[FINDING_UNKNOWN] ? 3
				       : 0;
}
