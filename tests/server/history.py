# SPDX-License-Identifier: BSD-3-Clause
"""Is a history of puts and gets of one key possible on a store that does one thing at a time?

An operation is a tuple Op(kind, value, begun, ended, who): "put" or "get", a value that is put only once
(None: nothing was there), and when it was asked for and answered, by one clock for all processes. The
end of a put that was never answered is NEVER: it may have taken effect then, later, or not at all.

Since every value is put once, each get names its put, and the question is decided exactly, without
search (Gibbons and Korach, Testing shared memories, 1997): a put and its gets form a zone between the
earliest end and the latest beginning among them. If that end comes first, the value must have been
there in between (the zone is "held"), and no two held zones may overlap; else all of them touch one
moment somewhere between that beginning and that end, which must not lie wholly within another's held zone.
"""
import bisect
import collections

NEVER = float("inf")
Op = collections.namedtuple("Op", "kind value begun ended who")


def zones_of(ops):
    """value: its operations, for values that are to be explained."""
    puts = {op.value: op for op in ops if op.kind == "put"}
    zones = {None: [Op("put", None, -NEVER, -NEVER, "start")]}
    wrong = []
    for value, op in puts.items():
        zones[value] = [op]
    for op in ops:
        if op.kind != "get":
            continue
        if op.value not in zones:
            wrong.append("%s got %r, which nobody put" % (op.who, op.value))
        elif op.ended < zones[op.value][0].begun:
            wrong.append("%s got %r before it was put" % (op.who, op.value))
        else:
            zones[op.value].append(op)
    unseen = [v for v, z in zones.items() if len(z) == 1 and z[0].ended == NEVER]
    for value in unseen:  # it need not have happened
        del zones[value]
    return zones, wrong


def check(ops):
    """What is wrong with the history of one key: sentences, none when it is possible."""
    zones, wrong = zones_of(ops)
    held, touched = [], []
    for value, zone in zones.items():
        first_end, last_begin = min(op.ended for op in zone), max(op.begun for op in zone)
        if first_end < last_begin:
            held.append((first_end, last_begin, value))
        else:
            touched.append((last_begin, first_end, value))
    held.sort(key=lambda h: h[:2])
    for (_, end, value), (begin, _, other) in zip(held, held[1:]):
        if begin < end:
            wrong.append("%r was still there after %r had replaced it, or the other way round" %
                         (value, other))
    begins = [h[0] for h in held]
    ends = []  # the latest end of all up to this one
    for _, end, _ in held:
        ends.append(max(end, ends[-1]) if ends else end)
    for begin, end, value in touched:
        i = bisect.bisect_left(begins, begin) - 1
        if i >= 0 and end < ends[i]:
            wrong.append("%r came and went while %r was there all the time" % (value, held[i][2]))
    return wrong


def possible(ops):
    """The same by trying every order: for short histories, to prove check() right."""
    def go(left, value):
        if all(op.kind == "put" and op.ended == NEVER for op in left):
            return True
        for op in left:
            if any(o.ended < op.begun for o in left if o is not op):
                continue  # another one had ended before this one was asked for
            if op.kind == "get" and op.value != value:
                continue
            rest = [o for o in left if o is not op]
            if go(rest, op.value):
                return True
        return False
    return go(list(ops), None)
