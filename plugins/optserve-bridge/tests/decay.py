"""A simulator as others write them: a decay curve, value and adjoint, asked by lines of JSON.

An argument names what it does wrong: `slope` (a wrong adjoint), `slow`, `words` (no JSON), `shape`,
`crash` (where the rate is above 2), `error` (likewise).
"""

import json
import math
import os
import sys
import time


def main(fault: str) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        rate, times = asked["operands"]["rate"], asked["operands"]["times"]
        if fault == "slow":
            time.sleep(60.0)
        if fault == "words":
            sys.stdout.write("converged\n")
            sys.stdout.flush()
            continue
        answer: dict[str, object]
        if fault in ("crash", "error") and rate > 2.0:
            if fault == "crash":
                os._exit(7)
            answer = {"error": "the rate is too high"}
        elif "cotangent" in asked:
            pairs = list(zip(asked["cotangent"], times, strict=True))
            factor = 1.1 if fault == "slope" else 1.0
            by_rate = factor * sum(-ct * t * math.exp(-rate * t) for ct, t in pairs)
            by_times = [-ct * rate * math.exp(-rate * t) for ct, t in pairs]
            answer = {"cotangents": {"rate": by_rate, "times": by_times}}
        else:
            value = [math.exp(-rate * t) for t in times]
            answer = {"value": value[:-1] if fault == "shape" else value}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
