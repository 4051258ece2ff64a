"""A local page over a run: what was dropped and why, what a moved bound would do, where a document went.

Queries are DuckDB's over the run's Parquet files, nothing is copied or written; the page is served on this
machine's loopback alone. Limit: runs on local disks.
"""
