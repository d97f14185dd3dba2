/* SPDX-License-Identifier: ISC
 *
 * The operating system's side: each attack call from inside each role's sandbox, programs
 * started with nothing but what they were given, and systemd's datagrams.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "privdrop.h"
#include "sandbox.h"
#include "sd_notify.h"
#include "spawn.h"
#include "zone.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* -- sandbox -- */

static char directory[] = "/tmp/mxwatch-test-os-XXXXXX";
static char file_in[64], file_out[] = "/etc/passwd";

static bool try_open_in(void)
{
	return open(file_in, O_RDONLY) >= 0;
}

static bool try_open_out(void)
{
	return open(file_out, O_RDONLY) >= 0;
}

static bool try_create(void)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/new", directory);
	return open(path, O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool try_create_out(void)
{
	return open("/tmp/mxwatch-test-os-outside", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool try_inet6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}

static bool try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool try_pair(void)
{
	int pair[2];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}

static bool try_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	return connect(999, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EBADF;
}

static bool try_listen(void)
{
	return listen(999, 1) == 0 || errno == EBADF;
}

static bool try_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool execute(const char *path)
{
	char *const argv[] = {(char *)"true", NULL};
	char *const none[] = {NULL};
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		execve(path, argv, none);
		_exit(9);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool try_exec_allowed(void)
{
	return execute("/usr/bin/true");
}

static bool try_exec_other(void)
{
	return execute("/usr/bin/id");
}

static bool try_exec_self(void)
{
	char *const none[] = {NULL};
	execve("/nonexistent", none, none);
	return errno == ENOENT || errno == EACCES;
}

static bool try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static bool try_protect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool try_kill_parent(void)
{
	return kill(getppid(), 0) == 0;
}

static bool try_kill_self(void)
{
	return kill(getpid(), 0) == 0;
}

static bool try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool try_unshare(void)
{
	return syscall(SYS_unshare, 0) == 0;
}

static bool try_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL) >= 0 || errno != EPERM;
}

static bool try_keys(void)
{
	return syscall(SYS_keyctl, 0, -3, 0) >= 0;
}

static bool try_threads(void)
{
	errno = 0;
	return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS; /* the fall-back to clone */
}

#define E   1
#define P   2
#define N   4
#define C   8
#define W   16
#define ALL (E | P | N | C | W)

/* Which roles may, and the Landlock that refuses the others where it is not seccomp. */
static const struct {
	const char *name;
	bool (*attempt)(void);
	unsigned roles;
	long abi;
} attempts[] = {
    {"open a named file", try_open_in, ALL},
    {"open /etc/passwd", try_open_out, N | C, 1},
    {"create in the named directory", try_create, ALL},
    {"create elsewhere", try_create_out, 0, 1},
    {"AF_UNIX", try_unix, E | N | C},
    {"AF_INET", try_inet, P | N | C},
    {"AF_INET6", try_inet6, P | N | C},
    {"AF_PACKET", try_packet, 0},
    {"socketpair", try_pair, ALL},
    {"connect", try_connect, P | N | C},
    {"listen", try_listen, 0},
    {"fork", try_fork, N},
    {"run the named program", try_exec_allowed, N},
    {"run another program", try_exec_other, 0, 1},
    {"execve", try_exec_self, N},
    {"mmap code", try_code, N | C},
    {"mprotect code", try_protect, N | C},
    {"kill the parent", try_kill_parent, 0, 6},
    {"kill itself", try_kill_self, ALL},
    {"ptrace", try_ptrace, 0},
    {"unshare", try_unshare, 0},
    {"io_uring", try_io_uring, 0},
    {"keyctl", try_keys, 0},
    {"clone3 falls back", try_threads, ALL},
};

static void be_quiet(enum log_level level, const char *token, const char *line, void *arg)
{
	(void)level;
	(void)token;
	(void)line;
	(void)arg;
}

/* Each attempt in a process of its own; 0 if it went as the table says. */
static int attempt_as(unsigned role, size_t i)
{
	const char *const read[] = {file_in, NULL}, *const write[] = {directory, NULL};
	const char *const exec[] = {"/usr/bin/true", NULL};
	const struct sandbox_config config = {.read = read, .write = write, .exec = exec};
	pid_t pid = fork();

	if (pid == 0) {
		sandbox_enter((enum sandbox_role)role, &config);
		_exit(attempts[i].attempt() ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	int expected = attempts[i].roles & 1U << role ? 0 : 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == expected)
		return 0;
	print_error("role %u: %s: status %x\n", role, attempts[i].name, (unsigned)status);
	return 1;
}

static void test_sandbox(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	log_set_hook(be_quiet, NULL);
	int wrong = 0;
	for (unsigned role = SANDBOX_ENGINE; role <= SANDBOX_WEB; role++)
		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
			if (attempts[i].abi <= (abi > 0 ? abi : 0))
				wrong += attempt_as(role, i);
	log_set_hook(NULL, NULL);
	assert_int_equal(wrong, 0);
}

/* From now on this call fails, as in a container that does not know it. */
static void refuse_call(long number)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(99);
}

/* The exit status of a process that enters while this call is refused: 0 with the whole
 * sandbox, 10 when Landlock and 11 when something else is lacking. */
static int enter_without(long number)
{
	const struct sandbox_config config = {0};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		refuse_call(number);
		const char *lacks = sandbox_enter(SANDBOX_PROBER, &config);
		_exit(lacks == NULL ? 0 : strcmp(lacks, "no Landlock") == 0 ? 10 : 11);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_a_sandbox_that_cannot_be_had(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip();
#endif
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		skip();
	log_set_hook(be_quiet, NULL);
	unsetenv("MXWATCH_SANDBOX");
	assert_int_equal(enter_without(SYS_getpgid), 0); /* which nobody needs */
	assert_int_equal(enter_without(SYS_landlock_create_ruleset), 10);
	assert_int_equal(enter_without(SYS_landlock_restrict_self), SANDBOX_EXIT);
	assert_int_equal(enter_without(SYS_seccomp), 11);
	setenv("MXWATCH_SANDBOX", "required", 1);
	assert_int_equal(enter_without(SYS_getpgid), 0);
	assert_int_equal(enter_without(SYS_landlock_create_ruleset), SANDBOX_EXIT);
	assert_int_equal(enter_without(SYS_seccomp), SANDBOX_EXIT);
	unsetenv("MXWATCH_SANDBOX");
	log_set_hook(NULL, NULL);
}

/* -- spawn -- */

/* Run a shell script as the child; fd 3 is its end of the pair. */
static pid_t shell(const char *script, int fd)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct error err;
	pid_t pid = spawn_program("/bin/sh", argv, &fd, 1, NULL, &err);
	assert_true(pid > 0);
	return pid;
}

static size_t read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;
	while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return len;
}

