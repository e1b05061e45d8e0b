# SPDX-License-Identifier: Apache-2.0
"""All that can be measured, by name."""

import traceback

import case_acceleration
import case_balance
import case_connect
import case_health
import case_registry
import case_scale
import case_tc
import case_tls

CASES = {case.NAME: case for case in (case_acceleration, case_balance, case_connect, case_health, case_registry, case_scale, case_tc, case_tls)}
PARTS = {name: list(getattr(case, "PARTS", ())) for name, case in CASES.items()}
ALL = "all"


def chosen(names):
    """Case -> its parts. KeyError for a name that nothing has."""
    wanted = {}
    for name in names or [ALL]:
        for one in CASES if name == ALL else [name]:
            case, _, part = one.partition("/")
            if case not in CASES or (part and part not in PARTS[case]):
                raise KeyError(name)
            wanted.setdefault(case, []).extend(part for part in ([part] if part else PARTS[case]) if part not in wanted[case])
    return wanted


def measure(name, parts, note, failed):
    """What was measured before a failure counts, and the other cases go on; the other parts, too, where they share nothing."""
    results = []
    apart = getattr(CASES[name], "PARTS_APART", False)
    for some in ([[part] for part in parts] if apart else [parts]):
        try:
            for result in CASES[name].run_case(note, *([some] if some else [])):
                results.append(result)
        except Exception:  # of whatever kind: it is told at the end
            traceback.print_exc()
            failed.append(f"{name}/{some[0]}" if apart else name)
    return results
