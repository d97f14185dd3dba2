/* SPDX-License-Identifier: ISC
 *
 * libidn2 with the two flags that are right for mail: NFC input and non-transitional
 * processing (UTS 46).  Not STD3 rules: libidn2 would delete what it dislikes; name_fold_host
 * refuses it in words instead.
 */
#include "idn.h"

#include <string.h>

#include <idn2.h>

#include "text.h"

/* What people paste in place of a domain: a URL, a mail address, a host and port. */
static int mistaken(const char *name, struct error *err)
{
	const char *scheme = strstr(name, "://"), *at = strrchr(name, '@');
	const char *host = scheme != NULL ? scheme + 3 : at != NULL ? at + 1 : name;
	size_t len = strcspn(host, "/:?#");
	bool port = host[len] == ':' && host[len + 1] >= '0' && host[len + 1] <= '9';

	if (scheme == NULL && at == NULL && !port && host[len] != '/')
		return 0;
	if (scheme != NULL && memchr(host, '@', len) != NULL)
		return 0;
	return error_set(err, "\"%s\" is %s; a domain name is wanted: %.*s", name,
			 scheme != NULL ? "a URL"
			 : at != NULL	? "a mail address"
			 : port		? "a name with a port"
					: "a name with a path",
			 (int)len, host);
}

int idn_fold(char out[NAME_MAX_TEXT], const char *name, struct error *err)
{
	char *ascii = NULL;
	if (name_fold_host(out, name))
		return 0; /* nearly every name */
	if (name_is_address_literal(name))
		return error_set(err, "\"%s\" is an address; a domain name is wanted", name);
	if (mistaken(name, err) != 0)
		return -1;
	int rc = idn2_to_ascii_8z(name, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (rc != IDN2_OK)
		return error_set(err, "\"%s\" is not a domain name: %s", name, idn2_strerror(rc));
	bool ok = name_fold_host(out, ascii);
	idn2_free(ascii);
	if (!ok)
		return error_set(
		    err,
		    "\"%s\" is not a domain name (letters, digits and hyphens, labels of 1 to 63)",
		    name);
	return 0;
}

bool idn_unicode(struct buf *out, const char *name)
{
	char *text = NULL;
	if (strstr(name, "xn--") == NULL ||
	    idn2_to_unicode_8z8z(name, &text, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	bool differs = strcmp(text, name) != 0 && buf_addstr(out, text);
	idn2_free(text);
	return differs;
}
