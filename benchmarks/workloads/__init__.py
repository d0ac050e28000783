"""One module a workload; each defines ``workload`` (see ``benchmarks.workload``)."""
