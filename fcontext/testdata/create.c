/*
 * Asks libsepol which context new objects get. Questions are lines of standard
 * input: the creator's context, that of the directory, and a class; a line is
 * written for each, the context, or "!" if there is none.
 *
 *	create POLICY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sepol/policydb.h>
#include <sepol/policydb/conditional.h>
#include <sepol/policydb/policydb.h>
#include <sepol/policydb/services.h>
#include <sepol/policydb/sidtab.h>

static policydb_t db;
static sidtab_t sids;

static int load(const char *path)
{
	struct policy_file pf;

	policy_file_init(&pf);
	pf.type = PF_USE_STDIO;
	pf.fp = fopen(path, "r");
	if (!pf.fp || policydb_init(&db) || policydb_read(&db, &pf, 0))
		return -1;
	if (sepol_sidtab_init(&sids) || policydb_load_isids(&db, &sids))
		return -1;
	sepol_set_policydb(&db);
	sepol_set_sidtab(&sids);
	return evaluate_conds(&db);
}

static sepol_security_id_t sid(const char *context)
{
	sepol_security_id_t s;

	return sepol_context_to_sid(context, strlen(context) + 1, &s) ? 0 : s;
}

int main(int argc, char **argv)
{
	static char line[65536];

	if (argc != 2 || load(argv[1]))
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		char *creator = strtok(line, " \n"), *dir = strtok(NULL, " \n"), *class = strtok(NULL, " \n");
		sepol_security_id_t s, d, new;
		sepol_security_class_t c;
		char *context;
		size_t len;

		if (!class)
			return 2;
		s = sid(creator);
		d = sid(dir);
		if (!s || !d || sepol_string_to_security_class(class, &c) ||
		    sepol_transition_sid(s, d, c, &new) || sepol_sid_to_context(new, &context, &len)) {
			puts("!");
			continue;
		}
		puts(context);
		free(context);
	}
	return 0;
}
