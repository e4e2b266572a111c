#!/usr/bin/python3
"""Run many seinfo and sesearch commands in one process.

Usage: commands.py POLICY
Each line of standard input is a JSON list, the command's name and arguments
without the policy. The answer is one line of JSON: what the command printed and
what it failed with. The commands are the installed programs themselves; only
the opened policy and SETools' objects for its rules are kept from one to the
next.
"""
import contextlib
import io
import json
import runpy
import shutil
import sys

import setools

path = sys.argv[1]
open_policy = setools.SELinuxPolicy
policy = open_policy(path)


class Kept:
    """The policy, which makes its list of rules only once."""

    rules = None

    def terules(self):
        if self.rules is None:
            self.rules = list(policy.terules())
        return self.rules

    def __getattr__(self, name):
        return getattr(policy, name)

    def __str__(self):
        return str(policy)


kept = Kept()
setools.SELinuxPolicy = lambda *_: kept


def condition(rule):
    """The condition of a rule as sesearch prints it, with a space before."""
    try:
        return f" [ {rule.conditional} ]:{rule.conditional_block}"
    except setools.exception.RuleNotConditional:
        return ""


def access_changes(other):
    """Print what sediff says of access rules, a line for each permission."""
    diff = setools.PolicyDifference(policy, open_policy(other))
    for kind in "allow", "auditallow", "dontaudit":
        changes = [(r, "+", r.perms) for r in getattr(diff, f"added_{kind}s")]
        changes += [(r, "-", r.perms) for r in getattr(diff, f"removed_{kind}s")]
        for m in getattr(diff, f"modified_{kind}s"):
            rule, added, removed = m[0], m[1], m[2]
            changes += [(rule, "+", added), (rule, "-", removed)]
        for rule, sign, perms in changes:
            for perm in perms:
                print(f"{sign} {kind} {rule.source} {rule.target}:{rule.tclass} {perm}{condition(rule)}")


for line in sys.stdin:
    command = json.loads(line)
    out, failure = io.StringIO(), ""
    sys.argv = command[:1] + [path] + command[1:]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            if command[0] == "conditions":
                # Every condition, its expression in reverse Polish notation.
                for c in policy.conditionals():
                    print(" ".join(str(e) for e in c.expression()))
            elif command[0] == "diff":
                access_changes(command[1])
            elif command[0] == "range":
                print(policy.lookup_range(command[1]))
            elif command[0] == "constraints":
                # Every constraint likewise, names of a set sorted.
                for c in policy.constraints():
                    words = [str(c.ruletype), str(c.tclass)]
                    if "validatetrans" not in str(c.ruletype):
                        words.append("{ " + " ".join(sorted(c.perms)) + " }")
                    for e in c.expression:
                        if isinstance(e, frozenset):
                            e = "{ " + " ".join(sorted(str(n) for n in e)) + " }"
                        words.append(str(e))
                    print(" ".join(words))
            else:
                runpy.run_path(shutil.which(command[0]), run_name="__main__")
        except SystemExit as e:
            if e.code:
                failure = err.getvalue() or out.getvalue() or str(e.code)
        except Exception as e:  # a command that crashes has no answer
            failure = repr(e)
    print(json.dumps({"out": out.getvalue(), "failure": failure}), flush=True)
