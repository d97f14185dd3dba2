/* SPDX-License-Identifier: ISC
 *
 * The session with libcurl's SMTP: for smtps://, IPv6 addresses and TLS 1.3.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "mailer.h"

#define TOTAL_MS   55000L
#define CONNECT_MS 10000L
#define TEXT_MAX   400

struct upload {
	const char *bytes;
	size_t left;
	char reply[TEXT_MAX]; /* the last line the relay said */
};

static size_t on_read(char *out, size_t size, size_t n, void *arg)
{
	struct upload *u = arg;
	size_t len = size * n < u->left ? size * n : u->left;
	memcpy(out, u->bytes, len);
	u->bytes += len;
	u->left -= len;
	return len;
}

static int on_debug(CURL *curl, curl_infotype type, char *bytes, size_t len, void *arg)
{
	struct upload *u = arg;
	(void)curl;
	if (type == CURLINFO_HEADER_IN && len > 3) {
		size_t n = len < sizeof(u->reply) - 1 ? len : sizeof(u->reply) - 1;
		memcpy(u->reply, bytes, n);
		u->reply[n] = '\0';
	}
	return 0;
}

static struct curl_slist *recipients(const struct mailer_job *job)
{
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < job->n_to; i++) {
		char path[512];
		snprintf(path, sizeof(path), "<%s>", job->to[i]);
		list = curl_slist_append(list, path);
	}
	return list;
}

static void set_tls(CURL *curl, const struct mailer_job *job, bool strict)
{
	curl_easy_setopt(curl, CURLOPT_USE_SSL,
			 job->tls == CONF_TLS_OFF && !job->implicit_tls ? CURLUSESSL_NONE
			 : strict || job->implicit_tls			? CURLUSESSL_ALL
									: CURLUSESSL_TRY);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, strict ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, strict ? 2L : 0L);
	if (job->ca_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, job->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
}

static void set_relay(CURL *curl, const struct mailer_job *job, const char *address)
{
	char url[300], connect_to[400];
	bool v6 = strchr(job->host, ':') != NULL, address_v6 = strchr(address, ':') != NULL;
	snprintf(url, sizeof(url), "%s://%s%s%s:%d", job->implicit_tls ? "smtps" : "smtp",
		 v6 ? "[" : "", job->host, v6 ? "]" : "", (int)job->port);
	snprintf(connect_to, sizeof(connect_to), "::%s%s%s:%d", address_v6 ? "[" : "", address,
		 address_v6 ? "]" : "", (int)job->port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CONNECT_TO, curl_slist_append(NULL, connect_to));
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
}

void mailer_curl_send(const struct mailer_job *job, const char *address, mailer_done *done)
{
	char why[CURL_ERROR_SIZE] = "", from[512];
	struct upload u = {.bytes = job->message, .left = strlen(job->message)};
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *curl = curl_easy_init();
	if (curl == NULL)
		mailer_tell(done, MESSAGE_RETRY, 0, "libcurl cannot be set up");
	set_relay(curl, job, address);
	/* An smtps:// relay is as strict as its setting; the default is to verify. */
	set_tls(curl, job, mailer_tls_required(job, address) || job->implicit_tls);
	if (job->username != NULL) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, job->username);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, job->password);
	}
	snprintf(from, sizeof(from), "<%s>", job->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients(job));
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, &u);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &u);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);

	CURLcode result = curl_easy_perform(curl);
	long code = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	if (result == CURLE_OK)
		mailer_tell(done, MESSAGE_DELIVERED, code, u.reply);
	bool refused = code / 100 == 5 || result == CURLE_LOGIN_DENIED;
	mailer_tell(done, refused ? MESSAGE_REJECTED : MESSAGE_RETRY, code,
		    refused || why[0] == '\0' ? u.reply : why);
}
