"""Speed: the workbench against RecBole on the same work, and against the machine's own limit.

python -m benchmarks.speed --help
"""
