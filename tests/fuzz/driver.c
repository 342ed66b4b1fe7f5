/*
 * driver.c - runs a fuzz target without libFuzzer: the corpus as it is, then seeded mutations of
 * it.
 *
 *     fuzz_x [--runs=N] [--seed=S] FILE|FOLDER...
 *
 * The seed is printed first and decides everything, so a failure is repeated by giving it again.
 * The input that runs is kept in a file named by --save=FILE when that is asked for, so that a
 * crash leaves its input behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *p;
	size_t n;
};

struct corpus {
	struct input *inputs;
	size_t count;
};

struct driver {
	struct corpus corpus;
	unsigned long runs;
	uint64_t seed;
	const char *save;
};

static void
die(const char *what, const char *name)
{
	(void)fprintf(stderr, "fuzz driver: %s %s: %s\n", what, name, strerror(errno));
	exit(2);
}

static void *
grow(void *p, size_t n)
{
	void *q = realloc(p, n == 0 ? 1 : n);

	if (q == NULL)
		die("memory", "");
	return q;
}

/* xorshift64*: good enough to wander, the same everywhere. */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(2685821657736338717);
}

static size_t
below(uint64_t *state, size_t n)
{
	return n == 0 ? 0 : (size_t)(next(state) % n);
}

static void
corpus_add(struct corpus *c, uint8_t *p, size_t n)
{
	c->inputs = grow(c->inputs, (c->count + 1) * sizeof(*c->inputs));
	c->inputs[c->count++] = (struct input){p, n};
}

static void
corpus_add_file(struct corpus *c, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p;
	size_t n;

	if (f == NULL)
		die("open", path);
	p = grow(NULL, INPUT_MAX);
	n = fread(p, 1, INPUT_MAX, f);
	if (ferror(f))
		die("read", path);
	(void)fclose(f);
	/* Exactly as large as the input, so that a sanitizer sees one byte too many. */
	corpus_add(c, grow(p, n), n);
}

static void
corpus_add_path(struct corpus *c, const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int i, n;

	if (stat(path, &st) != 0)
		die("open", path);
	if (!S_ISDIR(st.st_mode)) {
		corpus_add_file(c, path);
		return;
	}
	/* Sorted, so that a seed means the same on every machine. */
	if ((n = scandir(path, &names, NULL, alphasort)) < 0)
		die("list", path);
	for (i = 0; i < n; i++) {
		char name[4096];

		(void)snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && stat(name, &st) == 0 && S_ISREG(st.st_mode))
			corpus_add_file(c, name);
		free(names[i]);
	}
	free(names);
}

/* One change; 'p' has room for INPUT_MAX bytes. */
static size_t
mutate(uint8_t *p, size_t n, const struct corpus *c, uint64_t *state)
{
	static const uint8_t telling[] = {
	    0, 1, 0x7f, 0x80, 0xff, '"', '\\', '{', '[', '.', ',', ':'};
	size_t at = below(state, n + 1), len = below(state, 16) + 1;
	const struct input *other = &c->inputs[below(state, c->count)];

	switch (below(state, 7)) {
	case 0: /* flip a bit */
		if (at < n)
			p[at] ^= (uint8_t)(1u << below(state, 8));
		return n;
	case 1: /* set a byte */
		if (at < n)
			p[at] = (uint8_t)next(state);
		return n;
	case 2: /* set a byte that means something */
		if (at < n)
			p[at] = telling[below(state, sizeof(telling))];
		return n;
	case 3: /* cut out */
		if (len > n - at)
			len = n - at;
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	case 4: /* say it twice */
		if (len > n - at)
			len = n - at;
		if (n + len > INPUT_MAX)
			return n;
		memmove(p + at + len, p + at, n - at);
		return n + len;
	case 5: /* cut off */
		return at;
	default: /* go on with another input's tail */
		len = below(state, other->n + 1);
		if (at + other->n - len > INPUT_MAX)
			return n;
		if (other->n > len)
			memcpy(p + at, other->p + len, other->n - len);
		return at + other->n - len;
	}
}

static void
run(const struct driver *d, const uint8_t *p, size_t n)
{
	if (d->save != NULL) {
		FILE *f = fopen(d->save, "wb");

		if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
			die("write", d->save);
	}
	(void)LLVMFuzzerTestOneInput(p, n);
}

static void
run_mutations(const struct driver *d)
{
	uint64_t state = d->seed | 1;
	uint8_t *p = grow(NULL, INPUT_MAX);
	unsigned long i;

	for (i = 0; i < d->runs; i++) {
		const struct input *from = &d->corpus.inputs[below(&state, d->corpus.count)];
		size_t n = from->n, changes = below(&state, 4) + 1;
		uint8_t *exact;

		if (n > 0)
			memcpy(p, from->p, n);
		while (changes-- > 0)
			n = mutate(p, n, &d->corpus, &state);
		exact = grow(NULL, n);
		if (n > 0)
			memcpy(exact, p, n);
		run(d, exact, n);
		free(exact);
	}
	free(p);
}

int
main(int argc, char **argv)
{
	struct driver d = {.runs = 2000, .seed = 1};
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--runs=", 7) == 0)
			d.runs = strtoul(argv[i] + 7, NULL, 10);
		else if (strncmp(argv[i], "--seed=", 7) == 0)
			d.seed = strtoull(argv[i] + 7, NULL, 10);
		else if (strncmp(argv[i], "--save=", 7) == 0)
			d.save = argv[i] + 7;
		else
			corpus_add_path(&d.corpus, argv[i]);
	}
	(void)printf("seed %llu\n", (unsigned long long)d.seed);
	(void)fflush(stdout);
	corpus_add(&d.corpus, grow(NULL, 0), 0); /* the empty input, always */
	for (k = 0; k < d.corpus.count; k++)
		run(&d, d.corpus.inputs[k].p, d.corpus.inputs[k].n);
	run_mutations(&d);
	(void)printf("%zu inputs, %lu mutations\n", d.corpus.count, d.runs);
	for (k = 0; k < d.corpus.count; k++)
		free(d.corpus.inputs[k].p);
	free(d.corpus.inputs);
	return 0;
}
