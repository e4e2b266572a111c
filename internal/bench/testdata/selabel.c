/*
 * The peer of the file context benchmarks: libselinux, timed inside the
 * process.
 *
 *	selabel FILE_CONTEXTS PATHS
 *
 * PATHS has lines of a file mode's type bits in octal, a blank and a path. A
 * line in, a line out; times are nanoseconds for one operation, wall clock and
 * CPU:
 *
 *	open MS    opens the file contexts as often as fit into MS milliseconds
 *	use MS     the same, and looks one path up in each, another one every time
 *	first      opens them anew, then looks up every path once: the time of one
 *	           lookup, without opening
 *	lookup MS  goes on looking up paths for MS milliseconds
 *	check      looks up every path once: how many have a context, and the
 *	           number of their bytes in all
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <selinux/label.h>
#include <selinux/selinux.h>

struct path {
	int mode;
	char *name;
};

static struct path *paths;
static size_t npaths, next_path;
static const char *contexts;
static size_t found, bytes;

static int quiet(int type, const char *fmt, ...)
{
	(void)type;
	(void)fmt;
	return 0;
}

static double clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static struct selabel_handle *open_contexts(void)
{
	struct selinux_opt opt = { .type = SELABEL_OPT_PATH, .value = contexts };
	struct selabel_handle *h = selabel_open(SELABEL_CTX_FILE, &opt, 1);

	if (!h) {
		perror("selabel_open");
		exit(1);
	}
	return h;
}

static void look_up(struct selabel_handle *h, const struct path *p)
{
	char *con;

	if (selabel_lookup_raw(h, &con, p->name, p->mode))
		return;
	found++;
	bytes += strlen(con);
	freecon(con);
}

static void bench_open(double ms, int use)
{
	double wall = 0, cpu = 0;
	unsigned n = 0;

	while (n == 0 || wall < ms * 1e6) {
		double w = clock_ns(CLOCK_MONOTONIC), c = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		struct selabel_handle *h = open_contexts();

		if (use) {
			look_up(h, &paths[next_path]);
			next_path = (next_path + 1) % npaths;
		}
		wall += clock_ns(CLOCK_MONOTONIC) - w;
		cpu += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c;
		n++;
		selabel_close(h);
	}
	printf("%.0f %.0f\n", wall / n, cpu / n);
}

static void bench_first(void)
{
	struct selabel_handle *h = open_contexts();
	double w = clock_ns(CLOCK_MONOTONIC), c = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (size_t i = 0; i < npaths; i++)
		look_up(h, &paths[i]);
	w = clock_ns(CLOCK_MONOTONIC) - w;
	c = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c;
	printf("%.3f %.3f\n", w / npaths, c / npaths);
	selabel_close(h);
}

static void bench_lookup(struct selabel_handle *h, double ms)
{
	double w = clock_ns(CLOCK_MONOTONIC), c = clock_ns(CLOCK_PROCESS_CPUTIME_ID), wall;
	size_t n = 0;

	do {
		for (int i = 0; i < 256; i++) {
			look_up(h, &paths[next_path]);
			next_path = (next_path + 1) % npaths;
		}
		n += 256;
		wall = clock_ns(CLOCK_MONOTONIC) - w;
	} while (wall < ms * 1e6);
	c = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - c;
	printf("%.3f %.3f\n", wall / n, c / n);
}

static int read_paths(const char *file)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;

	if (!f)
		return -1;
	while (getline(&line, &cap, f) > 0) {
		char *name;
		long mode = strtol(line, &name, 8);

		line[strcspn(line, "\n")] = 0;
		paths = realloc(paths, (npaths + 1) * sizeof(*paths));
		if (!paths || *name != ' ')
			return -1;
		paths[npaths].mode = mode;
		paths[npaths++].name = strdup(name + 1);
	}
	free(line);
	fclose(f);
	return npaths ? 0 : -1;
}

int main(int argc, char **argv)
{
	union selinux_callback cb = { .func_log = quiet };
	struct selabel_handle *h;
	static char line[256];

	if (argc != 3 || read_paths(argv[2]))
		return 2;
	contexts = argv[1];
	selinux_set_callback(SELINUX_CB_LOG, cb);
	h = open_contexts();
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "open ", 5)) {
			bench_open(atof(line + 5), 0);
		} else if (!strncmp(line, "use ", 4)) {
			bench_open(atof(line + 4), 1);
		} else if (!strncmp(line, "first", 5)) {
			bench_first();
		} else if (!strncmp(line, "lookup ", 7)) {
			bench_lookup(h, atof(line + 7));
		} else if (!strncmp(line, "check", 5)) {
			found = bytes = 0;
			for (size_t i = 0; i < npaths; i++)
				look_up(h, &paths[i]);
			printf("%zu %zu\n", found, bytes);
		} else {
			puts("! unknown command");
		}
		fflush(stdout);
	}
	return 0;
}
