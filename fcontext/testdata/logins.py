# Adds SELinux users, then logins, to the store below a root:
#
#     logins.py ROOT (user NAME PREFIX ROLES LEVEL)... (login NAME USER)...
#
# libsemanage writes file_contexts.homedirs with every commit.
import sys
import semanage as s


def check(rc):
    if rc is not None and (rc[0] if isinstance(rc, (list, tuple)) else rc) < 0:
        sys.exit("libsemanage failed")
    return rc[1] if isinstance(rc, (list, tuple)) else None


args = sys.argv[1:]
check(s.semanage_set_root(args.pop(0)))
h = s.semanage_handle_create()
s.semanage_set_reload(h, 0)
s.semanage_select_store(h, "default", s.SEMANAGE_CON_DIRECT)
check(s.semanage_connect(h))
check(s.semanage_begin_transaction(h))
users = "user" in args
ranges = {}  # of the users that are new
while args:
    if users and args[0] == "login":
        users = False  # logins are checked against the users that are there
        check(s.semanage_commit(h))
        check(s.semanage_begin_transaction(h))
    if args.pop(0) == "user":
        name, prefix, roles, level = args[:4]
        del args[:4]
        u = check(s.semanage_user_create(h))
        check(s.semanage_user_set_name(h, u, name))
        check(s.semanage_user_set_prefix(h, u, prefix))
        for role in roles.split(","):
            check(s.semanage_user_add_role(h, u, role))
        ranges[name] = level
        check(s.semanage_user_set_mlslevel(h, u, level))
        check(s.semanage_user_set_mlsrange(h, u, level + "-s0:c0.c1023"))
        k = check(s.semanage_user_key_extract(h, u))
        check(s.semanage_user_modify_local(h, k, u))
    else:
        name, user = args[:2]
        del args[:2]
        u = check(s.semanage_seuser_create(h))
        check(s.semanage_seuser_set_name(h, u, name))
        check(s.semanage_seuser_set_sename(h, u, user))
        check(s.semanage_seuser_set_mlsrange(h, u, ranges.get(user, "s0")))
        k = check(s.semanage_seuser_key_extract(h, u))
        check(s.semanage_seuser_modify_local(h, k, u))
check(s.semanage_commit(h))
