/*
 * Asks libselinux about things that are not files. Questions are read from
 * standard input, each the number of a class and, after a blank, a key, ended by
 * a NUL byte; a line is written for each, the raw context or "!".
 *
 *	table BACKEND FILE	one of selabel_open's backends, by number
 *
 * If libselinux was built without the backend, the exit status is 3; if it
 * refuses the file, 4.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <selinux/label.h>
#include <selinux/selinux.h>

static int quiet(int type, const char *fmt, ...)
{
	(void)type;
	(void)fmt;
	return 0;
}

int main(int argc, char **argv)
{
	union selinux_callback cb = { .func_log = quiet };
	struct selinux_opt opt = { .type = SELABEL_OPT_PATH };
	struct selabel_handle *h;
	char *question = NULL, *con;
	size_t cap = 0;

	if (argc != 3)
		return 2;
	selinux_set_callback(SELINUX_CB_LOG, cb);
	opt.value = argv[2];
	h = selabel_open(atoi(argv[1]), &opt, 1);
	if (!h)
		return errno == ENOTSUP ? 3 : 4;
	while (getdelim(&question, &cap, 0, stdin) > 0) {
		char *key;
		int class = strtol(question, &key, 10);

		if (selabel_lookup_raw(h, &con, key + 1, class)) {
			puts("!");
			continue;
		}
		puts(con);
		freecon(con);
	}
	return 0;
}
