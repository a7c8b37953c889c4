"""The only importers of Kubernetes and HTTP client libraries: adapters of the ports over real servers."""
