/*
 * The oracle lane's reference for edits: reads a policy, changes it with
 * libsepol's own functions and writes it.
 *
 *	edit IN OUT VERSION [b NAME VALUE | p PROTOCOL LOW HIGH CONTEXT | t TYPE VALUE]...
 *
 * b sets a boolean, p adds a port, t makes a type permissive or not. It exits
 * with 2 if libsepol refuses a change.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sepol/boolean_record.h>
#include <sepol/booleans.h>
#include <sepol/context_record.h>
#include <sepol/debug.h>
#include <sepol/handle.h>
#include <sepol/policydb.h>
#include <sepol/policydb/policydb.h>
#include <sepol/port_record.h>
#include <sepol/ports.h>

static sepol_handle_t *handle;
static sepol_policydb_t *db;

static int set_boolean(const char *name, int value)
{
	sepol_bool_key_t *key;
	sepol_bool_t *record;

	if (sepol_bool_key_create(handle, name, &key) || sepol_bool_create(handle, &record) ||
	    sepol_bool_set_name(handle, record, name))
		return -1;
	sepol_bool_set_value(record, value);
	return sepol_bool_set(handle, db, key, record);
}

static int add_port(const char *protocol, int low, int high, const char *context)
{
	static const char *const protocols[] = {
		[SEPOL_PROTO_UDP] = "udp", [SEPOL_PROTO_TCP] = "tcp", [SEPOL_PROTO_DCCP] = "dccp", [SEPOL_PROTO_SCTP] = "sctp",
	};
	sepol_port_key_t *key;
	sepol_port_t *record;
	sepol_context_t *con;
	int proto = 0;

	while (strcmp(protocols[proto], protocol))
		proto++;
	if (sepol_port_key_create(handle, low, high, proto, &key) || sepol_port_create(handle, &record) ||
	    sepol_context_from_string(handle, context, &con) || sepol_port_set_con(handle, record, con))
		return -1;
	sepol_port_set_proto(record, proto);
	sepol_port_set_range(record, low, high);
	return sepol_port_modify(handle, db, key, record);
}

/* There is no function for this one: checkpolicy and secilc do just that. */
static int set_permissive(char *name, int value)
{
	type_datum_t *type = hashtab_search(db->p.p_types.table, name);

	if (!type || type->flavor == TYPE_ATTRIB)
		return -1;
	return ebitmap_set_bit(&db->p.permissive_map, type->s.value, value);
}

static int edit(char **op)
{
	for (; *op; op++) {
		int rc;

		if (**op == 'b') {
			rc = set_boolean(op[1], atoi(op[2]));
			op += 2;
		} else if (**op == 'p') {
			rc = add_port(op[1], atoi(op[2]), atoi(op[3]), op[4]);
			op += 4;
		} else {
			rc = set_permissive(op[1], atoi(op[2]));
			op += 2;
		}
		if (rc)
			return rc;
	}
	return 0;
}

int main(int argc, char **argv)
{
	sepol_policy_file_t *file;
	FILE *in, *out;

	if (argc < 4)
		return 1;
	handle = sepol_handle_create();
	sepol_debug(0);
	sepol_msg_set_callback(handle, NULL, NULL);
	in = fopen(argv[1], "r");
	if (!handle || !in || sepol_policy_file_create(&file) || sepol_policydb_create(&db))
		return 1;
	sepol_policy_file_set_handle(file, handle);
	sepol_policy_file_set_fp(file, in);
	if (sepol_policydb_read(db, file))
		return 1;
	if (edit(argv + 4))
		return 2;
	out = fopen(argv[2], "w");
	if (!out || sepol_policydb_set_vers(db, atoi(argv[3])))
		return 1;
	sepol_policy_file_set_fp(file, out);
	return sepol_policydb_write(db, file) || fclose(out) ? 1 : 0;
}
