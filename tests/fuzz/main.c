/* SPDX-License-Identifier: ISC
 *
 * The stand-in for libFuzzer under any compiler: runs a harness over its corpus, then over
 * random mutations of it.  The seed is printed; FUZZ_SEED repeats a run, FUZZ_RUNS makes it
 * longer.  Each input is an allocation of exactly its length, so that a sanitizer sees a read
 * behind it.
 */
#include "fuzz.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define RUNS_DEFAULT 20000
#define INPUT_MAX    (256 * 1024) /* bytes of a corpus file */
#define MUTANT_MAX   4096	  /* longer inputs are cut before they are changed */
#define CORPUS_MAX   256

struct input {
	uint8_t *data;
	size_t len;
};

static struct input corpus[CORPUS_MAX];
static size_t n_corpus;

/* -- random numbers: xorshift64* --------------------------------------------------------- */

static uint64_t random_state;

static size_t below(size_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return n > 0 ? (size_t)((random_state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % n : 0;
}

static uint64_t choose_seed(void)
{
	const char *wish = getenv("FUZZ_SEED");
	uint64_t seed = 0;

	if (wish != NULL)
		seed = strtoull(wish, NULL, 10);
	else if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = 1;
	return seed != 0 ? seed : 1;
}

/* -- inputs ------------------------------------------------------------------------------ */

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);

	if (f == NULL || data == NULL || n_corpus == CORPUS_MAX) {
		perror(path);
		exit(1);
	}
	corpus[n_corpus].len = fread(data, 1, INPUT_MAX, f);
	corpus[n_corpus++].data = data;
	fclose(f);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order: seeds must repeat */
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void load_corpus(const char *dir)
{
	struct dirent **entry;
	int n = scandir(dir, &entry, is_visible, by_name);
	struct buf path;

	if (n <= 0) {
		fprintf(stderr, "%s: no corpus\n", dir);
		exit(1);
	}
	buf_init(&path, 4096);
	for (int i = 0; i < n; i++) {
		buf_reset(&path);
		buf_printf(&path, "%s/%s", dir, entry[i]->d_name);
		load(buf_str(&path));
		free(entry[i]);
	}
	free(entry);
	buf_clear(&path);
}

/* -- mutations --------------------------------------------------------------------------- */

/* Put n bytes into the input at a random place, over what is there or between. */
static size_t insert(uint8_t *data, size_t len, const uint8_t *bytes, size_t n)
{
	size_t at = below(len + 1);

	if (n > MUTANT_MAX - len)
		n = MUTANT_MAX - len;
	if (below(2) == 0 && at + n <= len) {
		memmove(data + at, bytes, n);
		return len;
	}
	uint8_t copy[MUTANT_MAX];
	memcpy(copy, bytes, n);
	memmove(data + at + n, data + at, len - at);
	memcpy(data + at, copy, n);
	return len + n;
}

static size_t mutate_once(uint8_t *data, size_t len)
{
	static const uint8_t odd[] = {0,   1,	'\t', '\n', '\r', ' ',	'"',  '%',  ',',  '-', '.',
				      ':', ';', '=',  '@',  '\\', 0x7f, 0x80, 0xc0, 0xfe, 0xff};
	const struct input *other = &corpus[below(n_corpus)];
	size_t at = below(len), n = 1 + below(16);
	uint8_t byte = (uint8_t)below(256);

	switch (below(7)) {
	case 0:
		if (len > 0)
			data[at] ^= (uint8_t)(1u << below(8));
		return len;
	case 1:
		return insert(data, len, &odd[below(sizeof(odd))], 1);
	case 2:
		return insert(data, len, &byte, 1);
	case 3: /* lose some */
		n = n < len - at ? n : len - at;
		memmove(data + at, data + at + n, len - at - n);
		return len - n;
	case 4: /* say something twice */
		return insert(data, len, data + at, n < len - at ? n : len - at);
	case 5: /* a piece of another input */
		at = below(other->len);
		return insert(data, len, other->data + at, below(other->len - at + 1) % MUTANT_MAX);
	default: /* end early */
		return len > 0 && below(4) == 0 ? at : len;
	}
}

static void run(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void run_mutant(void)
{
	uint8_t data[MUTANT_MAX];
	const struct input *from = &corpus[below(n_corpus)];
	size_t len = from->len < MUTANT_MAX ? from->len : MUTANT_MAX;

	memcpy(data, from->data, len);
	for (size_t n = 1 + below(6); n > 0; n--)
		len = mutate_once(data, len);
	run(data, len);
}

int main(int argc, char **argv)
{
	const char *wish = getenv("FUZZ_RUNS"), *name = strstr(argv[0], "fuzz_");
	unsigned long runs = wish != NULL ? strtoul(wish, NULL, 10) : RUNS_DEFAULT;
	uint64_t seed = choose_seed();
	struct buf dir;

	for (const char *next; name != NULL && (next = strstr(name + 1, "fuzz_")) != NULL;)
		name = next;
	buf_init(&dir, 4096);
	buf_printf(&dir, "%s/fuzz/corpus/%s", TESTDIR, name != NULL ? name + 5 : "");
	load_corpus(argc > 1 ? argv[1] : buf_str(&dir));
	buf_clear(&dir);
	printf("FUZZ_SEED=%" PRIu64 " FUZZ_RUNS=%lu, %zu inputs\n", seed, runs, n_corpus);
	fflush(stdout);
	random_state = seed;
	for (size_t i = 0; i < n_corpus; i++)
		run(corpus[i].data, corpus[i].len);
	while (runs-- > 0)
		run_mutant();
	for (size_t i = 0; i < n_corpus; i++)
		free(corpus[i].data);
	return 0;
}
