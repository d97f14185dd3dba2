/* SPDX-License-Identifier: ISC */
#include "gzip.h"

#include <limits.h>
#include <string.h>

#include <zlib.h>

#define WITH_GZIP_HEADER 16

bool gzip_is(const void *bytes, size_t len)
{
	return len >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
}

static int inflate_all(z_stream *z, struct buf *out, struct error *err)
{
	unsigned char chunk[16384];
	int rc;

	do {
		z->next_out = chunk;
		z->avail_out = sizeof(chunk);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END)
			return error_set(err, "gzip: %s",
					 rc == Z_BUF_ERROR ? "cut short"
					 : z->msg != NULL  ? z->msg
							   : "damaged");
		if (!buf_add(out, chunk, sizeof(chunk) - z->avail_out))
			return error_set(err, "gzip: more than %zu bytes inside", out->max);
	} while (rc != Z_STREAM_END);
	return z->avail_in > 0 ? error_set(err, "gzip: bytes behind the end") : 0;
}

int gzip_inflate(const void *bytes, size_t len, struct buf *out, struct error *err)
{
	z_stream z = {0};

	if (len > UINT_MAX)
		return error_set(err, "gzip: %zu bytes are too many", len);
	z.next_in = (z_const Bytef *)bytes;
	z.avail_in = (uInt)len;
	if (inflateInit2(&z, WITH_GZIP_HEADER + MAX_WBITS) != Z_OK)
		return error_set(err, "gzip: zlib does not start");
	int rc = inflate_all(&z, out, err);
	inflateEnd(&z);
	return rc;
}
