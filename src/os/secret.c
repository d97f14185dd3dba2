/* SPDX-License-Identifier: ISC */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static const char credential[] = "credential:";

static int place_path(const char *place, char *path, size_t size, struct error *err)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	int len;
	if (!text_starts(place, credential))
		len = snprintf(path, size, "%s", place);
	else if (directory == NULL)
		return error_set(err, "%s: systemd gave no credentials", place);
	else
		len = snprintf(path, size, "%s/%s", directory, place + strlen(credential));
	return len < (int)size ? 0 : error_set(err, "%s: the path is too long", place);
}

int secret_read(const char *place, struct buf *out, struct error *err)
{
	char path[PATH_MAX], chunk[4096];
	ssize_t n;
	if (place_path(place, path, sizeof(path), err) != 0)
		return -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", place);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_errno(err, "%s", place);
			close(fd);
			return -1;
		}
		if (!buf_add(out, chunk, (size_t)n))
			break;
	}
	close(fd);
	if (out->truncated)
		return error_set(err, "%s: too long for a secret", place);
	if (out->len > 0 && out->data[out->len - 1] == '\n') {
		out->len--;
		out->data[out->len] = '\0';
	}
	return out->len > 0 ? 0 : error_set(err, "%s: the file is empty", place);
}
