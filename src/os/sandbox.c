/* SPDX-License-Identifier: ISC
 *
 * Both filters are made from the role's row.  The seccomp program is a list of rules, each of
 * which returns EPERM for what it forbids and falls through for the rest; the end allows.  A
 * list of what is forbidden, not of what is allowed: a new version of a library must not turn
 * into an outage, and what matters (new sockets, programs, code, foreign processes, files by
 * Landlock) can be named.
 */
#include "config.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#ifdef HAVE_LINUX_LANDLOCK_H
#include <linux/landlock.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#define FAMILY(f) (1U << (f))

static const struct role {
	const char *name;
	unsigned families; /* of socket(), as bits */
	bool connects;
	bool runs_programs; /* fork, exec, kill */
	bool maps_code;	    /* dynamic loading goes on */
} roles[] = {
    [SANDBOX_ENGINE] = {"engine", FAMILY(AF_UNIX), false, false, false},
    [SANDBOX_PROBER] = {"prober", FAMILY(AF_INET) | FAMILY(AF_INET6), true, false, false},
    [SANDBOX_NOTIFIER] = {"notifier",
			  FAMILY(AF_UNIX) | FAMILY(AF_INET) | FAMILY(AF_INET6) | FAMILY(AF_NETLINK),
			  true, true, true},
    [SANDBOX_COURIER] = {"courier",
			 FAMILY(AF_UNIX) | FAMILY(AF_INET) | FAMILY(AF_INET6) | FAMILY(AF_NETLINK),
			 true, false, true},
    [SANDBOX_WEB] = {"web", 0, false, false, false},
};

/* -- seccomp -- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef ARCH

struct filter {
	struct sock_filter code[512];
	unsigned short n;
};

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

static void add(struct filter *f, uint16_t op, uint32_t k, uint8_t if_true, uint8_t if_false)
{
	f->code[f->n++] = (struct sock_filter){op, if_true, if_false, k};
}

static void load(struct filter *f, size_t offset)
{
	add(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void load_number(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, nr));
}

/* The low half of an argument (all ARCHes are little-endian). */
static void load_argument(struct filter *f, unsigned i)
{
	load(f, offsetof(struct seccomp_data, args) + i * sizeof(uint64_t));
}

static void refuse_with(struct filter *f, long nr, uint32_t verdict)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	add(f, BPF_RET | BPF_K, verdict, 0, 0);
}

static void refuse(struct filter *f, long nr)
{
	refuse_with(f, nr, REFUSE);
}

