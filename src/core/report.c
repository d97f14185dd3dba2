/* SPDX-License-Identifier: ISC
 *
 * What a judgement comes to, and the report as JSON.
 */
#include "report.h"

#include "stamp.h"

int report_exit(const struct findings *findings)
{
	return findings_count(findings, FINDING_FAIL) > 0      ? 2
	       : findings_count(findings, FINDING_WARN) > 0    ? 1
	       : findings_count(findings, FINDING_UNKNOWN) > 0 ? 3
							       : 0;
}

json_t *report_json(const struct report *r)
{
	char at[STAMP_TEXT];
	json_t *findings = json_array(), *hosts = json_object();
	for (size_t i = 0; i < r->findings->n; i++)
		json_array_append_new(findings, finding_to_json(&r->findings->item[i]));
	for (size_t i = 0; i < r->in->n_hosts; i++)
		json_object_set_new(hosts, r->in->hosts[i]->subject,
				    shape_to_json(&observation_shape, r->in->hosts[i]));
	json_t *out =
	    json_pack("{s:i, s:s, s:s*, s:s, s:I, s:o, s:o, s:{s:o, s:o}}", "schema", REPORT_SCHEMA,
		      "domain", r->in->domain->subject, "unicode", r->unicode, "checked_at",
		      stamp_format(at, r->in->now), "duration_ms", (json_int_t)r->duration_ms,
		      "grade", r->grade.letter != NULL ? json_string(r->grade.letter) : json_null(),
		      "findings", findings, "facts", "domain",
		      shape_to_json(&observation_shape, r->in->domain), "hosts", hosts);
	return out;
}