static void test_spawn_gives_only_what_was_given(void **state)
{
	(void)state;
	int pair[2], status;
	char text[4096];
	int stray = dup(0); /* not close-on-exec */

	setenv("MXWATCH_SECRET", "x", 1);
	assert_int_equal(spawn_pair(pair, NULL), 0);
	pid_t pid = shell("ls /proc/self/fd | tr '\\n' ' ' >&3; env >&3; exit 7", pair[1]);
	close(pair[1]);
	read_all(pair[0], text, sizeof(text));
	const char *fds = "0 1 2 3 4 "; /* 4 is the directory that ls reads */
	assert_memory_equal(text, fds, strlen(fds));
	assert_false(text[strlen(fds)] >= '0' && text[strlen(fds)] <= '9');
	assert_null(strstr(text, "MXWATCH_SECRET"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	close(pair[0]);
	close(stray);
}

static void test_spawn_says_why_not(void **state)
{
	(void)state;
	const char *const argv[] = {"none", NULL};
	struct error err;
	assert_int_equal(spawn_program("/nonexistent/none", argv, NULL, 0, NULL, &err), -1);
	assert_string_equal(err.text, "/nonexistent/none: No such file or directory");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
}

static void test_spawned_dies_with_its_starter(void **state)
{
	(void)state;
	int pair[2];
	char c;
	assert_int_equal(spawn_pair(pair, NULL), 0);
	pid_t starter = fork();
	if (starter == 0) {
		shell("exec sleep 1000", pair[1]);
		_exit(0);
	}
	close(pair[1]);
	waitpid(starter, NULL, 0);
	assert_int_equal(read(pair[0], &c, 1), 0); /* EOF: the shell is gone */
	close(pair[0]);
}

static void test_spawn_account(void **state)
{
	(void)state;
	struct privdrop nobody;
	struct error err;
	char text[256];
	int pair[2];

	assert_int_equal(privdrop_lookup("no-such-account", &nobody, &err), 0);
	assert_int_equal(privdrop_lookup("nobody", &nobody, &err), 1);
	if (getuid() != 0)
		skip();
	assert_int_equal(spawn_pair(pair, NULL), 0);
	const char *const argv[] = {"sh", "-c", "id -u >&3; id -G >&3", NULL};
	pid_t pid = spawn_program("/bin/sh", argv, &pair[1], 1, &nobody, &err);
	close(pair[1]);
	read_all(pair[0], text, sizeof(text));
	char expected[64];
	snprintf(expected, sizeof(expected), "%u\n%u\n", nobody.uid, nobody.gid);
	assert_string_equal(text, expected);
	waitpid(pid, NULL, 0);
	close(pair[0]);
}

/* -- sd_notify -- */

static void expect_datagram(int fd, const char *text)
{
	char got[1024];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void notify_through(bool abstract)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char name[96];
	snprintf(name, sizeof(name), "%s%s/notify", abstract ? "@" : "", directory);
	memcpy(un.sun_path, name, strlen(name));
	if (abstract)
		un.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, len), 0);

	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	sd_notify_init();
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	sd_notify_ready("watching\n3 domains");
	expect_datagram(fd, "READY=1\nSTATUS=watching 3 domains");
	sd_notify_status("two\nlines");
	expect_datagram(fd, "STATUS=two lines");
	int64_t before = clock_monotonic_us();
	sd_notify_reloading();
	char got[128] = {0};
	long long at = 0;
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_int_equal(sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%lld", &at), 1);
	assert_true(at >= before && at <= clock_monotonic_us());
	sd_notify_watchdog();
	expect_datagram(fd, "WATCHDOG=1");
	sd_notify_stopping();
	expect_datagram(fd, "STOPPING=1");
	close(fd);
}

static void test_notify_path(void **state)
{
	(void)state;
	notify_through(false);
}

static void test_notify_abstract(void **state)
{
	(void)state;
	notify_through(true);
}

static int set_up(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(file_in, sizeof(file_in), "%s/in", directory);
	int fd = open(file_in, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {"in", "new", "notify"};
	for (size_t i = 0; i < 3; i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	return rmdir(directory);
}

/* -- zone ----------------------------------------------------------------------- */

static void test_zone_offset(void **state)
{
	static const struct {
		const char *zone;
		int64_t at, offset;
	} rows[] = {
	    {"Europe/Berlin", 1774745999, 3600}, /* 2026-03-29 00:59:59Z */
	    {"Europe/Berlin", 1774746000, 7200}, /* 01:00:00Z */
	    {"Europe/Berlin", 1792889999, 7200}, /* 2026-10-25 00:59:59Z */
	    {"Europe/Berlin", 1792890000, 3600}, /* 01:00:00Z */
	    {"Asia/Kolkata", 1774745999, 19800}, {"America/New_York", 1774745999, -14400},
	    {"No/Such_Zone", 1774745999, 0},
	};
	(void)state;

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		time_t t = (time_t)rows[i].at;
		struct tm ours;
		assert_int_equal(zone_offset(rows[i].zone, rows[i].at), rows[i].offset);
		assert_int_equal(localtime_r(&t, &ours)->tm_gmtoff, 9 * 3600);
		assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	}
	unsetenv("TZ");
	zone_offset("Europe/Berlin", 0);
	assert_null(getenv("TZ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_zone_offset),
	    cmocka_unit_test(test_sandbox),
	    cmocka_unit_test(test_a_sandbox_that_cannot_be_had),
	    cmocka_unit_test(test_spawn_gives_only_what_was_given),
	    cmocka_unit_test(test_spawn_says_why_not),
	    cmocka_unit_test(test_spawned_dies_with_its_starter),
	    cmocka_unit_test(test_spawn_account),
	    cmocka_unit_test(test_notify_path),
	    cmocka_unit_test(test_notify_abstract),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
