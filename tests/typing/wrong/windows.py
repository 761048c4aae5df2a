"""Windows of which it is not said what their numbers are: every marked line must be refused, and no other."""

import streamweave_lab as sw

sw.Tumbling(10)  # wrong
sw.Sliding(3600, 60)  # wrong
sw.Sliding(3600, every=60)  # wrong
sw.Session(600)  # wrong
sw.Tumbling()  # wrong
sw.Tumbling(gap=10)  # wrong
sw.Tumbling(seconds=10)
sw.Sliding(seconds=3600, every=60)
sw.Session(gap=600)
sw.Counting(10)
sw.ProcessingTime(5)
