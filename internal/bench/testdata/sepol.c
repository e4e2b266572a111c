/*
 * The peer of the policy benchmarks: libsepol, timed inside the process.
 *
 *	sepol POLICY
 *
 * A line in, a line out. Times are nanoseconds for one operation, wall clock
 * and CPU, over as many as fit into MS milliseconds (one at least):
 *
 *	mem MS     reads the policy from memory: wall, CPU, bytes on the heap
 *	file MS    reads the policy from its file: the same
 *	ready MS   reads it from memory and answers the first triple: wall, CPU, 0
 *	c CONTEXT  a SID for the context, 0 if it is invalid
 *	t SOURCE TARGET CLASS
 *	           adds a triple of two SIDs and a class's name: its number
 *	av MS      computes the access vectors of all triples: wall, CPU, checksum
 *
 * What it takes to free a policy is not counted.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sepol/debug.h>
#include <sepol/policydb/conditional.h>
#include <sepol/policydb/policydb.h>
#include <sepol/policydb/services.h>
#include <sepol/policydb/sidtab.h>

struct triple {
	sepol_security_id_t source, target;
	sepol_security_class_t class;
};

static const char *path;
static char *image;
static size_t image_len;

static policydb_t db;
static sidtab_t sids;
static struct triple *triples;
static size_t ntriples;
static char *contexts[2]; /* of the first triple */

static double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static int read_policy(policydb_t *p, int from_file)
{
	struct policy_file pf;
	int rc;

	policy_file_init(&pf);
	if (from_file) {
		pf.type = PF_USE_STDIO;
		pf.fp = fopen(path, "re");
		if (!pf.fp)
			return -1;
	} else {
		pf.type = PF_USE_MEMORY;
		pf.data = image;
		pf.len = image_len;
		pf.size = image_len;
	}
	rc = policydb_init(p);
	if (!rc)
		rc = policydb_read(p, &pf, 0);
	if (from_file)
		fclose(pf.fp);
	return rc;
}

static int prepare(policydb_t *p, sidtab_t *s)
{
	if (sepol_sidtab_init(s) || policydb_load_isids(p, s))
		return -1;
	sepol_set_policydb(p);
	sepol_set_sidtab(s);
	return evaluate_conds(p);
}

static int answer_first(policydb_t *p, sidtab_t *s)
{
	struct sepol_av_decision av;
	sepol_security_id_t source, target;

	if (prepare(p, s) || !ntriples ||
	    sepol_context_to_sid(contexts[0], strlen(contexts[0]), &source) ||
	    sepol_context_to_sid(contexts[1], strlen(contexts[1]), &target))
		return -1;
	return sepol_compute_av(source, target, triples[0].class, 0, &av);
}

static void open_bench(double ms, int from_file, int ready)
{
	double wall = 0, cpu = 0, bytes = 0;
	unsigned n = 0;

	while (n == 0 || wall < ms * 1e6) {
		policydb_t p;
		sidtab_t s;
		double before = heap(), w = clock_ns(CLOCK_MONOTONIC), c = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		if (read_policy(&p, from_file) || (ready && answer_first(&p, &s))) {
			puts("! cannot read the policy");
			return;
		}
		wall += clock_ns(CLOCK_MONOTONIC) - w;
		cpu += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c;
		bytes = heap() - before;
		n++;
		if (ready) {
			sepol_sidtab_destroy(&s);
			sepol_set_policydb(&db);
			sepol_set_sidtab(&sids);
		}
		policydb_destroy(&p);
	}
	printf("%.0f %.0f %.0f\n", wall / n, cpu / n, ready ? 0 : bytes);
}

static void decide_bench(double ms)
{
	double w = clock_ns(CLOCK_MONOTONIC), c = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall, cpu;
	uint32_t sum;
	unsigned n = 0;

	do {
		sum = 0;
		for (size_t i = 0; i < ntriples; i++) {
			struct sepol_av_decision av;

			if (sepol_compute_av(triples[i].source, triples[i].target, triples[i].class, 0, &av)) {
				puts("! cannot compute");
				return;
			}
			sum += av.allowed * (2 * (uint32_t)i + 1);
		}
		n++;
		wall = clock_ns(CLOCK_MONOTONIC) - w;
	} while (wall < ms * 1e6);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c;
	printf("%.3f %.3f %u\n", wall / n / ntriples, cpu / n / ntriples, sum);
}

static void add_context(const char *text)
{
	sepol_security_id_t sid;

	if (sepol_context_to_sid(text, strlen(text), &sid))
		sid = 0;
	printf("%u\n", sid);
}

static void add_triple(const char *text)
{
	char name[256];
	unsigned s, t;
	sepol_security_class_t class;

	if (sscanf(text, "%u %u %255s", &s, &t, name) != 3 || sepol_string_to_security_class(name, &class)) {
		puts("! not a triple");
		return;
	}
	triples = realloc(triples, (ntriples + 1) * sizeof(*triples));
	if (!triples)
		abort();
	if (ntriples == 0) {
		size_t len;

		if (sepol_sid_to_context(s, &contexts[0], &len) || sepol_sid_to_context(t, &contexts[1], &len))
			abort();
	}
	triples[ntriples++] = (struct triple){ s, t, class };
	printf("%zu\n", ntriples);
}

static int load_image(void)
{
	FILE *f = fopen(path, "re");
	long len;

	if (!f || fseek(f, 0, SEEK_END) || (len = ftell(f)) <= 0)
		return -1;
	rewind(f);
	image_len = len;
	image = malloc(image_len);
	if (!image || fread(image, 1, image_len, f) != image_len)
		return -1;
	return fclose(f);
}

int main(int argc, char **argv)
{
	static char line[1 << 16];

	sepol_debug(0);
	if (argc != 2)
		return 2;
	path = argv[1];
	if (load_image() || read_policy(&db, 0) || prepare(&db, &sids)) {
		fprintf(stderr, "cannot load %s\n", path);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "mem ", 4))
			open_bench(atof(line + 4), 0, 0);
		else if (!strncmp(line, "file ", 5))
			open_bench(atof(line + 5), 1, 0);
		else if (!strncmp(line, "ready ", 6))
			open_bench(atof(line + 6), 0, 1);
		else if (!strncmp(line, "c ", 2))
			add_context(line + 2);
		else if (!strncmp(line, "t ", 2))
			add_triple(line + 2);
		else if (!strncmp(line, "av ", 3))
			decide_bench(atof(line + 3));
		else
			puts("! unknown command");
		fflush(stdout);
	}
	return 0;
}
