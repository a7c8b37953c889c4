"""The benchmarks of `make bench`: loads that end by themselves, one table, floors measured in the same run."""
