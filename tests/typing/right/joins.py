"""Two streams that meet in one node: each port has the type of its own stream."""

from typing import NamedTuple, assert_type

import streamweave_lab as sw
from streamweave_lab.graph.port import ClosedPath, Path
from streamweave_lab.operators import Enrich, IntervalJoin, Merge, Ranking, TopK, WindowJoin, Zip


class Order(NamedTuple):
    number: int
    time: float


class Payment(NamedTuple):
    order: int
    time: float
    cents: int


def number(order: Order) -> int:
    return order.number


def order_of(payment: Payment) -> int:
    return payment.order


def priced(order: Order, payment: Payment) -> float:
    return payment.cents / 100


orders = sw.Replay("orders", [Order(1, 0.0)], time=lambda order: order.time)
payments = sw.Replay("payments", [Payment(1, 5.0, 300)], time=lambda payment: payment.time)

paid = IntervalJoin("paid", number, order_of, within=(0.0, 3600.0))
assert_type(paid, IntervalJoin[Order, Payment])
assert_type(orders >> paid.left, ClosedPath)
assert_type(payments >> paid.right, ClosedPath)
assert_type(paid >> sw.Collect[tuple[Order, Payment]]("pairs"), ClosedPath)
assert_type(paid.left_only >> sw.Collect[Order]("unpaid"), ClosedPath)
assert_type(paid.late >> sw.Collect[Order | Payment]("late"), ClosedPath)

same = WindowJoin("same", number, order_of, sw.Tumbling(seconds=60))
assert_type(same >> sw.Collect[tuple[Order, Payment]]("same_pairs"), ClosedPath)

sums = Enrich("sums", priced, key=number, table_key=order_of, otherwise=lambda order: 0.0)
assert_type(orders >> sums, Path[float])
assert_type(payments >> sums.table, ClosedPath)

both = Zip[Order, Payment]("both")
assert_type(orders >> both.left, ClosedPath)
assert_type(both >> sw.Collect[tuple[Order, Payment]]("zipped"), ClosedPath)

assert_type(orders >> Merge[Order]("merged"), Path[Order])
assert_type(orders >> TopK("best", 3, lambda order: order.time, key=number), Path[Ranking[int, Order]])
