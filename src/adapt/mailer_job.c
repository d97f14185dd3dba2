/* SPDX-License-Identifier: ISC */
#include "mailer_job.h"

#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "text.h"

#define PORT_SMTP  25
#define PORT_SMTPS 465

/* clang-format off */
#define STR(m)  {#m, SHAPE_STRING, offsetof(struct mailer_job, m), .max = 4096}
#define BOOL(m) {#m, SHAPE_BOOL, offsetof(struct mailer_job, m)}
/* clang-format on */

static const struct shape_field job_fields[] = {
    {"host", SHAPE_STRING, offsetof(struct mailer_job, host), .max = 255, .flags = SHAPE_REQUIRED},
    {"port", SHAPE_INT, offsetof(struct mailer_job, port), .max = 65535, .flags = SHAPE_REQUIRED},
    BOOL(implicit_tls),
    {"tls", SHAPE_ENUM, offsetof(struct mailer_job, tls), .words = conf_relay_tls_words},
    STR(username),
    STR(password),
    STR(ca_file),
    {"from", SHAPE_STRING, offsetof(struct mailer_job, from), .max = 512, .flags = SHAPE_REQUIRED},
    {"to", SHAPE_STRINGS, offsetof(struct mailer_job, to), offsetof(struct mailer_job, n_to),
     .max = 256, .flags = SHAPE_REQUIRED},
    {"message", SHAPE_STRING, offsetof(struct mailer_job, message), .max = MAILER_JOB_MAX / 2,
     .flags = SHAPE_REQUIRED},
};
const struct shape mailer_job_shape = SHAPE("job", struct mailer_job, job_fields);

bool mailer_job_relay(struct mailer_job *job, const char *url, struct arena *arena)
{
	job->implicit_tls = text_starts(url, "smtps://");
	if (!job->implicit_tls && !text_starts(url, "smtp://"))
		return false;
	const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, ":/");
	if (*host == '[') {
		end = strchr(++host, ']');
		if (end == NULL)
			return false;
	}
	const char *port = end + (*end == ']');
	job->host = arena_strndup(arena, host, (size_t)(end - host));
	job->port = *port == ':'	? strtol(port + 1, NULL, 10)
		    : job->implicit_tls ? PORT_SMTPS
					: PORT_SMTP;
	return end > host && job->port > 0 && job->port < 65536;
}
