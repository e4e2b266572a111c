"""The oracle lane's reference for extended permissions: SETools' rules.

    xperms.py POLICY

For each line "SOURCE TARGET CLASS" it prints how many rules with extended
permissions there are for these types, directly or through attributes, and then
the permissions that those of allowxperm list.
"""
import sys

import setools

ALLOW = ["allowxperm"]
ALL = ["allowxperm", "auditallowxperm", "dontauditxperm"]

policy = setools.SELinuxPolicy(sys.argv[1])
for line in sys.stdin:
    source, target, tclass = line.split()

    def rules(kinds):
        return list(setools.TERuleQuery(policy, ruletype=kinds, source=source, target=target,
                                        tclass=[tclass], source_indirect=True, target_indirect=True).results())

    allowed = set()
    for rule in rules(ALLOW):
        allowed.update(rule.perms)
    print(len(rules(ALL)), *sorted(allowed), flush=True)
