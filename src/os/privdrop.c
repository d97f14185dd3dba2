/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "privdrop.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "err.h"
#include "log.h"

int privdrop_lookup(const char *user, struct privdrop *out, struct error *err)
{
	errno = 0;
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL) {
		bool absent = errno == 0 || errno == ENOENT || errno == ESRCH;
		return absent ? 0 : error_errno(err, "cannot look up the account %s", user);
	}
	*out = (struct privdrop){.uid = pw->pw_uid, .gid = pw->pw_gid};
	return 1;
}

int privdrop_become(const struct privdrop *p, struct error *err)
{
	if (setgroups(1, &p->gid) < 0)
		return error_errno(err, "setgroups");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		return error_errno(err, "setresgid");
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return error_errno(err, "setresuid");
	if (p->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		return error_set(err, "root could be regained");
	return 0;
}

void privdrop_harden(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_errno_warning("privdrop", "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_errno_warning("privdrop", "dumpable");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		log_errno_warning("privdrop", "core dumps");
}

long privdrop_raise_files(long n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	rlim_t wanted = limit.rlim_max < (rlim_t)n ? limit.rlim_max : (rlim_t)n;
	if (wanted > limit.rlim_cur) {
		limit.rlim_cur = wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			log_errno_warning("privdrop", "open files");
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	return (long)limit.rlim_cur;
}
