/*
 * The oracle lane's reference: answers questions about a policy with libsepol's
 * own security server, one line in, one line out.
 *
 *	c CONTEXT          a SID for the context, 0 if it is invalid
 *	r                  forgets the SIDs, of which libsepol keeps long lists
 *	b NAME VALUE       sets a boolean; conditionals are evaluated at once
 *	a SID SID CLASS    allowed, auditallow and auditdeny, in hexadecimal
 *	t SID SID CLASS    the SID of a new object (m: member, g: change), or 0
 *	w SID SID CLASS PERM
 *	                   why: the constraints denied, a line each, then "."
 *	v SID SID SID CLASS
 *	                   why a process with the third may not change the first to
 *	                   the second: the validatetrans, then "."
 *	n COUNT SEED SIDS CLASSES
 *	                   nanoseconds for one computation, over random ones
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sepol/debug.h>
#include <sepol/policydb.h>
#include <sepol/policydb/conditional.h>
#include <sepol/policydb/policydb.h>
#include <sepol/policydb/services.h>
#include <sepol/policydb/sidtab.h>

static policydb_t db;
static sidtab_t sids;

static int reset(void)
{
	if (sepol_sidtab_init(&sids) || policydb_load_isids(&db, &sids))
		return -1;
	/* SIDs of our own start here, so that bench finds them in a row. */
	sids.next_sid = 1000;
	return 0;
}

static int load(const char *path)
{
	struct policy_file pf;

	policy_file_init(&pf);
	pf.type = PF_USE_STDIO;
	pf.fp = fopen(path, "r");
	if (!pf.fp || policydb_init(&db) || policydb_read(&db, &pf, 0))
		return -1;
	if (reset())
		return -1;
	sepol_set_policydb(&db);
	sepol_set_sidtab(&sids);
	return evaluate_conds(&db);
}

static void new_object(char kind, sepol_security_id_t s, sepol_security_id_t t, sepol_security_class_t c)
{
	sepol_security_id_t sid;
	int rc;

	if (kind == 't')
		rc = sepol_transition_sid(s, t, c, &sid);
	else if (kind == 'm')
		rc = sepol_member_sid(s, t, c, &sid);
	else
		rc = sepol_change_sid(s, t, c, &sid);
	printf("%u\n", rc ? 0 : sid);
}

static void why(sepol_security_id_t s, sepol_security_id_t t, sepol_security_class_t c, const char *perm)
{
	struct sepol_av_decision av;
	sepol_access_vector_t want;
	unsigned int reason;
	char *text = NULL;

	if (!sepol_string_to_av_perm(c, perm, &want) &&
	    !sepol_compute_av_reason_buffer(s, t, c, want, &av, &reason, &text, 0) && text)
		fputs(text, stdout);
	free(text);
	puts(".");
}

static void validate(sepol_security_id_t before, sepol_security_id_t after, sepol_security_id_t task,
		     sepol_security_class_t c)
{
	char *text = NULL;

	sepol_validate_transition_reason_buffer(before, after, task, c, &text, 0);
	if (text)
		fputs(text, stdout);
	free(text);
	puts(".");
}

static void bench(unsigned count, unsigned seed, unsigned nsids, unsigned nclasses)
{
	struct sepol_av_decision av;
	struct timespec a, b;
	unsigned i;

	srand(seed);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < count; i++)
		sepol_compute_av(1000 + rand() % nsids, 1000 + rand() % nsids, 1 + rand() % nclasses, 0, &av);
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.0f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / count);
}

int main(int argc, char **argv)
{
	static char line[8192];

	sepol_debug(0);
	if (argc != 2 || load(argv[1])) {
		fprintf(stderr, "cannot load the policy\n");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		static char name[8192], perm[256];
		unsigned s, t, n, m;
		struct sepol_av_decision av;
		sepol_security_class_t c;
		cond_bool_datum_t *boolean;

		line[strcspn(line, "\n")] = 0;
		if (line[0] == 'c') {
			sepol_security_id_t sid = 0;
			if (sepol_context_to_sid(line + 2, strlen(line + 2), &sid))
				sid = 0;
			printf("%u\n", sid);
		} else if (line[0] == 'r') {
			sepol_sidtab_destroy(&sids);
			puts(reset() ? "no" : "ok");
		} else if (sscanf(line, "b %8191s %u", name, &n) == 2) {
			boolean = hashtab_search(db.p_bools.table, name);
			if (boolean)
				boolean->state = n;
			puts(boolean && !evaluate_conds(&db) ? "ok" : "no");
		} else if (sscanf(line, "n %u %u %u %u", &n, &m, &s, &t) == 4) {
			bench(n, m, s, t);
		} else if (sscanf(line, "v %u %u %u %8191s", &s, &t, &n, name) == 4 &&
			   !sepol_string_to_security_class(name, &c)) {
			validate(s, t, n, c);
		} else if (sscanf(line + 1, "%u %u %8191s %255s", &s, &t, name, perm) >= 3 &&
			   !sepol_string_to_security_class(name, &c)) {
			if (line[0] == 'w')
				why(s, t, c, perm);
			else if (line[0] != 'a')
				new_object(line[0], s, t, c);
			else if (sepol_compute_av(s, t, c, 0, &av))
				puts("-");
			else
				printf("%x %x %x\n", av.allowed, av.auditallow, av.auditdeny);
		} else {
			puts("?");
		}
		fflush(stdout);
	}
	return 0;
}