/* Refuse nr when the argument compares (BPF_JEQ, BPF_JSET with k) as `when` says. */
static void refuse_argument(struct filter *f, long nr, unsigned i, uint16_t compare, uint32_t k,
			    bool when)
{
	add(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	load_argument(f, i);
	add(f, BPF_JMP | compare | BPF_K, k, when ? 0 : 1, when ? 1 : 0);
	add(f, BPF_RET | BPF_K, REFUSE, 0, 0);
	load_number(f);
}

static void refuse_families_but(struct filter *f, unsigned families)
{
	uint8_t left = (uint8_t)__builtin_popcount(families);

	add(f, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, (uint8_t)(left + 3));
	load_argument(f, 0);
	for (unsigned family = 0; left > 0; family++)
		if (families & FAMILY(family))
			add(f, BPF_JMP | BPF_JEQ | BPF_K, family, left--, 0);
	add(f, BPF_RET | BPF_K, REFUSE, 0, 0);
	load_number(f);
}

/* No role's business, whoever asks. */
static const long never[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
    SYS_vhangup,
    SYS_personality,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_fanotify_init,
    SYS_io_setup,
    SYS_move_pages,
    SYS_migrate_pages,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_mknodat,

    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_pidfd_getfd,
    SYS_process_madvise,
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_memfd_secret
    SYS_memfd_secret,
#endif
#ifdef SYS_process_mrelease
    SYS_process_mrelease,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef __x86_64__
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS_ustat,
    SYS_sysfs,
    SYS__sysctl,
    SYS_mknod,
#endif
};

static void refuse_programs(struct filter *f)
{
	refuse(f, SYS_execve);
	refuse(f, SYS_execveat);
#ifdef SYS_fork
	refuse(f, SYS_fork);
	refuse(f, SYS_vfork);
#endif
	refuse_argument(f, SYS_clone, 0, BPF_JSET, CLONE_THREAD, false);
	refuse_argument(f, SYS_kill, 0, BPF_JEQ, (uint32_t)getpid(), false);
	refuse_argument(f, SYS_tgkill, 0, BPF_JEQ, (uint32_t)getpid(), false);
}

static void build(struct filter *f, const struct role *role)
{
	load(f, offsetof(struct seccomp_data, arch));
	add(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	add(f, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load_number(f);
#ifdef __x86_64__
	add(f, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* the x32 numbers of the same calls */
	add(f, BPF_RET | BPF_K, REFUSE, 0, 0);
#endif
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		refuse(f, never[i]);
	/* Its flags lie in memory, where no filter can look: the C library falls back to clone. */
	refuse_with(f, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	refuse_argument(f, SYS_clone, 0, BPF_JSET,
			CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
			true);
	refuse_argument(f, SYS_ioctl, 1, BPF_JEQ, TIOCSTI, true);
	refuse_argument(f, SYS_ioctl, 1, BPF_JEQ, TIOCLINUX, true);
	refuse(f, SYS_listen);
	refuse_families_but(f, role->families);
	if (!role->connects)
		refuse(f, SYS_connect);
	if (!role->runs_programs)
		refuse_programs(f);
	if (!role->maps_code) {
		refuse_argument(f, SYS_mmap, 2, BPF_JSET, PROT_EXEC, true);
		refuse_argument(f, SYS_mprotect, 2, BPF_JSET, PROT_EXEC, true);
		refuse_argument(f, SYS_pkey_mprotect, 2, BPF_JSET, PROT_EXEC, true);
	}
	add(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static bool has_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int enter_seccomp(const struct role *role)
{
	struct filter f = {.n = 0};
	build(&f, role);
	struct sock_fprog program = {.len = f.n, .filter = f.code};
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			    &program);
}

#else

static bool has_seccomp(void)
{
	return false;
}

static int enter_seccomp(const struct role *role)
{
	(void)role;
	return -1;
}

#endif

/* -- Landlock -- */

#ifdef HAVE_LINUX_LANDLOCK_H

/* What Debian 12's header does not name yet, with the ABI that knows it. */
#define FS_ABI_1     ((UINT64_C(1) << 13) - 1)
#define FS_REFER     (UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define NET_TCP	     UINT64_C(3)	 /* 4: bind and connect */
#define SCOPE_ALL    UINT64_C(3)	 /* 6: abstract Unix sockets and signals */
#define FS_ANY_FILE                                                                                \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                              \
	 LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE                                                                                      \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                      \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_REFER | FS_TRUNCATE)
#define RUN (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

/* What the C library itself opens now and then. */
static const char *const everyone[] = {"/etc/localtime", "/usr/share/zoneinfo", "/dev/null",
				       "/dev/urandom", NULL};
/* Looking up names and loading libraries. */
static const char *const loaders[] = {
    "/etc",	  "/lib",	"/lib32",	  "/lib64",	"/usr/lib",
    "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share", "/run/systemd/resolve",
    "/run/nscd",  NULL};
static const char *const sinks[] = {"/dev/null", NULL};

struct ruleset {
	int fd;
	uint64_t handled;
};

static int allow(const struct ruleset *r, const char *path, uint64_t access)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		access &= FS_ANY_FILE;
	struct landlock_path_beneath_attr rule = {.parent_fd = fd,
						  .allowed_access = access & r->handled};
	int result =
	    (int)syscall(SYS_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(fd);
	return result;
}

static int allow_all(const struct ruleset *r, const char *const *paths, uint64_t access)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (allow(r, *paths, access) < 0)
			return -1;
	return 0;
}

/* The dynamic linker, which the kernel executes together with every program. */
static int find_interpreter(struct dl_phdr_info *info, size_t size, void *out)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **)out =
			    (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return 1; /* the first is the program itself */
}

static int allow_programs(const struct ruleset *r, const struct sandbox_config *config)
{
	const char *interpreter[2] = {NULL, NULL};
	dl_iterate_phdr(find_interpreter, interpreter);
	if (allow_all(r, interpreter, RUN) < 0)
		return -1;
	return allow_all(r, config->exec, RUN);
}

static int fill(const struct ruleset *r, const struct role *role,
		const struct sandbox_config *config)
{
	if (allow_all(r, everyone, READ) < 0 ||
	    allow_all(r, sinks, LANDLOCK_ACCESS_FS_WRITE_FILE) < 0)
		return -1;
	if (role->maps_code && allow_all(r, loaders, READ) < 0)
		return -1;
	if (role->runs_programs && allow_programs(r, config) < 0)
		return -1;
	if (allow_all(r, config->read, READ) < 0)
		return -1;
	return allow_all(r, config->write, WRITE);
}

static int landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static bool has_landlock(void)
{
	return landlock_abi() > 0;
}

static int enter_landlock(const struct role *role, const struct sandbox_config *config)
{
	int abi = landlock_abi();

	if (abi < 0)
		return -1;
	struct ruleset_attr attr = {.fs = FS_ABI_1};
	attr.fs |= abi >= 2 ? FS_REFER : 0;
	attr.fs |= abi >= 3 ? FS_TRUNCATE : 0;
	attr.fs |= abi >= 5 ? FS_IOCTL_DEV : 0;
	attr.net = abi >= 4 && !role->connects ? NET_TCP : 0;
	attr.scoped = abi >= 6 ? SCOPE_ALL : 0;
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	struct ruleset r = {.handled = attr.fs};

	r.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (r.fd < 0)
		return -1;
	int result = fill(&r, role, config);
	if (result == 0)
		result = (int)syscall(SYS_landlock_restrict_self, r.fd, 0);
	close(r.fd);
	return result;
}

#else

static bool has_landlock(void)
{
	return false;
}

static int enter_landlock(const struct role *role, const struct sandbox_config *config)
{
	(void)role;
	(void)config;
	return -1;
}

#endif

#ifndef SANITIZED

/* What is lacking, in words; the end when somebody insists on all of it. */
static const char *go_without(const struct role *role, const char *what, const char *words)
{
	const char *wish = getenv("MXWATCH_SANDBOX");

	if (wish != NULL && strcmp(wish, "required") == 0) {
		log_error("sandbox",
			  "%s cannot be had here, and MXWATCH_SANDBOX=required: %s does not run",
			  what, role->name);
		exit(SANDBOX_EXIT);
	}
	log_warning("sandbox", "%s cannot be had here: %s runs without it", what, role->name);
	return words;
}

/* The system has it and would not have it used. */
static void give_up(const struct role *role, const char *what)
{
	log_errno_warning("sandbox", "%s", what);
	log_error("sandbox", "%s does not run with half a sandbox", role->name);
	exit(SANDBOX_EXIT);
}

#endif

const char *sandbox_enter(enum sandbox_role role, const struct sandbox_config *config)
{
	const struct role *r = &roles[role];
#ifdef SANITIZED
	(void)enter_landlock;
	(void)enter_seccomp;
	(void)has_landlock;
	(void)has_seccomp;
	(void)config;
	log_warning("sandbox", "built with sanitizers: %s runs without a sandbox", r->name);
	return "no sandbox: built with sanitizers";
#else
	bool no_landlock = false, no_seccomp = false;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(r, "no_new_privs");
	if (enter_landlock(r, config) < 0) {
		if (has_landlock())
			give_up(r, "Landlock");
		no_landlock = true;
	}
	if (enter_seccomp(r) < 0) {
		if (has_seccomp())
			give_up(r, "seccomp");
		no_seccomp = true;
	}
	if (no_landlock && no_seccomp)
		return go_without(r, "neither Landlock nor seccomp", "no Landlock and no seccomp");
	if (no_landlock)
		return go_without(r, "Landlock", "no Landlock");
	return no_seccomp ? go_without(r, "seccomp", "no seccomp") : NULL;
#endif
}
