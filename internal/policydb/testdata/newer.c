/*
 * Makes kitchen-34.policy and kitchen-35.policy of kitchen-33.policy with
 * libsepol's own structures and writer, as distributions' compilers cannot say
 * yet what these versions brought:
 *
 *   version 34: an extended permission rule in a conditional's true branch, and
 *               (which no version brought) one for netlink messages,
 *   version 35: neveraudit types.
 *
 * Version 33 only reads and writes: kitchen-33-reread.policy is kitchen-33 in
 * the order of libsepol's hash tables.
 *
 * Build against libsepol 3.11 or newer (static: it uses internals) and run as
 *   newer VERSION kitchen-33.policy kitchen-VERSION.policy
 *   newer 33 kitchen-33.policy kitchen-33-reread.policy
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sepol/policydb/conditional.h>
#include <sepol/policydb/policydb.h>

static void die(const char *what)
{
	fprintf(stderr, "newer: %s\n", what);
	exit(1);
}

static uint16_t type(policydb_t *p, char *name)
{
	type_datum_t *t = hashtab_search(p->p_types.table, name);
	if (!t)
		die(name);
	return t->s.value;
}

static uint16_t class(policydb_t *p, char *name)
{
	class_datum_t *c = hashtab_search(p->p_classes.table, name);
	if (!c)
		die(name);
	return c->s.value;
}

int main(int argc, char **argv)
{
	policydb_t p;
	struct policy_file f;
	avtab_extended_perms_t x;
	avtab_datum_t d = { .xperms = &x };
	cond_av_list_t *item = calloc(1, sizeof(*item)), *last;

	if (argc != 4 || !item || policydb_init(&p))
		die("usage: newer VERSION IN OUT");
	policy_file_init(&f);
	f.type = PF_USE_STDIO;
	f.fp = fopen(argv[2], "rb");
	if (!f.fp || policydb_read(&p, &f, 0))
		die("cannot read");
	fclose(f.fp);
	p.policyvers = atoi(argv[1]);

	/* allowxperm app_t http_port_t : tcp_socket nlmsg 0x0410-0x0413; */
	avtab_key_t nlmsg = { type(&p, "app_t"), type(&p, "http_port_t"), class(&p, "tcp_socket"), AVTAB_XPERMS_ALLOWED };
	memset(&x, 0, sizeof(x));
	x.specified = AVTAB_XPERMS_NLMSG;
	x.driver = 0x04;
	x.perms[0] = 0x000f0000;
	if (p.policyvers >= 34 && !avtab_insert_nonunique(&p.te_avtab, &nlmsg, &d))
		die("nlmsg");

	if (p.policyvers >= 34) {
		/* allowxperm app_t etc_runtime_t : file ioctl 0x5413; */
		avtab_key_t ioctl = { type(&p, "app_t"), type(&p, "etc_runtime_t"), class(&p, "file"), AVTAB_XPERMS_ALLOWED };
		memset(&x, 0, sizeof(x));
		x.specified = AVTAB_XPERMS_IOCTLFUNCTION;
		x.driver = 0x54;
		x.perms[0] = UINT32_C(1) << 0x13;
		item->node = avtab_insert_nonunique(&p.te_cond_avtab, &ioctl, &d);
		if (!item->node)
			die("conditional");
		item->node->parse_context = &p; /* not NULL: write it */
		for (last = p.cond_list->true_list; last->next; last = last->next)
			;
		last->next = item;
	}
	if (p.policyvers >= 35) {
		if (ebitmap_set_bit(&p.neveraudit_map, type(&p, "app_t"), 1) ||
		    ebitmap_set_bit(&p.neveraudit_map, type(&p, "init_t"), 1))
			die("neveraudit");
	}

	policy_file_init(&f);
	f.type = PF_USE_STDIO;
	f.fp = fopen(argv[3], "wb");
	if (!f.fp || policydb_write(&p, &f) || fclose(f.fp))
		die("cannot write");
	return 0;
}
