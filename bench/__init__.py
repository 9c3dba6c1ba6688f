"""Benchmarks: us against Kamailio under the same load, in the same run. They print ratios and decide nothing."""
