"""Fails for one of several causes and prints what a worker in Python would keep: python3 fail.py CAUSE NUMBER"""
import hashlib
import json
import sys
import traceback

N = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ID = hashlib.sha1(str(N).encode()).hexdigest()


class PaymentError(Exception):
    pass


def rate(order):
    return order["country"]["vat"]


def net(order):
    return order["net"] + order["vat"]


def parse():
    return json.loads('{"id": %d, "name": nobody}' % N)


def total():
    return float("%d,5 EUR" % N)


def charge():
    raise PaymentError("charge ch_%s of %d declined" % (ID[:16], N))


def wrapped():
    try:
        rate({"country": {}})
    except KeyError as error:
        raise RuntimeError("job %d of batch %s failed" % (N, ID)) from error


CAUSES = {
    "vat": lambda: rate({"country": {}}),
    "net": lambda: net({"id": N}),
    "net-vat": lambda: net({"net": N}),
    "json": parse,
    "total": total,
    "charge": charge,
    "wrapped": wrapped,
    "none": lambda: None.email,
    "no-file": lambda: open("/tmp/no-such-folder-%s/list-%d.csv" % (ID[:8], N)),
    "index": lambda: [][N],
    "zero": lambda: N / 0,
}

try:
    CAUSES[sys.argv[1]]()
except Exception as error:
    print(json.dumps({"message": str(error), "stack": traceback.format_exc()}))
