/*
 * Asks libselinux what the oracle tests want to know. It reads questions from
 * standard input, each a letter for the file's kind (a - d c b p l s) and a
 * path, ended by a NUL byte, and writes one line for each.
 *
 *	selabel lookup FILE_CONTEXTS    the raw context, or "!" if there is none
 *	selabel partial FILE_CONTEXTS   1 or 0
 *	selabel best FILE_CONTEXTS      as lookup; aliases follow the path, each
 *	                                after a byte 1
 *	selabel duplicates FILE_CONTEXTS what validation has to say of specs that are
 *	                                there several times; asks nothing
 *	selabel bench FILE_CONTEXTS     nothing; the CPU time goes to standard error
 *	selabel regex -                 a pattern, a byte 1 and a path, as libselinux
 *	                                matches them: E (does not compile), 0, 1, P
 *	                                (partial match only) or X (error)
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <pcre2.h>
#include <selinux/label.h>
#include <selinux/selinux.h>

static int mode_of(char kind)
{
	switch (kind) {
	case '-': return S_IFREG;
	case 'd': return S_IFDIR;
	case 'c': return S_IFCHR;
	case 'b': return S_IFBLK;
	case 'p': return S_IFIFO;
	case 'l': return S_IFLNK;
	case 's': return S_IFSOCK;
	}
	return 0;
}

static int quiet(int type, const char *fmt, ...)
{
	(void)type;
	(void)fmt;
	return 0;
}

static int tell(int type, const char *fmt, ...)
{
	va_list ap;

	(void)type;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	return 0;
}

static int valid(char **context)
{
	(void)context;
	return 0;
}

static void duplicates(const char *path)
{
	union selinux_callback log = { .func_log = tell }, validate = { .func_validate = valid };
	struct selinux_opt opts[] = {
		{ .type = SELABEL_OPT_PATH, .value = path },
		{ .type = SELABEL_OPT_VALIDATE, .value = (char *)1 },
	};
	struct selabel_handle *h;

	selinux_set_callback(SELINUX_CB_LOG, log);
	selinux_set_callback(SELINUX_CB_VALIDATE, validate);
	h = selabel_open(SELABEL_CTX_FILE, opts, 2);
	if (h)
		selabel_close(h);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void lookup(struct selabel_handle *h, char *question, int best)
{
	const char *aliases[64] = { NULL };
	char *con = NULL, *p = question + 1;
	int n = 0, rc;

	if (best) {
		while ((p = strchr(p, 1)) != NULL && n < 63) {
			*p++ = '\0';
			aliases[n++] = p;
		}
		rc = selabel_lookup_best_match_raw(h, &con, question + 1, aliases,
						   mode_of(question[0]));
	} else {
		rc = selabel_lookup_raw(h, &con, question + 1, mode_of(question[0]));
	}
	puts(rc == 0 ? con : "!");
	freecon(con);
}

static char regex(char *question)
{
	static char pattern[1 << 16];
	char *path = strchr(question, 1);
	pcre2_match_data *data;
	pcre2_code *code;
	PCRE2_SIZE offset;
	int error, rc;

	*path++ = '\0';
	snprintf(pattern, sizeof(pattern), "^%s$", question);
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_DOTALL,
			     &error, &offset, NULL);
	if (!code)
		return 'E';
	data = pcre2_match_data_create_from_pattern(code, NULL);
	rc = pcre2_match(code, (PCRE2_SPTR)path, PCRE2_ZERO_TERMINATED, 0,
			 PCRE2_PARTIAL_SOFT, data, NULL);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	if (rc > 0)
		return '1';
	if (rc == PCRE2_ERROR_PARTIAL)
		return 'P';
	return rc == PCRE2_ERROR_NOMATCH ? '0' : 'X';
}

static void bench(struct selabel_handle *h, char **questions, size_t n, double opened)
{
	for (int round = 0; round < 3; round++) {
		double t = now();

		for (size_t i = 0; i < n; i++) {
			char *con = NULL;

			if (selabel_lookup_raw(h, &con, questions[i] + 1,
					       mode_of(questions[i][0])) == 0)
				freecon(con);
		}
		fprintf(stderr, "open_us=%.0f lookups=%zu ns_per_lookup=%.0f\n",
			opened * 1e6, n, (now() - t) * 1e9 / n);
	}
}

int main(int argc, char **argv)
{
	union selinux_callback cb = { .func_log = quiet };
	struct selinux_opt opt = { .type = SELABEL_OPT_PATH };
	struct selabel_handle *h;
	char **questions = NULL, *line = NULL;
	size_t cap = 0, n = 0;
	double opened;

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "regex") == 0) {
		while (getdelim(&line, &cap, '\0', stdin) > 0)
			printf("%c\n", regex(line));
		return 0;
	}
	if (strcmp(argv[1], "duplicates") == 0) {
		duplicates(argv[2]);
		return 0;
	}
	selinux_set_callback(SELINUX_CB_LOG, cb);
	opt.value = argv[2];
	opened = now();
	h = selabel_open(SELABEL_CTX_FILE, &opt, 1);
	opened = now() - opened;
	if (!h) {
		fprintf(stderr, "selabel_open: %s\n", strerror(errno));
		return 1;
	}
	while (getdelim(&line, &cap, '\0', stdin) > 0) {
		if (strcmp(argv[1], "lookup") == 0) {
			lookup(h, line, 0);
		} else if (strcmp(argv[1], "best") == 0) {
			lookup(h, line, 1);
		} else if (strcmp(argv[1], "partial") == 0) {
			puts(selabel_partial_match(h, line + 1) ? "1" : "0");
		} else {
			questions = realloc(questions, (n + 1) * sizeof(*questions));
			questions[n++] = strdup(line);
		}
	}
	if (n > 0)
		bench(h, questions, n, opened);
	selabel_close(h);
	return 0;
}
