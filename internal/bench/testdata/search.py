"""The peer of the search benchmarks: SETools, timed inside the process.

search.py POLICY opens the policy. A line in, a line out:

    open   opens the policy once more: nanoseconds of wall clock and CPU, 0
    {...}  a rule query's attributes as JSON: nanoseconds of wall clock and
           CPU, and the number of rules found
"""
import json
import sys
import time

import setools

path = sys.argv[1]
policy = setools.SELinuxPolicy(path)
for line in sys.stdin:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    if line == "open\n":
        setools.SELinuxPolicy(path)
        found = 0
    else:
        query = setools.TERuleQuery(policy, **json.loads(line))
        found = sum(1 for _ in query.results())
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    print(wall, cpu, found, flush=True)
